# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Block beacon
@license AGPL-3.0-only
@notice Block hashes as a beacon: a slot is a block, its value the block's hash, to be had for 255 blocks. The proposer of a block
        can withhold it and so throw the dice once more, at the price of the block.
@custom:stop Nothing here can be stopped, and nobody governs it.
"""

from ..interfaces import IBeacon

implements: IBeacon

REACH: constant(uint256) = 255


@view
@external
def is_of_blocks() -> bool:
    """
    @notice A slot is a block.
    """
    return True


@view
@external
def slot_ahead(delay: uint256) -> uint256:
    """
    @notice The block that lies `delay` blocks ahead.
    """
    return block.number + delay


@view
@external
def value_of(slot: uint256) -> bytes32:
    """
    @notice The hash of a block; zero from the start until the next one, and once it is out of reach.
    """
    if slot >= block.number or block.number > slot + REACH:
        return empty(bytes32)
    return blockhash(slot)


@view
@external
def value_after(block_number: uint256, time: uint256, delay: uint256) -> bytes32:
    """
    @notice The hash of the block that lies `delay` blocks after another.
    """
    slot: uint256 = block_number + delay
    assert block.number > slot, "block_beacon: too early"
    assert block.number <= slot + REACH, "block_beacon: block out of reach"
    return blockhash(slot)
