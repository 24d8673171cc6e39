"""Intervals, and the chances of the honest: against tables, brute force and random walks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sheaf.domain.amounts import WAD
from sheaf.review.reversals import JOINT, Errors, Evidence, weigh
from sheaf.simulation.measures import (
    Market,
    false_jail,
    false_juror_slash,
    false_rejection,
    false_slash,
    interval,
)
from sheaf.verification.gold import HIT, JAIL, MISS, RESET

EMPTY = Market(
    bought=0, good=0, offered=0, wrongly=0, honest_offered=0, fees=0, at_stake=0, lost=0, jailed=0, by_reversal=0, validators=0, gas=0,
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


def test_the_honest_are_never_ruined_by_audits() -> None:
    """Who is right in .95 is slashed in 10,000 audited records in less than 1 of 10,000 cases, the more skilled less."""
    assert false_slash(0.95, 48) < 2e-8
    assert false_slash(0.95, 256) < false_slash(0.95, 10_000) < 4e-5
    assert false_slash(0.97, 10_000) < 1e-6 < false_slash(0.93, 10_000)
    assert false_slash(1.0, 48) == 0.0 and false_slash(0.5, 256) > 0.99


def test_false_slashes_are_what_audits_come_to() -> None:
    """Of 2,000 validators who are right in .85, beside four who err always, the weighing slashes no more than the bound, and near it."""
    rng, slashed = np.random.default_rng(6), 0
    for _ in range(2_000):
        wrong = rng.binomial(48, 0.15, 10)
        held, taken = Evidence(), 0
        for errors in wrong.tolist():
            held, loss = weigh(held, WAD, Errors(errors, total=48), Errors(errors, errors, 48 - errors, 48))
            taken += loss
        slashed += taken > 0
    bound = false_slash(0.85, 480)
    assert 0.4 * bound < slashed / 2_000 < bound + 0.02


@pytest.mark.parametrize("correlation", [0.0909, 0.3])
def test_errors_that_come_together(correlation: float) -> None:
    """Where errors cluster on hard records the chance of reaching the bound is that of walks of five whose records are drawn so."""
    error, total = 0.15, 1 / correlation - 1
    rng = np.random.default_rng(7)
    hard = rng.beta(error * total, (1 - error) * total, (3_000, 500))
    votes = [rng.random(hard.shape) < hard for _ in range(5)]
    many = sum(one.astype(int) for one in votes[1:]) >= 2
    steps = np.where(votes[0], 1, -2) * many
    level, joint = np.zeros(3_000), np.zeros(3_000, dtype=bool)
    for at in range(500):
        level = np.maximum(0, level + steps[:, at])
        joint |= level >= JOINT
    alone = false_slash(1 - error, 500, correlation=1e-9)
    assert false_slash(1 - error, 500, correlation) - alone == pytest.approx(joint.mean(), abs=0.02)


def test_a_reversed_juror_is_not_ruined_by_chance() -> None:
    """The tails are scipy's; of any number of records a juror who is right in .95 errs beyond chance in less than .01 %."""
    from scipy.special import bdtrc  # type: ignore[import-untyped]

    worst = 0.0
    for records in range(1, 257):
        least = -(-(records + 20) // 6)
        expected = bdtrc(least - 1, records, 0.05) if least <= records else 0.0
        assert false_juror_slash(0.95, records) == pytest.approx(expected, abs=1e-12)
        worst = max(worst, expected)
    assert 8e-5 < worst < 8.1e-5
    assert false_juror_slash(0.05, 4) == pytest.approx(0.95**4)
