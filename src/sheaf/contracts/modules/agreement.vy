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


@pure
@internal
def scores(all_bitmaps: Bytes[24576], count: uint256, records: uint256) -> DynArray[int256, SEATS]:
    """
    @dev Each member's mean agreement with the others, in wad, rounded towards zero; 0 where there is nothing to compare.
    """
    words: uint256 = (records + 255) // 256
    counts: uint256[SEATS] = empty(uint256[SEATS])
    shared: uint256[SEATS] = empty(uint256[SEATS])
    everyone: uint256 = 0
    for w: uint256 in range(words, bound=64):
        votes: uint256[SEATS] = empty(uint256[SEATS])
        for i: uint256 in range(count, bound=SEATS):
            vote: uint256 = extract32(all_bitmaps, 32 * (words * i + w), output_type=uint256)
            if vote != 0:
                votes[i] = vote
                ones: uint256 = bitmaps.ones(vote)
                counts[i] += ones
                everyone += ones
                for j: uint256 in range(i, bound=SEATS):
                    both: uint256 = vote & votes[j]
                    if both != 0:
                        ones = bitmaps.ones(both)
                        shared[i] += ones
                        shared[j] += ones
    found: DynArray[int256, SEATS] = []
    scale: int256 = 0
    if count > 1 and records > 1:
        scale = convert((count - 1) * records * (records - 1), int256)
    for i: uint256 in range(count, bound=SEATS):
        score: int256 = 0
        if scale != 0:
            same: int256 = convert(2 * WAD * records * shared[i], int256)
            score = (same - convert(2 * WAD * counts[i] * (everyone - counts[i]), int256)) // scale
        found.append(score)
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


@pure
@internal
def tested(
    level: uint256, positions: Bytes[2048], wrong: Bytes[2048], all_bitmaps: Bytes[24576], seat: uint256
) -> (uint256, uint256, uint256):
    """
    @dev The test after the gold records of a batch, in their order; it ends where the validator is jailed (`JAIL` or more).
    @return The level, the hits and the misses.
    """
    state: uint256 = level
    hits: uint256 = 0
    misses: uint256 = 0
    size: uint256 = len(positions)
    for w: uint256 in range(size // 32, bound=64):
        gold: uint256 = extract32(positions, 32 * w, output_type=uint256)
        if gold == 0:
            continue
        vote: uint256 = extract32(all_bitmaps, size * seat + 32 * w, output_type=uint256)
        missed: uint256 = (vote ^ extract32(wrong, 32 * w, output_type=uint256)) & gold
        for i: uint256 in range(257):
            # Hits up to the next miss are taken at once.
            lowest: uint256 = missed & unsafe_sub(0, missed)
            run: uint256 = bitmaps.ones(gold & unsafe_sub(lowest, 1))
            hits += run
            state = self.after_hits(state, run)
            if lowest == 0:
                break
            misses += 1
            state += MISS
            if state >= JAIL:
                return state, hits, misses
            missed ^= lowest
            gold &= ~unsafe_sub(lowest << 1, 1)
    return state, hits, misses


@pure
@internal
def after_hits(level: uint256, hits: uint256) -> uint256:
    """
    @dev The test after some hits in a row: whenever it comes down to 0 or below, it begins anew.
    """
    needed: uint256 = (level + HIT - 1) // HIT
    if hits < needed:
        return level - hits * HIT
    return START - (hits - needed) % CYCLE * HIT
