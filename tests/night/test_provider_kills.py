"""A provider is killed two hundred times at random moments: nothing is lost, charged twice or spent twice."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.night.provider_play import DiskBook

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
@pytest.mark.usefixtures("_namespaces")
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """After every kill the next start takes up what was left; in the end each order is paid once, each budget spent once."""
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
    last = begin(tmp_path)
    assert last.wait() == 0
    rows = book.rows("book")
    assert {row[1] for row in rows} == {"delivered"}
    assert {row[2] for row in rows} == {1}
    assert {row[3] for row in rows} == {0}
    answers = {number: answer for number, _, answer in book.rows("spent")}
    assert sorted(answers) == [row[0] for row in rows if row[0] % 2 == 0]
    for number, _, _, _, output in rows:
        assert output == (answers[number] if number % 2 == 0 else b'{"double":%d}' % (2 * number))
    assert not list((tmp_path / "work").iterdir())
    print(f"{kills} kills, {orders} orders: each paid once, each budget spent once")
