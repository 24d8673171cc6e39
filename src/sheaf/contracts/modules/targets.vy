# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Targets
@license AGPL-3.0-only
@notice Which value of the beacon draws, and whether it can still be used. It lies ahead of what it is anchored to, and a draw happens
        in a period whose weights were fixed before the value could be known.

        Of a beacon of blocks the slot is a block that lies ahead of the anchor, never in the last quarter of a period: there is
        always time to call the draw within the period and within 255 blocks, the reach of `blockhash`.
        Of any other beacon the slot cannot be told from a block number: somebody fixes it by a transaction, which is kept with
        the block it was made in (slot << 32 | block); never in the last quarter of a period, and the draw belongs to that period.
"""

from ..interfaces import IBeacon

REACH: constant(uint256) = 255
BLOCK: constant(uint256) = 2**32 - 1

beacon: public(immutable(IBeacon))
IS_OF_BLOCKS: immutable(bool)
PERIOD_BLOCKS: immutable(uint256)


@deploy
def __init__(beacon_: address, period_blocks_: uint256):
    beacon = IBeacon(beacon_)
    IS_OF_BLOCKS = staticcall IBeacon(beacon_).is_of_blocks()
    PERIOD_BLOCKS = period_blocks_


@view
@internal
def of_anchor(kept: uint256, delay: uint256) -> uint256:
    """
    @dev The slot; 0 where it is still to be fixed.
    """
    if not IS_OF_BLOCKS:
        return kept >> 32
    target: uint256 = kept + delay
    offset: uint256 = target % PERIOD_BLOCKS
    if 4 * offset >= 3 * PERIOD_BLOCKS:
        target = target - offset + PERIOD_BLOCKS + min(delay, PERIOD_BLOCKS // 2)
    return target


@view
@internal
def after_block(kept: uint256, delay: uint256) -> uint256:
    """
    @dev The block after which a draw can be called at the earliest.
    """
    if IS_OF_BLOCKS:
        return self.of_anchor(kept, delay)
    return kept & BLOCK


@view
@internal
def is_missed(kept: uint256, delay: uint256) -> bool:
    if IS_OF_BLOCKS:
        target: uint256 = self.of_anchor(kept, delay)
        return block.number > target + REACH or self._period() > target // PERIOD_BLOCKS
    return kept >> 32 == 0 or self._period() > (kept & BLOCK) // PERIOD_BLOCKS


@view
@internal
def anchored(delay: uint256) -> uint256:
    """
    @dev What to keep of a draw that is anchored to the current block; 0 where it is too late in the period.
    """
    if IS_OF_BLOCKS:
        return block.number
    if 4 * (block.number % PERIOD_BLOCKS) >= 3 * PERIOD_BLOCKS:
        return 0
    return staticcall beacon.slot_ahead(delay) << 32 | block.number


@view
@internal
def _period() -> uint256:
    return block.number // PERIOD_BLOCKS
