# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Books
@license AGPL-3.0-only
@notice How the state of a request is packed into one word, and what a CID must look like. Pure: no storage, no calls.
        A book is, from the lowest bit, buyer 160 | deadline 40 | records left 40 | cancelled 1 | least standing in percent 7 | codec
        of the specification's CID 8; prices are as in settlement.vy.
"""

from . import settlement

WAD: constant(uint256) = 10**18
PRICE_LIMIT: constant(uint256) = 2**96
RECORD_LIMIT: constant(uint256) = 2**40
CANCELLED: constant(uint256) = 1 << 240
ASKED_PLACE: constant(uint256) = 241
# Version 1, any one-byte codec, sha2-256 (0x12) of 32 bytes (0x20): https://github.com/multiformats/cid
CID_HEAD: constant(uint256) = 1 * 2**24 + 18 * 2**8 + 32
CID_HEAD_MASK: constant(uint256) = 255 * 2**24 + 128 * 2**16 + 255 * 2**8 + 255


@pure
@internal
def left(book: uint256) -> uint256:
    return (book >> 200) % RECORD_LIMIT


@pure
@internal
def is_cancelled(book: uint256) -> bool:
    return book & CANCELLED != 0


@pure
@internal
def asked(book: uint256) -> uint256:
    return (book >> ASKED_PLACE) % 2**7


@pure
@internal
def deadline(book: uint256) -> uint256:
    return (book >> 160) % 2**40


@pure
@internal
def cid(book: uint256, digest: bytes32) -> Bytes[36]:
    return concat(x"01", convert(convert(book >> 248, uint8), bytes1), x"1220", digest)


@pure
@internal
def check_cid(binary: Bytes[36]):
    assert len(binary) == 36, "requests: not a binary CIDv1 with sha2-256"
    head: uint256 = convert(slice(binary, 0, 4), uint256)
    assert head & CID_HEAD_MASK == CID_HEAD, "requests: not a binary CIDv1 with sha2-256"


@pure
@internal
def value(records: uint256, prices: uint256) -> uint256:
    """
    @dev What records are worth in the stake token's smallest unit, rounded up.
    """
    return settlement.up(records * (prices % PRICE_LIMIT) * ((prices >> 96) % 2**128), WAD)


@pure
@internal
def at(word: uint256, place: uint256) -> uint256:
    return (word >> place) % 2**32
