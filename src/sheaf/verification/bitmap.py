"""Verdict bitmaps: one bit per record, in the word order of the EVM; a set bit means rejected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import IntegrityError

WORD_BITS = 256


def size(count: int) -> int:
    """Return the bytes of a bitmap of `count` records: whole words of 32 bytes."""
    return 32 * (-(-count // WORD_BITS))


def pack(rejected: NDArray[np.bool_]) -> bytes:
    """Return the bitmap of `rejected`, shape (n,).

    Record i is bit i % 256, counted from the least significant, of the big-endian word i // 256; bits beyond
    n are zero.
    """
    bits = np.zeros(size(len(rejected)) * 8, dtype=np.uint8)
    bits[: len(rejected)] = rejected
    return np.packbits(bits.reshape(-1, WORD_BITS)[:, ::-1]).tobytes()


def unpack(bitmap: bytes, count: int) -> NDArray[np.bool_]:
    """Return shape (count,), the inverse of `pack`.

    Raises IntegrityError on a wrong length or on bits beyond `count`.
    """
    if len(bitmap) != size(count):
        raise IntegrityError(f"bitmap: {len(bitmap)} bytes: {count} records take {size(count)} bytes")
    words = np.frombuffer(bitmap, dtype=np.uint8).reshape(-1, 32)
    bits = np.unpackbits(words, axis=1)[:, ::-1].reshape(-1)
    if bits[count:].any():
        raise IntegrityError(f"bitmap: bits are set beyond record {count - 1}: they must be zero")
    return bits[:count].astype(np.bool_)
