"""Royalties: income on its way up the lineage, by steps of one cost, to the last unit."""

from __future__ import annotations

import boa

from tests.contracts.conftest import MOCKS
from tests.contracts.data_world import BUYER, OUTSIDER, OWNER, STATISTICS, DataWorld


def test_income_is_parted_by_weight(trade: DataWorld) -> None:
    """Of 1,000 a child with weights 20 % and 5 % keeps 750; its parent of 20 % gets 200, of which 10 % go to the grandparent."""
    token, royalties = trade.token, trade.royalties
    first = trade.publish(sender=OUTSIDER)
    second = trade.publish(parents=[(first, 1000)])
    third = trade.publish(parents=[(second, 2000), (first, 500)], sender=BUYER)
    royalties.pay(third, token, 1000, sender=OUTSIDER)
    assert royalties.due(third, token) == 750
    assert [royalties.due_to_parent(third, place, token) for place in (0, 1)] == [200, 50]
    assert royalties.pass_up(third, 0, token, sender=BUYER) == 200
    assert royalties.pass_up(third, 1, token, sender=BUYER) == 50
    assert royalties.pass_up(second, 0, token, sender=BUYER) == 20
    paid = {one: royalties.claim(one, token, sender=OUTSIDER) for one in (first, second, third)}
    assert paid == {first: 70, second: 180, third: 750}
    assert token.balanceOf(royalties) == 0


def test_nothing_is_lost_by_many_small_payments(trade: DataWorld) -> None:
    """Parts are of the whole sum: a thousand payments of one unit part like one of a thousand."""
    token, royalties = trade.token, trade.royalties
    parent = trade.publish()
    child = trade.publish(parents=[(parent, 3333), (parent, 3333)])
    for amount in [1] * 30 + [970]:
        royalties.pay(child, token, amount, sender=BUYER)
        due = [royalties.due_to_parent(child, place, token) for place in (0, 1)]
        if due[0]:
            royalties.pass_up(child, 0, token, sender=BUYER)
        if royalties.due(child, token):
            royalties.claim(child, token, sender=BUYER)
    royalties.pass_up(child, 1, token, sender=BUYER)
    assert royalties.income(parent, token) == 666
    assert royalties.claimed(child, token) == 334
    assert token.balanceOf(royalties) == 666


def test_a_step_costs_the_same_in_a_long_lineage(trade: DataWorld) -> None:
    """Passing up in the fiftieth generation costs what it costs in the second."""
    token, royalties = trade.token, trade.royalties
    line = [trade.publish()]
    for _ in range(50):
        line.append(trade.publish(parents=[(line[-1], 9000)]))
    royalties.pay(line[-1], token, 10**18, sender=BUYER)
    costs = []
    for number in reversed(line[1:]):
        royalties.pass_up(number, 0, token, sender=BUYER)
        costs.append(royalties._computation.get_gas_used())
    assert max(costs) - min(costs) < 50
    exact = 10**18 * 9**50 // 10**50
    assert exact - 50 <= royalties.income(line[0], token) <= exact


def test_income_goes_with_the_token(trade: DataWorld) -> None:
    """Who owns the dataset when it is claimed is paid, whoever calls."""
    dataset = trade.publish()
    trade.royalties.pay(dataset, trade.token, 5, sender=BUYER)
    trade.datasets.transferFrom(OWNER, OUTSIDER, dataset, sender=OWNER)
    before = trade.token.balanceOf(OUTSIDER)
    trade.royalties.claim(dataset, trade.token, sender=BUYER)
    assert trade.token.balanceOf(OUTSIDER) == before + 5


def test_refusals(trade: DataWorld) -> None:
    """Only sellers note income; nothing is paid to nobody, passed where nothing is due, or claimed twice."""
    token, royalties = trade.token, trade.royalties
    parent = trade.publish()
    child = trade.publish(parents=[(parent, 100)])
    for who in (OWNER, OUTSIDER, trade.governor):
        with boa.reverts("royalties: not a seller"):
            royalties.note(child, token, 1, sender=who)
    with boa.reverts("royalties: amount too large"):
        royalties.note(child, token, 2**128, sender=trade.fixed_price.address)
    with boa.reverts("royalties: no such dataset"):
        royalties.pay(child + 1, token, 1, sender=BUYER)
    with boa.reverts("royalties: nothing to pay"):
        royalties.pay(child, token, 0, sender=BUYER)
    with boa.reverts("royalties: no such parent"):
        royalties.pass_up(child, 1, token, sender=BUYER)
    with boa.reverts("royalties: nothing to pass up"):
        royalties.pass_up(child, 0, token, sender=BUYER)
    with boa.reverts("royalties: nothing due"):
        royalties.claim(child, token, sender=OWNER)


def test_tokens_that_misbehave(trade: DataWorld) -> None:
    """A token that answers false or keeps a part is not counted, and another token's money is untouched by it."""
    dataset, royalties = trade.served(), trade.royalties
    trade.fixed_price.buy(dataset, STATISTICS, 1, 100, sender=BUYER)
    hostile = boa.load_partial(str(MOCKS / "HostileToken.vy")).deploy()
    hostile.mint(BUYER, 1000)
    royalties.pay(dataset, hostile, 100, sender=BUYER)
    hostile.set_tax(100)
    with boa.reverts("royalties: token takes a fee on transfer"):
        royalties.pay(dataset, hostile, 100, sender=BUYER)
    hostile.set_false(True)
    with boa.reverts("royalties: token refused"):
        royalties.pay(dataset, hostile, 100, sender=BUYER)
    with boa.reverts("royalties: token refused"):
        royalties.claim(dataset, hostile, sender=OWNER)
    assert royalties.claim(dataset, trade.token, sender=OWNER) == 100
