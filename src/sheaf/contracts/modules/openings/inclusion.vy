# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Inclusion
@license AGPL-3.0-only
@notice Merkle trees of RFC 9162 (section 2.1) over SHA-256: the leaf of a record, and the root that a leaf's proof leads to.
        Pure: no storage, no calls but to the precompile of SHA-256.
"""

DEPTH: constant(uint256) = 16


@pure
@internal
def record_leaf(
    request: uint256, contributor: address, index: uint256, salt: bytes16, digest: bytes32
) -> bytes32:
    return sha256(
        concat(
            b"\x00",
            convert(request, bytes32),
            convert(contributor, bytes20),
            convert(convert(index, uint64), bytes8),
            salt,
            digest,
        )
    )


@pure
@internal
def root_of(leaf: bytes32, index: uint256, count: uint256, path: DynArray[bytes32, DEPTH]) -> bytes32:
    """
    @dev The root that `path` leads to from leaf `index` of `count`, zero if there is no such leaf or the path has another length.
    """
    if index >= count:
        return empty(bytes32)
    place: uint256 = index
    last: uint256 = count - 1
    node: bytes32 = leaf
    used: uint256 = 0
    for level: uint256 in range(DEPTH):
        if last == 0:
            break
        if place & 1 == 1 or place < last:
            if used == len(path):
                return empty(bytes32)
            if place & 1 == 1:
                node = sha256(concat(b"\x01", path[used], node))
            else:
                node = sha256(concat(b"\x01", node, path[used]))
            used += 1
        place = place >> 1
        last = last >> 1
    if last != 0 or used != len(path):
        return empty(bytes32)
    return node
