"""Order a use of a dataset, buy uses ahead, watch, dispute, and have money back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from sheaf.actions.account import approve, require_funds
from sheaf.domain.dataset import OrderId, use_number
from sheaf.domain.errors import InputError
from sheaf.market import compute_orders, datatoken, fixed_price
from sheaf.market.compute_orders import (
    ACCEPTED,
    DELIVERED,
    DISPUTED,
    PLACED,
    REFUNDED,
    Job,
    Order,
)

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.market.fixed_price import Offer

MAX_JOB_BYTES = 1 << 24


class Wish(NamedTuple):
    """What a buyer wants: a kind of use, the bytes of the job (they are hashed, not sent), and how it is paid."""

    use: str
    job: bytes
    provider: Address | None = None
    is_ticket: bool = False
    is_deterministic: bool = False


def buy_uses(ctx: Context, dataset: int, use: str, uses: int = 1) -> int:
    """Buy uses ahead, as datatokens, at the price of now; return what was paid."""
    offer = _offer(ctx, dataset, use)
    if uses <= 0:
        raise InputError("uses", uses, "give at least 1")
    total = offer.price * uses
    _provide(ctx, offer.token, total, fixed_price.CONTRACT)
    fixed_price.buy(ctx.chain, ctx.sender, dataset, use_number(use), uses, total)
    return total


def uses_left(ctx: Context, dataset: int, use: str, account: Address | None = None) -> int:
    """Return how many uses an account (the acting one) holds."""
    at = fixed_price.datatoken_of(ctx.chain, dataset, use_number(use))
    return datatoken.balance(ctx.chain, at, account or ctx.account)


def order_use(ctx: Context, dataset: int, wish: Wish) -> OrderId:
    """Place an order, paid into escrow; return its number. Without a provider named, the first who has enough free stake.

    Raises InputError where the use is not offered or served, or for too little money, before anything is sent.
    """
    offer = _offer(ctx, dataset, wish.use)
    service = compute_orders.service_of(ctx.chain, dataset)
    if service is None:
        raise InputError(
            "dataset", dataset, "its owner has set no service yet: ask for `sheaf dataset serve`"
        )
    if not wish.job or len(wish.job) > MAX_JOB_BYTES:
        raise InputError("job", f"{len(wish.job)} bytes", f"give 1 to {MAX_JOB_BYTES} bytes")
    provider = choose_provider(ctx, dataset, wish.provider, service.lock)
    most = service.fee + (0 if wish.is_ticket else offer.price)
    _provide(ctx, offer.token, most, compute_orders.CONTRACT)
    job = Job(
        int(dataset), use_number(wish.use), provider, hashlib.sha256(wish.job).digest(), most,
        wish.is_ticket, wish.is_deterministic,
    )  # fmt: skip
    return compute_orders.place(ctx.chain, ctx.sender, job)


def show_order(ctx: Context, order: int) -> Order:
    """Return an order as the chain has it. Raises InputError if there is none."""
    return compute_orders.order(ctx.chain, order)


def list_orders(
    ctx: Context, *, buyer: Address | None = None, dataset: int | None = None
) -> dict[int, Order]:
    """Return orders by number, the newest first: of a buyer, of a dataset, or all."""
    known = {number: show_order(ctx, number) for number in range(compute_orders.count(ctx.chain), 0, -1)}
    return {
        number: one
        for number, one in known.items()
        if buyer in (None, one.buyer) and dataset in (None, one.dataset)
    }


def dispute_order(ctx: Context, order: int) -> str:
    """Have a deterministic job repeated by a second provider, for another fee; return the transaction."""
    one = show_order(ctx, order)
    _provide(ctx, one.token, one.fee, compute_orders.CONTRACT)
    return compute_orders.step(ctx.chain, ctx.sender, "dispute", order).transaction


def refund_order(ctx: Context, order: int) -> int:
    """Have one's money back: cancel what nobody accepted, refund what was not delivered in time, and take it; return what came.

    Raises InputError where there is nothing to be had yet.
    """
    one = show_order(ctx, order)
    now = ctx.chain.block().timestamp
    if one.phase == PLACED and one.buyer == ctx.account:
        compute_orders.step(ctx.chain, ctx.sender, "cancel", order)
    elif one.phase in (ACCEPTED, DISPUTED) and now >= one.until:
        compute_orders.step(ctx.chain, ctx.sender, "refund", order)
    elif one.phase != REFUNDED:
        raise InputError("order", f"{order} ({one.state})", f"nothing comes back now: {_kept_by(one)}")
    if not compute_orders.owed(ctx.chain, one.token, ctx.account):  # type: ignore[arg-type]
        return 0
    return compute_orders.withdraw(ctx.chain, ctx.sender, one.token)  # type: ignore[arg-type]


def _kept_by(one: Order) -> str:
    """Say why an order's money does not come back now."""
    if one.phase == PLACED:
        return f"only its buyer takes it back before it is taken on: act as {one.buyer}"
    if one.phase in (ACCEPTED, DISPUTED):
        return f"its provider has until {one.until}"
    if one.phase == DELIVERED:
        return (
            f"a result is stated: until {one.until} its buyer may have it repeated by `sheaf dataset dispute`"
        )
    return "a result was stated and it is paid"


def settle_order(ctx: Context, order: int) -> Order:
    """Pay dataset and provider of a delivered order whose time to dispute is over; return the order. Anyone may."""
    one = show_order(ctx, order)
    if one.phase == DELIVERED:
        compute_orders.step(ctx.chain, ctx.sender, "settle", order)
    return show_order(ctx, order)


def _offer(ctx: Context, dataset: int, use: str) -> Offer:
    offer = fixed_price.offer_of(ctx.chain, dataset, use_number(use))
    if offer is None:
        raise InputError("use", use, f"it is not offered: see `sheaf dataset price {int(dataset)}`")
    return offer


def choose_provider(
    ctx: Context, dataset: int, named: Address | None, lock: int, among: Collection[str] | None = None
) -> int:
    """Return the number of the provider that is named, else of the first who has `lock` of its stake free. Raises InputError.

    `among` are the accounts that may be chosen, in small letters, where not every seat will do: who may spend the data's budget.
    """
    seated = [number for number in compute_orders.providers_of(ctx.chain, dataset) if number]
    if named is not None:
        number = compute_orders.provider_of(ctx.chain, named)
        if number not in seated:
            raise InputError("provider", named, "it has no seat at this dataset: see `sheaf dataset show`")
        if among is not None and named.lower() not in among:
            raise InputError(
                "provider", named, f"the budget is spent by {', '.join(among) or 'nobody'}: name one of them"
            )
        return number
    if among is not None:
        seated = [one for one in seated if compute_orders.account_of(ctx.chain, one).lower() in among]
        if not seated:
            raise InputError(
                "provider", "none", "nobody who may spend the budget has a seat: ask the owner to admit one"
            )
    for number in seated:
        held = ctx.chain.call(compute_orders.STAKES, "position", number)
        if held.amount - held.locked >= lock:
            return number
    raise InputError("provider", "none", "no provider of these data has enough free stake now: try later")


def _provide(ctx: Context, token: str, amount: int, contract: str) -> None:
    from sheaf.domain.ids import Address

    if amount:
        require_funds(ctx, Address(token), amount, "it")
        approve(ctx, Address(token), ctx.chain.address_of(contract), amount)
