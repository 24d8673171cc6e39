"""A provider in a process of its own, to be killed: orders, ledger and queue lie on the disk, jobs run in the true sandbox."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from sheaf.actions.compute.methods import BudgetedMethods, job_of
from sheaf.domain.errors import Refused
from sheaf.domain.job import Limits
from sheaf.domain.order import Order, Receipt
from sheaf.domain.policy import FieldRule, OutputField, Policy, Release, Showing
from sheaf.nodes.compute.provider import Holding, Means, Provider, Rules
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.compute.workplace import Workplace
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job as Paid
from sheaf.privacy.ledger import Ledger
from sheaf.sandbox.bubblewrap import Bubblewrap

PROGRAM = b"def compute(folder, parameters):\n    return {'double': 2 * parameters['x']}"
HASH = hashlib.sha256(PROGRAM).hexdigest()
LIMITS = Limits(memory_bytes=1 << 30, wall_seconds=1, cpu_seconds=5)
BUDGET = Budget(1.0, 1e-6)
PRICE = Loss(BUDGET.nanonats / 1e9 / BUDGET.order / 1e5)
COST = PRICE.nanonats(BUDGET.order)
TABLE = pa.table({"x": list(range(20))})
FIELDS = {"x": FieldRule(Showing.DISCLOSED)}
OUTPUT = (OutputField("double", "number", 0.0, 1e6, 1.0),)
APPROVED = Policy(
    Release.APPROVED_CODE,
    True,
    FIELDS,
    ("research",),
    algorithms=(HASH,),
    output=OUTPUT,
    answers=10**6,
    limits=LIMITS,
)
COUNTS = Policy(
    Release.STATISTICS,
    True,
    FIELDS,
    ("research",),
    methods=("count",),
    epsilon=1.0,
    answers=10**6,
    limits=LIMITS,
)
TABLES = """
CREATE TABLE IF NOT EXISTS book (number INTEGER PRIMARY KEY, state TEXT, paid INTEGER, refunded INTEGER, output BLOB);
"""


class DiskBook:
    """Orders in one file; what is forbidden is refused, what is done twice is counted."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._database.executescript(TABLES)

    def place(self, count: int) -> None:
        """Fill the book with `count` orders."""
        self._database.executemany(
            "INSERT OR IGNORE INTO book VALUES (?, 'placed', 0, 0, NULL)", [(n,) for n in range(1, count + 1)]
        )

    def rows(self, table: str) -> list[Any]:
        """Return all of a table."""
        return self._database.execute(f"SELECT * FROM {table} ORDER BY number").fetchall()

    def placed(self) -> list[Order]:
        """Return what waits: programs under odd numbers, questions under even ones, of three buyers."""
        numbers = [
            row[0]
            for row in self._database.execute(
                "SELECT number FROM book WHERE state = 'placed' ORDER BY number"
            )
        ]
        return [order(number) for number in numbers]

    def state(self, number: int) -> str:
        """Return an order's state."""
        return str(self._database.execute("SELECT state FROM book WHERE number = ?", (number,)).fetchone()[0])

    def accept(self, number: int) -> None:
        """Take on."""
        self._step(number, "placed", "accepted", "paid = paid")

    def hand_over(self, number: int, output: bytes, receipt: Receipt) -> None:
        """Give the answer."""
        assert receipt.output == hashlib.sha256(output).hexdigest()
        self._database.execute("UPDATE book SET output = ? WHERE number = ?", (output, number))

    def deliver(self, number: int, result: bytes) -> None:
        """Be paid."""
        self._step(number, "accepted", "delivered", "paid = paid + 1")

    def refund(self, number: int) -> None:
        """Give back."""
        self._step(number, "accepted", "refunded", "refunded = refunded + 1")

    def decline(self, number: int, reason: str) -> None:
        """Nobody needs to be told here."""

    def _step(self, number: int, before: str, after: str, change: str) -> None:
        done = self._database.execute(
            f"UPDATE book SET state = ?, {change} WHERE number = ? AND state = ?", (after, number, before)
        )
        if done.rowcount != 1:
            raise Refused(f"book: order {number} is {self.state(number)}")


class TrueMethods:
    """Counts with noise that never comes again, paid from a ledger."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path)
        self.ledger.open_accounts(["counts"], BUDGET)
        budgeted = BudgetedMethods(self.ledger)
        self.reserved, self.release = budgeted.reserved, budgeted.release

    def reserve(self, asked: Order) -> None:
        """Set the price aside."""
        self.ledger.reserve(job_of(asked.number), PRICE, ["counts"])

    def run(self, asked: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Spend once for an order, and answer once."""
        name = job_of(asked.number)
        grant = self.ledger.spend(Paid(name, asked.digest, asked.buyer), PRICE, ["counts"])
        noisy = b'{"count":%d}' % (table.num_rows + time.monotonic_ns() % 1000)
        return grant.answer or self.ledger.keep(name, noisy), COST


def order(number: int) -> Order:
    """Return the order of a number."""
    buyer, until = f"buyer {number % 3}", 1 << 40
    if number % 2:
        return Order(number, buyer, "codes", HASH, "research", until, PROGRAM, json.dumps({"x": number}))
    return Order(number, buyer, "counts", "count", "research", until)


def play(folder: Path) -> None:
    """Run a provider until all orders are at their end, saying when it has begun."""
    book = DiskBook(folder / "book")
    methods = TrueMethods(folder / "budgets")
    means = Means(
        book, Bubblewrap(), methods, Queue(folder / "queue"), Workplace(folder / "work", 1 << 26), "e" * 64
    )
    holdings = {"codes": Holding(APPROVED, 20, lambda: TABLE), "counts": Holding(COUNTS, 20, lambda: TABLE)}
    pause = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        provider = Provider(means, holdings, pool, time.time, Rules(slots=4, waiting=10**6, attempts=10**6))
        provider.start()
        print("begun", flush=True)
        while any(row[1] in ("placed", "accepted") for row in book.rows("book")):
            if not provider.tick():
                pause.wait(0.02)


if __name__ == "__main__":
    play(Path(sys.argv[1]))
