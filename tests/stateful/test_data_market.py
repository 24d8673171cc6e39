"""Datasets, prices, datatokens, royalties and orders against their twins: random trades along a lineage, with idle time between."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sheaf.chain.abi import keccak
from sheaf.domain.dataset import Parent
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.market.compute_orders import ComputeOrdersTwin, Job, Service
from sheaf.market.fixed_price import FixedPriceTwin
from sheaf.market.royalties import RoyaltiesTwin
from sheaf.registry.datasets import DatasetsTwin
from sheaf.review.stakes import DRAW, RELEASE, SLASH, StakesTwin
from tests.contracts.conftest import TOKEN
from tests.contracts.data_world import (
    BUYER,
    DISPUTE_SECONDS,
    EVERYONE,
    LICENCE,
    MANIFEST,
    OUTSIDER,
    OWNER,
    PROVIDERS,
    STAKE,
    DataWorld,
)

people = st.sampled_from((OWNER, OWNER, OWNER, BUYER, OUTSIDER))
anyone = st.sampled_from((OWNER, OWNER, BUYER, BUYER, *PROVIDERS, OUTSIDER))
picks = st.integers(0, 15)
prices = st.sampled_from([0, 1, 7, 100, 9999, 10**18, 2**96])
uses = st.sampled_from([2, 2, 2, 3, 0, 16])
results = st.sampled_from([b"\x01" * 32, b"\x01" * 32, b"\x02" * 32, bytes(32)])
turns = st.lists(st.tuples(picks, st.sampled_from([b"\x01" * 32, b"\x01" * 32, b"\x02" * 32])), max_size=6)
weights = st.sampled_from([1, 100, 2500, 3333, 3333, 5000, 10_000, 0])


@cache
def _deployed() -> DataWorld:
    return DataWorld()


class DataMarket(RuleBasedStateMachine):
    """Contracts and twins take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.world = _deployed()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        world = self.world
        self.datasets = DatasetsTwin()
        self.royalties = RoyaltiesTwin(self.datasets)
        self.prices = FixedPriceTwin(self.datasets, self.royalties, str(world.token.address))
        self.stakes = StakesTwin(world.governor, 8, 100, TOKEN, 10**6 * TOKEN)
        orders = str(world.orders.address)
        self.stakes.appoint(world.governor, orders, DRAW | RELEASE | SLASH)
        for account in PROVIDERS:
            self.stakes.stake(account, STAKE)
        accounts = dict(enumerate(PROVIDERS, start=1))
        self.orders = ComputeOrdersTwin(
            self.datasets, self.prices, self.royalties, self.stakes, orders, DISPUTE_SECONDS, accounts
        )
        self.given = dict.fromkeys(EVERYONE, 0)
        self.received = dict.fromkeys(EVERYONE, 0)
        self.start = {account: world.token.balanceOf(account) for account in EVERYONE}
        self.publish(OWNER, [], 0)
        self.offer(OWNER, 0, 2, 100, True)
        self.serve(OWNER, 0, 10, 50 * TOKEN, 500)
        for seat in range(3):
            self.admit(OWNER, 0, seat, seat + 1)

    def teardown(self) -> None:
        try:
            self._leave_through_every_exit()
        finally:
            self._anchor.__exit__(None, None, None)

    @rule(sender=people, parents=st.lists(st.tuples(picks, weights), max_size=3), royalty=weights)
    def publish(self, sender: str, parents: list[tuple[int, int]], royalty: int) -> None:
        named = [Parent(self._dataset(pick), weight) for pick, weight in parents]
        self._step(
            lambda: self.datasets.publish(sender, MANIFEST, LICENCE, royalty, named),
            lambda: self.world.datasets.publish(MANIFEST, LICENCE, royalty, named, sender=sender),
        )

    @rule(sender=people, pick=picks, manifest=results)
    def add_version(self, sender: str, pick: int, manifest: bytes) -> None:
        self._both(
            self.datasets, self.world.datasets, "add_version", sender, self._dataset(pick), manifest, LICENCE
        )

    @rule(sender=people, pick=picks, is_withdrawn=st.sampled_from([False, False, True]))
    def withdraw_dataset(self, sender: str, pick: int, is_withdrawn: bool) -> None:
        self._both(self.datasets, self.world.datasets, "withdraw", sender, self._dataset(pick), is_withdrawn)

    @rule(sender=people, pick=picks, account=people, is_revoked=st.sampled_from([False, False, True]))
    def revoke(self, sender: str, pick: int, account: str, is_revoked: bool) -> None:
        self._both(
            self.datasets, self.world.datasets, "revoke", sender, self._dataset(pick), account, is_revoked
        )

    @rule(sender=people, to=people, pick=picks)
    def hand_on(self, sender: str, to: str, pick: int) -> None:
        number = self._dataset(pick)
        self._step(
            lambda: self.datasets.transfer(sender, to, number),
            lambda: self.world.datasets.transferFrom(sender, to, number, sender=sender),
        )

    @rule(
        sender=people,
        pick=picks,
        use=uses,
        price=prices,
        is_offered=st.sampled_from([True, True, True, False]),
    )
    def offer(self, sender: str, pick: int, use: int, price: int, is_offered: bool) -> None:
        number, token = self._dataset(pick), self.world.token.address if is_offered else ZERO_ADDRESS
        self._step(
            lambda: self.prices.offer(sender, number, use, price, is_offered=is_offered),
            lambda: self.world.fixed_price.offer(number, use, token, price, sender=sender),
        )

    @rule(
        sender=people,
        pick=picks,
        use=uses,
        count=st.integers(0, 3),
        most=st.sampled_from([10**19, 10**19, 99]),
    )
    def buy(self, sender: str, pick: int, use: int, count: int, most: int) -> None:
        number = self._dataset(pick)
        self.given[sender] += (
            self._both(self.prices, self.world.fixed_price, "buy", sender, number, use, count, most) or 0
        )

    @rule(sender=people, pick=picks, amount=st.sampled_from([0, 1, 3, 99_999, 10**18]))
    def pay(self, sender: str, pick: int, amount: int) -> None:
        number = self._dataset(pick)
        before = self.royalties.held
        self._step(
            lambda: self.royalties.pay(number, amount),
            lambda: self.world.royalties.pay(number, self.world.token, amount, sender=sender),
        )
        self.given[sender] += self.royalties.held - before

    @rule(pick=picks, place=st.integers(0, 2))
    def pass_up(self, pick: int, place: int) -> None:
        self._pass_up(self._dataset(pick), place)

    def _pass_up(self, number: int, place: int) -> None:
        self._step(
            lambda: self.royalties.pass_up(number, place),
            lambda: self.world.royalties.pass_up(number, place, self.world.token, sender=OUTSIDER),
        )

    @rule(pick=picks)
    def claim(self, pick: int) -> None:
        self._claim(self._dataset(pick))

    def _claim(self, number: int) -> None:
        paid = self._step(
            lambda: self.royalties.claim(number),
            lambda: self.world.royalties.claim(number, self.world.token, sender=OUTSIDER),
        )
        if paid:
            self.received[self.datasets.owner_of(number)] += paid

    @rule(
        sender=people, pick=picks, fee=st.sampled_from([0, 1, 10, 2**96]),
        lock=st.sampled_from([1, 99, 50 * TOKEN, 600 * TOKEN, 0]), seconds=st.sampled_from([500, 1, 0]),
    )  # fmt: skip
    def serve(self, sender: str, pick: int, fee: int, lock: int, seconds: int) -> None:
        number = self._dataset(pick)
        self._step(
            lambda: self.orders.serve(sender, number, Service(fee, lock, seconds)),
            lambda: self.world.orders.serve(number, fee, lock, seconds, sender=sender),
        )

    @rule(sender=people, pick=picks, seat=st.sampled_from([0, 1, 2, 15, 16]), provider=st.integers(0, 5))
    def admit(self, sender: str, pick: int, seat: int, provider: int) -> None:
        self._both(self.orders, self.world.orders, "admit", sender, self._dataset(pick), seat, provider)

    @rule(
        sender=st.sampled_from([BUYER, BUYER, OUTSIDER, PROVIDERS[1]]), pick=picks, use=uses,
        provider=st.sampled_from([1, 1, 2, 4, 0]), flags=st.integers(0, 7), most=st.sampled_from([10**19, 10**19, 5]),
    )  # fmt: skip
    def place(self, sender: str, pick: int, use: int, provider: int, flags: int, most: int) -> None:
        # One in four orders is paid by a datatoken; the owner gives one away before, unless it refuses.
        number, is_ticket = self._dataset(pick), flags < 2
        job = Job(number, use, provider, b"\x22" * 32, most, is_ticket, flags % 4 != 3)
        if flags == 1 and self.prices.offer_of(number, use).token != ZERO_ADDRESS:
            owner = self.datasets.owner_of(number)
            self.world.proxy(number, use).mint(sender, 1, sender=owner)
            self.prices.datatokens[number, use].mint(sender, 1)
        before = self.orders.held
        self._step(
            lambda: self.orders.place(sender, job), lambda: self.world.orders.place(tuple(job), sender=sender)
        )
        self.given[sender] += self.orders.held - before

    @rule(
        buyer=st.sampled_from([BUYER, OUTSIDER]),
        provider=st.integers(1, 3),
        is_deterministic=st.booleans(),
        turns=turns,
    )
    def trade(
        self, buyer: str, provider: int, is_deterministic: bool, turns: list[tuple[int, bytes]]
    ) -> None:
        """An order as people place them, after the owner has seen to it that they can."""
        held = self.datasets.held[1]
        if held.is_withdrawn:
            self._both(self.datasets, self.world.datasets, "withdraw", held.owner, 1, False)
        if buyer in held.revoked:
            self._both(self.datasets, self.world.datasets, "revoke", held.owner, 1, buyer, False)
        if self.prices.offer_of(1, 2).token == ZERO_ADDRESS or provider % 2:
            self.offer(held.owner, 0, 2, 9999, True)
        if self.orders.services[1].fee == 0:
            self.serve(held.owner, 0, 10, 50 * TOKEN, 500)
        if provider not in self.orders.seats[1]:
            self.admit(held.owner, 0, provider - 1, provider)
        job = Job(1, 2, provider, b"\x22" * 32, 10**19, False, is_deterministic)
        before = self.orders.held
        self._step(
            lambda: self.orders.place(buyer, job), lambda: self.world.orders.place(tuple(job), sender=buyer)
        )
        self.given[buyer] += self.orders.held - before
        for pick, result in turns:
            self._go_on(pick, result)

    @precondition(lambda self: any(one.phase < 5 for one in self.orders.orders.values()))
    @rule(turns=turns)
    def go_on(self, turns: list[tuple[int, bytes]]) -> None:
        """Whoever is next with an open order does what is next, a few times."""
        for pick, result in turns:
            self._go_on(pick, result)

    def _go_on(self, pick: int, result: bytes) -> None:
        open_ = [number for number, one in self.orders.orders.items() if one.phase < 5]
        if not open_:
            return
        number = open_[pick % len(open_)]
        one = self.orders.orders[number]
        provider, orders = PROVIDERS[one.provider - 1], self.world.orders
        before = self.orders.held
        if one.phase == 1:
            self._both(self.orders, orders, "accept", provider, number)
        elif one.phase == 2:
            self._both(self.orders, orders, "deliver", provider, number, result)
        elif one.phase == 3 and pick % 3:
            self._both(self.orders, orders, "dispute", one.buyer, number)
        elif one.phase == 3:
            boa.env.time_travel(seconds=DISPUTE_SECONDS)
            self._settle(number)
        elif not one.second:
            boa.env.time_travel(blocks=3)
            self._draw(number)
        else:
            self._both(self.orders, orders, "repeat", PROVIDERS[one.second - 1], number, result)
        self.given[one.buyer] += self.orders.held - before

    @precondition(lambda self: self.orders.orders)
    @rule(
        sender=anyone, pick=picks, name=st.sampled_from(["cancel", "accept", "accept", "refund", "dispute"])
    )
    def step_of(self, sender: str, pick: int, name: str) -> None:
        order = self._order(pick)
        if name == "accept" and pick % 4 and order in self.orders.orders:
            sender = PROVIDERS[self.orders.orders[order].provider - 1]
        before = self.orders.held
        self._both(self.orders, self.world.orders, name, sender, order)
        self.given[sender] += self.orders.held - before

    @precondition(lambda self: self.orders.orders)
    @rule(sender=anyone, pick=picks, result=results, is_second=st.booleans())
    def deliver(self, sender: str, pick: int, result: bytes, is_second: bool) -> None:
        order = self._order(pick)
        one = self.orders.orders.get(order)
        if one and pick % 4:
            sender = PROVIDERS[((one.second or 1) if is_second else one.provider) - 1]
        self._both(
            self.orders, self.world.orders, "repeat" if is_second else "deliver", sender, order, result
        )

    @precondition(lambda self: self.orders.orders)
    @rule(pick=picks)
    def settle(self, pick: int) -> None:
        self._settle(self._order(pick))

    def _settle(self, order: int) -> None:
        self._step(
            lambda: self.orders.settle(order), lambda: self.world.orders.settle(order, sender=OUTSIDER)
        )

    @precondition(lambda self: any(one.phase == 4 for one in self.orders.orders.values()))
    @rule(pick=picks, blocks=st.sampled_from([0, 3, 3, 3, 300]))
    def draw(self, pick: int, blocks: int) -> None:
        disputed = [number for number, one in self.orders.orders.items() if one.phase == 4]
        order = disputed[pick % len(disputed)]
        boa.env.time_travel(blocks=blocks) if blocks else None
        self._draw(order)

    def _draw(self, order: int) -> None:
        slot = self.orders.orders[order].slot
        value = bytes(self.world.beacon.value_of(slot))
        seed = int.from_bytes(keccak(value + order.to_bytes(32, "big")), "big") if any(value) else None
        self._step(
            lambda: self.orders.draw(order, seed), lambda: self.world.orders.draw(order, sender=OUTSIDER)
        )

    @rule(account=st.sampled_from(EVERYONE))
    def withdraw(self, account: str) -> None:
        paid = self._step(
            lambda: self.orders.withdraw(account),
            lambda: self.world.orders.withdraw(self.world.token, sender=account),
        )
        self.received[account] += paid or 0

    @rule(pick=picks)
    def forward(self, pick: int) -> None:
        self._forward(self._dataset(pick))

    def _forward(self, number: int) -> None:
        self._step(
            lambda: self.orders.forward(number),
            lambda: self.world.orders.forward(number, self.world.token, sender=OUTSIDER),
        )

    @rule(seconds=st.sampled_from([1, 499, 500, 1000, 1500]))
    def wait(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    @invariant()
    def every_unit_is_accounted_for(self) -> None:
        """Royalties and ComputeOrders hold what their twins say, and that is all that was given and not received."""
        world = self.world
        assert world.token.balanceOf(world.orders) == self.orders.held
        assert world.token.balanceOf(world.royalties) == self.royalties.held
        assert world.token.balanceOf(world.fixed_price) == 0
        left = sum(self.given.values()) - sum(self.received.values())
        assert left == self.orders.held + self.royalties.held

    @invariant()
    def what_is_due_is_there(self) -> None:
        """What owners and parents are due adds up to what Royalties holds, but for less than a unit a parent."""
        due, waiting = 0, 0
        for number in self.datasets.held:
            parents = self.datasets.parents_of(number)
            parts = [self.royalties.due_to_parent(number, place) for place in range(len(parents))]
            assert self.royalties.due(number) >= 0 and min(parts, default=0) >= 0
            due += self.royalties.due(number) + sum(parts)
            waiting += max(len(parents) - 1, 0)
        assert due <= self.royalties.held <= due + waiting

    @invariant()
    def stake_is_locked_for_open_orders_alone(self) -> None:
        """Each provider's lock is that of the orders that it accepted and that are not over."""
        open_ = [one for one in self.orders.orders.values() if 2 <= one.phase <= 4]
        for number in range(1, len(PROVIDERS) + 1):
            locked = sum(one.lock for one in open_ if one.provider == number)
            assert self.stakes.position(number).locked == locked

    def _dataset(self, pick: int) -> int:
        # The first one is where trade goes on: half of all steps concern it.
        known = len(self.datasets.held)
        if pick < 8 and known:
            return 1
        return known - pick % known if known and pick < 15 else known + 1

    def _order(self, pick: int) -> int:
        known = len(self.orders.orders)
        return known - pick % known if pick < 15 else known + 1

    def _both(self, twin: Any, contract: Any, name: str, sender: str, *arguments: Any) -> Any:
        return self._step(
            lambda: getattr(twin, name)(sender, *arguments),
            lambda: getattr(contract, name)(*arguments, sender=sender),
        )

    def _step(self, twin: Callable[[], Any], contract: Callable[[], Any]) -> Any:
        self.orders.now = self.stakes.now = self.world.now
        self.orders.block = self.stakes.block = boa.env.evm.patch.block_number
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts(refused.reason):
                contract()
            return None
        answer = contract()
        if isinstance(expected, int) and answer is not None and not isinstance(expected, bool):
            assert answer == expected
        return expected

    def _compare_books(self) -> None:
        world = self.world
        for number, one in self.orders.orders.items():
            assert tuple(world.orders.order(number)) == tuple(vars(one).values())
        for number, held in self.datasets.held.items():
            found = world.datasets.dataset(number)
            assert (found.owner, found.creator, found.versions, found.is_withdrawn, found.manifest) == (
                held.owner, held.creator, len(held.manifests), held.is_withdrawn, held.manifests[-1],
            )  # fmt: skip
            assert [tuple(parent) for parent in world.datasets.parents_of(number)] == list(held.parents)
            assert world.royalties.due(number, world.token) == self.royalties.due(number)
        for (number, use), twin in self.prices.datatokens.items():
            if twin.supply:
                assert world.proxy(number, use).totalSupply() == twin.supply
        for number in range(1, len(PROVIDERS) + 1):
            assert world.stakes.position(number).amount == self.stakes.position(number).amount
        for account in EVERYONE:
            balance = world.token.balanceOf(account)
            assert balance == self.start[account] - self.given[account] + self.received[account]

    def _leave_through_every_exit(self) -> None:
        """No order is without an end, and no unit without an owner: all is ended, passed up, claimed and withdrawn."""
        self._compare_books()
        boa.env.time_travel(seconds=4000)
        for number, one in list(self.orders.orders.items()):
            if one.phase == 1:
                self._both(self.orders, self.world.orders, "cancel", one.buyer, number)
            elif one.phase in (2, 4):
                self._both(self.orders, self.world.orders, "refund", OUTSIDER, number)
            elif one.phase == 3:
                self._settle(number)
        for number in sorted(self.datasets.held, reverse=True):
            if self.orders.earned[number]:
                self._forward(number)
            for place in range(len(self.datasets.parents_of(number))):
                if self.royalties.due_to_parent(number, place):
                    self._pass_up(number, place)
            if self.royalties.due(number):
                self._claim(number)
        for account in EVERYONE:
            if self.orders.owed[account]:
                self.withdraw(account)
        waiting = sum(max(len(held.parents) - 1, 0) for held in self.datasets.held.values())
        assert self.world.token.balanceOf(self.world.orders) == 0
        assert self.world.token.balanceOf(self.world.royalties) <= waiting
        self._compare_books()


class TestDataMarket(DataMarket.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
