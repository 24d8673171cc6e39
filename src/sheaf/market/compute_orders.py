"""Compute orders: from the buyer's money to the provider's result (twin of ComputeOrders.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from sheaf.domain.dataset import OrderId, use_name
from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.dataset import ProviderStakes, Registry
    from sheaf.market.fixed_price import FixedPriceTwin
    from sheaf.market.royalties import RoyaltiesTwin

CONTRACT, STAKES = "ComputeOrders", "ProviderStakes"
NONE, PLACED, ACCEPTED, DELIVERED, DISPUTED, SETTLED, REFUNDED = range(7)
PHASES = ("none", "placed", "accepted", "delivered", "disputed", "settled", "refunded")
SEATS = 16
SILENCE = 10
"""What part of its lock a provider loses that delivers nothing: one in this many."""
DRAW_DELAY = 2


class Service(NamedTuple):
    """What serving a dataset is worth: the fee of an order, what is locked of the stake token, and how long it may take."""

    fee: int
    lock: int
    seconds: int


class Job(NamedTuple):
    """What a buyer orders: `job` is the SHA-256 of what is to run, `most` what price and fee may be at most."""

    dataset: int
    use: int
    provider: int
    job: bytes
    most: int
    is_ticket: bool = False
    is_deterministic: bool = False


@dataclass(frozen=True)
class Order:
    """An order as the chain has it; amounts in smallest units, `until` in Unix seconds, `result` 32 zero bytes before there is one."""

    phase: int
    buyer: str
    dataset: int
    use: int
    provider: int
    until: int
    is_ticket: bool
    is_deterministic: bool
    token: str
    price: int
    fee: int
    lock: int
    seconds: int
    second: int
    slot: int
    result: bytes

    @property
    def state(self) -> str:
        """The phase in a word."""
        return PHASES[self.phase]

    @property
    def use_name(self) -> str:
        """The kind of use in words."""
        return use_name(self.use)


@dataclass
class ComputeOrdersTwin:
    """The rules of ComputeOrders.vy in plain integers, for one token; refuses with the contract's own words.

    `accounts` are the providers' accounts by number; `now` and `block` are set by whoever drives the twin.
    """

    datasets: Registry
    fixed_price: FixedPriceTwin
    royalties: RoyaltiesTwin
    stakes: ProviderStakes
    address: str
    dispute_seconds: int
    accounts: dict[int, str] = field(default_factory=dict)
    now: int = 0
    block: int = 0
    orders: dict[int, Order] = field(default_factory=dict)
    services: dict[int, Service] = field(default_factory=dict)
    seats: dict[int, list[int]] = field(default_factory=dict)
    benches: dict[int, list[int]] = field(default_factory=dict)
    owed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    earned: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def serve(self, sender: str, dataset: int, service: Service) -> None:
        """Set the provider's fee, lock and time."""
        self._only_owner(sender, dataset)
        _require(service.fee < 2**96 and service.lock < 2**80, "compute_orders: amount too large")
        _require(service.lock > 0, "compute_orders: no lock")
        _require(0 < service.seconds < 2**24, "compute_orders: time out of range")
        self.services[dataset] = service

    def admit(self, sender: str, dataset: int, seat: int, provider: int) -> None:
        """Give a seat to a provider."""
        self._only_owner(sender, dataset)
        _require(seat < SEATS, "compute_orders: no such seat")
        _require(provider <= len(self.accounts), "compute_orders: unknown provider")
        seats = list(self.seats.get(dataset, [0] * SEATS))
        seats[seat] = 0
        _require(provider == 0 or provider not in seats, "compute_orders: seated already")
        seats[seat] = provider
        self.seats[dataset] = seats

    def place(self, sender: str, job: Job) -> int:
        """Order one use; return the order's number."""
        service = self.services.get(job.dataset)
        if service is None:
            raise Refused("compute_orders: not served")
        seats = self.seats.get(job.dataset, [])
        is_seated = job.provider != 0 and job.provider in seats
        _require(is_seated, "compute_orders: not a provider of these data")
        offer = self.fixed_price.offer_of(job.dataset, job.use)
        _require(offer.token != ZERO_ADDRESS, "compute_orders: not offered")
        self.datasets.admit(job.dataset, sender)
        price = 0 if job.is_ticket else offer.price
        _require(price + service.fee <= job.most, "compute_orders: dearer than the buyer allows")
        if job.is_ticket:
            self.fixed_price.datatokens[job.dataset, job.use].consume(sender)
        number = len(self.orders) + 1
        self.orders[number] = Order(
            PLACED, sender, job.dataset, job.use, job.provider, 0, job.is_ticket, job.is_deterministic,
            offer.token, price, *service, 0, 0, bytes(32),
        )  # fmt: skip
        return number

    def cancel(self, sender: str, order: int) -> None:
        """Take back an order that was not accepted yet."""
        one = self._at(order, PLACED)
        _require(sender == one.buyer, "compute_orders: not the buyer")
        self._refund(order, one)

    def accept(self, sender: str, order: int) -> None:
        """Take an order on."""
        one = self._at(order, PLACED)
        _require(sender == self.accounts[one.provider], "compute_orders: not the provider")
        self.stakes.lock(self.address, one.provider, one.lock)
        self.orders[order] = replace(one, phase=ACCEPTED, until=self.now + one.seconds)

    def deliver(self, sender: str, order: int, result: bytes) -> None:
        """State the hash of the result."""
        one = self._at(order, ACCEPTED)
        _require(sender == self.accounts[one.provider], "compute_orders: not the provider")
        _require(self.now < one.until, "compute_orders: too late")
        _require(result != bytes(32), "compute_orders: no result")
        one = replace(one, phase=DELIVERED, result=result, until=self.now)
        if one.is_deterministic:
            self.orders[order] = replace(one, until=self.now + self.dispute_seconds)
        else:
            self._settle(order, one)

    def refund(self, sender: str, order: int) -> None:
        """Give the buyer everything back."""
        one = self.orders.get(order)
        if one is None or one.phase not in (ACCEPTED, DISPUTED):
            raise Refused("compute_orders: nothing to refund")
        gives_up = one.phase == ACCEPTED and sender == self.accounts[one.provider]
        _require(self.now >= one.until or gives_up, "compute_orders: there is still time")
        if one.phase == DISPUTED:
            self.owed[one.buyer] += one.fee
            self._release(one, 0)
        else:
            self._release(one, one.lock // SILENCE)
        self._refund(order, one)

    def dispute(self, sender: str, order: int) -> None:
        """Have a deterministic job repeated."""
        one = self._at(order, DELIVERED)
        _require(sender == one.buyer, "compute_orders: not the buyer")
        _require(self.now < one.until, "compute_orders: too late")
        _require(one.fee > 0, "compute_orders: no fee for a second provider")
        seats = list(self.seats[one.dataset])
        _require(bool(self._others(seats, one)), "compute_orders: no second provider")
        self.benches[order] = seats
        until = self.now + self.dispute_seconds + one.seconds
        self.orders[order] = replace(one, phase=DISPUTED, until=until, slot=self.block + DRAW_DELAY)

    def draw(self, order: int, seed: int | None) -> int:
        """Draw who repeats, by the seed of the slot (None once its block is out of reach); return who, 0 where the draw was moved."""
        one = self._at(order, DISPUTED)
        _require(one.second == 0, "compute_orders: drawn already")
        _require(self.block > one.slot, "compute_orders: too early")
        if seed is None:
            self.orders[order] = replace(one, slot=self.block + DRAW_DELAY)
            return 0
        others = self._others(self.benches[order], one)
        self.orders[order] = replace(one, second=others[seed % len(others)])
        return self.orders[order].second

    def repeat(self, sender: str, order: int, result: bytes) -> bool:
        """State what repeating gave; return whether it is the first result."""
        one = self._at(order, DISPUTED)
        is_drawn = one.second != 0 and sender == self.accounts[one.second]
        _require(is_drawn, "compute_orders: not the provider")
        _require(self.now < one.until, "compute_orders: too late")
        _require(result != bytes(32), "compute_orders: no result")
        if result == one.result:
            self.owed[sender] += one.fee
            self._settle(order, one)
        else:
            self.owed[one.buyer] += one.fee
            self._release(one, one.lock)
            self._refund(order, one)
        return result == one.result

    def settle(self, order: int) -> None:
        """Pay what can be disputed no more."""
        one = self._at(order, DELIVERED)
        _require(self.now >= one.until, "compute_orders: may still be disputed")
        self._settle(order, one)

    def withdraw(self, sender: str) -> int:
        """Return what an account takes."""
        _require(self.owed[sender] > 0, "compute_orders: nothing owed")
        return self.owed.pop(sender)

    def forward(self, dataset: int) -> int:
        """Move what a dataset earned to Royalties; return it."""
        _require(self.earned[dataset] > 0, "compute_orders: nothing earned")
        amount = self.earned.pop(dataset)
        self.royalties.note(dataset, amount)
        return amount

    @property
    def held(self) -> int:
        """What the contract must hold: open orders, second fees, what is owed and what was earned."""
        open_ = [one for one in self.orders.values() if PLACED <= one.phase <= DISPUTED]
        waiting = sum(one.price + one.fee * (1 + (one.phase == DISPUTED)) for one in open_)
        return waiting + sum(self.owed.values()) + sum(self.earned.values())

    def _settle(self, order: int, one: Order) -> None:
        self._release(one, 0)
        self.orders[order] = replace(one, phase=SETTLED)
        self.owed[self.accounts[one.provider]] += one.fee
        self.earned[one.dataset] += one.price

    def _refund(self, order: int, one: Order) -> None:
        self.orders[order] = replace(one, phase=REFUNDED)
        if one.is_ticket:
            self.fixed_price.datatokens[one.dataset, one.use].mint(one.buyer, 1)
        self.owed[one.buyer] += one.price + one.fee

    def _release(self, one: Order, penalty: int) -> None:
        self.stakes.release(self.address, [one.provider], one.lock, 1, penalty)

    def _others(self, seats: Sequence[int], one: Order) -> list[int]:
        return [i for i in seats if i and i != one.provider and self.accounts[i] != one.buyer]

    def _at(self, order: int, phase: int) -> Order:
        one = self.orders.get(order)
        if one is None or one.phase != phase:
            raise Refused("compute_orders: not in that phase")
        return one

    def _only_owner(self, sender: str, dataset: int) -> None:
        _require(self.datasets.owner_of(dataset) == sender, "compute_orders: not the owner")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def serve(chain: Chain, signer: Signer, dataset: int, service: Service) -> Receipt:
    """Set a dataset's service, as its owner. Raises InputError for what no contract takes."""
    for name, value, below in zip(Service._fields, service, (2**96, 2**80, 2**24), strict=True):
        if not (name != "fee") <= value < below:
            raise InputError(name, value, f"give a whole number from {int(name != 'fee')}, below {below}")
    return chain.send(signer, CONTRACT, "serve", int(dataset), *service)


def admit(chain: Chain, signer: Signer, dataset: int, seat: int, provider: int) -> Receipt:
    """Give one of 16 seats to a provider, or 0 to nobody, as the dataset's owner."""
    if not 0 <= seat < SEATS:
        raise InputError("seat", seat, f"give 0 to {SEATS - 1}")
    return chain.send(signer, CONTRACT, "admit", int(dataset), seat, provider)


def place(chain: Chain, signer: Signer, job: Job) -> OrderId:
    """Order one use; return the order's number."""
    done = chain.send(signer, CONTRACT, "place", tuple(job))
    return OrderId(int(done.event("OrderPlaced").args["order"]))


def deliver(chain: Chain, signer: Signer, order: int, result: bytes) -> Receipt:
    """State the SHA-256 of the result, as the order's provider."""
    return chain.send(signer, CONTRACT, "deliver", int(order), result)


def repeat(chain: Chain, signer: Signer, order: int, result: bytes) -> Receipt:
    """State what repeating a disputed job gave, as the provider that was drawn."""
    return chain.send(signer, CONTRACT, "repeat", int(order), result)


def step(chain: Chain, signer: Signer, name: str, order: int) -> Receipt:
    """Take one of the steps that need no more than an order: cancel, accept, refund, dispute, draw, settle."""
    if name not in ("cancel", "accept", "refund", "dispute", "draw", "settle"):
        raise InputError("step", name, "give cancel, accept, refund, dispute, draw or settle")
    return chain.send(signer, CONTRACT, name, int(order))


def withdraw(chain: Chain, signer: Signer, token: Address) -> int:
    """Take all that the signer is owed in a token; return it."""
    return int(chain.send(signer, CONTRACT, "withdraw", token).event("Withdrawn").args["amount"])


def forward(chain: Chain, signer: Signer, dataset: int, token: Address) -> Receipt:
    """Move what a dataset earned by settled orders to Royalties. Anyone may."""
    return chain.send(signer, CONTRACT, "forward", int(dataset), token)


def count(chain: Chain) -> int:
    """Return how many orders were ever placed: their numbers are 1 to this."""
    return int(chain.call(CONTRACT, "count"))


def order(chain: Chain, number: int) -> Order:
    """Return an order. Raises InputError if there is none of that number."""
    found = Order(*chain.call(CONTRACT, "order", int(number))) if 0 < number < 2**256 else None
    if found is None or found.phase == NONE:
        raise InputError("order", number, "see `sheaf dataset orders`")
    return found


def service_of(chain: Chain, dataset: int) -> Service | None:
    """Return a dataset's service, None where it is not served."""
    found = Service(*chain.call(CONTRACT, "service_of", int(dataset)))
    return found if found.seconds else None


def providers_of(chain: Chain, dataset: int) -> list[int]:
    """Return who may work on a dataset, by seat; 0 for an empty one."""
    return [int(one) for one in chain.call(CONTRACT, "providers_of", int(dataset))]


def provider_of(chain: Chain, account: Address) -> int:
    """Return an account's number among the providers' stakes, 0 if it never staked there."""
    return int(chain.call(STAKES, "id_of", account))


def account_of(chain: Chain, provider: int) -> Address:
    """Return the account of a provider."""
    return Address(chain.call(STAKES, "account_of", provider))


def owed(chain: Chain, token: Address, account: Address) -> int:
    """Return what an account may withdraw."""
    return int(chain.call(CONTRACT, "owed", token, account))


def earned(chain: Chain, dataset: int, token: Address) -> int:
    """Return what a dataset earned by settled orders and was not forwarded yet."""
    return int(chain.call(CONTRACT, "earned", int(dataset), token))
