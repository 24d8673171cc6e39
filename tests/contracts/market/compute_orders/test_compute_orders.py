"""Compute orders: every way from a buyer's money to its end, who may take which step, and what it costs whom."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.conftest import MOCKS, TOKEN, load
from tests.contracts.data_world import (
    BUYER,
    DISPUTE_SECONDS,
    OUTSIDER,
    OWNER,
    PROVIDERS,
    STATISTICS,
    DataWorld,
)

PLACED, ACCEPTED, DELIVERED, DISPUTED, SETTLED, REFUNDED = range(1, 7)
LOCK = 50 * TOKEN
RESULT, ANOTHER = b"\x01" * 32, b"\x02" * 32
FIRST = PROVIDERS[0]


@pytest.fixture
def orders(trade: DataWorld) -> Any:
    return trade.orders


def delivered(trade: DataWorld, order: int) -> None:
    """Let provider 1 accept an order and deliver."""
    trade.orders.accept(order, sender=FIRST)
    trade.orders.deliver(order, RESULT, sender=FIRST)


def drawn(trade: DataWorld, order: int) -> str:
    """Dispute a delivered order and draw; return the second provider's account."""
    trade.orders.dispute(order, sender=BUYER)
    boa.env.time_travel(blocks=3)
    trade.orders.draw(order, sender=OUTSIDER)
    return PROVIDERS[trade.orders.order(order).second - 1]


def test_an_order_is_paid(trade: DataWorld, orders: Any) -> None:
    """Price to the dataset, fee to the provider, lock released, when a delivered job can be disputed no more."""
    dataset = trade.served(price=100, fee=10)
    before = trade.token.balanceOf(BUYER)
    order = trade.place(dataset)
    assert trade.token.balanceOf(BUYER) == before - 110 and orders.order(order).phase == PLACED
    orders.accept(order, sender=FIRST)
    assert trade.stakes.position(1).locked == LOCK
    orders.deliver(order, RESULT, sender=FIRST)
    with boa.reverts("compute_orders: may still be disputed"):
        orders.settle(order, sender=FIRST)
    boa.env.time_travel(seconds=DISPUTE_SECONDS)
    orders.settle(order, sender=OUTSIDER)
    assert (orders.order(order).phase, orders.order(order).result) == (SETTLED, RESULT)
    assert trade.stakes.position(1).locked == 0
    assert orders.withdraw(trade.token, sender=FIRST) == 10
    assert orders.forward(dataset, trade.token, sender=OUTSIDER) == 100
    assert trade.royalties.claim(dataset, trade.token, sender=OUTSIDER) == 100
    assert trade.token.balanceOf(orders) == 0


def test_what_cannot_be_repeated_is_paid_at_once(trade: DataWorld, orders: Any) -> None:
    """A job that is not deterministic is settled by its delivery, and cannot be disputed."""
    dataset = trade.served()
    order = trade.place(dataset, is_deterministic=False)
    delivered(trade, order)
    assert orders.order(order).phase == SETTLED and orders.earned(dataset, trade.token) == 100
    with boa.reverts("compute_orders: not in that phase"):
        orders.dispute(order, sender=BUYER)


def test_a_buyer_takes_back_what_nobody_accepted(trade: DataWorld, orders: Any) -> None:
    """Before it is accepted the buyer alone ends an order, with everything back; after that it cannot."""
    order = trade.place(trade.served())
    with boa.reverts("compute_orders: not the buyer"):
        orders.cancel(order, sender=FIRST)
    orders.cancel(order, sender=BUYER)
    assert orders.order(order).phase == REFUNDED and orders.withdraw(trade.token, sender=BUYER) == 110
    with boa.reverts("compute_orders: not in that phase"):
        orders.cancel(order, sender=BUYER)
    order = trade.place(1)
    orders.accept(order, sender=FIRST)
    with boa.reverts("compute_orders: not in that phase"):
        orders.cancel(order, sender=BUYER)


def test_a_silent_provider_pays(trade: DataWorld, orders: Any) -> None:
    """Who accepts and delivers nothing loses a tenth of the lock, burned; the buyer has everything back, by anyone's call."""
    order = trade.place(trade.served())
    orders.accept(order, sender=FIRST)
    with boa.reverts("compute_orders: there is still time"):
        orders.refund(order, sender=BUYER)
    boa.env.time_travel(seconds=500)
    with boa.reverts("compute_orders: too late"):
        orders.deliver(order, RESULT, sender=FIRST)
    supply, held = trade.token.totalSupply(), trade.stakes.position(1).amount
    orders.refund(order, sender=OUTSIDER)
    assert (trade.stakes.position(1).amount, trade.stakes.position(1).locked) == (held - LOCK // 10, 0)
    assert trade.token.totalSupply() == supply - LOCK // 10
    assert orders.withdraw(trade.token, sender=BUYER) == 110
    with boa.reverts("compute_orders: nothing to refund"):
        orders.refund(order, sender=OUTSIDER)


def test_a_provider_gives_up_early(trade: DataWorld, orders: Any) -> None:
    """The provider itself may refund before its time is over, for the same tenth: its stake is free again at once."""
    order = trade.place(trade.served())
    orders.accept(order, sender=FIRST)
    orders.refund(order, sender=FIRST)
    assert trade.stakes.position(1).locked == 0 and orders.owed(trade.token, BUYER) == 110


def test_a_ticket_stands_for_the_price(trade: DataWorld, orders: Any) -> None:
    """An order by datatoken burns it and takes the fee alone; a refund brings the token back, a settlement does not pay twice."""
    dataset = trade.served()
    trade.fixed_price.buy(dataset, STATISTICS, 2, 200, sender=BUYER)
    order = trade.place(dataset, is_ticket=True, most=10)
    assert trade.proxy(dataset).balanceOf(BUYER) == 1
    orders.cancel(order, sender=BUYER)
    assert trade.proxy(dataset).balanceOf(BUYER) == 2 and orders.owed(trade.token, BUYER) == 10
    order = trade.place(dataset, is_ticket=True, is_deterministic=False)
    delivered(trade, order)
    assert trade.proxy(dataset).totalSupply() == 1 and orders.earned(dataset, trade.token) == 0
    with boa.reverts("datatoken: no use left"):
        trade.place(dataset, is_ticket=True, sender=OUTSIDER)


def test_a_second_provider_confirms(trade: DataWorld, orders: Any) -> None:
    """The same result costs the buyer a second fee, which is the second provider's; all else is as without a dispute."""
    dataset = trade.served()
    order = trade.place(dataset)
    delivered(trade, order)
    second = drawn(trade, order)
    assert second in PROVIDERS[1:3]
    orders.repeat(order, RESULT, sender=second)
    assert orders.order(order).phase == SETTLED
    assert [orders.withdraw(trade.token, sender=who) for who in (FIRST, second)] == [10, 10]
    assert orders.forward(dataset, trade.token, sender=OUTSIDER) == 100
    assert trade.stakes.position(1).locked == 0 == trade.token.balanceOf(orders)


def test_a_second_provider_contradicts(trade: DataWorld, orders: Any) -> None:
    """Another result burns the first provider's lock and gives the buyer price, fee and second fee back; nobody gains by it."""
    order = trade.place(trade.served())
    delivered(trade, order)
    supply = trade.token.totalSupply()
    second = drawn(trade, order)
    orders.repeat(order, ANOTHER, sender=second)
    assert orders.order(order).phase == REFUNDED and trade.stakes.position(1).amount == 950 * TOKEN
    assert trade.token.totalSupply() == supply - LOCK
    assert orders.withdraw(trade.token, sender=BUYER) == 120
    assert [orders.owed(trade.token, who) for who in (FIRST, second, OWNER)] == [0, 0, 0]
    assert trade.token.balanceOf(orders) == 0


def test_a_silent_second_provider(trade: DataWorld, orders: Any) -> None:
    """Where nobody repeats the job in time, the buyer has everything back and the first provider loses nothing."""
    order = trade.place(trade.served())
    delivered(trade, order)
    second = drawn(trade, order)
    with boa.reverts("compute_orders: there is still time"):
        orders.refund(order, sender=FIRST)
    boa.env.time_travel(seconds=DISPUTE_SECONDS + 500)
    with boa.reverts("compute_orders: too late"):
        orders.repeat(order, RESULT, sender=second)
    orders.refund(order, sender=OUTSIDER)
    assert orders.owed(trade.token, BUYER) == 120
    assert trade.stakes.position(1).amount == 1000 * TOKEN and trade.stakes.position(1).locked == 0


def test_a_draw_that_nobody_made_in_time(trade: DataWorld, orders: Any) -> None:
    """Too early it waits; once the block is out of reach the next call moves the draw; a draw is made once."""
    order = trade.place(trade.served())
    delivered(trade, order)
    orders.dispute(order, sender=BUYER)
    with boa.reverts("compute_orders: too early"):
        orders.draw(order, sender=OUTSIDER)
    with boa.reverts("compute_orders: not the provider"):
        orders.repeat(order, RESULT, sender=PROVIDERS[1])
    boa.env.time_travel(blocks=300)
    orders.draw(order, sender=OUTSIDER)
    assert orders.order(order).second == 0
    boa.env.time_travel(blocks=3)
    orders.draw(order, sender=OUTSIDER)
    assert orders.order(order).second in (2, 3)
    with boa.reverts("compute_orders: drawn already"):
        orders.draw(order, sender=OUTSIDER)


def test_the_bench_is_that_of_the_dispute(trade: DataWorld, orders: Any) -> None:
    """Whom the owner admits or dismisses after the dispute changes nothing of who may be drawn."""
    dataset = trade.served()
    orders.admit(dataset, 2, 0, sender=OWNER)
    order = trade.place(dataset)
    delivered(trade, order)
    orders.dispute(order, sender=BUYER)
    orders.admit(dataset, 1, 4, sender=OWNER)
    boa.env.time_travel(blocks=3)
    orders.draw(order, sender=OUTSIDER)
    assert orders.order(order).second == 2


def test_draws_fall_on_all_alike(trade: DataWorld, orders: Any) -> None:
    """Of 24 disputes each of two possible second providers is drawn in some; the first and the buyer never."""
    dataset = trade.served(lock=TOKEN)
    orders.admit(dataset, 3, 4, sender=OWNER)
    seen = []
    for _ in range(24):
        order = trade.place(dataset, sender=PROVIDERS[1])
        delivered(trade, order)
        orders.dispute(order, sender=PROVIDERS[1])
        boa.env.time_travel(blocks=3)
        orders.draw(order, sender=OUTSIDER)
        seen.append(orders.order(order).second)
    assert set(seen) == {3, 4}


def test_what_cannot_be_disputed(trade: DataWorld, orders: Any) -> None:
    """A dispute is the buyer's, in time, where there is a fee for a second provider and one to be had."""
    dataset = trade.served()
    order = trade.place(dataset)
    delivered(trade, order)
    with boa.reverts("compute_orders: not the buyer"):
        orders.dispute(order, sender=OUTSIDER)
    for seat in (1, 2):
        orders.admit(dataset, seat, 0, sender=OWNER)
    with boa.reverts("compute_orders: no second provider"):
        orders.dispute(order, sender=BUYER)
    boa.env.time_travel(seconds=DISPUTE_SECONDS)
    with boa.reverts("compute_orders: too late"):
        orders.dispute(order, sender=BUYER)
    free = trade.place(trade.served(fee=0))
    delivered(trade, free)
    with boa.reverts("compute_orders: no fee for a second provider"):
        orders.dispute(free, sender=BUYER)


def test_only_the_provider_works(trade: DataWorld, orders: Any) -> None:
    """Neither buyer nor owner nor another provider accepts or delivers; a result is something; stake must be free."""
    order = trade.place(trade.served())
    for who in (BUYER, OWNER, PROVIDERS[1]):
        with boa.reverts("compute_orders: not the provider"):
            orders.accept(order, sender=who)
    orders.accept(order, sender=FIRST)
    with boa.reverts("compute_orders: not the provider"):
        orders.deliver(order, RESULT, sender=PROVIDERS[1])
    with boa.reverts("compute_orders: no result"):
        orders.deliver(order, bytes(32), sender=FIRST)
    greedy = trade.place(trade.served(lock=951 * TOKEN))
    with boa.reverts("stakes: too little is free"):
        orders.accept(greedy, sender=FIRST)
    with boa.reverts("appointments: not appointed"):
        trade.stakes.lock(1, 1, sender=OWNER)


def test_a_second_result_is_something(trade: DataWorld, orders: Any) -> None:
    """Repeating gives a result, by the drawn provider alone."""
    order = trade.place(trade.served())
    delivered(trade, order)
    second = drawn(trade, order)
    with boa.reverts("compute_orders: no result"):
        orders.repeat(order, bytes(32), sender=second)
    with boa.reverts("compute_orders: not the provider"):
        orders.repeat(order, RESULT, sender=FIRST)


def test_only_the_owner_sets_terms(trade: DataWorld, orders: Any) -> None:
    """Fee, lock, time and providers are the owner's to set, within bounds."""
    dataset = trade.served()
    for who in (BUYER, FIRST, trade.governor):
        with boa.reverts("compute_orders: not the owner"):
            orders.serve(dataset, 1, 1, 1, sender=who)
        with boa.reverts("compute_orders: not the owner"):
            orders.admit(dataset, 0, 1, sender=who)
    for terms, reason in (
        ((2**96, 1, 1), "compute_orders: amount too large"),
        ((1, 2**80, 1), "compute_orders: amount too large"),
        ((1, 0, 1), "compute_orders: no lock"),
        ((1, 1, 0), "compute_orders: time out of range"),
        ((1, 1, 2**24), "compute_orders: time out of range"),
    ):
        with boa.reverts(reason):
            orders.serve(dataset, *terms, sender=OWNER)
    for seat, provider, reason in (
        (16, 1, "compute_orders: no such seat"),
        (5, 5, "compute_orders: unknown provider"),
        (5, 1, "compute_orders: seated already"),
    ):
        with boa.reverts(reason):
            orders.admit(dataset, seat, provider, sender=OWNER)
    assert tuple(orders.service_of(dataset)) == (10, LOCK, 500)
    assert orders.providers_of(dataset) == [1, 2, 3] + [0] * 13


def test_what_cannot_be_ordered(trade: DataWorld, orders: Any) -> None:
    """An order is of a use that is offered and served, with a provider of these data, for no more than the buyer allows."""
    bare = trade.publish()
    with boa.reverts("compute_orders: not served"):
        trade.place(bare)
    dataset = trade.served()
    for changes, reason in (
        ({"provider": 4}, "compute_orders: not a provider of these data"),
        ({"provider": 0}, "compute_orders: not a provider of these data"),
        ({"use": 1}, "compute_orders: not offered"),
        ({"most": 109}, "compute_orders: dearer than the buyer allows"),
    ):
        with boa.reverts(reason):
            trade.place(dataset, **changes)
    trade.datasets.revoke(dataset, BUYER, True, sender=OWNER)
    with boa.reverts("datasets: revoked"):
        trade.place(dataset)


def test_withdrawal_ends_no_open_order(trade: DataWorld, orders: Any) -> None:
    """A withdrawn dataset takes no new order, and an accepted one is delivered and paid as ever."""
    dataset = trade.served()
    order = trade.place(dataset, is_deterministic=False)
    trade.datasets.withdraw(dataset, True, sender=OWNER)
    with boa.reverts("datasets: withdrawn"):
        trade.place(dataset)
    delivered(trade, order)
    assert orders.order(order).phase == SETTLED


def test_tokens_that_do_not_arrive_or_leave(trade: DataWorld, orders: Any) -> None:
    """A token that misbehaves orders nothing, and where it does so later it keeps no order from ending and no stake locked."""
    hostile = boa.load_partial(str(MOCKS / "HostileToken.vy")).deploy()
    hostile.mint(BUYER, 10**6)
    dataset = trade.served()
    trade.fixed_price.offer(dataset, STATISTICS, hostile, 100, sender=OWNER)
    hostile.set_tax(100)
    with boa.reverts("compute_orders: token takes a fee on transfer"):
        trade.place(dataset)
    hostile.set_tax(0)
    hostile.set_false(True)
    with boa.reverts("compute_orders: token refused"):
        trade.place(dataset)
    hostile.set_false(False)
    order = trade.place(dataset, is_deterministic=False)
    orders.accept(order, sender=FIRST)
    hostile.set_false(True)
    orders.deliver(order, RESULT, sender=FIRST)
    assert trade.stakes.position(1).locked == 0
    with boa.reverts("compute_orders: token refused"):
        orders.withdraw(hostile, sender=FIRST)
    with boa.reverts("compute_orders: token refused"):
        orders.forward(dataset, hostile, sender=OWNER)
    assert orders.owed(hostile, FIRST) == 10


def test_nothing_is_taken_twice(trade: DataWorld, orders: Any) -> None:
    """What was withdrawn or forwarded is gone; unknown orders have no step."""
    for who in (OWNER, OUTSIDER):
        with boa.reverts("compute_orders: nothing owed"):
            orders.withdraw(trade.token, sender=who)
    with boa.reverts("compute_orders: nothing earned"):
        orders.forward(1, trade.token, sender=OWNER)
    with boa.reverts("compute_orders: not in that phase"):
        orders.accept(orders.count() + 1, sender=FIRST)


def test_a_time_to_dispute_is_needed(trade: DataWorld) -> None:
    """It cannot be deployed without one."""
    for seconds in (0, 2**24):
        with boa.reverts("compute_orders: no time to dispute"):
            load("market/ComputeOrders.vy").deploy(OWNER, OWNER, OWNER, OWNER, OWNER, seconds)
