"""MarketToken: permits and authorisations by signature; replayed, foreign, early, late and bent ones are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boa
import pytest
from eth_account import Account

from sheaf.domain.errors import Refused
from sheaf.rewards.market_token import (
    FOREVER,
    Authorization,
    MarketTokenTwin,
    authorization_message,
    typed_data,
)
from tests.contracts.conftest import SUPPLY, TOKEN, load

PAYER, STRANGER = Account.from_key(b"\x51" * 32), Account.from_key(b"\x52" * 32)
NOBODY = "0x" + "0" * 40
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TRANSFER, RECEIVE, CANCEL = "TransferWithAuthorization", "ReceiveWithAuthorization", "CancelAuthorization"


@pytest.fixture
def funded(token: Any, deployer: str) -> Any:
    """The token, of which the payer has 100."""
    token.transfer(PAYER.address, 100 * TOKEN, sender=deployer)
    return token


@pytest.fixture
def twin(deployer: str) -> MarketTokenTwin:
    twin = MarketTokenTwin(deployer, SUPPLY, now=boa.env.evm.patch.timestamp)
    twin.transfer(deployer, PAYER.address, 100 * TOKEN)
    return twin


def _sign(
    token: Any, kind: str, message: dict[str, Any], signer: Any = PAYER, **domain: Any
) -> tuple[int, bytes, bytes]:
    document = typed_data(boa.env.evm.patch.chain_id, token.address, kind, message)
    document["domain"] |= domain
    signed = signer.sign_typed_data(full_message=document)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def _give(
    token: Any, authorization: Authorization, kind: str = TRANSFER, signer: Any = PAYER, **domain: Any
) -> tuple[Any, ...]:
    message = authorization_message(authorization)
    return (*message.values(), *_sign(token, kind, message, signer, **domain))


def _authorization(to: str, value: int = 5 * TOKEN, nonce: bytes = b"\7" * 32, **times: int) -> Authorization:
    return Authorization(PAYER.address, to, value, nonce, **times)


def test_token_is_made_for_its_owner(token: Any, deployer: str, outsider: str) -> None:
    """Name, symbol, decimals, supply; the owner alone mints, and the account that deployed has no power left."""
    assert (token.name(), token.symbol(), token.decimals()) == ("Sheaf", "SHEAF", 18)
    assert token.totalSupply() == token.balanceOf(deployer) == SUPPLY
    with boa.env.prank(outsider):
        other = load("rewards/MarketToken.vy").deploy(deployer, 1)
    assert other.owner() == deployer and other.is_minter(deployer) and not other.is_minter(outsider)
    with boa.reverts("erc20: access is denied"):
        other.mint(outsider, 1, sender=outsider)


def test_transfers_equal_the_twins(funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str) -> None:
    """Transfers, allowances and burning move the same in contract and twin, or are refused in the same words."""
    steps: list[tuple[str, str, tuple[Any, ...]]] = [
        ("transfer", PAYER.address, (buyer, 30 * TOKEN)),
        ("transfer", PAYER.address, (buyer, 71 * TOKEN)),
        ("transfer", buyer, (NOBODY, 1)),
        ("approve", buyer, (outsider, 10)),
        ("approve", buyer, (NOBODY, 10)),
        ("transfer_from", outsider, (buyer, outsider, 11)),
        ("transfer_from", outsider, (buyer, outsider, 7)),
        ("transfer_from", outsider, (buyer, outsider, 4)),
        ("approve", buyer, (outsider, FOREVER)),
        ("transfer_from", outsider, (buyer, outsider, 4)),
        ("burn", outsider, (12,)),
        ("burn", outsider, (5,)),
    ]
    for name, sender, arguments in steps:
        call = getattr(funded, {"transfer_from": "transferFrom"}.get(name, name))
        try:
            getattr(twin, name)(sender, *arguments)
        except Refused as refused:
            with boa.reverts(refused.reason):
                call(*arguments, sender=sender)
        else:
            call(*arguments, sender=sender)
        for account in (PAYER.address, buyer, outsider):
            assert funded.balanceOf(account) == twin.balance_of(account)
        assert funded.totalSupply() == twin.supply


def test_permit_allows_once(funded: Any, outsider: str, buyer: str) -> None:
    """A permit sets the allowance by signature (EIP-2612), once; replayed, foreign, late and bent permits are refused."""
    deadline = boa.env.evm.patch.timestamp + 100
    message = {"owner": PAYER.address, "spender": buyer, "value": 9, "nonce": 0, "deadline": deadline}
    signature = _sign(funded, "Permit", message)
    permit = (PAYER.address, buyer, 9, deadline)
    for bad in (
        _sign(funded, "Permit", message, STRANGER),
        _sign(funded, "Permit", message, chainId=99),
        _sign(funded, "Permit", message, verifyingContract=outsider),
        _sign(funded, "Permit", message, version="2"),
        _sign(funded, "Permit", message | {"nonce": 1}),
    ):
        with boa.reverts("erc20: invalid signature"):
            funded.permit(*permit, *bad, sender=outsider)
    with boa.reverts("erc20: invalid signature"):
        funded.permit(PAYER.address, outsider, 9, deadline, *signature, sender=outsider)
    funded.permit(*permit, *signature, sender=outsider)
    assert funded.allowance(PAYER.address, buyer) == 9 and funded.nonces(PAYER.address) == 1
    with boa.reverts("erc20: invalid signature"):
        funded.permit(*permit, *signature, sender=outsider)
    boa.env.time_travel(seconds=200)
    with boa.reverts("erc20: expired deadline"):
        funded.permit(*permit, *_sign(funded, "Permit", message | {"nonce": 1}), sender=outsider)


def test_authorised_transfer_is_brought_by_anyone_once(
    funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str
) -> None:
    """An outsider brings the payer's signature, the money moves as signed, and the second time it is refused (EIP-3009)."""
    authorization = _authorization(buyer)
    given = _give(funded, authorization)
    assert not funded.authorizationState(PAYER.address, authorization.nonce)
    funded.transferWithAuthorization(*given, sender=outsider)
    twin.transfer_with_authorization(authorization, PAYER.address)
    assert funded.balanceOf(buyer) == twin.balance_of(buyer) == 5 * TOKEN
    assert funded.authorizationState(PAYER.address, authorization.nonce)
    with boa.reverts("market_token: authorisation used"):
        funded.transferWithAuthorization(*given, sender=outsider)
    with pytest.raises(Refused, match="authorisation used"):
        twin.transfer_with_authorization(authorization, PAYER.address)
    with boa.reverts("market_token: authorisation used"):
        funded.receiveWithAuthorization(*_give(funded, authorization, RECEIVE), sender=buyer)


def test_forged_and_foreign_authorisations_are_refused(
    funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str
) -> None:
    """A stranger's signature, another chain, contract, version or kind, and any changed field are refused."""
    authorization = _authorization(buyer)
    good = _give(funded, authorization)
    bad = [
        _give(funded, authorization, signer=STRANGER),
        _give(funded, authorization, kind=RECEIVE),
        _give(funded, authorization, chainId=99),
        _give(funded, authorization, verifyingContract=outsider),
        _give(funded, authorization, version="2"),
        _give(funded, authorization, name="Sheafs"),
        (*good[:6], 0, bytes(32), bytes(32)),
        (*good[:6], good[6], good[8], good[7]),
        (STRANGER.address, *good[1:]),
        (NOBODY, *good[1:6], 0, bytes(32), bytes(32)),
        (good[0], outsider, *good[2:]),
        (*good[:2], good[2] + 1, *good[3:]),
        (*good[:5], b"\x08" * 32, *good[6:]),
    ]
    for arguments in bad:
        with boa.reverts():
            funded.transferWithAuthorization(*arguments, sender=outsider)
    for arguments in bad[:6]:
        with boa.reverts("market_token: invalid signature"):
            funded.transferWithAuthorization(*arguments, sender=outsider)
    with pytest.raises(Refused, match="invalid signature"):
        twin.transfer_with_authorization(authorization, STRANGER.address)
    funded.transferWithAuthorization(*good, sender=outsider)


def test_the_other_s_of_a_signature_is_refused(funded: Any, buyer: str, outsider: str) -> None:
    """A signature has one form only: the mirrored one of upper half order is refused."""
    *fields, v, r, s = _give(funded, _authorization(buyer))
    mirrored = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    with boa.reverts("ecdsa: invalid signature `s` value"):
        funded.transferWithAuthorization(*fields, 55 - v, r, mirrored, sender=outsider)


def test_authorisations_have_their_time(
    funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str
) -> None:
    """Valid strictly after the first and strictly before the second time."""
    now = twin.now = boa.env.evm.patch.timestamp
    for times, reason in (
        ({"valid_after": now}, "market_token: authorisation not yet valid"),
        ({"valid_after": FOREVER}, "market_token: authorisation not yet valid"),
        ({"valid_before": now}, "market_token: authorisation expired"),
        ({"valid_before": 0}, "market_token: authorisation expired"),
    ):
        authorization = _authorization(buyer, **times)
        with boa.reverts(reason):
            funded.transferWithAuthorization(*_give(funded, authorization), sender=outsider)
        with pytest.raises(Refused, match=reason):
            twin.transfer_with_authorization(authorization, PAYER.address)
    within = _authorization(buyer, valid_after=now - 1, valid_before=now + 1)
    funded.transferWithAuthorization(*_give(funded, within), sender=outsider)


def test_authorised_receipt_is_the_payees_alone(
    funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str
) -> None:
    """Only the payee can bring a receipt, so that nobody brings it before its contract is ready."""
    authorization = _authorization(buyer)
    given = _give(funded, authorization, RECEIVE)
    with boa.reverts("market_token: not the payee"):
        funded.receiveWithAuthorization(*given, sender=outsider)
    with pytest.raises(Refused, match="not the payee"):
        twin.receive_with_authorization(outsider, authorization, PAYER.address)
    with boa.reverts("market_token: invalid signature"):
        funded.transferWithAuthorization(*given, sender=buyer)
    funded.receiveWithAuthorization(*given, sender=buyer)
    twin.receive_with_authorization(buyer, authorization, PAYER.address)
    assert funded.balanceOf(buyer) == twin.balance_of(buyer) == 5 * TOKEN


def test_cancelled_authorisations_are_worthless(
    funded: Any, twin: MarketTokenTwin, buyer: str, outsider: str
) -> None:
    """The signer can cancel what was not used; a stranger cannot, and what was used or cancelled cannot be cancelled again."""
    authorization = _authorization(buyer)
    message = {"authorizer": PAYER.address, "nonce": authorization.nonce}
    cancel = (PAYER.address, authorization.nonce)
    with boa.reverts("market_token: invalid signature"):
        funded.cancelAuthorization(*cancel, *_sign(funded, CANCEL, message, STRANGER), sender=outsider)
    with pytest.raises(Refused, match="invalid signature"):
        twin.cancel_authorization(*cancel, STRANGER.address)
    signature = _sign(funded, CANCEL, message)
    funded.cancelAuthorization(*cancel, *signature, sender=outsider)
    twin.cancel_authorization(*cancel, PAYER.address)
    with boa.reverts("market_token: authorisation used"):
        funded.cancelAuthorization(*cancel, *signature, sender=outsider)
    with pytest.raises(Refused, match="authorisation used"):
        twin.cancel_authorization(*cancel, PAYER.address)
    with boa.reverts("market_token: authorisation used"):
        funded.transferWithAuthorization(*_give(funded, authorization), sender=outsider)


def test_authorisation_beyond_the_balance_is_not_used_up(funded: Any, buyer: str, outsider: str) -> None:
    """A transfer that fails leaves its authorisation unused: it can be brought again when the money is there."""
    authorization = replace(_authorization(buyer), value=101 * TOKEN)
    given = _give(funded, authorization)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        funded.transferWithAuthorization(*given, sender=outsider)
    assert not funded.authorizationState(PAYER.address, authorization.nonce)
