"""The supervisor starts what died again, slower while it keeps dying, and ends all together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from sheaf.nodes.supervisor import MAX_PAUSE_SECONDS, STEADY_SECONDS, Child, Supervisor

LASTING = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
SHORT = [sys.executable, "-S", "-c", ""]


class Time:
    """A clock that goes on by sleeping, and calls `watch` at every tick."""

    def __init__(self, watch: Callable[[], None]) -> None:
        self.now, self._watch = 1000.0, watch

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._watch()


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    """Pauses double up to half a minute."""
    child = Child("short", SHORT, tmp_path / "short.log")
    starts: list[float] = []

    def watch() -> None:
        if child.process is not None:
            if starts[-1:] != [child.started_at]:
                starts.append(child.started_at)
            child.process.wait()
        if len(starts) == 9:
            supervisor.stop()

    time = Time(watch)
    supervisor = Supervisor([child], clock=time, sleep=time.sleep)
    supervisor.run()
    pauses = [after - before for before, after in zip(starts, starts[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 2 and MAX_PAUSE_SECONDS <= pauses[-1] <= MAX_PAUSE_SECONDS + 1


def test_a_child_that_ran_long_is_started_soon(tmp_path: Path) -> None:
    """Deaths long ago do not count: who ran steadily and dies is back within a second."""
    child = Child("lasting", LASTING, tmp_path / "lasting.log", failures=50)
    deaths: list[float] = []

    def watch() -> None:
        if child.is_running and child.process is not None and not deaths:
            time.now += STEADY_SECONDS
            child.process.kill()
            child.process.wait()
            deaths.append(time.now)
        elif deaths and child.is_running:
            supervisor.stop()
        assert time.now < 2000

    time = Time(watch)
    supervisor = Supervisor([child], clock=time, sleep=time.sleep)
    supervisor.run()
    assert child.started_at - deaths[0] <= 1.0
    assert not child.is_running


def test_stopping_ends_every_child(tmp_path: Path) -> None:
    """After `run` every child has been told to end, and has."""
    children = [Child(f"child {number}", LASTING, tmp_path / f"{number}.log") for number in range(3)]

    def watch() -> None:
        if all(child.is_running for child in children):
            supervisor.stop()

    time = Time(watch)
    supervisor = Supervisor(children, clock=time, sleep=time.sleep)
    supervisor.run()
    assert [child.process.returncode for child in children if child.process] == [-15, -15, -15]
