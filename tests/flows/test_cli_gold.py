"""Gold by commands: a buyer gives it, a contributor waits for it, a validator sees its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sheaf import actions
from sheaf.cli.session import Session
from sheaf.domain.amounts import WAD
from sheaf.nodes.keeper import Keeper
from sheaf.review import reversals
from tests.flows.counter import SPECIFICATION, Counter, opened
from tests.flows.test_cli import turn
from tests.flows.town import points


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with opened(tmp_path_factory.mktemp("gold") / "home") as town:
        town.custodian.tick()
        yield town


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, int, int], Path]:
    """Writes the specification, or so many points by a seed as CSV."""

    def write(name: str, count: int = 0, seed: int = 0) -> Path:
        path = tmp_path / name
        table = points(count, seed) if count else None
        rows = zip(table["x"].to_pylist(), table["label"].to_pylist(), strict=True) if table else ()
        path.write_text(
            "x,label\n" + "".join(f"{x},{label}\n" for x, label in rows) if table else SPECIFICATION
        )
        return path

    return write


def test_gold_by_commands(
    market: Counter, files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened with gold, sent while the keeper runs, settled; the validator's record tells of its gold for people and programs."""
    keeper = Keeper(market.custodian.ctx)
    account = keeper.ctx.account
    terms = ("--price", 1, "--escrow", 100, "--records", 50, "--account", "buyer")
    gold = ("--gold", files("known.csv", 20, 9), "--gold-share", "0.2", "--keeper", account)
    request = market.ask("request", "open", files("points.toml"), *terms, *gold)["id"]
    shown = market.ask("request", "show", request)["specification"]["gold"]
    assert (shown["keeper"], shown["share_bps"]) == (account, 2000)
    assert "20 % of a batch" in market.run("request", "show", request).out
    batch = files("batch.csv", 12, 1)
    seen = market.ask("submission", "preview", request, batch)
    assert (seen["records"], seen["gold"], seen["keeper"]) == (12, 3, account)
    told = market.run("submission", "preview", request, batch).out
    assert "up to 3 records with known answers" in " ".join(told.split())
    monkeypatch.setattr(Session, "pause", lambda session: keeper.tick())
    options = ("--account", "contributor", "--custodian", account)
    submission = market.ask("submission", "send", request, batch, *options)["submission"]
    while actions.status(market.ctx, submission).phase != "settled":
        turn(market, submission)
        keeper.tick()
    assert actions.settlement_of(market.ctx, submission).paid == 12 * WAD
    who = market.validators[0].ctx.account
    record = market.ask("stake", "show", who)
    assert (record["batches"], record["hits"], record["misses"], record["accuracy"]) == (1, 3, 0, 1.0)
    assert (record["proven"], record["suspended"]) == (0.0, 0)
    assert "3 of 3 right" in market.run("stake", "show", who).out
    monkeypatch.setattr(reversals, "suspended", lambda chain, account: reversals.Evidence(4, 12, 5 * WAD))
    shown = " ".join(market.run("stake", "show", who).out.split())
    assert "50 % of what is beyond chance; then 5 SHEAF are lost" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--gold-wrong", "known.csv"), 2, "gold: none"),
        (("--gold", "known.csv", "--gold-share", "0.6", "--keeper", "outsider"), 2, "at most 0.5"),
        (("--gold", "known.csv", "--gold-share", "nan", "--keeper", "outsider"), 2, "at most 0.5"),
        (("--gold", "known.csv"), 2, "sheaf custodian run"),
        (("--gold", "known.csv", "--keeper", "buyer"), 2, "before they are paid for"),
        (("--gold", "one.csv", "--keeper", "outsider"), 2, "two or more"),
        (("--gold", "broken.csv", "--keeper", "outsider"), 2, "label"),
    ],
)
def test_gold_that_is_refused(
    market: Counter, files: Callable[..., Path], words: tuple[str, ...], code: int, said: str
) -> None:
    """Gold that could test nobody, or has no keeper, is refused in one line before anything is sent."""
    files("known.csv", 10, 3)
    files("one.csv", 1, 3)
    wanted = files("points.toml")
    (wanted.parent / "broken.csv").write_text("x,label\n0.1,9\n0.9,1\n")
    placed = [str(wanted.parent / word) if word.endswith(".csv") else word for word in words]
    before = len(actions.list_requests(market.ctx))
    terms = ("--price", 1, "--escrow", 10, "--records", 5, "--account", "buyer")
    answer = market.run("request", "open", wanted, *terms, *placed, code=code)
    assert said in " ".join((answer.out + answer.err).split()), answer.err
    assert len(actions.list_requests(market.ctx)) == before


def test_who_is_no_validator_has_no_record(market: Counter) -> None:
    """An account that never staked has nothing to show."""
    assert market.ask("stake", "show", "outsider", code=2)["error"]["field"] == "account"
