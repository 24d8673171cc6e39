# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Targets
@license AGPL-3.0-only
@notice Which block draws. It lies ahead of the block that a draw is anchored to, and never in the last quarter of a period: there
        is always time to call the draw within the period and within 255 blocks, the reach of `blockhash`. Pure but for the
        current block's number.
"""

REACH: constant(uint256) = 255


@pure
@internal
def of_anchor(anchor: uint256, delay: uint256, period_blocks: uint256) -> uint256:
    target: uint256 = anchor + delay
    offset: uint256 = target % period_blocks
    if 4 * offset >= 3 * period_blocks:
        target = target - offset + period_blocks + min(delay, period_blocks // 2)
    return target


@view
@internal
def is_missed(target: uint256, period_blocks: uint256) -> bool:
    return block.number > target + REACH or block.number // period_blocks > target // period_blocks
