"""Open the answer to an order, and hold its receipt against everything that can be known without the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.compute.methods import spent_by
from sheaf.actions.compute.placed import Placed, declined, handed, ordered, placed, policy_of
from sheaf.actions.datasets.find import manifest_of
from sheaf.domain.errors import InputError, IntegrityError
from sheaf.domain.order import FAILED_OUTPUT, Order, Receipt
from sheaf.market.compute_orders import DELIVERED, DISPUTED, PLACED, SETTLED

if TYPE_CHECKING:
    from sheaf.actions.context import Context


class Result(msgspec.Struct, frozen=True):
    """An answer that is what was ordered, as far as its receipt says; `checked` names what was held against chain and order."""

    order: int
    state: str
    output: bytes
    is_failed: bool
    receipt: Receipt
    checked: list[str]


def open_result(ctx: Context, number: int, environment: str | None = None) -> Result:
    """Return the answer to an order of the acting account.

    `environment` is the hash that its jobs should have run in, if the buyer asks for one. Raises InputError while there is no answer,
    Missing where it has not come, IntegrityError naming what in the receipt is not as ordered.
    """
    one = placed(ctx, number)
    if one.chain.buyer != ctx.account:
        raise InputError("order", number, f"its buyer is {one.chain.buyer}: act as that account")
    if one.chain.phase not in (DELIVERED, DISPUTED, SETTLED):
        reason = declined(ctx, one) if one.chain.phase == PLACED else ""
        said = f"its provider does not take it on ({reason}): " if reason else "there is no answer: wait, or "
        raise InputError(
            "order",
            f"{number} ({one.chain.state})",
            f"{said}take the money back: `sheaf dataset refund {number}`",
        )
    output, receipt = handed(ctx, one)
    order = ordered(ctx, one, 1)
    checked = _check(ctx, one, order, output, receipt)
    if environment is not None:
        _same("environment", receipt.environment, environment)
        checked.append("environment")
    return Result(number, one.chain.state, output, output == FAILED_OUTPUT, receipt, checked)


def _check(ctx: Context, one: Placed, order: Order, output: bytes, receipt: Receipt) -> list[str]:
    policy = policy_of(manifest_of(ctx, one.chain.dataset, one.version))
    expected: dict[str, object] = {
        "order": one.number,
        "dataset": str(one.cid),
        "algorithm": order.algorithm,
        "policy": policy.digest,
        "purpose": order.purpose,
        "output": one.chain.result.hex(),
    }
    for name, value in expected.items():
        _same(name, getattr(receipt, name), value)
    if output != FAILED_OUTPUT:  # a failed answer says nothing, also not what it took
        # What an answer costs follows from the loss that it states.
        cost = spent_by(output, policy) if policy.has_noise else 0
        _same("spent_nanonats", receipt.spent_nanonats, cost)
        expected["spent_nanonats"] = cost
    return [*expected, "signature"]


def _same(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise IntegrityError(f"receipt: {name}: {found}, and {wanted} was ordered: dispute the order")
