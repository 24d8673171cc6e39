"""Dispute: challenge a verdict with a bond, vote as a juror, appeal, and bring a case to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_funds
from sheaf.actions.cases.rating import votes_of
from sheaf.actions.status import decided
from sheaf.domain.errors import InputError, Missing, Refused, Reverted
from sheaf.review import juries, reversals, stakes
from sheaf.review.juries import Jury, Vote

if TYPE_CHECKING:
    from sheaf.actions.context import Context

CONTRACT = "Disputes"
WORD = 256


@dataclass(frozen=True)
class Dispute:
    """A case as it stands: `records` are those that were named, `rejected` and `hung` what is ruled upon them so far."""

    case: int
    submission: int
    records: tuple[int, ...]
    rejected: tuple[int, ...]
    hung: tuple[int, ...]
    challenger: str
    bond: int
    jury: Jury


def challenge(ctx: Context, submission: int, records: Sequence[int]) -> list[int]:
    """Say with a bond that these records of a decided submission are wrongly decided; return the cases' numbers, one per 256 records.

    Raises InputError for records that are not there or too little money, Reverted outside the challenge window.
    """
    case = ctx.docket.case(submission)
    rejected, hung = decided(case)
    outside = [record for record in records if not 0 <= record < case.records]
    if not records or outside:
        given = outside[0] if outside else "none"
        raise InputError("record", given, f"name records from 0 to {case.records - 1}")
    from sheaf.verification.bitmap import pack

    opened = []
    for word in sorted({record // WORD for record in records}):
        mask = sum({1 << record % WORD for record in records if record // WORD == word})
        bond = _bond(ctx, submission, mask.bit_count())
        require_funds(ctx, ctx.token, bond, "a challenge")
        approve(ctx, ctx.token, ctx.chain.address_of(CONTRACT), bond)
        made = ctx.chain.send(
            ctx.sender, CONTRACT, "challenge", submission, word, mask, pack(rejected), pack(hung)
        )
        opened.append(int(made.event("CaseOpened").args["case"]))
    return opened


def dispute(ctx: Context, case: int) -> Dispute:
    """Return a case as it stands. Raises InputError if there is none."""
    submission, word, mask, _, _, rejected, hung, challenger, bond, _, _ = ctx.chain.call(
        CONTRACT, "case_of", case
    )
    if not mask:
        raise InputError("case", case, "give the number of a case: `sheaf dispute challenge` names it")
    named, refused, undecided = (_records(word, bits) for bits in (mask, rejected, hung))
    jury = juries.jury(ctx.chain, case)
    return Dispute(case, int(submission), named, refused, undecided, str(challenger), int(bond), jury)


def vote(ctx: Context, case: int, rejected: Sequence[int], *, is_faultless: bool = False) -> int:
    """Commit, as a juror, to which of the named records are to be rejected; return the seat. `reveal` opens the vote.

    Raises Refused if this account has no seat in the round, InputError for records that were not named.
    """
    open_case = dispute(ctx, case)
    unknown = [record for record in rejected if record not in open_case.records]
    if unknown:
        raise InputError("record", unknown[0], "vote on records that the case names")
    seat = _seat(ctx, open_case)
    made = _vote(ctx, open_case, rejected, is_faultless)
    juries.commit(
        ctx.chain, ctx.sender, case, seat, juries.commitment(made, case, ctx.account, open_case.jury.round)
    )
    return seat


def reveal(ctx: Context, case: int, rejected: Sequence[int], *, is_faultless: bool = False) -> int:
    """Open the vote that was committed to, given again as it was; return the seat. Raises Reverted if it was another."""
    open_case = dispute(ctx, case)
    seat = _seat(ctx, open_case)
    juries.reveal(ctx.chain, ctx.sender, case, seat, _vote(ctx, open_case, rejected, is_faultless))
    return seat


def appeal(ctx: Context, case: int, *, is_for_challenge: bool) -> int:
    """Ask for a larger jury, for the side that lost; return the bond. Raises Reverted when it is too late."""
    open_case = dispute(ctx, case)
    bond = open_case.bond << open_case.jury.round
    require_funds(ctx, ctx.token, bond, "an appeal")
    approve(ctx, ctx.token, ctx.chain.address_of(CONTRACT), bond)
    ctx.chain.send(ctx.sender, CONTRACT, "appeal", case, is_for_challenge)
    return bond


def proceed(ctx: Context, case: int) -> str:
    """Do what is due in a case, and return it in a word. Anyone may.

    That is: draw, redraw, tally, conclude, slash (the votes of the review are shown again), execute, collect, or wait.
    """
    open_case = dispute(ctx, case)
    if open_case.jury.phase == juries.CONCLUDED and _slash(ctx, open_case.submission):
        return "slash"
    steps = {
        juries.DRAWING: ("draw", "redraw", "conclude"),
        juries.VOTING: ("tally",),
        juries.RULED: ("conclude",),
        juries.CONCLUDED: ("execute", "collect"),
    }
    for step in steps.get(open_case.jury.phase, ()):
        arguments = (case,) if step != "execute" else _verdict(ctx, open_case.submission)
        try:
            ctx.chain.send(ctx.sender, CONTRACT, step, *arguments)
        except Reverted:
            continue
        return step
    return "wait"


def collect_winnings(ctx: Context) -> int:
    """Withdraw what disputes owe this account; return the amount. Raises Reverted if there is nothing."""
    amount = int(ctx.chain.call(CONTRACT, "owed", ctx.account))
    ctx.chain.send(ctx.sender, CONTRACT, "withdraw")
    return amount


def _bond(ctx: Context, submission: int, named: int) -> int:
    from sheaf.domain.amounts import BPS, WAD
    from sheaf.governance import parameters

    facts = ctx.chain.call("Requests", "case_of", submission)
    value = int(facts[4]) * named // int(facts[3])
    whole, share = (parameters.get(ctx.chain, name) for name in ("dispute_bond", "dispute_bond_bps"))
    return whole * WAD + value * share // BPS


def _verdict(ctx: Context, submission: int) -> tuple[int, bytes, bytes]:
    from sheaf.verification.bitmap import pack

    rejected, hung = decided(ctx.docket.case(submission))
    return submission, pack(rejected), pack(hung)


def _slash(ctx: Context, submission: int) -> bool:
    case, is_sent = ctx.docket.case(submission), False
    for drawn in case.rounds:
        try:
            votes = votes_of(ctx, case, drawn.number)
            carried = case.carried if drawn.number == 2 else ()
            reversals.slash(ctx.chain, ctx.sender, submission, drawn.number, reversals.Shown(*votes, carried))
        except (Missing, Reverted):
            continue
        is_sent = True
    return is_sent


def _seat(ctx: Context, open_case: Dispute) -> int:
    own = int(stakes.id_of(ctx.chain, ctx.account))
    seats = juries.jurors(ctx.chain, open_case.case)
    if own not in seats[open_case.jury.first :] or not own:
        raise Refused(f"dispute: {ctx.account} has no seat in this round of case {open_case.case}")
    return seats.index(own)


def _vote(ctx: Context, open_case: Dispute, rejected: Sequence[int], is_faultless: bool) -> Vote:
    # Derived, so that a juror who loses everything but its account can still open its vote.
    # It names the market: a salt that was opened in one would uncover the vote of a case of that number in another.
    salt = ctx.sender.derive_secret(f"juror {ctx.market} {open_case.case} {open_case.jury.round}".encode())
    return Vote(sum({1 << record % WORD for record in rejected}), is_faultless, salt)


def _records(word: int, bits: int) -> tuple[int, ...]:
    return tuple(WORD * int(word) + i for i in range(WORD) if int(bits) >> i & 1)
