"""Second opinions as the nodes play them: audits, appeals, jurors that die, that see nothing, or that stay away."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions import Context
from sheaf.actions.cases import journal, letters
from sheaf.actions.disputes.hearings import Hearing
from sheaf.actions.disputes.sitting import JuryBallot
from sheaf.actions.status import decided
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, IntegrityError, Missing, Refused
from sheaf.governance import parameters
from sheaf.nodes.validator import Validator
from sheaf.review import juries, stakes
from sheaf.verification.bitmap import pack
from tests.flows.test_killed import Killed, Reaper
from tests.flows.town import Threshold, Town, points

GOVERNOR = Signer(hashlib.sha256(b"sheaf local deployer 0").digest())
WRONG = [0, 3, 7, 8, 9, 12, 15, 16]
STAKE = 1_000 * WAD


class Stubborn:
    """A judge that says the same of every record."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def judge(self, records: pa.Table, specification: object) -> np.ndarray[Any, Any]:
        return np.full(len(records), self.answer)


def garbage() -> pa.Table:
    """Twenty points, five of them on the wrong side."""
    table = points(20)
    labels = np.asarray(table.column("label")).copy()
    labels[WRONG] = 1 - labels[WRONG]
    return table.set_column(1, "label", pa.array(labels))


def rule(town: Town, **values: int) -> None:
    for name, value in {"challenge_seconds": 600, **values}.items():
        parameters.set_parameter(town.ctx.chain, GOVERNOR, name, value)


def judged_badly(town: Town, answer: bool, jurors: list[Any]) -> int:
    """Let five who do not look decide a submission, while others join who had no part in it; return its number."""
    town.staff([Stubborn(answer)] * 5)
    submission = town.offer(town.open(), garbage() if answer else points(20))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    town.staff(jurors)
    town.decide(submission)
    return submission


def hearing(town: Town, number: int = 1) -> Hearing:
    return town.ctx.docket.hearing(number)


def phase(town: Town, number: int = 1) -> int:
    return juries.jury(town.ctx.chain, number).phase


def finish(town: Town, submission: int) -> None:
    """Let all windows pass and the nodes bring case 1 and the submission to their end."""
    town.play(lambda: phase(town) == juries.RULED)
    town.advance(700)
    town.play(lambda: phase(town) == juries.COLLECTED and town.phase(submission) == "settled")
    town.play(lambda: all(submission in one.caseload.closed for one in town.validators))


def staked(town: Town, who: Validator) -> int:
    return stakes.position(town.ctx.chain, stakes.id_of(town.ctx.chain, who.ctx.account)).amount


def test_an_audit_undoes_what_a_colluding_committee_approved(town: Town) -> None:
    """The beacon picks the batch, nodes open and hear it: members are slashed, bond forfeited, the buyer's money returned, jurors paid."""
    rule(town, audit_bps=5000)
    submission = judged_badly(town, True, [Threshold()] * 4)
    assert not decided(town.ctx.docket.case(submission))[0].any()
    town.play(lambda: bool(town.ctx.docket.case(submission).hearings))
    assert hearing(town).is_audit
    members, jurors = (
        town.validators[:5],
        [v for v in town.validators if v.ctx.account not in members_of(town)],
    )
    town.play(lambda: len(hearing(town).jurors) == 3)
    seated = [one for one in jurors if one.ctx.account in hearing(town).jurors]
    assert len(seated) == 3
    town.play(lambda: any(one.health()["juries"] for one in seated))
    before = {one.ctx.account: actions.balances(one.ctx).tokens for one in seated}
    finish(town, submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert (ended.approved, ended.rejected, ended.hung) == (12, 8, 0)
    assert list(np.flatnonzero(decided(town.ctx.docket.case(submission))[0])) == WRONG
    assert ended.paid == 12 * WAD and ended.forfeited > 0
    request = town.ctx.docket.case(submission).request
    # Fees of what is rejected are paid by the contributor's bond: the buyer pays for the twelve, and 4 % of that.
    assert actions.show_request(town.ctx, request).free == 500 * WAD - 12 * WAD - 12 * WAD * 4 // 100
    assert all(staked(town, member) < STAKE for member in members)
    assert all(staked(town, juror) == STAKE for juror in jurors)
    assert all(actions.balances(one.ctx).tokens > before[one.ctx.account] for one in seated)
    assert not any(actions.winnings(one.ctx) for one in seated)
    assert not any(one.health()["juries"] or one.caseload.failing for one in town.validators)


def members_of(town: Town, submission: int = 1) -> tuple[str, ...]:
    return town.ctx.docket.case(submission).members


def test_a_contributor_appeals_a_wrong_refusal_and_wins(town: Town) -> None:
    """One step names all that was refused; its bond comes back with a share of what the members lose, and it is paid."""
    rule(town)
    submission = judged_badly(town, False, [Threshold()] * 2)
    assert decided(town.ctx.docket.case(submission))[0].all()
    assert actions.refusals(town.contributor, submission) == list(range(20))
    before = actions.balances(town.contributor).tokens
    (case,) = actions.challenge(town.contributor, submission)
    bond = actions.dispute(town.ctx, case).bond
    assert bond == actions.bond_for(town.ctx, submission, 20)
    assert actions.balances(town.contributor).tokens == before - bond
    with pytest.raises(InputError, match="name records"):
        actions.challenge(town.contributor, submission)
    with pytest.raises(InputError, match="case 1 names it already"):
        actions.challenge(town.contributor, submission, [4])
    finish(town, submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert (ended.approved, ended.paid, ended.forfeited) == (20, 20 * WAD, 0)
    assert actions.winnings(town.contributor) > bond
    assert all(staked(town, member) < STAKE for member in town.validators[:5])


def test_jurors_without_a_key_blame_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom no key reaches holds that nobody is at fault: it loses nothing, the bond returns, the records hang."""
    rule(town)
    submission = judged_badly(town, False, [Threshold()] * 2)
    seal = letters.seal_key
    members = members_of(town)

    def never(ctx: Context, number: Any, key: bytes, reader: Any) -> bool:
        return reader not in members or seal(ctx, number, key, reader)

    monkeypatch.setattr(letters, "seal_key", never)
    (case,) = actions.challenge(town.contributor, submission)
    bond = actions.dispute(town.ctx, case).bond
    town.play(lambda: bool(hearing(town).benches))
    (juror,) = (one for one in town.validators if one.ctx.account in hearing(town).jurors)
    town.play(lambda: "waiting for the content key" in juror.juror.doing.values())
    assert actions.jury_seats(juror.ctx)[0].case == case
    town.advance(310)
    finish(town, submission)
    assert juries.jury(town.ctx.chain, case).is_faultless
    assert actions.settlement_of(town.ctx, submission).hung == 20
    assert actions.winnings(town.contributor) == bond
    assert staked(town, juror) == STAKE
    assert all(staked(town, member) == STAKE for member in town.validators[:5])


def test_a_juror_that_stays_away_loses_its_penalty_only(town: Town) -> None:
    """One of three commits and never opens: time is up, the two rule, the absent one loses a hundredth of its lock, and all goes on."""
    rule(town, jury_size=3)
    submission = judged_badly(town, False, [Threshold()] * 3)
    actions.challenge(town.contributor, submission)
    town.play(lambda: bool(hearing(town).benches))
    absent = next(one for one in town.validators if one.ctx.account == hearing(town).jurors[0])
    town.play(lambda: 0 in hearing(town).benches[0].commitments)
    town.validators.remove(absent)
    town.play(lambda: len(hearing(town).benches[0].opened) == 2)
    town.advance(1200)
    finish(town, submission)
    assert actions.settlement_of(town.ctx, submission).approved == 20
    lock = town.ctx.docket.case(submission).rounds[0].lock
    assert STAKE - staked(town, absent) == lock // 100
    assert all(staked(town, one) == STAKE for one in town.validators[5:])


def drawn_for(town: Town, record: int) -> int:
    """Challenge one record and have its jury drawn by nobody who sits in it; return the case."""
    (case,) = actions.challenge(town.contributor, 1, [record])
    for _ in range(12):
        if hearing(town, case).benches:
            return case
        actions.proceed(town.buyer, case)
        town.mine()
    raise AssertionError("not drawn")


def test_a_juror_killed_at_any_moment_votes_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a juror dies between its draw and its opening, the next process commits and opens the same vote, once."""
    rule(town)
    judged_badly(town, False, [Threshold()])
    ctx = town.validators[-1].ctx
    town.custodian.tick()
    reaper = Reaper(monkeypatch, town)
    total = 0
    # Before one act is after the one before it: every second moment is enough.
    for moment in (0, 1, *range(2, 20, 2)):
        case = drawn_for(town, moment)
        for member in town.validators[:2]:
            actions.hand_to_jurors(member.ctx, 1)
        reaper.moments, reaper.left = 0, moment or 10**9
        opened = False
        for _ in range(30):
            try:
                node = Validator(ctx, Threshold())
                while not opened:
                    node.tick()
                    town.mine()
                    opened = bool(hearing(town, case).benches[0].opened)
                break
            except Killed:
                reaper.left = 10**9
        reaper.left = 10**9
        assert opened, moment
        total = total or reaper.moments
        if moment > total:
            break
        assert juries.jury(ctx.chain, case).opened == 1
    assert total >= 6
    events = ctx.chain.events("Disputes", "VoteCommitted", 0)
    assert len(events) == len({event.args["case"] for event in events})


def test_a_lost_vote_is_made_again_and_an_altered_one_is_not_opened(town: Town) -> None:
    """The same judge on the same records gives the same commitment; a vote that was tampered with stays closed, and is named."""
    rule(town)
    judged_badly(town, False, [Threshold()])
    juror = town.validators[-1]
    for case, is_lost in ((drawn_for(town, 0), True), (drawn_for(town, 1), False)):
        actions.hand_to_jurors(town.validators[0].ctx, 1)
        assert actions.sit(juror.ctx, case, Threshold()) == "committed"
        (kept,) = (juror.ctx.folder / "juries").glob(f"{case}-1-*.json")
        if is_lost:
            kept.unlink()
            with pytest.raises(IntegrityError, match="lost or altered"):
                actions.sit(juror.ctx, case)
            assert actions.sit(juror.ctx, case, Threshold()) == "opened"
            assert actions.sit(juror.ctx, case, Threshold()) == "nothing to vote on"
        else:
            ballot = journal.recall(kept, JuryBallot)
            assert ballot is not None
            journal.keep(kept, JuryBallot(ballot.named, b"\xff" * 32, False))
            with pytest.raises(IntegrityError, match="lost or altered"):
                actions.sit(juror.ctx, case, Threshold())


def test_a_person_sits_as_a_juror(town: Town) -> None:
    """By hand: see the seat and the records in an order of one's own, decide once, commit, open, and take the pay."""
    rule(town)
    judged_badly(town, False, [])
    person = town.join("person")
    actions.stake(person, STAKE)
    town.next_period()
    named = [2, 5, 6, 9, 11, 14, 17, 18]
    (case,) = actions.challenge(town.contributor, 1, named)
    with pytest.raises(Refused, match="no seat"):
        actions.open_case(person, case)
    assert actions.dispute(person, case).awaited == "the block that draws the jury"
    for _ in range(12):
        if hearing(town).benches:
            break
        actions.proceed(person, case)
        town.mine()
    with pytest.raises(Missing, match="still waiting for the content key"):
        actions.open_case(person, case)
    assert actions.sit(person, case) == "waiting for the content key"
    assert actions.proceed(town.contributor, case) == "wait"
    work = actions.open_case(person, case)
    assert sorted(work.order.tolist()) == named
    assert work.records.column("x").to_pylist() == points(20).take(work.order).column("x").to_pylist()
    (seat,) = actions.jury_seats(person)
    assert (seat.records, seat.is_committed) == (8, False)
    with pytest.raises(InputError, match="committed to no vote"):
        actions.reveal(person, case)
    with pytest.raises(InputError, match="that the case names"):
        actions.cast_vote(person, case, [3])
    actions.cast_vote(person, case, [])
    with pytest.raises(InputError, match="cannot be changed"):
        actions.cast_vote(person, case, [2])
    assert actions.proceed(person, case) == "committed"
    assert actions.dispute(person, case).seat == 0
    assert actions.proceed(person, case) == "opened"
    assert actions.jury_seats(person)[0].is_opened
    assert actions.dispute(person, case).due == "tally"
    assert actions.proceed(person, case) == "tally"
    found = actions.dispute(person, case)
    assert (found.awaited, found.appeal_bond) == ("an appeal, while there may be one", 2 * found.bond)
    with pytest.raises(InputError, match="not voting"):
        actions.vote(person, case, [])
    for member in town.validators[:2]:
        member.tick()
    town.advance(700)
    town.play(lambda: town.phase(1) == "settled")
    town.play(lambda: phase(town) == juries.COLLECTED)
    assert actions.dispute(person, case).awaited == "nothing: it is over"
    assert [one.case for one in actions.list_disputes(town.ctx)] == [case]
    assert actions.list_disputes(town.ctx, 7) == []
    assert actions.winnings(person) > 0
    with pytest.raises(InputError, match="no appeal is possible"):
        actions.appeal(person, case, is_for_challenge=False)


def test_an_audit_that_no_jury_could_hear_is_not_opened(town: Town) -> None:
    """Where too few validators had no part in a submission its audit would only hold the money: nodes let it be, and settle."""
    rule(town, audit_bps=5000, challenge_seconds=60)
    submission = judged_badly(town, True, [Threshold()] * 2)
    town.mine(3)
    assert not actions.is_audit_due(town.ctx, town.ctx.docket.case(submission))
    parameters.set_parameter(town.ctx.chain, GOVERNOR, "audit_size", 1)
    assert actions.is_audit_due(town.ctx, town.ctx.docket.case(submission))
    town.advance(60)
    assert not actions.is_audit_due(town.ctx, town.ctx.docket.case(submission))
    town.settle(submission)
    assert not town.ctx.docket.case(submission).hearings
    with pytest.raises(InputError, match="its verdict is final"):
        actions.challenge(town.buyer, submission, [4])


def test_whoever_is_faster_is_no_error(town: Town) -> None:
    """Two nodes that open the same audit, or draw the same jury, from one look at the chain: one does it, the other goes on."""
    rule(town, audit_bps=5000, audit_size=1)
    submission = judged_badly(town, True, [Threshold()] * 2)
    town.mine(3)
    case, (one, other) = town.ctx.docket.case(submission), [v.ctx for v in town.validators[:2]]
    rejected, hung = (np.zeros(20, dtype=np.bool_),) * 2

    def first(duty: str, rank: int) -> bool:
        juries.audit(one.chain, one.sender, submission, pack(rejected), pack(hung))
        return True

    assert not actions.open_audit(other, case, turn=first)
    assert len(case.hearings) == 1
    town.next_period()
    town.mine(2)

    def drawn(duty: str, rank: int) -> bool:
        return bool(actions.move(one, case.hearings[0]))

    for _ in range(12):
        if case.hearings[0].benches:
            break
        assert actions.move(other, case.hearings[0], turn=drawn) in ("", "redraw")
        town.mine()
        town.ctx.docket.refresh()
    assert len(case.hearings[0].jurors) == 1


def test_an_appeal_reverses_a_juror_that_did_not_look(town: Town) -> None:
    """The one juror confirms what is wrong; the contributor doubles its bond, a jury of three overturns, and the first loses stake."""
    rule(town)
    submission = judged_badly(town, False, [Stubborn(False)])
    (case,) = actions.challenge(town.contributor, submission)
    town.play(lambda: phase(town) == juries.RULED)
    found = actions.dispute(town.ctx, case)
    assert found.rejected == found.records == tuple(range(20))
    town.staff([Threshold()] * 2)
    assert actions.appeal(town.contributor, case, is_for_challenge=True) == 2 * found.bond
    finish(town, submission)
    assert [len(bench.jurors) for bench in hearing(town).benches] == [1, 2]
    ended = actions.settlement_of(town.ctx, submission)
    assert (ended.approved, ended.rejected) == (20, 0)
    careless, *honest = town.validators[5:]
    assert staked(town, careless) < STAKE
    assert all(staked(town, one) == STAKE for one in honest)
    assert actions.winnings(town.contributor) > 3 * found.bond
