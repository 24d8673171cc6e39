# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Specifications
@license AGPL-3.0-only
@notice What a specification says of duplicates, read from its bytes: canonical JSON (RFC 8785), in which members stand in the order
        of their names, so that the list of checks comes first. Pure: no storage, no calls but to the precompile of SHA-256.
"""

LENGTH: constant(uint256) = 8192
# The first check stands after {"checks":[
FIRST: constant(uint256) = 11
# How far into the document a check may stand.
REACH: constant(uint256) = 2048

NOTHING: constant(uint256) = 0
REQUEST: constant(uint256) = 1
MARKET: constant(uint256) = 2


@pure
@internal
def is_under(specification: Bytes[LENGTH], cid: Bytes[36]) -> bool:
    """
    @dev Whether these are the bytes under a binary CIDv1 of one raw block (codec 0x55, sha2-256).
    """
    return slice(cid, 0, 4) == x"01551220" and sha256(specification) == convert(slice(cid, 4, 32), bytes32)


@pure
@internal
def scope_at(specification: Bytes[LENGTH], place: uint256) -> uint256:
    """
    @dev What the member of the list of checks that begins at `place` says: where it forbids duplicates.
    """
    if place < FIRST or place >= REACH or len(specification) < place + 67:
        return NOTHING
    if slice(specification, 0, 11) != b'{"checks":[':
        return NOTHING
    if not self._is_member(specification, place):
        return NOTHING
    if (
        slice(specification, place, 65)
        == b'{"name":"duplicates","parameters":{"scope":"market"},"version":1}'
    ):
        return MARKET
    if (
        slice(specification, place, 66)
        == b'{"name":"duplicates","parameters":{"scope":"request"},"version":1}'
    ):
        return REQUEST
    if slice(specification, place, 49) == b'{"name":"duplicates","parameters":{},"version":1}':
        return REQUEST
    return NOTHING


@pure
@internal
def is_without_gold(specification: Bytes[LENGTH], place: uint256) -> bool:
    """
    @dev Whether the document's own member "gold", which begins at `place`, is null.
    """
    if place < FIRST or place >= REACH or len(specification) < place + 12:
        return False
    if slice(specification, 0, 11) != b'{"checks":[' or slice(specification, place, 12) != b'"gold":null,':
        return False
    least: uint256 = 0
    depth: uint256 = 0
    before: uint256 = 0
    least, depth, before = self._walk(specification, place)
    return least == 1 and depth == 1 and before == 44


@pure
@internal
def _is_member(specification: Bytes[LENGTH], place: uint256) -> bool:
    """
    @dev Whether a member of the list begins at `place`: all that was opened since its bracket is closed, and it is not.
    """
    least: uint256 = 0
    depth: uint256 = 0
    before: uint256 = 0
    least, depth, before = self._walk(specification, place)
    return least == 2 and depth == 2 and (place == FIRST or before == 44)


@pure
@internal
def _walk(specification: Bytes[LENGTH], place: uint256) -> (uint256, uint256, uint256):
    """
    @dev How deep in brackets the document was at least since the list began, how deep it is at `place` (99 within a text), and the
         byte before. The list itself is 2 deep.
    """
    least: uint256 = 2
    depth: uint256 = 2
    is_text: bool = False
    is_escaped: bool = False
    before: uint256 = 0
    for i: uint256 in range(FIRST, place, bound=REACH):
        before = convert(convert(slice(specification, i, 1), bytes1), uint256)
        if is_escaped:
            is_escaped = False
        elif is_text:
            if before == 92:
                is_escaped = True
            elif before == 34:
                is_text = False
        elif before == 34:
            is_text = True
        elif before == 123 or before == 91:
            depth += 1
        elif before == 125 or before == 93:
            if depth == 0:
                return 0, 0, 0
            depth -= 1
            least = min(least, depth)
    if is_text:
        depth = 99
    return least, depth, before
