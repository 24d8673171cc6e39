"""An owner's terms: prices, who may compute and for what, who may not buy, and when it is over; and what the dataset earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.account import approve, register_key, require_address, require_funds
from sheaf.domain.dataset import use_number
from sheaf.domain.errors import InputError
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.market import compute_orders, fixed_price, royalties
from sheaf.market.compute_orders import SEATS, Service
from sheaf.market.fixed_price import Offer
from sheaf.registry import datasets

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address


def set_price(ctx: Context, dataset: int, use: str, price: int | None, token: Address | None = None) -> str:
    """Offer one use of a dataset at a price in smallest units (None: take the offer back); return the transaction."""
    number = use_number(use)
    terms = Offer(ZERO_ADDRESS, 0) if price is None else Offer(token or ctx.token, price)
    return fixed_price.offer(ctx.chain, ctx.sender, dataset, number, terms).transaction


def set_service(ctx: Context, dataset: int, service: Service) -> str:
    """Set what providers get for an order, what they lock of their stake and how long they may take; return the transaction.

    Publishes the owner's reading key, to which providers seal the receipts of what they did.
    """
    register_key(ctx)
    return compute_orders.serve(ctx.chain, ctx.sender, dataset, service).transaction


def admit_provider(ctx: Context, dataset: int, account: Address, *, is_admitted: bool = True) -> int:
    """Give a provider a seat at a dataset, or take it away; return its number.

    Raises InputError where it has no stake or no seat is free.
    """
    number = compute_orders.provider_of(ctx.chain, require_address("provider", account))
    if not number:
        raise InputError("provider", account, "it stakes first: `sheaf dataset provide`")
    seats = compute_orders.providers_of(ctx.chain, dataset)
    if is_admitted == (number in seats):
        return number
    wanted = 0 if is_admitted else number
    if wanted not in seats:
        raise InputError("provider", account, f"all {SEATS} seats are taken: dismiss another first")
    compute_orders.admit(ctx.chain, ctx.sender, dataset, seats.index(wanted), number if is_admitted else 0)
    return number


def provide(ctx: Context, amount: int) -> int:
    """Stake so as to compute for others, or stake more; return the provider's number. Raises InputError for too little money."""
    require_funds(ctx, ctx.token, amount, "the stake")
    approve(ctx, ctx.token, ctx.chain.address_of(compute_orders.STAKES), amount)
    ctx.chain.send(ctx.sender, compute_orders.STAKES, "stake", amount)
    return compute_orders.provider_of(ctx.chain, ctx.account)


def withdraw_dataset(ctx: Context, dataset: int, *, is_withdrawn: bool = True) -> str:
    """End new purchases and orders of a dataset, or begin them again; return the transaction."""
    return datasets.withdraw(ctx.chain, ctx.sender, dataset, is_withdrawn).transaction


def revoke_buyer(ctx: Context, dataset: int, account: Address, *, is_revoked: bool = True) -> str:
    """Sell nothing more of a dataset to an account, or sell to it again; return the transaction."""
    account = require_address("buyer", account)
    return datasets.revoke(ctx.chain, ctx.sender, dataset, account, is_revoked).transaction


def claim_income(ctx: Context, dataset: int, token: Address | None = None) -> int:
    """Move a dataset's earnings to where they are parted, pass its parents theirs, pay the owner; return what the owner was paid.

    Anyone may call it: the money goes to whom it belongs. One step up the lineage is taken for each parent.
    """
    token = token or ctx.token
    if compute_orders.earned(ctx.chain, dataset, token):
        compute_orders.forward(ctx.chain, ctx.sender, dataset, token)
    for place in range(len(datasets.parents_of(ctx.chain, dataset))):
        if royalties.due_to_parent(ctx.chain, dataset, place, token):
            royalties.pass_up(ctx.chain, ctx.sender, dataset, place, token)
    due = royalties.due(ctx.chain, dataset, token)
    if due:
        royalties.claim(ctx.chain, ctx.sender, dataset, token)
    return due
