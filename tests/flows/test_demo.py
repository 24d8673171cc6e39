"""The demo as a program reads it: the worked example to the unit, a good bought set, and the same seed the same outcome."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

SECONDS = 600


@cache
def outcome(seed: int, turn: int = 0) -> dict[str, Any]:
    """Run `sheaf demo --json` in a process of its own and return its answer."""
    command = [sys.executable, "-m", "sheaf.cli.main", "demo", "--seed", str(seed), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def timeless(seed: int, turn: int = 0) -> str:
    """Return an outcome as text, without what the clock on the wall says."""
    found = json.loads(json.dumps(outcome(seed, turn)))
    assert found["market"].pop("wall_seconds") > 0
    return json.dumps(found, sort_keys=True)


@pytest.mark.timeout(SECONDS)
def test_the_worked_example_is_exact() -> None:
    """500 escrowed, 50 records at 1: exactly 50 to the contributor, 2 to the validators, 448 left, and no unit lost."""
    example = outcome(0)["worked_example"]
    assert (example["contributor"], example["validators"], example["left"]) == (50, 2, 448)
    assert example["conserved"] is True and all(ledger["is_conserved"] for ledger in example["ledgers"])


@pytest.mark.timeout(SECONDS)
def test_the_bought_set_is_good() -> None:
    """Of what is bought at least 98 % is right, of what is right at least 90 % is bought; the bundle holds against the chain."""
    market = outcome(0)["market"]
    assert market["precision"] >= 0.98 and market["recall"] >= 0.9
    assert market["conserved"] is True and market["bundle_is_valid"] is True
    assert market["bought"] == sum(one["approved"] for one in market["contributors"])


@pytest.mark.timeout(SECONDS)
def test_who_is_paid_and_why() -> None:
    """The honest are paid for nearly all, who mislabels for what was right, the rest for nothing; every refusal has a reason."""
    by_habit: dict[str, list[dict[str, Any]]] = {}
    for one in outcome(0)["market"]["contributors"]:
        by_habit.setdefault(one["habit"], []).append(one)
        assert len({row["record"] for row in one["refused"]}) == one["rejected"]
    assert min(one["approved"] for one in by_habit["honest"]) >= 100
    (liar,) = by_habit["mislabels 30 %"]
    assert 60 <= liar["approved"] <= 90
    (garbage,), (copier,) = by_habit["garbage"], by_habit["recycles another's"]
    assert garbage["approved"] == garbage["paid"] == 0 and garbage["forfeited"] > 0
    first = {row["record"] for row in by_habit["honest"][0]["refused"]}
    again = {row["record"] for row in copier["refused"]}
    assert first | again == set(range(copier["records"])), "what was bought from another is not bought twice"


@pytest.mark.night
@pytest.mark.timeout(3 * SECONDS)
def test_a_seed_repeats_a_run() -> None:
    """The same seed gives the same outcome but for the time it took; another seed gives another."""
    assert timeless(0) == timeless(0, 1)
    assert timeless(0) != timeless(1)
