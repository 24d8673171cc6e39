"""Orders kept in memory, with the rules of payment and nothing else: for tests, and for dry runs without a chain."""

from __future__ import annotations

import threading

from sheaf.domain.errors import Refused
from sheaf.domain.order import Order, Receipt


class MemoryOrders:
    """A book of orders in which each is paid once or refunded once; `paid` and `refunded` count how often."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.states: dict[int, str] = {}
        self.paid: dict[int, int] = {}
        self.refunded: dict[int, int] = {}
        self.handed: dict[int, tuple[bytes, Receipt]] = {}
        self.told: dict[int, str] = {}
        self._lock = threading.Lock()

    def place(self, order: Order) -> None:
        """Put an order into the book, as its buyer."""
        self.orders[order.number] = order
        self.states[order.number] = "placed"

    def cancel(self, number: int) -> None:
        """Take back an order that nobody has accepted, as its buyer."""
        self._step(number, "placed", "closed")

    def placed(self) -> list[Order]:
        """Return the orders that wait."""
        return [order for number, order in sorted(self.orders.items()) if self.states[number] == "placed"]

    def state(self, number: int) -> str:
        """Return how far an order is."""
        return self.states.get(number, "closed")

    def accept(self, number: int) -> None:
        """Take an order on."""
        self._step(number, "placed", "accepted")

    def decline(self, number: int, reason: str) -> None:
        """Tell the buyer."""
        self.told.setdefault(number, reason)

    def hand_over(self, number: int, output: bytes, receipt: Receipt) -> None:
        """Give the buyer the answer."""
        self.handed[number] = (output, receipt)

    def deliver(self, number: int, result: bytes) -> None:
        """State the result, and be paid."""
        self._step(number, "accepted", "delivered")
        self.paid[number] = self.paid.get(number, 0) + 1

    def refund(self, number: int) -> None:
        """Give the buyer everything back."""
        self._step(number, "accepted", "refunded")
        self.refunded[number] = self.refunded.get(number, 0) + 1

    def _step(self, number: int, before: str, after: str) -> None:
        with self._lock:
            if self.state(number) != before:
                raise Refused(f"orders: order {number} is {self.state(number)}, not {before}")
            self.states[number] = after
