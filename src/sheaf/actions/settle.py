"""What anyone may do so that no submission stands still: draw, void, count, finalise, settle; and taking what one is owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.cases.docket import Case
from sheaf.actions.custody import conclude_pledge
from sheaf.actions.review import Turn, at_once, state_of, tally
from sheaf.domain.errors import InputError, Reverted
from sheaf.domain.ids import Address, SubmissionId
from sheaf.governance import parameters
from sheaf.market import escrow, requests
from sheaf.review import committees, reviews

if TYPE_CHECKING:
    from sheaf.actions.context import Context


@dataclass(frozen=True)
class Settlement:
    """How a submission ended: records by decision, and who was paid what, in the token's smallest unit.

    `paid` and `bond_back` went to the contributor, `validators_paid` to its reviewers; `forfeited` (of the bond), `protocol_fee`
    and `unearned` (fees of seats that did not open) to the treasury.
    """

    submission: SubmissionId
    approved: int
    rejected: int
    hung: int
    paid: int
    validators_paid: int
    bond_back: int
    forfeited: int
    protocol_fee: int
    unearned: int
    transaction: str


def next_step(ctx: Context, case: Case) -> str:
    """Return what anyone may do for a case now: "draw", "redraw", "void", "tally", "finalise", "settle", or "" for nothing."""
    if case.is_over:
        return ""
    head = ctx.docket.refresh()
    if not case.rounds:
        return _drawing(ctx, case, "void", case.block)
    state = state_of(ctx, case)
    if state.phase == reviews.VOTING:
        return "tally" if head.timestamp >= case.rounds[-1].reveal_until else ""
    if state.phase == reviews.HUNG and case.tallies:
        return _drawing(ctx, case, "finalise", case.tallies[-1].block)
    # A ruling that does not come in time leaves the verdict as it stands; `settle_after` says from when on.
    is_decided = state.phase in (reviews.DECIDED, reviews.HELD)
    return "settle" if is_decided and head.timestamp >= state.settle_after else ""


def _drawing(ctx: Context, case: Case, ending: str, since: int) -> str:
    head = ctx.docket.refresh()
    draw_blocks = ctx.docket.view("draw_blocks", 0, lambda: parameters.get(ctx.chain, "draw_blocks"))
    if head.number > since + draw_blocks:
        return ending
    try:
        target = ctx.docket.view(
            "target", case.submission, lambda: committees.target_block(ctx.chain, case.submission)
        )
    except Reverted:
        # Drawn or ended in a block that came after the events were read: the next look will show it.
        return ""
    return "draw" if head.number > target else ""


def tend(ctx: Context, submission: SubmissionId | int, *, turn: Turn = at_once, rank: int = 0) -> str:
    """Do the next step that anyone may do for a submission, and return which; "" if there is none or it is another's turn.

    Somebody else may be faster: that is no error.
    """
    case = ctx.docket.case(submission)
    step = next_step(ctx, case)
    if not step or not turn(f"{step} {case.submission} {len(case.rounds)}", rank):
        return ""
    try:
        _take(ctx, case, step)
    except Reverted:
        if next_step(ctx, ctx.docket.case(submission)) == step:
            raise
        return ""
    return step


def _take(ctx: Context, case: Case, step: str) -> None:
    if step == "draw":
        draw(ctx, case.submission)
    elif step == "void":
        void(ctx, case.submission)
    elif step == "tally":
        tally(ctx, case)
    elif step == "finalise":
        reviews.finalise(ctx.chain, ctx.sender, case.submission)
    else:
        settle(ctx, case.submission)


def draw(ctx: Context, submission: SubmissionId | int) -> bool:
    """Draw a submission's committee, or enlarge it; False if that is not due, or the beacon's round is not posted yet.

    A block out of reach is replaced by a new one, and a round that is still to be fixed is fixed.

    Raises Reverted if there are too few validators for it.
    """
    case = ctx.docket.case(submission)
    if next_step(ctx, case) != "draw":
        return False
    try:
        committees.draw(ctx.chain, ctx.sender, case.submission)
    except Reverted as error:
        if "too early" in error.reason:
            return False
        if "out of reach" not in error.reason:
            raise
        committees.redraw(ctx.chain, ctx.sender, case.submission)
    return True


def void(ctx: Context, submission: SubmissionId | int) -> None:
    """Undo a submission that got no committee in time: bond and reservation return. Raises Reverted while one may be drawn."""
    requests.void(ctx.chain, ctx.sender, ctx.docket.case(submission).submission)


def settle(ctx: Context, submission: SubmissionId | int) -> Settlement:
    """Let the money move by the verdict, once the challenge window is over. Raises Reverted before."""
    case = ctx.docket.case(submission)
    if not case.is_over:
        requests.settle(ctx.chain, ctx.sender, case.submission)
    return settlement_of(ctx, submission)


def settlement_of(ctx: Context, submission: SubmissionId | int) -> Settlement:
    """Return how a submission was settled. Raises InputError if it has not been."""
    case = ctx.docket.case(submission)
    args = case.settlement
    if args is None:
        raise InputError("submission", submission, "it is not settled")
    names = ("paid", "validators_paid", "bond_back", "forfeited", "protocol_fee", "unearned")
    return Settlement(
        submission=case.submission,
        approved=args["approved"],
        rejected=args["rejected"],
        hung=case.records - args["approved"] - args["rejected"],
        transaction=case.settled_by,
        **{name: args[name] for name in names},
    )


def claim(ctx: Context, submission: SubmissionId | int) -> int:
    """Settle a submission if that is still to be done, and take all that this account is owed in its token; return how much.

    What was pledged for its key is ended too, and paid past this amount where the key was missed.
    """
    paid = requests.claim(ctx.chain, ctx.sender, ctx.docket.case(submission).submission)
    conclude_pledge(ctx, submission)
    return paid


def owed(ctx: Context, account: Address | None = None, token: Address | None = None) -> int:
    """Return what the escrow owes an account (the acting one) in `token` (the market token)."""
    return escrow.owed(ctx.chain, token or ctx.token, account or ctx.account)


def withdraw(ctx: Context, token: Address | None = None) -> int:
    """Take all that the escrow owes this account in `token` (the market token); return how much.

    Raises Reverted if nothing is owed.
    """
    return escrow.withdraw(ctx.chain, ctx.sender, token or ctx.token)
