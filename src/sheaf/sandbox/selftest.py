"""The self-test before a sandbox is trusted: a job makes every attempt of the list; anything that gets through closes the sandbox."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from sheaf.domain.errors import SandboxError, shorten
from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.sandbox import attempts

LIMITS = Limits(
    memory_bytes=1 << 30, cpu_seconds=20, wall_seconds=30, disk_bytes=1 << 20, output_bytes=1 << 16
)
Run = Callable[[Job], Outcome]


def check(run: Run) -> None:
    """Make all attempts in one job. Raises SandboxError naming what got through, or why no job could be run."""
    through = escaped(run, attempts.ATTEMPTS)
    if through:
        name, evidence = next(iter(through.items()))
        raise SandboxError(
            f"sandbox: self-test: {len(through)} of {len(attempts.ATTEMPTS)} attempts got through, first {name} "
            f"({shorten(evidence)}): no job runs on this machine until none does"
        )


def escaped(run: Run, names: Iterable[str]) -> dict[str, str]:
    """Return the evidence of those attempts among `names` that got through. Raises SandboxError if the job itself did not run."""
    with tempfile.TemporaryDirectory(prefix="sheaf-selftest-") as place, closing(socket.socket()) as listener:
        folder, outside = Path(place, "job"), Path(place, "outside")
        folder.mkdir()
        outside.mkdir()
        Path(place).chmod(0o755)
        secret = outside / "secret"
        secret.write_text("what no job may read")
        shutil.copyfile(attempts.__file__, folder / "attempts.py")
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        given = {
            "secret": str(secret),
            "folder": str(outside),
            "link": f"{tempfile.gettempdir()}/link",
            "process": os.getpid(),
            "port": listener.getsockname()[1],
            "host": platform.node(),
        }
        job = Job(str(folder), "attempts.py", json.dumps({"names": list(names), "given": given}), LIMITS)
        outcome = run(job)
    if outcome.ending is not Ending.FINISHED:
        raise SandboxError(f"sandbox: self-test: {outcome.ending}: {_reason(outcome.log)}")
    found: dict[str, str] = json.loads(outcome.output)
    return found


def _reason(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return shorten(
        lines[-1] if lines else "no job can be run here: allow user namespaces (docs/sandbox.md)", 200
    )
