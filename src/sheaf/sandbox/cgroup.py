"""A control group for one job, below a folder that the operator has delegated: memory with all its files and pipes, processes, processor.

Without one the job is held by limits of its process alone, which suffices because it cannot have a second process; with one its memory is
counted as it is used. Sources: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import time
from pathlib import Path
from typing import NamedTuple

from sheaf.domain.errors import SandboxError
from sheaf.domain.job import Limits

CONTROLLERS = ("memory", "pids", "cpu")
PERIOD = 100_000  # microseconds
GRACE_SECONDS, PAUSE_SECONDS = 5.0, 0.01


class Overhead(NamedTuple):
    """What a tier takes beside the job it holds."""

    processes: int
    memory_bytes: int = 0


class Cgroup:
    """Groups of one job: one folder where `parent` is of version 2, one for each controller below `parent` where it is of version 1.

    Raises SandboxError where `parent` is no such folder or is not delegated.
    """

    def __init__(self, parent: Path, limits: Limits, overhead: Overhead) -> None:
        name = f"sheaf-{secrets.token_hex(8)}"
        is_unified = (parent / "cgroup.controllers").is_file()
        parents = [parent] if is_unified else [parent / one for one in CONTROLLERS if (parent / one).is_dir()]
        if not parents:
            raise SandboxError(
                f"sandbox.cgroup: {parent}: give a folder of control groups that is delegated to this node"
            )
        self.folders: list[str] = []
        memory = str(limits.memory_bytes + overhead.memory_bytes)
        processes = str(limits.threads + overhead.processes)
        settings = (_unified if is_unified else _divided)(memory, processes, limits.threads)
        try:
            for folder in [one / name for one in parents]:
                folder.mkdir()
                self.folders.append(str(folder))
                for file, value in settings.items():
                    if is_unified or (folder / file).exists():
                        (folder / file).write_text(value)
        except OSError as error:
            self.remove()
            raise SandboxError(
                f"sandbox.cgroup: {parent}: {error.strerror}: delegate it to this node's user"
            ) from error

    def remove(self) -> None:
        """End what is left in the groups and remove them, once it has died."""
        until = time.monotonic() + GRACE_SECONDS
        for folder in map(Path, self.folders):
            while time.monotonic() < until:
                with contextlib.suppress(OSError):
                    _end(folder)
                try:
                    folder.rmdir()  # a control group's files cannot and need not be removed first
                except OSError as error:
                    if error.errno == errno.EBUSY:
                        time.sleep(PAUSE_SECONDS)
                        continue
                break


def _end(folder: Path) -> None:
    if (folder / "cgroup.kill").exists():
        (folder / "cgroup.kill").write_text("1")
        return
    for process in (folder / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)


def _unified(memory: str, processes: str, threads: int) -> dict[str, str]:
    return {
        "memory.max": memory,
        "memory.swap.max": "0",
        "pids.max": processes,
        "cpu.max": f"{threads * PERIOD} {PERIOD}",
    }


def _divided(memory: str, processes: str, threads: int) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": memory,
        "pids.max": processes,
        "cpu.cfs_period_us": str(PERIOD),
        "cpu.cfs_quota_us": str(threads * PERIOD),
    }
