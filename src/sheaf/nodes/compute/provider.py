"""The provider: one tick takes orders on, starts jobs, delivers answers at their moment and gives money back where it has failed."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from sheaf.domain.errors import InputError, Refused, SandboxError, SheafError, StoreError, shorten
from sheaf.domain.job import Ending, Job
from sheaf.domain.order import FAILED_OUTPUT, Order, Receipt
from sheaf.formats.release.shown import PROGRAM, project
from sheaf.nodes.compute.queue import Entry, Queue
from sheaf.nodes.compute.workplace import Full, Workplace

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.policy import Policy
    from sheaf.domain.ports import Methods, Orders, Sandbox

KEPT_DECLINED = 1000
MAX_DOWNLOAD_BYTES = 1 << 29  # a row of the queue holds it
LEAST_SECONDS = 0.1  # what the shortest job counts for, in the turns of its buyer
log = structlog.get_logger()


@dataclass(frozen=True)
class Holding:
    """A dataset that the provider serves: its policy, its number of records, and how to read it."""

    policy: Policy
    rows: int
    read: Callable[[], pa.Table]


@dataclass(frozen=True)
class Means:
    """What the provider works with; `environment` is the hash that receipts name. Without a sandbox no code of buyers runs."""

    orders: Orders
    sandbox: Sandbox | None
    methods: Methods
    queue: Queue
    workplace: Workplace
    environment: str


@dataclass(frozen=True)
class Rules:
    """How much is done at once, and for whom: parallel jobs, open jobs of one buyer, tries of one job, seconds answers are kept."""

    slots: int = 2
    waiting: int = 100
    attempts: int = 3
    keep_seconds: float = 30 * 86_400.0


class _Waits(Refused):
    """Not now, though soon: nobody needs to hear of it."""


class Provider:
    """Runs the orders of `means.orders` over `holdings` (by dataset). Every method may be repeated, and killed at any point.

    A program that goes wrong is an answer, the same for all faults: the provider has worked. What goes wrong on this side is tried
    again, and the order refunded in the end. The first thing a started node does is the sandbox's self-test: see `start`.
    """

    name = "compute"

    def __init__(
        self,
        means: Means,
        holdings: Mapping[str, Holding],
        executor: Executor,
        clock: Callable[[], float],
        rules: Rules | None = None,
    ) -> None:
        self.means, self.holdings, self.clock = means, holdings, clock
        self.rules = rules or Rules()
        self._executor = executor
        self.find: Callable[[str], Holding | None] = lambda _: None  # what was published since it started
        self.declined: dict[int, str] = {}
        # Orders whose acceptance may have been sent, and is not known to have come.
        self._sent: set[int] = set()

    def start(self) -> None:
        """Take up what a killed node has left.

        Raises SandboxError if jobs cannot be kept apart here, or not as hard as a policy demands, where code of buyers may come.
        """
        if any(not holding.policy.has_noise for holding in self.holdings.values()):
            if self.means.sandbox is None:
                raise SandboxError("sandbox: none: only statistics and trusted-train are served without one")
            self.means.sandbox.check()
            for holding in self.holdings.values():
                holding.policy.admit_sandbox(self.means.sandbox.name)
        self.means.workplace.sweep()
        self.means.queue.recover()
        self._sent |= {one.order.number for one in self.means.queue.in_state("offered")}

    def tick(self) -> int:
        """Do what is due now and return how many steps that were."""
        done = self._deliver() + self._refund() + self._take_on() + self._accept() + self._begin()
        self._let_go()
        self.means.queue.prune(self.clock() - self.rules.keep_seconds)
        return done

    def health(self) -> dict[str, Any]:
        """Return the jobs by state, the disk that is used, what was declined last and why jobs wait."""
        queue = self.means.queue
        return {
            "name": self.name,
            "jobs": queue.counts(),
            "slots": self.rules.slots,
            "disk": {"used": self.means.workplace.used(), "quota": self.means.workplace.quota_bytes},
            "declined": {str(number): reason for number, reason in list(self.declined.items())[-20:]},
            "failing": {
                str(one.order.number): one.reason
                for state in ("queued", "failed")
                for one in queue.in_state(state)
                if one.reason
            },
        }

    def _take_on(self) -> int:
        """Note what can be taken on. What cannot is looked at again at the next tick, until its buyer takes it back."""
        done = 0
        new = [one for one in self.means.orders.placed() if not self.means.queue.knows(one.number)]
        for order in self._in_turn(new):
            try:
                self._admit(order)
                self._check_room(order)
                if order.algorithm in self.holdings[order.dataset].policy.methods:
                    self.means.methods.reserve(order)
            except _Waits as error:
                self._decline(order.number, error)
                continue
            except SheafError as error:
                self._decline(order.number, error)
                self.means.orders.decline(order.number, shorten(error, 200))
                continue
            self.declined.pop(order.number, None)
            done += self.means.queue.offer(order)
        return done

    def _in_turn(self, orders: list[Order]) -> list[Order]:
        """Return `orders` in turns of their buyers, so that nobody takes all places, stake or budget.

        First is whose buyer has the fewest other open jobs, then whose was served least, then the oldest; who is new counts as the least
        served of the others.
        """
        queue, buyers = self.means.queue, {order.buyer for order in orders}
        own = Counter(order.buyer for order in orders if queue.knows(order.number))
        open_ = {buyer: queue.waiting(buyer) - own[buyer] for buyer in buyers}
        known = {buyer: seconds for buyer in buyers if (seconds := queue.served(buyer)) is not None}
        least = min(known.values(), default=0.0)
        ranked = []
        for order in sorted(orders, key=lambda one: one.number):
            ranked.append((open_[order.buyer], known.get(order.buyer, least), order.number, order))
            open_[order.buyer] += 1
        return [order for *_, order in sorted(ranked, key=lambda row: row[:3])]

    def _decline(self, number: int, error: Exception) -> None:
        if number not in self.declined and len(self.declined) >= KEPT_DECLINED:
            self.declined.pop(next(iter(self.declined)))
        self.declined[number] = shorten(error, 200)

    def _let_go(self) -> None:
        """Give back the budget that is set aside for orders that are not ours to answer: it was set aside before they were noted."""
        open_ = self.means.queue.open_numbers()
        for number in self.means.methods.reserved():
            if number not in open_:
                self.means.methods.release(number)

    def _admit(self, order: Order) -> None:
        """Raise Refused or InputError where an order is not to be taken on; its buyer can take it back."""
        holding = self.holdings.get(order.dataset) or self.find(order.dataset)
        if holding is None:
            raise InputError("dataset", order.dataset, "order one that this provider holds")
        self._check_still(order, holding)
        if order.is_download:
            return
        if holding.policy.has_noise == order.is_code:
            raise Refused(
                f"policy: {holding.policy.release} takes {'a method' if order.is_code else 'a program'}"
            )
        if self.means.queue.answers(order.buyer, order.dataset) >= holding.policy.answers:
            raise Refused(f"policy: a buyer gets {holding.policy.answers} answers over this dataset")
        if self.means.queue.waiting(order.buyer) >= self.rules.waiting:
            raise _Waits(
                f"compute: {self.rules.waiting} jobs of this buyer wait: it waits until they are fewer"
            )
        if order.until < self.clock() + holding.policy.limits.wall_seconds:
            raise Refused(
                f"compute: too little time: the policy gives a job {holding.policy.limits.wall_seconds} seconds"
            )

    def _check_room(self, order: Order) -> None:
        """Raise if jobs that were taken on could keep this one from its end in time: it begins once their time over all slots is over."""
        ahead, slots = self.means.queue.ahead(), max(1, self.rules.slots)
        if sum(ahead.values()) < slots:
            return
        held = {
            name: self.holdings[name].policy.limits.wall_seconds for name in ahead if name in self.holdings
        }
        wait = sum(count * held.get(name, 0) for name, count in ahead.items()) / slots
        needed = wait + self.holdings[order.dataset].policy.limits.wall_seconds
        if order.until < self.clock() + needed:
            raise _Waits(
                f"compute: {sum(ahead.values())} jobs are before it: it waits until it can end in time"
            )

    def _accept(self) -> int:
        offered = self._in_turn([one.order for one in self.means.queue.in_state("offered")])
        for order in offered:
            number = order.number
            is_ours = number in self._sent
            try:
                if self.means.orders.state(number) == "placed":
                    self._sent.add(number)
                    self.means.orders.accept(number)
                    is_ours = True
            except Refused as error:
                log.info("order not accepted", order=number, reason=str(error))
                self._decline(number, error)
            state = self.means.orders.state(number)
            if state == "placed" and is_ours:  # the endpoint lags behind: it is looked at again
                continue
            self._accepted(number, state, is_ours)
            self._sent.discard(number)
        return len(offered)

    def _accepted(self, number: int, state: str, is_ours: bool) -> None:
        """Put an order where it belongs that is in `state` after it was to be accepted."""
        queue = self.means.queue
        if state == "placed":  # there is no stake left to lock: it is taken on when there is
            queue.forget(number)
        elif state == "accepted" and is_ours:
            queue.move(number, "queued")
        else:
            if state == "accepted":  # two would answer it, each with noise of its own
                log.error("another node of this account took an order on: stop one of them", order=number)
            queue.move(number, "closed", now=self.clock())

    def _begin(self) -> int:
        done = 0
        while self.means.queue.counts().get("running", 0) < self.rules.slots:
            entry = self.means.queue.take(self.clock())
            if entry is None:
                break
            number = entry.order.number
            if entry.attempts > self.rules.attempts:
                self.means.queue.move(number, "failed", entry.reason or "tried too often")
            elif not self._start(entry):
                break
            done += 1
        return done

    def _start(self, entry: Entry) -> bool:
        """Hand a job to a thread; False if there is no room for it now."""
        number = entry.order.number
        # Where it was refunded while it waited nothing is spent on it.
        if self.means.orders.state(number) != "accepted":
            self.means.queue.move(number, "closed", "its time was over", self.clock())
            return True
        try:
            holding = self.holdings[entry.order.dataset]
            self._check_still(entry.order, holding)
            table = holding.read()
            if not entry.order.is_download:
                table = project(table, holding.policy)
            if entry.order.is_code:
                self.means.workplace.prepare(number, entry.order.program, table)
        except Full as error:
            self.means.queue.put_back(number, False, str(error))
            return False
        except Refused as error:
            self.means.queue.move(number, "failed", shorten(error, 200))
            return True
        except Exception as error:
            self._failed(number, error)
            return True
        self._executor.submit(self._work, entry, holding.policy, table)
        return True

    def _check_still(self, order: Order, holding: Holding) -> None:
        """Raise Refused if the policy allows the job no more, or if its answer could not leave in time."""
        if order.is_download:
            holding.policy.admit_download(int(self.clock()))
            return
        holding.policy.admit(order.algorithm, order.purpose, holding.rows, int(self.clock()))
        if order.until < self.clock() + holding.policy.limits.wall_seconds:
            raise Refused("compute: too late: an answer would not leave in time")

    def _work(self, entry: Entry, policy: Policy, table: pa.Table) -> None:
        """Run one job and keep what it gave."""
        order, began = entry.order, self.clock()
        try:
            output, spent = self._answer(order, policy, table)
            receipt = Receipt(
                order=order.number,
                dataset=order.dataset,
                algorithm=order.algorithm,
                environment=self.means.environment,
                policy=policy.digest,
                purpose=order.purpose,
                spent_nanonats=spent,
                output=hashlib.sha256(output).hexdigest(),
            )
            # Records that are sold whole tell nothing by when they come.
            release_at = (
                began if order.is_download else released_at(entry.started_at or began, self.clock(), policy)
            )
            self.means.queue.keep(order.number, output, receipt.to_json(), release_at)
        except Exception as error:  # this side's fault, whatever it is: the job is tried again
            self._failed(order.number, error)
        self.means.queue.charge(order.number, max(LEAST_SECONDS, self.clock() - began))
        self.means.workplace.clean(order.number)

    def _answer(self, order: Order, policy: Policy, table: pa.Table) -> tuple[bytes, int]:
        """Return what an order comes to, and what it spent of the budget."""
        if order.is_download:
            return parquet_bytes(table), 0
        return self._code(order, policy) if order.is_code else self._method(order, policy, table)

    def _code(self, order: Order, policy: Policy) -> tuple[bytes, int]:
        """Run a buyer's program in the sandbox. All it can do wrong comes out as one and the same answer."""
        if self.means.sandbox is None:
            raise SandboxError("sandbox: none: no code of buyers runs here")
        folder = str(self.means.workplace.root / str(order.number))
        outcome = self.means.sandbox.run(Job(folder, PROGRAM, order.parameters, policy.limits))
        if outcome.ending is not Ending.FINISHED:
            log.info("job ended", order=order.number, ending=str(outcome.ending))
            return FAILED_OUTPUT, 0
        try:
            return policy.released(outcome.output), 0
        except Refused as error:
            log.info("output kept back", order=order.number, reason=str(error))
            return FAILED_OUTPUT, 0

    def _method(self, order: Order, policy: Policy, table: pa.Table) -> tuple[bytes, int]:
        """Answer by a method of ours. A question that cannot be answered, or for which no budget is left, is an answer as well."""
        try:
            output, spent = self.means.methods.run(order, table, policy)
        except (Refused, InputError) as error:
            log.info("question refused", order=order.number, reason=str(error))
            return FAILED_OUTPUT, 0
        if len(output) > policy.limits.output_bytes:
            return FAILED_OUTPUT, spent
        return output, spent

    def _failed(self, number: int, error: Exception) -> None:
        reason = f"{type(error).__name__}: {shorten(error, 200)}"
        log.warning("job failed on this side", order=number, reason=reason)
        self.means.queue.put_back(number, True, reason)

    def _deliver(self) -> int:
        due = [one for one in self.means.queue.in_state("computed") if (one.release_at or 0) <= self.clock()]
        for one in due:
            number = one.order.number
            assert one.output is not None and one.receipt is not None
            if self.means.orders.state(number) == "accepted":
                if one.order.until <= self.clock():  # nobody gets an answer and the money as well
                    self.means.queue.move(number, "failed", "compute: too late")
                    continue
                try:
                    self.means.orders.hand_over(number, one.output, Receipt(**json.loads(one.receipt)))
                except StoreError as error:  # this letter does not go now: others do
                    log.warning("answer not handed over", order=number, reason=shorten(error, 200))
                    continue
                try:
                    self.means.orders.deliver(number, hashlib.sha256(one.output).digest())
                except Refused as error:  # it was too late: the buyer is refunded
                    self.means.queue.move(number, "failed", shorten(error, 200))
                    continue
            is_ours = self.means.orders.state(number) == "delivered"
            self.means.queue.move(number, "delivered" if is_ours else "closed", now=self.clock())
        return len(due)

    def _refund(self) -> int:
        failed = self.means.queue.in_state("failed")
        for one in failed:
            number = one.order.number
            if self.means.orders.state(number) == "accepted":
                self.means.orders.refund(number)
            is_refunded = self.means.orders.state(number) == "refunded"
            self.means.queue.move(number, "refunded" if is_refunded else "closed", one.reason, self.clock())
        return len(failed)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return the records as one file. Raises InputError where they are more than an answer holds."""
    import io

    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    if file.tell() > MAX_DOWNLOAD_BYTES:
        raise InputError("records", f"{file.tell()} bytes", f"hand over at most {MAX_DOWNLOAD_BYTES} at once")
    return file.getvalue()


def released_at(started_at: float, now: float, policy: Policy) -> float:
    """Return when an answer that is ready `now` leaves: at the next of `release_times` even moments of its time, by default the last.

    So when it comes tells no more than log2(release_times) bits. A job that was started anew after a crash may need another round.
    """
    pause = policy.limits.wall_seconds / policy.release_times
    return started_at + max(1, math.ceil((now - started_at) / pause)) * pause
