"""Start a job's process, read its one output pipe and its log no further than they may go, and end it in time."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from sheaf.domain.errors import InputError, SandboxError
from sheaf.domain.job import Ending, Job, Limits, Outcome

PIECE = 1 << 16
GRACE_SECONDS = 5.0
BROKEN_EXIT = (
    125  # what our own launcher ends with where it could not set up; a job that ends so has failed too
)


class Channel:
    """What came out of one pipe: at most `limit` bytes are kept; `is_over` says that there was more."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = bytearray()
        self.is_over = False

    def take(self, piece: bytes) -> None:
        """Keep what of `piece` still fits."""
        room = self.limit - len(self.data)
        self.is_over = self.is_over or len(piece) > room
        self.data += piece[:room]


def checked_folder(job: Job) -> Path:
    """Return the job's folder. Raises InputError if it, or the program in it, is not there or is a link."""
    folder = Path(job.folder)
    if not folder.is_dir() or folder.is_symlink():
        raise InputError("folder", job.folder, "give a folder that exists")
    program = folder / job.program
    if program.is_symlink() or not program.is_file():
        raise InputError("program", job.program, "put this file into the job's folder")
    return folder.resolve()


def run(
    command: Sequence[str],
    job: Job,
    *,
    descriptors: Sequence[int] = (),
    on_end: Callable[[], None] | None = None,
) -> Outcome:
    """Start `command` and return the outcome; it gets the parameters on standard input and nothing of our environment.

    Raises SandboxError if it cannot be started at all.
    """
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"{command[0]}: {error.strerror}: install it") from error
    try:
        output, log, is_late = _listen(process, job, start + job.limits.wall_seconds)
    finally:
        _end(process)
        if on_end is not None:
            on_end()
    ending = _ending(process.returncode, output.is_over, is_late)
    kept = bytes(output.data) if ending is Ending.FINISHED else b""
    return Outcome(ending, kept, bytes(log.data), time.monotonic() - start)


def rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """Return what a process is held to: {name of getrlimit(2), small: (soft, hard)}; the number of threads is set inside."""
    return {
        "as": (limits.memory_bytes, limits.memory_bytes),
        "cpu": (limits.cpu_seconds, limits.cpu_seconds + 1),
        "fsize": (limits.disk_bytes, limits.disk_bytes),
        "nofile": (256, 256),
        "core": (0, 0),
        "memlock": (0, 0),
        "msgqueue": (0, 0),
    }


def limits_command(held: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return the beginning of a command line that holds what follows to these limits."""
    return ["prlimit", *(f"--{name}={soft}:{hard}" for name, (soft, hard) in held.items()), "--"]


def _listen(process: subprocess.Popen[bytes], job: Job, deadline: float) -> tuple[Channel, Channel, bool]:
    """Feed the parameters, read both pipes until they close, the output runs over, or time is up."""
    assert process.stdin and process.stdout and process.stderr
    output, log = Channel(job.limits.output_bytes), Channel(job.limits.log_bytes)
    pending = memoryview(job.parameters.encode())
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        for pipe, channel in ((process.stdout, output), (process.stderr, log)):
            selector.register(pipe, selectors.EVENT_READ, channel)
        while len(selector.get_map()):
            left = deadline - time.monotonic()
            if left <= 0:
                return output, log, True
            for key, _ in selector.select(left):
                if key.fileobj is process.stdin:
                    pending = _feed(process.stdin, pending)
                    if not pending:
                        selector.unregister(key.fileobj)
                        _close(process.stdin)
                elif piece := os.read(key.fd, PIECE):
                    key.data.take(piece)
                else:
                    selector.unregister(key.fileobj)
            if output.is_over:
                return output, log, False
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
    return output, log, process.poll() is None


def _feed(pipe: IO[bytes], pending: memoryview) -> memoryview:
    try:
        return pending[os.write(pipe.fileno(), pending[:PIECE]) :]
    except BlockingIOError:
        return pending
    except OSError:  # the job does not want its parameters, or is gone
        return pending[:0]


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the process and its session."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            process.kill()
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    for pipe in (process.stdin, process.stdout, process.stderr):
        _close(pipe)


def _ending(code: int | None, is_over: bool, is_late: bool) -> Ending:
    if is_over:
        return Ending.OUTPUT_TOO_LARGE
    if is_late:
        return Ending.OUT_OF_TIME
    if code == 0:
        return Ending.FINISHED
    return Ending.KILLED if code is None or code < 0 or code > 128 else Ending.FAILED
