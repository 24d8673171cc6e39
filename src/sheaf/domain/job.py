"""A job: code that is not ours over data that do not move, what it may take, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum

from sheaf.domain.errors import InputError

MIB = 1 << 20
PROGRAM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
UPPER = {
    "memory_bytes": 1 << 44,
    "cpu_seconds": 1 << 20,
    "wall_seconds": 1 << 20,
    "disk_bytes": 1 << 40,
    "output_bytes": 1 << 31,
    "log_bytes": 1 << 24,
    "threads": 1024,
}


class Tier(StrEnum):
    """How hard a job is kept apart, rising."""

    BUBBLEWRAP = "bubblewrap"  # the host's kernel, behind a filter of system calls
    GVISOR = "gvisor"  # a kernel of its own in between


@dataclass(frozen=True)
class Limits:
    """What one job may take; the host holds it to each. Memory is address space, disk the files it writes; times in seconds.

    Raises InputError for a limit that is no whole number in its bounds.
    """

    memory_bytes: int = 4096 * MIB
    cpu_seconds: int = 300
    wall_seconds: int = 600
    disk_bytes: int = 256 * MIB
    output_bytes: int = MIB
    log_bytes: int = MIB // 16
    threads: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            value, upper = getattr(self, field.name), UPPER[field.name]
            least = 0 if field.name == "log_bytes" else 1
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= upper:
                raise InputError(
                    f"limits.{field.name}", value, f"give a whole number from {least} to {upper:,}"
                )


@dataclass(frozen=True)
class Job:
    """A folder that the job sees read-only as `/job`, and the Python file in it whose `compute(folder, parameters)` is called.

    `parameters` is JSON. What `compute` returns is the output: bytes as they are, anything else as JSON. Raises InputError for a
    program's name that could be a path.
    """

    folder: str
    program: str
    parameters: str = "{}"
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not isinstance(self.program, str) or not PROGRAM_NAME.fullmatch(self.program):
            raise InputError("program", self.program, "give the name of a file in the job's folder")


class Ending(StrEnum):
    """How a job ended."""

    FINISHED = "finished"
    FAILED = "failed"  # it raised, was refused memory, or ended by itself
    KILLED = "killed"  # by a signal: its processor time, the filter of system calls, or a fault
    OUT_OF_TIME = "out of time"
    OUTPUT_TOO_LARGE = "output too large"


@dataclass(frozen=True)
class Outcome:
    """What is left of a job. `output` is empty unless it finished; `log` is what it wrote to standard error, for the owner alone."""

    ending: Ending
    output: bytes
    log: bytes
    seconds: float
