"""A provider is killed two hundred times at random moments: nothing is lost, charged twice or spent twice."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
from pathlib import Path

import pytest

from sheaf.actions.compute.methods import job_of
from sheaf.privacy.ledger import Ledger
from tests.night.provider_play import COST, DiskBook

KILLS = int(os.environ.get("SHEAF_PROVIDER_KILLS", "200"))


def begin(folder: Path) -> subprocess.Popen[bytes]:
    """Start a provider and wait until it works, or is done."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.night.provider_play", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


@pytest.mark.night
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("_namespaces")
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """After every kill the next start takes up what was left; in the end each order is paid once, each budget spent once, none set aside.

    At every kill each question that is accepted is paid for in the ledger, or has its part set aside there.
    """
    lots = random.Random(200)
    book = DiskBook(tmp_path / "book")
    kills = orders = 0
    while kills < KILLS:
        if not any(row[1] in ("placed", "accepted") for row in book.rows("book")):
            orders += 20
            book.place(orders)
        child = begin(tmp_path)
        assert child.stdout is not None
        select.select(
            [child.stdout], [], [], lots.uniform(0.0, 1.5)
        )  # until it is done, or its time has come
        kills += child.poll() is None
        child.kill()
        child.wait()
        child.stdout.close()
        ledger = Ledger(tmp_path / "budgets")
        accepted = [row[0] for row in book.rows("book") if row[1] == "accepted" and row[0] % 2 == 0]
        assert all(ledger.knows(job_of(number)) for number in accepted)
        ledger.close()
    last = begin(tmp_path)
    assert last.wait() == 0
    rows = book.rows("book")
    assert {row[1] for row in rows} == {"delivered"}
    assert {row[2] for row in rows} == {1}
    assert {row[3] for row in rows} == {0}
    ledger = Ledger(tmp_path / "budgets")
    asked = [row[0] for row in rows if row[0] % 2 == 0]
    assert sorted(entry.job for entry in ledger.history("counts")) == sorted(map(job_of, asked))
    assert ledger.balance("counts").spent_nanonats == COST * len(asked) and ledger.reserved() == []
    for number, _, _, _, output in rows:
        assert output == (
            ledger.keep(job_of(number), b"late") if number % 2 == 0 else b'{"double":%d}' % (2 * number)
        )
    assert not list((tmp_path / "work").iterdir())
    print(f"{kills} kills, {orders} orders: each paid once, each budget spent once")
