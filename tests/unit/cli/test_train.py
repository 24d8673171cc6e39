"""`sheaf train` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sheaf.cli.main import app
from tests.mocks.training import Field


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
