# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Standings
@license AGPL-3.0-only
@notice What is known of a validator, in one word: agreement 64 (two's complement) | reference 64 | test 32 (less its start) |
        batches 16 | hits 32 | misses 32 | jails 16. Pure: no storage, no calls.
"""

from ...interfaces import IScores

LEAST_BPS: constant(uint256) = 7_000
EARNED_BPS: constant(uint256) = 3_000
# The weight of a batch in the averages is one of so many.
BATCHES: constant(uint256) = 20
SIGNED_BATCHES: constant(int256) = 20

WORD: constant(uint256) = 2**64 - 1
LONG: constant(uint256) = 2**32 - 1
SHORT: constant(uint256) = 2**16 - 1


@pure
@internal
def unpacked(packed: uint256) -> IScores.Standing:
    return IScores.Standing(
        agreement=convert((packed & WORD) ^ 2**63, int256) - 2**63,
        reference=(packed >> 64) & WORD,
        llr=convert(((packed >> 128) & LONG) ^ 2**31, int256) - 2**31,
        batches=(packed >> 160) & SHORT,
        hits=(packed >> 176) & LONG,
        misses=(packed >> 208) & LONG,
        jails=packed >> 240,
    )


@pure
@internal
def factor_bps(packed: uint256) -> uint256:
    """
    @dev The share of the fee that is earned: all of it where there was nothing yet to tell apart.
    """
    expected: uint256 = (packed >> 64) & WORD
    earned: uint256 = packed & WORD
    if expected == 0:
        return LEAST_BPS + EARNED_BPS
    if earned >= 2**63:
        # Two's complement: below zero.
        earned = 0
    return LEAST_BPS + EARNED_BPS * min(earned, expected) // expected


@pure
@internal
def averaged(packed: uint256, found: int256, expected: uint256) -> uint256:
    """
    @dev A standing after one more batch, in which so much agreement was found and so much was to be expected.
    """
    # Both are below 2**63 before and after, so that nothing here leaves its room.
    former: int256 = unsafe_sub(convert((packed & WORD) ^ 2**63, int256), 2**63)
    average: int256 = unsafe_div(unsafe_add(unsafe_mul(former, SIGNED_BATCHES - 1), found), SIGNED_BATCHES)
    reference: uint256 = unsafe_div(
        unsafe_add(unsafe_mul((packed >> 64) & WORD, BATCHES - 1), expected), BATCHES
    )
    batches: uint256 = unsafe_add((packed >> 160) & SHORT, 1)
    if batches > SHORT:
        batches = SHORT
    kept: uint256 = packed & ~((2**128 - 1) | (SHORT << 160))
    return (
        kept | (convert(convert(average, bytes32), uint256) & WORD) | (reference << 64) | (batches << 160)
    )


@pure
@internal
def tested(packed: uint256, level: uint256, hits: uint256, misses: uint256) -> uint256:
    """
    @dev A standing after a test that ended at `level` of the log-likelihood ratio, in two's complement.
    """
    # 32 bits hold the gold of sixteen million batches.
    counted: uint256 = unsafe_add(packed & ~(LONG << 128), (hits << 176) | (misses << 208))
    return counted | ((level & LONG) << 128)


@pure
@internal
def jailed(packed: uint256) -> uint256:
    if packed >> 240 == SHORT:
        return packed
    return packed + (1 << 240)
