"""Small worlds: what they come to is what the mechanism's arithmetic says."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from sheaf.domain.errors import InputError
from sheaf.simulation.agents import find, habits
from sheaf.simulation.run import Scenario, interval, play
from sheaf.simulation.world import Economy, Opinionated, is_right, points, skilled

SMALL = Economy(records=8, validators=5, skill=1.0)


def test_an_interval_is_students() -> None:
    """For 20 values it is the mean ± 2.093 standard errors (the tables' t for 19 degrees of freedom)."""
    values = np.random.default_rng(0).normal(3, 2, 20)
    found, half = interval(values.tolist()), 2.093 * values.std(ddof=1) / 20**0.5
    assert (found.low, found.mean, found.high) == pytest.approx(
        (values.mean() - half, values.mean(), values.mean() + half), rel=1e-4
    )
    assert interval([7.0]).low == interval([7.0]).high == 7.0


def test_points_are_wrong_as_often_as_asked() -> None:
    """The share of wrong points is exact, and no two are alike."""
    table = points(np.random.default_rng(1), 200, 0.25)
    assert is_right(table).sum() == 150
    assert len(set(table.column("x").to_pylist())) == 200


def test_a_skilled_judge_errs_at_its_rate() -> None:
    """A judge of skill .9 is right nine times in ten and counts what it looked at."""
    judge, table = skilled(3, 0.9), points(np.random.default_rng(2), 4_000, 0.5)
    from sheaf.simulation.world import WANTED

    agreed = (judge.judge(table, WANTED) == is_right(table)).mean()
    assert 0.88 < agreed < 0.92 and judge.looked == 4_000
    lazy = Opinionated(lambda _, right: right | True, looks=False)
    assert lazy.judge(table, WANTED).all() and lazy.looked == 0


def test_every_habit_can_be_made() -> None:
    """Each file of habits gives agents with names of their own; an unknown habit is refused with the known ones."""
    for name, make in habits().items():
        assert make(1).name != make(2).name
        assert make(1).is_honest == name.startswith("honest")
    with pytest.raises(InputError, match="garbage-sybil"):
        find("nobody")


def test_a_seller_of_garbage_loses_its_bond() -> None:
    """With judges that never err, a seller whose records are all wrong loses β and the fee of each; everybody else earns."""
    world = play(Scenario(["recycler"], rounds=2, honest_sellers=1, economy=SMALL), 0)
    assert world.returns["recycler 1"] == pytest.approx(-8 * (0.20 + 0.04))
    assert world.returns["honest seller 1"] == pytest.approx(16 * (1 - 0.5))
    assert all(world.returns[f"honest validator {n + 1}"] > 0 for n in range(5))
    assert (world.bought, world.right) == (16, 16)


def test_half_honest_is_worse_than_honest() -> None:
    """The wrong half costs its bond and fee: so much less than the right half alone would have earned."""
    world = play(Scenario(["half-honest"], rounds=1, honest_sellers=0, economy=SMALL), 1)
    assert world.gains["half-honest seller 1"] == pytest.approx(-4 * (0.20 + 0.04))


def test_trading_with_oneself_costs_the_fees() -> None:
    """Who owns both sides loses the reviewers' and the protocol's fee."""
    world = play(Scenario(["wash-trader"], rounds=1, honest_sellers=1, economy=SMALL), 2)
    assert world.returns["wash trader 1"] == pytest.approx(-8 * (0.04 + 0.025))


def test_the_same_seed_gives_the_same_world() -> None:
    """Two plays of one seed agree to the unit."""
    scenario = Scenario(["garbage-sybil"], rounds=1, honest_sellers=1, economy=SMALL)
    assert play(scenario, 3) == play(scenario, 3)


def test_the_command_answers_with_json_and_refuses_unknown_habits() -> None:
    """A run is one JSON object; a habit that nobody has is refused in one line."""
    command = [sys.executable, "-m", "sheaf.simulation"]
    done = subprocess.run(
        [*command, "recycler", "--seeds", "1", "--rounds", "1", "--json"], capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    assert found["seeds"] == 1 and set(found["attackers"]) == {"recycler"}
    refused = subprocess.run([*command, "nobody"], capture_output=True, text=True)
    assert (
        refused.returncode == 2
        and len(refused.stderr.strip().splitlines()) == 1
        and "habit" in refused.stderr
    )
