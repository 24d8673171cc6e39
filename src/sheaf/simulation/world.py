"""A world: one embedded market, a buyer, a custodian, and agents who sell and review; time passes when nobody can act.

Records are points on a line with the side they lie on, so that everybody in the simulation knows who is right. What producing and
looking cost is part of the world (`Economy`); all else, who earns what and who loses it, is done by the contracts.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf import actions
from sheaf.actions.cases.docket import NEVER
from sheaf.actions.disputes.moving import jury_of, parameter, trial_of
from sheaf.actions.gold import dealing
from sheaf.actions.gold.opening import GRACE_SECONDS
from sheaf.actions.gold.stock import gold_count
from sheaf.domain.amounts import BPS, WAD
from sheaf.domain.errors import Missing, SheafError
from sheaf.domain.request import CheckUse, Specification
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.keeper import Keeper
from sheaf.nodes.validator import Validator
from sheaf.simulation.ground import PURSE, ground, settle

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case, Round
    from sheaf.actions.context import Context
    from sheaf.actions.disputes.hearings import Bench
    from sheaf.domain.ids import Address, SubmissionId
    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Request

PATIENCE = 400
"""Rounds of everybody's turns after which a market that has not settled is taken to be stuck."""
PLAIN_BATCHES = 20
MEMORY = Path("/dev") / "shm"
"""Where files cost no disk: journals are written through, and a world is not meant to last."""

CAREFUL = (("challenge_seconds", 600), ("jury_size", 3), ("audit_size", 7))
"""Parameters of a local market, but with time to challenge, and juries that a world's validators can fill beside two rounds of review."""

NEAR = 1e-6
"""A point no farther than this from a known one tells nothing new: a hundredth of the scale, the tolerance of the check."""

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
        CheckUse(
            "near_duplicates", parameters={"scope": "market", "kind": "table", "scales": {"x": 100 * NEAR}}
        ),
    ),
)


@dataclass(frozen=True)
class Economy:
    """What a world assumes: price of a record, what making and looking at one cost and what a right one is worth to its buyer, in whole
    tokens; records per batch; validators, the stake of each and how often they are right; the validators' fee; the share of gold in a
    batch; parameters by name.
    """

    price: float = 1.0
    make_cost: float = 0.5
    look_cost: float = 0.002
    worth: float = 1.5
    records: int = 40
    validators: int = 18
    stake: int = 2_000
    skill: float = 0.97
    fee_bps: int = 400
    gold_share: float = 0.15
    parameters: tuple[tuple[str, int], ...] = CAREFUL


@dataclass(frozen=True)
class Sold:
    """A batch that was offered: by whom, and which of its records are right and no copies, shape (records,)."""

    seller: str
    table: pa.Table
    is_good: NDArray[np.bool_]


@dataclass
class World:
    """One market with its people. `rng` decides what agents decide by chance; the same seed gives the same world."""

    seed: int
    home: Path
    economy: Economy = field(default_factory=Economy)
    reviewers: list[Validator] = field(default_factory=list)
    sold: dict[SubmissionId, Sold] = field(default_factory=dict)
    watchers: list[Callable[[], int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 1])
        found = ground(self.economy.validators, self.economy.stake, self.economy.parameters)
        self.market = settle(found, self.seed, self.home)
        self._validators = [found.validators[i] for i in self.rng.permutation(len(found.validators))]
        self._traders = list(found.traders)
        self.began_at = self.market.chain.block().number
        self.buyer = self.account("buyer")
        self._plain: Request | None = None
        self.custodian = Custodian(self.account("custodian"))
        self.keeper = Keeper(self.custodian.ctx)

    def account(self, name: str) -> Context:
        """Return a funded account that nobody has taken yet."""
        if self._traders:
            return self.market.acting_as(self._traders.pop(0))
        return actions.local_account(self.market, name, tokens=PURSE * WAD, seed=self.seed)

    def unreadable(self, name: str) -> Context:
        """Return a funded account that has published no reading key."""
        from sheaf.chain.signer import Signer

        key = hashlib.sha256(f"sheaf world {self.seed} {name}".encode()).digest()
        account = self.market.acting_as(Signer(key))
        actions.fund_account(self.market, account.account, tokens=PURSE * WAD)
        return account

    def staff(self, judge: Judge) -> Context:
        """Give one of the staked accounts a judge, and return it. Raises SheafError where all have one."""
        if not self._validators:
            raise SheafError(f"validators: {self.economy.validators}: too few for these habits: take more")
        account = self.market.acting_as(self._validators.pop(0))
        # One node rates all reviewers; whoever it is gains nothing by it.
        self.reviewers.append(Validator(account, judge, is_scoring=not self.reviewers))
        return account

    def open(self, batches: int, buyer: Context | None = None, *, is_golden: bool = True) -> Request:
        """Open a request that can pay for so many batches, with gold in each where the economy has any."""
        share_bps = round(self.economy.gold_share * BPS) if is_golden else 0
        each = gold_count(self.economy.records, share_bps) if share_bps else 0
        limit = batches * (self.economy.records + each)
        price = round(self.economy.price * WAD)
        gold = None
        if each:
            # Half of it is made wrong; a batch may take one more of a kind than of the other.
            stock = points(self.rng, batches * (each + 2))
            gold = actions.Gold(stock, self.custodian.ctx.account, share_bps)
        return actions.open_request(
            buyer or self.buyer, WANTED, price=price, escrow=-(-limit * price * (BPS + self.economy.fee_bps) // BPS) + limit,
            record_limit=limit, fee_bps=self.economy.fee_bps, gold=gold,
        )  # fmt: skip

    def plain(self) -> Request:
        """Return a request of the buyer's without gold, in which contributors choose their custodians: always the same."""
        if self._plain is None:
            self._plain = self.open(PLAIN_BATCHES, is_golden=False)
        return self._plain

    def sell(
        self,
        seller: Context,
        request: Request,
        table: pa.Table,
        *,
        custodian: Context | None = None,
        by: str = "",
    ) -> SubmissionId:
        """Submit a batch, whatever the seller's own preview says of it; where the request has gold its keeper mixes it in."""
        keeper = (custodian or self.custodian.ctx).account

        def offer() -> SubmissionId:
            return actions.submit(seller, request.id, table, custodian=keeper, is_forced=True)

        try:
            number = offer()
        except Missing:
            self.keeper.tick()
            number = offer()
        self.note(number, table, by)
        return number

    def note(self, number: SubmissionId, table: pa.Table, by: str) -> None:
        """Remember what was offered, to say afterwards which good records were bought: a copy of what came before is none."""
        before = [one.table.column("x").to_numpy() for one in self.sold.values()]
        known = np.concatenate(before) if before else np.zeros(0)
        self.sold[number] = Sold(by, table, is_right(table) & ~is_near(table.column("x").to_numpy(), known))

    def play(self) -> None:
        """Let everybody take turns, block by block, until all submissions and disputes are over. Raises SheafError if they never are."""
        for _ in range(PATIENCE):
            done = (
                self.custodian.tick()
                + self.keeper.tick()
                + sum(reviewer.tick() for reviewer in self.reviewers)
            )
            done += sum(watch() for watch in self.watchers)
            waiting = [case for case in self.market.docket.cases.values() if not _is_done(case)]
            if not done and not waiting:
                return
            self._engine.mine()
            if not done:
                self._wait(waiting)
        phases = [
            f"{case.submission}: {actions.status(self.market, case.submission).phase}" for case in waiting
        ]
        raise SheafError(f"the market did not settle in {PATIENCE} rounds: {', '.join(phases)}")

    def end(self) -> None:
        """Let time pass until what gold has sentenced is executed: no sooner may who is jailed say what it has lost."""
        due = [slash_from for _, slash_from in self.market.docket.jailed.values() if slash_from < NEVER]
        if due:
            self._engine.advance(max(1, max(due) - self.market.chain.block().timestamp + 1))
            actions.execute_sentences(self.custodian.ctx)

    def own(self, submission: SubmissionId) -> NDArray[np.int64]:
        """Return which records of a submission are its contributor's, in their order: those that are no gold."""
        case = self.market.docket.case(submission)
        found = dealing.mix_of(self.custodian.ctx, case)
        places = found[1].places if found and case.contributor == found[1].contributor else []
        return np.setdiff1d(np.arange(case.records), places)

    def wealth(self, account: Context) -> int:
        """Return all that an account has of the market token: in hand, owed, staked and deposited."""
        held, kept = actions.balances(account), actions.deposited(account)
        return held.tokens + held.owed + held.staked + kept.free + kept.leaving + actions.winnings(account)

    def losses(self, account: Address) -> int:
        """Return what was taken from a validator's stake in this world."""
        return sum(
            event.args["amount"]
            for event in self.market.chain.events("Stakes", "StakeSlashed", self.began_at)
            if self.market.docket.validators.get(event.args["id"]) == account
        )

    def _wait(self, cases: Sequence[Case]) -> None:
        """Let time pass until something changes for a case: half of a window, after which nobody waits for others, or its end."""
        now, times = self.market.chain.block().timestamp, []
        for case in cases:
            state = actions.status(self.market, case.submission)
            times += [
                state.commit_until,
                state.reveal_until,
                state.settle_after,
                state.settle_after + GRACE_SECONDS,
            ]
            windows: list[Round | Bench] = [*case.rounds[-1:]]
            for hearing in case.hearings:
                windows += hearing.benches[-1:]
                times.append(jury_of(self.market, hearing).appeal_until)
            times += [(one.drawn_at + one.commit_until) // 2 for one in windows]
            times += [(one.commit_until + one.reveal_until) // 2 for one in windows]
            times += [time for one in windows for time in (one.commit_until, one.reveal_until)]
            if case.hearings:
                trial = trial_of(self.market, case)
                reveal = parameter(self.market, "reveal_seconds")
                times += [
                    trial.challenge_until,
                    trial.until,
                    trial.until - reveal // 2,
                    trial.concluded_at + reveal,
                ]
        later = [time for time in times if time >= now]
        if later:
            self._engine.advance(min(later) - now + 1)

    @property
    def _engine(self) -> Any:
        assert self.market.engine is not None
        return self.market.engine


def _is_done(case: Case) -> bool:
    return case.is_over and all(hearing.is_collected for hearing in case.hearings)


@contextmanager
def world(seed: int, economy: Economy) -> Iterator[World]:
    """Make a world, and leave nothing of it on disk."""
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="sheaf-world-", dir=memory, ignore_cleanup_errors=True) as home:
        yield World(seed, Path(home), economy)


def points(rng: np.random.Generator, count: int, wrong: float = 0.0) -> pa.Table:
    """Return new points, no two of them near each other, a share `wrong` of which is given the other side."""
    x = rng.random(count)
    while len(near := _followers(x)):
        x[near] = rng.random(len(near))
    flip = np.arange(count) < round(wrong * count)
    return table_of(x, (x > 0.5) ^ rng.permutation(flip))


def _followers(x: NDArray[np.float64]) -> NDArray[np.int64]:
    order = np.argsort(x)
    return order[1:][np.diff(x[order]) <= 2 * NEAR]


def table_of(x: NDArray[np.float64], side: NDArray[np.bool_]) -> pa.Table:
    """Return points as records, both shape (records,)."""
    import pyarrow as pa

    return pa.table({"x": x, "side": pa.array(side.astype(np.int64))})


def is_right(records: pa.Table) -> NDArray[np.bool_]:
    """Return which points have the side they lie on, shape (records,)."""
    found: NDArray[np.bool_] = (records.column("x").to_numpy() > 0.5) == records.column("side").to_numpy()
    return found


def is_near(x: NDArray[np.float64], known: NDArray[np.float64], within: float = NEAR) -> NDArray[np.bool_]:
    """Return which of `x` lie within a distance of any `known` point: such a point tells nothing new. Shape (records,)."""
    ordered = np.sort(known)
    first = np.searchsorted(ordered, x - within, side="left")
    last = np.searchsorted(ordered, x + within, side="right")
    found: NDArray[np.bool_] = last > first
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
