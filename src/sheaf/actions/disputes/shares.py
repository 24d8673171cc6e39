"""Disputes about posted shares of a bonus pool: judged by BonusDisputes, to which a posting is a submission of one record, number 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_funds
from sheaf.domain.errors import InputError, Refused, Reverted
from sheaf.market import bonus_pools
from sheaf.market.bonus_pools import DISPUTES, STANDING
from sheaf.review import juries, stakes
from sheaf.review.juries import Jury, Vote

if TYPE_CHECKING:
    from sheaf.actions.context import Context


@dataclass(frozen=True)
class ShareCase:
    """A case about a posting as it stands; `is_rejected` and `is_hung` are what is ruled so far."""

    case: int
    posting: int
    request: int
    challenger: str
    bond: int
    is_rejected: bool
    is_hung: bool
    jury: Jury


def challenge_bonus(ctx: Context, request: int) -> int:
    """Say with a bond that posted shares are wrong; return the case's number. Raises Reverted when it is too late."""
    found = bonus_pools.pool(ctx.chain, int(request))
    if not found.posting:
        raise InputError("request", request, "no shares are posted")
    bond = bonus_pools.stake_of(ctx.chain, int(request))
    require_funds(ctx, ctx.token, bond, "a challenge")
    approve(ctx, ctx.token, ctx.chain.address_of(DISPUTES), bond)
    sent = ctx.chain.send(ctx.sender, DISPUTES, "challenge", found.posting, 0, 1, *STANDING)
    return int(sent.event("CaseOpened").args["case"])


def share_case(ctx: Context, case: int) -> ShareCase:
    """Return a case as it stands. Raises InputError if there is none."""
    posting, _, mask, _, _, rejected, hung, challenger, bond, _, _ = ctx.chain.call(DISPUTES, "case_of", case)
    if not mask:
        raise InputError("case", case, "give the number of a case: `sheaf bonus challenge` names it")
    request = bonus_pools.posting(ctx.chain, int(posting)).request
    jury = juries.jury(ctx.chain, case, DISPUTES)
    return ShareCase(
        case, int(posting), request, str(challenger), int(bond), bool(rejected), bool(hung), jury
    )


def vote_on_shares(ctx: Context, case: int, *, is_rejected: bool, is_faultless: bool = False) -> int:
    """Commit, as a juror, to whether the shares are wrong; return the seat. Raises Refused if this account has none in the round."""
    one = share_case(ctx, case)
    seat, made = _seat(ctx, one), _vote(ctx, one, is_rejected, is_faultless)
    committed = juries.commitment(made, case, ctx.account, one.jury.round)
    juries.commit(ctx.chain, ctx.sender, case, seat, committed, DISPUTES)
    return seat


def reveal_on_shares(ctx: Context, case: int, *, is_rejected: bool, is_faultless: bool = False) -> int:
    """Open the vote, given again as it was committed; return the seat. Raises Reverted if it was another."""
    one = share_case(ctx, case)
    seat = _seat(ctx, one)
    vote = _vote(ctx, one, is_rejected, is_faultless)
    juries.reveal(ctx.chain, ctx.sender, case, seat, vote, DISPUTES)
    return seat


def appeal_on_shares(ctx: Context, case: int, *, is_for_challenge: bool) -> int:
    """Ask for a larger jury, for the side that lost; return the bond. Raises Reverted when it is too late."""
    one = share_case(ctx, case)
    bond = one.bond << one.jury.round
    require_funds(ctx, ctx.token, bond, "an appeal")
    approve(ctx, ctx.token, ctx.chain.address_of(DISPUTES), bond)
    ctx.chain.send(ctx.sender, DISPUTES, "appeal", case, is_for_challenge)
    return bond


def proceed_on_shares(ctx: Context, case: int) -> str:
    """Do what is due in a case, and return it in a word: draw, redraw, tally, conclude, show, execute, collect, or wait. Anyone may."""
    one = share_case(ctx, case)
    steps: dict[int, tuple[tuple[str, str, tuple[object, ...]], ...]] = {
        juries.DRAWING: ((DISPUTES, "draw", (case,)), (DISPUTES, "redraw", (case,)), (DISPUTES, "conclude", (case,))),
        juries.VOTING: ((DISPUTES, "tally", (case,)),),
        juries.RULED: ((DISPUTES, "conclude", (case,)),),
        juries.CONCLUDED: (
            (bonus_pools.CONTRACT, "show", (one.posting,)),
            (DISPUTES, "execute", (one.posting, *STANDING)),
            (DISPUTES, "collect", (case,)),
        ),
    }  # fmt: skip
    for contract, step, arguments in steps.get(one.jury.phase, ()):
        try:
            ctx.chain.send(ctx.sender, contract, step, *arguments)
        except Reverted:
            continue
        return step
    return "wait"


def bonus_winnings(ctx: Context) -> int:
    """Withdraw what disputes about shares owe this account; return it. Raises Reverted if there is nothing."""
    amount = int(ctx.chain.call(DISPUTES, "owed", ctx.account))
    ctx.chain.send(ctx.sender, DISPUTES, "withdraw")
    return amount


def _seat(ctx: Context, one: ShareCase) -> int:
    own = int(stakes.id_of(ctx.chain, ctx.account))
    seats = juries.jurors(ctx.chain, one.case, DISPUTES)
    if own not in seats[one.jury.first :] or not own:
        raise Refused(f"case: {ctx.account} has no seat in this round of case {one.case}")
    return seats.index(own)


def _vote(ctx: Context, one: ShareCase, is_rejected: bool, is_faultless: bool) -> Vote:
    # Derived, so that a juror who loses everything but its account can still open its vote.
    salt = ctx.sender.derive_secret(f"{DISPUTES} juror {ctx.market} {one.case} {one.jury.round}".encode())
    return Vote(int(is_rejected), is_faultless, salt)
