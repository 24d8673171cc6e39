# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Marks
@license AGPL-3.0-only
@notice What makes a validator's stake weigh other than it is: jail, and a score. One word: from when a jailed validator may be freed 64
        (0 for who is not jailed) | score in wad 64.
"""

UNTIL: constant(uint256) = 2**64 - 1
SCORE_PLACE: constant(uint256) = 64
WAD: constant(uint256) = 10**18

_marks: HashMap[uint256, uint256]


@view
@external
def jailed_until(id: uint256) -> uint256:
    """
    @notice From when a jailed validator may be freed; 0 for who is not jailed.
    """
    return self._jailed_until(id)


@view
@external
def score_of(id: uint256) -> uint256:
    """
    @notice By what share the stake of a validator weighs more than its tokens, in wad.
    """
    return self._score_of(id)


@view
@internal
def _jailed_until(id: uint256) -> uint256:
    return self._marks[id] & UNTIL


@view
@internal
def _score_of(id: uint256) -> uint256:
    return self._marks[id] >> SCORE_PLACE


@view
@internal
def _weighed(id: uint256, bonded: uint256) -> uint256:
    """
    @dev What bonded stake counts for. Who is jailed weighs nothing, whatever it holds.
    """
    mark: uint256 = self._marks[id]
    if mark & UNTIL != 0:
        return 0
    return bonded * (WAD + (mark >> SCORE_PLACE)) // WAD


@internal
def _jail(id: uint256, until: uint256):
    self._marks[id] = (self._marks[id] & ~UNTIL) | until


@internal
def _score(id: uint256, score_wad: uint256):
    self._marks[id] = (self._marks[id] & UNTIL) | (score_wad << SCORE_PLACE)


@internal
def _clear(id: uint256):
    self._marks[id] = 0
