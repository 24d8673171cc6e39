"""Order a computation over data that do not move: the money goes to escrow, the document sealed to the provider alone."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.account import register_key
from sheaf.actions.compute import mail
from sheaf.actions.compute.parts import parts_of
from sheaf.actions.compute.placed import ORDERS, Sealed, policy_of
from sheaf.actions.datasets.find import show_dataset
from sheaf.actions.datasets.order import Wish, choose_provider, order_use
from sheaf.domain.errors import InputError, Missing, RecordError
from sheaf.domain.order import DOWNLOAD, Order
from sheaf.formats.datasets.manifest import schema_of
from sheaf.market import compute_orders

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.dataset import OrderId
    from sheaf.domain.ids import Address
    from sheaf.domain.policy import Policy
    from sheaf.formats.datasets.manifest import Manifest
    from sheaf.market.compute_orders import Service


@dataclass(frozen=True)
class Computation:
    """What a buyer wants: a `method` of ours (or `download`, the records), or a `program`; `purpose` (none: the policy's first).

    `parameters` is JSON. A deterministic program can be disputed; answers with noise cannot be repeated.
    """

    method: str = ""
    program: bytes = b""
    purpose: str = ""
    parameters: str = "{}"
    provider: Address | None = None
    is_ticket: bool = False
    is_deterministic: bool = False


def order_computation(ctx: Context, dataset: int, wanted: Computation) -> OrderId:
    """Seal the document to a provider, then pay into escrow; return the order's number.

    Raises Refused where the policy does not allow it, InputError where it cannot be ordered, before anything is sent.
    """
    seen = show_dataset(ctx, dataset)
    if seen.manifest is None:
        raise Missing(f"manifest: {seen.cid}: no store has it: ask the owner")
    if bool(wanted.method) == bool(wanted.program):
        raise InputError("method", wanted.method or "none", "give a method of ours, or a program")
    policy = policy_of(seen.manifest)
    now = int(time.time()) if ctx.engine is None else ctx.chain.block().timestamp
    order = Order(
        number=1,
        buyer=ctx.account,
        dataset=str(seen.cid),
        algorithm=wanted.method or hashlib.sha256(wanted.program).hexdigest(),
        purpose=wanted.purpose or policy.purposes[0],
        until=now + 1,
        program=wanted.program,
        parameters=wanted.parameters,
    )
    if wanted.method == DOWNLOAD:
        policy.admit_download(now)
    else:
        policy.admit(order.algorithm, order.purpose, seen.manifest.records, now)
    if seen.service is None:
        raise InputError("dataset", dataset, "its owner has set no service yet: `sheaf dataset serve`")
    _require_answerable(order, seen.manifest, policy, seen.service)
    has_noise = wanted.method in policy.methods
    if has_noise and wanted.is_deterministic:
        raise InputError(
            "deterministic", wanted.method, "leave it out: an answer with noise cannot be repeated"
        )
    among = parts_of(ctx, dataset, seen.chain.versions) if has_noise else None
    number = choose_provider(ctx, dataset, wanted.provider, seen.service.lock, among)
    provider = compute_orders.account_of(ctx.chain, number)
    register_key(ctx)
    mail.require_reader(ctx, provider, "provider")
    sealed = msgspec.msgpack.encode(Sealed(order.document, order.program))
    mail.send(ctx, ORDERS, order.digest.hex(), sealed, [provider, ctx.account])
    use = DOWNLOAD if wanted.method == DOWNLOAD else policy.release
    wish = Wish(use, order.document, provider, wanted.is_ticket, wanted.is_deterministic)
    return order_use(ctx, dataset, wish)


def _require_answerable(order: Order, manifest: Manifest, policy: Policy, service: Service) -> None:
    """Raise InputError or Refused for what no provider would take on, as far as it shows without the records: nobody would say so."""
    from sheaf.actions.compute.methods import planned
    from sheaf.formats.release.shown import project

    if order.algorithm == DOWNLOAD:
        return
    if service.seconds < policy.limits.wall_seconds:
        words = f"an answer leaves after {policy.limits.wall_seconds} s, its provider has {service.seconds} s: ask its owner for more"
        raise InputError("dataset", manifest.title, words)
    if not policy.has_noise:
        return
    if policy.total is None:
        raise InputError("dataset", manifest.title, "its policy has no budget.total: no provider serves it")
    try:
        seen = project(schema_of(manifest).empty_table(), policy).schema
    except RecordError:  # a type that the manifest does not tell: its provider looks
        return
    planned(order, seen, policy)
