"""Keeps processes running: starts them, starts them again when they die, and stops them all together."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 10.0
"""Who ran so long before it died starts with short pauses again."""
STOP_SECONDS = 20.0
log = structlog.get_logger()


@dataclass
class Child:
    """One process that is to run: its name, its command, where it writes, and how it is faring."""

    name: str
    command: Sequence[str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    next_start_at: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs children until stopped. A child that dies is started again, after a pause that doubles while it keeps dying.

    Children hold the reading end of a pipe as standard input: when this process dies, however it dies, the pipe closes and they
    stop by themselves (`stop_with_parent`), so that nobody runs twice after a restart.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.children = list(children)
        self._clock, self._sleep = clock, sleep
        self._is_over = False

    def run(self, tick_seconds: float = 0.2) -> None:
        """Keep the children running until `stop`; then end them."""
        try:
            while not self._is_over:
                for child in self.children:
                    self._tend(child)
                self._sleep(tick_seconds)
        finally:
            self._end()

    def stop(self) -> None:
        """Let `run` end. Made for signal handlers: it takes no lock, which the interrupted `run` might hold."""
        self._is_over = True

    def _tend(self, child: Child) -> None:
        if child.is_running:
            return
        now = self._clock()
        if child.process is not None:
            log.warning("process died", name=child.name, code=child.process.returncode)
            child.process = None
            child.failures = 1 if now - child.started_at >= STEADY_SECONDS else child.failures + 1
            child.next_start_at = now + min(MAX_PAUSE_SECONDS, 0.25 * 2.0 ** min(child.failures, 8))
        if now >= child.next_start_at:
            child.process, child.started_at = _start(child), now

    def _end(self) -> None:
        for child in self.children:
            if child.is_running and child.process is not None:
                child.process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def _start(child: Child) -> subprocess.Popen[bytes]:
    child.log_path.parent.mkdir(parents=True, exist_ok=True)
    with child.log_path.open("ab") as output:
        return subprocess.Popen(
            list(child.command),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop_with_parent(descriptor: int = 0) -> None:
    """End this process when `descriptor`, the pipe from the parent, closes: the parent is gone."""

    def watch() -> None:
        # Not through sys.stdin: a buffered reader that is blocked in a thread cannot be closed at exit.
        while os.read(descriptor, 1):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()
