"""A market in this process for the stories of the README, and the people who meet in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from sheaf import actions
from sheaf.actions import Context
from sheaf.domain.amounts import WAD
from sheaf.domain.request import CheckUse, Request, Specification
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.validator import Validator

SCHEMA = {
    "type": "object",
    "properties": {
        "x": {"type": "number", "minimum": 0, "maximum": 1},
        "label": {"type": "integer", "minimum": 0, "maximum": 1},
    },
    "required": ["x", "label"],
    "additionalProperties": False,
}
WANTED = Specification(
    title="Points and their sides",
    schema=SCHEMA,
    licence="CC-BY-4.0",
    label="label",
    checks=(
        CheckUse("commitment"),
        CheckUse("schema"),
        CheckUse("duplicates", parameters={"scope": "market"}),
    ),
)


class Threshold:
    """A judge that thinks a point belongs to side 1 beyond `at`: with `at` = 0.5 it is always right."""

    def __init__(self, at: float = 0.5) -> None:
        self.at = at

    def judge(self, records: pa.Table, specification: Specification) -> np.ndarray[Any, Any]:
        x = records.column("x").to_numpy()
        return np.asarray(records.column("label").to_numpy() == (x > self.at).astype(int), dtype=np.bool_)


class Doubter:
    """A judge that refuses two records in five, others than the next doubter: whoever sits, many records are hung."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def judge(self, records: pa.Table, specification: Specification) -> np.ndarray[Any, Any]:
        x = records.column("x").to_numpy()
        return np.asarray(np.floor(x * 1e6 + self.seed * 7919) % 5 >= 2, dtype=np.bool_)


def points(count: int, seed: int = 0) -> pa.Table:
    """Return rightly labelled points, no two alike, none near the border."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.35, count) + np.where(rng.random(count) < 0.5, 0.0, 0.65)
    return pa.table({"x": x, "label": pa.array((x > 0.5).astype(int), pa.int64())})


@dataclass
class Town:
    """A market with its people: `ctx` watches, the rest act."""

    ctx: Context
    buyer: Context
    contributor: Context
    custodian: Custodian
    validators: list[Validator] = field(default_factory=list)

    def join(self, name: str, tokens: int = 10_000 * WAD) -> Context:
        """Return a new funded account."""
        return actions.local_account(self.ctx, name, tokens=tokens)

    def staff(self, judges: list[Any], amount: int = 1_000 * WAD) -> None:
        """Let one validator join for each judge, and their stakes take effect."""
        for judge in judges:
            account = self.join(f"validator {len(self.validators)}")
            actions.stake(account, amount)
            self.validators.append(Validator(account, judge))
        self.next_period()

    def next_period(self) -> None:
        """Let blocks pass until new stakes weigh."""
        self.mine(int(self.ctx.chain.call("Stakes", "period_blocks")))

    def mine(self, blocks: int = 1) -> None:
        assert self.ctx.engine is not None
        self.ctx.engine.mine(blocks)

    def advance(self, seconds: int) -> None:
        assert self.ctx.engine is not None
        self.ctx.engine.advance(seconds)
        self.ctx.engine.mine(1)

    def open(self, wanted: Specification = WANTED, **terms: Any) -> Request:
        """Open the buyer's request: 1 token a record, 500 in escrow, unless told otherwise."""
        given = {"price": WAD, "escrow": 500 * WAD, "record_limit": 500, **terms}
        return actions.open_request(self.buyer, wanted, **given)

    def offer(self, request: Request, table: pa.Table, who: Context | None = None, **options: Any) -> int:
        """Submit records with the town's custodian."""
        account = self.custodian.ctx.account
        return actions.submit(who or self.contributor, request.id, table, custodian=account, **options)

    def play(
        self, until: Callable[[], bool], ticks: int = 80, validators: list[Validator] | None = None
    ) -> None:
        """Let custodian and validators act, block by block, until something holds."""
        for _ in range(ticks):
            if until():
                return
            self.custodian.tick()
            for validator in self.validators if validators is None else validators:
                validator.tick()
            self.mine()
        phases = [(s.submission, s.phase, s.is_due) for s in actions.list_submissions(self.ctx)]
        doing = [(v.doing, v.caseload.failing, v.caseload.waiting) for v in self.validators]
        raise AssertionError(f"not reached in {ticks} ticks: {phases} {doing}")

    def phase(self, submission: int) -> str:
        return actions.status(self.ctx, submission).phase

    def decide(self, *submissions: int, **options: Any) -> None:
        """Play until all submissions have their verdict."""
        self.play(lambda: all(self.phase(s) in ("decided", "settled") for s in submissions), **options)

    def settle(self, *submissions: int) -> None:
        """Play until all submissions are decided, let the challenge window pass, and play until they are settled and delivered."""
        self.decide(*submissions)
        last = max(actions.status(self.ctx, s).settle_after for s in submissions)
        self.advance(max(1, last - self.ctx.chain.block().timestamp + 1))
        self.play(lambda: all(self.phase(s) == "settled" for s in submissions))
        self.play(lambda: all(s in v.caseload.closed for v in self.validators for s in submissions))
