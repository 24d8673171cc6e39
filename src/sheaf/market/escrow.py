"""Escrow: what every request holds and what every account is owed (twin of Escrow.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sheaf.domain.errors import Refused
from sheaf.domain.ids import Address, RequestId

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt, Signer

CONTRACT = "Escrow"
AMOUNT_LIMIT = 2**128
BOND_LIMIT = 2**96


@dataclass
class Ledger:
    """What a request holds, in its token's smallest unit: free and reserved of payment and fee, and all bonds together."""

    token: str
    free: int = 0
    reserved: int = 0
    fee_free: int = 0
    fee_reserved: int = 0
    bonds: int = 0

    @property
    def total(self) -> int:
        """All that the request holds."""
        return self.free + self.reserved + self.fee_free + self.fee_reserved + self.bonds


class Pay(NamedTuple):
    """What an account is to be credited."""

    account: str
    amount: int


class Settlement(NamedTuple):
    """The end of a reservation: what was reserved, what of it is taken, and who gets it (the whole bond is taken)."""

    reserved: int
    fee_reserved: int
    bond: int
    payment_taken: int
    fee_taken: int
    pays: tuple[Pay, ...]


@dataclass
class EscrowTwin:
    """The rules of Escrow.vy in plain integers, for tokens that move what they are told. Refuses with the contract's own words."""

    ledgers: dict[int, Ledger] = field(default_factory=dict)
    owed: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def deposit(self, request: int, token: str, amount: int, fee: int) -> None:
        """Take `amount + fee` into the free parts."""
        ledger = self.ledgers.get(request) or Ledger(token)
        _require(ledger.token == token, "escrow: another token")
        fits = ledger.free + ledger.reserved + amount < AMOUNT_LIMIT
        fee_fits = ledger.fee_free + ledger.fee_reserved + fee < AMOUNT_LIMIT
        _require(fits and fee_fits, "escrow: amount too large")
        ledger.free += amount
        ledger.fee_free += fee
        self.ledgers[request] = ledger

    def reserve(self, request: int, amount: int, fee: int, bond: int) -> None:
        """Move `amount` and `fee` from free to reserved and take the bond in."""
        ledger = self.ledgers[request]
        _require(ledger.bonds + bond < BOND_LIMIT, "escrow: bonds too large")
        _require(amount <= ledger.free, "escrow: not enough free")
        _require(fee <= ledger.fee_free, "escrow: not enough free for the protocol fee")
        ledger.free -= amount
        ledger.reserved += amount
        ledger.fee_free -= fee
        ledger.fee_reserved += fee
        ledger.bonds += bond

    def release(self, request: int, amount: int, fee: int, contributor: str, bond: int) -> None:
        """Undo a reservation: all is free again, the bond is owed to the contributor."""
        self.settle(request, Settlement(amount, fee, bond, 0, 0, (Pay(contributor, bond),)))

    def refund(self, request: int) -> tuple[int, int]:
        """Pay out all that is free; return how much of payment and fee."""
        ledger = self.ledgers[request]
        amount, fee = ledger.free, ledger.fee_free
        _require(amount + fee > 0, "escrow: nothing free")
        ledger.free = ledger.fee_free = 0
        return amount, fee

    def settle(self, request: int, settlement: Settlement) -> str:
        """End a reservation, credit the pays, and free the rest; return the token."""
        ledger, end = self.ledgers[request], settlement
        _require(end.reserved <= ledger.reserved and end.bond <= ledger.bonds, "escrow: not reserved")
        is_within = end.payment_taken <= end.reserved and end.fee_taken <= end.fee_reserved
        _require(is_within, "escrow: takes more than reserved")
        _require(end.fee_reserved <= ledger.fee_reserved, "escrow: fee not reserved")
        taken = end.payment_taken + end.fee_taken + end.bond
        _require(sum(pay.amount for pay in end.pays) == taken, "escrow: pays do not add up")
        ledger.reserved -= end.reserved
        ledger.free += end.reserved - end.payment_taken
        ledger.fee_reserved -= end.fee_reserved
        ledger.fee_free += end.fee_reserved - end.fee_taken
        ledger.bonds -= end.bond
        for account, amount in end.pays:
            self.owed[ledger.token, account] += amount
        return ledger.token

    def withdraw(self, token: str, account: str) -> int:
        """Pay an account all that it is owed; return how much."""
        amount = self.owed.pop((token, account), 0)
        _require(amount > 0, "escrow: nothing owed")
        return amount

    def balance(self, token: str) -> int:
        """Return what the escrow must hold of a token: its requests' ledgers and what is owed in it."""
        held = sum(ledger.total for ledger in self.ledgers.values() if ledger.token == token)
        return held + sum(amount for (which, _), amount in self.owed.items() if which == token)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def ledger(chain: Chain, request: RequestId | int) -> Ledger:
    """Return what a request holds."""
    token, *amounts = chain.call(CONTRACT, "ledger", int(request))
    return Ledger(Address(token), *(int(amount) for amount in amounts))


def owed(chain: Chain, token: Address, account: Address) -> int:
    """Return what an account is owed in `token`, in its smallest unit."""
    return int(chain.call(CONTRACT, "owed", token, account))


def withdraw(chain: Chain, signer: Signer, token: Address) -> int:
    """Take all that `signer` is owed in `token`; return how much. Raises Reverted if nothing is."""
    return paid_out(chain.send(signer, CONTRACT, "withdraw", token))


def paid_out(receipt: Receipt) -> int:
    """Return what a transaction paid out of what was owed."""
    withdrawn = (event for event in receipt.events if event.name == "Withdrawn")
    return sum(int(event.args["amount"]) for event in withdrawn)
