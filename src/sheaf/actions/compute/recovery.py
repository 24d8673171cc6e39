"""A ledger that was lost, or put back as an old copy: what the chain knows it paid for is charged again, or nothing more is answered.

An order that was accepted has its part set aside or spent in its provider's ledger from before the chain hears of it. One that the chain
has and the ledger has not tells that the ledger is not the one that was kept. What the order cost follows from its sealed document.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sheaf.actions.compute.methods import RELEASES, BudgetedMethods, job_of
from sheaf.actions.compute.placed import ordered, placed
from sheaf.domain.errors import Refused, SheafError, Unreachable, shorten
from sheaf.domain.order import FAILED_OUTPUT
from sheaf.market import compute_orders
from sheaf.market.compute_orders import ACCEPTED, DELIVERED, DISPUTED, REFUNDED, SETTLED, Order

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context

NO_ANSWER = hashlib.sha256(FAILED_OUTPUT).digest()


def taken_on(ctx: Context, provider: int) -> dict[int, dict[int, Order]]:
    """Return the orders of answers with noise that a provider has accepted and not failed, or may have answered, by dataset and number."""
    found: dict[int, dict[int, Order]] = defaultdict(dict)
    for number in range(1, compute_orders.count(ctx.chain) + 1):
        one = compute_orders.order(ctx.chain, number)
        if one.provider == provider and one.use_name in RELEASES and _was_accepted(ctx, number, one):
            found[one.dataset][number] = one
    return dict(found)


def recover(
    ctx: Context,
    methods: BudgetedMethods,
    orders: Mapping[int, Order],
    tables: Mapping[str, Callable[[], pa.Table]],
    *,
    is_new: bool,
) -> list[int]:
    """Charge again those `orders` of a dataset that its ledger should have and has not; return them.

    `tables` reads what methods see, by version; `is_new` says that the ledger had nothing of the dataset. Orders that ended without an
    answer are charged only where the ledger is surely not the one that was kept, as far as they can be. Raises Refused where another
    cannot be charged: then nothing may be answered.
    """
    lost = {number: one for number, one in orders.items() if not methods.ledger.knows(job_of(number))}
    if not is_new and all(_may_be_free(one) for one in lost.values()):
        return []
    failed: dict[int, str] = {}
    for number, chain in lost.items():
        try:
            _charge(ctx, methods, number, tables)
        except Unreachable:
            raise
        except SheafError as error:
            if not _may_be_free(chain):
                failed[number] = shorten(error, 120)
    if failed:
        number, reason = next(iter(failed.items()))
        raise Refused(
            f"budgets.sqlite: orders {', '.join(map(str, failed))} were accepted here and this file has nothing of them, nor can they be "
            f"charged again (order {number}: {reason}): put the file back, or publish the records anew with what is left of the budget"
        )
    return sorted(lost)


def _charge(
    ctx: Context, methods: BudgetedMethods, number: int, tables: Mapping[str, Callable[[], pa.Table]]
) -> None:
    one = placed(ctx, number)
    if one.cid not in tables:
        raise Refused(f"it was for version {one.version}: start once with the records of that version")
    methods.charge(ordered(ctx, one, 1), tables[one.cid]())


def _may_be_free(one: Order) -> bool:
    """Whether an order ended without an answer, and so most likely without a cost."""
    return one.phase == REFUNDED or one.result == NO_ANSWER


def _was_accepted(ctx: Context, number: int, one: Order) -> bool:
    if one.phase == REFUNDED:
        return bool(ctx.chain.events(compute_orders.CONTRACT, "OrderAccepted", 0, order=number))
    return one.phase in (ACCEPTED, DELIVERED, DISPUTED, SETTLED)
