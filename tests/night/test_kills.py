"""A running market loses nothing and pays nothing twice, whoever is killed whenever."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sheaf.store.local import LocalStore
from tests.flows.stage import Stage, processes
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
    killer = Killer(killed, random.Random(SEED), KILLS)
    # Both at once: each mostly waits.
    with ThreadPoolExecutor(2) as both:
        undisturbed = both.submit(played, quiet, forked, None)
        disturbed = both.submit(played, killed, forked, killer)
        expected, found = undisturbed.result(), disturbed.result()
    assert killer.strokes >= KILLS
    assert found["submissions"] == found["settlements"] == len(found["verdicts"])
    assert all(ledger[-1] for ledgers in found["ledgers"].values() for ledger in ledgers)
    for part in expected:
        assert found[part] == expected[part], part
    for stage in stages:
        assert stage.stop() == 0
        assert processes(stage.home) == {}
        require_whole(LocalStore(stage.home / "store"), stage.home / "store")


def require_whole(store: LocalStore, directory: Path) -> None:
    """Read everything in a store: what it has fits its name, and nothing half written is left."""
    for path in (directory / "content").iterdir():
        store.get(path.name)
    assert list((directory / "incoming").iterdir()) == []
