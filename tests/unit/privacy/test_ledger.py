from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError, IntegrityError, Refused, SheafError, StoreError
from sheaf.privacy.accountant import Budget, Loss, Rounds
from sheaf.privacy.ledger import Head, Job, Ledger

BUDGET = Budget(1.0, 1e-6)
TENTH = Loss(BUDGET.nanonats / 1e9 / BUDGET.order / 10 * (1 - 1e-6))
"""A tenth of the budget, but for the rounding up."""


def job(name: str, buyer: str = "buyer") -> Job:
    return Job(name, hashlib.sha256(name.encode()).digest(), buyer)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "budget.sqlite")
    opened.open_accounts(["dataset"], BUDGET)
    return opened


def test_a_budget_of_ten_grants_ten(ledger: Ledger) -> None:
    """Ten tenths fit in a budget, the eleventh is refused whoever asks, and nothing is taken by the refusal."""
    for number in range(10):
        assert ledger.spend(job(f"job {number}", f"buyer {number}"), TENTH, ["dataset"]).is_new
    before = ledger.balance("dataset")
    for buyer in ("buyer 0", "outsider"):
        with pytest.raises(
            Refused, match=r"dataset has [0-9,]+ nanonats left, [0-9,]+ are asked: ask with less"
        ):
            ledger.spend(job(f"one more by {buyer}", buyer), TENTH, ["dataset"])
    assert ledger.balance("dataset") == before
    assert before.jobs == 10 and 0 <= before.left_nanonats < 1000 and before.spent_epsilon <= 1.0


def test_the_last_unit_is_not_rounded(tmp_path: Path) -> None:
    """A loss of exactly what is left is granted; one unit more is refused."""
    ledger = Ledger(tmp_path / "budget.sqlite")
    ledger.open_accounts(["exact", "over"], BUDGET)
    rho = BUDGET.nanonats / 1e9 / BUDGET.order
    while Loss(rho).nanonats(BUDGET.order) > BUDGET.nanonats:
        rho -= 1e-13
    ledger.spend(job("fits"), Loss(rho), ["exact"])
    with pytest.raises(Refused, match="left"):
        ledger.spend(job("does not"), Loss(rho + 2e-9 / BUDGET.order), ["over"])
    assert ledger.balance("over").spent_nanonats == 0


def test_a_job_is_paid_for_once_and_answered_once(ledger: Ledger) -> None:
    """The same job spends once; the first answer that was kept is the one that everybody gets."""
    first = ledger.spend(job("one"), TENTH, ["dataset"])
    spent = ledger.balance("dataset").spent_nanonats
    again = ledger.spend(job("one"), TENTH, ["dataset"])
    assert (first.is_new, again.is_new, again.answer) == (True, False, None)
    assert ledger.keep("one", b"41.7") == b"41.7"
    assert ledger.keep("one", b"38.2") == b"41.7"
    assert ledger.spend(job("one"), TENTH, ["dataset"]).answer == b"41.7"
    assert ledger.balance("dataset").spent_nanonats == spent


def test_a_job_stands_for_one_question(ledger: Ledger) -> None:
    """The id of a paid job with another question is refused: it would be a second answer for one price."""
    ledger.spend(job("one"), TENTH, ["dataset"])
    with pytest.raises(InputError, match="job: one: is taken by another question"):
        ledger.spend(Job("one", bytes(32)), TENTH, ["dataset"])


def test_all_accounts_or_none(ledger: Ledger) -> None:
    """Where one of several accounts lacks the budget nothing is taken from the others."""
    ledger.open_accounts(["small"], Budget(0.01, 1e-6))
    with pytest.raises(Refused, match="small"):
        ledger.spend(job("one"), TENTH, ["dataset", "small"])
    with pytest.raises(Refused, match="account nobody is not open"):
        ledger.spend(job("two"), TENTH, ["dataset", "nobody"])
    assert ledger.balance("dataset").spent_nanonats == 0 and ledger.head().number == 0


def test_a_contributor_is_protected_across_datasets_and_buyers(tmp_path: Path) -> None:
    """A contributor whose budget is used up, by whatever buyers and datasets, is left out, and the others are counted on."""
    ledger = Ledger(tmp_path / "budget.sqlite")
    ledger.open_accounts(["north", "south"], BUDGET)
    ledger.open_accounts(["contributor 1", "contributor 2", "contributor 3"], Budget(0.5, 1e-6))
    loss = Loss(Budget(0.5, 1e-6).nanonats / 1e9 / Budget(0.5, 1e-6).order * 0.6)
    one = ledger.spend(job("a", "buyer 1"), loss, ["north"], ["contributor 2", "contributor 1"])
    two = ledger.spend(job("b", "buyer 2"), loss, ["south"], ["contributor 2", "contributor 3"])
    assert one.people == ("contributor 1", "contributor 2") and two.people == ("contributor 3",)
    assert ledger.spend(job("b", "buyer 2"), loss, ["south"], ["contributor 2"]).people == ("contributor 3",)
    with pytest.raises(Refused, match="no contributor has budget left"):
        ledger.spend(job("c"), loss, ["south"], ["contributor 1", "contributor 2"])
    assert [entry.buyer for entry in ledger.history("contributor 2")] == ["buyer 1"]


def _claim(path: Path, number: int, start: Barrier) -> None:
    start.wait()
    ledger, granted = Ledger(path), 0
    for attempt in range(5):
        try:
            granted += ledger.spend(job(f"{number} {attempt}", f"buyer {number}"), TENTH, ["dataset"]).is_new
        except Refused:
            continue
    os._exit(granted)


def test_eight_processes_get_exactly_the_budget(ledger: Ledger, tmp_path: Path) -> None:
    """Eight processes that ask forty times for a tenth at the same moment are granted ten."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(8)
    racers = [context.Process(target=_claim, args=(tmp_path / "budget.sqlite", n, start)) for n in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert sum(racer.exitcode or 0 for racer in racers) == 10
    assert ledger.balance("dataset").jobs == 10 == ledger.head().number
    ledger.check(ledger.head())


@pytest.mark.parametrize("is_answered", [False, True])
def test_a_crash_gives_nothing_back(ledger: Ledger, tmp_path: Path, is_answered: bool) -> None:
    """A process that dies after spending leaves the budget spent; the job goes on at no cost, with the answer it had if it had one."""
    child = os.fork()
    if not child:
        other = Ledger(tmp_path / "budget.sqlite")
        other.spend(job("one"), TENTH, ["dataset"])
        if is_answered:
            other.keep("one", b"first")
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    spent = ledger.balance("dataset").spent_nanonats
    grant = ledger.spend(job("one"), TENTH, ["dataset"])
    assert spent == TENTH.nanonats(BUDGET.order) == ledger.balance("dataset").spent_nanonats
    assert not grant.is_new and grant.answer == (b"first" if is_answered else None)
    assert ledger.keep("one", b"second") == (b"first" if is_answered else b"second")


def test_an_answer_without_payment_is_not_kept(ledger: Ledger) -> None:
    """What was not spent for cannot be answered."""
    with pytest.raises(Refused, match="not paid for: spend before you compute"):
        ledger.keep("free", b"42")
    with pytest.raises(InputError, match="answer"):
        ledger.keep("free", bytes(2**26 + 1))


def test_an_old_copy_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger that is put back as it was before, or whose jobs were altered, does not hold the head that was kept elsewhere."""
    ledger.spend(job("one"), TENTH, ["dataset"])
    ledger.close()
    shutil.copy(tmp_path / "budget.sqlite", tmp_path / "old.sqlite")
    ledger.check(ledger.head())
    ledger.spend(job("two"), TENTH, ["dataset"])
    head = ledger.head()
    with pytest.raises(IntegrityError, match="an older copy was put back"):
        Ledger(tmp_path / "old.sqlite").check(head)
    with sqlite3.connect(tmp_path / "budget.sqlite") as database:
        database.execute("UPDATE jobs SET buyer = 'nobody' WHERE number = 1")
    with pytest.raises(IntegrityError, match="job 1 was altered"):
        ledger.check(head)


def test_a_promise_is_not_changed(ledger: Ledger) -> None:
    """An account opens once: the same budget again is no news, another is refused, and closing leaves nothing to spend."""
    assert ledger.open_accounts(["dataset", "more"], BUDGET) == 1
    with pytest.raises(Refused, match="a promise stays"):
        ledger.open_accounts(["another", "dataset"], Budget(9.0, 1e-6))
    with pytest.raises(Refused, match="another is not open"):
        ledger.balance("another")
    ledger.close_account("dataset")
    assert ledger.balance("dataset").left_nanonats == 0
    with pytest.raises(Refused, match="left"):
        ledger.spend(job("one"), TENTH, ["dataset"])


def test_history_tells_every_loss(ledger: Ledger) -> None:
    """The owner reads back who asked what at which loss, whole."""
    loss = Loss(0.001, (0.01,), (Rounds(1.0, 50.0, 2),))
    ledger.spend(job("one"), loss, ["dataset"])
    (entry,) = ledger.history("dataset")
    assert (entry.job, entry.buyer, entry.loss, entry.is_answered) == ("one", "buyer", loss, False)
    assert entry.nanonats == loss.nanonats(BUDGET.order)


def test_the_file_is_durable_and_private(ledger: Ledger, tmp_path: Path) -> None:
    """The file is in write-ahead mode, every commit is synced, and nobody else may read it."""
    with ledger._reading() as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert (tmp_path / "budget.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb", None, 7, "\ud800"])
def test_names_are_checked(ledger: Ledger, name: str) -> None:
    """A job or an account that is no name is refused, and nothing is written."""
    with pytest.raises(SheafError):
        ledger.spend(Job(name, bytes(32)), TENTH, ["dataset"])
    with pytest.raises(InputError, match="account"):
        ledger.open_accounts([name], BUDGET)
    with pytest.raises(InputError, match="fingerprint"):
        ledger.spend(Job("one", b""), TENTH, ["dataset"])
    with pytest.raises(InputError, match="accounts"):
        ledger.spend(job("one"), TENTH, [])
    assert ledger.head() == Head(0, bytes(32))


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    """A file of something else, or a folder that is not there, is refused in one line."""
    (tmp_path / "notes").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match=r"ledger: .*notes"):
        Ledger(tmp_path / "notes")
    with pytest.raises(InputError, match="folder that exists"):
        Ledger(tmp_path / "nowhere" / "budget.sqlite")
