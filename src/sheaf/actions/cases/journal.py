"""Journals: small documents that are on disk before anything they speak of is sent, so that a killed step can be finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from sheaf.chain.contracts import write_whole
from sheaf.domain.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Case

T = TypeVar("T")


def keep(path: Path, entry: msgspec.Struct) -> None:
    """Write `entry` as JSON to `path`, readable by its owner only; after a crash the old or the new one is there, whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, msgspec.json.encode(entry))


def recall(path: Path, kind: type[T]) -> T | None:
    """Return the entry at `path`, or None if there is none. Raises IntegrityError if it is broken."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:
        raise IntegrityError(
            f"journal {path.name}: cannot be read: restore it from a backup, or move it away"
        ) from None


def case_file(case: Case) -> str:
    """Return the name of a journal about a case. After a rollback the same number may be another submission: the root tells."""
    return f"{case.submission}-{case.root.hex()[:16]}.json"
