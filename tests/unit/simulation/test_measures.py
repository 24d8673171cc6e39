"""Intervals, and the chances of the honest: against tables, brute force and random walks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sheaf.simulation.measures import Market, false_jail, false_rejection, false_slash, interval
from sheaf.verification.gold import HIT, JAIL, MISS, RESET

EMPTY = Market(
    bought=0, good=0, offered=0, wrongly=0, honest_offered=0, fees=0, at_stake=0, lost=0, jailed=0, validators=0, gas=0,
    seconds=0,
)  # fmt: skip


def test_an_interval_is_students() -> None:
    """For 20 values it is the mean ± 2.093 standard errors (the tables' t for 19 degrees of freedom)."""
    values = np.random.default_rng(0).normal(3, 2, 20)
    found, half = interval(values.tolist()), 2.093 * values.std(ddof=1) / 20**0.5
    assert (found.low, found.mean, found.high) == pytest.approx(
        (values.mean() - half, values.mean(), values.mean() + half), rel=1e-4
    )
    assert interval([7.0]).low == interval([7.0]).high == 7.0
    assert interval([]).count == 0


def test_nothing_bought_is_nothing_wrong() -> None:
    """Precision and recall of nothing are 1."""
    assert EMPTY.precision == EMPTY.recall == 1.0


@pytest.mark.parametrize(("size", "quorum"), [(3, 2), (5, 4), (5, 3)])
def test_false_rejections_are_those_of_brute_force(size: int, quorum: int) -> None:
    """The chance is the sum over all votes of both rounds, counted one by one."""
    skill, total = 0.8, 0.0
    for votes in itertools.product((0, 1), repeat=2 * size + 1):
        first, every = sum(votes[:size]), sum(votes)
        chance = np.prod([1 - skill if vote else skill for vote in votes])
        if first >= quorum:
            is_rejected = True
        elif size - first >= quorum:
            is_rejected = False
        else:
            is_rejected = 2 * every > len(votes) and every >= quorum
        total += chance * is_rejected
    assert false_rejection(skill, size, quorum) == pytest.approx(total)


def test_false_jail_is_what_walks_come_to() -> None:
    """Of 20,000 walks of a validator who is right in .8 of the gold as many are jailed as computed; of the careful, one in 20,000."""
    rng = np.random.default_rng(5)
    llr, jailed = np.zeros(20_000), np.zeros(20_000, dtype=bool)
    is_open = ~jailed
    while is_open.any():
        llr += np.where(is_open, np.where(rng.random(20_000) < 0.8, HIT, MISS), 0)
        jailed |= llr >= JAIL
        is_open = (llr < JAIL) & (llr > RESET)
    assert false_jail(0.8) == pytest.approx(jailed.mean(), abs=0.01)
    assert false_jail(0.95) == pytest.approx(4.67e-5, rel=0.01)
    assert false_jail(1.0) == 0.0 and false_jail(0.5) > 0.99


def test_false_slashes_are_those_of_the_law() -> None:
    """One error in five costs min(1, 6·(.2 − .06)) of the lock; of 20,000 honest reviews as many are slashed as computed."""
    chance, share = false_slash(0.95, 5)
    assert chance == pytest.approx(1 - 0.95**5)
    errors = np.random.default_rng(6).binomial(48, 0.05, 20_000) / 48
    taken = np.clip(6 * (errors - 0.06), 0, 1)
    chance, share = false_slash(0.95, 48)
    assert chance == pytest.approx((taken > 0).mean(), abs=0.01)
    assert share == pytest.approx(taken.mean(), abs=0.002)
    assert false_slash(1.0, 48) == (0.0, 0.0)
