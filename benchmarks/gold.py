"""Gold in the running market: how soon who never looks is jailed, and what happens to validators that do.

Digits with labels (scikit-learn), eleven validators that are classifiers of as many kinds trained on the buyer's sample, and one with
so much stake that it sits in nearly every committee and approves everything. All of it goes through contracts and nodes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmarks.report import Figure, Options, main
from sheaf import actions
from sheaf.bootstrap import judge, local
from sheaf.cli.demo import digits
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Missing
from sheaf.domain.request import Specification
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.keeper import Keeper
from sheaf.nodes.validator import Validator
from sheaf.verification.judges import KINDS

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions import Context
    from sheaf.nodes.loop import Role

SIZE, BATCHES, GOLD = 60, 5, 120
TICKS = 200


class Credulous:
    """A judge that approves everything."""

    def judge(self, records: pa.Table, specification: object) -> np.ndarray[Any, Any]:
        """Return True for every record."""
        return np.ones(records.num_rows, dtype=np.bool_)


class _Market:
    """A market of digits with a keeper, classifiers, and one that never looks."""

    def __init__(self, seed: int) -> None:
        self.ctx, self.seed = local(seed=seed), seed
        custodian = self.join("custodian")
        self.keeper = Keeper(custodian)
        kinds = KINDS[:11]
        self.honest = [self.staked(kind, 1_000) for kind in kinds]
        self.lazy = self.staked("lazy", 200_000)
        named = zip(self.honest, kinds, strict=True)
        self.roles: list[Role] = [self.keeper, Custodian(custodian), Validator(self.lazy, Credulous())]
        self.roles += [Validator(account, judge(kind, seed)) for account, kind in named]
        self.mine(int(self.ctx.chain.call("Stakes", "period_blocks")))

    def join(self, name: str, tokens: int = 250_000) -> Context:
        return actions.local_account(self.ctx, name, tokens=tokens * WAD, seed=self.seed)

    def staked(self, name: str, tokens: int) -> Context:
        account = self.join(name)
        actions.stake(account, tokens * WAD)
        return account

    def mine(self, blocks: int) -> None:
        assert self.ctx.engine is not None
        self.ctx.engine.mine(blocks)

    def settle(self, submission: int) -> None:
        assert self.ctx.engine is not None
        for _ in range(TICKS):
            done = sum(role.tick() for role in self.roles)
            state = actions.status(self.ctx, submission)
            if state.phase == "settled":
                return
            self.mine(1)
            if not done and state.settle_after:
                self.ctx.engine.advance(5)
        raise RuntimeError(f"submission {submission} is {actions.status(self.ctx, submission)}")


def _played(seed: int) -> dict[str, float]:
    """Return what came of one market."""
    market = _Market(seed)
    pixels, labels = digits.load(seed)
    at = digits.SAMPLE + GOLD
    sample = digits.table(pixels[: digits.SAMPLE], labels[: digits.SAMPLE])
    known = digits.table(pixels[digits.SAMPLE : at], labels[digits.SAMPLE : at])
    buyer, seller = market.join("buyer"), market.join("contributor")
    wanted = Specification(title="Digits", schema=digits.SCHEMA, label="digit", licence="CC-BY-4.0")
    wanted = msgspec.structs.replace(wanted, sample=actions.publish_sample(buyer, sample, wanted))
    for role in market.roles:
        role.tick()
    gold = actions.Gold(known, market.keeper.ctx.account)
    request = actions.open_request(
        buyer, wanted, gold=gold, price=WAD, escrow=2_000 * WAD, record_limit=2_000
    )
    started, batches, paid, bought = time.perf_counter(), 0, 0, 0
    for batch in range(BATCHES):
        part = slice(at + batch * SIZE, at + (batch + 1) * SIZE)
        table = digits.table(pixels[part], labels[part])
        with_gold: dict[str, Any] = {"custodian": market.keeper.ctx.account, "is_forced": True}
        try:
            submission = actions.submit(seller, request.id, table, **with_gold)
        except Missing:
            market.keeper.tick()
            submission = actions.submit(seller, request.id, table, **with_gold)
        market.settle(submission)
        case = market.ctx.docket.case(submission)
        rejected, hung, _ = case.verdict_at(2**62)
        assert rejected is not None and hung is not None
        bought += int((~rejected & ~hung & ~case.gold_at(2**62)).sum())
        paid += actions.settlement_of(market.ctx, submission).paid // WAD
        # Who is jailed sits no more.
        batches += market.lazy.account in case.rounds[0].members
    lazy = actions.record_of(market.ctx, market.lazy.account)
    honest = [actions.record_of(market.ctx, one.account) for one in market.honest]
    seen = [one for one in honest if one.hits + one.misses]
    return {
        "until_jail": float(batches if lazy.jails else BATCHES + 1),
        "lazy_right": lazy.hits / max(1, lazy.hits + lazy.misses),
        "honest_right": sum(one.hits for one in seen) / sum(one.hits + one.misses for one in seen),
        "honest_jailed": float(sum(one.jails > 0 for one in honest)),
        "paid_and_not_bought": float(abs(paid - bought)),
        "seconds": (time.perf_counter() - started) / BATCHES,
    }


def measure(options: Options) -> list[Figure]:
    """Play a market for each seed."""
    runs = [_played(seed) for seed in range(options.seeds)]

    def every(name: str) -> list[float]:
        return [run[name] for run in runs]

    until, right = every("until_jail"), min(every("honest_right"))
    offered, supposed = "all that were offered", "what the test supposes of who looks"
    return [
        Figure("batches_until_jail_median", float(np.median(until)), "batches of 60 records"),
        Figure(
            "batches_until_jail_worst", max(until), "batches of 60 records", limit=BATCHES, against=offered
        ),
        Figure("lazy_right_on_gold", float(np.mean(every("lazy_right"))), "share"),
        Figure(
            "honest_right_on_gold_worst_seed", right, "share", limit=0.95, against=supposed, better="higher"
        ),
        Figure("honest_jailed", sum(every("honest_jailed")), "validators"),
        Figure("paid_but_not_bought", max(every("paid_and_not_bought")), "records"),
        Figure("seconds_per_batch_median", float(np.median(every("seconds"))), "s"),
    ]


if __name__ == "__main__":
    main("gold", measure, seeds=2)
