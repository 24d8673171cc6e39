"""A world: one embedded market, a buyer, a custodian, and agents who sell and review; time passes when nobody can act.

Records are points on a line with the side they lie on, so that everybody in the simulation knows who is right. What producing and
looking cost is part of the world (`Economy`); all else, who earns what and who loses it, is done by the contracts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf import actions
from sheaf.bootstrap import local
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import SheafError
from sheaf.domain.request import CheckUse, Specification
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.validator import Validator

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Request

PATIENCE = 400
"""Rounds of everybody's turns after which a market that has not settled is taken to be stuck."""

WANTED = Specification(
    title="Points and the side they lie on",
    instructions="Approve a point when its side is right.",
    schema={
        "type": "object",
        "properties": {
            "x": {"type": "number", "minimum": 0, "maximum": 1},
            "side": {"type": "integer", "minimum": 0, "maximum": 1},
        },
        "required": ["x", "side"],
        "additionalProperties": False,
    },
    licence="CC0-1.0",
    label="side",
    checks=(
        CheckUse("commitment"),
        CheckUse("schema"),
        CheckUse("duplicates", parameters={"scope": "market"}),
    ),
)


@dataclass(frozen=True)
class Economy:
    """What a world assumes: price of a record and costs of making and of looking at one, in whole tokens; records per batch."""

    price: float = 1.0
    make_cost: float = 0.5
    look_cost: float = 0.002
    records: int = 40
    validators: int = 12
    stake: int = 2_000
    skill: float = 0.97


@dataclass
class World:
    """One market with its people. `rng` decides what agents decide by chance; the same seed gives the same world."""

    seed: int
    economy: Economy = field(default_factory=Economy)
    reviewers: list[Validator] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 1])
        self.market = local(seed=self.seed)
        self.buyer = self.account("buyer", 5_000)
        self.custodian = Custodian(self.account("custodian", 0))

    def account(self, name: str, whole_tokens: int) -> Context:
        """Return a new funded account."""
        return actions.local_account(self.market, name, tokens=whole_tokens * WAD, seed=self.seed)

    def staff(self, name: str, judge: Judge) -> Context:
        """Let one more validator join with a judge of its own, and return its account; it weighs after `settle_in`."""
        account = self.account(name, 2 * self.economy.stake)
        actions.stake(account, self.economy.stake * WAD)
        # One node rates all reviewers; whoever it is gains nothing by it.
        self.reviewers.append(Validator(account, judge, is_scoring=not self.reviewers))
        return account

    def settle_in(self) -> None:
        """Let blocks pass until all stakes weigh."""
        self._mine(int(self.market.chain.call("Stakes", "period_blocks")))

    def open(self, batches: int, buyer: Context | None = None) -> Request:
        """Open a request that can pay for so many batches."""
        limit = batches * self.economy.records
        price = round(self.economy.price * WAD)
        return actions.open_request(
            buyer or self.buyer, WANTED, price=price, escrow=limit * price * 11 // 10, record_limit=limit
        )

    def sell(self, seller: Context, request: Request, table: pa.Table) -> SubmissionId:
        """Submit a batch, whatever the seller's own preview says of it."""
        keeper = self.custodian.ctx.account
        return actions.submit(seller, request.id, table, custodian=keeper, is_forced=True)

    def play(self, submissions: list[SubmissionId]) -> None:
        """Let everybody take turns, block by block, until all submissions are over. Raises SheafError if they never are."""
        for _ in range(PATIENCE):
            done = self.custodian.tick() + sum(reviewer.tick() for reviewer in self.reviewers)
            states = [actions.status(self.market, number) for number in submissions]
            if not done and all(state.phase in ("settled", "void") for state in states):
                return
            self._mine(1)
            if not done:
                now = self.market.chain.block().timestamp
                times = [
                    t for s in states for t in (s.commit_until, s.reveal_until, s.settle_after) if t >= now
                ]
                if times:
                    self._engine.advance(min(times) - now + 1)
        phases = [state.phase for state in states]
        raise SheafError(f"the market did not settle in {PATIENCE} rounds: {', '.join(phases)}")

    def wealth(self, account: Context) -> int:
        """Return all that an account has of the market token: in hand, owed and staked."""
        held = actions.balances(account)
        return held.tokens + held.owed + held.staked

    @property
    def _engine(self) -> Any:
        assert self.market.engine is not None
        return self.market.engine

    def _mine(self, blocks: int) -> None:
        self._engine.mine(blocks)


def points(rng: np.random.Generator, count: int, wrong: float = 0.0) -> pa.Table:
    """Return new points, no two alike, a share `wrong` of which is given the other side."""
    import pyarrow as pa

    x = rng.random(count)
    flip = np.arange(count) < round(wrong * count)
    side = (x > 0.5) ^ rng.permutation(flip)
    return pa.table({"x": x, "side": pa.array(side.astype(np.int64))})


def is_right(records: pa.Table) -> NDArray[np.bool_]:
    """Return which points have the side they lie on, shape (records,)."""
    found: NDArray[np.bool_] = (records.column("x").to_numpy() > 0.5) == records.column("side").to_numpy()
    return found


@dataclass
class Opinionated:
    """A judge that decides by a rule from which records are right; `looked` counts the records it really looked at."""

    rule: Callable[[pa.Table, NDArray[np.bool_]], NDArray[np.bool_]]
    looks: bool = True
    looked: int = 0

    def judge(self, records: pa.Table, specification: Specification) -> NDArray[np.bool_]:
        """Return which records to approve."""
        self.looked += records.num_rows if self.looks else 0
        return np.asarray(self.rule(records, is_right(records)), dtype=np.bool_)


def skilled(seed: int, skill: float) -> Opinionated:
    """Return an honest judge that looks at every record and is right with probability `skill`, each time anew."""
    rng = np.random.default_rng([seed, 2])
    return Opinionated(lambda _, right: right ^ (rng.random(len(right)) >= skill))
