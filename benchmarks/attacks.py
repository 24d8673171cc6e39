"""Whether attacks pay, on the true contracts: returns and gains over worlds, with 95 % intervals; and what chance does to the honest."""

from __future__ import annotations

import os
from math import exp

from benchmarks.report import Figure, Options, main
from sheaf.simulation.agents import habits
from sheaf.simulation.measures import Interval, false_jail, false_juror_slash, false_rejection, false_slash
from sheaf.simulation.run import Scenario, Summary, play_each, summarise
from sheaf.verification.gold import SequentialTest, risk

SKILL = 0.95
"""Of honest validators, where chance is computed: what the test on gold is made for."""
SIZES = ((5, 4), (7, 5), (11, 8))
"""Seats and quorum by the value of a batch."""
AUDITED = (48, 256, 10_000)
"""Audited records of a validator in all: a batch with its gold, a whole word, some years."""
CORRELATIONS = (0.05, 0.1)
"""How much errors of several on one record come together where records differ in difficulty: the intra-class correlation."""
GOLD = 10_000
"""Answers to gold in all."""


def measure(options: Options) -> list[Figure]:
    """Play every habit that is not honest among honest people; `options.seeds` worlds each."""
    names = [name for name in habits() if not name.startswith("honest")]
    worlds = [(Scenario([name]), seed) for name in names for seed in range(options.seeds)]
    played = list(play_each(worlds, processes=min(os.cpu_count() or 1, len(worlds))))
    found = {
        name: summarise(played[i * options.seeds : (i + 1) * options.seeds]) for i, name in enumerate(names)
    }
    return [
        *(figure for name in names for figure in _attack(name, found[name])),
        *_honest(list(found.values())),
        *_chance(),
    ]


def _attack(name: str, found: Summary) -> list[Figure]:
    """Return what the first agent of a habit, the attacker, got, and everybody else beside it."""
    attacker = next(iter(found.attackers))
    figures = [
        *_interval(f"{name}: return", found.attackers[attacker]),
        *_interval(f"{name}: gain over honesty", found.gains[attacker]),
        _held(f"{name}: return, upper end", found.attackers[attacker].high, "below 0", better="lower"),
        _held(f"{name}: gain over honesty, upper end", found.gains[attacker].high, "below 0", better="lower"),
    ]
    figures += [
        _held(f"{name}: {habit}, lower end", one.low, "above 0", better="higher")
        for habit, one in found.honest.items()
    ]
    figures += [
        Figure(f"{name}: {habit} beside it, mean return", one.mean, "tokens")
        for habit, one in found.attackers.items()
        if habit != attacker
    ]
    return [
        *figures,
        Figure(f"{name}: precision of what was bought", found.precision.mean, "share", target=None),
        Figure(f"{name}: recall of what was good", found.recall.mean, "share", target=None),
        Figure(f"{name}: fees", found.fees.mean, "tokens a world"),
        Figure(f"{name}: at stake", found.at_stake.mean, "tokens a submission"),
        Figure(f"{name}: taken from the stake of honest validators", found.lost.mean, "tokens a world"),
        Figure(f"{name}: gas", found.gas.mean, "gas a world"),
    ]


def _interval(name: str, one: Interval) -> list[Figure]:
    return [
        Figure(f"{name}, mean", one.mean, "tokens"),
        Figure(f"{name}, ± 95 %", one.high - one.mean, "tokens"),
    ]


def _held(name: str, value: float, against: str, *, better: str) -> Figure:
    # Held against 1 with a target of 0, since a ratio to 0 says nothing.
    return Figure(name, value, "tokens", limit=1.0, target=0.0, better=better, against=against)  # type: ignore[arg-type]


def _honest(found: list[Summary]) -> list[Figure]:
    worst, seats = max(found, key=lambda one: one.slashed), max(1, sum(one.seats for one in found))
    jailed, reversed_ = sum(one.jailed for one in found), sum(one.by_reversal for one in found)
    name = "right records of honest contributors rejected, worst attack"
    return [
        Figure(name, worst.slashed, "share", limit=0.001, against=".1 %"),
        Figure(
            "honest validators jailed in all worlds", jailed / seats, "share", limit=0.0001, against=".01 %"
        ),
        Figure(
            "honest validators slashed by a ruling in all worlds", reversed_ / seats, "share", limit=0.0001,
            against=".01 %",
        ),
    ]  # fmt: skip


def _chance() -> list[Figure]:
    """Return what chance alone does to honest people who are right as often as the law expects, computed exactly."""
    figures = [
        Figure(
            f"right record rejected by {size} honest validators, exact", false_rejection(SKILL, size, quorum), "share",
            limit=0.001, against=".1 %",
        )
        for size, quorum in SIZES
    ]  # fmt: skip
    jailed = false_jail(SKILL)
    name = "honest validator jailed by one test on gold, exact"
    figures.append(Figure(name, jailed, "share", limit=0.0001, against=".01 %"))
    unlucky = 1 - exp(-GOLD / risk(SequentialTest.of(round(100 * SKILL)), SKILL).until_jailed)
    figures.append(Figure(f"honest validator jailed within {GOLD} answers to gold", unlucky, "share"))
    for records in AUDITED:
        name = f"honest validator slashed within {records} audited records, at most"
        figures.append(Figure(name, false_slash(SKILL, records), "share", limit=0.0001, against=".01 %"))
    for correlation in CORRELATIONS:
        name = f"honest validator slashed within {AUDITED[-1]} audited records whose errors correlate by {correlation}, at most"
        figures.append(
            Figure(name, false_slash(SKILL, AUDITED[-1], correlation), "share", limit=0.0001, against=".01 %")
        )
    juror = max(false_juror_slash(SKILL, records) for records in range(1, 257))
    name = "honest juror slashed by a ruling that reversed his round, worst number of records, exact"
    figures.append(Figure(name, juror, "share", limit=0.0001, against=".01 %"))
    return figures


if __name__ == "__main__":
    main("attacks", measure, seeds=20)
