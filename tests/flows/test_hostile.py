"""Strangers may post and submit anything; honest members come to the same verdict all the same."""

from __future__ import annotations

import os

import msgspec
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions.cases import letters
from sheaf.actions.cases.letters import CommitmentLetter, KeyLetter, OpeningLetter, ReasonsLetter, SheetLetter
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, RecordError
from sheaf.market import requests
from sheaf.store import cid as cids
from sheaf.store.envelope import key_commitment, new_key, seal
from tests.flows.town import WANTED, Threshold, Town, points


def flood(town: Town, submission: int) -> None:
    """Post a bit of everything to every topic of a submission."""
    ctx = town.ctx
    case = ctx.docket.case(submission)
    someone = [letters.account_bytes(v.ctx.account) for v in town.validators]
    for kind in ("keys", "sheets", "reasons", "commitments", "openings"):
        where = letters.topic(ctx, kind, submission, 1 if kind in ("commitments", "openings") else None)
        for junk in (
            b"\x00",
            b"\xc1",
            os.urandom(65536),
            msgspec.msgpack.encode({"seat": 1}),
            b"\x93" * 4000,
        ):
            ctx.mailbox.post(where, junk)
    keys = letters.topic(ctx, "keys", submission)
    for reader in someone:
        letters.post(ctx, keys, KeyLetter(reader, os.urandom(80)))
        letters.post(ctx, keys, KeyLetter(reader, b""))
    for validator in town.validators:
        wrong = seal(new_key(), validator.ctx.reading_key.public, letters._context(ctx, case.submission))
        letters.post(ctx, keys, KeyLetter(letters.account_bytes(validator.ctx.account), wrong))
    for seat in (0, 1, 4, 99, -1):
        letters.post(
            ctx,
            letters.topic(ctx, "commitments", submission, 1),
            CommitmentLetter(seat, b"\x01" * 32, b"\x02" * 65),
        )
        letters.post(
            ctx, letters.topic(ctx, "commitments", submission, 1), CommitmentLetter(seat, b"\x01", b"")
        )
        letters.post(
            ctx,
            letters.topic(ctx, "openings", submission, 1),
            OpeningLetter(seat, b"\x00" * 32, b"\xff" * 32),
        )
        letters.post(ctx, letters.topic(ctx, "openings", submission, 1), OpeningLetter(seat, b"", b""))
    broken = ctx.store.put(b"not a sheet")
    for cid in (str(broken), "../../etc/passwd", "", "bafy"):
        letters.post(
            ctx,
            letters.topic(ctx, "sheets", submission),
            SheetLetter(cid, dict.fromkeys(someone, b"\x00" * 80)),
        )
        letters.post(ctx, letters.topic(ctx, "reasons", submission), ReasonsLetter(0, cid))


def test_hostile_letters_change_nothing(town: Town) -> None:
    """Junk, forged signatures, foreign keys and false openings in every topic are ignored, and counted in the node's health."""
    town.staff([Threshold()] * 7)
    request = town.open()
    submission = town.offer(request, points(25))
    flood(town, submission)
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == 25 * WAD
    case = town.ctx.docket.case(submission)
    assert len(case.rounds[0].groups) == 1
    ignored = {reason for reason, seen in town.ctx.ignored.items() if seen}
    assert {
        "key letter that cannot be opened",
        "key that does not match its commitment",
        "malformed KeyLetter",
    } <= ignored


def test_a_copied_commitment_is_not_ones_own(town: Town) -> None:
    """A member's letter posted again for another seat does not count there: the signature says whose it is."""
    town.staff([Threshold()] * 7)
    submission = town.offer(town.open(), points(10))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    where = letters.topic(town.ctx, "commitments", submission, 1)
    for _ in range(6):
        for copied in letters.read(town.ctx, where, CommitmentLetter):
            letters.post(town.ctx, where, msgspec.structs.replace(copied, seat=(copied.seat + 1) % 5))
        town.play(lambda: True)
        town.custodian.tick()
        for validator in town.validators:
            validator.tick()
        town.mine()
    town.decide(submission)
    assert actions.status(town.ctx, submission).approved == 10


def raw_submission(
    town: Town, request: int, *, cid: str, root: bytes, key: bytes, records: int = 10, has_key: bool = True
) -> int:
    """Submit without the client's care, as a hostile contributor would."""
    ctx = town.contributor
    found = actions.show_request(ctx, request)
    bond, _ = requests.reservation(ctx.chain, found, records)
    from sheaf.actions.account import approve

    approve(ctx, found.token, ctx.chain.address_of("Escrow"), bond)
    offer = requests.Offer(
        request=found.id, records=records, root=root, cid=cids.binary(cid),
        key_commitment=key_commitment(key), custodian=town.custodian.ctx.account, gold=bytes([9] * 32),
    )  # fmt: skip
    number = requests.submit(ctx.chain, ctx.sender, offer)
    if has_key:
        assert letters.seal_key(ctx, number, key, town.custodian.ctx.account)
    return int(number)


@pytest.mark.parametrize(
    "fault", ["absent", "noise", "other key", "other root", "no parquet", "foreign", "count", "columns"]
)
def test_content_that_is_not_what_was_committed_is_refused_whole(town: Town, fault: str) -> None:
    """Missing, undecryptable, unreadable or otherwise false content: every record rejected, with a code that says so."""
    from sheaf.actions.cases.examine import associated, content_of
    from sheaf.formats import parquet
    from sheaf.store.chunks import root_of
    from sheaf.store.envelope import encrypt

    town.staff([Threshold()] * 7)
    request = town.open()
    key, ctx = new_key(), town.contributor
    table = {"count": points(9), "columns": pa.table({"y": [1.0] * 10})}.get(fault, points(10))
    content = content_of(table, key, request.id, ctx.account)
    bound = associated(ctx, request.id, town.buyer.account if fault == "foreign" else ctx.account)
    packed = b"not parquet at all" if fault == "no parquet" else parquet.write(table)
    data = b"".join(encrypt(new_key() if fault == "other key" else key, packed, bound))
    if fault == "noise":
        data = os.urandom(len(data))
    cid = root_of(data) if fault == "absent" else ctx.store.put(data)
    root = os.urandom(32) if fault == "other root" else content.root
    submission = raw_submission(town, request.id, cid=cid, root=root, key=key)
    if fault == "absent":
        town.play(lambda: bool(ctx.docket.case(submission).rounds))
        drawn = ctx.docket.case(submission).rounds[0]
        town.advance((drawn.commit_until - drawn.drawn_at) // 2 + 1)
    town.settle(submission)
    settled = actions.settlement_of(town.ctx, submission)
    assert (settled.approved, settled.rejected) == (0, 10)
    assert settled.forfeited == 2 * WAD
    assert settled.validators_paid > 0
    seated = next(v.ctx for v in town.validators if v.ctx.account in ctx.docket.case(submission).members)
    codes = {finding.code for finding in actions.explain(seated, submission).findings}
    assert codes
    assert all(code.startswith("commitment.") for code in codes)


def test_a_key_that_never_comes_is_the_contributors_fault(town: Town) -> None:
    """Where the custodian has no key the members wait for half of the window and refuse the submission whole."""
    town.staff([Threshold()] * 7)
    request = town.open()
    submission = raw_submission(
        town,
        request.id,
        cid=town.ctx.store.put(b"x" * 100),
        root=os.urandom(32),
        key=new_key(),
        has_key=False,
    )
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    drawn = town.ctx.docket.case(submission).rounds[0]
    for _ in range(4):
        for validator in town.validators:
            validator.tick()
        town.mine()
    assert actions.status(town.ctx, submission).committed == 0
    town.advance((drawn.commit_until - drawn.drawn_at) // 2 + 1)
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).rejected == 10


def test_recycled_records_are_refused_though_reviewers_differ(town: Town) -> None:
    """Records sold once are refused when another sends them again, even at the same time and to a committee that never saw them."""
    town.staff([Threshold()] * 12)
    request = town.open()
    thief = town.join("thief")
    first = town.offer(request, points(30))
    second = town.offer(request, points(30), who=thief)
    town.settle(first, second)
    assert actions.settlement_of(town.ctx, first).approved == 30
    assert actions.settlement_of(town.ctx, second).rejected == 30
    assert {finding.code for finding in actions.explain(thief, second).findings} == {"duplicates.request"}


def test_the_number_decides_who_was_first_and_not_the_draw(town: Town) -> None:
    """Who sells again what was entrusted to it, and has its own committee drawn blocks before, is refused; the maker is paid."""
    town.staff([Threshold()] * 12)
    request, table = town.open(), points(8, seed=51)
    made = town.offer(request, table)
    town.mine()
    stolen = town.offer(request, table, who=town.join("thief"))
    town.mine(3)
    assert actions.tend(town.buyer, stolen) == "draw"
    town.mine(5)
    assert town.phase(made) == "pending"
    town.settle(made, stolen)
    assert [actions.settlement_of(town.ctx, one).approved for one in (made, stolen)] == [8, 0]


def test_a_twin_drawn_late_overtakes_nobody(town: Town) -> None:
    """A lower number whose committee was not drawn while the other's waited for it has lost its place: it is the copy."""
    town.staff([Threshold()] * 12)
    request, table = town.open(), points(8, seed=52)
    twin = town.offer(request, table, who=town.join("thief"))
    town.mine()
    made = town.offer(request, table)
    town.mine(3)
    assert actions.tend(town.buyer, made) == "draw"
    drawn = town.ctx.docket.case(made).rounds[0]
    town.advance(drawn.patience_until - drawn.drawn_at + 1)
    town.settle(made, twin)
    assert [actions.settlement_of(town.ctx, one).approved for one in (twin, made)] == [0, 8]


def test_the_client_refuses_before_anything_is_sent(town: Town) -> None:
    """What would be refused, or cannot be paid for, is said in one line, and no money moves."""
    request = town.open(escrow=100 * WAD, record_limit=40)
    before = actions.balances(town.contributor)
    bad = pa.table({"x": [0.1, 7.0], "label": pa.array([0, 1], pa.int64())})
    with pytest.raises(RecordError, match=r"record 1: schema\."):
        town.offer(request, bad)
    with pytest.raises(RecordError, match=r"duplicates\.submission"):
        town.offer(request, pa.concat_tables([points(3), points(3)]))
    with pytest.raises(RecordError):
        town.offer(request, pa.table({"y": [1]}))
    with pytest.raises(InputError, match="records: 41"):
        town.offer(request, points(41))
    poor = actions.local_account(town.ctx, "poor", tokens=0)
    with pytest.raises(InputError, match="balance"):
        town.offer(request, points(5), who=poor)
    with pytest.raises(InputError, match="a buyer cannot contribute"):
        town.offer(request, points(5), who=town.buyer)
    stranger = Signer(b"\x07" * 32).address
    with pytest.raises(InputError, match=r"custodian.*no reading key"):
        actions.submit(town.contributor, request.id, points(5), custodian=stranger)
    with pytest.raises(InputError, match="request: 99"):
        actions.submit(town.contributor, 99, points(5))
    with pytest.raises(InputError, match="balance"):
        actions.open_request(poor, WANTED, price=WAD, escrow=10 * WAD, record_limit=5)
    assert actions.balances(town.contributor) == before
    assert actions.list_submissions(town.ctx) == []
