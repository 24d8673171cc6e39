"""Review: what a committee's member does, one step at a time, each step following from chain, store and mailbox alone.

Members first try it *jointly*: signed commitments are exchanged by mailbox and posted in one transaction, then the openings are
exchanged and counted in one. Who sees the others stay away commits and reveals *alone*, in time. See ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheaf.actions import custody
from sheaf.actions.cases import letters
from sheaf.actions.cases.ballot import Ballot, cast_ballot, find_ballot, review_salt, reviewing_order
from sheaf.actions.cases.letters import CommitmentLetter, OpeningLetter
from sheaf.actions.cases.reading import (
    Assignment,
    Later,
    findings_of,
    read_case,
    sample_of,
    vote,
    wanted_of,
)
from sheaf.domain.errors import InputError, IntegrityError, Missing, Reverted, StoreError
from sheaf.domain.ids import SubmissionId
from sheaf.review import reviews
from sheaf.review.reviews import Opening
from sheaf.verification.pipeline import refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case, Round
    from sheaf.actions.cases.reading import JudgeMaker
    from sheaf.actions.context import Context
    from sheaf.domain.ports import Judge

DONE = frozenset(
    {"reported that no key came", "committed jointly", "committed alone", "counted", "revealed alone"}
)
"""The answers of `advance` that mean a transaction was sent."""

Turn = Callable[[str, int], bool]
"""Asked before a duty that any of several members can do: (duty, rank among them) → whether it is this one's turn."""


def at_once(duty: str, rank: int) -> bool:
    """Take every turn: for who acts by hand."""
    return True


@dataclass(frozen=True)
class Seat:
    """A seat of this account whose review is awaited; times in Unix seconds."""

    submission: SubmissionId
    round: int
    seat: int
    records: int
    commit_until: int
    reveal_until: int
    is_committed: bool


def seats(ctx: Context, submission: SubmissionId | int | None = None) -> list[Seat]:
    """Return this account's seats in reviews under way."""
    ctx.docket.refresh()
    found = []
    for case in ctx.docket.cases.values() if submission is None else [ctx.docket.case(submission)]:
        number = case.seat_of(ctx.account)
        if number is None or case.is_over or state_of(ctx, case).phase != reviews.VOTING:
            continue
        drawn = case.round_of(number)
        if drawn is case.rounds[-1]:
            is_committed = number in drawn.commitments
            found.append(
                Seat(
                    case.submission,
                    drawn.number,
                    number,
                    case.records,
                    drawn.commit_until,
                    drawn.reveal_until,
                    is_committed,
                )
            )
    return found


def open_records(ctx: Context, submission: SubmissionId | int) -> Assignment:
    """Open a submission for review by hand.

    Raises Missing while the key or the content has not come, IntegrityError if it is unreadable.
    """
    case = ctx.docket.case(submission)
    try:
        reading = read_case(ctx, case, is_late=False)
    except Later as later:
        raise Missing(f"submission {submission}: still waiting for {later}: try again shortly") from None
    if reading.content is None:
        raise IntegrityError(
            f"submission {submission}: its content does not match its commitment: it is refused whole"
        )
    order = reviewing_order(ctx, case)
    return Assignment(
        submission=case.submission,
        specification=reading.wanted,
        sample=sample_of(ctx, reading.wanted),
        records=reading.content.records.take(order),
        order=order,
        findings=tuple(findings_of(ctx, case, reading)),
    )


def cast(ctx: Context, submission: SubmissionId | int, approved: NDArray[np.bool_]) -> None:
    """Fix this account's vote: `approved`, shape (records,), in the order of `open_records`. What a check refuses stays refused.

    A vote that is fixed cannot be changed: raises InputError then, and for a wrong number of records. `advance` sends it.
    """
    case = ctx.docket.case(submission)
    if case.seat_of(ctx.account) is None:
        raise InputError("submission", submission, "this account does not sit in its committee")
    if approved.shape != (case.records,) or approved.dtype != np.bool_:
        raise InputError(
            "approved", f"{approved.shape} {approved.dtype}", f"give {case.records} booleans, one a record"
        )
    if find_ballot(ctx, case) is not None:
        raise InputError("submission", submission, "the vote is fixed already and cannot be changed")
    assignment = open_records(ctx, submission)
    rejected = np.zeros(case.records, dtype=np.bool_)
    rejected[assignment.order] = ~approved
    refused = {finding.record for finding in assignment.findings if finding.is_refusal}
    judged = [refusal(int(i), "refused") for i in np.flatnonzero(rejected) if i not in refused]
    rejected[list(refused)] = True
    cast_ballot(ctx, case, rejected, (*assignment.findings, *judged))


def advance(
    ctx: Context,
    submission: SubmissionId | int,
    judge: Judge | JudgeMaker | None = None,
    *,
    turn: Turn = at_once,
) -> str:
    """Do what is due for this account in the review of `submission`, and return what was done or is awaited, in a few words.

    May be repeated at any time: it never votes twice. Without a judge the vote must have been fixed by `cast`.
    """
    case = ctx.docket.case(submission)
    seat = case.seat_of(ctx.account)
    if seat is None:
        return "not seated"
    if case.is_over or state_of(ctx, case).phase != reviews.VOTING:
        return "nothing to review"
    drawn, now = case.rounds[-1], ctx.docket.refresh().timestamp
    if seat in drawn.seats and seat not in drawn.commitments and now < drawn.commit_until:
        try:
            return _commit(ctx, case, seat, judge, turn)
        except Later as later:
            return f"waiting for {later}"
    if drawn.is_complete or now >= drawn.commit_until:
        return _open(ctx, case, seat, judge, turn)
    return "waiting for others to commit"


def state_of(ctx: Context, case: Case) -> reviews.Review:
    """Return the state of a case's review as the contract has it, asked once per block."""
    state: reviews.Review = ctx.docket.view(
        "review", case.submission, lambda: reviews.review(ctx.chain, case.submission)
    )
    return state


def _commit(ctx: Context, case: Case, seat: int, judge: Judge | JudgeMaker | None, turn: Turn) -> str:
    drawn, now = case.rounds[-1], ctx.docket.refresh().timestamp
    is_late = now >= _middle(drawn.drawn_at, drawn.commit_until)
    if is_late and custody.is_missed(ctx, case):
        custody.report_missing_key(ctx, case.submission)
        return "reported that no key came"
    ballot = find_ballot(ctx, case) or vote(ctx, case, judge, is_late=is_late)
    commitment = _commitment(ctx, case, seat, ballot)
    where = letters.topic(ctx, "commitments", case.submission, drawn.number)
    signed = _commitments(ctx, case, drawn)
    if signed.get(seat, (b"",))[0] != commitment:
        signature = reviews.sign(ctx.chain, ctx.sender, case.submission, seat, commitment)
        letters.post(ctx, where, CommitmentLetter(seat, commitment, signature))
        signed[seat] = commitment, signature
    if len(signed) < len(drawn.members) - len(drawn.commitments) and not is_late:
        return "posted its commitment"
    if len(signed) == 1:
        reviews.commit(ctx.chain, ctx.sender, case.submission, seat, commitment)
        return "committed alone"
    if not turn(f"commit {case.submission}", sorted(signed).index(seat)):
        return "waiting for another member to post all commitments"
    try:
        reviews.commit_jointly(ctx.chain, ctx.sender, case.submission, signed)
    except Reverted:
        # Another was faster, or a letter is not what it seems. One's own seat is safe in any case.
        if seat in ctx.docket.case(case.submission).rounds[-1].commitments:
            return "committed jointly"
        reviews.commit(ctx.chain, ctx.sender, case.submission, seat, commitment)
        return "committed alone"
    return "committed jointly"


def _open(ctx: Context, case: Case, seat: int, judge: Judge | JudgeMaker | None, turn: Turn) -> str:
    drawn, head = case.rounds[-1], ctx.docket.refresh()
    own = drawn.commitments.get(seat)
    openings = _openings(ctx, case, drawn)
    if own is not None and seat not in openings:
        if head.number < drawn.committed_block + ctx.confirmations:
            return "waiting for confirmations"
        openings[seat] = _post_opening(ctx, case, seat, own, judge)
    if set(drawn.commitments) <= set(openings) or head.timestamp >= drawn.reveal_until:
        present = sorted(openings)
        rank = present.index(seat) if seat in openings else len(present)
        # Who keeps the gold counts and rates in one transaction, if it is there.
        rank += int(drawn.number == 1 and _is_kept(ctx, case))
        if not turn(f"tally {case.submission} {drawn.number}", rank):
            return "waiting for another member to count"
        tally(ctx, case, openings)
        return "counted"
    if (
        own is not None
        and seat not in case.openings
        and head.timestamp >= _middle(drawn.commit_until, drawn.reveal_until)
    ):
        made, members, first = drawn.commitments, drawn.members, drawn.first
        reviews.reveal(ctx.chain, ctx.sender, case.submission, openings[seat], made, members, first)
        return "revealed alone"
    return "waiting for others to open"


def _is_kept(ctx: Context, case: Case) -> bool:
    try:
        wanted = wanted_of(ctx, case.request)
    except StoreError:
        return False
    return wanted is not None and wanted.gold is not None


def _post_opening(
    ctx: Context, case: Case, seat: int, committed: bytes, judge: Judge | JudgeMaker | None
) -> Opening:
    """Let the others see this seat's opening. Raises IntegrityError if the vote on disk is not the one that was committed.

    A vote that was lost is made again: the same judge on the same records gives the same.
    """
    ballot, number = find_ballot(ctx, case), case.rounds[-1].number
    if ballot is None and judge is not None:
        ballot = vote(ctx, case, judge, is_late=True)
    if ballot is None or _commitment(ctx, case, seat, ballot) != committed:
        raise IntegrityError(f"ballot of submission {case.submission}: lost or altered: it cannot be opened")
    opening = Opening(seat, ctx.account, review_salt(ctx, case, number), ballot.bitmap)
    where = letters.topic(ctx, "openings", case.submission, number)
    letters.post(ctx, where, OpeningLetter(seat, opening.salt, opening.bitmap))
    return opening


def tally(ctx: Context, case: Case, openings: dict[int, Opening] | None = None) -> None:
    """Send the count of what was opened in the current round (by default: on chain and by mailbox)."""
    found = _openings(ctx, case, case.rounds[-1]) if openings is None else openings
    reviews.tally(ctx.chain, ctx.sender, case.submission, _counted(case, found))


def countable(ctx: Context, case: Case) -> reviews.Openings | None:
    """Return what counts round 1 once every member has opened, on chain or by mailbox; None before that, and after the count."""
    if len(case.rounds) != 1 or case.tallies or not case.rounds[0].is_complete:
        return None
    found = _openings(ctx, case, case.rounds[0])
    return _counted(case, found) if set(case.rounds[0].commitments) <= set(found) else None


def _counted(case: Case, openings: dict[int, Opening]) -> reviews.Openings:
    drawn = case.rounds[-1]
    carried = case.carried if drawn.number > 1 else ()
    return reviews.openings_of(
        list(openings.values()), drawn.commitments, drawn.members, drawn.first, carried
    )


def _middle(start: int, end: int) -> int:
    """Return the moment after which one no longer waits for others."""
    return (start + end) // 2


def _commitment(ctx: Context, case: Case, seat: int, ballot: Ballot) -> bytes:
    number = case.round_of(seat).number
    return reviews.commitment(
        ballot.bitmap, review_salt(ctx, case, number), case.submission, ctx.account, number
    )


def _commitments(ctx: Context, case: Case, drawn: Round) -> dict[int, tuple[bytes, bytes]]:
    """Return commitment and signature of every seat that has not committed on chain, from the first letter its member has signed."""
    found: dict[int, tuple[bytes, bytes]] = {}
    for letter in letters.read(
        ctx, letters.topic(ctx, "commitments", case.submission, drawn.number), CommitmentLetter
    ):
        if letter.seat not in drawn.seats or len(letter.commitment) != 32:
            letters.ignore(ctx, "commitment for a seat that is not there", letter.signature)
        elif letter.seat not in found and letter.seat not in drawn.commitments:
            signer = reviews.signer_of(
                ctx.chain, case.submission, letter.seat, letter.commitment, letter.signature
            )
            if signer == drawn.members[letter.seat - drawn.first]:
                found[letter.seat] = letter.commitment, letter.signature
            else:
                letters.ignore(ctx, "commitment with a forged signature", letter.signature)
    return found


def _openings(ctx: Context, case: Case, drawn: Round) -> dict[int, Opening]:
    """Return the openings of the round's seats that fit their commitments: revealed on chain or by letter."""
    found = {
        seat: Opening(seat, drawn.members[seat - drawn.first], *opening)
        for seat, opening in case.openings.items()
        if seat in drawn.seats
    }
    for letter in letters.read(
        ctx, letters.topic(ctx, "openings", case.submission, drawn.number), OpeningLetter
    ):
        if letter.seat in found:
            continue
        if letter.seat in drawn.commitments and _fits(case, drawn, letter):
            member = drawn.members[letter.seat - drawn.first]
            found[letter.seat] = Opening(letter.seat, member, letter.salt, letter.bitmap)
        else:
            letters.ignore(ctx, "opening that does not fit its commitment", letter.salt + letter.bitmap)
    return found


def _fits(case: Case, drawn: Round, letter: OpeningLetter) -> bool:
    from sheaf.verification.bitmap import unpack

    member = drawn.members[letter.seat - drawn.first]
    if len(letter.salt) != 32:
        return False
    expected = reviews.commitment(letter.bitmap, letter.salt, case.submission, member, drawn.number)
    if expected != drawn.commitments[letter.seat]:
        return False
    try:
        unpack(letter.bitmap, case.records)
    except IntegrityError:
        return False
    return True
