"""Journals survive what kills a process."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from sheaf.actions.cases import journal
from sheaf.domain.errors import IntegrityError


class Note(msgspec.Struct):
    text: str
    data: bytes = b""


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    """An entry comes back as it was, bytes and all."""
    path = tmp_path / "deep" / "note.json"
    journal.keep(path, Note("hello", bytes(range(256))))
    assert journal.recall(path, Note) == Note("hello", bytes(range(256)))


def test_nothing_is_recalled_where_nothing_is(tmp_path: Path) -> None:
    """A journal that was never written is no error."""
    assert journal.recall(tmp_path / "note.json", Note) is None


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """Journals lead to votes and keys, so nobody else may read them."""
    path = tmp_path / "mine" / "note.json"
    journal.keep(path, Note("secret"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("broken", [b"", b"{", b'{"text": 7}', b"\xff\xfe", b'{"text": "a"'])
def test_a_broken_entry_is_refused_by_name(tmp_path: Path, broken: bytes) -> None:
    """A file that was cut or altered by hand is named, and never taken as empty."""
    path = tmp_path / "note.json"
    path.write_bytes(broken)
    with pytest.raises(IntegrityError, match=r"journal note\.json"):
        journal.recall(path, Note)


def test_a_write_that_fails_leaves_the_old_entry(tmp_path: Path) -> None:
    """Until the new entry is whole on disk the old one stays, and no fragment is left beside it."""
    path = tmp_path / "note.json"
    journal.keep(path, Note("old"))
    with pytest.raises(TypeError):
        journal.keep(path, Note(text=object()))  # type: ignore[arg-type]
    assert journal.recall(path, Note) == Note("old")
    assert [file.name for file in tmp_path.iterdir()] == ["note.json"]
