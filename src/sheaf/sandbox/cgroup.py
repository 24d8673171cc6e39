"""A control group for one job, below a folder that the operator has delegated: memory with all its files and pipes, processes, processor.

Without one the job is held by limits of its process alone, which suffices because it cannot have a second process; with one its memory is
counted as it is used. Sources: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from sheaf.domain.errors import SandboxError
from sheaf.domain.job import Limits

CONTROLLERS = ("memory", "pids", "cpu")
LAUNCHER_PROCESSES = 8  # shell, bubblewrap, its first process
PERIOD = 100_000  # microseconds


class Cgroup:
    """Groups of one job: one folder where `parent` is of version 2, one for each controller below `parent` where it is of version 1.

    Raises SandboxError where `parent` is no such folder or is not delegated.
    """

    def __init__(self, parent: Path, limits: Limits) -> None:
        name = f"sheaf-{secrets.token_hex(8)}"
        is_unified = (parent / "cgroup.controllers").is_file()
        parents = [parent] if is_unified else [parent / one for one in CONTROLLERS if (parent / one).is_dir()]
        if not parents:
            raise SandboxError(
                f"sandbox.cgroup: {parent}: give a folder of control groups that is delegated to this node"
            )
        self.folders: list[str] = []
        settings = _unified(limits) if is_unified else _divided(limits)
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
        """End what is left in the groups and remove them."""
        for folder in map(Path, self.folders):
            with contextlib.suppress(OSError):
                if (folder / "cgroup.kill").exists():
                    (folder / "cgroup.kill").write_text("1")
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 -- a control group's files cannot and need not be removed first


def _unified(limits: Limits) -> dict[str, str]:
    return {
        "memory.max": str(limits.memory_bytes),
        "memory.swap.max": "0",
        "pids.max": str(limits.threads + LAUNCHER_PROCESSES),
        "cpu.max": f"{limits.threads * PERIOD} {PERIOD}",
    }


def _divided(limits: Limits) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": str(limits.memory_bytes),
        "pids.max": str(limits.threads + LAUNCHER_PROCESSES),
        "cpu.cfs_period_us": str(PERIOD),
        "cpu.cfs_quota_us": str(limits.threads * PERIOD),
    }
