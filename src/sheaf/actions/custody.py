"""Custody: answer for content keys with a deposit, report a key that never came, and end what was pledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_funds
from sheaf.actions.cases import letters
from sheaf.domain.errors import InputError, Missing
from sheaf.review import custody
from sheaf.review.custody import Account, pledge_for

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address, SubmissionId


def deposit_for_keys(ctx: Context, amount: int) -> Account:
    """Deposit `amount` (smallest unit of the market token) more to pledge with; return what is deposited.

    Raises InputError if the account holds less.
    """
    if amount <= 0:
        raise InputError("amount", amount, "give an amount above 0")
    require_funds(ctx, ctx.token, amount, "the deposit")
    approve(ctx, ctx.token, ctx.chain.address_of(custody.CONTRACT), amount)
    custody.deposit(ctx.chain, ctx.sender, amount)
    return deposited(ctx)


def leave_custody(ctx: Context, amount: int) -> Account:
    """Let a part of the deposit that is not pledged leave; return what is deposited. Raises Reverted for more than is free."""
    custody.leave(ctx.chain, ctx.sender, amount)
    return deposited(ctx)


def withdraw_deposit(ctx: Context) -> int:
    """Take what has been leaving long enough, and return it. Raises Reverted before."""
    amount = deposited(ctx).leaving
    custody.withdraw(ctx.chain, ctx.sender)
    return amount


def deposited(ctx: Context, account: Address | None = None) -> Account:
    """Return what an account (the acting one) has deposited and not pledged."""
    return custody.account_of(ctx.chain, account or ctx.account)


def has_deposit(ctx: Context) -> bool:
    """Tell whether this account has anything to pledge, by what the chain has told of its deposits."""
    return ctx.docket.deposits.get(ctx.account, 0) > 0


def pledge_key(ctx: Context, submission: SubmissionId | int) -> int:
    """As its custodian, answer for the key of a submission; return what is pledged.

    Raises Missing while its key has not come: who answers for it should have it; Reverted if too little is deposited.
    """
    case = ctx.docket.case(submission)
    if case.custodian != ctx.account:
        raise InputError("submission", submission, f"its custodian is {case.custodian}: act as that account")
    if letters.find_key(ctx, case.submission, case.key_commitment) is None:
        raise Missing(f"key of submission {submission}: it has not come: nobody should answer for it")
    custody.pledge(ctx.chain, ctx.sender, case.submission, case.sealed())
    return ctx.docket.case(submission).pledged


def is_pledgeable(ctx: Context, case: Case) -> bool:
    """Tell whether this account is to answer for a key that it has, and has enough deposited."""
    if case.pledged or case.rounds or case.is_over or ctx.account == case.contributor:
        return False
    if case.custodian != ctx.account or letters.find_key(ctx, case.submission, case.key_commitment) is None:
        return False
    held = deposited(ctx)
    return held.free + held.leaving >= due_for(ctx, case)


def due_for(ctx: Context, case: Case) -> int:
    """Return what the custodian of a submission pledges, in the stake token's smallest unit."""
    from sheaf.market import requests

    return pledge_for(requests.value_of(ctx.chain, case.submission))


def is_missed(ctx: Context, case: Case) -> bool:
    """Tell whether this account is to report that it, a member of the first round, was not handed the key that was pledged for."""
    seat = case.seat_of(ctx.account)
    if seat is None or not case.pledged or len(case.rounds) != 1 or case.tallies or seat in case.missed:
        return False
    return letters.find_key(ctx, case.submission, case.key_commitment) is None


def report_missing_key(ctx: Context, submission: SubmissionId | int) -> None:
    """As a member of the first round, report that no key came. With the quorum's report the custodian bears it, and nobody else.

    Raises InputError for an account that does not sit there.
    """
    case = ctx.docket.case(submission)
    seat = case.seat_of(ctx.account)
    if seat is None:
        raise InputError("submission", submission, "this account does not sit in its committee")
    custody.report(ctx.chain, ctx.sender, case.submission, seat)


def conclude_pledge(ctx: Context, submission: SubmissionId | int) -> bool:
    """End the pledge of a submission that is over, whoever gets it; False if there is none, or it is not over."""
    case = ctx.docket.case(submission)
    if not case.pledged or not case.is_over:
        return False
    custody.conclude(ctx.chain, ctx.sender, case.submission)
    return True
