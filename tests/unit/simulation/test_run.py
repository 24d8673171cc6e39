"""Small worlds: what they come to is what the mechanism's arithmetic says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sheaf.domain.errors import InputError
from sheaf.simulation.__main__ import main
from sheaf.simulation.agents import find, habits
from sheaf.simulation.run import Scenario, play, play_all, play_each, summarise
from sheaf.simulation.world import NEAR, Economy, Opinionated, is_near, is_right, points, skilled

SMALL = Economy(records=8, validators=5, skill=1.0, gold_share=0.0, parameters=())


def test_points_are_wrong_as_often_as_asked() -> None:
    """The share of wrong points is exact, and no two are near each other, of however many."""
    table = points(np.random.default_rng(1), 200, 0.25)
    assert is_right(table).sum() == 150
    many = np.sort(points(np.random.default_rng(1), 20_000).column("x").to_numpy())
    assert np.diff(many).min() > NEAR


def test_near_is_near_on_either_side() -> None:
    """Points are near those within the distance, above and below, and nothing is near to nothing."""
    x, known = np.array([0.1, 0.2, 0.3]), np.array([0.3 + 1e-7, 0.1 - 1e-7])
    assert is_near(x, known).tolist() == [True, False, True]
    assert not is_near(x, np.zeros(0)).any()


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
        assert make(1)[0].name != make(2)[0].name
        assert make(1)[0].is_honest == name.startswith("honest")
    with pytest.raises(InputError, match="garbage-sybil"):
        find("nobody")


def test_the_same_seed_gives_the_same_world_and_another_another() -> None:
    """Two plays of one seed agree to the unit; another has other hashes, and its transactions cost otherwise."""
    scenario = Scenario(["wash-trader"], rounds=1, honest_sellers=0, economy=SMALL)
    first, second, other = (play(scenario, seed) for seed in (3, 3, 4))
    assert first == second
    assert first.market.gas != other.market.gas


def test_a_summary_takes_agents_of_a_habit_together() -> None:
    """Means are over worlds; agents of one habit in one world count as one, and what was jailed is summed."""
    outcomes = list(play_all(Scenario(["wash-trader"], rounds=1, honest_sellers=0, economy=SMALL), [2]))
    found = summarise(outcomes)
    assert found.attackers["wash trader"].mean == pytest.approx(-8 * (0.04 + 0.025))
    mean = np.mean([v for name, v in outcomes[0].returns.items() if name.startswith("honest validator")])
    assert found.honest["honest validator"].mean == pytest.approx(mean)
    assert (found.seats, found.seeds, found.jailed, found.slashed) == (5, 1, 0, 0.0)
    with pytest.raises(InputError, match="seeds"):
        summarise([])


def test_habits_need_enough_validators_and_known_names() -> None:
    """What cannot be played is refused before a world is made."""
    with pytest.raises(InputError, match="validators"):
        play(Scenario(["ring"], strength=6, economy=SMALL), 0)
    with pytest.raises(InputError, match="habit"):
        play_each([(Scenario(["nobody"]), 0)])


def test_the_command_answers_with_json_and_writes_a_page(tmp_path: Path) -> None:
    """A sweep is one JSON object, and a page with charts."""
    app = typer.Typer()
    app.command()(main)
    given = [
        "wash-trader",
        "--seeds",
        "1",
        "--processes",
        "1",
        "--sweep",
        "validators=5",
        "--json",
        "--out",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(app, given)
    found = json.loads(done.stdout)
    (summary,) = found["sweeps"].values()
    assert summary["seeds"] == 1 and set(summary["attackers"]) == {"wash trader"}
    assert [Path(file).exists() for file in found["files"]] == [True] * 3


def test_the_command_refuses_in_one_line() -> None:
    """Habits that nobody has, and sweeps of nothing, end with 2 and one line that names them."""
    app = typer.Typer()
    app.command()(main)
    for given, word in ((["nobody"], "habit"), (["ring", "--sweep", "luck=1"], "sweep")):
        refused = CliRunner().invoke(app, given)
        assert refused.exit_code == 2 and word in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_the_module_is_a_program() -> None:
    """`python -m sheaf.simulation --help` names every habit."""
    done = subprocess.run(
        [sys.executable, "-m", "sheaf.simulation", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "camouflage-validator" in done.stdout
