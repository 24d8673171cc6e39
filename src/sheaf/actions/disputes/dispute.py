"""Dispute: challenge a verdict with a bond, vote as a juror, appeal, and bring a case to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_funds
from sheaf.actions.deliver import hand_to_jurors
from sheaf.actions.disputes.hearings import WORD
from sheaf.actions.disputes.moving import (
    challenge_until,
    due,
    eligible,
    jury_of,
    move,
    parameter,
    seats_due,
    trial_of,
    verdict_of,
)  # fmt: skip
from sheaf.actions.disputes.sitting import cast_vote, find_vote, require_seat, sit
from sheaf.actions.status import decided
from sheaf.domain.errors import InputError, Missing
from sheaf.review import juries
from sheaf.review.juries import Jury

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.reading import JudgeMaker
    from sheaf.actions.context import Context
    from sheaf.actions.disputes.hearings import Hearing
    from sheaf.domain.ports import Judge

CONTRACT = "Disputes"


@dataclass(frozen=True)
class Dispute:
    """A case as it stands: `records` are those that were named, `rejected` and `hung` what is ruled upon them so far.

    `due` is what anyone may do now ("" for nothing) and `awaited` what it waits for otherwise. `hold_until` is when the verdict
    stands by itself (Unix seconds), `appeal_bond` what an appeal takes now (0 where none is possible), `seat` this account's.
    """

    case: int
    submission: int
    records: tuple[int, ...]
    rejected: tuple[int, ...]
    hung: tuple[int, ...]
    challenger: str
    bond: int
    jury: Jury
    due: str
    awaited: str
    hold_until: int
    appeal_bond: int
    seat: int | None

    @property
    def is_audit(self) -> bool:
        """Whether a beacon opened it."""
        return int(self.challenger, 16) == 0


def refusals(ctx: Context, submission: int) -> list[int]:
    """Return the records of a decided submission that are refused or hang and that no case names yet.

    Raises InputError while there is no verdict.
    """
    case = ctx.docket.case(submission)
    rejected, hung = decided(case)
    named = {record for hearing in case.hearings for record in hearing.records}
    return [int(record) for record in (rejected | hung).nonzero()[0] if int(record) not in named]


def challenge(ctx: Context, submission: int, records: Sequence[int] | None = None) -> list[int]:
    """Say with a bond that these records (by default: all that were refused) are wrongly decided; return the cases' numbers.

    There is one case for each 256 records that lie in one word. Raises InputError for records that are not there or disputed
    already, a verdict that cannot be challenged any more, or too little money: before anything is sent.
    """
    case = ctx.docket.case(submission)
    named = refusals(ctx, submission) if records is None else list(records)
    _require_records(case, named)
    _require_open(ctx, case)
    masks = dict.fromkeys(sorted({record // WORD for record in named}), 0)
    for record in named:
        masks[record // WORD] |= 1 << record % WORD
    bonds = {word: bond_for(ctx, submission, mask.bit_count()) for word, mask in masks.items()}
    require_funds(ctx, ctx.token, sum(bonds.values()), "a challenge")
    for word, mask in masks.items():
        approve(ctx, ctx.token, ctx.chain.address_of(CONTRACT), bonds[word])
        ctx.chain.send(ctx.sender, CONTRACT, "challenge", submission, word, mask, *verdict_of(case))
    ctx.docket.refresh()
    opened = {hearing.mask: hearing.number for hearing in case.hearings if hearing.challenger == ctx.account}
    return [opened[mask] for mask in masks.values()]


def bond_for(ctx: Context, submission: int, named: int) -> int:
    """Return what the challenge of so many records of one word of a submission takes, in the stake token."""
    from sheaf.domain.amounts import BPS, WAD

    facts = ctx.chain.call("Requests", "case_of", submission)
    value = int(facts[4]) * named // int(facts[3])
    return parameter(ctx, "dispute_bond") * WAD + value * parameter(ctx, "dispute_bond_bps") // BPS


def dispute(ctx: Context, case: int) -> Dispute:
    """Return a case as it stands. Raises InputError if there is none."""
    hearing = ctx.docket.hearing(case)
    facts = ctx.chain.call(CONTRACT, "case_of", case)
    jury, trial = jury_of(ctx, hearing), trial_of(ctx, ctx.docket.case(hearing.submission))
    refused, undecided = (_records(hearing.word, bits) for bits in (facts[5], facts[6]))
    steps, now = due(ctx, hearing), ctx.docket.refresh().timestamp
    can_appeal = jury.phase == juries.RULED and now < jury.appeal_until
    seats = hearing.benches[-1].seat_of(ctx.account) if hearing.benches and ctx.signer else None
    return Dispute(
        case, int(hearing.submission), hearing.records, refused, undecided, str(hearing.challenger), hearing.bond,
        jury, steps[0] if steps else "", "" if steps else _awaited(ctx, hearing, jury), trial.until,
        hearing.bond << jury.round if can_appeal else 0, seats,
    )  # fmt: skip


def list_disputes(ctx: Context, submission: int | None = None) -> list[Dispute]:
    """Return all cases, or those of one submission, oldest first."""
    ctx.docket.refresh()
    found = [
        hearing.number for hearing in ctx.docket.hearings.values() if submission in (None, hearing.submission)
    ]
    return [dispute(ctx, number) for number in sorted(found)]


def vote(ctx: Context, case: int, rejected: Sequence[int], *, is_faultless: bool = False) -> int:
    """Commit, as a juror, to which of the named records are to be rejected; return the seat. `reveal` opens the vote.

    Raises Refused if this account has no seat in the round, InputError for records that were not named, a vote that is fixed
    otherwise, or a round that is over.
    """
    hearing = ctx.docket.hearing(case)
    _, seat = require_seat(ctx, hearing)
    if jury_of(ctx, hearing).phase != juries.VOTING:
        raise InputError("case", case, f"its jury is not voting now: see `sheaf dispute show {case}`")
    cast_vote(ctx, case, list(rejected), is_faultless=is_faultless)
    done = sit(ctx, case)
    if done == "too late to commit":
        raise InputError("case", case, f"{done}: see `sheaf dispute show {case}`")
    return seat


def reveal(ctx: Context, case: int) -> int:
    """Open the vote that was committed to; return the seat.

    Raises Refused if this account has no seat in the round, InputError while it is not time, or where it committed to nothing.
    """
    hearing = ctx.docket.hearing(case)
    bench, seat = require_seat(ctx, hearing)
    if find_vote(ctx, hearing, bench) is None or seat not in bench.commitments:
        raise InputError("case", case, "this account has committed to no vote in this round")
    done = sit(ctx, case)
    if done != "opened" and seat not in bench.opened:
        raise InputError("case", case, f"{done}: try again later")
    return seat


def appeal(ctx: Context, case: int, *, is_for_challenge: bool) -> int:
    """Ask for a larger jury, for the side that lost; return the bond.

    Raises InputError when it is too late or too early or the money is not there, Reverted for the side that won.
    """
    found = dispute(ctx, case)
    if not found.appeal_bond:
        raise InputError(
            "case", case, "no appeal is possible now: only after a ruling, until its time is over"
        )
    require_funds(ctx, ctx.token, found.appeal_bond, "an appeal")
    approve(ctx, ctx.token, ctx.chain.address_of(CONTRACT), found.appeal_bond)
    ctx.chain.send(ctx.sender, CONTRACT, "appeal", case, is_for_challenge)
    return found.appeal_bond


def proceed(ctx: Context, case: int, judge: Judge | JudgeMaker | None = None) -> str:
    """Do what is due in a case, and return it in a word. Anyone may.

    That is: hand the key to jurors, where this account has it; as a juror, send or open the vote; draw, redraw, tally, conclude, slash
    (the votes of the review are shown again), execute, collect; or wait.
    """
    hearing = ctx.docket.hearing(case)
    hand_to_jurors(ctx, hearing.submission)
    done = sit(ctx, case, judge)
    if done in ("committed", "opened"):
        return done
    try:
        return move(ctx, hearing) or "wait"
    except Missing:
        return "wait"


def winnings(ctx: Context) -> int:
    """Return what disputes owe this account, in the stake token."""
    return int(ctx.chain.call(CONTRACT, "owed", ctx.account))


def collect_winnings(ctx: Context) -> int:
    """Withdraw what disputes owe this account; return the amount. Raises Reverted if there is nothing."""
    amount = winnings(ctx)
    ctx.chain.send(ctx.sender, CONTRACT, "withdraw")
    return amount


def _require_open(ctx: Context, case: Case) -> None:
    until = challenge_until(ctx, case)
    if ctx.docket.refresh().timestamp >= until:
        ended = f"its challenge window ended at {until} (Unix seconds)" if until else "its verdict is final"
        raise InputError(
            "submission", case.submission, f"{ended}: challenge within the window after the count"
        )


def _require_records(case: Case, named: Sequence[int]) -> None:
    outside = [record for record in named if not 0 <= record < case.records]
    if not named or outside:
        given = outside[0] if outside else "none"
        raise InputError("record", given, f"name records from 0 to {case.records - 1}")
    disputed = {record: hearing.number for hearing in case.hearings for record in hearing.records}
    twice = next((record for record in named if record in disputed), None)
    if twice is not None:
        raise InputError("record", twice, f"case {disputed[twice]} names it already: leave it out")


def _awaited(ctx: Context, hearing: Hearing, jury: Jury) -> str:
    """Return what a case waits for, in words."""
    case = ctx.docket.case(hearing.submission)
    if jury.phase == juries.DRAWING:
        there, seats = len(eligible(ctx, case, hearing)), seats_due(ctx, hearing)
        few = f"{seats} jurors are needed, {there} validators had no part in it" if there < seats else ""
        return few or "the block that draws the jury"
    if jury.phase == juries.VOTING:
        bench = hearing.benches[-1]
        missing = len(bench.jurors) - len(bench.commitments)
        return (
            f"{missing} jurors to commit"
            if missing
            else f"{len(bench.jurors) - len(bench.opened)} jurors to open"
        )
    if jury.phase == juries.RULED:
        return "an appeal, while there may be one"
    if jury.phase == juries.COLLECTED:
        return "nothing: it is over"
    trial = trial_of(ctx, case)
    if trial.open:
        return "other cases of the submission"
    return "the end of the challenge window, then the votes to be shown"


def _records(word: int, bits: int) -> tuple[int, ...]:
    return tuple(WORD * int(word) + i for i in range(WORD) if int(bits) >> i & 1)
