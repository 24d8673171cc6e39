"""Merkle trees over a submission's records: leaves bound to their contributor and salted, roots, inclusion proofs (RFC 9162 §2.1).

Leaves and proofs are SHA-256 values of 32 bytes. Many leaves travel as one `bytes` of 32·n.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import numpy as np

from sheaf.domain.canonical import DIGEST_BYTES, HASHES, digest_rows
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.domain.ids import Address, RequestId

SALT_BYTES = 16


def leaf(request: RequestId, contributor: Address, index: int, salt: bytes, digest: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ request, 32 bytes ‖ contributor, 20 ‖ index, 8 ‖ salt, 16 ‖ record digest, 32), integers big-endian."""
    return leaves(request, contributor, salt, digest, first=index)


def leaves(
    request: RequestId, contributor: Address, salts: bytes, digests: bytes, *, first: int = 0
) -> bytes:
    """Return the leaf of every record, 32 bytes each, joined: record `i` has index `first + i`, the i-th salt and the i-th digest.

    Bound to its contributor, a root that is copied is worthless to the copier; salted, it says nothing of guessable records.
    Raises InputError if salts and digests differ in number or the address is malformed.
    """
    count = len(digests) // DIGEST_BYTES
    if len(digests) != count * DIGEST_BYTES or len(salts) != count * SALT_BYTES:
        raise InputError("salts", f"{len(salts)} bytes", f"give 16 bytes a record: {count * SALT_BYTES}")
    salt_rows = np.frombuffer(salts, np.uint8).reshape(count, SALT_BYTES)
    digest_parts = np.frombuffer(digests, np.uint8).reshape(count, DIGEST_BYTES)
    indices = np.arange(first, first + count, dtype=">u8").view(np.uint8).reshape(count, 8)
    rows = np.zeros((min(count, HASHES), 109), np.uint8)
    rows[:, 1:53] = np.frombuffer(request.to_bytes(32, "big") + _account(contributor), np.uint8)
    hashes = []
    for start in range(0, count, HASHES):
        batch = slice(start, min(start + HASHES, count))
        filled = rows[: batch.stop - start]
        filled[:, 53:61], filled[:, 61:77], filled[:, 77:] = (
            indices[batch],
            salt_rows[batch],
            digest_parts[batch],
        )
        hashes.append(digest_rows(filled))
    return b"".join(hashes)


def node(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """The tree of RFC 9162 §2.1 over given leaf hashes: at every level neighbours are joined, an odd last node rises unchanged."""

    def __init__(self, leaves: bytes) -> None:
        if not leaves or len(leaves) % DIGEST_BYTES:
            raise InputError("leaves", f"{len(leaves)} bytes", "give at least one leaf, 32 bytes each")
        self.levels = [leaves]
        while len(self.levels[-1]) > DIGEST_BYTES:
            self.levels.append(_parents(self.levels[-1]))

    @property
    def root(self) -> bytes:
        """The hash at the top, 32 bytes."""
        return self.levels[-1]

    def proof(self, index: int) -> list[bytes]:
        """Return the inclusion proof of leaf `index`: its siblings from the bottom up (RFC 9162 §2.1.3.1)."""
        if not 0 <= index < len(self.levels[0]) // DIGEST_BYTES:
            raise InputError("index", index, f"give a number below {len(self.levels[0]) // DIGEST_BYTES}")
        path = []
        for level in self.levels[:-1]:
            sibling = (index ^ 1) * DIGEST_BYTES
            if sibling < len(level):
                path.append(level[sibling : sibling + DIGEST_BYTES])
            index >>= 1
        return path


def merkle_root(leaves: bytes) -> bytes:
    """Return the root over `leaves`, keeping one level in memory at a time. Raises InputError if there is none."""
    if not leaves or len(leaves) % DIGEST_BYTES:
        raise InputError("leaves", f"{len(leaves)} bytes", "give at least one leaf, 32 bytes each")
    while len(leaves) > DIGEST_BYTES:
        leaves = _parents(leaves)
    return leaves


def inclusion_proof(leaves: bytes, index: int) -> list[bytes]:
    """Return the proof that leaf `index` is under the root of `leaves`; for many proofs keep one `MerkleTree`."""
    return MerkleTree(leaves).proof(index)


def verify_inclusion(root: bytes, leaf: bytes, index: int, count: int, proof: list[bytes]) -> bool:
    """Tell whether `leaf` is number `index` of the `count` leaves under `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < count or any(len(part) != DIGEST_BYTES for part in (root, leaf, *proof)):
        return False
    last, siblings = count - 1, iter(proof)
    value = leaf
    while last:
        if index & 1 or index < last:
            sibling = next(siblings, None)
            if sibling is None:
                return False
            value = node(sibling, value) if index & 1 else node(value, sibling)
        index, last = index >> 1, last >> 1
    return next(siblings, None) is None and hmac.compare_digest(value, root)


def _parents(level: bytes) -> bytes:
    count = len(level) // (2 * DIGEST_BYTES)
    pairs = np.frombuffer(level, np.uint8, count * 2 * DIGEST_BYTES).reshape(count, -1)
    rows: NDArray[np.uint8] = np.ones((min(count, HASHES), 1 + 2 * DIGEST_BYTES), np.uint8)
    hashes = []
    for start in range(0, count, HASHES):
        batch = pairs[start : start + HASHES]
        rows[: len(batch), 1:] = batch
        hashes.append(digest_rows(rows[: len(batch)]))
    return b"".join([*hashes, level[pairs.size :]])


def _account(address: Address) -> bytes:
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20 or not address.startswith("0x"):
        raise InputError("contributor", address, "give an address: 0x and 40 hexadecimal digits")
    return raw
