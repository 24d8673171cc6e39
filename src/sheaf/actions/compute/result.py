"""Open the answer to an order, and hold its receipt against everything that can be known without the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.compute.methods import spent_by
from sheaf.actions.compute.placed import Placed, declined, handed, ordered, placed, policy_of
from sheaf.actions.datasets.find import manifest_of
from sheaf.domain.errors import InputError, IntegrityError
from sheaf.domain.order import DOWNLOAD, FAILED_OUTPUT, Order, Receipt
from sheaf.market.compute_orders import DELIVERED, DISPUTED, PLACED, SETTLED

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.policy import Policy
    from sheaf.formats.datasets.manifest import Manifest


class Result(msgspec.Struct, frozen=True):
    """An answer that is what was ordered, as far as its receipt says; `checked` names what was held against chain and order.

    `epsilon` is what it cost at the policy's δ, None for what has no noise.
    """

    order: int
    state: str
    output: bytes
    is_failed: bool
    receipt: Receipt
    checked: list[str]
    epsilon: float | None = None


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
    manifest = manifest_of(ctx, one.chain.dataset, one.version)
    policy = policy_of(manifest)
    checked = _check(one, order, output, receipt, policy)
    if order.algorithm == DOWNLOAD:
        checked.append(_check_records(output, manifest))
    if environment is not None:
        _same("environment", receipt.environment, environment)
        checked.append("environment")
    epsilon = _epsilon(output, policy) if policy.has_noise and order.algorithm != DOWNLOAD else None
    return Result(number, one.chain.state, output, output == FAILED_OUTPUT, receipt, checked, epsilon)


def _epsilon(output: bytes, policy: Policy) -> float | None:
    """Return the ε that an answer states at the policy's δ. None for a failed one."""
    import json

    from sheaf.privacy.accountant import Loss

    if output == FAILED_OUTPUT or not policy.delta:
        return None
    return msgspec.convert(json.loads(output)["loss"], Loss).epsilon(policy.delta)


def _check(one: Placed, order: Order, output: bytes, receipt: Receipt, policy: Policy) -> list[str]:
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
        has_noise = policy.has_noise and order.algorithm != DOWNLOAD
        cost = spent_by(output, policy) if has_noise else 0
        _same("spent_nanonats", receipt.spent_nanonats, cost)
        expected["spent_nanonats"] = cost
    return [*expected, "signature"]


def _check_records(output: bytes, manifest: Manifest) -> str:
    """Raise IntegrityError unless `output` is a Parquet file with the fields, types and number of records of the manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(output))
        found = [file.metadata.num_rows, *((one.name, str(one.type)) for one in file.schema_arrow)]
    except (pa.ArrowException, OSError):
        raise IntegrityError("records: no Parquet file: dispute the order") from None
    _same("records", found, [manifest.records, *((one.name, one.type) for one in manifest.fields)])
    return "records"


def _same(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise IntegrityError(f"receipt: {name}: {found}, and {wanted} was ordered: dispute the order")
