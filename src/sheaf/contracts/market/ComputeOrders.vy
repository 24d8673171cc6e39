# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Compute orders
@license AGPL-3.0-only
@notice Orders of uses of datasets, from the buyer's money to the provider's result. A buyer places an order with a provider whom the
        owner admitted to the data, and its price and the provider's fee wait here; a datatoken may stand for the price. The provider
        accepts, which locks its stake, and delivers the hash of the result in time, or the buyer has everything back and the provider
        loses a tenth of the lock. A job of which both said that it is deterministic may be disputed: another provider of the same data,
        drawn by the beacon, repeats it. The same result costs the buyer a second fee, which is the second provider's; another result
        costs the first provider its lock and gives the buyer everything back, and so does no result, but for the lock.

        Every step costs the same however many orders, providers or parents there are, and none that ends an order moves a token, so
        no token can keep one from ending. For each token: the balance here = prices and fees of open orders + second fees of disputed
        ones + what is owed + what datasets earned.
@custom:stop Nothing here can be stopped. A withdrawn dataset takes no new orders; every open one ends: cancelled before it is accepted,
             refunded or settled when its time is over, by anyone.
"""

from ethereum.ercs import IERC20
from ..interfaces import IBeacon
from ..interfaces import IComputeOrders
from ..interfaces import IDatasets
from ..interfaces import IDatatoken
from ..interfaces import IFixedPrice
from ..interfaces import IRoyalties
from ..interfaces import IStakes
from ..modules import orders

initializes: orders
implements: IComputeOrders

PLACED: constant(uint256) = 1
ACCEPTED: constant(uint256) = 2
DELIVERED: constant(uint256) = 3
DISPUTED: constant(uint256) = 4
SETTLED: constant(uint256) = 5
REFUNDED: constant(uint256) = 6

SEATS: constant(uint256) = 16
ID: constant(uint256) = 2**16 - 1
AMOUNT: constant(uint256) = 2**96 - 1
LOCK: constant(uint256) = 2**80 - 1
SECONDS: constant(uint256) = 2**24 - 1
# What a provider loses of its lock that delivers nothing.
SILENCE: constant(uint256) = 10
DRAW_DELAY: constant(uint256) = 2

datasets: public(immutable(IDatasets))
fixed_price: public(immutable(IFixedPrice))
royalties: public(immutable(IRoyalties))
provider_stakes: public(immutable(IStakes))
beacon: public(immutable(IBeacon))
dispute_seconds: public(immutable(uint256))

count: public(uint256)
earned: public(HashMap[uint256, HashMap[address, uint256]])
owed: public(HashMap[address, HashMap[address, uint256]])
# fee 96 | lock 80 | seconds 24.
_services: HashMap[uint256, uint256]
# Sixteen seats of 16 bits, by dataset, and as they were when an order was disputed.
_providers: HashMap[uint256, uint256]
_benches: HashMap[uint256, uint256]


@deploy
def __init__(
    datasets_: address,
    fixed_price_: address,
    royalties_: address,
    provider_stakes_: address,
    beacon_: address,
    dispute_seconds_: uint256,
):
    """
    @notice Join the contracts.
    @param provider_stakes_ Stakes of providers, where this contract may release, slash and lock.
    @param dispute_seconds_ How long a delivered deterministic job may be disputed.
    """
    assert dispute_seconds_ > 0 and dispute_seconds_ <= SECONDS, "compute_orders: no time to dispute"
    datasets = IDatasets(datasets_)
    fixed_price = IFixedPrice(fixed_price_)
    royalties = IRoyalties(royalties_)
    provider_stakes = IStakes(provider_stakes_)
    beacon = IBeacon(beacon_)
    dispute_seconds = dispute_seconds_


@external
def serve(dataset: uint256, fee: uint256, lock: uint256, seconds: uint256):
    """
    @notice Set the provider's fee for an order, what it locks of its stake and how long it may take. Owner of the dataset only.
    """
    self._only_owner(dataset)
    assert fee <= AMOUNT and lock <= LOCK, "compute_orders: amount too large"
    assert lock > 0, "compute_orders: no lock"
    assert seconds > 0 and seconds <= SECONDS, "compute_orders: time out of range"
    self._services[dataset] = fee | (lock << 96) | (seconds << 176)
    log IComputeOrders.ServiceSet(dataset=dataset, fee=fee, lock=lock, seconds=seconds)


@external
def admit(dataset: uint256, seat: uint256, provider: uint256):
    """
    @notice Give one of 16 seats to a provider who may work on the data, by its number among the stakes; 0 for none. Owner only.
    """
    self._only_owner(dataset)
    assert seat < SEATS, "compute_orders: no such seat"
    assert provider <= staticcall provider_stakes.count(), "compute_orders: unknown provider"
    others: uint256 = self._providers[dataset] & ~(ID << (16 * seat))
    assert provider == 0 or not self._has(others, provider), "compute_orders: seated already"
    self._providers[dataset] = others | (provider << (16 * seat))
    log IComputeOrders.ProviderAdmitted(dataset=dataset, seat=seat, provider=provider)


@external
@nonreentrant
def place(job: IComputeOrders.Job) -> uint256:
    """
    @notice Order one use: price and fee are taken, or the fee and one datatoken.
    @return The order's number.
    """
    service: uint256 = self._services[job.dataset]
    assert service != 0, "compute_orders: not served"
    assert job.provider != 0 and self._has(
        self._providers[job.dataset], job.provider
    ), "compute_orders: not a provider of these data"
    offer: IFixedPrice.Offer = staticcall fixed_price.offer_of(job.dataset, job.use)
    assert offer.token != empty(address), "compute_orders: not offered"
    version: uint256 = staticcall datasets.admit(job.dataset, msg.sender)
    one: IComputeOrders.Order = empty(IComputeOrders.Order)
    one.phase = PLACED
    one.buyer = msg.sender
    one.dataset = job.dataset
    one.use = job.use
    one.provider = job.provider
    one.is_ticket = job.is_ticket
    one.is_deterministic = job.is_deterministic
    one.token = offer.token
    one.fee = service & AMOUNT
    one.lock = (service >> 96) & LOCK
    one.seconds = service >> 176
    if not job.is_ticket:
        one.price = offer.price
    assert one.price + one.fee <= job.most, "compute_orders: dearer than the buyer allows"
    number: uint256 = self.count + 1
    self.count = number
    orders._make(number, one)
    log IComputeOrders.OrderPlaced(
        order=number,
        dataset=job.dataset,
        buyer=msg.sender,
        version=version,
        use=job.use,
        provider=job.provider,
        job=job.job,
        price=one.price,
        fee=one.fee,
        is_ticket=job.is_ticket,
        is_deterministic=job.is_deterministic,
    )
    if job.is_ticket:
        extcall self._datatoken(one).consume(msg.sender)
    self._pull(one.token, one.price + one.fee)
    return number


@external
def cancel(order: uint256):
    """
    @notice Take back an order that was not accepted yet. Its buyer only.
    """
    one: IComputeOrders.Order = self._at(order, PLACED)
    assert msg.sender == one.buyer, "compute_orders: not the buyer"
    self._refund(order, one, 0)


@external
def accept(order: uint256):
    """
    @notice Take an order on, and lock what it asks for. Its provider only.
    """
    one: IComputeOrders.Order = self._at(order, PLACED)
    assert msg.sender == self._account(one.provider), "compute_orders: not the provider"
    one.phase = ACCEPTED
    one.until = block.timestamp + one.seconds
    orders._keep(order, one)
    extcall provider_stakes.lock(one.provider, one.lock)
    log IComputeOrders.OrderAccepted(order=order, until=one.until)


@external
def deliver(order: uint256, result: bytes32):
    """
    @notice State the hash of the result. Its provider only, in time. What nobody can dispute is paid at once.
    """
    one: IComputeOrders.Order = self._at(order, ACCEPTED)
    assert msg.sender == self._account(one.provider), "compute_orders: not the provider"
    assert block.timestamp < one.until, "compute_orders: too late"
    assert result != empty(bytes32), "compute_orders: no result"
    orders._results[order] = result
    one.phase = DELIVERED
    one.until = block.timestamp
    if one.is_deterministic:
        one.until += dispute_seconds
    log IComputeOrders.ResultDelivered(order=order, result=result, until=one.until)
    if one.is_deterministic:
        orders._keep(order, one)
    else:
        self._settle(order, one)


@external
def refund(order: uint256):
    """
    @notice Give the buyer everything back where the provider delivered nothing in time, or the second one repeated nothing in time.
            Anyone, once the time is over; before that the provider itself, who gives up an order that it accepted.
    """
    one: IComputeOrders.Order = orders._load(order)
    assert one.phase == ACCEPTED or one.phase == DISPUTED, "compute_orders: nothing to refund"
    if block.timestamp < one.until:
        gives_up: bool = one.phase == ACCEPTED and msg.sender == self._account(one.provider)
        assert gives_up, "compute_orders: there is still time"
    if one.phase == DISPUTED:
        self._release(one, 0)
        self.owed[one.token][one.buyer] += one.fee
        self._refund(order, one, 0)
    else:
        penalty: uint256 = one.lock // SILENCE
        self._release(one, penalty)
        self._refund(order, one, penalty)


@external
@nonreentrant
def dispute(order: uint256):
    """
    @notice Have a deterministic job repeated, for another fee. Its buyer only, in time, where another provider has the data.
    """
    one: IComputeOrders.Order = self._at(order, DELIVERED)
    assert msg.sender == one.buyer, "compute_orders: not the buyer"
    assert block.timestamp < one.until, "compute_orders: too late"
    assert one.fee > 0, "compute_orders: no fee for a second provider"
    bench: uint256 = self._providers[one.dataset]
    assert self._second(bench, one, 0) != 0, "compute_orders: no second provider"
    self._benches[order] = bench
    one.phase = DISPUTED
    one.until = block.timestamp + dispute_seconds + one.seconds
    one.slot = staticcall beacon.slot_ahead(DRAW_DELAY)
    orders._keep(order, one)
    orders._keep_terms(order, one)
    log IComputeOrders.OrderDisputed(order=order, slot=one.slot, until=one.until)
    self._pull(one.token, one.fee)


@external
def draw(order: uint256):
    """
    @notice Draw who repeats a disputed job. Anyone may, once the beacon has spoken.
    """
    one: IComputeOrders.Order = self._at(order, DISPUTED)
    assert one.second == 0, "compute_orders: drawn already"
    randomness: bytes32 = staticcall beacon.value_of(one.slot)
    if randomness == empty(bytes32):
        assert block.number > one.slot and staticcall beacon.is_of_blocks(), "compute_orders: too early"
        # Nobody drew while the block's hash could be read: the next one draws.
        one.slot = staticcall beacon.slot_ahead(DRAW_DELAY)
    else:
        seed: bytes32 = keccak256(abi_encode(randomness, order))
        one.second = self._second(self._benches[order], one, convert(seed, uint256))
        log IComputeOrders.SecondDrawn(order=order, provider=one.second)
    orders._keep_terms(order, one)


@external
def repeat(order: uint256, result: bytes32):
    """
    @notice State what repeating a disputed job gave. The drawn provider only, in time.
    """
    one: IComputeOrders.Order = self._at(order, DISPUTED)
    assert one.second != 0 and msg.sender == self._account(one.second), "compute_orders: not the provider"
    assert block.timestamp < one.until, "compute_orders: too late"
    assert result != empty(bytes32), "compute_orders: no result"
    is_equal: bool = result == one.result
    log IComputeOrders.ResultRepeated(order=order, result=result, is_equal=is_equal)
    if is_equal:
        self.owed[one.token][msg.sender] += one.fee
        self._settle(order, one)
    else:
        self._release(one, one.lock)
        self.owed[one.token][one.buyer] += one.fee
        self._refund(order, one, one.lock)


@external
def settle(order: uint256):
    """
    @notice Pay the dataset and the provider, when a delivered job can be disputed no more. Anyone may.
    """
    one: IComputeOrders.Order = self._at(order, DELIVERED)
    assert block.timestamp >= one.until, "compute_orders: may still be disputed"
    self._settle(order, one)


@external
@nonreentrant
def withdraw(token: address) -> uint256:
    """
    @notice Take all that the caller is owed in a token.
    """
    amount: uint256 = self.owed[token][msg.sender]
    assert amount > 0, "compute_orders: nothing owed"
    self.owed[token][msg.sender] = 0
    log IComputeOrders.Withdrawn(account=msg.sender, token=token, amount=amount)
    self._push(token, msg.sender, amount)
    return amount


@external
@nonreentrant
def forward(dataset: uint256, token: address) -> uint256:
    """
    @notice Move what a dataset earned by settled orders to Royalties, where owner and parents have their parts. Anyone may.
    """
    amount: uint256 = self.earned[dataset][token]
    assert amount > 0, "compute_orders: nothing earned"
    self.earned[dataset][token] = 0
    self._push(token, royalties.address, amount)
    extcall royalties.note(dataset, token, amount)
    return amount


@view
@external
def service_of(dataset: uint256) -> IComputeOrders.Service:
    """
    @notice What serving a dataset is worth; all zero where it is not served.
    """
    word: uint256 = self._services[dataset]
    return IComputeOrders.Service(fee=word & AMOUNT, lock=(word >> 96) & LOCK, seconds=word >> 176)


@view
@external
def providers_of(dataset: uint256) -> DynArray[uint256, SEATS]:
    """
    @notice Who may work on a dataset, by seat; 0 for an empty one.
    """
    seated: DynArray[uint256, SEATS] = []
    for seat: uint256 in range(SEATS):
        seated.append((self._providers[dataset] >> (16 * seat)) & ID)
    return seated


@view
@external
def order(number: uint256) -> IComputeOrders.Order:
    """
    @notice An order as it stands; all zero if there is none of that number.
    """
    return orders._load(number)


@internal
def _settle(order: uint256, one: IComputeOrders.Order):
    ended: IComputeOrders.Order = one
    ended.phase = SETTLED
    orders._keep(order, ended)
    self._release(one, 0)
    self.owed[one.token][self._account(one.provider)] += one.fee
    log IComputeOrders.OrderSettled(order=order, price=one.price, fee=one.fee)
    self.earned[one.dataset][one.token] += one.price


@internal
def _refund(order: uint256, one: IComputeOrders.Order, penalty: uint256):
    ended: IComputeOrders.Order = one
    ended.phase = REFUNDED
    orders._keep(order, ended)
    log IComputeOrders.OrderRefunded(order=order, amount=one.price + one.fee, penalty=penalty)
    if one.is_ticket:
        extcall self._datatoken(one).mint(one.buyer, 1)
    self.owed[one.token][one.buyer] += one.price + one.fee


@internal
def _release(one: IComputeOrders.Order, penalty: uint256):
    # What is lost is burned, so that neither buyer nor owner gains by a provider's fall.
    extcall provider_stakes.release([one.provider], one.lock, 1, penalty)


@internal
def _pull(token: address, amount: uint256):
    if amount == 0:
        return
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    came: bool = extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert came, "compute_orders: token refused"
    rise: uint256 = staticcall IERC20(token).balanceOf(self) - before
    assert rise == amount, "compute_orders: token takes a fee on transfer"


@internal
def _push(token: address, to: address, amount: uint256):
    went: bool = extcall IERC20(token).transfer(to, amount, default_return_value=True)
    assert went, "compute_orders: token refused"


@view
@internal
def _at(order: uint256, phase: uint256) -> IComputeOrders.Order:
    one: IComputeOrders.Order = orders._load(order)
    assert one.phase == phase, "compute_orders: not in that phase"
    return one


@view
@internal
def _account(provider: uint256) -> address:
    return staticcall provider_stakes.account_of(provider)


@view
@internal
def _datatoken(one: IComputeOrders.Order) -> IDatatoken:
    return IDatatoken(staticcall fixed_price.datatoken_of(one.dataset, one.use))


@view
@internal
def _second(bench: uint256, one: IComputeOrders.Order, seed: uint256) -> uint256:
    """
    @notice One of the seated other than the order's provider and its buyer, each as likely as the others; 0 if there is none.
    """
    buyer: uint256 = staticcall provider_stakes.id_of(one.buyer)
    others: DynArray[uint256, SEATS] = []
    for seat: uint256 in range(SEATS):
        id: uint256 = (bench >> (16 * seat)) & ID
        if id != 0 and id != one.provider and id != buyer:
            others.append(id)
    if len(others) == 0:
        return 0
    return others[seed % len(others)]


@view
@internal
def _only_owner(dataset: uint256):
    assert msg.sender == staticcall datasets.owner_of(dataset), "compute_orders: not the owner"


@pure
@internal
def _has(seats: uint256, provider: uint256) -> bool:
    for seat: uint256 in range(SEATS):
        if (seats >> (16 * seat)) & ID == provider:
            return True
    return False
