"""What the second tier alone has: a bundle for `runsc`, and processes of its own that the host holds too."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.sandbox import gvisor as tier
from sheaf.sandbox import runtime, seccomp
from sheaf.sandbox.confined import Confined, Stage
from sheaf.sandbox.gvisor import GIB, Gvisor, configuration, own_limits


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage("stage", tmp_path)


def job(folder: Path, body: str, limits: Limits) -> Job:
    folder.chmod(0o755)
    (folder / "a.py").write_text(f"import os, sys, time\ndef compute(folder, given):\n{body}")
    return Job(str(folder), "a.py", "{}", limits)


def test_bundle_is_closed(stage: Stage, tmp_path: Path) -> None:
    """The container has no capability, is nobody's root, and all that it sees of the host is read-only but its devices."""
    made = configuration(Job(str(tmp_path), "a.py", limits=Limits(disk_bytes=4096)), stage)
    process = made["process"]
    assert (process["capabilities"], process["noNewPrivileges"], made["root"]["readonly"]) == ({}, True, True)
    assert process["user"]["uid"] > 0
    assert process["user"]["gid"] > 0
    writable = [one for one in made["mounts"] if "ro" not in one["options"]]
    assert [one["destination"] for one in writable] == ["/dev", "/tmp"]
    assert writable[1]["options"] == ["mode=1777", "size=4096"]
    assert {one["type"] for one in made["mounts"]} == {"bind", "tmpfs"}
    assert "network" in {one["type"] for one in made["linux"]["namespaces"]}


def test_bundle_has_the_limits(stage: Stage, tmp_path: Path) -> None:
    """gVisor's kernel holds a job to the same limits as the host's does in the first tier."""
    limits = Limits(memory_bytes=GIB, cpu_seconds=7, disk_bytes=4096)
    made = configuration(Job(str(tmp_path), "a.py", limits=limits), stage)
    held = {one["type"]: (one["soft"], one["hard"]) for one in made["process"]["rlimits"]}
    assert held == {
        "RLIMIT_AS": (GIB, GIB),
        "RLIMIT_CPU": (7, 8),
        "RLIMIT_FSIZE": (4096, 4096),
        "RLIMIT_NOFILE": (256, 256),
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_MEMLOCK": (0, 0),
        "RLIMIT_MSGQUEUE": (0, 0),
    }


@pytest.mark.parametrize(
    ("memory", "file"), [(1, 2), (GIB // 2, 2), (GIB, 4), (3 * GIB, 8), (4 * GIB, 16), (1 << 44, 1 << 16)]
)
def test_host_holds_gvisor_too(memory: int, file: int) -> None:
    """gVisor's memory file may be at most twice the power of two above what the job may have, in GiB; its own memory is capped."""
    held = own_limits(Limits(memory_bytes=memory, disk_bytes=1 << 20, cpu_seconds=3))
    assert held == {
        "cpu": (3, 4),
        "fsize": (file * GIB, file * GIB),
        "data": (tier.KERNEL_BYTES, tier.KERNEL_BYTES),
        "core": (0, 0),
    }


def test_no_root_is_left_when_runsc_begins(stage: Stage, tmp_path: Path) -> None:
    """`runsc` is told to make do without root, without network and without sockets of the host."""
    command = Gvisor()._command(Job(str(tmp_path), "a.py"), stage, [3, 4, 5], [])
    assert {"--rootless", "--network=none", "--host-uds=none"} <= set(command[command.index("runsc") :])
    assert command.index("setpriv") < command.index("runsc")
    assert "--net" in command[: command.index("sh")]


def filtered(folder: Path, code: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a job that forks by the runner alone, on the host's kernel, with `code` as its filter."""
    job(folder, "    return os.fork()", Limits())
    (folder / "filter").write_bytes(code)
    command = [sys.executable, "-I", "-S", "-B", str(runtime.runner()), "a.py", "64"]
    return subprocess.run(
        [*command, str(folder), str(folder), str(folder / "filter")], input=b"{}", capture_output=True
    )


def test_runner_lays_the_filter_upon_itself(tmp_path: Path) -> None:
    """With the filter's file the runner may not even fork when it comes to the job, whatever the kernel."""
    done = filtered(tmp_path, seccomp.program(is_running=True))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"PermissionError" in done.stderr


@pytest.mark.parametrize("code", [b"", b"1" * 8, seccomp.program()[:-8]])
def test_nothing_runs_without_the_filter(tmp_path: Path, code: bytes) -> None:
    """Where the kernel does not take the filter, no line of the job is run."""
    done = filtered(tmp_path, code)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"the filter of system calls is not taken" in done.stderr


def test_what_gvisor_keeps_of_files_is_capped(
    gvisor: Confined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders cost memory of gVisor's kernel, which counts none of them: the host ends it when it has too much, and the job with it."""
    monkeypatch.setattr(tier, "KERNEL_BYTES", 96 << 20)
    body = "    for i in range(10**7): os.mkdir(f'/tmp/{i:0250}')"
    outcome = gvisor.run(job(tmp_path, body, Limits(cpu_seconds=60, wall_seconds=120)))
    assert (outcome.ending, outcome.output) == (Ending.FAILED, b"")


def test_two_run_at_once(gvisor: Confined, tmp_path: Path) -> None:
    """Jobs that run at once have a kernel, a `/tmp` and an output each."""

    def run(number: int) -> Outcome:
        folder = tmp_path / str(number)
        folder.mkdir()
        body = f"    open('/tmp/{number}', 'w').close()\n    time.sleep(1)\n    return [os.getpid(), os.listdir('/tmp')]"
        return gvisor.run(job(folder, body, Limits()))

    tmp_path.chmod(0o755)
    with ThreadPoolExecutor(2) as pool:
        found = [json.loads(outcome.output) for outcome in pool.map(run, (1, 2))]
    assert found == [[1, ["1"]], [1, ["2"]]]


def test_kernel_is_not_the_hosts(gvisor: Confined, tmp_path: Path) -> None:
    """The kernel that answers a job is gVisor's, which calls itself Linux 4.4.0 whatever the host runs."""
    body = "    return os.uname().release + ' ' + os.uname().nodename"
    assert gvisor.run(job(tmp_path, body, Limits())).output == b'"4.4.0 sandbox"'


def test_no_other_program_takes_the_jobs_place(gvisor: Confined, tmp_path: Path) -> None:
    """A job cannot become another program: in a new address space its processor time would be counted anew."""
    body = "    os.execv(sys.executable, [sys.executable, '-I', '-S', '-c', 'print(1)'])"
    outcome = gvisor.run(job(tmp_path, body, Limits()))
    assert (outcome.ending, outcome.output) == (Ending.FAILED, b"")
    assert b"PermissionError" in outcome.log
