"""What is owed to an account for datasets and orders, and how it takes it: fees, refunds, income, stake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.datasets.order import list_orders
from sheaf.actions.datasets.terms import claim_income
from sheaf.domain.errors import InputError, Reverted
from sheaf.market import compute_orders
from sheaf.market.compute_orders import DELIVERED, PHASES
from sheaf.registry import datasets

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address


class ProviderPosition(msgspec.Struct, frozen=True):
    """What a provider has at stake and is owed, in smallest units; `release_at` (Unix seconds) is when what unbonds may leave.

    `datasets` are those at which it has a seat, `orders` how many of its orders are in which state.
    """

    provider: int
    account: str
    staked: int
    locked: int
    unbonding: int
    release_at: int
    owed: int
    datasets: list[int]
    orders: dict[str, int]


class Claimed(msgspec.Struct, frozen=True):
    """What came to an account, in smallest units: `owed` are fees and refunds, `income` is by dataset, `stake` has unbonded.

    `settled` are the orders that had waited for somebody to settle them; `waits` says what could not be had yet, and why.
    """

    owed: int
    income: dict[int, int]
    stake: int
    settled: list[int]
    waits: list[str]


def position_of(ctx: Context, account: Address) -> ProviderPosition:
    """Return how an account stands as a provider. Raises InputError for one that never staked."""
    number = compute_orders.provider_of(ctx.chain, account)
    if not number:
        raise InputError("provider", account, "it stakes first: `sheaf dataset provide AMOUNT`")
    held = ctx.chain.call(compute_orders.STAKES, "position", number)
    numbers = range(1, datasets.count(ctx.chain) + 1)
    states = [one.state for one in list_orders(ctx).values() if one.provider == number]
    return ProviderPosition(
        provider=number,
        account=account,
        staked=held.amount,
        locked=held.locked,
        unbonding=held.unbonding,
        release_at=held.release_at,
        owed=compute_orders.owed(ctx.chain, ctx.token, account),
        datasets=[one for one in numbers if number in compute_orders.providers_of(ctx.chain, one)],
        orders={state: states.count(state) for state in PHASES if state in states},
    )


def unbond(ctx: Context, amount: int) -> ProviderPosition:
    """Begin to take a provider's stake out: it can still be locked and lost until it is withdrawn; return how the account stands.

    Raises InputError for more than is bonded, Reverted in the contract's words.
    """
    before = position_of(ctx, ctx.account)
    bonded = before.staked - before.unbonding
    if not 0 < amount <= bonded:
        raise InputError("amount", amount, f"give more than zero, up to the {bonded} that are bonded")
    ctx.chain.send(ctx.sender, compute_orders.STAKES, "unbond", amount)
    return position_of(ctx, ctx.account)


def claim(ctx: Context, token: Address | None = None) -> Claimed:
    """Take all that is the acting account's in a token (the market token), as provider, buyer and owner, and stake that has unbonded.

    Settles first what waits to be settled for it, and passes the parents of its datasets their parts. May be repeated; what
    cannot be had yet is said in `waits`.
    """
    token = token or ctx.token
    number = compute_orders.provider_of(ctx.chain, ctx.account)
    own = [one for one in range(1, datasets.count(ctx.chain) + 1) if _owns(ctx, one)]
    settled, waits = _settle(ctx, number, own)
    owed = 0
    if compute_orders.owed(ctx.chain, token, ctx.account):
        owed = compute_orders.withdraw(ctx.chain, ctx.sender, token)
    income = {one: claim_income(ctx, one, token) for one in own}
    stake = _withdraw_stake(ctx, number, waits) if number else 0
    return Claimed(owed, {one: paid for one, paid in income.items() if paid}, stake, settled, waits)


def _owns(ctx: Context, dataset: int) -> bool:
    return datasets.listing(ctx.chain, dataset).owner == ctx.account


def _settle(ctx: Context, provider: int, own: list[int]) -> tuple[list[int], list[str]]:
    """Settle the orders that are delivered, can be disputed no more and pay this account; say which may still be disputed."""
    settled, waits = [], []
    now = ctx.chain.block().timestamp
    for number, one in sorted(list_orders(ctx).items()):
        if one.phase != DELIVERED or (one.provider != provider and one.dataset not in own):
            continue
        if now >= one.until:
            compute_orders.step(ctx.chain, ctx.sender, "settle", number)
            settled.append(number)
        else:
            waits.append(f"order {number}: may be disputed for another {one.until - now} s")
    return settled, waits


def _withdraw_stake(ctx: Context, number: int, waits: list[str]) -> int:
    """Take out what has unbonded and covers no lock; add to `waits` why nothing came."""
    held, now = ctx.chain.call(compute_orders.STAKES, "position", number), ctx.chain.block().timestamp
    if not held.unbonding:
        return 0
    if now < held.release_at:
        waits.append(f"stake: what unbonds may leave in {held.release_at - now} s")
        return 0
    try:
        ctx.chain.send(ctx.sender, compute_orders.STAKES, "withdraw")
    except Reverted as error:
        waits.append(f"stake: {error}")
        return 0
    return int(held.amount - ctx.chain.call(compute_orders.STAKES, "position", number).amount)
