"""The calls upon Parameters, Nodes, MarketToken, Stakes and Committees, on the chain of one process."""

from __future__ import annotations

import pytest
from eth_account import Account

from sheaf.chain.deploy import PROFILES, deploy
from sheaf.chain.devchain import Devchain
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, Reverted
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.governance import parameters
from sheaf.registry import nodes
from sheaf.review import committees, stakes
from sheaf.rewards import market_token

GOVERNOR, VALIDATOR = Signer(b"\x61" * 32), Signer(b"\x62" * 32)


@pytest.fixture(scope="module")
def engine() -> Devchain:
    engine = Devchain(seed=11)
    for signer in (GOVERNOR, VALIDATOR):
        engine.fund(signer.address, 10**24)
    return engine


@pytest.fixture(scope="module")
def chain(engine: Devchain) -> Chain:
    """The market, deployed; the governor holds the supply."""
    chain = Chain(engine)
    chain.deployment = deploy(chain, GOVERNOR, "process")
    return chain


def test_parameters_by_name(chain: Chain) -> None:
    """All are read in one call, each by its name; the governor sets within bounds, and a wrong name says which there are."""
    values = parameters.every(chain)
    assert values["small_size"] == parameters.get(chain, "small_size") == 5
    parameters.set_parameter(chain, GOVERNOR, "protocol_fee_bps", 300)
    parameters.set_round(chain, GOVERNOR, 0, 3, 2)
    assert parameters.every(chain) == values | {"protocol_fee_bps": 300, "small_size": 3, "small_quorum": 2}
    with pytest.raises(Reverted, match="parameters: out of bounds"):
        parameters.set_parameter(chain, GOVERNOR, "protocol_fee_bps", 1001)
    with pytest.raises(InputError, match="parameter: fee: give one of commit_seconds"):
        parameters.get(chain, "fee")
    assert parameters.treasury(chain) == GOVERNOR.address
    assert parameters.lock_rate_floor_wad(chain, chain.address_of("MarketToken")) == 0


def test_reading_keys(chain: Chain) -> None:
    """A key is 32 bytes, not all zero; who has none has None."""
    assert nodes.reading_key(chain, VALIDATOR.address) is None
    for key in (b"", b"\1" * 31, bytes(32)):
        with pytest.raises(InputError, match="X25519"):
            nodes.register(chain, VALIDATOR, key)
    nodes.register(chain, VALIDATOR, b"\1" * 32)
    assert nodes.reading_key(chain, VALIDATOR.address) == b"\1" * 32


def test_stake_from_in_to_out(chain: Chain, engine: Devchain) -> None:
    """What is staked is seen, weighs from the next period on, leaves after its time, and powers are the governor's to give."""
    market_token.transfer(chain, GOVERNOR, VALIDATOR.address, 50 * WAD)
    market_token.approve(chain, VALIDATOR, chain.address_of("Stakes"), 50 * WAD)
    assert market_token.allowance(chain, VALIDATOR.address, chain.address_of("Stakes")) == 50 * WAD
    assert stakes.id_of(chain, VALIDATOR.address) == 0
    stakes.stake(chain, VALIDATOR, 50 * WAD)
    number = stakes.id_of(chain, VALIDATOR.address)
    assert number == stakes.count(chain) == 1
    assert stakes.account_of(chain, number) == VALIDATOR.address
    assert stakes.accounts_of(chain, [1]) == [VALIDATOR.address]
    engine.mine(PROFILES["process"].period_blocks)
    assert stakes.weight(chain, number) == stakes.total_weight(chain) == 50
    stakes.declare(chain, VALIDATOR, GOVERNOR.address)
    stakes.unbond(chain, VALIDATOR, 20 * WAD)
    held = stakes.position(chain, number)
    assert (held.amount, held.locked, held.unbonding) == (50 * WAD, 0, 20 * WAD)
    engine.advance(PROFILES["process"].unbonding_seconds + 1)
    engine.mine()
    stakes.withdraw(chain, VALIDATOR)
    assert stakes.position(chain, number).amount == 30 * WAD
    assert market_token.balance_of(chain, VALIDATOR.address) == 20 * WAD
    stakes.appoint(chain, GOVERNOR, GOVERNOR.address, stakes.SLASH)
    stakes.dismiss(chain, GOVERNOR, GOVERNOR.address, stakes.SLASH)
    with pytest.raises(Reverted, match="stakes: not the governor"):
        stakes.appoint(chain, VALIDATOR, VALIDATOR.address, stakes.SLASH)


def test_committees_of_nothing(chain: Chain) -> None:
    """What was never submitted has no committee and no block that draws; terms are the twin's."""
    empty = committees.committee(chain, 9)
    assert empty == committees.Committee(0, 0, 0, 0, 0, 0, ())
    assert committees.sitting(chain, 9) == (empty, ())
    assert committees.accounts(chain, 9) == () and not committees.is_drawn(chain, 9)
    words = tuple(chain.call("Parameters", "words"))
    assert committees.terms_of(chain, 70 * WAD, 400) == committees.terms(words, 70 * WAD, 400)  # type: ignore[arg-type]
    for call in (
        lambda: committees.target_block(chain, 9),
        lambda: committees.draw(chain, VALIDATOR, 9),
        lambda: committees.redraw(chain, VALIDATOR, 9),
    ):
        with pytest.raises(Reverted):
            call()


def test_an_authorisation_is_brought_by_another(chain: Chain) -> None:
    """The payer signs, another brings it and pays the gas, and the money moves as signed."""
    account, token = Account.from_key(b"\x61" * 32), chain.address_of("MarketToken")
    authorization = market_token.Authorization(GOVERNOR.address, ZERO_ADDRESS[:-1] + "9", 7, b"\3" * 32)
    document = market_token.typed_data(
        chain.chain_id,
        token,
        "TransferWithAuthorization",
        market_token.authorization_message(authorization),
    )
    signed = account.sign_typed_data(full_message=document)
    signature = (signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    market_token.bring(chain, VALIDATOR, authorization, signature)
    assert chain.at("MarketToken", token).call("balanceOf", authorization.to) == 7


def test_typed_data_refusals() -> None:
    """Unknown kinds and missing or foreign fields are refused, naming what is wanted."""
    with pytest.raises(InputError, match="kind: Gift: give one of Permit"):
        market_token.typed_data(1, ZERO_ADDRESS, "Gift", {})
    with pytest.raises(InputError, match="authorizer, nonce"):
        market_token.typed_data(1, ZERO_ADDRESS, "CancelAuthorization", {"authorizer": ZERO_ADDRESS})
