"""Stake: put it in, take it out, and say whom one is affiliated with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_funds
from sheaf.actions.cases.sending import find_sent, send_noted
from sheaf.domain.errors import InputError
from sheaf.review import stakes, standing

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.chain.rpc import Receipt
    from sheaf.domain.ids import Address


def stake(ctx: Context, amount: int) -> Receipt:
    """Stake `amount` (smallest unit of the market token) more; it weighs from the next period on.

    Raises InputError if the account holds less, Reverted if the total leaves the bounds of a stake.
    """
    _require_positive(amount)
    done = find_sent(ctx, f"stake {amount}", lambda block: _staked_after(ctx, amount, block))
    if done is not None:
        return ctx.chain.wait_for(done)
    require_funds(ctx, ctx.token, amount, "staking")
    approve(ctx, ctx.token, ctx.chain.address_of("Stakes"), amount)
    return send_noted(ctx, f"stake {amount}", lambda: stakes.stake(ctx.chain, ctx.sender, amount))


def unbond(ctx: Context, amount: int) -> Receipt:
    """Let `amount` of the stake go: it weighs no more from the next period on, and can be withdrawn after the unbonding time."""
    _require_positive(amount)
    return stakes.unbond(ctx.chain, ctx.sender, amount)


def withdraw_stake(ctx: Context) -> int:
    """Take out what has unbonded and is not locked; return the amount. Raises Reverted if there is nothing or it is too early."""
    before = stakes.position(ctx.chain, stakes.id_of(ctx.chain, ctx.account)).amount
    stakes.withdraw(ctx.chain, ctx.sender)
    return before - stakes.position(ctx.chain, stakes.id_of(ctx.chain, ctx.account)).amount


def declare(ctx: Context, affiliate: Address) -> Receipt:
    """Name the account that this validator belongs with: it is then never drawn for that account's requests and submissions."""
    return stakes.declare(ctx.chain, ctx.sender, affiliate)


def refresh(ctx: Context, account: Address | None = None) -> int:
    """Take in what gold has shown of a validator (oneself), and let its stake weigh by its standing from the next period on.

    Anyone may, for anyone; return its score in wad.
    """
    whose = account or ctx.account
    standing.refresh(ctx.chain, ctx.sender, whose)
    return standing.score_wad(ctx.chain, whose)


def _staked_after(ctx: Context, amount: int, block: int) -> str | None:
    events = ctx.chain.events("Stakes", "Staked", block + 1, account=ctx.account)
    return next((event.transaction for event in events if event.args["amount"] == amount), None)


def _require_positive(amount: int) -> None:
    if amount <= 0:
        raise InputError("amount", amount, "give more than zero")
