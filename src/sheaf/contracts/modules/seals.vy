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


@pure
@internal
def signer(
    separator: bytes32, submission: uint256, seat: uint256, commitment: bytes32, signature: Bytes[65]
) -> address:
    """
    @dev Who signed a commitment. A malleable twin of a signature does no harm here: a seat commits once, whichever is posted.
    """
    assert len(signature) == 65, "reviews: malformed signature"
    message: bytes32 = keccak256(abi_encode(REVIEW_TYPEHASH, submission, seat, commitment))
    account: address = ecrecover(
        keccak256(concat(x"1901", separator, message)),
        convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0, output_type=uint256),
        extract32(signature, 32, output_type=uint256),
    )
    assert account != empty(address), "reviews: malformed signature"
    return account


@view
@internal
def domain() -> bytes32:
    """
    @dev The domain of what validators sign (EIP-712). It is made anew each time, so that it holds on a fork of the chain too.
    """
    return keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))


@pure
@internal
def of_commitment(commitment: bytes32, account: address) -> bytes32:
    return keccak256(abi_encode(commitment, account))


@pure
@internal
def chained(before: bytes32, seat: uint256, seal: bytes32) -> bytes32:
    """
    @dev The chain of a round's commitments after one more.
    """
    return keccak256(abi_encode(before, seat, seal))


@pure
@internal
def of_round(order: uint256, committed: uint256, first: uint256, sealed: bytes32[12]) -> bytes32:
    """
    @dev The chain of a round's commitments, given the seals of all its seats, of which `first` is the lowest.
    @param order The seats less `first` in the order in which they committed, 8 bits each from the lowest; 0 for that of seats.
    @param committed The seats that have committed.
    """
    link: bytes32 = empty(bytes32)
    rest: uint256 = committed >> first
    for i: uint256 in range(12):
        if order == 0 and (rest >> i) & 1 == 1:
            link = self.chained(link, first + i, sealed[i])
        elif order != 0 and rest != 0:
            place: uint256 = (order >> (8 * i)) & 255
            assert place < 12, "reviews: opening does not match"
            link = self.chained(link, first + place, sealed[place])
            rest &= rest - 1
    return link


@pure
@internal
def given(joint: DynArray[bytes32, 12]) -> bytes32[12]:
    sealed: bytes32[12] = empty(bytes32[12])
    i: uint256 = 0
    for seal: bytes32 in joint:
        sealed[i] = seal
        i += 1
    return sealed


@pure
@internal
def reopened(
    submission: uint256,
    round: uint256,
    shown: uint256,
    accounts: DynArray[address, 12],
    salts: DynArray[bytes32, 12],
    hashes: DynArray[bytes32, 12],
    joint: DynArray[bytes32, 12],
) -> bytes32[12]:
    """
    @dev The seals of a round's seats: of those `shown`, a mask from the round's lowest seat up, made anew from their openings,
         of the others as given.
    """
    sealed: bytes32[12] = self.given(joint)
    i: uint256 = 0
    for seat: uint256 in range(12):
        if (shown >> seat) & 1 == 1:
            sealed[seat] = self.of_opening(hashes[i], salts[i], submission, accounts[i], round)
            i += 1
    return sealed


@pure
@internal
def shown(mask: uint256, accounts: DynArray[address, 12], hashes: DynArray[bytes32, 12]) -> bytes32:
    """
    @dev What a tally was shown: the seats of `mask` with their accounts and the hashes of their bitmaps, in seat order.
    """
    return keccak256(abi_encode(mask, accounts, hashes))
