"""A running market loses nothing and pays nothing twice, whoever is killed whenever."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sheaf.store.local import LocalStore
from tests.flows.stage import Stage, processes, wait_until
from tests.night.play import Killer, Play, forks

KILLS = int(os.environ.get("SHEAF_KILLS", "105"))
SEED = int(os.environ.get("SHEAF_KILLS_SEED", "0"))

pytestmark = [pytest.mark.night, pytest.mark.timeout(3600)]


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[tuple[Stage, Stage]]:
    both = Stage(tmp_path / "quiet"), Stage(tmp_path / "killed")
    yield both
    for stage in both:
        stage.clear()


def played(stage: Stage, forked: Any, killer: Killer | None) -> dict[str, Any]:
    play = Play(stage, stage.home.parent / f"files-{stage.home.name}", forked, killer)
    play.prepare()
    play.perform()
    found = play.finish()
    play.say("over")
    return found


def test_kills_change_nothing(stages: tuple[Stage, Stage]) -> None:
    """After 100 kills and more, balances, verdicts, ledgers and deliveries are those of a run that nobody disturbed."""
    quiet, killed = stages
    forked = forks()
    expected = played(quiet, forked, None)
    assert quiet.stop() == 0
    assert processes(quiet.home) == {}
    killer = Killer(killed, random.Random(SEED), KILLS)
    found = played(killed, forked, killer)
    assert killer.strokes >= KILLS
    assert found["submissions"] == found["settlements"] == len(found["verdicts"])
    assert all(ledger[-1] for ledgers in found["ledgers"].values() for ledger in ledgers)
    for part in expected:
        assert found[part] == expected[part], part
    assert killed.stop() == 0
    wait_until(lambda: not processes(killed.home), 10, "no process left")
    require_whole(LocalStore(killed.home / "store"), killed.home / "store")


def require_whole(store: LocalStore, directory: Path) -> None:
    """Read everything in a store: what it has fits its name, and nothing half written is left."""
    for path in (directory / "content").iterdir():
        store.get(path.name)
    assert list((directory / "incoming").iterdir()) == []
