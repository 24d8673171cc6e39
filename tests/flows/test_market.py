"""A market with all kinds of contributors, from the request to a bundle that anyone can check."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import sheaf
from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import (
    CredentialError,
    InputError,
    Missing,
    RecordError,
    Reverted,
    SpecificationError,
)
from tests.flows.town import SCHEMA, WANTED, Threshold, Town, points


def mislabel(table: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the same points with a share of the labels flipped."""
    flip = np.random.default_rng(seed).random(table.num_rows) < share
    labels = table.column("label").to_numpy()
    return table.set_column(1, "label", pa.array(np.where(flip, 1 - labels, labels), pa.int64()))


def test_a_market_in_one_process(town: Town, tmp_path: Path) -> None:
    """Good records are paid for, garbage and copies are not, wrong labels lose their bond; the buyer gets only good ones."""
    town.staff([Threshold(at) for at in (0.5, 0.45, 0.55, 0.4, 0.6, 0.5, 0.5)])
    request = town.open()
    honest, thief, careless, spammer = (
        town.join(name) for name in ("honest", "thief", "careless", "spammer")
    )
    good, sloppy = points(40, seed=1), mislabel(points(40, seed=2), 0.3, seed=3)
    bad = int((sloppy.column("label").to_numpy() != (sloppy.column("x").to_numpy() > 0.5).astype(int)).sum())
    first = town.offer(request, good, who=honest)
    # Whose committee is drawn first has the records: it is the honest one that is first.
    town.play(lambda: town.phase(first) == "reviewing")
    sent = {
        "honest": first,
        "thief": town.offer(request, good, who=thief),
        "careless": town.offer(request, sloppy, who=careless, is_forced=True),
        "spammer": town.offer(request, mislabel(points(40, seed=4), 1.0, seed=5), who=spammer),
    }
    town.settle(*sent.values())
    settled = {name: actions.settlement_of(town.ctx, number) for name, number in sent.items()}
    assert settled["honest"].paid == 40 * WAD
    assert settled["thief"].paid == settled["spammer"].paid == 0
    assert settled["careless"].approved == 40 - bad
    assert settled["careless"].forfeited == bad * WAD * 20 // 100
    assert all(ledger.is_conserved for ledger in actions.ledgers(town.ctx, request.id))
    codes = {
        name: {finding.code for finding in actions.explain(who, sent[name]).findings}
        for name, who in (("thief", thief), ("spammer", spammer), ("careless", careless))
    }
    assert codes == {
        "thief": {"duplicates.request"},
        "spammer": {"judge.refused"},
        "careless": {"judge.refused"},
    }

    bundle = actions.download(town.buyer, request.id, tmp_path / "bought")
    bought = bundle.to_arrow()
    assert bought.num_rows == 80 - bad
    assert ((bought.column("x").to_numpy() > 0.5) == (bought.column("label").to_numpy() == 1)).all()
    verified = actions.verify(town.ctx, bundle)
    assert verified.is_valid, verified.difference
    assert verified.records == 80 - bad
    assert sheaf.load(tmp_path / "bought").to_polars().height == 80 - bad


def bought(town: Town, directory: Path) -> Path:
    """Let the buyer have a bundle of twenty records, one of thirty refused."""
    town.staff([Threshold()] * 7)
    request = town.open()
    table = mislabel(points(30), 0.2, seed=8)
    town.settle(town.offer(request, table, is_forced=True))
    actions.download(town.buyer, request.id, directory)
    return directory


def reseal(directory: Path, name: str) -> None:
    """Make the manifest agree with a file that was changed, as a forger would."""
    import hashlib

    manifest = json.loads((directory / "manifest.json").read_text())
    data = (directory / name).read_bytes()
    for entry in manifest["files"]:
        if entry["path"] == name:
            entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    (directory / "manifest.json").write_text(json.dumps(manifest))


def change_receipt(directory: Path, change: Callable[[dict[str, object]], None]) -> None:
    receipt = json.loads((directory / "receipt.json").read_text())
    change(receipt)
    (directory / "receipt.json").write_text(json.dumps(receipt))
    reseal(directory, "receipt.json")


def rewrite(directory: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    from sheaf.formats import parquet

    path = directory / name
    path.write_bytes(parquet.write(change(parquet.read(path.read_bytes()))))
    reseal(directory, name)


def test_every_forgery_of_a_bundle_is_named(town: Town, tmp_path: Path) -> None:
    """Whatever of a bundle is changed, manifest and all, `verify` names the first thing that is not as the chain has it."""
    original = bought(town, tmp_path / "bought")
    assert actions.verify(town.ctx, original).is_valid

    def swap(table: pa.Table) -> pa.Table:
        forged = pa.array([0.123, *table.column("x").to_pylist()[1:]])
        return table.set_column(table.column_names.index("x"), "x", forged)

    def upgrade(table: pa.Table) -> pa.Table:
        decisions = ["approved"] * table.num_rows
        return table.set_column(table.column_names.index("decision"), "decision", pa.array(decisions))

    def shuffle(table: pa.Table) -> pa.Table:
        return table.take([1, 0, *range(2, 30)]).set_column(1, "record", table.column("record"))

    def entry(name: str, value: object) -> Callable[[dict[str, object]], None]:
        return lambda receipt: receipt["submissions"][0].update({name: value})  # type: ignore[index]

    forgeries: dict[str, Callable[[Path], None]] = {
        "was altered": lambda d: (d / "LICENSE.txt").write_text("SPDX-License-Identifier: MIT\n") and None,
        "is missing": lambda d: (d / "croissant.json").unlink(),
        "does not belong": lambda d: (d / "data" / "extra.parquet").write_bytes(b"PAR1") and None,
        "chain id": lambda d: change_receipt(d, lambda r: r.update(chain_id=1)),
        "contracts": lambda d: change_receipt(d, lambda r: r["contracts"].update(Escrow="0x" + "1" * 40)),  # type: ignore[attr-defined]
        "buyer": lambda d: change_receipt(d, lambda r: r.update(buyer=town.contributor.account)),
        "price": lambda d: change_receipt(d, lambda r: r.update(price="1")),
        "licence: receipt": lambda d: change_receipt(d, lambda r: r.update(licence="MIT")),
        "root of submission": lambda d: change_receipt(d, entry("root", "0x" + "0" * 64)),
        "paid of submission": lambda d: change_receipt(d, entry("paid", "0")),
        "settled_in": lambda d: change_receipt(d, entry("settled_in", "0x" + "0" * 64)),
        "give a number from 1": lambda d: change_receipt(d, entry("submission", 77)),
        "names one twice": lambda d: change_receipt(d, lambda r: r["submissions"].append(r["submissions"][0])),  # type: ignore[attr-defined,index]
        "verdict of submission": lambda d: rewrite(d, "verdicts.parquet", upgrade),
        "not one row for each": lambda d: rewrite(d, "verdicts.parquet", lambda t: t.slice(1)),
        "root of submission 1": lambda d: rewrite(d, "leaves.parquet", shuffle),
        "not the one that was committed": lambda d: rewrite(d, "data/part-00000.parquet", swap),
        "fewer than were approved": lambda d: rewrite(d, "data/part-00000.parquet", lambda t: t.slice(1)),
        "KeyError": lambda d: change_receipt(d, lambda r: r.clear()),
    }  # fmt: skip
    for name, forge in forgeries.items():
        copy = tmp_path / "forged"
        shutil.copytree(original, copy)
        for folder, _, files in os.walk(copy):
            for file in files:
                (Path(folder) / file).chmod(0o644)
        forge(copy)
        found = actions.verify(town.ctx, copy)
        assert not found.is_valid, name
        assert name in str(found.difference), (name, found.difference)
        shutil.rmtree(copy)


def test_only_the_buyer_downloads_and_only_what_was_paid(town: Town, tmp_path: Path) -> None:
    """Nobody but the buyer gets a bundle, nor the buyer before records are settled; a directory that exists is left alone."""
    town.staff([Threshold()] * 7)
    request = town.open()
    submission = town.offer(request, points(10))
    with pytest.raises(InputError, match="none of its records is approved"):
        actions.download(town.buyer, request.id, tmp_path / "early")
    town.settle(submission)
    with pytest.raises(InputError, match="its buyer is"):
        actions.download(town.contributor, request.id, tmp_path / "stolen")
    (tmp_path / "full").mkdir()
    with pytest.raises(InputError, match="it exists"):
        actions.download(town.buyer, request.id, tmp_path / "full")
    assert not (tmp_path / "early").exists()
    assert not (tmp_path / "stolen").exists()
    outsider = town.join("outsider")
    with pytest.raises(Missing, match="has not come to this account"):
        actions.explain(outsider, submission)


def test_a_buyer_gets_no_key_before_the_money_moved(town: Town) -> None:
    """The key is sealed to the buyer after settlement and not one block earlier."""
    from sheaf.actions.cases.letters import find_key

    town.staff([Threshold()] * 7)
    submission = town.offer(town.open(), points(10))
    town.play(lambda: town.phase(submission) == "decided")
    case = town.ctx.docket.case(submission)
    for validator in town.validators:
        assert not actions.hand_to_buyer(validator.ctx, submission)
    assert find_key(town.buyer, case.submission, case.key_commitment) is None
    town.settle(submission)
    case = town.ctx.docket.case(submission)
    assert find_key(town.buyer, case.submission, case.key_commitment) is not None


def test_a_person_reviews_by_hand(town: Town) -> None:
    """Without a judge the records are opened, looked at in one's own order, and the vote is cast once."""
    town.staff([Threshold()] * 4 + [None])
    request = town.open()
    submission = town.offer(request, mislabel(points(12), 0.3, seed=2), is_forced=True)
    person = town.validators[-1]
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    with pytest.raises(Missing, match="content key"):
        actions.open_records(person.ctx, submission)
    for _ in range(3):
        town.custodian.tick()
        for validator in town.validators:
            validator.tick()
    assert [seat.submission for seat in actions.seats(person.ctx)] == [submission]
    work = actions.open_records(person.ctx, submission)
    assert sorted(work.order.tolist()) == list(range(12))
    assert work.order.tolist() != list(range(12))
    approved = Threshold().judge(work.records, WANTED)
    with pytest.raises(InputError, match="12 booleans"):
        actions.cast(person.ctx, submission, approved[:5])
    with pytest.raises(InputError, match="does not sit"):
        actions.cast(town.buyer, submission, approved)
    actions.cast(person.ctx, submission, approved)
    with pytest.raises(InputError, match="cannot be changed"):
        actions.cast(person.ctx, submission, ~approved)
    town.settle(submission)
    assert actions.seats(person.ctx) == []
    assert actions.settlement_of(town.ctx, submission).approved == int(approved.sum())


def test_blocks_that_are_rolled_back_undo_nothing_for_good(town: Town) -> None:
    """After a reorganisation the docket is rebuilt, the contributor's next call sends again, and the market goes on."""
    town.staff([Threshold()] * 7)
    request = town.open()
    engine = town.ctx.engine
    assert engine is not None
    height = town.ctx.chain.block().number
    submission = town.offer(request, points(10))
    engine.rollback(height)
    town.mine(2)
    assert actions.list_submissions(town.ctx) == []
    again = town.offer(request, points(10))
    assert again == submission
    town.play(lambda: bool(town.ctx.docket.case(again).rounds))
    before_votes = town.ctx.chain.block().number
    town.decide(again)
    engine.rollback(before_votes)
    town.mine()
    assert town.phase(again) in ("pending", "reviewing")
    town.settle(again)
    assert actions.settlement_of(town.ctx, again).paid == 10 * WAD


def test_stakes_and_accounts(town: Town) -> None:
    """Stake goes in, weighs, leaves after its time; what cannot be done is said in one line."""
    validator = town.join("validator", tokens=100 * WAD)
    with pytest.raises(InputError, match="balance"):
        actions.stake(validator, 101 * WAD)
    with pytest.raises(InputError, match="more than zero"):
        actions.stake(validator, 0)
    with pytest.raises(Reverted, match="stakes: not a validator"):
        actions.unbond(validator, WAD)
    actions.stake(validator, 60 * WAD)
    actions.declare(validator, town.buyer.account)
    held = actions.balances(validator)
    assert (held.staked, held.tokens, held.locked) == (60 * WAD, 40 * WAD, 0)
    assert held.validator is not None
    actions.unbond(validator, 20 * WAD)
    with pytest.raises(Reverted, match="still unbonding"):
        actions.withdraw_stake(validator)
    town.advance(100)
    assert actions.withdraw_stake(validator) == 20 * WAD
    assert actions.balances(validator).staked == 40 * WAD
    with pytest.raises(Reverted, match="nothing owed"):
        actions.withdraw(validator)
    with pytest.raises(CredentialError, match="account: none"):
        actions.withdraw(town.ctx)


def test_what_a_request_may_be(town: Town, tmp_path: Path) -> None:
    """Requests that no one could serve are refused before money moves, and money is added and seen."""
    import msgspec

    from sheaf.domain.ids import Cid
    from sheaf.domain.request import CheckUse, Sample

    before = actions.balances(town.buyer).tokens
    for terms, words in (
        ({"price": 0}, "price: 0"),
        ({"escrow": -5}, "escrow: -5"),
        ({"record_limit": 0}, "record_limit"),
        ({"deadline_seconds": 0}, "deadline"),
        ({"token": town.ctx.chain.address_of("Nodes")}, "lock_rate_wad"),
    ):
        with pytest.raises(InputError, match=words):
            town.open(**terms)
    absent = msgspec.structs.replace(
        WANTED, sample=Sample(Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"), 3)
    )
    with pytest.raises(SpecificationError, match="publish the sample"):
        town.open(absent)
    unknown = msgspec.structs.replace(WANTED, checks=(CheckUse("astrology"),))
    with pytest.raises(SpecificationError, match="astrology"):
        town.open(unknown)
    with pytest.raises(RecordError):
        actions.publish_sample(town.buyer, pa.table({"y": [1]}), WANTED)
    assert actions.balances(town.buyer).tokens == before

    sample = actions.publish_sample(town.buyer, points(5), WANTED)
    path = tmp_path / "wanted.json"
    path.write_text(
        json.dumps(
            {
                "title": "Points",
                "schema": SCHEMA,
                "licence": "CC0-1.0",
                "sample": {"cid": sample.cid, "records": 5},
            }
        )
    )
    request = town.open(path)  # type: ignore[arg-type]
    assert actions.specification(town.contributor, request.id).sample == sample
    actions.fund_request(town.buyer, request.id, 100 * WAD)
    assert actions.show_request(town.ctx, request.id).free == 600 * WAD
    assert [one.id for one in actions.list_requests(town.ctx, town.buyer.account)] == [request.id]
    assert actions.list_requests(town.ctx, town.contributor.account) == []
    with pytest.raises(InputError, match="request: 9"):
        actions.show_request(town.ctx, 9)
