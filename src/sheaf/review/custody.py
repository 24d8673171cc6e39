"""Custody: who answers for a content key, and what it costs to withhold it (twin of Custody.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address
from sheaf.review import openings
from sheaf.review.proofs import Sealed

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt, Signer

CONTRACT = "Custody"
PLEDGE_PERCENT = 150
LEAVE_SECONDS = 172_800
PENDING, COMMITTING = 1, 1
_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_PLEDGE = keccak(b"Pledge(uint256 request,address contributor,bytes32 key_commitment)")


@dataclass
class Account:
    """A keeper's deposit in the stake token's smallest unit: free to be pledged, and leaving until `release_at`."""

    free: int = 0
    leaving: int = 0
    release_at: int = 0


class Pledge(NamedTuple):
    """Who answers for a key, with how much; an empty one where nobody does."""

    keeper: str = ZERO_ADDRESS
    amount: int = 0


@dataclass
class Held:
    """What Custody sees of a submission: phases of Requests and Reviews, the accounts in its seats, and what was decided."""

    contributor: str
    custodian: str
    value_stake: int
    phase: int = PENDING
    review_phase: int = 0
    round: int = 0
    quorum: int = 0
    seats: tuple[str, ...] = ()
    decided: int = 0


@dataclass
class CustodyTwin:
    """The rules of Custody.vy in plain integers. Refuses with the contract's own words; `now` is in Unix seconds.

    Submissions are handed in as `held`; signatures by who made them ("" for a malformed one).
    """

    now: int = 0
    is_test: bool = False
    held: dict[int, Held] = field(default_factory=dict)
    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    pledges: dict[int, Pledge] = field(default_factory=dict)
    missing: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    excused: set[int] = field(default_factory=set)
    burned: int = 0

    def deposit(self, sender: str, amount: int) -> None:
        """Add to what the caller can pledge."""
        _require(amount > 0, "custody: nothing to deposit")
        self.accounts[sender].free += amount

    def leave(self, sender: str, amount: int) -> None:
        """Let a part of what is not pledged leave."""
        account = self.accounts[sender]
        _require(amount > 0, "custody: nothing to leave")
        _require(amount <= account.free, "custody: more than is free")
        account.free -= amount
        account.leaving += amount
        account.release_at = self.now + (1 if self.is_test else LEAVE_SECONDS)

    def withdraw(self, sender: str) -> int:
        """Return what has been leaving long enough; it is paid out."""
        account = self.accounts[sender]
        _require(account.leaving > 0, "custody: nothing to withdraw")
        _require(self.now >= account.release_at, "custody: still leaving")
        paid, account.leaving = account.leaving, 0
        return paid

    def pledge(self, sender: str, submission: int, signer: str | None = None) -> int:
        """Pledge for the key of a submission, with the signature of `signer` (None: none); return what is pledged."""
        held = self.held[submission]
        _require(held.phase == PENDING, "custody: not pending")
        _require(submission not in self.pledges, "custody: pledged already")
        _require(held.custodian != held.contributor, "custody: the contributor's own")
        if sender != held.custodian:
            _require(bool(signer), "custody: malformed signature")
            _require(signer == held.custodian, "custody: not the custodian's signature")
        amount = pledge_for(held.value_stake)
        account = self.accounts[held.custodian]
        _require(amount <= account.free + account.leaving, "custody: too little deposited")
        first = min(amount, account.free)
        account.free -= first
        account.leaving -= amount - first
        self.pledges[submission] = Pledge(held.custodian, amount)
        return amount

    def report(self, sender: str, submission: int, seat: int) -> None:
        """Say that no key came; the quorum's report excuses the submission."""
        held = self.held[submission]
        _require(submission in self.pledges, "custody: nobody answers for the key")
        is_open = held.review_phase == COMMITTING and held.round == 1
        _require(is_open, "custody: not in its first round")
        _require(held.seats[seat] == sender, "custody: not this seat's validator")
        _require(not self.missing[submission] >> seat & 1, "custody: reported already")
        self.missing[submission] |= 1 << seat
        if self.missing[submission].bit_count() >= held.quorum:
            self.excused.add(submission)
            held.review_phase = 3

    def conclude(self, submission: int) -> int:
        """End a pledge whose submission is over; return what the contributor is paid of it."""
        held = self.held[submission]
        _require(submission in self.pledges, "custody: nothing pledged")
        _require(held.phase != PENDING, "custody: not settled yet")
        pledged = self.pledges.pop(submission)
        if submission not in self.excused or held.decided:
            self.accounts[pledged.keeper].free += pledged.amount
            return 0
        paid = pledged.amount // 2
        self.burned += pledged.amount - paid
        return paid

    @property
    def balance(self) -> int:
        """All that the contract holds."""
        deposits = sum(one.free + one.leaving for one in self.accounts.values())
        return deposits + sum(one.amount for one in self.pledges.values())


def pledge_for(value_stake: int) -> int:
    """Return what is pledged for a submission of that value, both in the stake token's smallest unit (rounded up)."""
    return -(-value_stake * PLEDGE_PERCENT // 100)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def typed_data(
    chain_id: int, contract: str, request: int, contributor: str, key_commitment: bytes
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what a custodian signs to pledge, as wallets take it: domain, types, message (EIP-712)."""
    fields = (("request", "uint256"), ("contributor", "address"), ("key_commitment", "bytes32"))
    return (
        {"name": "Sheaf Custody", "version": "1", "chainId": chain_id, "verifyingContract": contract},
        {"Pledge": [{"name": name, "type": kind} for name, kind in fields]},
        {"request": request, "contributor": contributor, "key_commitment": key_commitment},
    )


def typed_hash(chain_id: int, contract: str, request: int, contributor: str, key_commitment: bytes) -> bytes:
    """Return the hash of `typed_data`, 32 bytes."""
    parts = [_DOMAIN, keccak(b"Sheaf Custody"), keccak(b"1"), chain_id, contract]
    domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], parts))
    fields = [_PLEDGE, request, contributor, key_commitment]
    message = keccak(encode(["bytes32", "uint256", "address", "bytes32"], fields))
    return keccak(b"\x19\x01" + domain + message)


def sign(chain: Chain, signer: Signer, request: int, contributor: str, key_commitment: bytes) -> bytes:
    """Return a custodian's signature (r ‖ s ‖ v) that pledges for the key of a contributor's submission."""
    contract = chain.address_of(CONTRACT)
    data = typed_data(chain.chain_id, contract, int(request), contributor, key_commitment)
    return bytes(signer.sign_typed(*data))


def signer_of(
    chain: Chain, request: int, contributor: str, key_commitment: bytes, signature: bytes
) -> Address | None:
    """Return who signed a pledge, or None if the signature is malformed."""
    contract = chain.address_of(CONTRACT)
    hashed = typed_hash(chain.chain_id, contract, int(request), contributor, key_commitment)
    return Address(openings.recover(hashed, signature)) or None


def account_of(chain: Chain, keeper: Address) -> Account:
    """Return a keeper's deposit."""
    return Account(*map(int, chain.call(CONTRACT, "account_of", keeper)))


def pledge_of(chain: Chain, submission: int) -> Pledge:
    """Return who answers for the key of a submission, with how much."""
    keeper, amount = chain.call(CONTRACT, "pledge_of", int(submission))
    return Pledge(str(keeper), int(amount))


def deposit(chain: Chain, signer: Signer, amount: int) -> Receipt:
    """Add to what the caller can pledge; Custody must be allowed to take it."""
    return chain.send(signer, CONTRACT, "deposit", amount)


def leave(chain: Chain, signer: Signer, amount: int) -> Receipt:
    """Let a part of what is not pledged leave."""
    return chain.send(signer, CONTRACT, "leave", amount)


def withdraw(chain: Chain, signer: Signer) -> Receipt:
    """Take what has been leaving long enough."""
    return chain.send(signer, CONTRACT, "withdraw")


def pledge(chain: Chain, signer: Signer, submission: int, sealed: Sealed, signature: bytes = b"") -> Receipt:
    """Pledge for the key of a submission, as its custodian or with its signature."""
    return chain.send(signer, CONTRACT, "pledge", int(submission), tuple(sealed), signature)


def report(chain: Chain, signer: Signer, submission: int, seat: int) -> Receipt:
    """Say that no key came to a seat."""
    return chain.send(signer, CONTRACT, "report", int(submission), seat)


def conclude(chain: Chain, signer: Signer, submission: int) -> Receipt:
    """End a pledge whose submission is over."""
    return chain.send(signer, CONTRACT, "conclude", int(submission))
