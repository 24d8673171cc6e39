"""`sheaf train` on the command line."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sheaf.actions.train import coordinate, join
from sheaf.cli.main import app
from tests.mocks.training import Field

POLICY = """
release = "trusted-train"
purposes = ["research"]
methods = ["train"]
budget = { epsilon = 7, delta = 1e-6, total = 9 }
[fields]
side = "disclosed"
"""


def run(*words: object, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["train", *(str(word) for word in words)], env={"COLUMNS": "100"})
    assert found.exit_code == code, found.stdout + found.stderr
    return found.stdout or found.stderr


def test_key_is_made_once(tmp_path: Path) -> None:
    """The key is made when it is first asked for, is the same ever after, and can be read by its account alone."""
    key = run("key", "--folder", tmp_path / "north").strip()
    assert len(bytes.fromhex(key)) == 32
    assert json.loads(run("key", "--folder", tmp_path / "north", "--json")) == {"key": key}
    assert (tmp_path / "north" / "identity.key").stat().st_mode & 0o777 == 0o600


def test_status_tells_rounds_and_shares(tmp_path: Path) -> None:
    """After a training the status shows rounds, contributions and shares, as a table and as JSON."""
    held = Field(tmp_path, rounds=2)
    held.run()
    plan = held.write_plan()
    shown = run("status", plan, "--folder", tmp_path / "coordinator", "--pool", 1000)
    assert "lines as coordinator: round 2 of 2" in shown and "north" in shown and "250" in shown
    told = json.loads(run("status", plan, "--folder", tmp_path / "coordinator", "--pool", 1000, "--json"))
    assert told["is_done"] and sum(one["share"] for one in told["owners"]) == 1000
    assert "as owner: round 2 of 2" in run("status", plan, "--folder", tmp_path / "north")
    done = json.loads(run("coordinate", plan, "--folder", tmp_path / "coordinator", "--json"))
    assert done["rounds"] == 2


def joined_by_command(held: Field, *words: object) -> str:
    """Run a training in which the first owner joins by the command line, and return what it is told."""
    threads: list[threading.Thread] = []
    is_listening, ports = threading.Event(), []

    def heard(event: str, told: dict[str, Any]) -> None:
        if event == "listening":
            ports.append(told["port"])
            is_listening.set()

    def coordinator() -> None:
        coordinate(held.plan, held.folder / "coordinator", on_event=heard)

    threads.append(threading.Thread(target=coordinator))
    threads[0].start()
    assert is_listening.wait(10)
    for name in held.names[1:]:
        given = (held.plan, held.folder / f"{name}.csv", held.folder / name)
        address = {"address": ("127.0.0.1", ports[0])}
        threads.append(threading.Thread(target=join, args=given, kwargs=address))
        threads[-1].start()
    place = ("--at", f"127.0.0.1:{ports[0]}", "--folder", held.folder / "north")
    told = run("join", held.write_plan(), held.folder / "north.csv", *place, *words)
    for thread in threads:
        thread.join(20)
    return told


def test_join_under_a_budget(tmp_path: Path) -> None:
    """An owner that joins with an ε is told what the training cost it, and asks for it later."""
    held = Field(tmp_path, rounds=2)
    shown = joined_by_command(held, "--epsilon", 3, "--delta", 1e-5, "--total", 4)
    said = "privacy of each record: ε = 3 of 3 at δ = 1e-05 for 2 rounds; 0 more fit"
    assert "north: 2 rounds" in shown and said in shown
    status = run("status", held.write_plan(), "--folder", tmp_path / "north")
    assert said in status and "north.csv in all: ε = 3" in status and "of 4" in status
    told = json.loads(run("status", held.write_plan(), "--folder", tmp_path / "north", "--json"))
    assert told["spent"]["rounds_left"] == 0 and told["spent"]["unit"] == "record"


def test_join_under_a_policy(tmp_path: Path) -> None:
    """The owner's policy is enough; an owner whose noise is too small for all rounds is told why it left."""
    held, policy = Field(tmp_path, rounds=4), tmp_path / "policy.toml"
    policy.write_text(POLICY)
    shown = joined_by_command(held, "--policy", policy, "--noise", 2.2)
    assert "north: 1 rounds" in shown and "no further round" in shown and "for 1 rounds; 0 more" in shown
    assert "north: left the training" in run(
        "status", held.write_plan(), "--folder", tmp_path / "coordinator"
    )


def test_join_without_a_budget(tmp_path: Path) -> None:
    """Who joins without an ε is told that nothing is promised."""
    assert "nothing is promised" in joined_by_command(Field(tmp_path, rounds=1))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--noise", 2), "epsilon: missing: give --epsilon or --policy with --noise"),
        (("--dataset", "x"), "give --epsilon or --policy with --dataset"),
        (("--epsilon", 0), "epsilon: 0.0: give a number above 0"),
        (("--epsilon", 1, "--delta", 1), "delta: 1.0: give a number from 1e-15"),
        (("--epsilon", 1, "--noise", 0.1), "noise: 0.1: give more: one round costs"),
        (("--epsilon", 1, "--person", "name"), "person: name: name one of a, b, c, side"),
        (("--policy", "policy.toml", "--epsilon", 1), "leave --epsilon out: the policy says it"),
    ],
)
def test_budgets_that_are_refused(tmp_path: Path, words: tuple[object, ...], said: str) -> None:
    """Budgets that promise nothing, and options that mean nothing without one, are refused before anybody is called."""
    held = Field(tmp_path)
    given = (held.write_plan(), tmp_path / "north.csv", "--folder", tmp_path / "north", *words)
    assert said in run("join", *given, code=2)


def test_what_is_refused(tmp_path: Path) -> None:
    """Addresses, plans and folders that cannot be used end the command with one line and exit code 2."""
    held = Field(tmp_path)
    plan, records = held.write_plan(), tmp_path / "north.csv"
    for at in ("nowhere", "host:", ":1", "host:99999", "host:x"):
        assert "give HOST:PORT" in run(
            "join", plan, records, "--at", at, "--folder", tmp_path / "north", code=2
        )
    assert "no training of this plan" in run("status", plan, "--folder", tmp_path / "west", code=2)
    run("status", tmp_path / "none.toml", code=5)
    given = ("--folder", tmp_path / "coordinator", "--port", 0, "--wait-seconds", 0)
    assert "0 of the 3 needed came" in run("coordinate", plan, *given, code=4)
    assert "is it running" in run(
        "join",
        plan,
        records,
        "--at",
        "127.0.0.1:1",
        "--folder",
        tmp_path / "north",
        "--patience-seconds",
        0,
        code=4,
    )
