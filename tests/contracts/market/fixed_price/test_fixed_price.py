"""Fixed prices: offers by the owner, sales of uses ahead, and what is refused."""

from __future__ import annotations

import boa

from tests.contracts.conftest import MOCKS
from tests.contracts.data_world import BUYER, OUTSIDER, OWNER, STATISTICS, DataWorld

ZERO = "0x" + "00" * 20


def test_an_offer_is_sold(trade: DataWorld) -> None:
    """The buyer pays price times uses to Royalties, at once, and gets that many datatokens."""
    dataset = trade.served(price=100)
    before = trade.token.balanceOf(BUYER)
    assert trade.fixed_price.buy(dataset, STATISTICS, 3, 300, sender=BUYER) == 300
    assert trade.token.balanceOf(BUYER) == before - 300
    assert trade.token.balanceOf(trade.fixed_price) == 0
    assert trade.royalties.due(dataset, trade.token) == 300
    assert trade.proxy(dataset).balanceOf(BUYER) == 3
    assert tuple(trade.fixed_price.offer_of(dataset, STATISTICS)) == (trade.token.address, 100)


def test_a_price_may_be_nothing_and_may_change(trade: DataWorld) -> None:
    """A use may be free; a changed price finds the same datatoken; an offer that is taken back sells nothing."""
    dataset = trade.served(price=0)
    made = trade.fixed_price.datatoken_of(dataset, STATISTICS)
    assert trade.fixed_price.buy(dataset, STATISTICS, 1, 0, sender=BUYER) == 0
    trade.fixed_price.offer(dataset, STATISTICS, trade.token, 7, sender=OWNER)
    assert trade.fixed_price.get_logs()[0].datatoken == made
    with boa.reverts("fixed_price: dearer than the buyer allows"):
        trade.fixed_price.buy(dataset, STATISTICS, 1, 6, sender=BUYER)
    trade.fixed_price.offer(dataset, STATISTICS, ZERO, 0, sender=OWNER)
    with boa.reverts("fixed_price: not offered"):
        trade.fixed_price.buy(dataset, STATISTICS, 1, 7, sender=BUYER)
    assert trade.proxy(dataset).balanceOf(BUYER) == 1


def test_what_cannot_be_offered_or_bought(trade: DataWorld) -> None:
    """Only the owner offers, a use there is, at a price below 2**96, in a token; a sale is of one use at least, to who is admitted."""
    dataset, prices, token = trade.served(), trade.fixed_price, trade.token
    for who in (BUYER, trade.governor):
        with boa.reverts("fixed_price: not the owner"):
            prices.offer(dataset, STATISTICS, token, 1, sender=who)
    for arguments, reason in (
        ((dataset, 0, token, 1), "fixed_price: no such use"),
        ((dataset, 16, token, 1), "fixed_price: no such use"),
        ((dataset, 1, token, 2**96), "fixed_price: price too large"),
        ((dataset, 1, ZERO, 1), "fixed_price: no token"),
    ):
        with boa.reverts(reason):
            prices.offer(*arguments, sender=OWNER)
    for uses in (0, 2**96):
        with boa.reverts("fixed_price: no uses"):
            prices.buy(dataset, STATISTICS, uses, 2**255, sender=BUYER)
    trade.datasets.revoke(dataset, BUYER, True, sender=OWNER)
    with boa.reverts("datasets: revoked"):
        prices.buy(dataset, STATISTICS, 1, 100, sender=BUYER)
    trade.datasets.withdraw(dataset, True, sender=OWNER)
    with boa.reverts("datasets: withdrawn"):
        prices.buy(dataset, STATISTICS, 1, 100, sender=OUTSIDER)


def test_tokens_that_do_not_arrive(trade: DataWorld) -> None:
    """A token that answers false, or keeps a part, buys nothing."""
    dataset = trade.served()
    hostile = boa.load_partial(str(MOCKS / "HostileToken.vy")).deploy()
    hostile.mint(BUYER, 10**6)
    trade.fixed_price.offer(dataset, STATISTICS, hostile, 100, sender=OWNER)
    hostile.set_tax(100)
    with boa.reverts("fixed_price: token takes a fee on transfer"):
        trade.fixed_price.buy(dataset, STATISTICS, 1, 100, sender=BUYER)
    hostile.set_tax(0)
    hostile.set_false(True)
    with boa.reverts("fixed_price: token refused"):
        trade.fixed_price.buy(dataset, STATISTICS, 1, 100, sender=BUYER)
    assert trade.proxy(dataset).totalSupply() == 0


def test_a_silent_token_buys(trade: DataWorld) -> None:
    """A token of the old kind, whose transfers answer nothing, is taken."""
    dataset = trade.served()
    silent = boa.load_partial(str(MOCKS / "SilentToken.vy")).deploy()
    silent.mint(BUYER, 100)
    trade.fixed_price.offer(dataset, STATISTICS, silent, 100, sender=OWNER)
    trade.fixed_price.buy(dataset, STATISTICS, 1, 100, sender=BUYER)
    assert trade.royalties.claim(dataset, silent, sender=OUTSIDER) == 100 == silent.balanceOf(OWNER)
