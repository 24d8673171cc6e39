"""The orders of one provider on the chain, with their documents and answers sealed in store and mailbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from sheaf.actions.compute import mail
from sheaf.actions.compute.placed import decline, hand_over, ordered, placed, policy_of
from sheaf.domain.errors import (
    InputError,
    Refused,
    Reverted,
    SheafError,
    StoreError,
    Unreachable,
    shorten,
)
from sheaf.domain.ids import Address
from sheaf.domain.order import DOWNLOAD
from sheaf.market import compute_orders
from sheaf.market.compute_orders import DELIVERED, DISPUTED, PHASES, PLACED, REFUNDED, SETTLED

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.order import Order, Receipt

KEPT_UNREADABLE = 1000
log = structlog.get_logger()
STATES = {DELIVERED: "delivered", DISPUTED: "delivered", SETTLED: "delivered"}


class ChainOrders:
    """Orders placed with the acting account's provider. `check` may refuse one before it is taken on: its buyer takes it back.

    It keeps nothing that it could not read again. `unreadable` says why an order that waits is not taken on.
    """

    def __init__(
        self, ctx: Context, clock: Callable[[], float], check: Callable[[Order], None] = lambda _: None
    ) -> None:
        self.ctx, self.clock, self.check = ctx, clock, check
        self.provider = compute_orders.provider_of(ctx.chain, ctx.account)
        self.unreadable: dict[int, str] = {}
        self._known: dict[int, Order] = {}
        self._told: set[int] = set()
        self._below = 1  # orders before this one are over, or not ours

    def placed(self) -> list[Order]:
        """Return the orders that wait for this provider and can be read, oldest first."""
        waiting, is_first = [], True
        for number in range(self._below, compute_orders.count(self.ctx.chain) + 1):
            one = compute_orders.order(self.ctx.chain, number)
            if one.provider != self.provider or one.phase in (SETTLED, REFUNDED):
                self._forget(number)
                if is_first:
                    self._below = number + 1
                continue
            is_first = False
            if one.phase == PLACED and self._is_readable(number):
                # Time runs from when it is accepted, which is later than now.
                until = int(self.clock()) + one.seconds
                waiting.append(replace(self._known[number], until=until))
        return waiting

    def state(self, number: int) -> str:
        """Return how far an order is, in the words of the port."""
        try:
            phase = compute_orders.order(self.ctx.chain, number).phase
        except InputError:
            return "closed"
        return STATES.get(phase, PHASES[phase])

    def accept(self, number: int) -> None:
        """Take an order on: the lock is taken from the stake, and time runs."""
        self._step(number, "accept")

    def decline(self, number: int, reason: str) -> None:
        """Seal to the buyer why the order is not taken on, once while this node runs; who cannot be told finds it placed."""
        if number in self._told:
            return
        try:
            decline(self.ctx, placed(self.ctx, number), reason)
        except StoreError as error:
            log.warning("buyer not told", order=number, reason=shorten(error, 200))
        self._told.add(number)

    def hand_over(self, number: int, output: bytes, receipt: Receipt) -> None:
        """Seal the answer to the buyer. Raises Refused where the chain has another order under this number by now."""
        one = placed(self.ctx, number)
        if one.cid != receipt.dataset:
            raise Refused(f"orders: order {number} is for version {one.cid}: the chain was rolled back")
        hand_over(self.ctx, one, output, receipt)

    def deliver(self, number: int, result: bytes) -> None:
        """State the SHA-256 of the output. Raises Refused in the contract's words."""
        try:
            compute_orders.deliver(self.ctx.chain, self.ctx.sender, number, result)
        except Reverted as error:
            raise Refused(error.reason) from None

    def refund(self, number: int) -> None:
        """Give everything back to the buyer, and a tenth of the lock for nothing."""
        self._step(number, "refund")

    def _step(self, number: int, name: str) -> None:
        try:
            compute_orders.step(self.ctx.chain, self.ctx.sender, name, number)
        except Reverted as error:
            raise Refused(error.reason) from None

    def _is_readable(self, number: int) -> bool:
        if number in self._known:
            return True
        try:
            self._known[number] = self._read(number)
        except Unreachable:
            raise
        except SheafError as error:
            if len(self.unreadable) >= KEPT_UNREADABLE:
                self.unreadable.pop(next(iter(self.unreadable)))
            self.unreadable[number] = shorten(error, 200)
            if not isinstance(error, StoreError):  # what has not come may come
                self.decline(number, self.unreadable[number])
            return False
        self.unreadable.pop(number, None)
        return True

    def _read(self, number: int) -> Order:
        """Return what was ordered. Raises Refused or InputError where chain and document, use and policy do not fit each other."""
        from sheaf.actions.datasets.find import manifest_of

        one = placed(self.ctx, number)
        order = ordered(self.ctx, one, int(self.clock()) + one.chain.seconds)
        if order.dataset != one.cid:
            raise InputError("dataset", order.dataset, f"the order was placed on {one.cid}: order anew")
        policy = policy_of(manifest_of(self.ctx, one.chain.dataset, one.version))
        wanted = DOWNLOAD if order.is_download else str(policy.release)
        if one.chain.use_name != wanted:
            raise Refused(f"policy: {wanted} is ordered, {one.chain.use_name} was paid for")
        if one.chain.is_deterministic and order.algorithm in policy.methods:
            raise Refused(
                "policy: answers with noise cannot be repeated: order one that is not deterministic"
            )
        mail.require_reader(self.ctx, Address(order.buyer), "buyer")
        if not order.is_download:
            self.check(order)
        return order

    def _forget(self, number: int) -> None:
        self._known.pop(number, None)
        self._told.discard(number)
        self.unreadable.pop(number, None)
