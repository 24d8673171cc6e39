"""A provider's world in memory, in which anything can be cut at any point."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pyarrow as pa

from sheaf.domain.errors import Refused
from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.domain.order import Order
from sheaf.domain.policy import FieldRule, OutputField, Policy, Release, Showing
from sheaf.nodes.compute.memory_orders import MemoryOrders
from sheaf.nodes.compute.provider import Holding, Means, Provider, Rules
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.compute.workplace import Workplace

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

    def run(self, job: Job) -> Outcome:
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
    """Counts records; keeps what was spent and answered by order, as the ledger does."""

    def __init__(self, budget: int = 10**6) -> None:
        self.budget, self.spent, self.answers = budget, dict[int, int](), dict[int, bytes]()

    def run(self, order: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Spend once, answer once."""
        if order.number not in self.spent:
            if sum(self.spent.values()) + COST > self.budget:
                raise Refused("ledger: nothing left")
            self.spent[order.number] = COST
        noise = len(self.answers)
        answer = self.answers.setdefault(order.number, b'{"count":%d}' % (table.num_rows + noise))
        return answer, COST


class World:
    """What survives a crash: orders, budget, disk; and a provider that does not."""

    def __init__(
        self, folder: Path, rules: Rules | None = None, executor: Executor | None = None, quota: int = 1 << 20
    ) -> None:
        self.folder, self.rules, self.quota = folder, rules, quota
        self.executor = executor or Inline()
        self.now = 1000.0
        self.orders, self.methods, self.sandbox = MemoryOrders(), MemoryMethods(), FakeSandbox()
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
