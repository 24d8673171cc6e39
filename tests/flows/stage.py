"""`sheaf up` and the commands beside it as the processes they are: started, watched through /proc, killed, and counted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSWORD = "a long sentence for tests"
VALIDATORS = 5
NODES = ("custodian", *(f"validator-{number + 1}" for number in range(VALIDATORS)))


def wait_until(holds: Callable[[], bool], seconds: float, what: str, detail: Callable[[], str] = str) -> None:
    """Return as soon as `holds()` is true. Raises AssertionError naming `what` if it is not within `seconds`."""
    until, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < until, f"{what}: not within {seconds:.0f} s {detail()}"
        pause.wait(0.05)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stage:
    """A market's folder and port, and the processes that run for it."""

    home: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    up: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def rpc(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SHEAF_")},
            "SHEAF_HOME": str(self.home),
            "SHEAF_RPC": self.rpc,
            "SHEAF_PASSWORD": PASSWORD,
            "COLUMNS": "200",
        }

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `sheaf WORDS --json`, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "sheaf.cli.main", *words, "--json"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> Any:
        """Run `sheaf WORDS --json` to its end and return its answer; it must end with `code`."""
        process = self.command(*words)
        out, err = process.communicate(timeout=180)
        assert process.returncode == code, f"sheaf {' '.join(words)}: {process.returncode} {out!r} {err!r}"
        return json.loads(out)

    def up_command(self) -> list[str]:
        """Return the command line of `sheaf up` for this stage."""
        return [
            sys.executable, "-m", "sheaf.cli.main", "up", "--validators", str(VALIDATORS), "--judge", "checks-only",
            "--port", str(self.port), "--home", str(self.home),
            "--challenge-seconds", "2", *self.options,
        ]  # fmt: skip

    def start(self) -> None:
        """Start `sheaf up`; do not wait."""
        self.starts += 1
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "up.log").open("ab") as log:
            self.up = subprocess.Popen(
                self.up_command(), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def is_ready(self) -> bool:
        """Tell whether the supervisor runs and each of its nodes has finished a tick since it was started."""
        assert self.up is None or self.up.poll() is None, f"sheaf up ended: {self.log()}"
        running = self.nodes()
        return set(running) == set(NODES) and all(
            self._has_ticked(name, pid) for name, pid in running.items()
        )

    def wait_ready(self, seconds: float = 240) -> None:
        """Wait until the market works."""
        wait_until(self.is_ready, seconds, "sheaf up", lambda: f"{self.nodes()} {self.log()}")

    def log(self) -> str:
        """Return the end of what `sheaf up` wrote."""
        path = self.home / "up.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def nodes(self) -> dict[str, int]:
        """Return the process ids of the nodes of this stage, by name."""
        found = {}
        for pid, words in processes(self.home).items():
            if "--stop-with-parent" in words:
                found[words[words.index("--account") + 1]] = pid
        return found

    def kill_everything(self) -> int:
        """Kill -9 the supervisor and its nodes as near to at once as can be, and return how many processes that were."""
        assert self.up is not None
        # The nodes first: they would end by themselves when the supervisor is gone, and it takes half a second to start new ones.
        count = sum(kill(pid) for pid in self.nodes().values())
        self.up.kill()
        self.up.wait()
        self.up = None
        return 1 + count + sum(kill(pid) for pid in self.nodes().values())

    def kill_supervisor(self) -> int:
        """Kill -9 the supervisor alone; its nodes find out by themselves."""
        assert self.up is not None
        self.up.kill()
        self.up.wait()
        self.up = None
        return 1

    def stop(self, seconds: float = 30) -> int:
        """End `sheaf up` by SIGTERM and return its exit code."""
        assert self.up is not None
        self.up.terminate()
        code = self.up.wait(seconds)
        self.up = None
        return code

    def clear(self) -> None:
        """Kill whatever is left of this stage."""
        if self.up is not None:
            self.kill_everything()
        for pid in processes(self.home):
            kill(pid)

    def _has_ticked(self, name: str, pid: int) -> bool:
        path = self.home / "network" / "nodes" / f"{name}.json"
        try:
            return path.stat().st_mtime > started_at(pid) and json.loads(path.read_text())["is_running"]
        except (OSError, ValueError):
            return False


def processes(home: Path) -> dict[int, list[str]]:
    """Return the command lines of the processes that work for the market in `home`, by process id: zombies are none."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if str(home) in words:
            found[int(entry.name)] = words
    return found


def started_at(pid: int) -> float:
    """Return when a process was started, in Unix seconds; the present if it is gone (proc(5): stat, field 22)."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return time.time()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def kill(pid: int) -> bool:
    """Kill -9 one process; tell whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
