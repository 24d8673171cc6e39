"""The ledger of privacy budgets: durable, in whole numbers, spent before anything is computed, never given back.

An *account* is what a budget is for: a dataset, or one contributor whatever buyer asks. A *job* is one release; its id makes it
idempotent: a job that was paid for is not paid for twice, and a job that was answered is answered with the same bytes for ever.
So a crash at any point costs at most the budget of the job that was under way, and a second run of it costs nothing. What a job will
take can be set aside for it before, as durably: nobody else spends it, and it is spent by that job or released.

The file is SQLite in write-ahead mode, synced at every commit; any number of processes may share it. Every job is
chained to the one before by a hash: who keeps a `Head` elsewhere notices when an old copy of the file is put back.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sheaf.domain.errors import InputError, IntegrityError, Refused, StoreError
from sheaf.privacy.accountant import Budget, Loss

MOST_NAME = 256
MOST_ANSWER_BYTES = 1 << 26
WAIT_SECONDS = 60

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, epsilon REAL NOT NULL, delta REAL NOT NULL, renyi_order REAL NOT NULL,
    budget_nanonats INTEGER NOT NULL CHECK (budget_nanonats >= 0),
    spent_nanonats INTEGER NOT NULL DEFAULT 0 CHECK (spent_nanonats BETWEEN 0 AND budget_nanonats),
    percent INTEGER NOT NULL DEFAULT 100
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE, buyer TEXT NOT NULL, fingerprint BLOB NOT NULL,
    loss TEXT NOT NULL, chain BLOB NOT NULL, answer BLOB
);
CREATE TABLE IF NOT EXISTS charges (
    account TEXT NOT NULL REFERENCES accounts (name), number INTEGER NOT NULL REFERENCES jobs (number),
    nanonats INTEGER NOT NULL CHECK (nanonats >= 0), is_optional INTEGER NOT NULL,
    PRIMARY KEY (account, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charges_of_job ON charges (number);
CREATE TABLE IF NOT EXISTS reserves (
    account TEXT NOT NULL REFERENCES accounts (name), job TEXT NOT NULL, nanonats INTEGER NOT NULL CHECK (nanonats >= 0),
    PRIMARY KEY (account, job)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reserves_of_job ON reserves (job);
"""
_LEFT = """
SELECT renyi_order, budget_nanonats - spent_nanonats, (SELECT coalesce(sum(nanonats), 0) FROM reserves WHERE account = name AND job != ?)
FROM accounts WHERE name = ?
"""


@dataclass(frozen=True)
class Job:
    """One release: its id, who asked, and the digest of all that decides what is asked.

    The same id with another digest is refused: nobody gets two answers for one price.
    """

    id: str
    fingerprint: bytes
    buyer: str = ""


@dataclass(frozen=True)
class Grant:
    """A job that is paid for. `answer` is there if it was answered before; `people` may be counted in, others were left out."""

    job: str
    number: int
    is_new: bool
    people: tuple[str, ...]
    answer: bytes | None


@dataclass(frozen=True)
class Balance:
    """What an account has, has spent and has set aside, in nanonats and as ε at its δ.

    `budget` is that of the whole, of which `budget_nanonats` are this account's part.
    """

    account: str
    budget: Budget
    budget_nanonats: int
    spent_nanonats: int
    jobs: int
    reserved_nanonats: int = 0

    @property
    def left_nanonats(self) -> int:
        """What may still be spent by who has nothing set aside; nothing once the account is closed."""
        return max(0, self.budget_nanonats - self.spent_nanonats - self.reserved_nanonats)

    @property
    def spent_epsilon(self) -> float:
        """The ε that everything answered so far adds up to, at the budget's δ."""
        return self.budget.spent_epsilon(self.spent_nanonats)


@dataclass(frozen=True)
class Entry:
    """One job as an account sees it."""

    number: int
    job: str
    buyer: str
    nanonats: int
    loss: Loss
    is_answered: bool


@dataclass(frozen=True)
class Head:
    """How many jobs a ledger has, and the hash over all of them."""

    number: int
    chain: bytes


class Ledger:
    """The ledger in the file at `path`, made where there is none; its folder must exist. Raises StoreError if it is no ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        if not path.parent.is_dir():
            raise InputError("ledger", path, "give a file in a folder that exists")
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._writing() as database:
            for statement in _TABLES.split(";")[:-1]:
                database.execute(statement)
            if "percent" not in [row[1] for row in database.execute("PRAGMA table_info(accounts)")]:
                database.execute("ALTER TABLE accounts ADD COLUMN percent INTEGER NOT NULL DEFAULT 100")

    def open_accounts(self, names: Iterable[str], budget: Budget, percent: int = 100) -> int:
        """Open an account with `percent` of `budget` for each name that has none; return how many were opened.

        Ledgers that share a budget count at its one order, so parts of 100 percent together are at most the whole. Raises Refused,
        opening none, if one of them is open with another budget or part: a promise is not changed in passing.
        """
        if not 1 <= percent <= 100:
            raise InputError("percent", percent, "give a whole number from 1 to 100")
        rows = [(_name("account", name), budget.epsilon, budget.delta, percent) for name in names]
        with self._writing() as database:
            for name, *promised in rows:
                found = database.execute(
                    "SELECT epsilon, delta, percent FROM accounts WHERE name = ?", (name,)
                ).fetchone()
                if found and list(found) != promised:
                    part = "" if found[2] == 100 else f"{found[2]} % of "
                    raise Refused(
                        f"ledger: account {name} has {part}ε = {found[0]:g}, δ = {found[1]:g}: a promise stays; open another account"
                    )
            before = database.total_changes
            database.executemany(
                "INSERT OR IGNORE INTO accounts (name, epsilon, delta, percent, renyi_order, budget_nanonats) VALUES (?, ?, ?, ?, ?, ?)",
                ((*row, budget.order, budget.nanonats * percent // 100) for row in rows),
            )
            return database.total_changes - before

    def is_open(self, name: str) -> bool:
        """Tell whether account `name` was ever opened here."""
        with self._reading() as database:
            return database.execute("SELECT 1 FROM accounts WHERE name = ?", (name,)).fetchone() is not None

    def close_account(self, name: str) -> None:
        """Let nothing more be spent from account `name`: its budget becomes what it has spent. Raises Refused if it is not open."""
        with self._writing() as database:
            _account(database, name)
            database.execute("UPDATE accounts SET budget_nanonats = spent_nanonats WHERE name = ?", (name,))

    def reserve(self, job: str, loss: Loss, accounts: Sequence[str]) -> None:
        """Set aside in every one of `accounts` what `job` will take, in place of what was set aside for it before; all at once, or nothing.

        For a job that was paid for there is nothing to set aside. Raises Refused if an account lacks the budget.
        """
        with self._writing() as database:
            if database.execute("SELECT 1 FROM jobs WHERE job = ?", (_name("job", job),)).fetchone():
                return
            rows = []
            for name in dict.fromkeys(accounts):
                cost, left, aside = _left(database, job, name, loss)
                if cost > left - aside:
                    raise _lacking(name, cost, left, aside)
                rows.append((name, job, cost))
            database.execute("DELETE FROM reserves WHERE job = ?", (job,))
            database.executemany("INSERT INTO reserves VALUES (?, ?, ?)", rows)

    def release(self, job: str) -> None:
        """Give back what is set aside for `job`; none is no error."""
        with self._writing() as database:
            database.execute("DELETE FROM reserves WHERE job = ?", (job,))

    def reserved(self) -> list[str]:
        """Return the jobs for which something is set aside."""
        with self._reading() as database:
            return [job for (job,) in database.execute("SELECT DISTINCT job FROM reserves ORDER BY job")]

    def knows(self, job: str) -> bool:
        """Tell whether `job` was paid for, or has its part set aside."""
        with self._reading() as database:
            found = database.execute(
                "SELECT 1 FROM jobs WHERE job = ? UNION ALL SELECT 1 FROM reserves WHERE job = ?", (job, job)
            )
            return found.fetchone() is not None

    def spend(self, job: Job, loss: Loss, accounts: Sequence[str], people: Sequence[str] = ()) -> Grant:
        """Take `loss` from every one of `accounts`, and from those of `people` who have that much left; all at once, or nothing.

        A person who has not is left out of the answer, and the others are counted. What was set aside for the job is freed by this. A job
        that was paid for before is not charged again, whatever else is given. Raises Refused if an account lacks the budget, InputError
        if the id stands for something else.
        """
        identity = _name("job", job.id)
        if len(job.fingerprint) != 32:
            raise InputError("fingerprint", f"{len(job.fingerprint)} bytes", "give a digest of 32 bytes")
        if not accounts:
            raise InputError("accounts", "none", "name the dataset's account at least")
        with self._writing() as database:
            known = database.execute(
                "SELECT number, fingerprint, answer FROM jobs WHERE job = ?", (identity,)
            ).fetchone()
            if known is None:
                return _charge(
                    database, job, loss, list(dict.fromkeys(accounts)), list(dict.fromkeys(people))
                )
            if known[1] != job.fingerprint:
                raise InputError(
                    "job", identity, "is taken by another question: give each question its own id"
                )
            return Grant(identity, known[0], False, _people(database, known[0]), known[2])

    def keep(self, job: str, answer: bytes) -> bytes:
        """Store the answer of a paid job before it is given out; return the one that counts: the first that was kept.

        Two runs of one job draw different noise, and whoever saw both would know more than was paid for. Raises Refused if the job was
        not paid for.
        """
        if len(answer) > MOST_ANSWER_BYTES:
            raise InputError("answer", f"{len(answer)} bytes", f"give at most {MOST_ANSWER_BYTES}")
        with self._writing() as database:
            database.execute("UPDATE jobs SET answer = ? WHERE job = ? AND answer IS NULL", (answer, job))
            found = database.execute("SELECT answer FROM jobs WHERE job = ?", (job,)).fetchone()
        if found is None:
            raise Refused(f"ledger: job {job} is not paid for: spend before you compute")
        return bytes(found[0])

    def balance(self, account: str) -> Balance:
        """Return what `account` has and has spent. Raises Refused if it is not open."""
        with self._reading() as database:
            epsilon, delta, budget, spent = _account(database, account)
            (count,) = database.execute(
                "SELECT count(*) FROM charges WHERE account = ?", (account,)
            ).fetchone()
            (aside,) = database.execute(
                "SELECT coalesce(sum(nanonats), 0) FROM reserves WHERE account = ?", (account,)
            ).fetchone()
        return Balance(account, Budget(epsilon, delta), budget, spent, count, aside)

    def history(self, account: str) -> list[Entry]:
        """Return the jobs that took from `account`, in their order."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT jobs.number, job, buyer, nanonats, loss, answer IS NOT NULL FROM charges"
                " JOIN jobs ON jobs.number = charges.number WHERE account = ? ORDER BY jobs.number",
                (account,),
            ).fetchall()
        return [
            Entry(n, job, buyer, cost, _read_loss(loss), bool(done))
            for n, job, buyer, cost, loss, done in rows
        ]

    def head(self) -> Head:
        """Return the number of jobs and the hash over all of them, to be kept where this file is not."""
        with self._reading() as database:
            return _head(database)

    def check(self, head: Head) -> None:
        """Recompute the chain, and raise IntegrityError if it is broken or does not contain `head`: an old copy was put back."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT number, job, buyer, fingerprint, loss, chain FROM jobs ORDER BY number"
            ).fetchall()
        chain, found = bytes(32), {0: bytes(32)}
        for place, (number, job, buyer, fingerprint, loss, kept) in enumerate(rows, 1):
            chain = _link(chain, job, buyer, fingerprint, loss)
            if number != place or chain != kept:
                raise IntegrityError(
                    f"ledger: job {number} was altered: restore the file from where its head is known"
                )
            found[number] = chain
        if found.get(head.number) != head.chain:
            raise IntegrityError(
                f"ledger: has {len(rows)} jobs and not the head of job {head.number}: an older copy was put back"
            )

    def close(self) -> None:
        """Let the file go; the ledger opens it again where it is used again."""
        if (kept := self._local.__dict__.pop("connection", None)) and kept[0] == os.getpid():
            kept[1].close()

    def _connect(self) -> sqlite3.Connection:
        """Return this thread's connection; one that came over a fork is left alone, as SQLite asks."""
        kept: tuple[int, sqlite3.Connection] | None = getattr(self._local, "connection", None)
        if kept is None or kept[0] != os.getpid():
            database = sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("PRAGMA foreign_keys = ON")
            self._local.connection = kept = (os.getpid(), database)
        return kept[1]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # IMMEDIATE: a budget that is read under a lock cannot be spent twice between reading and writing.
        with self._transaction("BEGIN IMMEDIATE") as database:
            yield database

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            database = self._connect()
            database.execute(begin)
            with database:  # commits, or rolls back whatever ends it
                yield database
        except sqlite3.Error as error:
            raise StoreError(
                f"ledger: {self._path}: {error}: free the disk or restore the file; nothing was spent"
            ) from None


def _charge(
    database: sqlite3.Connection, job: Job, loss: Loss, accounts: list[str], people: list[str]
) -> Grant:
    costs: dict[float, int] = {}
    charges: list[tuple[str, int, bool]] = []
    for name in (*accounts, *people):
        cost, left, aside = _left(database, job.id, name, loss, costs)
        is_optional = len(charges) >= len(accounts)
        if cost <= left - aside:
            charges.append((name, cost, is_optional))
        elif not is_optional:
            raise _lacking(name, cost, left, aside)
    if people and len(charges) == len(accounts):
        raise Refused("ledger: no contributor has budget left for this: ask with less budget, or not at all")
    before = _head(database)
    number, text = before.number + 1, _write_loss(loss)
    chain = _link(before.chain, job.id, job.buyer, job.fingerprint, text)
    database.execute(
        "INSERT INTO jobs (number, job, buyer, fingerprint, loss, chain) VALUES (?, ?, ?, ?, ?, ?)",
        (number, job.id, job.buyer, job.fingerprint, text, chain),
    )
    database.executemany(
        "UPDATE accounts SET spent_nanonats = spent_nanonats + ? WHERE name = ?",
        ((cost, name) for name, cost, _ in charges),
    )
    database.execute("DELETE FROM reserves WHERE job = ?", (job.id,))
    database.executemany(
        "INSERT INTO charges VALUES (?, ?, ?, ?)",
        ((name, number, cost, is_optional) for name, cost, is_optional in charges),
    )
    counted = tuple(sorted(name for name, _, is_optional in charges if is_optional))
    return Grant(job.id, number, True, counted, None)


def _left(
    database: sqlite3.Connection, job: str, name: str, loss: Loss, costs: dict[float, int] | None = None
) -> tuple[int, int, int]:
    """Return what `loss` costs account `name`, what is unspent in it, and how much of that is set aside for other jobs.

    `costs` keeps costs by order, where there are many accounts.
    """
    row = database.execute(_LEFT, (job, _name("account", name))).fetchone()
    if row is None:
        raise _not_open(name)
    order, left, aside = row
    known = {} if costs is None else costs
    if order not in known:
        known[order] = loss.nanonats(order)
    return known[order], left, aside


def _lacking(name: str, cost: int, left: int, aside: int) -> Refused:
    waiting = f", {aside:,} of them set aside for others" if aside else ""
    return Refused(
        f"ledger: account {name} has {left:,} nanonats left{waiting}, {cost:,} are asked: ask with less budget, or not at all"
    )


def _account(database: sqlite3.Connection, name: str) -> tuple[float, float, int, int]:
    row = database.execute(
        "SELECT epsilon, delta, budget_nanonats, spent_nanonats FROM accounts WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise _not_open(name)
    epsilon, delta, budget, spent = row
    return epsilon, delta, budget, spent


def _not_open(name: str) -> Refused:
    return Refused(f"ledger: account {name} is not open: open it with a budget first")


def _people(database: sqlite3.Connection, number: int) -> tuple[str, ...]:
    rows = database.execute(
        "SELECT account FROM charges WHERE number = ? AND is_optional ORDER BY account", (number,)
    )
    return tuple(name for (name,) in rows)


def _head(database: sqlite3.Connection) -> Head:
    row = database.execute("SELECT number, chain FROM jobs ORDER BY number DESC LIMIT 1").fetchone()
    return Head(*row) if row else Head(0, bytes(32))


def _link(chain: bytes, job: str, buyer: str, fingerprint: bytes, loss: str) -> bytes:
    parts = [job.encode(), buyer.encode(), fingerprint, loss.encode()]
    return hashlib.sha256(chain + b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def _name(field: str, name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise InputError(field, name, f"give 1 to {MOST_NAME} printable characters")
    return name


def _write_loss(loss: Loss) -> str:
    return msgspec.json.encode(loss).decode()


def _read_loss(text: str) -> Loss:
    return msgspec.json.decode(text, type=Loss)
