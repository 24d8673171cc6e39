"""What the benchmark of values rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._contributors import KINDS, Table, offered, sets, spearman
from benchmarks.valuation import made, pay, untied
from sheaf.valuation.games import glove
from sheaf.valuation.semivalues import exact


def test_spearman_is_known() -> None:
    """Of ranks that agree, oppose, and share: 1, -1, and a worked example with ties."""
    a = np.array([1.0, 2.0, 5.0, 9.0])
    assert spearman(a, a**3) == pytest.approx(1) and spearman(a, -a) == pytest.approx(-1)
    assert spearman(np.array([0.0, 0.0, 1.0, 2.0]), a) == pytest.approx(0.9486833)


def test_nobody_is_paid_by_the_test() -> None:
    """Contributors, task and test are disjoint, the same seed draws the same, and every kind of contributor is there."""
    whole = sets(None)["cancer"]
    offer, again = offered(whole, 3, by_column=True), offered(whole, 3, by_column=True)
    assert offer.records.features.tobytes() == again.records.features.tobytes()
    assert set(offer.owner.tolist()) == set(range(len(KINDS))) and (offer.owner == 9).sum() == 6
    rows = [{row.tobytes() for row in part.features} for part in (offer.records, offer.task, offer.test)]
    assert not rows[0] & rows[1] and not rows[1] & rows[2] and not rows[0] & rows[2]
    assert len(offer.task) + len(offer.test) == len(whole) - len(whole) // 2


def test_worth_is_looked_up() -> None:
    """A table of a game has the game's values; pay is never negative and is all of the pool."""
    game = glove(2)
    members = (np.arange(8)[:, None] >> np.arange(3) & 1).astype(np.bool_)
    assert exact(Table(game(members))).values == pytest.approx(game.shapley)
    assert pay(np.array([1.0, -1.0, 3.0])).tolist() == [0.25, 0.0, 0.75]


def test_a_folder_of_tables_is_taken(tmp_path: Path) -> None:
    """Every CSV with numbers and a column `label` is a set; untied features differ in every row."""
    (tmp_path / "toy.csv").write_text("a,b,label\n1,2,x\n3,4,y\n1,2,x\n")
    toy = sets(tmp_path)["toy"]
    assert toy.features.tolist() == [[1, 2], [3, 4], [1, 2]] and toy.labels.tolist() == [0, 1, 0]
    records, task = untied(*made(20, 5, 3))
    assert len(np.unique(records.features, axis=0)) == 20 and len(task) == 5
