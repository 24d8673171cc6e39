"""Gold in the running market: mixed in by its keeper, told apart by nobody, opened after the vote."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions.account import approve
from sheaf.actions.cases import letters
from sheaf.actions.gold import dealing, opening, slips
from sheaf.actions.gold.stock import Gold
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, IntegrityError, Missing
from sheaf.domain.request import Request
from sheaf.governance import parameters
from sheaf.market import requests
from sheaf.nodes.keeper import Keeper
from sheaf.review import scores, stakes
from sheaf.store.cid import binary
from tests.flows.test_killed import Killed, Reaper
from tests.flows.town import Doubter, Threshold, Town, points


class Credulous:
    """A judge that looks at nothing and approves everything."""

    def judge(self, records: pa.Table, specification: object) -> np.ndarray[Any, Any]:
        return np.ones(records.num_rows, dtype=np.bool_)


class GoldTown:
    """A town whose custodian keeps gold: the two roles tick together."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.keeper = Keeper(town.custodian.ctx)
        custodian = town.custodian
        serve = custodian.tick
        custodian.tick = lambda: serve() + self.keeper.tick()  # type: ignore[method-assign]

    def open(self, gold: int = 60, seed: int = 77, escrow: int = 2_000, **options: Any) -> Request:
        """Open a request with gold, at 1 token a record."""
        given = Gold(points(gold, seed=seed), self.town.custodian.ctx.account, **options)
        return self.town.open(escrow=escrow * WAD, record_limit=2_000, gold=given)

    def offer(self, request: Request, table: pa.Table, **options: Any) -> int:
        """Submit, and let the keeper mix in between."""
        with pytest.raises(Missing, match="has not mixed yet"):
            self.town.offer(request, table, **options)
        self.keeper.tick()
        return self.town.offer(request, table, **options)

    def mix(self, submission: int) -> dealing.Mix:
        """Return what only the keeper knows of a submission."""
        found = dealing.mix_of(self.keeper.ctx, self.town.ctx.docket.case(submission))
        assert found is not None
        return found[1]


@pytest.fixture
def golden(town: Town) -> GoldTown:
    """A town with a keeper, and no validators yet."""
    town.custodian.tick()
    return GoldTown(town)


def test_gold_goes_all_the_way(golden: GoldTown, tmp_path: Path) -> None:
    """The contributor is paid for its own records, the buyer gets those only, and the reviewers are rated: by the nodes alone."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    seen = actions.preview(town.contributor, request.id, points(20))
    assert (seen.records, seen.gold, seen.keeper) == (20, 4, town.custodian.ctx.account)
    submission = golden.offer(request, points(20))
    case = town.ctx.docket.case(submission)
    assert case.records == 24 and case.bond == seen.bond
    town.settle(submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert ended.paid == 20 * WAD and ended.bond_back == case.bond
    assert (ended.approved, ended.rejected) == (22, 2)
    for record in (actions.record_of(town.ctx, who) for who in case.members):
        assert (record.batches, record.hits, record.misses, record.accuracy) == (1, 4, 0, 1.0)
    actions.require_own(town.contributor, submission)
    assert not actions.explain(town.contributor, submission).findings
    bundle = actions.download(town.buyer, request.id, tmp_path / "bundle")
    assert sorted(bundle.to_arrow().column("x").to_pylist()) == sorted(points(20).column("x").to_pylist())
    assert actions.verify(town.ctx, bundle).is_valid
    assert actions.recompute(town.ctx, submission).difference is None
    (tally,) = town.ctx.docket.case(submission).tallies
    assert town.ctx.chain.call_of(tally.transaction, scores.CONTRACT, "score")


def test_who_approves_everything_is_jailed(golden: GoldTown) -> None:
    """After enough batches the one of five who never looks is jailed by gold, loses a tenth when its time is over, and nobody else."""
    town = golden.town
    town.staff([*[Threshold()] * 4, Credulous()])
    lazy = town.validators[4].ctx.account
    honest = [validator.ctx.account for validator in town.validators[:4]]
    request, batches = golden.open(gold=120, share_bps=3000), 0
    while not actions.record_of(town.ctx, lazy).jails:
        batches += 1
        assert batches <= 6, actions.record_of(town.ctx, lazy)
        town.settle(golden.offer(request, points(20, seed=batches)))
    record = actions.record_of(town.ctx, lazy)
    assert record.jailed_until > town.ctx.chain.block().timestamp and record.slash_from
    assert record.hits + record.misses <= 9 * batches and record.factor_bps < 9_000
    for who in honest:
        seen = actions.record_of(town.ctx, who)
        assert (seen.misses, seen.jails) == (0, 0) and seen.factor_bps > record.factor_bps
    town.advance(record.slash_from - town.ctx.chain.block().timestamp)
    golden.keeper.tick()
    assert actions.record_of(town.ctx, lazy).slash_from == 0
    held = stakes.position(town.ctx.chain, stakes.id_of(town.ctx.chain, lazy)).amount
    assert held == 900 * WAD
    town.advance(record.jailed_until - town.ctx.chain.block().timestamp)
    for _ in range(2):
        for validator in town.validators:
            validator.tick()
    assert actions.record_of(town.ctx, lazy).jailed_until == 0


def test_a_mix_submitted_twice_tests_nobody_twice(golden: GoldTown) -> None:
    """The second submission of the same gold may be decided first: its keeper shows nothing there, so that nobody is tested on copies."""
    town = golden.town
    town.staff([Threshold()] * 12)
    request = golden.open()
    first = golden.offer(request, points(20))
    case = town.ctx.docket.case(first)
    approve(town.contributor, request.token, town.ctx.chain.address_of("Escrow"), 10 * case.bond)
    bound = (case.root, binary(case.cid or ""), case.key_commitment, case.custodian, case.gold)
    offer = requests.Offer(request.id, case.records, *bound)
    second = requests.submit(town.ctx.chain, town.contributor.sender, offer)
    copy = town.ctx.docket.case(second)
    (word,) = letters.read(town.ctx, slips.vouch_topic(town.ctx, case), slips.VouchLetter)
    letters.post(town.ctx, slips.vouch_topic(town.ctx, copy), word)
    while actions.tend(town.buyer, second) != "draw":
        town.mine()
    town.settle(first, second)
    ended = [actions.settlement_of(town.ctx, one) for one in (first, second)]
    assert [(one.approved, one.rejected) for one in ended] == [(22, 2), (0, 24)]
    for who in (*case.members, *copy.members):
        record = actions.record_of(town.ctx, who)
        assert (record.misses, record.jails) == (0, 0) and record.batches >= 1


def test_gold_serves_once_and_may_run_out(golden: GoldTown) -> None:
    """No record of gold is dealt twice, also not of the same stock in another request; where it has run out batches go on without."""
    town = golden.town
    first, second = golden.open(gold=12), golden.open(gold=12)
    assert first.id != second.id and actions.specification(town.ctx, first.id) == actions.specification(
        town.ctx, second.id
    )
    made = [golden.offer((first, second)[i % 2], points(20, seed=i)) for i in range(4)]
    mixes = [golden.mix(submission) for submission in made]
    assert [len(mix.places) for mix in mixes] == [4, 4, 4, 0]
    assert len({digest for mix in mixes for digest in mix.used}) == 12
    town.staff([Threshold()] * 5)
    town.settle(*made)
    paid = [actions.settlement_of(town.ctx, submission).paid for submission in made]
    assert paid == [20 * WAD] * 4
    assert {actions.record_of(town.ctx, v.ctx.account).batches for v in town.validators} == {4}


def test_nobody_is_shown_where_gold_lies(golden: GoldTown) -> None:
    """Before the verdict neither contributor nor outsider holds the key, and to a member gold looks like the rest."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    submission = golden.offer(request, points(20))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    town.custodian.tick()
    case = town.ctx.docket.case(submission)
    for who in (town.contributor, town.buyer, town.join("outsider")):
        assert letters.find_key(who, case.submission, case.key_commitment) is None
    with pytest.raises(Missing):
        actions.require_own(town.contributor, submission)
    member = next(v.ctx for v in town.validators if v.ctx.account in case.members)
    seen = actions.open_records(member, submission)
    assert seen.records.num_rows == 24 and set(seen.records.column_names) == {"x", "label"}
    assert not seen.findings
    spots = golden.mix(submission).places
    assert spots != sorted(range(20, 24)) and len(spots) == 4


def test_a_batch_without_its_gold_is_refused(golden: GoldTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contributor that leaves the gold out, and hands the key to the committee itself, has everything refused."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    wanted = actions.specification(town.ctx, request.id)
    bare = type(wanted)(
        **{**{name: getattr(wanted, name) for name in wanted.__struct_fields__}, "gold": None}
    )
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["sheaf.actions.submit"], "specification", lambda ctx, number: bare)
        submission = town.offer(request, points(20))
    town.play(lambda: town.phase(submission) == "reviewing")
    town.advance(301)
    town.decide(submission)
    assert actions.status(town.ctx, submission).rejected == 20


def test_what_cannot_be_asked(golden: GoldTown) -> None:
    """Who names another custodian, the buyer as keeper, or asks for a bond it has not, is told so before anything is sent."""
    town = golden.town
    request = golden.open()
    with pytest.raises(InputError, match=f"name {town.custodian.ctx.account}"):
        actions.submit(town.contributor, request.id, points(5))
    with pytest.raises(InputError, match="cannot contribute to its own"):
        actions.submit(town.buyer, request.id, points(5), custodian=town.custodian.ctx.account)
    with pytest.raises(InputError, match="before they are paid for"):
        town.open(gold=Gold(points(10), town.buyer.account))
    poor = town.join("poor", tokens=1)
    with pytest.raises(InputError, match="the bond takes"):
        town.offer(request, points(5), who=poor)


def test_what_strangers_write_to_the_keeper(golden: GoldTown) -> None:
    """Forged, unreadable and greedy letters get no gold, or an answer that says why; those who are honest are served."""
    town, keeper = golden.town, golden.keeper.ctx
    request = golden.open()
    outsider = town.join("outsider")
    where = slips.asking_topic(keeper, request.id)
    key = letters.seal_to(
        outsider, bytes(32), keeper.account, slips.asking_context(outsider, request.id, outsider.account)
    )
    assert key is not None
    cid = town.ctx.store.put(b"nothing that could be decrypted")
    own = letters.account_bytes(outsider.account)
    forged = slips.AskingLetter(letters.account_bytes(town.contributor.account), cid, 5, key, b"1", b"x" * 65)
    garbage = slips.sign(outsider, request.id, slips.AskingLetter(own, cid, 5, key, b"2"))
    greedy = slips.sign(outsider, request.id, slips.AskingLetter(own, cid, 10**9, key, b"3"))
    for letter in (forged, garbage, greedy, slips.AskingLetter(b"", "", -1, b"", b"")):
        letters.post(outsider, where, letter)
    town.ctx.mailbox.post(where, b"\xff\x00")
    golden.keeper.tick()
    assert not dealing.mixes(keeper)
    topic = slips.answer_topic(keeper, request.id, outsider.account)
    said = sorted(one.why for one in letters.read(keeper, topic, slips.MixedLetter))
    assert said == ["1000000000 records: ask for fewer", "the records cannot be decrypted or read"]
    golden.offer(request, points(20))
    assert len(dealing.mixes(keeper)) == 1


def test_gold_that_is_not_fetched_comes_back(golden: GoldTown) -> None:
    """A mix that nobody submits holds its gold for a while only; its contributor asks anew, and none is counted twice."""
    town = golden.town
    request = golden.open(gold=4)
    with pytest.raises(Missing):
        town.offer(request, points(20))
    golden.keeper.tick()
    (mix,) = dealing.mixes(golden.keeper.ctx).values()
    assert len(mix.used) == 4
    town.advance(2 * dealing.VALID_SECONDS + 1)
    golden.keeper.tick()
    with pytest.raises(Missing, match="has run out"):
        town.offer(request, points(20))
    submission = golden.offer(request, points(20))
    assert golden.mix(submission).used and town.ctx.docket.case(submission).records == 24
    assert len(dealing.mixes(golden.keeper.ctx)) == 2


def test_gold_that_a_check_would_refuse_is_left_out(golden: GoldTown) -> None:
    """Gold equal to what a contributor gives, or refused beside it, is not dealt: neither it nor the contributor's is refused for it."""
    town = golden.town
    town.staff([Threshold()] * 5)
    stock = points(8, seed=77)
    request = golden.open(gold=8)
    batch = pa.concat_tables([points(12), stock]).combine_chunks()
    submission = golden.offer(request, batch)
    right, _ = stock_of(golden, request)
    assert not set(right) & set(golden.mix(submission).used)
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == 20 * WAD


def test_a_later_record_may_equal_opened_gold(golden: GoldTown) -> None:
    """What was the buyer's gold was given by nobody: who comes with the same record later is paid for it."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open(gold=4)
    first = golden.offer(request, points(20))
    assert len(golden.mix(first).places) == 4
    town.settle(first)
    second = golden.offer(request, points(4, seed=77))
    town.settle(second)
    assert actions.settlement_of(town.ctx, second).paid == 4 * WAD


def stock_of(golden: GoldTown, request: Request) -> list[list[bytes]]:
    """Return the digests of right and wrong gold."""
    from sheaf.actions.gold.stock import fetch_stock
    from sheaf.domain.canonical import record_digests

    wanted = actions.specification(golden.town.ctx, request.id)
    found = [record_digests(table) for table in fetch_stock(golden.keeper.ctx, wanted)]
    return [[joined[at : at + 32] for at in range(0, len(joined), 32)] for joined in found]


def test_a_keeper_that_lost_its_journal_deals_nothing_twice(golden: GoldTown) -> None:
    """Without a journal it is not known what has served: batches go on without gold."""
    town = golden.town
    request = golden.open()
    golden.offer(request, points(20))
    shutil.rmtree(golden.keeper.ctx.folder / "gold")
    golden.keeper = Keeper(golden.keeper.ctx)
    submission = golden.offer(request, points(20, seed=5))
    assert town.ctx.docket.case(submission).records == 20


def test_a_keeper_that_swaps_records_is_found_out(golden: GoldTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the keeper signed for is not what the contributor gave: the contributor's own machine says so once it is opened."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    read = dealing._records_of
    monkeypatch.setattr(
        dealing, "_records_of", lambda *args: points(20, seed=999).select(read(*args).column_names)
    )
    submission = golden.offer(request, points(20))
    town.settle(submission)
    with pytest.raises(IntegrityError, match="not made of your records"):
        actions.require_own(town.contributor, submission)


def test_a_keeper_that_dies_at_every_moment(golden: GoldTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the keeper is killed, the next one finishes: one mix, one opening, and the contributor paid for its own."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open(gold=40)
    reaper, deaths = Reaper(monkeypatch, town), 0
    with pytest.raises(Missing):
        town.offer(request, points(20))

    def tick() -> None:
        """Let the keeper die at the first moment, then the second, … until a tick goes through."""
        nonlocal deaths
        for moment in range(1, 40):
            reaper.left = moment
            golden.keeper = Keeper(golden.keeper.ctx)
            try:
                golden.keeper.tick()
            except Killed:
                deaths += 1
                continue
            finally:
                reaper.left = 10**9
            return
        raise AssertionError("it never gets through")

    tick()
    assert len(dealing.mixes(golden.keeper.ctx)) == 1
    submission = town.offer(request, points(20))
    tick()
    serve = town.custodian
    town.play(lambda: town.phase(submission) == "decided")
    tick()
    town.settle(submission)
    tick()
    assert deaths >= 6 and serve is town.custodian
    opened = town.ctx.chain.events("Scores", "GoldOpened", 0)
    assert len(opened) == 1
    assert actions.settlement_of(town.ctx, submission).paid == 20 * WAD
    assert scores.marks(town.ctx.chain, submission) == scores.SCORED | scores.TESTED


def test_a_killed_contributor_asks_and_submits_once(
    golden: GoldTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a contributor is killed, the same call again ends with one mix, one submission and one bond."""
    town = golden.town
    request = golden.open(gold=400)

    def send(seed: int) -> int:
        try:
            return town.offer(request, points(3, seed=seed))
        except Missing:
            golden.keeper.tick()
            return town.offer(request, points(3, seed=seed))

    reaper = Reaper(monkeypatch, town)
    send(500)
    total = reaper.moments
    for moment in range(1, total + 1):
        before, made = actions.balances(town.contributor).tokens, len(dealing.mixes(golden.keeper.ctx))
        golden.keeper = Keeper(golden.keeper.ctx)
        reaper.left = moment
        with pytest.raises(Killed):
            send(moment)
        reaper.left = 10**9
        golden.keeper = Keeper(golden.keeper.ctx)
        submission = send(moment)
        case = town.ctx.docket.case(submission)
        assert before - actions.balances(town.contributor).tokens == case.bond, moment
        assert len(dealing.mixes(golden.keeper.ctx)) == made + 1, moment
    assert len(actions.list_submissions(town.ctx)) == total + 1


def test_a_killed_buyer_opens_once_and_names_its_keeper(
    golden: GoldTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever opening with gold is killed, the same call again ends with one request whose keeper is on chain."""
    town = golden.town
    reaper = Reaper(monkeypatch, town)
    golden.open(gold=12, seed=1000, escrow=10)
    total = reaper.moments
    for moment in range(1, total + 1):
        reaper.left = moment
        with pytest.raises(Killed):
            golden.open(gold=12, seed=moment, escrow=10)
        reaper.left = 10**9
        request = golden.open(gold=12, seed=moment, escrow=10)
        assert scores.keeper(town.ctx.chain, request.id) == golden.keeper.ctx.account
        # Only what was killed after all was done, but before it was known, may be there.
        assert len(actions.list_requests(town.ctx)) == moment + 1, moment


def test_gold_is_shown_again_after_a_ruling(golden: GoldTown) -> None:
    """A ruling makes the count of gold void: the keeper shows it for the new verdict, and gold is neither paid nor forfeited."""
    town, wrong = golden.town, [0, 3, 7, 8, 9]
    governor = Signer(hashlib.sha256(b"sheaf local deployer 0").digest())
    parameters.set_parameter(town.ctx.chain, governor, "challenge_seconds", 600)
    town.staff([Credulous()] * 5)
    table = points(20)
    labels = [int(label) for label in table.column("label").to_pylist()]
    turned = [1 - label if row in wrong else label for row, label in enumerate(labels)]
    request = golden.open()
    submission = golden.offer(request, table.set_column(1, "label", pa.array(turned, pa.int64())))
    town.decide(submission)
    golden.keeper.tick()
    case = town.ctx.docket.case(submission)
    assert case.gold_at(2**62).sum() == 4
    own = np.flatnonzero(~case.gold_at(2**62))
    named = own[wrong].tolist()
    (dispute,) = actions.challenge(town.buyer, submission, named)
    juror = town.join("juror")
    actions.stake(juror, 1_000 * WAD)
    town.next_period()
    for _ in range(12):
        if actions.dispute(town.ctx, dispute).jury.size:
            break
        actions.proceed(town.buyer, dispute)
        town.mine()
    actions.vote(juror, dispute, named)
    actions.reveal(juror, dispute)
    actions.proceed(juror, dispute)
    town.advance(700)
    while town.ctx.docket.case(submission).tallies[-1].round != 0:
        assert actions.proceed(juror, dispute) != "wait"
    assert not town.ctx.docket.case(submission).gold_at(2**62).any()
    golden.keeper.tick()
    assert len(town.ctx.chain.events("Scores", "GoldOpened", 0)) == 2
    assert town.ctx.docket.case(submission).gold_at(2**62).sum() == 4
    town.settle(submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert ended.paid == 15 * WAD and ended.rejected == 5
    assert actions.record_of(town.ctx, case.members[0]).misses == 2


def test_hung_records_do_not_keep_gold_shut(golden: GoldTown) -> None:
    """Where the committee is enlarged gold is opened once the larger one has decided, and tests those of the first round."""
    town = golden.town
    town.staff([Doubter(seed) for seed in range(12)])
    request = golden.open()
    submission = golden.offer(request, points(20))
    town.settle(submission)
    case = town.ctx.docket.case(submission)
    assert len(case.rounds) == 2 and scores.marks(town.ctx.chain, submission) == scores.SCORED | scores.TESTED
    tested = [actions.record_of(town.ctx, who) for who in case.members]
    assert [one.hits + one.misses > 0 for one in tested] == [True] * 5 + [False] * 6


def test_a_keeper_that_never_opens(golden: GoldTown) -> None:
    """Nodes wait for it ten minutes past the window, then settle: gold counts as the contributor's, and nobody is rated."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    submission = golden.offer(request, points(20))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    town.custodian.tick()
    golden.keeper.tick = lambda: 0  # type: ignore[method-assign]
    town.decide(submission)
    case = town.ctx.docket.case(submission)
    town.advance(10)
    with pytest.raises(AssertionError, match="not reached"):
        town.play(lambda: town.phase(submission) == "settled", ticks=12)
    town.advance(opening.GRACE_SECONDS)
    town.settle(submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert ended.paid == 22 * WAD and ended.rejected == 2
    assert {actions.record_of(town.ctx, who).batches for who in case.members} == {0}
