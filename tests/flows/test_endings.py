"""Every state has an exit, whoever stays away."""

from __future__ import annotations

import pytest

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, Reverted
from sheaf.nodes.validator import Validator
from tests.flows.town import Doubter, Threshold, Town, points


def test_without_a_committee_everything_returns(town: Town) -> None:
    """Where too few validators can be drawn in time the submission is void: bond and reservation are back to the last unit."""
    request = town.open()
    before = actions.balances(town.contributor).tokens
    submission = town.offer(request, points(20))
    assert actions.show_request(town.ctx, request.id).free < 500 * WAD
    with pytest.raises(Reverted, match="may still be drawn"):
        actions.void(town.contributor, submission)
    town.mine(int(town.ctx.chain.call("Parameters", "get", 4)) + 2)
    assert actions.status(town.ctx, submission).is_due == "void"
    actions.void(town.contributor, submission)
    assert town.phase(submission) == "void"
    actions.withdraw(town.contributor)
    assert actions.balances(town.contributor).tokens == before
    assert actions.show_request(town.ctx, request.id).free == 500 * WAD


def test_a_hung_record_is_decided_by_a_larger_committee(town: Town) -> None:
    """Where the first five split, six more are drawn and get the key from the first even if the custodian is gone; eleven decide."""
    town.staff([Doubter(seed) for seed in range(14)])
    request = town.open()
    submission = town.offer(request, points(60, seed=3))
    town.play(lambda: town.phase(submission) == "hung")
    first = town.ctx.docket.case(submission).tallies[0]
    assert first.hung > 0
    town.custodian.tick = lambda: 0  # type: ignore[method-assign]
    town.settle(submission)
    status, case = actions.status(town.ctx, submission), town.ctx.docket.case(submission)
    assert (status.round, status.size, status.opened) == (2, 11, 11)
    assert len(set(case.members)) == 11
    assert case.tallies[1].hung == 0
    assert status.approved >= first.approved
    assert status.rejected >= first.rejected
    assert all(ledger.is_conserved for ledger in actions.ledgers(town.ctx, request.id))
    earned = [
        actions.owed(validator.ctx) for validator in town.validators if validator.ctx.account in case.members
    ]
    assert all(earned)
    assert sum(earned) == actions.settlement_of(town.ctx, submission).validators_paid


def test_a_member_who_never_opens_loses_its_fee_and_a_part_of_its_lock(town: Town) -> None:
    """Who commits and then stays away is not paid and loses one per cent of what it locked; the others count without it."""
    town.staff([Threshold()] * 7)
    request = town.open()
    submission = town.offer(request, points(30))
    town.play(
        lambda: bool(
            town.ctx.docket.case(submission).rounds and town.ctx.docket.case(submission).rounds[0].is_complete
        )
    )
    drawn = town.ctx.docket.case(submission).rounds[0]
    # The first to act in every tick has not acted since the others' commitments came: it has shown nothing yet.
    absent = next(v for v in town.validators if v.ctx.account in drawn.members)
    present = [v for v in town.validators if v is not absent]
    staked = actions.balances(absent.ctx).staked
    for _ in range(4):
        for validator in present:
            validator.tick()
        town.mine()
    assert town.phase(submission) == "reviewing"
    town.advance(drawn.reveal_until - town.ctx.chain.block().timestamp - 1)
    town.play(lambda: actions.status(town.ctx, submission).opened == 4, validators=present)
    town.advance(drawn.reveal_until - town.ctx.chain.block().timestamp + 1)
    town.decide(submission, validators=present)
    town.settle(submission)
    assert actions.owed(absent.ctx) == 0
    assert actions.balances(absent.ctx).staked == staked - drawn.lock // 100
    assert actions.settlement_of(town.ctx, submission).approved == 30


def test_one_member_alone_brings_it_to_an_end(town: Town) -> None:
    """Where all others stay away one member commits, reveals and counts by its own transactions; nothing is decided by one."""
    town.staff([Threshold()] * 6)
    request = town.open()
    submission = town.offer(request, points(10))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    drawn = town.ctx.docket.case(submission).rounds[0]
    alone: list[Validator] = [v for v in town.validators if v.ctx.account == drawn.members[0]]
    town.advance((drawn.commit_until - drawn.drawn_at) // 2 + 1)
    town.play(lambda: actions.status(town.ctx, submission).committed == 1, validators=alone)
    town.advance(drawn.commit_until - town.ctx.chain.block().timestamp + 1)
    town.play(lambda: town.phase(submission) == "hung", validators=alone)
    # No larger committee can be drawn from six: after the drawing time the records are hung for good, and nobody's fault.
    town.mine(int(town.ctx.chain.call("Parameters", "get", 4)) + 2)
    town.play(lambda: town.phase(submission) == "decided", validators=alone)
    town.settle(submission)
    settled = actions.settlement_of(town.ctx, submission)
    assert (settled.approved, settled.rejected, settled.hung) == (0, 0, 10)
    assert settled.bond_back == town.ctx.docket.case(submission).bond
    assert settled.paid == settled.validators_paid == 0


def test_cancel_and_reclaim(town: Town) -> None:
    """A cancelled request takes nothing new, pays what is under review, and gives back the rest to the last unit."""
    town.staff([Threshold()] * 7)
    before = actions.balances(town.buyer).tokens
    request = town.open()
    submission = town.offer(request, points(40))
    with pytest.raises(Reverted, match="still running"):
        actions.reclaim(town.buyer, request.id)
    actions.cancel(town.buyer, request.id)
    first = actions.reclaim(town.buyer, request.id)
    assert first.amount == 500 * WAD - 40 * WAD * 104 // 100
    with pytest.raises(InputError, match="cancelled"):
        town.offer(request, points(5, seed=9))
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == 40 * WAD
    with pytest.raises(Reverted, match="nothing free"):
        actions.reclaim(town.buyer, request.id)
    spent = before - actions.balances(town.buyer).tokens
    protocol_fee = actions.settlement_of(town.ctx, submission).protocol_fee
    assert spent == 40 * WAD * 104 // 100 + protocol_fee
