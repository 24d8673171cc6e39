# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title MarketToken
@license AGPL-3.0-only
@notice The token that validators stake and that pays requests: ERC-20 with permit (EIP-2612) and with transfers by signed
        authorisation (EIP-3009), both in one EIP-712 domain, "Sheaf" version "1".
@dev EIP-3009 wants 32-byte nonces of the signer's choice, so authorisations do not wait for each other. The ERC-20 part, its
     permit and its minters are snekmate's.
@custom:stop Nothing here can be stopped. The owner appoints minters; nobody can move or burn what others hold.
"""

from ..interfaces import IMarketToken
from snekmate.auth import ownable
from snekmate.tokens import erc20
from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator

initializes: ownable
uses: eip712_domain_separator
initializes: erc20[ownable := ownable]

implements: IMarketToken

exports: erc20.__interface__

TRANSFER_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "CancelAuthorization(address authorizer,bytes32 nonce)"
)

authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@deploy
def __init__(owner: address, supply: uint256):
    """
    @notice Mint `supply` to `owner`, who may appoint minters.
    """
    ownable.__init__()
    erc20.__init__("Sheaf", "SHEAF", 18, "Sheaf", "1")
    erc20.is_minter[msg.sender] = False
    erc20.is_minter[owner] = True
    ownable._transfer_ownership(owner)
    erc20._mint(owner, supply)


@external
def transferWithAuthorization(
    from_: address,
    to: address,
    value_: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Transfer what `from_` signed to be transferred; anyone may bring the signature, once (EIP-3009).
    """
    self._authorise(
        TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from_, to, value_, validAfter, validBefore, nonce, v, r, s
    )
    erc20._transfer(from_, to, value_)


@external
def receiveWithAuthorization(
    from_: address,
    to: address,
    value_: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Take what `from_` signed to be transferred to the caller, once; nobody else can bring it first (EIP-3009).
    """
    assert to == msg.sender, "market_token: not the payee"
    self._authorise(
        RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from_, to, value_, validAfter, validBefore, nonce, v, r, s
    )
    erc20._transfer(from_, to, value_)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Make an authorisation that was not used yet worthless, by a signature of who gave it (EIP-3009).
    """
    assert not self.authorizationState[authorizer][nonce], "market_token: authorisation used"
    self._check(authorizer, keccak256(abi_encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), v, r, s)
    self.authorizationState[authorizer][nonce] = True
    log IMarketToken.AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _authorise(
    type_hash: bytes32,
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp > valid_after, "market_token: authorisation not yet valid"
    assert block.timestamp < valid_before, "market_token: authorisation expired"
    assert not self.authorizationState[owner][nonce], "market_token: authorisation used"
    self._check(
        owner, keccak256(abi_encode(type_hash, owner, to, amount, valid_after, valid_before, nonce)), v, r, s
    )
    self.authorizationState[owner][nonce] = True
    log IMarketToken.AuthorizationUsed(authorizer=owner, nonce=nonce)


@view
@internal
def _check(signer: address, struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32):
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(struct_hash)
    recovered: address = ecdsa._recover_vrs(
        digest, convert(v, uint256), convert(r, uint256), convert(s, uint256)
    )
    assert signer != empty(address) and recovered == signer, "market_token: invalid signature"
