"""A provider's world in memory, in which anything can be cut at any point."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pyarrow as pa

from sheaf.actions.compute.methods import BudgetedMethods, job_of
from sheaf.domain.errors import Refused
from sheaf.domain.job import Ending, Limits, Outcome
from sheaf.domain.job import Job as Run
from sheaf.domain.order import Order
from sheaf.domain.policy import FieldRule, OutputField, Policy, Release, Showing
from sheaf.nodes.compute.memory_orders import MemoryOrders
from sheaf.nodes.compute.provider import Holding, Means, Provider, Rules
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.compute.workplace import Workplace
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job, Ledger

TABLE = pa.table({"x": list(range(20)), "name": [f"person {i}" for i in range(20)]})
FIELDS = {"x": FieldRule(Showing.DISCLOSED)}
GOOD, BAD, WIDE, BROKEN = (f"# {name}".encode() for name in ("good", "bad", "wide", "broken"))
HASHES = {program: hashlib.sha256(program).hexdigest() for program in (GOOD, BAD, WIDE, BROKEN)}
APPROVED = Policy(
    Release.APPROVED_CODE,
    True,
    FIELDS,
    ("research",),
    minimum_rows=10,
    algorithms=tuple(HASHES.values()),
    output=(OutputField("sum", "number", 0.0, 1000.0, 10.0),),
    answers=50,
    limits=Limits(wall_seconds=60),
)
COUNTS = Policy(
    Release.STATISTICS,
    True,
    FIELDS,
    ("research",),
    methods=("count",),
    epsilon=1.0,
    answers=50,
    limits=Limits(wall_seconds=60),
)
COST = 7
BUDGET = Budget(1.0, 1e-6)
TENTH = Loss(BUDGET.nanonats / 1e9 / BUDGET.order / 10 * (1 - 1e-6))


class Killed(BaseException):
    """The process is gone."""


class Fuse:
    """Burns by one at each end of a call; at nought everything stops."""

    def __init__(self, length: int = -1) -> None:
        self.left, self.burnt = length, 0

    def burn(self) -> None:
        self.burnt += 1
        self.left -= 1
        if self.left == 0:
            raise Killed


class Fragile:
    """Lets calls through to `inner`, and may stop before or after any of them."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._fuse.burn()
            result = found(*given, **named)
            self._fuse.burn()
            return result

        return call


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*given, **named))
        return done


class Later(Executor):
    """Keeps what is submitted until it is told to run it."""

    def __init__(self) -> None:
        self.works: list[Callable[[], Any]] = []

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        self.works.append(lambda: work(*given, **named))
        return Future()

    def run(self) -> None:
        works, self.works = self.works, []
        for work in works:
            work()


class FakeSandbox:
    """Knows four programs and what each comes to."""

    name = "fake"

    def __init__(self) -> None:
        self.runs = 0

    def check(self) -> None:
        """Nothing is tried."""

    def run(self, job: Run) -> Outcome:
        """Answer by the program's name."""
        self.runs += 1
        program = Path(job.folder, job.program).read_bytes()
        if program == BROKEN:
            raise OSError("the disk is gone")
        if program == BAD:
            return Outcome(Ending.FAILED, b"", b"Traceback: person 7", 0.1)
        output = {"sum": 190} if program == GOOD else {"sum": 190, "names": ["person 7"]}
        return Outcome(Ending.FINISHED, json.dumps(output).encode(), b"", 0.1)


class MemoryMethods:
    """Counts records; keeps what was set aside, spent and answered by order, as the ledger does."""

    def __init__(self, budget: int = 10**6) -> None:
        self.budget, self.spent, self.answers = budget, dict[int, int](), dict[int, bytes]()
        self.aside: dict[int, int] = {}

    def reserve(self, order: Order) -> None:
        """Set aside once."""
        if order.number in self.spent or order.number in self.aside:
            return
        if sum(self.spent.values()) + sum(self.aside.values()) + COST > self.budget:
            raise Refused("ledger: nothing left")
        self.aside[order.number] = COST

    def reserved(self) -> list[int]:
        """What is set aside."""
        return list(self.aside)

    def release(self, number: int) -> None:
        """Give back."""
        self.aside.pop(number, None)

    def run(self, order: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Spend once, answer once."""
        if order.number not in self.spent:
            others = sum(cost for number, cost in self.aside.items() if number != order.number)
            if sum(self.spent.values()) + others + COST > self.budget:
                raise Refused("ledger: nothing left")
            self.aside.pop(order.number, None)
            self.spent[order.number] = COST
        noise = len(self.answers)
        answer = self.answers.setdefault(order.number, b'{"count":%d}' % (table.num_rows + noise))
        return answer, COST


class LedgerMethods:
    """The same upon a ledger on the disk, of which each answer takes a tenth."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path)
        self.ledger.open_accounts(["counts"], BUDGET)
        self.held = BudgetedMethods(self.ledger)
        self.release, self.reserved = self.held.release, self.held.reserved
        self.drawn = 0

    @property
    def spent(self) -> dict[int, int]:
        """What every order took."""
        return {int(one.job.split()[1]): COST for one in self.ledger.history("counts")}

    @property
    def answers(self) -> dict[int, bytes]:
        """What every order was answered."""
        with self.ledger._reading() as database:
            return {
                int(job.split()[1]): answer
                for job, answer in database.execute("SELECT job, answer FROM jobs")
            }

    @property
    def aside(self) -> list[int]:
        """What is set aside."""
        return self.reserved()

    def reserve(self, order: Order) -> None:
        """Set a tenth aside."""
        self.ledger.reserve(job_of(order.number), TENTH, ["counts"])

    def run(self, order: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Spend, answer with noise that never comes again, keep."""
        job = Job(job_of(order.number), order.digest, order.buyer)
        grant = self.ledger.spend(job, TENTH, ["counts"])
        self.drawn += 1
        answer = b'{"count":%d}' % (table.num_rows + self.drawn)
        return grant.answer or self.ledger.keep(job.id, answer), COST


class World:
    """What survives a crash: orders, budget, disk; and a provider that does not."""

    def __init__(
        self, folder: Path, rules: Rules | None = None, executor: Executor | None = None, quota: int = 1 << 20
    ) -> None:
        self.folder, self.rules, self.quota = folder, rules, quota
        self.executor = executor or Inline()
        self.now = 1000.0
        self.orders, self.sandbox = MemoryOrders(), FakeSandbox()
        self.methods: Any = MemoryMethods()
        self.holdings = {
            "codes": Holding(APPROVED, 20, lambda: TABLE),
            "counts": Holding(COUNTS, 20, lambda: TABLE),
        }
        self.provider = self.begin()

    def begin(self, fuse: Fuse | None = None) -> Provider:
        """Start a provider on what is there."""
        burning = fuse or Fuse()
        means = Means(
            *(Fragile(one, burning) for one in (self.orders, self.sandbox, self.methods)),
            queue=Fragile(Queue(self.folder / "queue.sqlite"), burning),  # type: ignore[arg-type]
            workplace=Fragile(Workplace(self.folder / "work", self.quota), burning),  # type: ignore[arg-type]
            environment="e" * 64,
        )
        self.provider = Provider(means, self.holdings, self.executor, lambda: self.now, self.rules)
        return self.provider

    def place(self, number: int, program: bytes = GOOD, buyer: str = "buyer", **changes: Any) -> None:
        """Order a program, or a count where there is none."""
        dataset, algorithm = ("codes", HASHES[program]) if program else ("counts", "count")
        order = {
            "dataset": dataset,
            "algorithm": algorithm,
            "purpose": "research",
            "until": 10_000,
            **changes,
        }
        self.orders.place(Order(number, buyer, program=program, **order))

    def settle(self, ticks: int = 12) -> None:
        """Let time pass until nothing is left to do."""
        for _ in range(ticks):
            self.provider.tick()
            self.now += 61
            if self.orders.states and set(self.orders.states.values()) <= {"delivered", "refunded"}:
                break
        self.provider.tick()
