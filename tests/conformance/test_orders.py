"""What every book of orders promises a provider: each order is paid once or refunded once, whatever is asked again."""

from __future__ import annotations

import pytest

from sheaf.domain.errors import Refused
from sheaf.domain.order import Order, Receipt
from sheaf.domain.ports import Orders
from sheaf.nodes.compute.memory_orders import MemoryOrders

RECEIPT = Receipt(1, "d", "count", "e", "p", "research", 0, "o")


@pytest.fixture
def orders() -> Orders:
    book = MemoryOrders()
    for number in (2, 1):
        book.place(Order(number, "buyer", "d", "count", "research", 100))
    return book


def test_orders_wait_in_their_order(orders: Orders) -> None:
    """What waits is listed by number, until it is accepted; what is not there is closed."""
    assert [one.number for one in orders.placed()] == [1, 2]
    orders.accept(1)
    assert [one.number for one in orders.placed()] == [2]
    assert [orders.state(number) for number in (1, 2, 3)] == ["accepted", "placed", "closed"]


def test_an_order_is_paid_once(orders: Orders) -> None:
    """Delivered is the end: no second payment, no refund."""
    orders.accept(1)
    orders.hand_over(1, b"answer", RECEIPT)
    orders.hand_over(1, b"answer", RECEIPT)
    orders.deliver(1, bytes(32))
    for step in (lambda: orders.deliver(1, bytes(32)), lambda: orders.refund(1), lambda: orders.accept(1)):
        with pytest.raises(Refused):
            step()
    assert orders.state(1) == "delivered"


def test_an_order_is_refunded_once(orders: Orders) -> None:
    """Refunded is the end as well."""
    orders.accept(1)
    orders.refund(1)
    for step in (lambda: orders.deliver(1, bytes(32)), lambda: orders.refund(1), lambda: orders.accept(1)):
        with pytest.raises(Refused):
            step()
    assert orders.state(1) == "refunded"


def test_nothing_is_done_before_it_is_accepted(orders: Orders) -> None:
    """An order that only waits is neither delivered nor refunded by the provider."""
    with pytest.raises(Refused):
        orders.deliver(1, bytes(32))
    with pytest.raises(Refused):
        orders.refund(1)


def test_a_declined_order_waits(orders: Orders) -> None:
    """Telling a buyer that an order is not taken on, however often, ends nothing: it waits, and may be accepted after all."""
    for reason in ("too late", "too late"):
        orders.decline(1, reason)
    assert orders.state(1) == "placed" and [one.number for one in orders.placed()] == [1, 2]
    orders.accept(1)
    assert orders.state(1) == "accepted"
