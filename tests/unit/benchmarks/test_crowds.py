"""The crowds and attackers of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._crowds import crowds, joined, made, ranked, turned

SIZES = (100, 30, 3, 4)


def test_the_area_is_that_of_mann_and_whitney() -> None:
    """The area is the share of pairs in the right order, ties half."""
    score = np.array([3.0, 2.0, 2.0, 1.0])
    assert ranked(score, np.array([True, True, False, False])) == (1 + 1 + 1 + 0.5) / 4
    assert ranked(score, np.array([False, False, True, True])) == 0.5 / 4


@pytest.mark.parametrize("answers", ["wrong", "chance", "half", "random", "constant", "camouflage"])
def test_attackers_join_in_their_share(answers: str) -> None:
    """Attackers are 40 % of the workers, leave honest labels as they were, and answer as they are told to."""
    crowd = made("made", 1, SIZES)
    attacked, who = joined(crowd, 0.4, answers, 1, 0)
    theirs = who[attacked.worker]
    assert abs(who.sum() / (who.sum() + len(np.unique(crowd.worker))) - 0.4) < 0.02
    assert (attacked.label[~theirs] == crowd.label).all()
    right = (attacked.label[theirs] == crowd.truth[attacked.item[theirs]]).mean()
    expected = {"wrong": 0.02, "half": 0.5, "camouflage": 0.67}.get(answers, 1 / 3)
    assert abs(right - expected) < 0.17


def test_workers_turn() -> None:
    """Turned workers keep their items; what is left are the labels of the others."""
    crowd = made("made", 2, SIZES)
    attacked, rest = turned(crowd, 0.4, 0)
    assert (attacked.item == crowd.item).all() and len(rest.item) < len(crowd.item)
    assert (attacked.label != crowd.label).mean() > 0.1


def test_crowds_are_read_from_folders(tmp_path: Path) -> None:
    """A folder of folders is read by name; an empty one ends the run in one line."""
    with pytest.raises(SystemExit, match="--data: "):
        crowds(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "label.csv").write_text("item,worker,label\n0,0,1\n1,0,0\n1,1,0\n")
    (tmp_path / "one" / "truth.csv").write_text("item,truth\n0,1\n1,0\n7,1\n")
    (crowd,) = crowds(tmp_path)
    assert crowd.truth.tolist() == [1, 0] and crowd.accuracy(np.array([1, 1])) == 0.5
    assert crowd.gold(0.5, 0).keys() <= {0, 1}
