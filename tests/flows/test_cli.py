"""The market by commands alone: every verb, its answer for people and for programs."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from sheaf import actions
from sheaf.cli.session import Session
from sheaf.domain.amounts import WAD, format_amount
from tests.flows.counter import PASSWORD, SPECIFICATION, Counter, opened
from tests.flows.town import points


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with opened(tmp_path_factory.mktemp("cli") / "home") as town:
        yield town


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    path = tmp_path / "points.toml"
    path.write_text(SPECIFICATION)
    return path


@pytest.fixture
def records(tmp_path: Path) -> Callable[..., Path]:
    """Writes rightly labelled points to a CSV; each seed gives others."""

    def write(count: int, seed: int) -> Path:
        table, path = points(count, seed), tmp_path / f"points-{seed}.csv"
        rows = zip(table["x"].to_pylist(), table["label"].to_pylist(), strict=True)
        path.write_text("x,label\n" + "".join(f"{x},{label}\n" for x, label in rows))
        return path

    return write


def open_request(market: Counter, wanted: Path, *more: object) -> int:
    terms = ("--price", 1, "--escrow", 100, "--records", 50, "--account", "buyer")
    return int(market.ask("request", "open", wanted, *terms, *more)["id"])


def send(market: Counter, request: int, source: Path, *more: object) -> int:
    options = ("--account", "contributor", "--custodian", market.custodian.ctx.account)
    return int(market.ask("submission", "send", request, source, *options, *more)["submission"])


def turn(market: Counter, submission: int) -> None:
    """Let everybody act once, and time pass to the next deadline if there is one ahead."""
    market.custodian.tick()
    for validator in market.validators:
        validator.tick()
    market.mine()
    state = actions.status(market.ctx, submission)
    now = market.ctx.chain.block().timestamp
    if state.phase == "decided" and state.settle_after > now:
        market.advance(state.settle_after - now + 1)


def test_from_request_to_bundle(
    market: Counter,
    wanted: Path,
    records: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request opened, filled, watched, explained, paid, downloaded and verified by commands; a changed bundle ends with 6."""
    request = open_request(market, wanted, "--days", "2")
    assert "Points and their sides" in market.run("request", "list").out
    shown = market.ask("request", "show", request)
    assert shown["request"]["price"] == WAD and shown["specification"]["label"] == "label"
    told = market.run("request", "show", request).out
    assert "100 SHEAF free, 0 SHEAF reserved" in told and " UTC (in " in told and "│ Approve a point" in told

    source = records(20, 1)
    with source.open("a") as file:
        file.write("0.9,0\n0.30001,1\n7.5,1\n")
    seen = market.ask("submission", "preview", request, source)
    assert seen["records"] == 23 and [one["record"] for one in seen["findings"]] == [22]
    assert "record 22: schema.maximum" in market.run("submission", "preview", request, source).out
    assert seen["pay"]["most"] == 23 * WAD and seen["standing"] is None
    told = market.run(
        "submission", "preview", request, source, "--account", "contributor", "--no-estimate"
    ).out
    assert "paid if what falls falls        22 SHEAF" in told and "if all are found right" in told
    refused = market.ask("submission", "send", request, source, "--account", "contributor", code=2)
    assert refused["error"]["kind"] == "RecordError"
    number = send(market, request, source, "--force")
    assert send(market, request, source, "--force") == number
    assert market.ask("submission", "resume", "--account", "contributor") == {"submissions": []}
    assert "pending" in market.run("submission", "status", number).out

    pauses = []
    monkeypatch.setattr(Session, "pause", lambda self: (pauses.append(1), turn(market, number)))
    watched = market.run("submission", "watch", number)
    assert "settled: 20 approved, 3 rejected, 0 hung" in watched.out and "20 SHEAF" in watched.out
    assert "reviewing" in watched.err and 3 <= len(pauses) <= 60
    assert market.ask("submission", "watch", number)["phase"] == "settled"

    row = next(one for one in market.ask("submission", "list", "--request", request)["submissions"])
    assert (row["approved"], row["rejected"], row["paid"]) == (20, 3, 20 * WAD)
    table = market.run("submission", "list", "--contributor", "contributor").out
    assert row["contributor"] not in table and row["contributor"][:6] + "…" in table
    verdict = market.run("submission", "explain", number, "--account", "contributor").out
    assert "20 approved, 3 rejected, 0 hung" in verdict and "record 22: schema.maximum" in verdict
    whole = market.ask("submission", "show", number, "--account", "contributor")
    assert whole["status"]["rejected"] == 3 and {one["record"] for one in whole["explained"]["refused"]} == {
        20,
        21,
        22,
    }
    assert all(one["meaning"] and one["fix"] for one in whole["explained"]["refused"])
    assert "--account" in market.run("submission", "show", number).out
    _check_payment(market, number)
    for _ in range(8):
        turn(market, number)
    _check_bundle(market, request, tmp_path / "bundle")


def _check_payment(market: Counter, number: int) -> None:
    """What is settled is told, and what is claimed arrives."""
    ended = market.ask("submission", "settle", number, "--account", "outsider")
    assert ended["paid"] == 20 * WAD and ended["validators_paid"] == 23 * WAD * 4 // 100
    told = market.run("submission", "settle", number, "--account", "outsider").out
    assert f"bond back        {format_amount(ended['bond_back'])} SHEAF" in told
    before = market.ask("account", "show", "contributor")
    paid = market.ask("submission", "claim", number, "--account", "contributor")["paid"]
    after = market.ask("account", "show", "contributor")
    assert after["tokens"] - before["tokens"] == paid == before["owed"] and after["owed"] == 0


def _check_bundle(market: Counter, request: int, folder: Path) -> None:
    """The bundle comes once, holds against the chain, and does not once it is changed."""
    assert "20 records" in market.run("download", request, folder, "--account", "buyer").out
    again = market.ask("download", request, folder, "--account", "buyer", code=2)
    assert again["error"]["field"] == "directory"
    proof = market.run("verify", folder).out
    assert "holds    roots" in proof and "20 records, just as request" in proof
    assert market.ask("verify", folder)["is_valid"] is True
    receipt = folder / "receipt.json"
    receipt.chmod(stat.S_IRUSR | stat.S_IWUSR)
    receipt.write_text(receipt.read_text().replace(f'"request":{request}', f'"request":{request + 7}'))
    found = market.ask("verify", folder, code=6)
    assert found["is_valid"] is False and "receipt.json" in found["difference"]
    assert "differs" in market.run("verify", folder, code=6).out


@pytest.fixture
def hand(market: Counter) -> Iterator[tuple[str, str]]:
    """A validator that stops to act by itself, and is an account of the keystore instead."""
    from sheaf.chain import keystore

    machine = market.validators.pop()
    key = "0x" + machine.ctx.sender._key.hex()
    keystore.import_key(market.settings.keystore_directory, "hand", key, PASSWORD, work=2)
    yield "--account", "hand"
    market.validators.append(machine)


def _reach_seat(market: Counter, number: int, hand: tuple[str, str]) -> dict[str, Any]:
    """Turn the market until the hand has a seat in the review and can read the records."""
    for _ in range(12):
        market.mine()
        market.custodian.tick()
        for validator in market.validators:
            validator.tick()
        seats = [one for one in market.ask("review", "list", *hand)["seats"] if one["submission"] == number]
        if seats and market.run("review", "show", number, *hand, code=None).code == 0:
            return dict(seats[0])
    raise AssertionError("the hand got no seat, or no key")


def test_review_by_hand(
    market: Counter,
    hand: tuple[str, str],
    wanted: Path,
    records: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A member sees its seat and the records, decides, and goes on step by step until the count; its vote cannot be changed."""
    request = open_request(market, wanted)
    assert market.run("review", "list", *hand).out == "nothing to review\n"
    number = send(market, request, records(4, 2))
    assert market.ask("review", "show", number, *hand, code=5)["error"]["kind"] == "Missing"
    seat = _reach_seat(market, number, hand)
    assert seat["records"] == 4 and seat["is_committed"] is False
    assert " UTC" in market.run("review", "list", *hand).out
    seen = market.ask("review", "show", number, *hand)
    assert [row["position"] for row in seen["records"]] == [0, 1, 2, 3]
    assert seen["instructions"] == "Approve a point when its side is right."
    told = market.run("review", "show", number, *hand).out
    assert told.startswith("│ Approve a point") and '0: {"label": ' in told
    for wrong in ("4", "1-9", "x", "²", "3-1", "9" * 5_000, "-1"):
        assert market.ask("review", "decide", number, "--reject", wrong, *hand, code=2)["error"]["field"] in (
            "reject",
            "--reject",
        )
    votes = tmp_path / "votes"
    votes.write_text("1\n1\n")
    assert "give 4 lines" in market.run("review", "decide", number, "--decisions", votes, *hand, code=2).err
    assert (
        "cannot be read"
        in market.run("review", "decide", number, "--decisions", tmp_path / "none", *hand, code=2).err
    )
    nobody = market.ask("review", "decide", number, *hand, code=2)["error"]
    assert nobody["field"] == "decisions" and "terminal" in nobody["fix"]
    monkeypatch.setattr(Session, "is_interactive", True)
    pressed = iter("yxq" + "snbyyys")
    monkeypatch.setattr("sheaf.cli.frame.viewer.keys", lambda: nullcontext(lambda: next(pressed)))
    left = market.run("review", "decide", number, *hand)  # an unknown key does nothing
    assert left.out == "" and "kept" in left.err and "│ Approve a point" in left.err
    asked = market.run("review", "decide", number, *hand)  # not all decided: sent only by the second s
    assert "4 of 4 approved; " in asked.out and "record 2 of 4" in asked.err
    again = market.run("review", "decide", number, "--reject", "", *hand, code=2)
    assert "cannot be changed" in again.err
    steps = []
    for _ in range(30):
        for validator in market.validators:
            validator.tick()
        market.mine()
        steps.append(market.run("review", "advance", number, *hand).out.strip())
        if market.phase(number) == "decided":
            break
    state = actions.status(market.ctx, number)
    assert state.phase == "decided" and state.opened == 5, steps
    assert state.approved == 4, "four of five approved every record"


def test_stake_by_commands(market: Counter) -> None:
    """Stake goes in, is shown, unbonds, and comes out again when its time is over; an affiliate is declared by name."""
    as_one = ("--account", "outsider")
    assert market.ask("stake", "add", "200", *as_one)["staked"] == 200 * WAD
    shown = market.run("account", "show", *as_one).out
    assert "200 SHEAF" in shown and "validator" in shown
    declared = market.ask("stake", "declare", "buyer", *as_one)
    assert declared["affiliate"] == market.ask("account", "list")["buyer"]
    assert "200 SHEAF unbonding" in market.run("stake", "unbond", "200", *as_one).out
    assert "(in " in market.run("account", "show", *as_one).out
    early = market.ask("stake", "withdraw", *as_one, code=3)["error"]
    assert early["kind"] == "Reverted" and early["reason"].startswith("stakes: ")
    market.advance(3_600)
    assert market.ask("stake", "withdraw", *as_one)["withdrawn"] == 200 * WAD
    market.next_period()


def test_a_submission_without_a_committee_is_undone(
    market: Counter, wanted: Path, records: Callable[..., Path]
) -> None:
    """`draw` draws when it is due, `void` undoes what nobody drew in time; then the request is cancelled and reclaimed."""
    request = open_request(market, wanted)
    lost = send(market, request, records(3, 3))
    early = market.ask("submission", "void", lost, "--account", "contributor", code=3)["error"]
    assert early["reason"].startswith("requests: ")
    market.mine(302)
    late = send(market, request, records(3, 4))
    assert market.ask("submission", "draw", late, "--account", "outsider") == {
        "submission": late,
        "drawn": False,
    }
    assert market.ask("submission", "void", lost, "--account", "contributor")["void"] is True
    assert market.ask("submission", "watch", lost)["phase"] == "void"
    market.mine(4)
    assert "is drawn" in market.run("submission", "draw", late, "--account", "outsider").out
    market.settle(late)
    more = market.ask("request", "fund", request, "10", "--account", "buyer")
    assert more["added"] == 10 * WAD
    early = market.ask("request", "reclaim", request, "--account", "buyer", code=3)["error"]
    assert early["reason"].startswith("requests: ")
    assert market.ask("request", "cancel", request, "--account", "buyer")["cancelled"] is True
    back = market.ask("request", "reclaim", request, "--account", "buyer")
    assert back["amount"] == 110 * WAD - 3 * WAD * 104 // 100
    assert "cancelled" in market.run("request", "list", "--buyer", "buyer").out


def test_only_what_is_there_is_downloaded_partially(
    market: Counter, wanted: Path, records: Callable[..., Path], tmp_path: Path
) -> None:
    """Content that is not to be had stops a download (5) and leaves nothing; --partial takes the rest."""
    from sheaf.store.local import LocalStore

    request = open_request(market, wanted)
    first, second = send(market, request, records(3, 5)), send(market, request, records(2, 6))
    market.settle(first, second)
    for _ in range(8):
        turn(market, first)
    lost = actions.status(market.ctx, second).cid
    assert lost is not None and isinstance(market.ctx.store, LocalStore)
    market.ctx.store.delete(lost)
    whole = market.ask("download", request, tmp_path / "whole", "--account", "buyer", code=5)["error"]
    assert whole["kind"] == "Missing" and f"submission {second}" in whole["message"]
    assert not (tmp_path / "whole").exists()
    part = market.ask("download", request, tmp_path / "part", "--partial", "--account", "buyer")
    assert part["records"] == 3
    assert market.ask("verify", tmp_path / "part")["is_valid"] is True


def test_accounts(market: Counter, tmp_path: Path) -> None:
    """An account is created, imported from standard input, listed, funded, registered and shown; the key is nowhere in the output."""
    home = {"SHEAF_HOME": str(tmp_path / "other"), "SHEAF_RPC": market.settings.rpc}
    assert "no accounts yet" in market.run("account", "list", **home).out
    made = market.ask("account", "create", "fresh", **home)
    key = "0x" + "5e" * 32
    taken = market.run("account", "import", "taken", text=key + "\n", **home)
    assert key[2:] not in taken.out + taken.err
    known = market.ask("account", "list", **home)
    assert known == {"fresh": made["address"], "taken": "0x" + known["taken"][2:]}
    for file in (tmp_path / "other" / "keystore").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    twice = market.ask("account", "create", "fresh", code=2, **home)["error"]
    assert twice["kind"] == "CredentialError" and "taken" in twice["fix"]
    whose = known["taken"]
    assert f"12.5 SHEAF to {whose}" in market.run("account", "fund", whose, "--tokens", "12.5").out
    shown = market.run("account", "show", whose).out
    assert "12.5 SHEAF" in shown and "10 coins" in shown and "staked" not in shown
    registered = market.ask("account", "register", "--account", "contributor")
    assert registered["transaction"] is None
    assert "already" in market.run("account", "register", "--account", "contributor").out
    owed = market.ask("account", "withdraw", "--account", "outsider", code=3)["error"]
    assert owed["reason"].startswith("escrow: ")


def test_status_says_where_one_is(market: Counter) -> None:
    """`sheaf status` names network, block, counts and accounts, without what may be secret in the endpoint's URL."""
    found = market.ask("status")
    assert found["chain_id"] == market.ctx.chain.chain_id and found["profile"] == "local"
    assert found["validators"] >= 5 and set(found["accounts"]) >= {"buyer", "contributor", "outsider"}
    assert found["requests"] == len(market.ctx.docket.requests)
    assert " UTC" in market.run("status").out
    with_key = market.settings.rpc.replace("http://", "http://user:hush@") + "/?key=hush"
    assert "hush" not in market.run("status", SHEAF_RPC=with_key).out


def test_roles_run_once(market: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`validator run` and `custodian run` start their role for the account; a second process for the same one is refused."""
    from sheaf.nodes import loop

    started: list[Any] = []

    async def run(roles: list[Any], tick_seconds: float, health: Path | None) -> None:
        started.append((type(roles[0]).__name__, roles[0].ctx.account, health))
        if len(started) == 1:
            again = market.run(*words, code=2)
            assert "runs already on this machine" in again.err

    monkeypatch.setattr(loop, "run", run)
    words = ("validator", "run", "--judge", "checks-only", "--account", "outsider")
    told = market.run(*words, "--health", tmp_path / "health.json")
    assert "judging by checks-only" in told.err
    market.run("custodian", "run", "--account", "outsider")
    outsider = market.ask("account", "list")["outsider"]
    assert started == [("Validator", outsider, tmp_path / "health.json"), ("Keeper", outsider, None)]


def test_deploy(tmp_path: Path) -> None:
    """`sheaf deploy` puts the contracts on a fresh network and prints their addresses; once more says that they are there."""
    from sheaf.chain import keystore
    from sheaf.chain.contracts import DATA_NAMES, NAMES
    from sheaf.chain.engines.network import LocalNetwork
    from sheaf.chain.engines.server import Server
    from tests.flows.counter import STILL

    home = tmp_path / "home"
    with LocalNetwork(tmp_path / "chain", pace=STILL) as network, Server(network, 0) as server:
        key = "0x" + network.faucet_key.hex()
        keystore.import_key(home / "keystore", "deployer", key, PASSWORD, work=2)
        here: Any = {"SHEAF_HOME": str(home), "SHEAF_RPC": server.url}
        counter = object.__new__(Counter)
        counter.settings = type("Here", (), {"home": home, "rpc": server.url})()  # type: ignore[assignment]
        missing = counter.ask("request", "list", code=2, **here)["error"]
        assert missing["field"] == "deployment" and "sheaf deploy" in missing["fix"]
        wrong = counter.ask("deploy", "--profile", "mine", "--account", "deployer", code=2, **here)["error"]
        assert wrong["field"] == "profile"
        assert counter.ask("deploy", code=2, **here)["error"]["field"] == "account"
        done = counter.ask("deploy", "--profile", "local", "--account", "deployer", **here)
        assert set(done["addresses"]) == {*NAMES, *DATA_NAMES}
        assert (
            json.loads((home / "deployments" / f"{done['chain_id']}.json").read_text())["profile"] == "local"
        )
        assert counter.ask("request", "list", **here) == {"requests": []}


def test_custody_by_commands(market: Counter) -> None:
    """Deposit, show, leave, withdraw; what cannot be pledged or concluded is said."""
    assert market.ask("custody", "deposit", "30", "--account", "buyer")["free"] == 30 * WAD
    assert "30 SHEAF" in market.run("custody", "show", "buyer").out
    assert market.ask("custody", "show", "buyer")["free"] == 30 * WAD
    assert "leaving" in market.run("custody", "leave", "30", "--account", "buyer").out
    market.advance(2)
    assert "to be withdrawn" in market.run("custody", "show", "--account", "buyer").out
    assert market.ask("custody", "withdraw", "--account", "buyer") == {"withdrawn": 30 * WAD}
