"""The sequential test on known answers: whom it jails, how often wrongly, and how soon."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import InputError
from sheaf.verification import gold
from sheaf.verification.gold import JAIL, RESET, SequentialTest, Step, calibrated, risk


def test_steps_are_logarithms_of_likelihoods() -> None:
    """A hit adds ln(.5/.95) and a miss ln(.5/.05), to the millionth; .95 is what the default supposes."""
    assert SequentialTest() == SequentialTest.of(95)
    assert pytest.approx(math.log(0.5 / 0.95), abs=5e-7) == gold.HIT / gold.UNIT
    assert pytest.approx(math.log(0.5 / 0.05), abs=5e-7) == gold.MISS / gold.UNIT


def test_four_misses_in_a_row_jail() -> None:
    """Three misses do not jail, the fourth does; the test then begins anew."""
    test = SequentialTest()
    assert test.run(0, [False] * 3) == Step(6_907_755, False, misses=3)
    assert test.run(0, [False] * 4 + [True] * 9) == Step(0, True, misses=4)


def test_eight_hits_in_a_row_begin_anew() -> None:
    """Hits are not hoarded: after eight of them the test stands where it began."""
    test = SequentialTest()
    assert test.run(0, [True] * 7).llr == 7 * gold.HIT
    assert test.run(0, [True] * 8) == Step(0, False, hits=8)


@given(st.lists(st.booleans(), max_size=60), st.integers(60, 95))
@settings(max_examples=80, deadline=None)
def test_a_batch_is_the_sum_of_its_records(hits: list[bool], percent: int) -> None:
    """Running a batch is stepping record by record until jail; the state stays between the borders."""
    test, llr, is_jailed, counts = SequentialTest.of(percent), 0, False, [0, 0]
    for is_hit in hits:
        if not is_jailed:
            llr, is_jailed = test.step(llr, is_hit).llr, test.step(llr, is_hit).is_jailed
            counts[is_hit] += 1
        assert RESET < llr < JAIL
    assert test.run(0, hits) == Step(llr, is_jailed, counts[True], counts[False])


def test_who_is_right_at_the_rate_is_hardly_ever_jailed() -> None:
    """At q = q0 = .95 a test jails in .0046 to .0048 % of cases, which Wald's bound of .01 % covers."""
    found = risk(SequentialTest(), 0.95)
    assert 0.46e-4 < found.jailed < 0.48e-4
    assert found.jailed < math.exp(-JAIL / gold.UNIT)


@given(st.integers(60, 95))
@settings(max_examples=12, deadline=None)
def test_every_calibrated_test_keeps_the_bound(percent: int) -> None:
    """Whatever q0 is, who is right at that rate is jailed in less than one of 10,000 tests."""
    assert risk(SequentialTest.of(percent), percent / 100).jailed < 1e-4


def test_a_test_for_another_kind_of_task_is_unjust() -> None:
    """Who is right at .8 is jailed in a fifth of the tests that suppose .95: why q0 is calibrated."""
    assert 0.1 < risk(SequentialTest(), 0.8).jailed < 0.3


def test_coins_are_caught_soon() -> None:
    """A coin is jailed by nearly every test, within a dozen gold records; who is always wrong by the fourth."""
    coin = risk(SequentialTest(), 0.5)
    assert coin.jailed > 0.98
    assert coin.until_jailed < 13.0
    assert risk(SequentialTest(), 0.0) == gold.Risk(1.0, 4.0)
    assert risk(SequentialTest(), 1.0).until_jailed == math.inf


@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.9])
def test_the_risk_is_that_of_drawn_validators(accuracy: float) -> None:
    """4,000 drawn tests end in jail as often, and last as long, as computed, within four standard errors."""
    random, test = np.random.default_rng(7), SequentialTest()
    ends, lengths = [], []
    for _ in range(4_000):
        llr, length = 0, 0
        while True:
            length += 1
            state = test.step(llr, bool(random.random() < accuracy))
            llr = state.llr
            if state.is_jailed or llr == 0:
                break
        ends.append(state.is_jailed)
        lengths.append(length)
    found = risk(test, accuracy)
    assert abs(np.mean(ends) - found.jailed) < 4.0 * math.sqrt(found.jailed * (1.0 - found.jailed) / 4_000)
    assert abs(np.mean(lengths) - found.records) < 4.0 * np.std(lengths) / math.sqrt(4_000)


def test_calibration_finds_the_rate_that_nearly_all_exceed() -> None:
    """Of 300 honest validators of rates .80 to .92, about 95 of 100 are better than the rate found, and few are jailed."""
    random = np.random.default_rng(8)
    rates = random.uniform(0.80, 0.92, 300)
    percent = calibrated([int(random.binomial(80, rate)) for rate in rates], [80] * 300)
    assert 78 <= percent <= 82
    assert np.mean([risk(SequentialTest.of(percent), rate).jailed for rate in rates[:40]]) < 1e-4


def test_calibration_takes_chance_for_chance() -> None:
    """Validators who are all right at .9 differ by chance only: the rate found is close to .9, however few records each had."""
    random = np.random.default_rng(9)
    assert calibrated([int(random.binomial(12, 0.9)) for _ in range(500)], [12] * 500) in (86, 87, 88, 89)


def test_calibration_stays_within_its_bounds() -> None:
    """The rate is .95 at most: above, two misses would jail."""
    assert calibrated([50] * 10, [50] * 10) == 95


@pytest.mark.parametrize(
    ("hits", "tests", "field"),
    [
        ([1], [1, 2], "hits"),
        ([3, 1], [2, 2], "hits"),
        ([-1, 1], [2, 2], "hits"),
        ([5, 5], [9, 9], "validators"),
        ([], [], "validators"),
        ([10, 11], [20, 20], "gold"),
    ],
)
def test_gold_that_shows_nothing_is_refused(hits: list[int], tests: list[int], field: str) -> None:
    """Impossible counts, too few validators, and gold on which they are hardly better than a coin are refused."""
    with pytest.raises(InputError, match=field):
        calibrated(hits, tests)


@pytest.mark.parametrize("percent", [59, 96, 0, 100])
def test_tests_outside_the_bounds_are_refused(percent: int) -> None:
    """No test is made for rates near a coin's or for the infallible."""
    with pytest.raises(InputError, match="accuracy_percent"):
        SequentialTest.of(percent)
    with pytest.raises(InputError, match="accuracy"):
        risk(SequentialTest(), 1.01 + percent)
