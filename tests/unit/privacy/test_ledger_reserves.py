"""What is set aside before it is spent, and budgets that several ledgers share."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError, Refused
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job, Ledger

BUDGET = Budget(1.0, 1e-6)
TENTH = Loss(BUDGET.nanonats / 1e9 / BUDGET.order / 10 * (1 - 1e-6))
COST = TENTH.nanonats(BUDGET.order)


def job(name: str) -> Job:
    return Job(name, hashlib.sha256(name.encode()).digest(), "buyer")


def tenths(count: int) -> Loss:
    return Loss(TENTH.rho * count)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "budget.sqlite")
    opened.open_accounts(["dataset"], BUDGET)
    return opened


def test_nobody_else_spends_what_is_set_aside(ledger: Ledger) -> None:
    """Of ten tenths nine that are set aside leave one to others; the job itself spends its own, which frees nothing for others."""
    ledger.reserve("mine", tenths(9), ["dataset"])
    ledger.spend(job("theirs"), TENTH, ["dataset"])
    for refused in (
        lambda: ledger.spend(job("more"), TENTH, ["dataset"]),
        lambda: ledger.reserve("more", TENTH, ["dataset"]),
    ):
        with pytest.raises(Refused, match=r"nanonats left, [0-9,]+ of them set aside for others"):
            refused()
    balance = ledger.balance("dataset")
    assert balance.left_nanonats < 1000 and balance.spent_nanonats == COST and balance.jobs == 1
    ledger.spend(job("mine"), tenths(9), ["dataset"])
    after = ledger.balance("dataset")
    assert after.reserved_nanonats == 0 and after.left_nanonats < 1000 and after.spent_epsilon <= 1.0


def test_setting_aside_again_changes_nothing(ledger: Ledger) -> None:
    """A job has its part set aside once however often that is asked, another part takes its place, and a paid job has none."""
    for _ in range(20):
        ledger.reserve("mine", TENTH, ["dataset"])
    assert ledger.balance("dataset").reserved_nanonats == COST and ledger.reserved() == ["mine"]
    ledger.reserve("mine", tenths(2), ["dataset"])
    assert 2 * COST - 2 <= ledger.balance("dataset").reserved_nanonats <= 2 * COST + 2
    with pytest.raises(Refused, match="left"):
        ledger.reserve("mine", tenths(11), ["dataset"])
    assert ledger.reserved() == ["mine"]
    ledger.spend(job("mine"), TENTH, ["dataset"])
    ledger.reserve("mine", tenths(11), ["dataset"])
    assert ledger.reserved() == [] and ledger.balance("dataset").spent_nanonats == COST
    assert ledger.knows("mine") and not ledger.knows("other")


def test_what_is_released_is_there_for_others(ledger: Ledger) -> None:
    """A job that ends unpaid gives its part back, once; releasing nothing is no error, and takes nothing from what was spent."""
    ledger.reserve("mine", tenths(10), ["dataset"])
    assert ledger.knows("mine")
    for _ in range(2):
        ledger.release("mine")
    assert ledger.balance("dataset").left_nanonats == BUDGET.nanonats and not ledger.knows("mine")
    ledger.spend(job("theirs"), tenths(10), ["dataset"])
    ledger.release("theirs")
    assert ledger.balance("dataset").left_nanonats < 1000


def test_set_aside_in_all_accounts_or_none(ledger: Ledger) -> None:
    """Where one of several accounts lacks the budget nothing is set aside in the others."""
    ledger.open_accounts(["small"], Budget(0.01, 1e-6))
    with pytest.raises(Refused, match="small"):
        ledger.reserve("mine", TENTH, ["dataset", "small"])
    with pytest.raises(Refused, match="account nobody is not open"):
        ledger.reserve("mine", TENTH, ["dataset", "nobody"])
    with pytest.raises(InputError, match="job"):
        ledger.reserve("", TENTH, ["dataset"])
    assert ledger.reserved() == [] and ledger.balance("dataset").reserved_nanonats == 0


@pytest.mark.parametrize("is_spent", [False, True])
def test_a_kill_neither_loses_nor_doubles(ledger: Ledger, tmp_path: Path, is_spent: bool) -> None:
    """What a killed process had set aside is set aside still, or spent, never both and never neither."""
    child = os.fork()
    if not child:
        other = Ledger(tmp_path / "budget.sqlite")
        other.reserve("mine", TENTH, ["dataset"])
        if is_spent:
            other.spend(job("mine"), TENTH, ["dataset"])
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    balance = ledger.balance("dataset")
    assert (balance.reserved_nanonats, balance.spent_nanonats) == ((0, COST) if is_spent else (COST, 0))
    assert ledger.spend(job("mine"), TENTH, ["dataset"]).is_new is not is_spent
    assert ledger.balance("dataset").left_nanonats == BUDGET.nanonats - COST


def _claim(path: Path, number: int, start: Barrier) -> None:
    start.wait()
    ledger, granted = Ledger(path), 0
    for attempt in range(4):
        name = f"{number} {attempt}"
        try:
            ledger.reserve(name, TENTH, ["dataset"])
            granted += 1
            if attempt % 2:
                ledger.spend(job(name), TENTH, ["dataset"])
        except Refused:
            continue
    os._exit(granted)


def test_processes_set_aside_exactly_the_budget(ledger: Ledger, tmp_path: Path) -> None:
    """Four processes that ask sixteen times at once for a tenth, and spend half of it, are granted ten."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    racers = [context.Process(target=_claim, args=(tmp_path / "budget.sqlite", n, start)) for n in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert sum(racer.exitcode or 0 for racer in racers) == 10
    balance = ledger.balance("dataset")
    assert balance.jobs + len(ledger.reserved()) == 10 and balance.left_nanonats < 1000


@pytest.mark.parametrize("parts", [(60, 40), (33, 33, 33), (5, 95)])
def test_parts_are_at_most_the_whole(tmp_path: Path, parts: tuple[int, ...]) -> None:
    """Ledgers that share a budget grant together no more than the whole, whatever the parts: all count at its one order."""
    granted = 0
    for number, percent in enumerate(parts):
        ledger = Ledger(tmp_path / f"{number}.sqlite")
        ledger.open_accounts(["dataset"], BUDGET, percent)
        ledger.reserve("half", Loss(TENTH.rho * percent / 20), ["dataset"])
        ledger.spend(job("half"), Loss(TENTH.rho * percent / 20), ["dataset"])
        ledger.spend(job("rest"), Loss(TENTH.rho * percent / 20), ["dataset"])
        with pytest.raises(Refused, match="left"):
            ledger.spend(job("more"), Loss(TENTH.rho / 100), ["dataset"])
        granted += ledger.balance("dataset").spent_nanonats
    assert granted <= BUDGET.nanonats and BUDGET.spent_epsilon(granted) <= BUDGET.epsilon


def test_a_part_is_a_promise(ledger: Ledger) -> None:
    """Another part of the same budget is another promise, and a part is a whole percent."""
    ledger.open_accounts(["shared"], BUDGET, 60)
    assert ledger.open_accounts(["shared"], BUDGET, 60) == 0
    with pytest.raises(Refused, match=r"account shared has 60 % of ε = 1, δ = 1e-06: a promise stays"):
        ledger.open_accounts(["shared"], BUDGET)
    for percent in (0, 101, -5):
        with pytest.raises(InputError, match=r"percent: .*: give a whole number from 1 to 100"):
            ledger.open_accounts(["other"], BUDGET, percent)
    assert ledger.is_open("shared") and not ledger.is_open("other")


def test_a_closed_account_gives_nothing_more(ledger: Ledger) -> None:
    """Closing an account leaves nothing, also to who had set something aside."""
    ledger.reserve("mine", TENTH, ["dataset"])
    ledger.close_account("dataset")
    assert ledger.balance("dataset").left_nanonats == 0
    with pytest.raises(Refused, match="left"):
        ledger.spend(job("mine"), TENTH, ["dataset"])


def test_a_file_of_before_is_read_on(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger from before budgets were shared keeps its accounts, each the whole of its budget."""
    ledger.spend(job("one"), TENTH, ["dataset"])
    ledger.close()
    with sqlite3.connect(tmp_path / "budget.sqlite") as database:
        database.execute("DROP TABLE reserves")
        database.execute("ALTER TABLE accounts DROP COLUMN percent")
    again = Ledger(tmp_path / "budget.sqlite")
    assert again.open_accounts(["dataset"], BUDGET) == 0
    assert again.balance("dataset").spent_nanonats == COST and again.reserved() == []
