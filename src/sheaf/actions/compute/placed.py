"""Orders as their two sides have them: what the chain says of one, its sealed document, and its answer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.compute import mail
from sheaf.domain.errors import IntegrityError, Missing, SheafError
from sheaf.domain.order import MAX_PARAMETER_BYTES, MAX_PROGRAM_BYTES, Order, Receipt
from sheaf.formats.release import policy as policies
from sheaf.market import compute_orders

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address, Cid
    from sheaf.domain.policy import Policy
    from sheaf.formats.datasets.manifest import Manifest

ORDERS, ANSWERS, RECEIPTS, DECLINED = "orders", "answers", "receipts", "declined"
MAX_RECEIPT_BYTES = 1 << 16
MAX_REASON_BYTES = 1 << 12
MAX_DOCUMENT_BYTES = MAX_PROGRAM_BYTES + 2 * MAX_PARAMETER_BYTES
MAX_ANSWER_BYTES = 1 << 31


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What a buyer seals to its provider: the order's document, which the chain has the hash of, and the program it names."""

    document: bytes
    program: bytes


class Handed(msgspec.Struct, frozen=True, array_like=True):
    """What a provider seals to its buyer: the output, the receipt in its canonical form, and the provider's signature over it."""

    output: bytes
    receipt: bytes
    signature: bytes


class Declined(msgspec.Struct, frozen=True, array_like=True):
    """What a provider seals to a buyer whose order it does not take on: why, and its signature over that."""

    reason: str
    signature: bytes


@dataclass(frozen=True)
class Placed:
    """An order on the chain: `job` is the hash of its document, `cid` the version of the data that it was placed on."""

    number: int
    chain: compute_orders.Order
    job: bytes
    cid: Cid
    version: int


def placed(ctx: Context, number: int) -> Placed:
    """Return an order with what the chain said when it was placed. Raises InputError if there is none."""
    from sheaf.registry import datasets
    from sheaf.store.cid import from_digest

    one = compute_orders.order(ctx.chain, number)
    events = ctx.chain.events(compute_orders.CONTRACT, "OrderPlaced", 0, order=number)
    if not events:
        raise Missing(f"order {number}: the endpoint has no events of it: use one that keeps all")
    said = events[-1].args
    version = int(said["version"])
    digest = datasets.manifest_of(ctx.chain, one.dataset, version)
    return Placed(number, one, bytes(said["job"]), from_digest(digest), version)


def ordered(ctx: Context, one: Placed, until: int) -> Order:
    """Return what was ordered, from the document that is sealed to this account and hashes to what the chain has.

    Raises Missing where no such document has come.
    """
    for data in mail.received(ctx, ORDERS, one.job.hex(), MAX_DOCUMENT_BYTES):
        try:
            sealed = msgspec.msgpack.decode(data, type=Sealed)
            if hashlib.sha256(sealed.document).digest() != one.job:
                continue
            said = json.loads(sealed.document)
            found = Order(
                number=one.number,
                buyer=one.chain.buyer,
                dataset=said["dataset"],
                algorithm=said["algorithm"],
                purpose=said["purpose"],
                until=until,
                program=sealed.program,
                parameters=json.dumps(said["parameters"]),
            )
        except (msgspec.DecodeError, ValueError, KeyError, TypeError, RecursionError, SheafError):
            continue
        if found.digest == one.job:
            return found
    raise Missing(f"order {one.number}: its document has not come: its buyer sends it again")


def policy_of(manifest: Manifest) -> Policy:
    """Return the policy of a manifest. Raises SpecificationError where it is none."""
    return policies.read(manifest.policy, manifest.title)


def signed_words(ctx: Context, receipt: bytes) -> bytes:
    """Return what a provider signs: this market, and the hash of the receipt."""
    return f"sheaf receipt {ctx.market} {hashlib.sha256(receipt).hexdigest()}".encode()


def hand_over(ctx: Context, one: Placed, output: bytes, receipt: Receipt) -> bool:
    """Seal output and signed receipt to the order's buyer, the receipt alone to the data's owner.

    False if the buyer has no reading key any more; an owner without one hears nothing.
    """
    from sheaf.domain.ids import Address
    from sheaf.registry import datasets

    said = receipt.to_json()
    signature, name = ctx.sender.sign_message(signed_words(ctx, said)), str(one.number)
    owner, buyer = datasets.listing(ctx.chain, one.chain.dataset).owner, Address(one.chain.buyer)
    mail.send(ctx, RECEIPTS, name, msgspec.msgpack.encode(Handed(b"", said, signature)), [Address(owner)])
    sealed = msgspec.msgpack.encode(Handed(output, said, signature))
    return mail.send(ctx, ANSWERS, name, sealed, [buyer]) == 1


def receipt_for_owner(ctx: Context, number: int, chain: compute_orders.Order) -> Receipt | None:
    """Return the receipt of an order that its provider signed and sealed to the acting account as owner; None where none came."""
    from sheaf.chain.signer import recover_message

    provider = compute_orders.account_of(ctx.chain, chain.provider)
    for data in mail.received(ctx, RECEIPTS, str(number), MAX_RECEIPT_BYTES):
        try:
            found = msgspec.msgpack.decode(data, type=Handed)
            receipt = msgspec.json.decode(found.receipt, type=Receipt)
            is_signed = recover_message(signed_words(ctx, found.receipt), found.signature) == provider
        except (msgspec.DecodeError, ValueError, SheafError):
            continue
        if is_signed and receipt.order == number and receipt.output == chain.result.hex():
            return receipt
    return None


def decline(ctx: Context, one: Placed, reason: str) -> bool:
    """Seal to the buyer why an order is not taken on; False if the buyer has no reading key any more."""
    from sheaf.domain.ids import Address

    said = Declined(reason, ctx.sender.sign_message(_declining(ctx, one, reason)))
    buyer = Address(one.chain.buyer)
    return mail.send(ctx, DECLINED, str(one.number), msgspec.msgpack.encode(said), [buyer]) == 1


def declined(ctx: Context, one: Placed) -> str:
    """Return what the order's provider last said of why it does not take it on; empty where it said nothing."""
    from sheaf.chain.signer import recover_message
    from sheaf.domain.errors import shorten

    provider = compute_orders.account_of(ctx.chain, one.chain.provider)
    reason = ""
    for data in mail.received(ctx, DECLINED, str(one.number), MAX_REASON_BYTES):
        try:
            found = msgspec.msgpack.decode(data, type=Declined)
            if recover_message(_declining(ctx, one, found.reason), found.signature) == provider:
                reason = shorten(found.reason, 200)
        except (msgspec.DecodeError, ValueError, SheafError):
            continue
    return reason


def _declining(ctx: Context, one: Placed, reason: str) -> bytes:
    said = hashlib.sha256(reason.encode(errors="replace")).hexdigest()
    return f"sheaf declined {ctx.market} {one.number} {one.job.hex()} {said}".encode()


def handed(ctx: Context, one: Placed) -> tuple[bytes, Receipt]:
    """Return the output that hashes to the result on chain, with its receipt, signed by the order's provider.

    Raises Missing where none has come, IntegrityError where the receipt is not its provider's.
    """
    from sheaf.chain.signer import recover_message

    provider = compute_orders.account_of(ctx.chain, one.chain.provider)
    is_there = False
    for data in mail.received(ctx, ANSWERS, str(one.number), MAX_ANSWER_BYTES):
        try:
            found = msgspec.msgpack.decode(data, type=Handed)
            if hashlib.sha256(found.output).digest() != one.chain.result:
                continue
            is_there = True
            if recover_message(signed_words(ctx, found.receipt), found.signature) != provider:
                continue
            return found.output, msgspec.json.decode(found.receipt, type=Receipt)
        except (msgspec.DecodeError, ValueError, SheafError):
            continue
    if is_there:
        raise IntegrityError(f"receipt of order {one.number}: not signed by its provider {provider}")
    raise Missing(
        f"answer to order {one.number}: its hash is on the chain, its bytes have not come: {_way_out(one, provider)}"
    )


def _way_out(one: Placed, provider: Address) -> str:
    """Say what the buyer of a result can do whose bytes were not handed over."""
    asked = f"ask {provider} for them, and the owner to take its seat away"
    if one.chain.phase == compute_orders.DELIVERED and one.chain.is_deterministic:
        ways = f"another provider repeats it or all money returns, by `sheaf dataset dispute {one.number}`"
        return f"until {one.chain.until} {ways}; or {asked}"
    if one.chain.phase == compute_orders.DISPUTED:
        return f"wait for the second provider: from {one.chain.until} on `sheaf dataset refund {one.number}` brings all money back"
    return f"{asked}: it is paid, and no contract can make it"
