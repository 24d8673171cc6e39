"""Verdict bitmaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import IntegrityError
from sheaf.verification import bitmap


@given(st.lists(st.booleans(), min_size=1, max_size=700))
def test_bits_are_where_the_evm_looks_for_them(rejected: list[bool]) -> None:
    """Record i is bit i % 256 of the big-endian word i // 256, and unpacking gives back what was packed."""
    packed = bitmap.pack(np.array(rejected))
    words = [int.from_bytes(packed[i : i + 32], "big") for i in range(0, len(packed), 32)]
    assert len(words) == -(-len(rejected) // 256)
    assert [bool(words[i // 256] >> (i % 256) & 1) for i in range(256 * len(words))][
        : len(rejected)
    ] == rejected
    assert sum(word.bit_count() for word in words) == sum(rejected)
    assert bitmap.unpack(packed, len(rejected)).tolist() == rejected


@pytest.mark.parametrize(
    ("data", "count"), [(b"", 1), (bytes(31), 1), (bytes(64), 256), (bytes(32), 257), (bytes(2048), 0)]
)
def test_a_wrong_length_is_refused(data: bytes, count: int) -> None:
    """A bitmap takes exactly the words its records need."""
    with pytest.raises(IntegrityError, match="bitmap: "):
        bitmap.unpack(data, count)


def test_bits_beyond_the_records_are_refused() -> None:
    """Two bitmaps never mean the same verdict: unused bits are zero."""
    with pytest.raises(IntegrityError, match="beyond record 2"):
        bitmap.unpack((1 << 3).to_bytes(32, "big"), 3)
