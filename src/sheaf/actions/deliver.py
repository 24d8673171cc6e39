"""Delivery: the content key goes from the custodian to the drawn committee, from both to jurors, and after settlement to the buyer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.draft import own_key
from sheaf.domain.errors import InputError, Missing
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId


class Handed(msgspec.Struct):
    """Journal: to whom this account has handed a submission's key."""

    readers: list[str] = []


def hand_over(ctx: Context, submission: SubmissionId | int) -> int:
    """As its custodian, seal a submission's key to members and jurors who do not have it from here; return how many that were.

    Raises Missing while the contributor's letter has not come, InputError if another account is the custodian.
    """
    case = ctx.docket.case(submission)
    if case.custodian != ctx.account:
        raise InputError("submission", submission, f"its custodian is {case.custodian}: act as that account")
    readers = [*_drawn_for_good(ctx, case, 0), *jurors_for_good(ctx, case)]
    return _hand(ctx, case, [reader for reader in readers if reader != ctx.account])


def hand_to_buyer(ctx: Context, submission: SubmissionId | int) -> bool:
    """As a member who has the key, seal it to the buyer of a settled submission; False if that is done or not due.

    It is due once money was paid for records: never before, and never for a submission of which nothing was approved.
    """
    case = ctx.docket.case(submission)
    if case.seat_of(ctx.account) is None or not is_owed(ctx, case):
        return False
    buyer = buyer_of(ctx, case)
    return _hand(ctx, case, [buyer]) > 0


def hand_to_fellows(ctx: Context, submission: SubmissionId | int) -> int:
    """As a member who has the key, seal it to members drawn later, lest they depend on the custodian; return how many that were."""
    case = ctx.docket.case(submission)
    seat = case.seat_of(ctx.account)
    if seat is None or case.is_over or seat not in case.rounds[0].seats:
        return 0
    return _hand(ctx, case, _drawn_for_good(ctx, case, 1))


def hand_to_contributor(ctx: Context, submission: SubmissionId | int) -> bool:
    """As the custodian that mixed gold into a submission, seal its key to the contributor; False if that is done or not due.

    It is due once there is a verdict: before, the places of the gold would show.
    """
    case = ctx.docket.case(submission)
    if case.custodian != ctx.account or not case.tallies or ctx.account == case.contributor:
        return False
    if ctx.docket.refresh().number < case.tallies[0].block + ctx.confirmations:
        return False
    return _hand(ctx, case, [case.contributor]) > 0


def hand_to_jurors(ctx: Context, submission: SubmissionId | int) -> int:
    """As one who has the key, seal it to the jurors of its disputes; return how many that were.

    It is the duty of members, earlier jurors and the custodian; a contributor that appeals does it in its own interest. 0 where
    this account has not the key.
    """
    case = ctx.docket.case(submission)
    if case.is_over:
        return 0
    try:
        return _hand(ctx, case, [juror for juror in jurors_for_good(ctx, case) if juror != ctx.account])
    except Missing:  # it is others' to hand over what never came here
        return 0


def jurors_for_good(ctx: Context, case: Case) -> list[Address]:
    """Return the jurors of cases that are not concluded, once their draw lies deep enough in the chain."""
    height = ctx.docket.refresh().number - ctx.confirmations
    return [
        juror
        for hearing in case.hearings
        if not hearing.is_concluded
        for bench in hearing.benches
        if bench.block <= height
        for juror in bench.jurors
    ]


def _drawn_for_good(ctx: Context, case: Case, first: int) -> list[Address]:
    """Return the members of rounds from `first` (0: round 1) on whose draw lies deep enough in the chain."""
    height = ctx.docket.refresh().number - ctx.confirmations
    return [member for drawn in case.rounds[first:] if drawn.block <= height for member in drawn.members]


def is_owed(ctx: Context, case: Case) -> bool:
    """Tell whether the buyer has paid for the key: records were approved, and the settlement lies deep enough in the chain."""
    if case.settlement is None or not case.settlement["approved"]:
        return False
    return ctx.docket.refresh().number >= case.ended_block + ctx.confirmations


def buyer_of(ctx: Context, case: Case) -> Address:
    """Return the buyer of a case's request."""
    return Address(ctx.docket.requests[case.request].args["buyer"])


def is_handed(ctx: Context, case: Case, reader: Address) -> bool:
    """Tell whether this account has handed a case's key to `reader`."""
    return reader in (journal.recall(_path(ctx, case), Handed) or Handed()).readers


def _hand(ctx: Context, case: Case, readers: list[Address]) -> int:
    handed = journal.recall(_path(ctx, case), Handed) or Handed()
    fresh = [reader for reader in dict.fromkeys(readers) if reader not in handed.readers]
    if not fresh:
        return 0
    key = letters.find_key(ctx, case.submission, case.key_commitment) or own_key(ctx, case.submission)
    if key is None:
        raise Missing(
            f"key of submission {case.submission}: it has not come: ask {case.custodian}, its custodian"
        )
    before = len(handed.readers)
    for reader in fresh:
        if letters.seal_key(ctx, case.submission, key, reader):
            handed = Handed([*handed.readers, reader])
            journal.keep(_path(ctx, case), handed)
    return len(handed.readers) - before


def _path(ctx: Context, case: Case) -> Path:
    return ctx.folder / "handed" / journal.case_file(case)
