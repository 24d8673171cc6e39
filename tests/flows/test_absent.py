"""What a market does when somebody's part is missing: the buyer's specification, a key, a usable reading key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sheaf import actions
from sheaf.actions.cases import letters
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Missing, SpecificationError
from sheaf.market import requests
from sheaf.registry import nodes
from tests.flows.town import Threshold, Town, points


def test_a_specification_that_cannot_be_read_refuses_nothing(town: Town) -> None:
    """A buyer whose document is none pays for what honestly matches its commitment: reviewers are not made to lose by it."""
    from sheaf.actions.account import approve
    from sheaf.actions.cases.examine import associated, content_of
    from sheaf.formats import parquet
    from sheaf.store import cid as cids
    from sheaf.store.envelope import encrypt, key_commitment, new_key

    town.staff([Threshold()] * 6)
    buyer, ctx = town.buyer, town.contributor
    approve(buyer, buyer.token, buyer.chain.address_of("Escrow"), 103 * WAD)
    terms = requests.Terms(
        token=buyer.token, price=WAD, fee_bps=400, record_limit=50, deadline=buyer.chain.block().timestamp + 10**6,
        lock_rate_wad=WAD, spec=buyer.store.put(b"{ not a specification"), amount=100 * WAD,
    )  # fmt: skip
    request = requests.open_request(buyer.chain, buyer.sender, terms)
    with pytest.raises(SpecificationError, match="is no specification"):
        actions.specification(ctx, request)
    key, table = new_key(), points(10)
    content = content_of(table, key, request, ctx.account)
    data = b"".join(encrypt(key, parquet.write(table), associated(ctx, request, ctx.account)))
    bond, _ = requests.reservation(ctx.chain, actions.show_request(ctx, request), 10)
    approve(ctx, ctx.token, ctx.chain.address_of("Escrow"), bond)
    offer = requests.Offer(
        request=request, records=10, root=content.root, cid=cids.binary(ctx.store.put(data)),
        key_commitment=key_commitment(key), custodian=town.custodian.ctx.account, gold=bytes([9] * 32),
    )  # fmt: skip
    submission = requests.submit(ctx.chain, ctx.sender, offer)
    assert letters.seal_key(ctx, submission, key, town.custodian.ctx.account)
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == 10 * WAD


def test_a_reading_key_of_low_order_holds_up_nobody(town: Town) -> None:
    """A validator that publishes a worthless reading key is sealed nothing; the custodian serves all others and says who is left."""
    town.staff([Threshold()] * 5)
    broken = town.validators[-1]
    nodes.register(broken.ctx.chain, broken.ctx.sender, b"\x01" + bytes(31))
    submission = town.offer(town.open(), points(5))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds), validators=town.validators[:-1])
    town.custodian.tick()
    assert "1 readers have published no usable" in town.custodian.caseload.waiting[submission]
    for _ in range(3):
        for validator in town.validators[:-1]:
            validator.tick()
        town.mine()
    where = letters.topic(town.ctx, "commitments", submission, 1)
    assert len(town.ctx.mailbox.read(where)) == 4


def test_a_buyer_takes_what_has_come_and_hears_what_has_not(town: Town, tmp_path: Path) -> None:
    """Where a submission's content is gone the download names it; the rest is had when asked for."""
    town.staff([Threshold()] * 7)
    request = town.open()
    first, second = town.offer(request, points(5, seed=1)), town.offer(request, points(6, seed=2))
    town.settle(first, second)
    cid = town.ctx.docket.case(second).cid
    assert cid is not None
    town.ctx.store.delete(cid)
    with pytest.raises(Missing, match=f"submission {second}"):
        actions.download(town.buyer, request.id, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
    bundle = actions.download(town.buyer, request.id, tmp_path / "part", is_partial=True)
    assert bundle.records == 5
    assert actions.verify(town.ctx, bundle).is_valid
