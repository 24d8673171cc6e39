# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Ratings
@license AGPL-3.0-only
@notice The modules that rate validators, laid open.
"""

from sheaf.contracts.modules import bitmaps
from sheaf.contracts.modules.ratings import agreement
from sheaf.contracts.modules.ratings import sequential_test


@pure
@external
def scores(all_bitmaps: Bytes[24576], count: uint256, records: uint256) -> int256[12]:
    words: uint256 = (records + 255) // 256
    sums: uint256[12] = empty(uint256[12])
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
    test: uint256 = level
    rank: uint256 = 0
    for w: uint256 in range(len(positions) // 32, bound=64):
        gold: uint256 = extract32(positions, 32 * w, output_type=uint256)
        answer: uint256 = extract32(wrong, 32 * w, output_type=uint256)
        vote: uint256 = extract32(bitmap, 32 * w, output_type=uint256)
        test = sequential_test.tested(test, gold, (vote ^ answer) & gold, rank)
        rank += bitmaps.ones(gold)
    return sequential_test.ended(test, rank)
