"""`sheaf dispute` as its users stand before it: a contributor that was wrongly refused, and a person who sits on the jury."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sheaf import bootstrap
from sheaf.chain import keystore
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.governance import parameters
from tests.flows.counter import Counter, opened
from tests.flows.test_juries import Stubborn
from tests.flows.town import points


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """A market where five who do not look refused twelve good records, twice, and verdicts stand open for ten minutes."""
    with opened(tmp_path_factory.mktemp("town") / "home", validators=0) as town:
        governor = keystore.load(town.settings.home / "network", bootstrap.FAUCET_NAME, bootstrap.FAUCET_NAME)
        parameters.set_parameter(town.ctx.chain, governor, "challenge_seconds", 600)
        town.staff([Stubborn(False)] * 5)
        town.buyer, town.contributor = (
            town.ctx.acting_as(Signer(name.encode().rjust(32, b"\x01"))) for name in ("buyer", "contributor")
        )
        for seed in range(2):
            town.decide(town.offer(town.open(escrow=50 * WAD), points(12, seed=seed)))
        yield town


def test_a_refusal_is_appealed_and_judged_by_hand(town: Counter) -> None:
    """`explain` says how, `challenge` takes the number alone, and `show` says what comes next, for everybody, until all is paid."""
    told = town.run("submission", "explain", 1, "--account", "contributor").out
    assert "12 rejected" in told and "`sheaf dispute challenge 1`, with" in told
    assert town.run("dispute", "list").out == "no disputes\n"
    town.run("stake", "add", "300", "--account", "outsider")
    town.next_period()
    town.keep("poor", tokens=1)
    assert "a challenge takes" in town.run("dispute", "challenge", 1, "0", "-a", "poor", code=None).err
    answer = town.ask("dispute", "challenge", 1, "--account", "contributor")
    assert "case 1 names it already" in town.run("dispute", "challenge", 1, "3", "-a", "buyer", code=None).err
    assert answer == {"cases": [1], "bonds": {"1": answer["bonds"]["1"]}}
    assert "until" not in town.run("submission", "explain", 1, "--account", "contributor").out
    assert town.ask("dispute", "show", 1)["awaited"] == "the block that draws the jury"
    assert "drawing" in town.run("dispute", "list", "--submission", 1).out
    for _ in range(12):
        if town.ask("dispute", "show", 1)["phase"] == "voting":
            break
        town.run("dispute", "proceed", 1, "--account", "buyer")
        town.mine()
    assert "no seat" in town.run("dispute", "vote", 1, "0", "-a", "buyer", code=None).err
    assert "no appeal is possible" in town.run("dispute", "appeal", 1, "-a", "buyer", code=None).err
    seats = town.ask("dispute", "seats", "--account", "outsider")["seats"]
    assert [(seat["case"], seat["records"], seat["is_committed"]) for seat in seats] == [(1, 12, False)]
    assert "you sit on seat 0" in town.run("dispute", "show", 1, "--account", "outsider").out
    assert "waiting for the content key" in town.run("dispute", "records", 1, "-a", "outsider", code=None).err
    assert town.ask("dispute", "proceed", 1, "-a", "contributor")["awaited"] == "1 jurors to commit"
    shown = town.ask("dispute", "records", 1, "-a", "outsider")
    assert sorted(row["number"] for row in shown["records"]) == list(range(12))
    assert "0: " in town.run("dispute", "records", 1, "-a", "outsider").out
    assert "give --reject" in town.run("dispute", "decide", 1, "-a", "outsider", code=None).err
    assert town.ask("dispute", "decide", 1, "--reject", "", "-a", "outsider")["done"] == "committed"
    assert "open your vote" in town.run("dispute", "show", 1, "-a", "outsider").out
    assert "yes" in town.run("dispute", "seats", "-a", "outsider").out
    assert town.ask("dispute", "reveal", 1, "-a", "outsider")["seat"] == 0
    assert "tally: anyone may" in town.run("dispute", "show", 1).out
    assert town.run("dispute", "proceed", 1, "-a", "buyer").out == "tally\n"
    assert "sheaf dispute appeal 1" in town.run("dispute", "show", 1).out
    assert "an appeal" in town.run("dispute", "proceed", 1, "-a", "buyer").out
    town.advance(700)
    assert "window ended" in town.run("dispute", "challenge", 2, "-a", "contributor", code=None).err
    done = [town.ask("dispute", "proceed", 1, "-a", "buyer")["done"] for _ in range(4)]
    assert done == ["conclude", "slash", "execute", "collect"]
    assert "sheaf dispute withdraw" in town.run("dispute", "show", 1).out
    assert town.ask("submission", "settle", 1, "-a", "contributor")["approved"] == 12
    for who in ("outsider", "contributor"):
        assert town.ask("dispute", "withdraw", "-a", who)["withdrawn"] > 0
    assert "owe it nothing" in town.run("dispute", "withdraw", "-a", "outsider", code=None).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("challenge", 99), "submission: 99"),
        (("challenge", 1, "12"), "record: 12: name records from 0 to 11"),
        (("challenge", 1, "0-a"), "records: 0-a"),
        (("show", 99), "case: 99: "),
        (("proceed", 99), "case: 99"),
        (("decide", 99, "--reject", ""), "case: 99"),
        (("vote", 99, "0"), "case: 99"),
        (("reveal", 99), "case: 99"),
        (("appeal", 99), "case: 99"),
        (("withdraw",), "owe it nothing"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(words: tuple[object, ...], said: str, town: Counter) -> None:
    """Field, value and what to give instead; nothing is sent."""
    town.ctx.docket.refresh()
    before = len(town.ctx.docket.hearings)
    answer = town.run("dispute", *words, "--account", "outsider", code=None)
    assert answer.code != 0 and said in answer.err and answer.err.count("\n") <= 2, answer
    assert town.ctx.docket.refresh() and len(town.ctx.docket.hearings) == before
