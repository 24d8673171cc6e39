"""The loop goes on whatever happens, says how it is, and stops when told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sheaf.nodes.caseload import Caseload
from sheaf.nodes.loop import MAX_PAUSE_SECONDS, Loop


class Counter:
    """A role that counts its ticks and then does what it was given to do."""

    name = "counter"

    def __init__(self, act: Callable[[int], int]) -> None:
        self.ctx: Any = SimpleNamespace(
            docket=SimpleNamespace(head=SimpleNamespace(number=7)), ignored={"forged": {b"a", b"b"}}
        )
        self.caseload = Caseload(self.name)
        self.ticks = 0
        self._act = act

    def tick(self) -> int:
        self.ticks += 1
        return self._act(self.ticks)

    def health(self) -> dict[str, Any]:
        return {"role": self.name}


def fail(tick: int) -> int:
    raise ConnectionError("the node went away")


def test_one_role_failing_leaves_the_others_running() -> None:
    """An error ends that role's tick, not the loop; it stays readable as the last error."""
    good = Counter(lambda tick: 2)
    loop = Loop([Counter(fail), good])
    assert loop.step() == 2
    assert good.ticks == 1
    assert "the node went away" in loop.health()["last_error"]
    assert not loop.health()["is_healthy"]


def test_pauses_grow_while_it_fails_and_shrink_when_it_works() -> None:
    """Back-off doubles up to a minute; one good tick ends it."""
    broken = [True]
    loop = Loop([Counter(lambda tick: fail(tick) if broken[0] else 1)], tick_seconds=1.0)
    pauses = []
    for _ in range(8):
        loop.step()
        pauses.append(loop.pause_seconds)
    assert pauses == [2, 4, 8, 16, 32, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS]
    broken[0] = False
    loop.step()
    assert loop.pause_seconds == 1.0
    assert loop.health()["is_healthy"]


def test_health_is_written_whole_after_every_tick(tmp_path: Path) -> None:
    """The health file is JSON with block, ticks, queue and what was ignored, and nothing is left beside it."""
    path = tmp_path / "node" / "health.json"
    loop = Loop([Counter(lambda tick: 1)], health_path=path)
    loop.step()
    report = json.loads(path.read_text())
    assert report["ticks"] == 1
    assert report["roles"][0]["block"] == 7
    assert report["roles"][0]["ignored"] == {"forged": 2}
    assert [file.name for file in path.parent.iterdir()] == ["health.json"]


def test_a_health_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """A full or forbidden disk must not end a validator."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert Loop([Counter(lambda tick: 1)], health_path=blocked / "health.json").step() == 1


def test_it_stops_when_told(tmp_path: Path) -> None:
    """`stop` ends the run after the tick under way, and health then says that it is not running."""
    path = tmp_path / "health.json"
    role = Counter(lambda tick: 0)
    loop = Loop([role], tick_seconds=0.001, health_path=path)
    role._act = lambda tick: loop.stop() or 0 if tick == 3 else 0  # type: ignore[func-returns-value]
    asyncio.run(loop.run())
    assert role.ticks >= 3
    assert json.loads(path.read_text())["is_running"] is False


def test_sigterm_stops_it_cleanly() -> None:
    """SIGTERM lets the tick under way end and then ends the run: no exception, no half a step."""
    ended = []

    def act(tick: int) -> int:
        if tick == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        ended.append(tick)
        return 0

    asyncio.run(Loop([Counter(act)], tick_seconds=0.001).run())
    assert ended[-1] >= 2
