"""Data that stay with their owner, by commands: what each side is told, in words and in JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from sheaf.domain.amounts import WAD
from sheaf.nodes.compute.serving import Serving, Site, serve
from tests.flows.counter import Counter
from tests.flows.test_datasets import counter

POLICY = """
release = "statistics"
purposes = ["research"]
methods = ["query"]
answers = 50
expires = 2099-01-01
minimum_rows = 10
budget = { epsilon = 1, delta = 1e-6, total = 2 }
limits = { wall_seconds = 10 }
[fields]
age = { show = "disclosed", minimum = 0, maximum = 100 }
ill = { show = "disclosed", choices = ["yes", "no"] }
"""
PROGRAM = "def compute(folder, parameters):\n    return {'rows': 1}\n"
ORDER = ("compute", "order", 1)
ASK = (*ORDER, "--sql", "SELECT ill, count(*) FROM data GROUP BY ill", "--account", "buyer")


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Any, /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*given, **named))
        return done


class Ward:
    """A market behind a URL whose owner has published 50 made records, and a provider's node that takes steps when told to."""

    def __init__(self, town: Counter, root: Path) -> None:
        self.town, self.root, self.folder = town, root, root / "ward"
        self.folder.mkdir()
        rows = [f"{20 + i},{'yes' if i > 30 else 'no'}" for i in range(50)]
        (self.folder / "ward.csv").write_text("\n".join(["age,ill", *rows]) + "\n")
        (root / "policy.toml").write_text(POLICY)
        self.ahead = 0

    def publish(self) -> dict[str, Any]:
        words = ("dataset", "publish", self.folder, "--policy", self.root / "policy.toml", "--title", "Ward")
        more = ("--licence", "CC-BY-4.0", "--price", "statistics=5", "--account", "owner")
        found: dict[str, Any] = self.town.ask(*words, *more)
        return found

    def now(self) -> float:
        return float(self.town.ctx.chain.block().timestamp + self.ahead)

    def serve(self) -> Serving:
        from sheaf.actions import unlock
        from tests.flows.counter import PASSWORD

        signer = unlock(self.town.settings.keystore_directory, "provider", PASSWORD)
        me = self.town.ctx.acting_as(signer)
        return serve(me, Site(self.root / "site", {1: self.folder}, None, "e" * 64), Inline(), self.now)

    def work(self, serving: Serving) -> None:
        """Take an order on, compute, and hand over when its time has come."""
        serving.provider.tick()
        self.ahead += 11
        serving.provider.tick()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    root = tmp_path_factory.mktemp("ward")
    with counter(root) as town:
        made = Ward(town, root)
        found = made.publish()
        assert found["dataset"] == 1 and found["warnings"] == []
        town.ask("dataset", "provide", 500, "--account", "provider")
        served = town.run(
            "dataset", "serve", 1, "--fee", 1, "--lock", 50, "--seconds", 600, "--account", "owner"
        )
        assert served.out == "dataset 1: fee 1 SHEAF, lock 50 SHEAF, 600 s for an order\n"
        town.ask("dataset", "admit", 1, "provider", "--account", "owner")
        yield made


def test_an_order_says_when_and_how_the_money_returns(ward: Ward) -> None:
    """Placing tells the wait, the way back and what comes next; before it is taken on all money returns, once."""
    town = ward.town
    placed = town.run(*ASK, "--epsilon", 0.5).out
    number = int(placed.split()[1])
    for words in (
        "6 SHEAF wait in escrow", "leaves 10 s after its job began at the earliest", f"sheaf compute watch {number}",
        f"at once while nobody has taken it on; then after 600 s (10 min) without an answer: `sheaf dataset refund {number}`",
    ):  # fmt: skip
        assert words in placed
    shown = town.run("compute", "show", number).out
    assert (
        "waits for its provider to take it on" in shown
        and f"order {number} · statistics of dataset 1" in shown
    )
    told = town.ask("compute", "show", number, "--account", "buyer")
    assert (told["state"], told["answer"], told["hold_seconds"], told["paid"]) == (
        "placed",
        "none",
        10,
        6 * WAD,
    )
    refused = town.ask("dataset", "refund", number, "--account", "owner", code=2)["error"]
    assert "only its buyer takes it back before it is taken on" in refused["message"]
    assert "6 SHEAF came back" in town.run("dataset", "refund", number, "--account", "buyer").out
    again = town.run("dataset", "refund", number, "--account", "buyer").out
    assert again == f"order {number} was refunded, its money has been taken\n"
    assert "refunded: what was paid has come back" in town.run("compute", "watch", number).out


def test_an_answer_by_commands(ward: Ward) -> None:
    """From question to table, receipt, fee, income and the owner's account of it, in words and in JSON."""
    pytest.importorskip("opendp")
    town = ward.town
    number = town.ask(*ASK, "--epsilon", 0.5)["order"]
    assert (
        "there is no answer"
        in town.ask("compute", "result", number, "--account", "buyer", code=2)["error"]["message"]
    )
    serving = ward.serve()
    serving.provider.start()
    serving.provider.tick()
    assert "taken on: its provider computes" in town.run("compute", "show", number).out
    ward.ahead += 11
    serving.provider.tick()
    followed = town.run("compute", "watch", number, "--account", "buyer")
    assert f"the answer has come: `sheaf compute result {number}`" in followed.out + followed.err
    shown = town.run("compute", "result", number, "--account", "buyer").out
    assert "± is the noise" in shown and "ill" in shown and "yes" in shown and "it cost ε = " in shown
    told = town.ask("compute", "result", number, "--account", "buyer")
    assert json.loads(told["output"])["columns"] == ["ill", "count(*)"] and 0 < told["epsilon"] <= 0.5
    assert town.ask("compute", "result", number, "--account", "owner", code=2)["error"]["field"] == "order"
    uses = town.run("dataset", "uses", 1, "--account", "owner").out
    assert (
        "research" in uses
        and "5 SHEAF earned in all, 5 SHEAF of it to be claimed" in uses
        and "of 2 is spent" in uses
    )
    assert "1 SHEAF of fees and refunds" in town.run("dataset", "claim", "--account", "provider").out
    assert town.run("dataset", "claim", "--account", "provider").out == "nothing is owed now\n"
    assert town.ask("dataset", "claim", "--account", "owner")["income"] == {"1": 5 * WAD}
    seat = town.run("dataset", "provide", "--account", "provider").out
    assert "500 SHEAF" in seat and "1 settled" in seat
    leaving = town.ask("dataset", "unbond", 100, "--account", "provider")
    assert leaving["unbonding"] == 100 * WAD and leaving["release_at"] > 0


def test_a_stated_hash_without_bytes(ward: Ward) -> None:
    """The buyer is told that the bytes have not come and what can be done; with its exit code, in words and in JSON."""
    pytest.importorskip("opendp")
    town = ward.town
    number = town.ask(*ASK, "--epsilon", 0.5)["order"]
    serving = ward.serve()
    serving.provider.start()
    serving.orders.hand_over = lambda *_: None  # type: ignore[method-assign]
    ward.work(serving)
    shown = town.run("compute", "show", number, "--account", "buyer").out
    assert (
        "its hash is on the chain, its bytes have not come: ask its provider" in shown and "settled" in shown
    )
    refused = town.run("compute", "result", number, "--account", "buyer", code=5)
    assert "its bytes have not come" in refused.err and "no contract can make it" in refused.err
    assert "name its buyer by --account" in town.run("compute", "show", number).out


def test_a_buyer_prepares_at_home(ward: Ward) -> None:
    """Policy, twin and rehearsal need no more than the dataset's number; the twin holds no record."""
    import pyarrow.parquet as pq

    town, twin = ward.town, ward.root / "twin.parquet"
    told = town.run("compute", "explain", 1).out
    assert "ε = 2 for all answers" in told and "look at" not in told
    assert town.ask("compute", "twin", 1, twin, "--rows", 7)["fields"] == {"age": "int64", "ill": "string"}
    assert pq.read_table(twin).num_rows == 7
    assert town.ask("compute", "twin", 1, twin, code=2)["error"]["field"] == "target"
    assert town.ask("compute", "twin", 99, ward.root / "x", code=2)["error"]["field"] == "dataset"
    csv = ward.folder / "ward.csv"
    assert "give --policy" in town.run("compute", "twin", csv, ward.root / "x", code=2).err
    assert town.ask("compute", "twin", csv, ward.root / "y.parquet", "--policy", 1)["records"] == 1000
    program = ward.root / "program.py"
    program.write_text(PROGRAM)
    refused = town.run("compute", "try", program, twin, "--policy", 1, "--unconfined", code=2).err
    assert "nothing to rehearse" in refused


def test_shown_values_by_commands(ward: Ward) -> None:
    """The owner writes a file of values with proofs; anybody holds it against the chain; a changed value ends with exit code 6."""
    town, file = ward.town, ward.root / "shown.json"
    words = (
        "dataset",
        "disclose",
        1,
        file,
        "--field",
        "age",
        "--field",
        "ill",
        "--record",
        3,
        "--record",
        49,
    )
    assert town.ask(*words, "--account", "owner")["values"] == 4
    assert "is there already" in town.run(*words, "--account", "owner", code=2).err
    shown = town.run("dataset", "check", file).out
    assert "4 values stand in dataset 1, version 1\n" in shown and "23" in shown
    assert [one["value"] for one in town.ask("dataset", "check", file)["values"]] == [23, 69, "no", "yes"]
    forged = ward.root / "forged.json"
    forged.write_text(file.read_text().replace('"value":23', '"value":24'))
    assert "not what the owner committed to" in town.run("dataset", "check", forged, code=6).err
    other = ward.root / "other.json"
    for wrong, said in (
        (("--sample", 1), "samples are parts of listings"), (("--field", "x", "--record", 1), "field: x"),
        (("--field", "age"), "record: none"), (("--field", "age", "--record", 50), "below 50"),
    ):  # fmt: skip
        assert said in town.run("dataset", "disclose", 1, other, *wrong, "--account", "owner", code=2).err
    assert "a listing has samples" in town.run("dataset", "disclose", file, other, "--record", 1, code=2).err
    listing = ward.root / "a.listing"
    listing.write_text("eyJ.x.y~")
    assert "is a listing: give its owner's public key" in town.run("dataset", "check", listing, code=2).err
    assert "give a path that there is" in town.run("dataset", "check", ward.root / "none", code=5).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "order: nothing asked for: give one of --sql"),
        (("--sql", "SELECT count(*) FROM data", "--download"), "order: sql, download: give one of"),
        (("--sql", ""), "sql"),
        (("--sql", "SELECT mean(height) FROM data"), "height: is no column here"),
        (
            ("--sql", "SELECT count(*) FROM data", "--epsilon", "nan"),
            "epsilon: nan: give a number above zero",
        ),
        (
            ("--sql", "SELECT count(*) FROM data", "--epsilon", "-1"),
            "epsilon: -1.0: give a number above zero",
        ),
        (
            ("--sql", "SELECT count(*) FROM data", "--epsilon", "inf"),
            "epsilon: inf: give a number above zero",
        ),
        (("--sql", "SELECT count(*) FROM data", "--purpose", "spying"), "purpose 'spying' is not allowed"),
        (("--sql", "SELECT count(*) FROM data", "--provider", "owner"), "it has no seat at this dataset"),
        (("--sql", "SELECT count(*) FROM data", "--provider", "0x12"), "provider: 0x12"),
        (("--download",), "use: download: it is not offered"),
        (("--sql", "x" * 70_000), "parameters"),
    ],
)
def test_what_cannot_be_ordered(ward: Ward, words: tuple[str, ...], said: str) -> None:
    """A wrong order ends with one line and costs nothing."""
    before = ward.town.ask("account", "show", "buyer")["tokens"]
    refused = ward.town.run(*ORDER, *words, "--account", "buyer", code=None)
    assert refused.code in (1, 2) and said in refused.err and refused.err.count("\n") == 1, refused.err
    assert ward.town.ask("account", "show", "buyer")["tokens"] == before


def test_files_that_cannot_be_ordered_with(ward: Ward) -> None:
    """A lesson that is no JSON object, a program that is a folder or empty, or none at all, is refused by its name."""
    lesson = ward.root / "lesson.json"
    for text, said in (("[1]", "give a JSON object"), ("{", "give JSON"), ("[" * 9000, "give JSON")):
        lesson.write_text(text)
        assert said in ward.town.run(*ORDER, "--train", lesson, "--account", "buyer", code=2).err
    assert (
        "give a file, not a folder"
        in ward.town.run(*ORDER, "--program", ward.root, "--account", "buyer", code=5).err
    )
    assert (
        "none.json"
        in ward.town.run(*ORDER, "--train", ward.root / "none.json", "--account", "buyer", code=5).err
    )
    empty = ward.root / "empty.py"
    empty.write_text("")
    assert "program" in ward.town.run(*ORDER, "--program", empty, "--account", "buyer", code=2).err
    for number in (99, 2**70, 2**300):
        for verb in ("show", "watch", "result"):
            refused = ward.town.ask("compute", verb, number, "--account", "buyer", code=2)["error"]
            assert refused["field"] == "order" and "see `sheaf dataset orders`" in refused["message"]
    assert "equal to 1" in ward.town.run("compute", "show", 0, code=2).err
