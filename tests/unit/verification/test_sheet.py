"""Sheets: what a submission held, provable by its root alone."""

from __future__ import annotations

import numpy as np
import pytest

from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Address, RequestId
from sheaf.verification import sheet
from sheaf.verification.sheet import Sheet

RANDOM = np.random.default_rng(3)
MADE = Sheet(RANDOM.bytes(16 * 5), RANDOM.bytes(32 * 5))


def test_a_sheet_is_taken_from_anyone_who_has_it(contributor: str) -> None:
    """The sheet whose leaves hash to the root is read back as it was."""
    root = MADE.root(RequestId(1), Address(contributor))
    assert sheet.read(MADE.pack(), 5, root, RequestId(1), Address(contributor)) == MADE


def test_a_forged_sheet_is_refused(contributor: str, outsider: str) -> None:
    """No bit, length, request or contributor can be altered."""
    root, data = MADE.root(RequestId(1), Address(contributor)), MADE.pack()
    for place in (0, 79, 80, len(data) - 1):
        forged = bytearray(data)
        forged[place] ^= 1
        with pytest.raises(IntegrityError, match="do not hash to the root"):
            sheet.read(bytes(forged), 5, root, RequestId(1), Address(contributor))
    with pytest.raises(IntegrityError, match="do not hash"):
        sheet.read(data, 5, root, RequestId(2), Address(contributor))
    with pytest.raises(IntegrityError, match="do not hash"):
        sheet.read(data, 5, root, RequestId(1), Address(outsider))
    for amiss, count in ((data[:-1], 5), (data, 4), (b"", 0), (data, 6)):
        with pytest.raises(IntegrityError, match="sheet: "):
            sheet.read(amiss, count, root, RequestId(1), Address(contributor))
