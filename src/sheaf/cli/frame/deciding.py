"""How a person decides on records: positions, a file, or record by record on the screen; reviews and juries alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.paper import clean
from sheaf.cli.session import Session, plain
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sheaf.actions import Assignment

LONGEST_LINE = 2_000


def decisions_of(
    session: Session,
    work: Assignment,
    given: tuple[str | None, Path | None],
    marks: bytearray,
    keep: Callable[[bytes], None],
) -> NDArray[np.bool_] | None:
    """Return which records of `work` are approved, by position: from `given` (positions to reject, or a file), else from the screen.

    `marks` are what was decided before, `keep` keeps them. None if the screen was left before all were decided.
    """
    reject, path = given
    if path is not None:
        return from_file(path, work.records.num_rows)
    if reject is not None:
        return from_positions(reject, work.records.num_rows)
    return ask(session, work, marks, keep)


def from_positions(text: str, count: int) -> NDArray[np.bool_]:
    """Return shape (count,): all are approved but the positions in `text`, such as 3,7,12-15. Raises InputError."""
    import numpy as np

    approved = np.ones(count, dtype=np.bool_)
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, _, last = part.partition("-")
        if not _is_number(first) or (last and not _is_number(last)):
            raise InputError("reject", part, "give positions such as 3,7,12-15")
        low, high = int(first), int(last or first)
        if not low <= high < count:
            raise InputError("reject", part, f"give positions from 0 to {count - 1}")
        approved[low : high + 1] = False
    return approved


def from_file(path: Path, count: int) -> NDArray[np.bool_]:
    """Return shape (count,): which lines of a file of 1 (approve) and 0 approve. Raises InputError."""
    import numpy as np

    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "decisions", path, f"cannot be read ({type(error).__name__}); give a text file"
        ) from None
    if len(lines) != count or set(lines) - {"0", "1"}:
        raise InputError("decisions", f"{len(lines)} lines", f"give {count} lines of 0 or 1")
    return np.array([line == "1" for line in lines], dtype=np.bool_)


def ask(
    session: Session, work: Assignment, marks: bytearray, keep: Callable[[bytes], None]
) -> NDArray[np.bool_] | None:
    """Let a person decide record by record; None if the screen was left before all were decided."""
    import numpy as np

    from sheaf.cli.frame.viewer import APPROVED, Viewer, keys, leaf_through

    if not session.is_interactive:
        raise InputError("decisions", "none", "give --reject or --decisions, or run in a terminal")
    notes = notes_of(work)
    viewer = Viewer(
        lambda place: work.records.slice(place, 1).to_pylist()[0],
        lambda place: notes.get(int(work.order[place]), ""),
        marks,
        instructions(work),
        work.specification.label if work.specification else None,
    )
    with keys() as read_key:
        is_done = leaf_through(viewer, session.screen, read_key, keep)
    if not is_done:
        return None
    return np.array([mark == APPROVED for mark in viewer.marks], dtype=np.bool_)


def notes_of(work: Assignment) -> dict[int, str]:
    """Return what the checks say of records, by number in the submission."""
    notes: dict[int, str] = {}
    for one in work.findings:
        said = f"{'refused whatever you decide' if one.is_refusal else 'look twice'}: {one.code} {one.detail}"
        notes[one.record] = f"{notes[one.record]}; {said}" if one.record in notes else said
    return notes


def instructions(work: Assignment) -> str:
    """Return what the buyer asks reviewers to do."""
    if work.specification is None:
        return "The buyer's specification cannot be read."
    return work.specification.instructions or work.specification.title


def _is_number(text: str) -> bool:
    """Whether `text` is a whole number of a sensible length, in ASCII: int() takes other scripts' digits and endless ones."""
    return text.isascii() and text.isdigit() and len(text) < 10


def record_line(row: dict[str, Any]) -> str:
    """Write a record, which is a stranger's, as one line."""
    short = {name: f"{len(part)} bytes" if isinstance(part, bytes) else part for name, part in row.items()}
    text = clean(json.dumps(plain(short), ensure_ascii=False))
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}… (--json gives all)"
