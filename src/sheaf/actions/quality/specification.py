"""A specification, looked at before money is locked: its mistakes and traps, what it asks and does not ask, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sheaf.actions.quality.catching import Catch, catches, misses
from sheaf.domain.errors import InputError, SpecificationError
from sheaf.domain.request import Specification
from sheaf.formats import records, schema
from sheaf.formats.specification import load, mistakes
from sheaf.governance.parameters import IDS, TABLE
from sheaf.market.settlement import fee_on, reserved_by
from sheaf.verification.traps.schemas import unsatisfiable

GOLD_BPS = 1500
"""The share of gold in a batch that reviewers are shown, in hundredths of a per cent."""
MOST_GOLD_BPS = 5000


class Remark(msgspec.Struct, frozen=True):
    """Something amiss: where, what stands there, and what to do."""

    field: str
    value: str
    fix: str


class Cost(msgspec.Struct, frozen=True):
    """What a request for `records` takes, in the smallest unit of its token, under the usual parameters.

    `escrow` is locked and pays contributors (`payment`) and reviewers, `protocol_fee` is locked beside it; what is not approved returns.
    `bond` is what contributors bring. `gold` is how many known answers the buyer prepares, `gold_fee` what their review costs: their price
    returns.
    """

    records: int
    price: int
    escrow: int
    payment: int
    reviewers_fee: int
    protocol_fee: int
    bond: int
    gold: int
    gold_fee: int


class Lint(msgspec.Struct, frozen=True):
    """What is to be said of a specification: `mistakes` keep it from being opened, `traps` do not."""

    is_valid: bool
    mistakes: list[Remark]
    traps: list[Remark]
    asks: list[str]
    does_not_ask: list[str]
    catches: list[Catch]
    misses: list[str]
    cost: Cost | None
    specification: Specification | None


@dataclass(frozen=True)
class Plan:
    """What a buyer has in mind: `price` a record in the token's smallest unit (None: not settled), `count` records wanted.

    `fee_bps` is the reviewers' fee, `gold_bps` the share of records with known answers. Rates are in hundredths of a per cent.
    """

    price: int | None = None
    count: int = 1
    fee_bps: int = 400
    gold_bps: int = GOLD_BPS


def lint(file: Path, sample: Path | None = None, plan: Plan = Plan()) -> Lint:
    """Return what is to be said of the specification in `file`, with records that the buyer would publish with it (`sample`).

    What it catches and costs is said for `plan`. Raises RecordError for a sample that cannot be read, InputError for amounts below zero
    and shares of gold beyond one half.
    """
    from sheaf.verification.pipeline import Pipeline
    from sheaf.verification.traps.specifications import asked, traps

    if not 0 <= plan.gold_bps <= MOST_GOLD_BPS:
        raise InputError("gold", plan.gold_bps, f"give 0 to {MOST_GOLD_BPS} hundredths of a per cent")
    cost = None if plan.price is None else cost_of(plan.price, plan.count, plan.fee_bps, plan.gold_bps)
    found: list[InputError] = list(mistakes(file))
    if not found:
        try:
            Pipeline(load(file).checks)
        except InputError as error:
            found.append(error)
    if found:
        return Lint(False, _remarks(found), [], [], [], [], [], cost, None)
    wanted = load(file)
    table = records.read(sample, wanted.schema) if sample else None
    amiss: list[SpecificationError] = [*unsatisfiable(schema.compile(wanted.schema)), *traps(wanted, table)]
    has_sample = table is not None or wanted.sample is not None
    names = {use.name for use in wanted.checks}
    gold_bps = wanted.gold.share_bps if wanted.gold else plan.gold_bps
    return Lint(
        True,
        [],
        _remarks(amiss),
        *asked(wanted.checks),
        catches(plan.count, plan.price or 0, plan.fee_bps, gold_bps),
        misses(gold_bps, has_sample, wanted.label is not None, names),
        cost,
        wanted,
    )


def cost_of(price: int, count: int, fee_bps: int, gold_bps: int = GOLD_BPS) -> Cost:
    """Return what `count` records at `price` take. Raises InputError for amounts below zero and fees out of bounds."""
    if price < 0 or count < 1:
        raise InputError("price, records", f"{price}, {count}", "give a price from 0 and at least one record")
    least, most = TABLE[IDS["fee_min_bps"]].default, TABLE[IDS["fee_max_bps"]].default
    if not least <= fee_bps <= most:
        raise InputError("fee", fee_bps, f"give {least} to {most} hundredths of a per cent")
    protocol_bps, percent = TABLE[IDS["protocol_fee_bps"]].default, TABLE[IDS["bond_percent"]].default
    aside = reserved_by(count, price, fee_bps, protocol_bps, percent)
    gold = -(-count * gold_bps // 10_000)
    return Cost(
        count,
        price,
        aside.amount,
        price * count,
        aside.amount - price * count,
        aside.fee,
        aside.bond,
        gold,
        fee_on(gold * price, fee_bps),
    )


def _remarks(errors: list[InputError] | list[SpecificationError]) -> list[Remark]:
    return [Remark(error.field, error.value, error.fix) for error in errors]
