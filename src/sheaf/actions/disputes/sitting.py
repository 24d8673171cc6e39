"""Sitting: what a juror does, one step at a time, each following from chain, store, mailbox and journal alone.

A juror sees the records that its case names as a committee's member would, votes on those alone, commits, and opens. Where the key
never comes nobody can be blamed: it then holds that nobody is at fault, which no later round punishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.actions.cases import journal, sheets
from sheaf.actions.cases.ballot import Marks, fitting_marks, reviewing_order
from sheaf.actions.cases.reading import Assignment, Later, batch_for, findings_of, read_case, sample_of
from sheaf.actions.disputes.hearings import WORD, Bench, Hearing
from sheaf.actions.disputes.moving import jury_of
from sheaf.domain.errors import InputError, IntegrityError, Missing, Refused, Reverted
from sheaf.domain.verdict import Finding
from sheaf.review import juries
from sheaf.review.juries import Vote
from sheaf.verification.pipeline import Pipeline, refused

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.reading import JudgeMaker, Reading
    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.ports import Judge

DONE = frozenset({"committed", "opened"})
"""The answers of `sit` that mean a transaction was sent."""


class JuryBallot(msgspec.Struct, frozen=True):
    """Journal: a juror's vote. `named` and `rejected` are masks of 32 bytes, big-endian; `why` says what it rests on."""

    named: bytes
    rejected: bytes
    is_faultless: bool
    findings: tuple[Finding, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class JurySeat:
    """A seat of this account in a jury whose vote is awaited; times in Unix seconds."""

    case: int
    submission: SubmissionId
    round: int
    seat: int
    records: int
    commit_until: int
    reveal_until: int
    is_committed: bool
    is_opened: bool


def jury_seats(ctx: Context) -> list[JurySeat]:
    """Return this account's seats in juries that are voting."""
    ctx.docket.refresh()
    found = []
    for hearing in ctx.docket.hearings.values():
        bench, seat = _seat(ctx, hearing)
        if bench is None or seat is None or jury_of(ctx, hearing).phase != juries.VOTING:
            continue
        found.append(
            JurySeat(
                hearing.number, hearing.submission, bench.number, seat, hearing.mask.bit_count(),
                bench.commit_until, bench.reveal_until, seat in bench.commitments, seat in bench.opened,
            )
        )  # fmt: skip
    return found


def open_case(ctx: Context, number: int) -> Assignment:
    """Open the records that a case names for a juror who votes by hand.

    Raises Refused if this account has no seat, Missing while key or content has not come, IntegrityError if it is unreadable.
    """
    hearing = ctx.docket.hearing(number)
    require_seat(ctx, hearing)
    case = ctx.docket.case(hearing.submission)
    try:
        reading = read_case(ctx, case, is_late=False)
    except Later as later:
        raise Missing(f"case {number}: still waiting for {later}: try again shortly") from None
    if reading.content is None:
        raise IntegrityError(f"case {number}: the content does not match its commitment: it is refused whole")
    order = reviewing_order(ctx, case)
    order = order[np.isin(order, np.array(hearing.records, dtype=np.int64))]
    return Assignment(
        submission=case.submission,
        specification=reading.wanted,
        sample=sample_of(ctx, reading.wanted),
        records=reading.content.records.take(order),
        order=order,
        findings=tuple(one for one in findings_of(ctx, case, reading) if one.record in set(order.tolist())),
    )


def cast_vote(
    ctx: Context, number: int, rejected: tuple[int, ...] | list[int], *, is_faultless: bool = False
) -> None:
    """Fix a juror's vote by hand: which of the named records are to be rejected, or that nobody is at fault. `sit` sends it.

    Raises Refused if this account has no seat in the round, InputError for records that were not named or a vote that is fixed
    otherwise.
    """
    hearing = ctx.docket.hearing(number)
    bench, _ = require_seat(ctx, hearing)
    unknown = [record for record in rejected if record not in set(hearing.records)]
    if unknown:
        raise InputError("record", unknown[0], "vote on records that the case names")
    mask = sum(1 << record % WORD for record in set(rejected))
    ballot = JuryBallot(_bytes(hearing.mask), _bytes(mask), is_faultless, (), "by hand")
    there = find_vote(ctx, hearing, bench)
    if there is not None and (there.rejected, there.is_faultless) != (ballot.rejected, is_faultless):
        raise InputError("case", number, "the vote is fixed already and cannot be changed")
    journal.keep(_path(ctx, hearing, bench), ballot)


def cast_decisions(ctx: Context, number: int, approved: NDArray[np.bool_]) -> None:
    """Fix a juror's vote by hand: `approved`, shape (records,), in the order of `open_case`. What a check refuses stays refused."""
    work = open_case(ctx, number)
    if approved.shape != work.order.shape or approved.dtype != np.bool_:
        raise InputError("approved", f"{approved.shape} {approved.dtype}", f"give {len(work.order)} booleans")
    refused_anyway = {finding.record for finding in work.findings if finding.is_refusal}
    cast_vote(ctx, number, sorted({int(record) for record in work.order[~approved]} | refused_anyway))


def keep_case_marks(ctx: Context, number: int, marks: bytes) -> None:
    """Keep what a juror has decided so far on this machine, so that it can be left and taken up again."""
    journal.keep(_marks(ctx, number), Marks(marks))


def find_case_marks(ctx: Context, number: int) -> bytearray:
    """Return what a juror has decided so far; nothing, where nothing was kept or it does not fit."""
    return fitting_marks(_marks(ctx, number), ctx.docket.hearing(number).mask.bit_count())


def sit(ctx: Context, number: int, judge: Judge | JudgeMaker | None = None) -> str:
    """Do what is due for this account in the jury of a case, and return what was done or is awaited, in a few words.

    May be repeated at any time: it never votes twice. Without a judge the vote must have been fixed by `cast_vote`.
    """
    hearing = ctx.docket.hearing(number)
    bench, seat = _seat(ctx, hearing)
    if bench is None or seat is None:
        return "not seated"
    head = ctx.docket.refresh()
    if jury_of(ctx, hearing).phase != juries.VOTING or seat in bench.opened:
        return "nothing to vote on"
    if seat not in bench.commitments:
        return _commit(ctx, hearing, bench, judge)
    if head.timestamp >= bench.reveal_until:
        return "too late to open"
    if not bench.is_complete and head.timestamp < bench.commit_until:
        return "waiting for others to commit"
    if head.number < bench.committed_block + ctx.confirmations:
        return "waiting for confirmations"
    return _open(ctx, hearing, bench, judge)


def require_seat(ctx: Context, hearing: Hearing) -> tuple[Bench, int]:
    """Return the last round of a case and this account's seat in it. Raises Refused if it has none."""
    bench, seat = _seat(ctx, hearing)
    if bench is None or seat is None:
        raise Refused(f"dispute: {ctx.account} has no seat in this round of case {hearing.number}")
    return bench, seat


def find_vote(ctx: Context, hearing: Hearing, bench: Bench) -> JuryBallot | None:
    """Return the vote that this account has fixed in a round of a case, or None."""
    kept = journal.recall(_path(ctx, hearing, bench), JuryBallot)
    return kept if kept is not None and kept.named == _bytes(hearing.mask) else None


def _commit(ctx: Context, hearing: Hearing, bench: Bench, judge: Judge | JudgeMaker | None) -> str:
    now = ctx.docket.refresh().timestamp
    if now >= bench.commit_until:
        return "too late to commit"
    try:
        ballot = find_vote(ctx, hearing, bench) or _vote(
            ctx, hearing, bench, judge, is_late=2 * now >= bench.drawn_at + bench.commit_until
        )
    except Later as later:
        return f"waiting for {later}"
    _, seat = require_seat(ctx, hearing)
    made = _commitment(ctx, hearing, bench, ballot)
    try:
        juries.commit(ctx.chain, ctx.sender, hearing.number, seat, made)
    except Reverted:
        # What a process that died had sent may have come in meanwhile.
        ctx.docket.refresh()
        if bench.commitments.get(seat) != made:
            raise
    return "committed"


def _open(ctx: Context, hearing: Hearing, bench: Bench, judge: Judge | JudgeMaker | None) -> str:
    """Open the vote. One that was lost is made again: the same judge on the same records gives the same."""
    _, seat = require_seat(ctx, hearing)
    ballot = find_vote(ctx, hearing, bench)
    if ballot is None and judge is not None:
        ballot = _vote(ctx, hearing, bench, judge, is_late=True)
    if ballot is None or _commitment(ctx, hearing, bench, ballot) != bench.commitments[seat]:
        raise IntegrityError(f"vote in case {hearing.number}: lost or altered: it cannot be opened")
    try:
        juries.reveal(ctx.chain, ctx.sender, hearing.number, seat, _as_vote(ctx, hearing, bench, ballot))
    except Reverted:
        ctx.docket.refresh()
        if seat not in bench.opened:
            raise
    return "opened"


def _vote(
    ctx: Context, hearing: Hearing, bench: Bench, judge: Judge | JudgeMaker | None, *, is_late: bool
) -> JuryBallot:
    """Judge the named records and fix the vote. Raises Later while something has not come and it is not late."""
    case = ctx.docket.case(hearing.submission)
    reading = read_case(ctx, case, is_late=is_late)
    if reading.content is None and reading.why:
        return _keep(ctx, hearing, bench, _unseen(hearing, case, reading))
    named = np.array(hearing.records, dtype=np.int64)
    if reading.content is None or reading.wanted is None or reading.content.root != case.root:
        findings = findings_of(ctx, case, reading)
        rejected = refused(findings, case.records)
    else:
        awaited = sheets.gather(ctx, case)
        if awaited and not is_late:
            raise Later(f"the sheet of submission {', '.join(map(str, awaited))}")
        if judge is None:
            raise Later("a vote: see the records and decide")
        made = judge if hasattr(judge, "judge") else judge(reading.wanted, sample_of(ctx, reading.wanted))
        order, batch = reviewing_order(ctx, case), batch_for(ctx, case, reading)
        opinion = Pipeline(reading.wanted.checks).review(batch, made, reading.wanted, order, named)
        rejected, findings = opinion.rejected, opinion.findings
    mask = sum(1 << int(record) % WORD for record in named[rejected[named]])
    kept = tuple(finding for finding in findings if finding.record in set(hearing.records))
    return _keep(ctx, hearing, bench, JuryBallot(_bytes(hearing.mask), _bytes(mask), False, kept, "judged"))


def _unseen(hearing: Hearing, case: Case, reading: Reading) -> JuryBallot:
    """Return the vote of one that cannot see the records.

    Without the key nobody can be blamed from here. The ciphertext is the contributor's to keep: whoever challenges refusals for it
    gains nothing by taking it away, since what stood then stands.
    """
    stood, _, _ = case.verdict_at(2**62)
    refusals = 0
    if stood is not None:
        refusals = sum(1 << record % WORD for record in hearing.records if stood[record])
    is_faultless = reading.key is None or hearing.is_audit or not refusals
    mask = 0 if is_faultless else refusals
    return JuryBallot(_bytes(hearing.mask), _bytes(mask), is_faultless, (), reading.why)


def _keep(ctx: Context, hearing: Hearing, bench: Bench, ballot: JuryBallot) -> JuryBallot:
    journal.keep(_path(ctx, hearing, bench), ballot)
    return ballot


def _seat(ctx: Context, hearing: Hearing) -> tuple[Bench | None, int | None]:
    bench = hearing.benches[-1] if hearing.benches else None
    return bench, bench.seat_of(ctx.account) if bench else None


def _as_vote(ctx: Context, hearing: Hearing, bench: Bench, ballot: JuryBallot) -> Vote:
    # The salt is derived, so that a juror who loses everything but its account can still open its vote; and from all that the
    # case is about, so that it is not used twice where a rollback gives the number to another case.
    case = ctx.docket.case(hearing.submission)
    told = (
        f"juror {ctx.market} {hearing.number} {bench.number} {case.root.hex()} {hearing.word} {hearing.mask}"
    )
    return Vote(
        int.from_bytes(ballot.rejected, "big"), ballot.is_faultless, ctx.sender.derive_secret(told.encode())
    )


def _commitment(ctx: Context, hearing: Hearing, bench: Bench, ballot: JuryBallot) -> bytes:
    vote = _as_vote(ctx, hearing, bench, ballot)
    return juries.commitment(vote, hearing.number, ctx.account, bench.number)


def _bytes(mask: int) -> bytes:
    return mask.to_bytes(WORD // 8, "big")


def _marks(ctx: Context, number: int) -> Path:
    hearing = ctx.docket.hearing(number)
    case = ctx.docket.case(hearing.submission)
    return ctx.folder / "marks" / f"case-{number}-{journal.case_file(case)}"


def _path(ctx: Context, hearing: Hearing, bench: Bench) -> Path:
    case = ctx.docket.case(hearing.submission)
    return ctx.folder / "juries" / f"{hearing.number}-{bench.number}-{journal.case_file(case)}"
