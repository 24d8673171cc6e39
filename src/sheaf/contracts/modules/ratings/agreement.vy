# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Agreement
@license AGPL-3.0-only
@notice Correlated agreement (Shnayder, Agarwal, Frongillo, Parkes, EC 2016) of members over bitmaps. Pure: no storage, no calls.

        Of two members with r and s rejections and x in common among n records, the score over all pairs of the same and of
        different records is 2 (n x - r s) / (n (n - 1)). Who votes without looking scores 0 on the mean, whatever the votes.
"""

SEATS: constant(uint256) = 12
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

# 0x5555…, 0x3333…, 0x0f0f…, 0x00ff00ff…, and one in each lane of 16 bits.
PAIRS: constant(uint256) = max_value(uint256) // 3
QUADS: constant(uint256) = max_value(uint256) // 5
NIBBLES: constant(uint256) = max_value(uint256) // 17
EVEN_BYTES: constant(uint256) = max_value(uint256) // 257
ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)

# A member's sums are one word: its rejections 32 | how many members in all rejected what it rejected.
LONG: constant(uint256) = 2**32 - 1


@pure
@internal
def counted(votes: uint256[SEATS], count: uint256, before: uint256[SEATS]) -> uint256[SEATS]:
    """
    @dev Add a word of votes to each member's sums. How many members in all rejected what it rejected is read off bit slices of the
         count, the two lowest side by side for even and for odd records. Bits are counted here: a call for each would cost more.
    """
    s0: uint256 = 0
    s1: uint256 = 0
    s2: uint256 = 0
    s3: uint256 = 0
    for i: uint256 in range(count, bound=SEATS):
        x: uint256 = votes[i]
        if x != 0:
            carry: uint256 = s0 & x
            s0 ^= x
            x = s1 & carry
            s1 ^= carry
            carry = s2 & x
            s2 ^= x
            s3 ^= carry
    even: uint256 = (s0 & PAIRS) | ((s1 & PAIRS) << 1)
    odd: uint256 = ((s0 >> 1) & PAIRS) | (s1 & ~PAIRS)
    sums: uint256[SEATS] = before
    for i: uint256 in range(count, bound=SEATS):
        vote: uint256 = votes[i]
        if vote == 0:
            continue
        # At most 3 for a record: 12 in a nibble. In a byte 24, with the other slices 8 times 15 at most.
        x: uint256 = unsafe_mul(vote & PAIRS, 3) & even
        total: uint256 = unsafe_add(x & QUADS, (x >> 2) & QUADS)
        x = unsafe_mul((vote >> 1) & PAIRS, 3) & odd
        total = unsafe_add(total, unsafe_add(x & QUADS, (x >> 2) & QUADS))
        total = unsafe_add(total & NIBBLES, (total >> 4) & NIBBLES)
        x = vote & s2
        if x != 0:
            x = unsafe_sub(x, (x >> 1) & PAIRS)
            x = unsafe_add(x & QUADS, (x >> 2) & QUADS)
            total = unsafe_add(total, (unsafe_add(x, x >> 4) & NIBBLES) << 2)
        if s3 != 0:
            x = vote & s3
            x = unsafe_sub(x, (x >> 1) & PAIRS)
            x = unsafe_add(x & QUADS, (x >> 2) & QUADS)
            total = unsafe_add(total, (unsafe_add(x, x >> 4) & NIBBLES) << 3)
        # Lanes of 16 bits are summed by a product: 256 votes, and 256 times 12 at most.
        total = unsafe_mul(unsafe_add(total & EVEN_BYTES, (total >> 8) & EVEN_BYTES), ONES) >> 240
        x = unsafe_sub(vote, (vote >> 1) & PAIRS)
        x = unsafe_add(x & QUADS, (x >> 2) & QUADS)
        x = unsafe_add(x, x >> 4) & NIBBLES
        x = unsafe_mul(unsafe_add(x, x >> 8) & EVEN_BYTES, ONES) >> 240
        sums[i] = unsafe_add(sums[i], x | (total << 32))
    return sums


@pure
@internal
def scores(sums: uint256[SEATS], count: uint256, records: uint256) -> int256[SEATS]:
    """
    @dev Each member's mean agreement with the others, in wad, rounded towards zero; 0 where there is nothing to compare.
    """
    found: int256[SEATS] = empty(int256[SEATS])
    if count < 2 or records < 2:
        return found
    scale: int256 = convert(unsafe_mul(unsafe_mul(count - 1, records), records - 1), int256)
    everyone: uint256 = 0
    for i: uint256 in range(count, bound=SEATS):
        everyone = unsafe_add(everyone, sums[i])
    everyone &= LONG
    for i: uint256 in range(count, bound=SEATS):
        own: uint256 = sums[i] & LONG
        # Both terms stay far below 2**255: they are counts of at most 2**18, times 2**14, times two wad.
        same: uint256 = unsafe_mul(records, unsafe_sub(sums[i] >> 32, own))
        chance: uint256 = unsafe_mul(own, unsafe_sub(everyone, own))
        beyond: int256 = unsafe_sub(convert(same, int256), convert(chance, int256))
        found[i] = unsafe_div(unsafe_mul(2 * 10**18, beyond), scale)
    return found


@pure
@internal
def reference(records: uint256, rejected: uint256, skill_bps: uint256) -> uint256:
    """
    @dev The agreement of independent members who are right at this rate, where so many records are bad; in wad, rounded down.
    """
    if records < 2:
        return 0
    edge: uint256 = 2 * skill_bps - BPS
    return 2 * WAD * edge * edge * rejected * (records - rejected) // (BPS * BPS * records * (records - 1))
