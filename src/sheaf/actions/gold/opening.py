"""Opening: the keeper hands on the key of what it mixed, and after the vote shows which records were gold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sheaf.actions.cases import journal, letters, rating
from sheaf.actions.gold import dealing
from sheaf.actions.review import countable, state_of
from sheaf.domain.errors import InputError, IntegrityError, Missing, Reverted, StoreError
from sheaf.review import committees, openings, reviews, scores

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.actions.gold.dealing import Mix
    from sheaf.domain.ids import SubmissionId
    from sheaf.review.scores import Gold

GRACE_SECONDS = 600
"""How long nodes leave a submission unsettled, past its challenge window, for its gold to be opened."""


def key_to_oneself(ctx: Context, case: Case, path: Path, mix: Mix) -> bool:
    """As the keeper that mixed a submission, seal its content key to oneself, as a contributor would have; False if it is there.

    A mix that was taken back and is submitted after all counts again, unless its gold has served another: raises Missing then.
    """
    if letters.find_key(ctx, case.submission, case.key_commitment) is not None:
        return False
    if mix.is_returned:
        elsewhere = {
            one
            for other, made in dealing.mixes(ctx).items()
            if other != path and not made.is_returned
            for one in made.used
        }
        if elsewhere & set(mix.used):
            raise Missing(f"submission {case.submission}: it came too late, and its gold has served another")
        mix.is_returned = False
        journal.keep(path, mix)
    return letters.seal_key(ctx, case.submission, dealing.content_key(ctx, mix), ctx.account)


def open_mix(ctx: Context, case: Case, path: Path, mix: Mix) -> bool:
    """Show the gold of a submission and rate its reviewers, with the count of round 1 or once it is decided; False if that is not due.

    It is due once for each verdict: a ruling makes the count of gold void. A mix without gold is rated without, and so is one that its
    contributor submitted before: all of it is rejected as a copy, and its gold would test the honest on the wrong answers.
    """
    state = state_of(ctx, case)
    if state.phase == reviews.COMMITTING:
        return not _is_again(ctx, case) and _count(ctx, case, path, mix)
    if state.phase != reviews.DECIDED or not case.tallies:
        return False
    if _is_again(ctx, case):
        return not case.is_rated and rating.score(ctx, case.submission)
    if mix.opened_for == state.verdict:
        return False
    last = case.tallies[-1]
    gold = _gold_for(ctx, case, mix, (last.rejected_bitmap, last.hung_bitmap))
    try:
        done = rating.score(ctx, case.submission, gold)
    except Reverted as error:
        # One that a killed process had sent has counted already; void gold is past helping.
        if not error.reason.endswith(("gold is counted", "gold is void")):
            raise
        done = False
    mix.opened_for = state.verdict
    journal.keep(path, mix)
    return done


def _count(ctx: Context, case: Case, path: Path, mix: Mix) -> bool:
    """Count round 1 and rate its members in one transaction, once all have opened; False if that is not due or leaves no verdict.

    Members who count sooner, or alone because this one is away, do no harm: the gold is shown after their count.
    """
    from eth_utils.crypto import keccak

    opened = countable(ctx, case)
    if opened is None:
        return False
    votes = scores.votes_in(opened)
    quorum = committees.committee(ctx.chain, case.submission).quorum
    count = openings.count_first(votes.bitmaps, quorum, case.records)
    if openings.marks(count.hung):
        return False
    gold = _gold_for(ctx, case, mix, (count.rejected, count.hung))
    try:
        scores.score(ctx.chain, ctx.sender, case.submission, votes, gold, opened)
    except Reverted:
        return False
    mix.opened_for = keccak(count.rejected + count.hung)
    journal.keep(path, mix)
    return True


def _gold_for(ctx: Context, case: Case, mix: Mix, verdict: tuple[bytes, bytes]) -> Gold | None:
    """Return a mix's gold as it is shown for a verdict (rejected, hung); None for a mix without."""
    if not mix.places:
        return None
    gold = dealing.gold_of(ctx, mix)
    signed = scores.sign_gold(ctx.chain, ctx.sender, case.submission, case.contributor, gold)
    return replace(gold, signature=signed, rejected=verdict[0], hung=verdict[1])


def _is_again(ctx: Context, case: Case) -> bool:
    """Tell whether the same mix was submitted before, in a submission that was not void."""
    return any(
        other.root == case.root
        and (other.request, other.contributor) == (case.request, case.contributor)
        and not other.is_void
        and other is not case
        and other.is_before(case)
        for other in ctx.docket.cases.values()
    )


def open_gold(ctx: Context, submission: SubmissionId | int) -> bool:
    """As its keeper, show the gold of a decided submission and rate its reviewers; False if that is not due.

    Raises InputError if this account did not mix it.
    """
    case = ctx.docket.case(submission)
    found = dealing.mix_of(ctx, case)
    if found is None:
        raise InputError(
            "submission", submission, "this account did not mix it: act as the keeper of its gold"
        )
    return open_mix(ctx, case, *found)


def is_awaited(ctx: Context, case: Case) -> bool:
    """Tell whether a decided submission waits for its keeper: rated neither with gold nor without, and the time for it not over."""
    from sheaf.actions.cases.reading import wanted_of

    if case.is_rated or not case.tallies or state_of(ctx, case).phase != reviews.DECIDED:
        return False
    try:
        wanted = wanted_of(ctx, case.request)
    except StoreError:
        return False
    if wanted is None or wanted.gold is None:
        return False
    return ctx.docket.refresh().timestamp < state_of(ctx, case).settle_after + GRACE_SECONDS


def require_own(ctx: Context, submission: SubmissionId | int) -> None:
    """As its contributor, make sure that a mixed submission holds one's records, in order, and nothing else beside gold.

    Raises Missing while the keeper has not handed the key back or the gold is not open, IntegrityError where they are not there.
    """
    from sheaf.actions.cases.draft import draft_of
    from sheaf.actions.cases.examine import open_content
    from sheaf.actions.cases.reading import wanted_of
    from sheaf.domain.canonical import DIGEST_BYTES

    case = ctx.docket.case(submission)
    draft = draft_of(ctx, case.submission)
    if draft is None or not draft.vouch:
        raise InputError("submission", submission, "no keeper mixed it for this account")
    key = letters.find_key(ctx, case.submission, case.key_commitment)
    if key is None or not (case.is_rated):
        raise Missing(f"submission {submission}: its keeper has not opened it yet")
    content = open_content(ctx, case, key, wanted_of(ctx, case.request))
    if content is None or content.root != case.root:
        raise IntegrityError(
            f"submission {submission}: its content does not hash to the root that was submitted"
        )
    gold = case.gold_at(2**62)
    own = [
        content.digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
        for at in range(case.records)
        if not gold[at]
    ]
    if b"".join(own) != draft.own:
        raise IntegrityError(
            f"submission {submission}: it is not made of your records: its keeper signed for it (docs/review.md)"
        )
