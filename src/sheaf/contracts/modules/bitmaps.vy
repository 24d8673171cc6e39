# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Bitmaps
@license AGPL-3.0-only
@notice Votes on 256 records at a time. Bit i of word w stands for record 256·w + i. The votes on each record are counted
        across words ("bit slices": slice j holds bit j of all 256 counts), so adding a voter costs a few word operations.
        Pure: no storage, no calls.
"""

# A count fits five slices: at most 23 seats vote.
SLICES: constant(uint256) = 5


@pure
@internal
def thresholds(limit: uint256) -> uint256[SLICES]:
    """
    @dev The five bits of `limit`, each spread over a word.
    """
    spread: uint256[SLICES] = empty(uint256[SLICES])
    for i: uint256 in range(SLICES):
        if (limit >> i) & 1 == 1:
            spread[i] = max_value(uint256)
    return spread


@pure
@internal
def below(s: uint256[SLICES], limit: uint256[SLICES]) -> uint256:
    """
    @dev The records whose count is less than `limit`: the borrow that is left after subtracting, lowest bit first.
    """
    borrow: uint256 = ~s[0] & limit[0]
    borrow = (~s[1] & (limit[1] | borrow)) | (limit[1] & borrow)
    borrow = (~s[2] & (limit[2] | borrow)) | (limit[2] & borrow)
    borrow = (~s[3] & (limit[3] | borrow)) | (limit[3] & borrow)
    return (~s[4] & (limit[4] | borrow)) | (limit[4] & borrow)


@pure
@internal
def ones(word: uint256) -> uint256:
    """
    @dev How many bits are set: sums in fields of 2, 4, 8 bits, then all bytes summed at once by a product.
         256 does not fit the product's top byte, so a full word is told apart.
    """
    if word == max_value(uint256):
        return 256
    x: uint256 = unsafe_sub(
        word, (word >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555
    )
    x = unsafe_add(
        x & 0x3333333333333333333333333333333333333333333333333333333333333333,
        (x >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333,
    )
    x = unsafe_add(x, x >> 4) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
    return unsafe_mul(x, 0x0101010101010101010101010101010101010101010101010101010101010101) >> 248


@pure
@internal
def last_mask(records: uint256) -> uint256:
    """
    @dev The bits of the last word that stand for records.
    """
    rest: uint256 = records % 256
    if rest == 0:
        return max_value(uint256)
    return (1 << rest) - 1
