"""Whether a validator looks at all: a sequential test on records whose answer is known.

Wald, Annals of Mathematical Statistics 16(2), 1945: the logarithm of the likelihood of a coin against that of a validator
who is right at rate q₀, in millionths, grows with a miss and falls with a hit. At JAIL the validator is jailed, at RESET
the test begins anew. By Wald's inequality nobody who is right at rate q₀ is jailed in more than exp(−JAIL), one in
10,000, of the tests; so q₀ has to be calibrated for each kind of task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sheaf.domain.errors import InputError

UNIT = 10**6
"""One in the numbers of a test."""
JAIL, RESET = 9_210_000, -4_610_000
HIT, MISS = -641_854, 2_302_585
"""ln(.5/.95) and ln(.5/.05), to the nearest millionth."""
LOWEST, HIGHEST = 60, 95
"""Bounds of q₀, in percent: below, a validator who looks is hardly told from a coin; above, two misses would jail."""
LEAST_TESTS = 10
"""Gold records of each of at least so many validators as calibrate a kind of task."""
LOWER = 1.645
"""Standard deviations below the mean: 95 of 100 honest validators are better."""
NEGLIGIBLE = 1e-15


@dataclass(frozen=True)
class Step:
    """The state of a test: `llr` in millionths, whether the validator is to be jailed, and the hits and misses that led there."""

    llr: int
    is_jailed: bool
    hits: int = 0
    misses: int = 0


@dataclass(frozen=True)
class SequentialTest:
    """A sequential test: what a `hit` and a `miss` add, in millionths. The default supposes that who looks is right at rate .95."""

    hit: int = HIT
    miss: int = MISS

    @classmethod
    def of(cls, accuracy_percent: int) -> SequentialTest:
        """Return the test for a kind of task in which who looks is right at this rate. Raises InputError outside 60 to 95."""
        if not LOWEST <= accuracy_percent <= HIGHEST:
            raise InputError("accuracy_percent", accuracy_percent, f"give {LOWEST} to {HIGHEST}")
        return cls(
            round(UNIT * math.log(50 / accuracy_percent)),
            round(UNIT * math.log(50 / (100 - accuracy_percent))),
        )

    def step(self, llr: int, is_hit: bool) -> Step:
        """Return the state after one gold record; a jailed validator begins anew at 0 once it is free."""
        after = llr + (self.hit if is_hit else self.miss)
        is_over = after >= JAIL or after <= RESET
        return Step(0 if is_over else after, after >= JAIL, int(is_hit), int(not is_hit))

    def run(self, llr: int, hits: Sequence[bool]) -> Step:
        """Return the state after the gold records of a batch, in their order; it ends where the validator is jailed."""
        state = Step(llr, False)
        for is_hit in hits:
            after = self.step(state.llr, is_hit)
            state = replace(after, hits=state.hits + after.hits, misses=state.misses + after.misses)
            if state.is_jailed:
                break
        return state


@dataclass(frozen=True)
class Risk:
    """What a test does to a validator: the chance to be `jailed` in one test, and the expected `records` until it ends either way."""

    jailed: float
    records: float

    @property
    def until_jailed(self) -> float:
        """Expected gold records until jail, tests following each other; infinite for who is never jailed."""
        return self.records / self.jailed if self.jailed else math.inf


def risk(test: SequentialTest, accuracy: float) -> Risk:
    """Return what `test` does to a validator who is right at rate `accuracy`. Raises InputError outside 0 to 1."""
    if not 0.0 <= accuracy <= 1.0:
        raise InputError("accuracy", accuracy, "give a chance, 0 to 1")
    chance = {0: 1.0}
    jailed = records = 0.0
    while sum(chance.values()) > NEGLIGIBLE:
        after: dict[int, float] = {}
        for llr, mass in chance.items():
            records += mass
            for moved, share in ((llr + test.hit, accuracy), (llr + test.miss, 1.0 - accuracy)):
                if moved >= JAIL:
                    jailed += mass * share
                elif moved > RESET and share > 0.0:
                    after[moved] = after.get(moved, 0.0) + mass * share
        chance = after
    return Risk(jailed, records)


def calibrated(hits: Sequence[int], tests: Sequence[int]) -> int:
    """Return q₀ in percent for a kind of task: a rate that 95 of 100 honest validators exceed, 95 at most.

    `hits` of `tests` gold records, one entry for each validator in good standing; those with fewer than 10 tests do not count. The spread
    of true rates is what is left of the observed spread after chance. Raises InputError for fewer than two such
    validators and where the rate lies below 60: such gold cannot tell who looks from a coin.
    """
    if len(hits) != len(tests) or any(not 0 <= hit <= test for hit, test in zip(hits, tests, strict=False)):
        raise InputError("hits", len(hits), "give hits of 0 to the number of tests, one for each validator")
    seen = [(hit, test) for hit, test in zip(hits, tests, strict=True) if test >= LEAST_TESTS]
    if len(seen) < 2:
        raise InputError("validators", len(seen), f"give two or more with {LEAST_TESTS} tests each")
    total = sum(test for _, test in seen)
    mean = (sum(hit for hit, _ in seen) + 1) / (total + 2)
    observed = sum(test * (hit / test - mean) ** 2 for hit, test in seen) / total
    chance = mean * (1.0 - mean) * len(seen) / total
    spread = math.sqrt(max(observed - chance, 0.0) + mean * (1.0 - mean) / total)
    percent = math.floor(100.0 * (mean - LOWER * spread) + 1e-9)
    if percent < LOWEST:
        raise InputError(
            "gold", f"{percent} % right", f"give easier gold: below {LOWEST} % it shows nobody's care"
        )
    return min(percent, HIGHEST)
