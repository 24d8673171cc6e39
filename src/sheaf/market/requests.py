"""Requests: the request book and submissions (twin of Requests.vy, and the calls upon it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.amounts import BPS, WAD, divide_up
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address, Cid, RequestId, SubmissionId
from sheaf.domain.request import Request
from sheaf.market import escrow
from sheaf.market.escrow import EscrowTwin, Pay, Settlement
from sheaf.market.settlement import (
    UNRATED,
    Prices,
    Ratings,
    Reservation,
    Split,
    Verdict,
    fee_on,
    reserved_by,
    split,
)

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt, Signer

CONTRACT = "Requests"
PENDING, SETTLED, VOID = 1, 2, 3
PRICE_LIMIT = 2**96
AMOUNT_LIMIT = 2**128
RECORD_LIMIT = 2**40
RATE_SPAN = 10
_TERMS_WORD = 1
_FIELD = 2**32 - 1


@dataclass(frozen=True)
class Terms:
    """What a buyer freezes; amounts in the token's smallest unit, `deadline` in Unix seconds, `spec` the specification's CID."""

    token: Address
    price: int
    fee_bps: int
    record_limit: int
    deadline: int
    lock_rate_wad: int
    spec: Cid
    amount: int


@dataclass(frozen=True)
class Offer:
    """What a contributor submits: `cid` is the binary CIDv1 of the encrypted records, `gold` a commitment (random if there is none)."""

    request: RequestId
    records: int
    root: bytes
    cid: bytes
    key_commitment: bytes
    custodian: Address
    gold: bytes


@dataclass(frozen=True)
class Rules:
    """The parameters that Requests reads, and the time: `now` in Unix seconds, `block` a number."""

    now: int = 0
    block: int = 0
    protocol_fee_bps: int = 250
    bond_percent: int = 20
    fee_min_bps: int = 100
    fee_max_bps: int = 2000
    request_max_seconds: int = 31_536_000
    is_paused: bool = False
    record_max: int = 16_384
    draw_blocks: int = 7200
    lock_rate_floor_wad: int = 0
    stake_token: str = ""
    treasury: str = "treasury"


@dataclass
class Book:
    """A request in the twin."""

    buyer: str
    token: str
    price: int
    fee_bps: int
    protocol_fee_bps: int
    records_left: int
    deadline: int
    is_cancelled: bool = False
    asked_standing: int = 0


@dataclass
class Submission:
    """A submission as IRequests.Submission has it, without its commitment."""

    request: int
    contributor: str
    records: int
    block_number: int
    phase: int
    bond_percent: int


@dataclass
class RequestsTwin:
    """The rules of Requests.vy in plain integers. Refuses with the contract's own words.

    `rules` is replaced as time and parameters move; whether a committee is drawn, what standing says, and the verdict, are handed in.
    """

    escrow: EscrowTwin
    rules: Rules = field(default_factory=Rules)
    books: dict[int, Book] = field(default_factory=dict)
    submissions: dict[int, Submission] = field(default_factory=dict)

    def open(self, buyer: str, terms: Terms) -> int:
        """Open a request; return its id."""
        rules = self.rules
        _require(not rules.is_paused, "requests: paused")
        _require(terms.price > 0, "requests: no price")
        _require(terms.price < PRICE_LIMIT, "requests: price too large")
        _require(terms.fee_bps >= rules.fee_min_bps, "requests: fee below the minimum")
        _require(terms.fee_bps <= rules.fee_max_bps, "requests: fee above the maximum")
        _require(0 < terms.record_limit < RECORD_LIMIT, "requests: record limit out of bounds")
        _require(terms.deadline > rules.now, "requests: deadline is past")
        _require(terms.deadline <= rules.now + rules.request_max_seconds, "requests: deadline too far")
        self._check_rate(terms)
        _require(terms.amount < AMOUNT_LIMIT, "requests: amount too large")
        least = terms.price + divide_up(terms.price * terms.fee_bps, BPS)
        _require(terms.amount >= least, "requests: escrow below one record")
        number = len(self.books) + 1
        self.escrow.deposit(number, terms.token, terms.amount, fee_on(terms.amount, rules.protocol_fee_bps))
        self.books[number] = Book(
            buyer,
            terms.token,
            terms.price,
            terms.fee_bps,
            rules.protocol_fee_bps,
            terms.record_limit,
            terms.deadline,
        )
        return number

    def fund(self, request: int, amount: int) -> None:
        """Add to a request's escrow."""
        _require(not self.rules.is_paused, "requests: paused")
        book = self._running(request)
        _require(amount > 0, "requests: nothing to add")
        _require(amount < AMOUNT_LIMIT, "requests: amount too large")
        self.escrow.deposit(request, book.token, amount, fee_on(amount, book.protocol_fee_bps))

    def cancel(self, request: int, sender: str) -> None:
        """Take no more submissions."""
        book = self._book(request)
        _require(sender == book.buyer, "requests: not the buyer")
        _require(not book.is_cancelled, "requests: already cancelled")
        book.is_cancelled = True

    def reclaim(self, request: int, sender: str) -> tuple[int, int]:
        """Take out all that is free; return how much of payment and fee."""
        book = self._book(request)
        _require(sender == book.buyer, "requests: not the buyer")
        _require(book.is_cancelled or self.rules.now >= book.deadline, "requests: still running")
        return self.escrow.refund(request)

    def ask_standing(self, request: int, sender: str, percent: int) -> None:
        """Take submissions only from contributors with a score of at least `percent`."""
        book = self._running(request)
        _require(sender == book.buyer, "requests: not the buyer")
        _require(book.asked_standing == 0, "requests: standing is asked already")
        _require(0 < percent < 100, "requests: standing out of bounds")
        book.asked_standing = percent

    def submit(
        self, request: int, contributor: str, records: int, standing: tuple[int, int] | None = None
    ) -> int:
        """Offer records; return the submission's id. `standing` is (score in wad, bond in percent), left out: a newcomer's."""
        _require(not self.rules.is_paused, "requests: paused")
        book = self._running(request)
        _require(contributor != book.buyer, "requests: the buyer cannot contribute")
        _require(records > 0, "requests: no records")
        _require(records <= self.rules.record_max, "requests: too many records for one submission")
        _require(records <= book.records_left, "requests: more records than are left")
        score_wad, percent = standing or (0, self.rules.bond_percent)
        _require(score_wad >= book.asked_standing * WAD // 100, "requests: too little standing")
        made = Submission(request, contributor, records, self.rules.block, PENDING, percent)
        self.escrow.reserve(request, *self._reservation(made))
        book.records_left -= records
        number = len(self.submissions) + 1
        self.submissions[number] = made
        return number

    def void(self, submission: int, *, is_drawn: bool) -> None:
        """End a submission that got no committee in time."""
        made = self._pending(submission)
        _require(not is_drawn, "requests: committee is drawn")
        is_late = self.rules.block > made.block_number + self.rules.draw_blocks
        _require(is_late, "requests: may still be drawn")
        amount, fee, bond = self._reservation(made)
        self.escrow.release(made.request, amount, fee, made.contributor, bond)
        self.books[made.request].records_left += made.records
        made.phase = VOID

    def settle(self, submission: int, verdict: Verdict, ratings: Ratings = UNRATED) -> Split:
        """Split the money of a decided submission."""
        made = self._pending(submission)
        book = self.books[made.request]
        amount, fee, bond = self._reservation(made)
        prices = Prices(book.price, book.fee_bps, book.protocol_fee_bps, made.bond_percent, bond)
        parts = split(verdict, prices, ratings)
        pays = [Pay(made.contributor, parts.paid + parts.bond_back)]
        pays += [Pay(account, pay) for account, pay in zip(verdict.accounts, parts.seat_pays, strict=False)]
        is_forfeit = verdict.forfeit_to != ZERO_ADDRESS
        kept = 0 if is_forfeit else parts.forfeited
        pays.append(Pay(self.rules.treasury, parts.protocol_fee + kept + parts.unearned))
        pays.append(Pay(verdict.forfeit_to, parts.forfeited - kept))
        taken = parts.paid + parts.validators_paid + parts.unearned - parts.from_bond
        settlement = Settlement(
            amount, fee, bond, taken, parts.protocol_fee, tuple(pay for pay in pays if pay.amount)
        )
        self.escrow.settle(made.request, settlement)
        book.records_left += made.records - verdict.approved + min(ratings.gold_approved, verdict.approved)
        made.phase = SETTLED
        return parts

    def reservation(self, submission: int) -> Reservation:
        """Return what a submission has set aside."""
        return self._reservation(self.submissions[submission])

    def _reservation(self, made: Submission) -> Reservation:
        book = self.books[made.request]
        return reserved_by(made.records, book.price, book.fee_bps, book.protocol_fee_bps, made.bond_percent)

    def _book(self, request: int) -> Book:
        if request not in self.books:
            raise Refused("requests: no such request")
        return self.books[request]

    def _running(self, request: int) -> Book:
        book = self._book(request)
        _require(not book.is_cancelled, "requests: cancelled")
        _require(self.rules.now < book.deadline, "requests: past its deadline")
        return book

    def _pending(self, submission: int) -> Submission:
        if submission not in self.submissions:
            raise Refused("requests: no such submission")
        made = self.submissions[submission]
        _require(made.phase == PENDING, "requests: not pending")
        return made

    def _check_rate(self, terms: Terms) -> None:
        rate = terms.lock_rate_wad
        _require(rate > 0, "requests: no lock rate")
        _require(rate < AMOUNT_LIMIT, "requests: lock rate too large")
        if terms.token == self.rules.stake_token:
            _require(rate == WAD, "requests: the stake token counts one for one")
            return
        floor = self.rules.lock_rate_floor_wad
        _require(rate >= floor, "requests: lock rate below the floor")
        _require(not floor or rate // RATE_SPAN <= floor, "requests: lock rate too far above the floor")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def request(chain: Chain, number: RequestId | int) -> Request:
    """Return a request and what its escrow holds. Raises Reverted if there is none of that number."""
    from sheaf.store.cid import from_binary

    found = chain.call(CONTRACT, "request", int(number))
    buyer, deadline, records_left, is_cancelled, price, lock_rate_wad, fee_bps, protocol_fee_bps, spec = found
    held = escrow.ledger(chain, number)
    return Request(
        id=RequestId(int(number)),
        buyer=Address(buyer),
        token=Address(held.token),
        spec=from_binary(bytes(spec)),
        price=price,
        fee_bps=fee_bps,
        protocol_fee_bps=protocol_fee_bps,
        lock_rate_wad=lock_rate_wad,
        records_left=records_left,
        deadline=deadline,
        is_cancelled=is_cancelled,
        free=held.free,
        reserved=held.reserved,
        fee_free=held.fee_free,
        fee_reserved=held.fee_reserved,
        bonds=held.bonds,
    )


def submission(chain: Chain, number: SubmissionId | int) -> Submission:
    """Return the state of a submission. Raises Reverted if there is none of that number."""
    *found, _ = chain.call(CONTRACT, "submission", int(number))
    return Submission(*found)


def value_of(chain: Chain, number: SubmissionId | int) -> int:
    """Return what a submission's records are worth, in the stake token's smallest unit (rounded up)."""
    return int(chain.call(CONTRACT, "case_of", int(number))[4])


def protocol_fee(chain: Chain, amount: int) -> int:
    """Return the fee that opening a request with an escrow of `amount` locks on top, under the parameters of now."""
    return fee_on(amount, chain.call("Parameters", "word", _TERMS_WORD) & _FIELD)


def reservation(
    chain: Chain, found: Request, records: int, contributor: Address | None = None
) -> tuple[int, int]:
    """Return the bond of so many records now (a newcomer's without `contributor`), and what of the buyer's escrow they reserve."""
    if contributor is None:
        bond_percent = chain.call("Parameters", "word", _TERMS_WORD) >> 32 & _FIELD
    else:
        worth = divide_up(records * found.price * found.lock_rate_wad, WAD)
        bond_percent = chain.call("Standing", "bond_percent", contributor, worth)
    aside = reserved_by(records, found.price, found.fee_bps, found.protocol_fee_bps, bond_percent)
    return aside.bond, aside.amount


def open_request(chain: Chain, signer: Signer, terms: Terms) -> RequestId:
    """Open a request; return its number. Raises Reverted."""
    from sheaf.store.cid import binary

    packed = (
        terms.token,
        terms.price,
        terms.fee_bps,
        terms.record_limit,
        terms.deadline,
        terms.lock_rate_wad,
        binary(terms.spec),
        terms.amount,
    )
    receipt = chain.send(signer, CONTRACT, "open", packed)
    return RequestId(_number(receipt, "RequestOpened", "request"))


def fund(chain: Chain, signer: Signer, number: RequestId | int, amount: int) -> Receipt:
    """Add to a request's escrow. Raises Reverted once it is cancelled or over."""
    return chain.send(signer, CONTRACT, "fund", int(number), amount)


def cancel(chain: Chain, signer: Signer, number: RequestId | int) -> Receipt:
    """Take no more submissions; buyer only."""
    return chain.send(signer, CONTRACT, "cancel", int(number))


def ask_standing(chain: Chain, signer: Signer, number: RequestId | int, percent: int) -> Receipt:
    """Take submissions only from contributors with a score of at least `percent`; buyer only, once."""
    return chain.send(signer, CONTRACT, "ask_standing", int(number), percent)


def asked_standing(chain: Chain, number: RequestId | int) -> int:
    """Return the least score that a contributor needs, in percent; 0 if none is asked."""
    return int(chain.call(CONTRACT, "asked_standing", int(number)))


def reclaim(chain: Chain, signer: Signer, number: RequestId | int) -> tuple[int, int]:
    """Take out all that is free of payment and fee; return how much of each. Buyer only, after cancelling or the deadline."""
    receipt = chain.send(signer, CONTRACT, "reclaim", int(number))
    return _number(receipt, "RequestReclaimed", "amount"), _number(receipt, "RequestReclaimed", "fee")


def submit(chain: Chain, signer: Signer, offer: Offer) -> SubmissionId:
    """Submit records; return the submission's number. Raises Reverted."""
    receipt = chain.send(
        signer, CONTRACT, "submit", int(offer.request), offer.records, offer.root, offer.cid, offer.key_commitment,
        offer.custodian, offer.gold,
    )  # fmt: skip
    return SubmissionId(_number(receipt, "SubmissionMade", "submission"))


def void(chain: Chain, signer: Signer, number: SubmissionId | int) -> Receipt:
    """End a submission that got no committee in time. Raises Reverted before."""
    return chain.send(signer, CONTRACT, "void", int(number))


def settle(chain: Chain, signer: Signer, number: SubmissionId | int) -> Receipt:
    """Split the money of a decided submission. Raises Reverted before its challenge window is over."""
    return chain.send(signer, CONTRACT, "settle", int(number))


def claim(chain: Chain, signer: Signer, number: SubmissionId | int) -> int:
    """Settle if that is still to be done, and take all that `signer` is owed in the request's token; return how much."""
    return escrow.paid_out(chain.send(signer, CONTRACT, "claim", int(number)))


def _number(receipt: Receipt, event: str, name: str) -> int:
    return next(int(found.args[name]) for found in receipt.events if found.name == event)
