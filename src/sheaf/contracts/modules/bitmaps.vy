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

# 0x5555…, 0x3333…, 0x0f0f…, 0x0101…
PAIRS: constant(uint256) = max_value(uint256) // 3
QUADS: constant(uint256) = max_value(uint256) // 5
NIBBLES: constant(uint256) = max_value(uint256) // 17
BYTES: constant(uint256) = max_value(uint256) // 255


@pure
@internal
def spread(limit: uint256) -> uint256[SLICES]:
    """
    @dev The five bits of `limit`, each spread over a word.
    """
    bits: uint256[SLICES] = empty(uint256[SLICES])
    for i: uint256 in range(SLICES):
        if (limit >> i) & 1 == 1:
            bits[i] = max_value(uint256)
    return bits


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
def add(votes: uint256[12], count: uint256, slices: uint256[SLICES]) -> uint256[SLICES]:
    """
    @dev Add `count` words of votes to the slices: a chain of half adders for each.
    """
    s: uint256[SLICES] = slices
    for i: uint256 in range(count, bound=12):
        x: uint256 = votes[i]
        if x != 0:
            carry: uint256 = s[0] & x
            s[0] ^= x
            x = s[1] & carry
            s[1] ^= carry
            carry = s[2] & x
            s[2] ^= x
            x = s[3] & carry
            s[3] ^= carry
            s[4] ^= x
    return s


@pure
@internal
def judge(
    votes: uint256[12],
    count: uint256,
    counted: uint256[6],
    rejects_from: uint256[SLICES],
    approves_below: uint256[SLICES],
) -> (uint256, uint256):
    """
    @dev Add `count` words of rejections to what was counted before, and decide the records that were hung.
    @param counted Rejected, hung, and the four lowest slices, before.
    @return Rejected and hung after.
    """
    s: uint256[SLICES] = self.add(votes, count, [counted[2], counted[3], counted[4], counted[5], 0])
    rejects: uint256 = ~self.below(s, rejects_from)
    hangs: uint256 = counted[1] & ~(rejects | self.below(s, approves_below))
    return counted[0] | (counted[1] & rejects), hangs


@pure
@internal
def ones(word: uint256) -> uint256:
    """
    @dev How many bits are set: sums in fields of 2, 4, 8 bits, then all bytes summed at once by a product.
         256 does not fit the product's top byte, so a full word is told apart.
    """
    if word == max_value(uint256):
        return 256
    return unsafe_mul(self.bytewise(word), BYTES) >> 248


@pure
@internal
def bytewise(word: uint256) -> uint256:
    """
    @dev How many bits are set in each byte, in that byte.
    """
    x: uint256 = unsafe_sub(word, (word >> 1) & PAIRS)
    x = unsafe_add(
        x & QUADS,
        (x >> 2) & QUADS,
    )
    return unsafe_add(x, x >> 4) & NIBBLES


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


@pure
@internal
def check_shape(bitmap: Bytes[2048], records: uint256):
    words: uint256 = (records + 255) // 256
    assert len(bitmap) == 32 * words, "reviews: wrong length"
    last: uint256 = extract32(bitmap, 32 * (words - 1), output_type=uint256)
    assert last & ~self.last_mask(records) == 0, "reviews: bits beyond the last record"


@pure
@internal
def total(words: uint256[64], count: uint256) -> uint256:
    """
    @dev How many bits are set in the first `count` words.
    """
    sum: uint256 = 0
    for i: uint256 in range(count, bound=64):
        if words[i] != 0:
            sum += self.ones(words[i])
    return sum


@pure
@internal
def tell_apart(rejected: Bytes[2048], hung: Bytes[2048], records: uint256) -> (uint256, uint256):
    """
    @dev How many records two bitmaps mark, none of them both; both have the shape for `records`.
    """
    self.check_shape(rejected, records)
    self.check_shape(hung, records)
    counts: uint256[2] = empty(uint256[2])
    for w: uint256 in range((records + 255) // 256, bound=64):
        one: uint256 = extract32(rejected, 32 * w, output_type=uint256)
        other: uint256 = extract32(hung, 32 * w, output_type=uint256)
        assert one & other == 0, "reviews: record both rejected and hung"
        counts[0] += self.ones(one)
        counts[1] += self.ones(other)
    return counts[0], counts[1]
