"""A key that was pledged for: it comes and the pledge returns, or it does not and the custodian pays."""

from __future__ import annotations

import pytest

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, Reverted
from sheaf.nodes.custodian import Custodian
from tests.flows.town import Threshold, Town, points


def test_a_custodian_that_serves_has_its_pledge_back(town: Town) -> None:
    """What is deposited is pledged by the node when the key comes, and freed when the submission is settled."""
    town.staff([Threshold()] * 7)
    keeper = town.custodian.ctx
    actions.deposit_for_keys(keeper, 20 * WAD)
    first = town.offer(town.open(), points(8, seed=61))
    town.custodian.tick()
    assert town.ctx.docket.case(first).pledged == 12 * WAD
    assert actions.deposited(town.ctx, keeper.account).free == 8 * WAD
    second = town.offer(actions.show_request(town.ctx, 1), points(8, seed=62))
    town.settle(first, second)
    town.custodian.tick()
    assert town.ctx.docket.case(second).pledged == 0, "more than is deposited is not pledged"
    assert actions.settlement_of(town.ctx, second).approved == 8
    assert actions.deposited(keeper).free == 20 * WAD
    assert not actions.conclude_pledge(town.buyer, first)
    actions.leave_custody(keeper, 20 * WAD)
    town.advance(2)
    before = actions.balances(keeper).tokens
    assert actions.withdraw_deposit(keeper) == 20 * WAD
    assert actions.balances(keeper).tokens - before == 20 * WAD


def test_a_custodian_that_withholds_pays_and_nobody_else(town: Town) -> None:
    """The members report that no key came: the bond returns, the contributor has half the pledge, and may sell the records again."""
    town.staff([Threshold()] * 12)
    keeper = town.custodian.ctx
    actions.deposit_for_keys(keeper, 12 * WAD)
    request, table = town.open(), points(8, seed=63)
    before = actions.balances(town.contributor).tokens
    number = town.offer(request, table)
    actions.pledge_key(keeper, number)
    town.custodian = Custodian(town.join("idle"))
    town.play(lambda: bool(town.ctx.docket.case(number).rounds))
    drawn = town.ctx.docket.case(number).rounds[0]
    outsider = next(one.ctx for one in town.validators if one.ctx.account not in drawn.members)
    with pytest.raises(InputError, match="does not sit in its committee"):
        actions.report_missing_key(outsider, number)
    town.advance((drawn.commit_until - drawn.drawn_at) // 2 + 1)
    town.settle(number)
    settled = actions.settlement_of(town.ctx, number)
    assert (settled.approved, settled.rejected, settled.hung) == (0, 0, 8)
    actions.claim(town.contributor, number)
    assert actions.balances(town.contributor).tokens - before == 6 * WAD
    assert actions.deposited(keeper).free == 0 == town.ctx.docket.case(number).pledged
    staked = [actions.balances(one.ctx).staked for one in town.validators]
    assert staked == [1_000 * WAD] * 12, "nobody is penalised for a vote that could not be made"
    assert actions.recompute(town.ctx, number).is_equal
    town.custodian = Custodian(keeper)
    again = actions.submit(town.join("sister"), request.id, table, custodian=keeper.account)
    town.settle(again)
    assert actions.settlement_of(town.ctx, again).approved == 8


def test_who_may_not_pledge(town: Town) -> None:
    """Another's submission, a key that has not come, more than is deposited: each is said, and no money moves."""
    town.staff([Threshold()] * 7)
    number = town.offer(town.open(), points(8, seed=64))
    with pytest.raises(InputError, match="act as that account"):
        actions.pledge_key(town.buyer, number)
    with pytest.raises(Reverted, match="too little deposited"):
        actions.pledge_key(town.custodian.ctx, number)
    with pytest.raises(InputError, match="above 0"):
        actions.deposit_for_keys(town.buyer, 0)
    with pytest.raises(InputError, match="deposit"):
        actions.deposit_for_keys(town.buyer, 10**9 * WAD)
    assert not actions.conclude_pledge(town.buyer, number)
