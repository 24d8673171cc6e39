"""`sheaf up` as a user meets it: the README's market by commands of their own, killed with -9 in the middle, and stopped."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sheaf import actions, bootstrap
from sheaf.chain.engines import anvil
from sheaf.domain.amounts import WAD
from sheaf.domain.ids import SubmissionId
from sheaf.nodes import local_market
from tests.flows.stage import NODES, PASSWORD, Stage, free_port, kill, processes, wait_until

SPECIFICATION = """
title = "Points and their sides"
licence = "CC-BY-4.0"
label = "label"
checks = [
  {name = "commitment"},
  {name = "schema"},
  {name = "duplicates", parameters = {scope = "market"}},
]

[schema]
type = "object"
required = ["x", "label"]
additionalProperties = false
properties.x = {type = "number", minimum = 0, maximum = 1}
properties.label = {type = "integer", minimum = 0, maximum = 1}
"""
RECORDS = "x,label\n0.1,0\n0.9,1\n0.2,0\n0.9,1\n7.5,1\n"
"""Three to pay, one repeated, one out of range."""
STOP_SECONDS = 15
ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    found = Stage(tmp_path / "home", options=getattr(request, "param", ()))
    if "--anvil" in found.options and anvil.find(None, ROOT) is None:
        pytest.skip("anvil is not installed: `make setup-node`")
    yield found
    found.clear()


def context(stage: Stage, who: str | None = None) -> actions.Context:
    settings = bootstrap.read_settings(home=stage.home, rpc=stage.rpc)
    return bootstrap.connect(settings, account=who, password=PASSWORD) if who else bootstrap.connect(settings)


def equip(stage: Stage, name: str) -> None:
    """Give somebody an account, money and a reading key."""
    at = actions.create_account(stage.home / "keystore", name, PASSWORD)
    actions.fund_account(context(stage), at, tokens=1_000 * WAD)
    actions.register_key(context(stage, name))


def refused(stage: Stage) -> str:
    """Try to start `sheaf up` where it cannot, and return what it says."""
    second = subprocess.run(
        stage.up_command(), env=stage.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    assert second.returncode == 2
    return second.stderr.decode()


@pytest.mark.parametrize("stage", [(), ("--anvil",)], ids=["embedded", "anvil"], indirect=True)
def test_a_market_that_is_killed_and_goes_on(stage: Stage, tmp_path: Path) -> None:
    """Opened, sent to, killed whole and in part, brought back, and everybody has what is due; then it stops cleanly and at once."""
    (tmp_path / "points.toml").write_text(SPECIFICATION)
    (tmp_path / "points.csv").write_text(RECORDS)
    stage.start()
    stage.wait_ready()
    for name in ("buyer", "contributor"):
        equip(stage, name)
    opened = stage.run(
        "request", "open", str(tmp_path / "points.toml"), "--price", "1", "--escrow", "500", "--records", "400",
        "--account", "buyer",
    )  # fmt: skip
    assert opened["id"] == 1
    send = ["submission", "send", "1", str(tmp_path / "points.csv"), "--force", "--account", "contributor"]
    process = stage.command(*send)
    dice = random.Random(3)
    wait_until(lambda: process.poll() is not None or dice.random() < 0.02, 60, "a moment to kill at")
    killed = int(kill(process.pid)) + stage.kill_everything()
    process.communicate()
    assert killed >= 1 + len(NODES)
    wait_until(lambda: not processes(stage.home), 10, "all dead")
    stage.start()
    stage.wait_ready()
    assert stage.run(*send) == {"submission": 1}
    watcher = context(stage)
    wait_until(lambda: actions.status(watcher, 1).phase == "reviewing", 120, "review")
    kill(stage.nodes()["validator-2"])
    wait_until(lambda: actions.status(watcher, 1).phase == "settled", 180, "settlement")
    wait_until(lambda: set(stage.nodes()) == set(NODES), 60, "the killed node again")
    status = stage.run("submission", "status", "1")
    assert (status["approved"], status["rejected"], status["paid"]) == (3, 2, 3 * WAD)
    buyer = context(stage, "buyer")
    wait_until(lambda: _has_key(buyer, SubmissionId(1)), 60, "the key")
    bundle = str(tmp_path / "points")
    assert stage.run("download", "1", bundle, "--account", "buyer")["records"] == 3
    assert stage.run("verify", bundle)["is_valid"] is True
    stage.run("submission", "claim", "1", "--account", "contributor")
    assert [one.is_conserved for one in actions.ledgers(watcher, 1)] == [True] * 3
    assert len(actions.list_submissions(watcher)) == 1
    began = time.monotonic()
    assert stage.stop() == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert processes(stage.home) == {}


def _has_key(buyer: actions.Context, number: SubmissionId) -> bool:
    from sheaf.actions.cases.letters import find_key

    return find_key(buyer, number, buyer.docket.case(number).key_commitment) is not None


def test_a_second_market_is_refused(stage: Stage, tmp_path: Path) -> None:
    """A folder has one market and a port one listener: who comes second is told so in one line and leaves nothing running."""
    stage.start()
    wait_until(lambda: (stage.home / "deployments" / "31337.json").exists(), 120, "the contracts", stage.log)
    same_home = Stage(stage.home, free_port())
    said = refused(same_home)
    assert "home" in said and "already" in said and len(said.strip().splitlines()) == 1, said
    same_port = Stage(tmp_path / "elsewhere", stage.port)
    said = refused(same_port)
    assert "port" in said and "taken" in said and len(said.strip().splitlines()) == 1, said
    assert processes(same_port.home) == {}


def test_a_market_that_is_stopped_while_it_starts(stage: Stage) -> None:
    """SIGTERM before the market works ends it in order: no trace is printed, nothing keeps running, and its folder is free again."""
    stage.start()
    wait_until(lambda: (stage.home / "deployments" / "31337.json").exists(), 120, "the contracts", stage.log)
    assert stage.stop() == 130
    assert "Traceback" not in stage.log()
    assert processes(stage.home) == {}
    with local_market.only_one(bootstrap.read_settings(home=stage.home)):
        pass
