# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Agreement
@license AGPL-3.0-only
@notice Correlated agreement (Shnayder, Agarwal, Frongillo, Parkes, EC 2016) of members over bitmaps, and the sequential test
        (Wald 1945) on records whose answer is known. Pure: no storage, no calls.

        Of two members with r and s rejections and x in common among n records, the score over all pairs of the same and of
        different records is 2 (n x - r s) / (n (n - 1)). Who votes without looking scores 0 on the mean, whatever the votes.
"""

from . import bitmaps

SEATS: constant(uint256) = 12
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

# The sequential test in millionths of a nat, counted from the level at which it begins anew: ln(.95/.5), ln(.5/.05), the
# start, and where a validator is jailed. CYCLE hits lead from the start to the level.
HIT: constant(uint256) = 641_854
MISS: constant(uint256) = 2_302_585
START: constant(uint256) = 4_610_000
JAIL: constant(uint256) = 13_820_000
CYCLE: constant(uint256) = 8
# Gold records that a batch may have: they bound the work of testing them.
GOLD_LIMIT: constant(uint256) = 256

# 0x00ff00ff…, 0x0000ffff0000ffff…, and one in each lane of 32 bits.
EVEN_BYTES: constant(uint256) = max_value(uint256) // 257
EVEN_PAIRS: constant(uint256) = max_value(uint256) // 65537
ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)


@pure
@internal
def counted(votes: uint256[SEATS], count: uint256, before: uint256[24]) -> uint256[24]:
    """
    @dev Add a word of votes to sums that are kept in sixteen lanes of 16 bits: each member's rejections, and, twelve places further
         on, how many members in all rejected what it rejected. The latter are read off bit slices of the count.
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
    sums: uint256[24] = before
    if s0 | s1 | s2 | s3 == 0:
        return sums
    for i: uint256 in range(count, bound=SEATS):
        x: uint256 = votes[i]
        if x != 0:
            # At most 8 in a byte, times 15: the weighted sum stays within it.
            all_votes: uint256 = bitmaps.bytewise(x & s0)
            if s1 != 0:
                all_votes = unsafe_add(all_votes, bitmaps.bytewise(x & s1) << 1)
            if s2 != 0:
                all_votes = unsafe_add(all_votes, bitmaps.bytewise(x & s2) << 2)
            if s3 != 0:
                all_votes = unsafe_add(all_votes, bitmaps.bytewise(x & s3) << 3)
            x = bitmaps.bytewise(x)
            sums[i] = unsafe_add(sums[i], unsafe_add(x & EVEN_BYTES, (x >> 8) & EVEN_BYTES))
            x = unsafe_add(all_votes & EVEN_BYTES, (all_votes >> 8) & EVEN_BYTES)
            sums[i + 12] = unsafe_add(sums[i + 12], x)
    return sums


@pure
@internal
def scores(sums: uint256[24], count: uint256, records: uint256) -> DynArray[int256, SEATS]:
    """
    @dev Each member's mean agreement with the others, in wad, rounded towards zero; 0 where there is nothing to compare.
    """
    found: DynArray[int256, SEATS] = []
    scale: int256 = 0
    if count > 1 and records > 1:
        scale = convert((count - 1) * records * (records - 1), int256)
    rejections: uint256[SEATS] = empty(uint256[SEATS])
    everyone: uint256 = 0
    for i: uint256 in range(count, bound=SEATS):
        rejections[i] = self._total(sums[i])
        everyone = unsafe_add(everyone, rejections[i])
    for i: uint256 in range(count, bound=SEATS):
        score: int256 = 0
        own: uint256 = rejections[i]
        if scale != 0 and own != 0:
            # Both terms stay far below 2**255: they are counts of at most 2**18, times 2**14, times two wad.
            same: uint256 = unsafe_mul(records, unsafe_sub(self._total(sums[i + 12]), own))
            chance: uint256 = unsafe_mul(own, unsafe_sub(everyone, own))
            beyond: int256 = unsafe_sub(convert(same, int256), convert(chance, int256))
            score = unsafe_div(unsafe_mul(2 * 10**18, beyond), scale)
        found.append(score)
    return found


@pure
@internal
def _total(lanes: uint256) -> uint256:
    # Lanes of 32 bits first: the sum of all may exceed 16 bits.
    x: uint256 = unsafe_add(lanes & EVEN_PAIRS, (lanes >> 16) & EVEN_PAIRS)
    return unsafe_mul(x, ONES) >> 224


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


@pure
@internal
def tested(level: uint256, gold: uint256, missed: uint256) -> (uint256, uint256, uint256):
    """
    @dev The test after the gold records of a word, in their order; it ends where the validator is jailed (`JAIL` or more).
    @return The level, the hits and the misses.
    """
    state: uint256 = level
    left: uint256 = gold
    wrong: uint256 = missed
    hits: uint256 = 0
    misses: uint256 = 0
    for i: uint256 in range(257):
        # Hits up to the next miss are taken at once.
        lowest: uint256 = wrong & unsafe_sub(0, wrong)
        run: uint256 = bitmaps.ones(left & unsafe_sub(lowest, 1))
        hits = unsafe_add(hits, run)
        state = self.after_hits(state, run)
        if lowest == 0:
            break
        misses = unsafe_add(misses, 1)
        state = unsafe_add(state, MISS)
        if state >= JAIL:
            break
        wrong ^= lowest
        left &= ~unsafe_sub(lowest << 1, 1)
    return state, hits, misses


@pure
@internal
def after_hits(level: uint256, hits: uint256) -> uint256:
    """
    @dev The test after some hits in a row: whenever it comes down to 0 or below, it begins anew.
    """
    needed: uint256 = unsafe_div(unsafe_add(level, HIT - 1), HIT)
    if hits < needed:
        return unsafe_sub(level, unsafe_mul(hits, HIT))
    return unsafe_sub(START, unsafe_mul(unsafe_sub(hits, needed) % CYCLE, HIT))


@pure
@internal
def count_gold(gold: Bytes[4096], verdict: Bytes[4096], size: uint256, records: uint256) -> uint256:
    """
    @dev How many gold records were approved, and, from the tenth bit on, how many rejected.
    """
    # Gold, then gold rejected, then gold hung.
    counts: uint256[3] = empty(uint256[3])
    for w: uint256 in range(unsafe_div(size, 32), bound=64):
        place: uint256 = unsafe_mul(32, w)
        mask: uint256 = extract32(gold, place, output_type=uint256)
        wrong: uint256 = extract32(gold, unsafe_add(place, size), output_type=uint256)
        assert wrong & ~mask == 0, "scores: wrong outside the gold"
        if mask != 0:
            counts[0] += bitmaps.ones(mask)
            refused: uint256 = mask & extract32(verdict, place, output_type=uint256)
            hung: uint256 = mask & extract32(verdict, unsafe_add(place, size), output_type=uint256)
            if refused != 0:
                counts[1] += bitmaps.ones(refused)
            if hung != 0:
                counts[2] += bitmaps.ones(hung)
    last: uint256 = extract32(gold, size - 32, output_type=uint256)
    assert last & ~bitmaps.last_mask(records) == 0, "scores: gold beyond the last record"
    assert counts[0] != 0, "scores: no gold"
    assert counts[0] <= GOLD_LIMIT, "scores: too much gold"
    return (counts[0] - counts[1] - counts[2]) | (counts[1] << 9)
