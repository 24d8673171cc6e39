"""Rulings made again: what the juries of a submission's disputes have voted, counted anew from the openings of their votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.disputes.dispute import CONTRACT
from sheaf.review import juries, openings
from sheaf.review.reversals import word_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheaf.actions.cases.docket import Case, Tally
    from sheaf.actions.context import Context
    from sheaf.chain.events import Event


def ruled(ctx: Context, case: Case, before: Tally) -> tuple[bytes, bytes] | None:
    """Return the rejected and the hung bitmap that disputes made of the verdict `before`; None if it was not they who ruled."""
    head = ctx.docket.refresh().number
    events = ctx.chain.market_events((CONTRACT,), ctx.chain.deployment_block, head)
    is_ruling = [
        event.name == "SubmissionRuled" and event.args["submission"] == case.submission for event in events
    ]
    if not any(is_ruling):
        return None
    said = events[: is_ruling.index(True)]
    sides = [
        [word_of(bitmap, word) for word in range(openings.words_of(case.records))]
        for bitmap in (before.rejected_bitmap, before.hung_bitmap)
    ]
    for opened in said:
        if opened.name != "CaseOpened" or opened.args["submission"] != case.submission:
            continue
        own = [event for event in said if event.args.get("case") == opened.args["case"]]
        if own[-1].name == "CaseConcluded":
            word, mask = opened.args["word"], opened.args["mask"]
            was = [word_of(bitmap, word) & mask for bitmap in (before.rejected_bitmap, before.hung_bitmap)]
            for side, found in zip(sides, _ruling(own, mask, was[0], was[1]), strict=True):
                side[word] = side[word] & ~mask | found
    rejected, hung = (b"".join(word.to_bytes(openings.WORD_BYTES, "big") for word in side) for side in sides)
    return rejected, hung


def _ruling(own: Sequence[Event], mask: int, rejected: int, hung: int) -> tuple[int, int]:
    """Return what the last round rules of which more than half of all seats have opened, by all who had opened then."""
    seats, found = 0, (rejected, hung)
    for place, event in enumerate(own):
        if event.name == "JuryDrawn":
            seats += len(event.args["jurors"])
        if event.name != "CaseRuled":
            continue
        votes = [one.args for one in own[:place] if one.name == "VoteRevealed"]
        if 2 * len(votes) <= seats:
            continue
        if 2 * sum(vote["is_faultless"] for vote in votes) > len(votes):
            found = 0, mask
        else:
            counted = [vote["vote"] for vote in votes if not vote["is_faultless"]]
            found = juries.ruling(counted, mask, rejected, hung)
    return found
