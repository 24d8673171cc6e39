# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Ratings
@license AGPL-3.0-only
@notice The module that rates validators, laid open.
"""

from sheaf.contracts.modules import agreement


@pure
@external
def scores(all_bitmaps: Bytes[24576], count: uint256, records: uint256) -> DynArray[int256, 12]:
    words: uint256 = (records + 255) // 256
    sums: uint256[24] = empty(uint256[24])
    for w: uint256 in range(words, bound=64):
        votes: uint256[12] = empty(uint256[12])
        for i: uint256 in range(count, bound=12):
            votes[i] = extract32(all_bitmaps, 32 * (words * i + w), output_type=uint256)
        sums = agreement.counted(votes, count, sums)
    return agreement.scores(sums, count, records)


@pure
@external
def reference(records: uint256, rejected: uint256, skill_bps: uint256) -> uint256:
    return agreement.reference(records, rejected, skill_bps)


@pure
@external
def tested(
    level: uint256, positions: Bytes[2048], wrong: Bytes[2048], bitmap: Bytes[2048]
) -> (uint256, uint256, uint256):
    state: uint256 = level
    hits: uint256 = 0
    misses: uint256 = 0
    for w: uint256 in range(len(positions) // 32, bound=64):
        gold: uint256 = extract32(positions, 32 * w, output_type=uint256)
        answer: uint256 = extract32(wrong, 32 * w, output_type=uint256)
        vote: uint256 = extract32(bitmap, 32 * w, output_type=uint256)
        if state < agreement.JAIL:
            hit: uint256 = 0
            missed: uint256 = 0
            state, hit, missed = agreement.tested(state, gold, (vote ^ answer) & gold)
            hits += hit
            misses += missed
    return state, hits, misses
