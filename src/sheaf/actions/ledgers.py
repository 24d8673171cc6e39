"""Ledgers: where every unit of a request's money went, added up from the chain's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.domain.ids import RequestId

if TYPE_CHECKING:
    from sheaf.actions.context import Context


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger of one request in the token's smallest unit: what came in, where it went, what is there.

    `paid` names the receivers. The ledger is conserved when `received` equals everything else together.
    """

    name: str
    received: int
    paid: dict[str, int]
    returned: int
    reserved: int
    free: int

    @property
    def is_conserved(self) -> bool:
        """Whether what came in is exactly what went out and what is left."""
        return self.received == sum(self.paid.values()) + self.returned + self.reserved + self.free


def ledgers(ctx: Context, request: RequestId) -> tuple[Ledger, Ledger, Ledger]:
    """Return the payment, fee and bond ledgers of `request`: sums of past events beside what the escrow holds now.

    The events and the holdings are independent sources: a unit lost or made anywhere shows as a ledger that is not conserved.
    """
    held = ctx.chain.call("Escrow", "ledger", request)
    into = _events(ctx, "Escrow", "Deposited", request)
    back = _events(ctx, "Escrow", "Refunded", request)
    reserves = _events(ctx, "Escrow", "Reserved", request)
    released = _events(ctx, "Escrow", "Released", request)
    taken = _events(ctx, "Escrow", "Settled", request)
    done = _events(ctx, "Requests", "SubmissionSettled", request)
    to_contributors, bond_back = _sum(done, "paid"), _sum(done, "bond_back")
    forfeited = _sum(done, "forfeited")
    bonds_taken = _sum(taken, "bond_taken")
    payment = Ledger(
        name="payment",
        received=_sum(into, "amount"),
        paid={"contributors": to_contributors, "reviewers": _sum(taken, "payment_taken") - to_contributors},
        returned=_sum(back, "amount"),
        reserved=held.reserved,
        free=held.free,
    )
    fee = Ledger(
        name="fee",
        received=_sum(into, "fee"),
        paid={"treasury": _sum(taken, "fee_taken")},
        returned=_sum(back, "fee"),
        reserved=held.fee_reserved,
        free=held.fee_free,
    )
    bond = Ledger(
        name="bond",
        received=_sum(reserves, "bond"),
        paid={"reviewers": bonds_taken - bond_back - forfeited, "treasury": forfeited},
        returned=bond_back + _sum(released, "bond"),
        reserved=held.bonds,
        free=0,
    )
    return payment, fee, bond


def _events(ctx: Context, contract: str, name: str, request: RequestId) -> list[dict[str, int]]:
    return [event.args for event in ctx.chain.events(contract, name, 0, request=request)]


def _sum(events: list[dict[str, int]], name: str) -> int:
    return sum(event[name] for event in events)
