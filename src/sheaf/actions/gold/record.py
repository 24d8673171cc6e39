"""Records of validators: what gold, agreement and audits say of them, their jail, and the sentences that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError, Reverted
from sheaf.review import reversals, scores
from sheaf.verification.gold import JAIL

if TYPE_CHECKING:
    from sheaf.actions.context import Context


@dataclass(frozen=True)
class Record:
    """What a validator's work has shown: `accuracy` of its gold (None before the first), agreement and what was expected (wad),
    how far the sequential test is (0 to 1 of the way to jail), the share of the fee that it earns, jail, and how near audits are to proving
    its errors no chance (0 to 1): then `suspended` is lost, in the stake token's smallest unit.

    Times are Unix seconds, 0 where there are none; `slash_from` is when the sentence that waits may be executed.
    """

    account: str
    batches: int
    hits: int
    misses: int
    accuracy: float | None
    agreement: int
    reference: int
    llr: int
    to_jail: float
    factor_bps: int
    jails: int
    jailed_until: int
    slash_from: int
    sentenced_for: int
    proven: float
    suspended: int


def record_of(ctx: Context, account: str) -> Record:
    """Return what is known of a validator: its gold, its agreement, its jail, its audits. Raises InputError for who never staked."""
    from sheaf.domain.ids import Address
    from sheaf.review import stakes

    number = stakes.id_of(ctx.chain, Address(account))
    if not number:
        raise InputError("account", account, "it is no validator: give one that has staked")
    known = scores.standing(ctx.chain, Address(account))
    waits = scores.sentence(ctx.chain, Address(account))
    held = reversals.suspended(ctx.chain, account)
    tests = known.hits + known.misses
    return Record(
        account=account,
        batches=known.batches,
        hits=known.hits,
        misses=known.misses,
        accuracy=known.hits / tests if tests else None,
        agreement=known.agreement,
        reference=known.reference,
        llr=known.llr,
        to_jail=max(0.0, known.llr / JAIL),
        factor_bps=known.factor_bps,
        jails=known.jails,
        jailed_until=stakes.jailed_until(ctx.chain, number),
        slash_from=waits.due_at if waits else 0,
        sentenced_for=waits.submission if waits else 0,
        proven=max(held.joint / reversals.JOINT, held.alone / reversals.ALONE),
        suspended=held.due,
    )


def execute_sentences(ctx: Context) -> int:
    """Burn what jailed validators lose whose time to have the gold voided is over; anyone may. Return how many those were."""
    now, done = ctx.docket.refresh().timestamp, 0
    for account, (_, slash_from) in sorted(ctx.docket.jailed.items()):
        waits = scores.sentence(ctx.chain, account) if now >= slash_from else None
        if waits is not None and now >= waits.due_at:
            try:
                scores.execute(ctx.chain, ctx.sender, account)
            except Reverted:
                # Another was faster.
                continue
            done += 1
    return done


def leave_jail(ctx: Context) -> bool:
    """As a validator whose jail is over, weigh again from the next period on; False if that is not due."""
    from sheaf.review import stakes

    until, _ = ctx.docket.jailed.get(ctx.account, (0, 0))
    if not until or ctx.docket.refresh().timestamp < until:
        return False
    number = stakes.id_of(ctx.chain, ctx.account)
    free_from = stakes.jailed_until(ctx.chain, number) if number else 0
    if not free_from or ctx.docket.refresh().timestamp < free_from:
        return False
    try:
        stakes.free(ctx.chain, ctx.sender, number)
    except Reverted:
        return False
    return True
