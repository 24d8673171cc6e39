"""Real crowds, where a folder of them is named by SHEAF_CROWDS."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks._crowds import Crowd, crowds, joined
from sheaf.verification.aggregation import METHODS, infer

FOLDER = os.environ.get("SHEAF_CROWDS")
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="set SHEAF_CROWDS to a folder of folders with label.csv and truth.csv"
)


@pytest.fixture(scope="module")
def sets() -> list[Crowd]:
    assert FOLDER is not None
    return crowds(Path(FOLDER))


def test_the_ensemble_beats_majority_on_the_mean(sets: list[Crowd]) -> None:
    """On real crowds the ensemble is right more often than majority vote, on the mean by a point and more."""
    mean = {
        name: np.mean([crowd.accuracy(METHODS[name](crowd.labels()).label) for crowd in sets])
        for name in ("majority", "ensemble")
    }
    assert mean["ensemble"] > mean["majority"] + 0.01


def test_a_ring_costs_two_points_at_most(sets: list[Crowd]) -> None:
    """Rings of 40 % with 5 % gold, right by chance, cost less than two points on the mean."""
    lost = []
    for crowd in sets:
        gold = crowd.gold(0.05, 1)
        attacked, _ = joined(crowd, 0.4, "chance", 1, 1)
        clean, hit = (infer(one.labels(gold)).truth.label for one in (crowd, attacked))
        lost.append(crowd.accuracy(clean, gold) - crowd.accuracy(hit, gold))
    assert np.mean(lost) < 0.02
