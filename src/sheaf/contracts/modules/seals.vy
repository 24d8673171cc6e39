# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Seals
@license AGPL-3.0-only
@notice How a commitment is made, who signed it, and the seal that ties it to its maker.
"""

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("Sheaf Reviews")
VERSION_HASH: constant(bytes32) = keccak256("1")
REVIEW_TYPEHASH: constant(bytes32) = keccak256("Review(uint256 submission,uint256 seat,bytes32 commitment)")


@pure
@internal
def of_opening(
    bitmap_hash: bytes32, salt: bytes32, submission: uint256, account: address, round: uint256
) -> bytes32:
    commitment: bytes32 = keccak256(abi_encode(bitmap_hash, salt, submission, account, round))
    return self.of_commitment(commitment, account)


@view
@internal
def signer(hash: bytes32, signature: Bytes[65]) -> address:
    # A malleable twin of a signature does no harm here: a seat commits once, whichever of the two is posted.
    assert len(signature) == 65, "reviews: malformed signature"
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    account: address = ecrecover(hash, v, r, s)
    assert account != empty(address), "reviews: malformed signature"
    return account


@view
@internal
def typed_hash(submission: uint256, seat: uint256, commitment: bytes32) -> bytes32:
    """
    @dev What a validator signs (EIP-712). The domain is made anew each time, so that it holds on a fork of the chain too.
    """
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))
    message: bytes32 = keccak256(abi_encode(REVIEW_TYPEHASH, submission, seat, commitment))
    return keccak256(concat(x"1901", domain, message))


@pure
@internal
def of_commitment(commitment: bytes32, account: address) -> bytes32:
    return keccak256(abi_encode(commitment, account))


@pure
@internal
def lowest_of(group: uint256, first: uint256) -> uint256:
    """
    @dev The lowest seat of a group in the round that begins at `first`: where the group's digest is kept.
    """
    for i: uint256 in range(12):
        if (group >> (first + i)) & 1 == 1:
            return first + i
    return first


@pure
@internal
def of_group(group: uint256, first: uint256, sealed: bytes32[12]) -> bytes32:
    """
    @dev The digest of a group, among the seals of all the round's seats.
    """
    members: DynArray[bytes32, 12] = []
    for i: uint256 in range(12):
        if (group >> (first + i)) & 1 == 1:
            members.append(sealed[i])
    return keccak256(abi_encode(group, members))


@pure
@internal
def of_one(seat: uint256, seal: bytes32) -> bytes32:
    """
    @dev The digest of a group of one.
    """
    members: DynArray[bytes32, 12] = [seal]
    return keccak256(abi_encode(convert(1 << seat, uint256), members))


@pure
@internal
def given(joint: DynArray[bytes32, 12]) -> bytes32[12]:
    sealed: bytes32[12] = empty(bytes32[12])
    i: uint256 = 0
    for seal: bytes32 in joint:
        sealed[i] = seal
        i += 1
    return sealed
