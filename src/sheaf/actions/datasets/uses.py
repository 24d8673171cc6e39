"""What became of a dataset, for its owner: every use with its receipt, the budget that was spent, the money that was earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.compute.placed import placed, policy_of, receipt_for_owner
from sheaf.actions.datasets.find import manifest_of
from sheaf.actions.datasets.order import list_orders
from sheaf.domain.amounts import BPS
from sheaf.domain.errors import InputError
from sheaf.market import compute_orders, royalties
from sheaf.market.compute_orders import DELIVERED, DISPUTED, SETTLED
from sheaf.privacy.accountant import Budget
from sheaf.registry import datasets

if TYPE_CHECKING:
    from sheaf.actions.context import Context

ANSWERED = (DELIVERED, DISPUTED, SETTLED)


class Use(msgspec.Struct, frozen=True):
    """One order of a dataset; purpose, algorithm (a hash, or the name of a method) and cost are its provider's signed word.

    They are None where no receipt came: there is no answer yet, or its provider sealed none to this owner. `price` in smallest units.
    """

    order: int
    buyer: str
    version: int
    use: str
    state: str
    token: str
    price: int
    purpose: str | None = None
    algorithm: str | None = None
    spent_nanonats: int | None = None


class Uses(msgspec.Struct, frozen=True):
    """All uses of a dataset, the newest first. `spent_epsilon` of `total_epsilon` is what receipts say was spent in all.

    `unseen` are orders that were answered and whose receipt did not come. `earned` is all that it ever earned in the market token,
    `due` the part of it that its owner can claim.
    """

    dataset: int
    uses: list[Use]
    spent_epsilon: float | None
    total_epsilon: float | None
    unseen: list[int]
    earned: int
    due: int


def uses_of(ctx: Context, dataset: int) -> Uses:
    """Return what became of one's own dataset. Raises InputError for one that is another's, or that there is not."""
    listing = datasets.listing(ctx.chain, dataset)
    if listing.owner != ctx.account:
        raise InputError("dataset", dataset, f"its owner is {listing.owner}: act as that account")
    known = list_orders(ctx, dataset=dataset)
    uses = [_use(ctx, number, one) for number, one in known.items()]
    unseen = [one.order for one in uses if known[one.order].phase in ANSWERED and one.algorithm is None]
    spent, total = _spent(ctx, dataset, uses)
    waiting = compute_orders.earned(ctx.chain, dataset, ctx.token)
    return Uses(
        dataset=dataset,
        uses=uses,
        spent_epsilon=spent,
        total_epsilon=total,
        unseen=unseen,
        earned=royalties.income(ctx.chain, dataset, ctx.token) + waiting,
        due=royalties.due(ctx.chain, dataset, ctx.token) + _own_part(ctx, dataset, waiting),
    )


def _use(ctx: Context, number: int, one: compute_orders.Order) -> Use:
    receipt = receipt_for_owner(ctx, number, one) if one.phase in ANSWERED else None
    version = placed(ctx, number).version
    said = (receipt.purpose, receipt.algorithm, receipt.spent_nanonats) if receipt else (None, None, None)
    return Use(number, one.buyer, version, one.use_name, one.state, one.token, one.price, *said)


def _spent(ctx: Context, dataset: int, uses: list[Use]) -> tuple[float | None, float | None]:
    """Return the ε that receipts add up to, and the ε there is, both None for a policy without noise or without a total."""
    policy = policy_of(manifest_of(ctx, dataset))
    if not policy.has_noise or policy.total is None or not policy.delta:
        return None, None
    spent = sum(one.spent_nanonats or 0 for one in uses)
    return Budget(policy.total, policy.delta).spent_epsilon(spent), policy.total


def _own_part(ctx: Context, dataset: int, waiting: int) -> int:
    """Return what the owner is due of earnings that were not forwarded yet, rounded down."""
    shared = sum(one.weight_bps for one in datasets.parents_of(ctx.chain, dataset))
    return waiting - waiting * shared // BPS
