"""What a specification will catch and what it will not: by checks, gold, committee, audits and bonds, in numbers where there are any."""

from __future__ import annotations

from math import comb

import msgspec

from sheaf.domain.amounts import BPS
from sheaf.governance.parameters import IDS, TABLE
from sheaf.verification.gold import SequentialTest, risk

FORCED = 0.5
"""The share of gold that is deliberately wrong: who approves everything is right on the rest."""
LOSING = 0.08
"""The share of garbage in a batch from which a committee that approves it together loses, by the reversal of docs/mechanism.md."""


class Catch(msgspec.Struct, frozen=True):
    """Something that goes wrong, what stands against it, and how well: a number in the unit it names."""

    against: str
    by: str
    value: float
    unit: str


def catches(count: int, price: int, fee_bps: int, gold_bps: int) -> list[Catch]:
    """Return what catches people who do not look or send what is bad, for `count` records at `price`, with so much gold.

    All of it follows from the parameters as they usually are: a committee by value, audits, bonds.
    """
    return [*_careless(gold_bps), *_honest_errors(price * count), *_collusion(), *_contributor(fee_bps)]


def misses(gold_bps: int, has_sample: bool, has_label: bool, names: set[str]) -> list[str]:
    """Return what nothing in the specification catches, each with what would."""
    said = []
    if not gold_bps:
        said.append(
            "Reviewers who do not look: without gold only audits tell them from those who do. Give gold."
        )
    else:
        said.append("Reviewers whom the contributor told which records are gold.")
    if "near_duplicates" not in names:
        said.append(
            "Records that are almost the same, changed a little: name the check near_duplicates, with a scope."
        )
    if "duplicates" not in names:
        said.append("Records that were sold before: name the check duplicates.")
    if "personal_data" not in names:
        said.append("Personal data in texts: name the check personal_data.")
    if not has_sample:
        said.append(
            "Records that are not of the wanted kind, unless a reviewer sees it: publish a sample with answers."
        )
    if not has_label:
        said.append(
            "Wrong answers inside a record: no field is named as label, so records are judged as a whole."
        )
    said.append("Well-formed lies: a record that keeps every rule, is new, and that reviewers believe.")
    said.append(
        "What a record is worth: right records are paid alike, whether or not they add anything to yours."
    )
    said.append("A committee of friends, where one owner holds most of the stake that can sit.")
    return said


def _parameter(name: str) -> int:
    return TABLE[IDS[name]].default


def _careless(gold_bps: int) -> list[Catch]:
    """Return how soon those who approve everything, or toss a coin, are jailed, and how seldom those who look are."""
    if not gold_bps:
        return []
    skill = _parameter("skill_bps") / BPS
    test = SequentialTest.of(round(100 * skill))
    share = gold_bps / BPS
    # who approves everything is right on gold that is not forced, who tosses a coin on half of any
    soon, honest = risk(test, 1.0 - FORCED).until_jailed, risk(test, skill)
    return [
        Catch(
            "a reviewer who approves everything, or tosses a coin",
            "gold and its sequential test",
            soon / share,
            "records until jail",
        ),
        Catch(
            "a reviewer who looks and is jailed all the same",
            "gold and its sequential test",
            honest.jailed,
            "chance a test",
        ),
    ]


def _honest_errors(value: int) -> list[Catch]:
    """Return the chance that a committee whose members each err as often as is supposed approves a wrong record."""
    size, quorum = committee(value)
    wrong = 1.0 - _parameter("skill_bps") / BPS
    chance = sum(comb(size, k) * wrong**k * (1 - wrong) ** (size - k) for k in range(quorum, size + 1))
    return [
        Catch(
            "a wrong record approved by honest error", f"{quorum} of {size} votes", chance, "chance a record"
        ),
    ]


def committee(value: int) -> tuple[int, int]:
    """Return seats and quorum of a batch worth `value` in the smallest unit of a token of 18 decimals."""
    whole = value // 10**18
    kind = (
        "small"
        if whole <= _parameter("small_value")
        else "middle"
        if whole <= _parameter("large_value")
        else "large"
    )
    return _parameter(f"{kind}_size"), _parameter(f"{kind}_quorum")


def _collusion() -> list[Catch]:
    audit = _parameter("audit_bps") / BPS
    return [
        Catch(
            "a batch that nobody challenges",
            f"audits by {_parameter('audit_size')} fresh jurors",
            audit,
            "chance a batch, at least",
        ),
        Catch(
            "reviewers who approve garbage together",
            "audits, challenges and reversal",
            LOSING,
            "share of garbage where it loses",
        ),
    ]


def _contributor(fee_bps: int) -> list[Catch]:
    """Return the share of records that must be accepted for garbage not to lose money, making it being free."""
    cost = fee_bps / BPS + _parameter("bond_percent") / 100
    return [
        Catch(
            "a contributor who sends garbage",
            "bond and fee per record",
            cost / (1 + cost),
            "share accepted at which it breaks even",
        ),
    ]
