"""Rating those who reviewed: anyone shows the votes of round 1 again, and Scores counts what they are worth.

The votes come from the transaction that counted them, so this needs nothing but the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.chain.abi import checksum_of
from sheaf.domain.errors import Missing, Reverted
from sheaf.domain.ids import SubmissionId
from sheaf.review import openings, reviews, scores
from sheaf.review.scores import Gold, Votes

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context


def votes_of(ctx: Context, case: Case, number: int = 1) -> Votes:
    """Return what the tally of a round was shown.

    Raises Missing if it was not counted yet, or by a transaction that this does not understand (one that called Reviews by detour).
    """
    counted = next((tally for tally in case.tallies if tally.round == number), None)
    if counted is None:
        raise Missing(f"submission {case.submission}: that round is not counted: try again later")
    given = scores.counting(ctx.chain, counted.transaction)
    if given is not None:
        bitmaps, size = given["all_bitmaps"], openings.bitmap_bytes(case.records)
        cut = tuple(bitmaps[i : i + size] for i in range(0, len(bitmaps), size))
        votes = Votes(given["seats_mask"], tuple(map(checksum_of, given["accounts"])), cut)
        if openings.shown(*votes) == reviews.shown(ctx.chain, case.submission, number):
            return votes
    raise Missing(f"submission {case.submission}: its votes are not in transaction {counted.transaction}")


def is_due(ctx: Context, case: Case) -> bool:
    """Tell whether a submission's reviewers can be rated and have not been."""
    phase = ctx.docket.view(
        "review", case.submission, lambda: reviews.review(ctx.chain, case.submission)
    ).phase
    return phase in (reviews.DECIDED, reviews.CLOSED) and not (
        scores.marks(ctx.chain, case.submission) & scores.SCORED
    )


def score(ctx: Context, submission: SubmissionId | int, gold: Gold | None = None) -> bool:
    """Rate the reviewers of a decided submission, on `gold` too where it is given; False if that is not due.

    Somebody else may be faster: that is no error. Raises Reverted if the gold is refused, Missing if the votes cannot be found.
    """
    case = ctx.docket.case(submission)
    if gold is None and not is_due(ctx, case):
        return False
    try:
        scores.score(ctx.chain, ctx.sender, case.submission, votes_of(ctx, case), gold)
    except Reverted:
        if gold is not None or is_due(ctx, case):
            raise
        return False
    return True
