"""Robust rules over the means of secretly summed groups."""

from __future__ import annotations

import numpy as np
import pytest

from sheaf.domain.errors import InputError
from sheaf.privacy.robust_aggregation import (
    GroupHistory,
    certain_attackers,
    clip,
    coordinate_median,
    draw_groups,
    geometric_median,
    shorten_to_median,
    trimmed_mean,
)

RULES = (coordinate_median, geometric_median, lambda means: trimmed_mean(means, 0.4))


@pytest.mark.parametrize("rule", RULES)
def test_fewer_than_half_cannot_carry_a_rule_away(rule) -> None:
    """Ten of 25 groups at a million leave the result among the honest ones; the mean is carried away."""
    means = np.random.default_rng(0).normal(1.0, 0.1, (25, 7))
    means[:10] = 1e6
    assert np.abs(rule(means) - 1).max() < 0.5
    assert means.mean() > 1e5


def test_geometric_median_of_a_triangle() -> None:
    """It is Fermat's point: for an equilateral triangle its centre; with more than half of the weight at a corner, that corner."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
    assert np.allclose(geometric_median(corners), corners.mean(axis=0), atol=1e-6)
    assert np.allclose(geometric_median(corners, np.array([5.0, 1.0, 1.0])), corners[0], atol=1e-3)


def test_groups_are_drawn_by_the_seed() -> None:
    """Every client is in one group; the same seed draws the same groups, another one others; sizes differ by at most what is left over."""
    groups = draw_groups(range(51), 2, b"round 1")
    assert sorted(one for group in groups for one in group) == list(range(51))
    assert {len(group) for group in groups} == {2, 3}
    assert groups == draw_groups(range(51), 2, b"round 1") != draw_groups(range(51), 2, b"round 2")


def test_history_finds_attackers() -> None:
    """Of 50 clients 10 turn their updates round: after thirty rounds of pairs none has a tenth of an honest weight."""
    random = np.random.default_rng(0)
    history, direction = GroupHistory(50), random.normal(size=20)
    for number in range(30):
        updates = direction + random.normal(0, 1.0, (50, 20))
        updates[:10] *= -1
        groups = draw_groups(range(50), 2, number.to_bytes(2, "big"))
        agreed = history.agree(np.stack([updates[group].mean(axis=0) for group in groups]), groups)
    weights = history.weights()
    assert np.median(weights[10:]) > 10 * weights[:10].max()
    assert agreed @ direction / np.linalg.norm(agreed) / np.linalg.norm(direction) > 0.97


def test_history_before_the_first_round() -> None:
    """Nobody is suspected before anything was seen, and who never took part keeps its weight."""
    history = GroupHistory(6)
    assert history.weights().tolist() == [1.0] * 6
    history.agree(np.ones((2, 3)), [[0, 1], [2, 3]])
    assert history.weights()[4:].tolist() == [1.0, 1.0]


def test_size_gains_nothing() -> None:
    """A group a thousand times as long is cut to the median length; shorter ones stay."""
    means = np.array([[1.0, 0.0], [0.0, 2.0], [3000.0, 0.0]])
    assert np.linalg.norm(shorten_to_median(means), axis=1).tolist() == [1.0, 2.0, 2.0]


def test_clip_shortens_and_never_lengthens() -> None:
    """An update longer than the norm keeps its direction; a shorter one is as it was."""
    assert np.allclose(clip(np.array([3.0, 4.0]), 1.0), [0.6, 0.8])
    assert clip(np.array([0.3, 0.4]), 1.0).tolist() == [0.3, 0.4]
    assert clip(np.zeros(2), 1.0).tolist() == [0.0, 0.0]


def test_how_many_are_borne_for_certain() -> None:
    """25 pairs bear 12 attackers, 12 groups of four bear 5."""
    assert (certain_attackers(50, 2), certain_attackers(50, 4), certain_attackers(3, 2)) == (12, 5, 0)


def test_what_cannot_be_taken() -> None:
    """NaN, wrong shapes, groups of one and bad weights are refused by field, value and fix."""
    for call in (
        lambda: clip(np.array([np.nan]), 1.0),
        lambda: clip(np.ones((2, 2)), 1.0),
        lambda: clip(np.ones(2), 0.0),
        lambda: clip(np.ones(2), float("inf")),
        lambda: draw_groups(range(5), 1, b""),
        lambda: draw_groups(range(1), 2, b""),
        lambda: coordinate_median(np.empty((0, 3))),
        lambda: coordinate_median(np.array([[np.inf]])),
        lambda: trimmed_mean(np.ones((4, 2)), 0.5),
        lambda: geometric_median(np.ones((4, 2)), np.zeros(4)),
        lambda: geometric_median(np.ones((4, 2)), np.ones(3)),
        lambda: GroupHistory(4).agree(np.ones((2, 2)), [[0, 1]]),
    ):
        with pytest.raises(InputError, match="give"):
            call()
