"""The provider's durable queue: what was taken on, how far it is, and whose turn it is.

    offered ─▶ queued ─▶ running ─▶ computed ─▶ delivered
                 ▲          │
                 └─ retry ──┴─▶ failed ─▶ refunded          (closed: the order ended without us)

Whoever has had least of the machine is next: fewest running jobs, then fewest seconds served, then the oldest order. A buyer who comes
anew starts where the least served of those who wait stands, so a new name buys no turn and an old one loses none (start-time fair
queuing, Goyal and others 1996). The file is SQLite in write-ahead mode, synced at every commit.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sheaf.domain.errors import InputError
from sheaf.domain.order import Order

WAIT_SECONDS = 30
OPEN_STATES = ("offered", "queued", "running", "computed", "failed")
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, buyer TEXT NOT NULL, dataset TEXT NOT NULL, document TEXT NOT NULL, program BLOB NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, started_at REAL, seconds REAL NOT NULL DEFAULT 0,
    release_at REAL, ended_at REAL, output BLOB, receipt BLOB, reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, buyer);
CREATE TABLE IF NOT EXISTS service (buyer TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
"""
_NEXT = """
SELECT number FROM jobs JOIN service USING (buyer) WHERE state = 'queued' ORDER BY
    (SELECT count(*) FROM jobs AS other WHERE other.buyer = jobs.buyer AND other.state = 'running'),
    service.seconds, number LIMIT 1
"""
_LEAST_SERVED = """
SELECT min(service.seconds) FROM service WHERE buyer IN (SELECT buyer FROM jobs WHERE state IN ('offered', 'queued', 'running'))
"""


@dataclass(frozen=True)
class Entry:
    """One job of the queue; times in Unix seconds, `output` and `receipt` once it is computed."""

    order: Order
    state: str
    attempts: int
    started_at: float | None
    release_at: float | None
    output: bytes | None
    receipt: bytes | None
    reason: str


class Queue:
    """The queue in the file at `path`; its folder must exist. Threads share it, each with a connection of its own."""

    synchronous = "FULL"  # what is committed outlives a power cut

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise InputError("queue", path, "give a file in a folder that exists")
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        with self._writing() as database:
            for statement in _TABLES.split(";")[:-1]:
                database.execute(statement)

    def offer(self, order: Order) -> bool:
        """Note an order before it is accepted; False if it was noted before."""
        kept = json.dumps(
            {name: getattr(order, name) for name in ("algorithm", "purpose", "until", "parameters")}
        )
        with self._writing() as database:
            least = database.execute(_LEAST_SERVED).fetchone()[0] or 0.0
            done = database.execute(
                "INSERT OR IGNORE INTO jobs (number, buyer, dataset, document, program, state) VALUES (?, ?, ?, ?, ?, 'offered')",
                (order.number, order.buyer, order.dataset, kept, order.program),
            )
            if not done.rowcount:
                return False
            waiting = database.execute(
                "SELECT count(*) FROM jobs WHERE buyer = ? AND number != ? AND state IN ('offered', 'queued', 'running')",
                (order.buyer, order.number),
            ).fetchone()[0]
            database.execute("INSERT OR IGNORE INTO service VALUES (?, ?)", (order.buyer, least))
            if not waiting:
                database.execute(
                    "UPDATE service SET seconds = max(seconds, ?) WHERE buyer = ?", (least, order.buyer)
                )
        return True

    def take(self, now: float) -> Entry | None:
        """Return the job whose turn it is, marked as running and tried once more; None if none waits."""
        with self._writing() as database:
            found = database.execute(_NEXT).fetchone()
            if found is None:
                return None
            database.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, ?) WHERE number = ?",
                (now, found[0]),
            )
        return self.entry(int(found[0]))

    def move(self, number: int, state: str, reason: str = "", now: float | None = None) -> None:
        """Put a job into `state`, for `reason`; `now` is the time of its end."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = ?, reason = ?, ended_at = coalesce(?, ended_at) WHERE number = ?",
                (state, reason, now, number),
            )

    def put_back(self, number: int, is_tried: bool, reason: str) -> None:
        """Let a running job wait for its next turn; `is_tried` is False where it could not even begin."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'queued', attempts = attempts - ?, reason = ? WHERE number = ? AND state = 'running'",
                (0 if is_tried else 1, reason, number),
            )

    def keep(self, number: int, output: bytes, receipt: bytes, release_at: float) -> None:
        """Store what a job gave, from which moment on it may leave; the first that was kept stays."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'computed', output = ?, receipt = ?, release_at = ?, reason = '' "
                "WHERE number = ? AND state = 'running'",
                (output, receipt, release_at, number),
            )

    def charge(self, number: int, seconds: float) -> None:
        """Count `seconds` of the machine to the job and its buyer."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET seconds = seconds + ? WHERE number = ?", (seconds, number))
            database.execute(
                "UPDATE service SET seconds = seconds + ? WHERE buyer = (SELECT buyer FROM jobs WHERE number = ?)",
                (seconds, number),
            )

    def recover(self) -> int:
        """Let what was running when the node was killed wait again; return how many there were."""
        with self._writing() as database:
            return database.execute(
                "UPDATE jobs SET state = 'queued', reason = 'the node was stopped' WHERE state = 'running'"
            ).rowcount

    def prune(self, before: float) -> int:
        """Forget programs and outputs of jobs that ended before a time; that they were stays. Return how many."""
        with self._writing() as database:
            return database.execute(
                "UPDATE jobs SET output = NULL, program = x'', document = '' WHERE ended_at < ? AND document != ''",
                (before,),
            ).rowcount

    def entry(self, number: int) -> Entry | None:
        """Return a job that was not pruned, or None."""
        found = self._rows("number = ? AND document != ''", (number,))
        return found[0] if found else None

    def in_state(self, state: str) -> list[Entry]:
        """Return the jobs in `state`, by number."""
        return self._rows("state = ?", (state,))

    def forget(self, number: int) -> None:
        """Drop an order that was noted and cannot be accepted now, as if it had never been seen."""
        with self._writing() as database:
            database.execute("DELETE FROM jobs WHERE number = ? AND state = 'offered'", (number,))

    def open_numbers(self) -> set[int]:
        """Return the orders that are not at their end."""
        marks = ", ".join("?" * len(OPEN_STATES))
        rows = self._connection().execute(f"SELECT number FROM jobs WHERE state IN ({marks})", OPEN_STATES)
        return {number for (number,) in rows}

    def ahead(self) -> dict[str, int]:
        """Return how many jobs have yet to end, by dataset."""
        return dict(
            self._connection().execute(
                "SELECT dataset, count(*) FROM jobs WHERE state IN ('offered', 'queued', 'running') GROUP BY dataset"
            )
        )

    def knows(self, number: int) -> bool:
        """Tell whether an order was ever noted."""
        return bool(self._connection().execute("SELECT 1 FROM jobs WHERE number = ?", (number,)).fetchone())

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        return dict(
            self._connection().execute("SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state")
        )

    def waiting(self, buyer: str) -> int:
        """Return how many jobs of `buyer` are not at their end."""
        marks = ", ".join("?" * len(OPEN_STATES))
        row = self._connection().execute(
            f"SELECT count(*) FROM jobs WHERE buyer = ? AND state IN ({marks})",
            (buyer, *OPEN_STATES),
        )
        return int(row.fetchone()[0])

    def served(self, buyer: str) -> float | None:
        """Return the seconds that count as served to `buyer` in the turns; None for who never came."""
        row = self._connection().execute("SELECT seconds FROM service WHERE buyer = ?", (buyer,)).fetchone()
        return None if row is None else float(row[0])

    def answers(self, buyer: str, dataset: str) -> int:
        """Return how many answers over a dataset `buyer` has had or will have."""
        row = self._connection().execute(
            "SELECT count(*) FROM jobs WHERE buyer = ? AND dataset = ? AND state NOT IN ('refunded', 'closed')",
            (buyer, dataset),
        )
        return int(row.fetchone()[0])

    def close(self) -> None:
        """Let the file go."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._local = threading.local()

    def _rows(self, condition: str, values: tuple[object, ...]) -> list[Entry]:
        rows = self._connection().execute(
            "SELECT number, buyer, dataset, document, program, state, attempts, started_at, release_at, output, receipt, reason "
            f"FROM jobs WHERE {condition} ORDER BY number",
            values,
        )
        return [
            Entry(Order(number, buyer, dataset, program=bytes(program), **json.loads(document)), *rest)
            for number, buyer, dataset, document, program, *rest in rows
        ]

    def _connection(self) -> sqlite3.Connection:
        kept: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if kept is None:
            kept = sqlite3.connect(
                self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            kept.execute("PRAGMA journal_mode = WAL")
            kept.execute(f"PRAGMA synchronous = {self.synchronous}")
            kept.execute("PRAGMA secure_delete = ON")
            self._local.connection = kept
            self._open.append(kept)
        return kept

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing, whatever ends it."""
        database = self._connection()
        database.execute("BEGIN IMMEDIATE")
        with database:
            yield database
