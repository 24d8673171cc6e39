"""Datatokens: proxies that stand for one use of one dataset, and who may make and burn them."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_account import Account

from sheaf.domain.errors import Refused
from sheaf.market.datatoken import DatatokenTwin
from tests.contracts.data_world import BUYER, OUTSIDER, OWNER, STATISTICS, DataWorld


@pytest.fixture
def proxy(trade: DataWorld) -> Any:
    """The datatoken of a dataset that is offered and served."""
    return trade.proxy(trade.served())


def test_a_proxy_is_a_token_of_its_own(trade: DataWorld, proxy: Any) -> None:
    """It says what it stands for and has whole tokens only; another use's balances are its own."""
    dataset, use = proxy.right()
    assert use == STATISTICS and (proxy.symbol(), proxy.decimals(), proxy.totalSupply()) == ("USE", 0, 0)
    trade.fixed_price.offer(dataset, 3, trade.token, 1, sender=OWNER)
    proxy.mint(BUYER, 2, sender=OWNER)
    proxy.transfer(OUTSIDER, 1, sender=BUYER)
    assert [proxy.balanceOf(one) for one in (BUYER, OUTSIDER)] == [1, 1]
    assert trade.proxy(dataset, 3).totalSupply() == 0 == trade.datatoken.totalSupply()
    assert tuple(trade.proxy(dataset, 3).right()) == (dataset, 3)


def test_permit_is_bound_to_the_proxy(proxy: Any) -> None:
    """A signature of EIP-2612 for one datatoken moves its tokens, and is worthless at another of the same code."""
    owner = Account.from_key(b"\x51" * 32)
    domain = {
        "name": "Sheaf use of data",
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": proxy.address,
    }
    types = {
        "Permit": [
            {"name": name, "type": kind}
            for name, kind in (
                ("owner", "address"),
                ("spender", "address"),
                ("value", "uint256"),
                ("nonce", "uint256"),
                ("deadline", "uint256"),
            )
        ]
    }
    message = {"owner": owner.address, "spender": BUYER, "value": 5, "nonce": 0, "deadline": 2**40}
    signed = owner.sign_typed_data(domain, types, message)
    parts = (
        owner.address,
        BUYER,
        5,
        2**40,
        signed.v,
        signed.r.to_bytes(32, "big"),
        signed.s.to_bytes(32, "big"),
    )
    proxy.permit(*parts, sender=OUTSIDER)
    assert proxy.allowance(owner.address, BUYER) == 5
    with boa.reverts("erc20: invalid signature"):
        proxy.permit(*parts, sender=OUTSIDER)


def test_who_makes_and_burns(trade: DataWorld, proxy: Any) -> None:
    """FixedPrice names a proxy once; it, ComputeOrders and the dataset's owner make tokens; ComputeOrders alone burns them."""
    with boa.reverts("datatoken: not fixed price"):
        proxy.initialise(1, 1, sender=OWNER)
    with boa.reverts("datatoken: set already"):
        proxy.initialise(1, 1, sender=trade.fixed_price.address)
    for who in (BUYER, trade.governor, trade.royalties.address):
        with boa.reverts("datatoken: not the owner"):
            proxy.mint(BUYER, 1, sender=who)
        with boa.reverts("datatoken: not compute orders"):
            proxy.consume(BUYER, sender=who)
    twin = DatatokenTwin()
    for who in (OWNER, trade.fixed_price.address, trade.orders.address):
        proxy.mint(BUYER, 1, sender=who)
        twin.mint(BUYER, 1)
    for _ in range(3):
        proxy.consume(BUYER, sender=trade.orders.address)
        twin.consume(BUYER)
    with boa.reverts("datatoken: no use left"):
        proxy.consume(BUYER, sender=trade.orders.address)
    with pytest.raises(Refused, match="datatoken: no use left"):
        twin.consume(BUYER)


def test_the_code_stands_for_nothing(trade: DataWorld) -> None:
    """Nobody owns the dataset of the contract that proxies point at, so nobody gives its tokens away, nor those of minters."""
    for who in (OWNER, trade.governor):
        with boa.reverts("datatoken: not the owner"):
            trade.datatoken.mint(who, 1, sender=who)
    for name in ("set_minter", "transfer_ownership", "owner"):
        assert not hasattr(trade.datatoken, name)


def test_tokens_are_handed_on_like_the_twins() -> None:
    """Nobody hands on more than they hold."""
    twin = DatatokenTwin()
    twin.mint(BUYER, 2)
    twin.transfer(BUYER, OUTSIDER, 2)
    assert (twin.balances[OUTSIDER], twin.supply) == (2, 2)
    with pytest.raises(Refused, match="exceeds balance"):
        twin.transfer(BUYER, OUTSIDER, 1)
