from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from sheaf.domain.errors import (
    CredentialError,
    InputError,
    IntegrityError,
    Missing,
    Refused,
    SheafError,
    StoreError,
)
from sheaf.privacy import erasure
from sheaf.privacy.erasure import KeyRing

KEY = bytes(range(32))


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.sqlite", "wards", KEY)


def on_disk(folder: Path, needles: list[bytes]) -> int:
    """How many of `needles` lie in any file of `folder`."""
    haystack = b"\0".join(path.read_bytes() for path in folder.iterdir())
    return sum(needle in haystack for needle in needles)


def test_of_a_thousand_erased_keys_none_is_on_the_disk(ring: KeyRing, tmp_path: Path) -> None:
    """Before erasure all thousand wrapped keys are found in the files, after it none, though the log had held them all."""
    reader = sqlite3.connect(tmp_path / "keys.sqlite")  # keeps the log from being cut when a writer closes
    reader.execute("SELECT count(*) FROM keys").fetchone()
    ring.seal([(f"patient {n}", b"record") for n in range(1200)])
    keys = dict(reader.execute("SELECT tag, wrapped FROM keys").fetchall())
    going = [keys[ring.tag(f"patient {n}")] for n in range(1000)]
    staying = [keys[ring.tag(f"patient {n}")] for n in range(1000, 1200)]
    assert on_disk(tmp_path, going) == 1000 and (tmp_path / "keys.sqlite-wal").stat().st_size > 0
    reader.close()
    receipts = ring.erase(f"patient {n}" for n in range(1000))
    assert len(receipts) == 1000 and on_disk(tmp_path, going) == 0 and on_disk(tmp_path, staying) == 200
    assert on_disk(tmp_path, [key[12:28] for key in going]) == 0
    assert ring.count() == (200, 1000)


def test_copies_elsewhere_become_unreadable(ring: KeyRing) -> None:
    """A copy of the sealed records opens until its subject is erased, then not even the owner reads it; others are as before."""
    copy = ring.seal([("one", b"first"), ("two", b"second"), ("one", b"third")])
    assert ring.open(copy) == [b"first", b"second", b"third"] and copy[0][0] == copy[2][0]
    ring.erase(["one"])
    assert ring.open(copy) == [None, b"second", None]
    with pytest.raises(Refused, match="one was erased from wards: leave its records out"):
        ring.seal([("two", b"again"), ("one", b"again")])


def test_a_receipt_is_for_who_was_erased(ring: KeyRing) -> None:
    """The receipt names nobody, can be checked by who knows the name, and by nothing that was altered."""
    ring.seal([("one", b"x"), ("two", b"y")])
    (receipt,) = ring.erase(["one"])
    receipt.check("one")
    assert "one" not in msgspec.json.encode(receipt).decode() and receipt.number == 1
    with pytest.raises(IntegrityError, match="about another subject"):
        receipt.check("two")
    for field, value in (
        ("number", 2),
        ("dataset", "other"),
        ("owner", "00" * 32),
        ("salt", "00" * 16),
        ("signature", "zz"),
    ):
        with pytest.raises(IntegrityError, match="signature does not fit"):
            msgspec.structs.replace(receipt, **{field: value}).check("one")
    again = ring.erase(["one", "two"])
    assert [one.number for one in again] == [1, 2] and again[0].owner == receipt.owner


def test_who_has_no_key_is_not_erased(ring: KeyRing) -> None:
    """Erasing somebody unknown erases nobody, and says so."""
    ring.seal([("one", b"x")])
    with pytest.raises(Missing, match="nobody has no key in wards"):
        ring.erase(["one", "nobody"])
    assert ring.count() == (1, 0)
    with pytest.raises(InputError, match="subjects"):
        ring.erase([])


def test_a_log_that_is_held_open_gives_no_receipt(
    ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody reads the old state the keys may lie in the log: no receipt is given, and it can be done again."""
    monkeypatch.setattr(erasure, "WAIT_SECONDS", 0)
    ring.seal([("one", b"x")])
    reader = sqlite3.connect(tmp_path / "keys.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM keys").fetchone()
    with pytest.raises(StoreError, match="end that, and erase again"):
        ring.erase(["one"])
    reader.close()
    assert ring.erase(["one"])[0].number == 1


def test_a_ring_opens_with_its_own_key(ring: KeyRing, tmp_path: Path) -> None:
    """Another key, another dataset, a short key, a file of something else or an altered key are refused."""
    for dataset, key in (("wards", bytes(32)), ("other", KEY)):
        with pytest.raises(CredentialError, match="opens no ring of wards"):
            KeyRing(tmp_path / "keys.sqlite", dataset, key)
    with pytest.raises(CredentialError, match="give 32 bytes"):
        KeyRing(tmp_path / "keys.sqlite", "wards", b"short")
    with pytest.raises(InputError, match="folder that exists"):
        KeyRing(tmp_path / "nowhere" / "keys.sqlite", "wards", KEY)
    (tmp_path / "notes").write_text("no database " * 200)
    with pytest.raises(StoreError, match="not a database"):
        KeyRing(tmp_path / "notes", "wards", KEY)
    sealed = ring.seal([("one", b"x")])
    with pytest.raises(IntegrityError, match="sealed record was altered"):
        ring.open([(sealed[0][0], sealed[0][1][:-1] + b"\0")])
    with pytest.raises(IntegrityError, match="sealed record was altered"):
        ring.open([(sealed[0][0], b"")])
    with sqlite3.connect(tmp_path / "keys.sqlite") as database:
        database.execute("UPDATE keys SET wrapped = ?", (os.urandom(60),))
    with pytest.raises(IntegrityError, match="wrapped key was altered"):
        ring.open(sealed)
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("subject", ["", "x" * 1025, None, 7, "\ud800"])
def test_names_are_checked(ring: KeyRing, subject: str) -> None:
    """What is no name is refused by field and value."""
    with pytest.raises(SheafError, match="subject"):
        ring.seal([(subject, b"x")])
