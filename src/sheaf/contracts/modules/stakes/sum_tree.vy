# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Sum tree of weights that change only at the border of a period
@license AGPL-3.0-only
@notice Seven children to a node, five levels: 16,807 leaves, seven weights of 32 bits in one storage word beside a
        32-bit period tag. A change made in period P counts from period P + 1: the first one in P keeps the old weights in
        `before`, and the tag says from which period on `after` is to be read. The sum of all weights stays below 2**31, so
        that seven running sums and seven comparisons are one multiplication and one subtraction each (SWAR).
@dev Nodes of all levels lie in one array, the root first. Where there are few leaves, reading starts at the lowest node that
     holds them all: up to 7 leaves cost one slot, up to 49 two.
"""

WIDTH: constant(uint256) = 7
CAPACITY: constant(uint256) = 7**5
NODES: constant(uint256) = 1 + 7 + 49 + 343 + 2401
LIMIT: constant(uint256) = 2**31

# Where each level's nodes begin, from the leaves' parents up to the root.
LEVELS: constant(uint256[5]) = [400, 57, 8, 1, 0]

LANE: constant(uint256) = 2**32 - 1
TAG_PLACE: constant(uint256) = 224
LANES: constant(uint256) = 2**224 - 1
# One in each of the seven lanes, and the highest bit of each.
ONES: constant(uint256) = 1 + 2**32 + 2**64 + 2**96 + 2**128 + 2**160 + 2**192
TOPS: constant(uint256) = ONES * 2**31

period_blocks: public(immutable(uint256))

after: uint256[NODES]
before: uint256[NODES]


@deploy
def __init__(period_blocks_: uint256):
    assert period_blocks_ >= 4 and period_blocks_ < 2**32, "stakes: period out of range"
    period_blocks = period_blocks_


@view
@external
def total_weight() -> uint256:
    """
    @notice The sum of all weights in the current period.
    """
    return self._total(self._period())


@view
@external
def current_period() -> uint256:
    """
    @notice The period that the current block lies in.
    """
    return self._period()


@internal
def _set(leaf: uint256, old: uint256, new: uint256, period: uint256):
    """
    @notice Change the weight of `leaf` from `old` (its newest weight) to `new`, from `period` + 1 on.
    """
    position: uint256 = leaf
    for level: uint256 in range(5):
        node: uint256 = LEVELS[level] + position // WIDTH
        place: uint256 = 32 * (position % WIDTH)
        word: uint256 = self.after[node]
        lanes: uint256 = word & LANES
        if word >> TAG_PLACE <= period:
            self.before[node] = lanes
        # A lane of a parent is the sum of its child's lanes, so the difference fits wherever the new sum does.
        lanes = lanes + (new << place) - (old << place)
        self.after[node] = lanes | ((period + 1) << TAG_PLACE)
        position = position // WIDTH


@view
@internal
def _period() -> uint256:
    return block.number // period_blocks


@view
@internal
def _node(node: uint256, period: uint256) -> uint256:
    word: uint256 = self.after[node]
    if word >> TAG_PLACE <= period:
        return word & LANES
    return self.before[node]


@view
@internal
def _weight(leaf: uint256, period: uint256) -> uint256:
    """@notice The weight of `leaf` in the current `period`."""
    return (self._node(LEVELS[0] + leaf // WIDTH, period) >> (32 * (leaf % WIDTH))) & LANE


@view
@internal
def _newest(leaf: uint256) -> uint256:
    """@notice The weight of `leaf` from the next period on, if nothing more changes."""
    return (self.after[LEVELS[0] + leaf // WIDTH] >> (32 * (leaf % WIDTH))) & LANE


@view
@internal
def _newest_total() -> uint256:
    """@notice The sum of all weights from the next period on, if nothing more changes."""
    return unsafe_mul(self.after[0] & LANES, ONES) >> 192 & LANE


@view
@internal
def _total(period: uint256) -> uint256:
    """@notice The sum of all weights in the current `period`."""
    return unsafe_mul(self._node(0, period), ONES) >> 192 & LANE


@pure
@internal
def _height(count: uint256) -> uint256:
    """@notice The level (0 to 4) of the lowest node that holds the first `count` leaves."""
    height: uint256 = 0
    reach: uint256 = WIDTH
    for level: uint256 in range(4):
        if count <= reach:
            break
        height += 1
        reach *= WIDTH
    return height


@view
@internal
def _sum(height: uint256, period: uint256) -> uint256:
    """@notice The sum of all weights in the current `period`, read from the first node of level `height`."""
    return unsafe_mul(self._node(LEVELS[height], period), ONES) >> 192 & LANE


@view
@internal
def _find(mark: uint256, height: uint256, period: uint256) -> (uint256, uint256, uint256):
    """
    @notice The leaf whose interval of the running sum holds `mark` < sum, where that interval starts, and its weight.
    """
    rest: uint256 = mark
    position: uint256 = 0
    weight: uint256 = 0
    for step: uint256 in range(5):
        lanes: uint256 = self._node(unsafe_add(LEVELS[unsafe_sub(height, step)], position), period)
        # Lane i of `sums` is the sum of lanes 0 to i.
        sums: uint256 = unsafe_mul(lanes, ONES)
        # Lane i keeps its top bit where rest >= sums_i; the bits are then counted by one more running sum.
        passed: uint256 = (unsafe_sub(unsafe_add(TOPS, unsafe_mul(rest, ONES)), sums & LANES) & TOPS) >> 31
        child: uint256 = (unsafe_mul(passed, ONES) >> 192) & LANE
        place: uint256 = unsafe_mul(32, child)
        rest = unsafe_sub(rest, (sums << 32 >> place) & LANE)
        weight = (lanes >> place) & LANE
        position = unsafe_add(unsafe_mul(position, WIDTH), child)
        if step == height:
            break
    return position, unsafe_sub(mark, rest), weight
