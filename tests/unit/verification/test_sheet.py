"""Sheets: what a submission held, provable by its root alone."""

from __future__ import annotations

import numpy as np
import pytest

from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Address, RequestId
from sheaf.verification import sheet
from sheaf.verification.sheet import Sheet, Sketches

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


SKETCHED = Sheet(RANDOM.bytes(16 * 5), RANDOM.bytes(32 * 5), Sketches("text-words-3", RANDOM.bytes(21 * 5)))


def test_sketches_are_bound_by_the_root(contributor: str) -> None:
    """A sheet with sketches is read back as it was; no bit of blind, digest, sketch or kind can be altered."""
    who, number = Address(contributor), RequestId(1)
    root, data = SKETCHED.root(number, who), SKETCHED.pack()
    assert sheet.read(data, 5, root, number, who) == SKETCHED
    assert sheet.read(data, 5, root, number, who, "text-words-3") == SKETCHED
    for place in (8, 76, 76 + 80, 76 + 240, len(data) - 1):
        forged = bytearray(data)
        forged[place] ^= 1
        with pytest.raises(IntegrityError, match="do not hash to the root"):
            sheet.read(bytes(forged), 5, root, number, who)


def test_sketches_cannot_be_kept_back(contributor: str) -> None:
    """The plain sheet of the same root proves the digests, but is not taken where sketches of a kind are due."""
    who, number = Address(contributor), RequestId(1)
    assert SKETCHED.sketches is not None
    plain = Sheet(sheet.bound_salts(SKETCHED.salts, SKETCHED.sketches), SKETCHED.digests)
    root = SKETCHED.root(number, who)
    assert plain.root(number, who) == root
    assert sheet.read(plain.pack(), 5, root, number, who) == plain
    for data, name in ((plain.pack(), "text-words-3"), (SKETCHED.pack(), "text-words-4")):
        with pytest.raises(IntegrityError, match="no sketches of the kind"):
            sheet.read(data, 5, root, number, who, name)


def test_malformed_sheets_with_sketches_are_refused(contributor: str) -> None:
    """A wrong length, version, size or count, and a sketch beyond the bound, are no sheet, whatever they hash to."""
    who, number, data = Address(contributor), RequestId(1), SKETCHED.pack()
    root = SKETCHED.root(number, who)
    huge = Sheet(SKETCHED.salts, SKETCHED.digests, Sketches("k", bytes(5 * (sheet.MAX_SKETCH_BYTES + 1))))
    none = data[:72] + bytes(4) + data[76 : 76 + 240]
    foreign = data[:8] + b"\xff" + data[9:]
    for amiss in (
        data[:-1],
        data + b"x",
        b"sheafsk2" + data[8:],
        huge.pack(),
        none,
        foreign,
        data[:76],
        data[:10],
    ):
        with pytest.raises(IntegrityError, match=r"sheet: "):
            sheet.read(amiss, 5, root, number, who)
    for count in (0, 4, 6):
        with pytest.raises(IntegrityError, match="sheet: "):
            sheet.read(data, count, root, number, who)
    assert len(data) < sheet.most_bytes(5) < len(huge.pack())
