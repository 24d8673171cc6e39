"""Records that are almost the same: within what would be sent, and as one's own index remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from sheaf.domain.request import Specification
    from sheaf.verification.near import Kind, Matches, Sketch


@dataclass(frozen=True)
class Like:
    """A record that is almost `other`: an earlier one of the same table, or record `other` of what the index has under `known_as`."""

    record: int
    other: int
    known_as: int | None
    similarity: float


def likeness(table: pa.Table, wanted: Specification, index: Path | None = None) -> list[Like]:
    """Return what each record is nearest to, where it is near to anything; the field that is judged is not compared.

    Records are compared as the request's own check compares them, if it has one. Nothing is added to the index.
    """
    from sheaf.verification import near

    kind = usual(table, wanted)
    if kind is None:
        return []
    pairs, _, _, sketch = near.find_near_duplicates(table, kind)
    matches = None if index is None else _remembered(kind, sketch, index)
    nearest: dict[tuple[int, bool], Like] = {}
    for earlier, later, similarity in zip(*(part.tolist() for part in pairs), strict=True):
        _keep(nearest, Like(later, earlier, None, similarity))
    for record, submission, other, similarity in zip(*(part.tolist() for part in matches or ()), strict=True):
        _keep(nearest, Like(record, other, submission, similarity))
    return [nearest[place] for place in sorted(nearest)]


def _remembered(kind: Kind, sketch: Sketch, index: Path) -> Matches:
    """Return what is near in an index of files, which holds sketches as they travel."""
    from sheaf.verification import near
    from sheaf.verification.checks.near_duplicates import least, travelling

    travels = travelling(kind)
    sent = travels.sketched(sketch) if isinstance(travels, near.Cells) else sketch
    return near.NearIndex(travels, index).find(sent, least(travels))


def usual(table: pa.Table, wanted: Specification | None) -> Kind | None:
    """Return how records of a request are compared: as its check does, else by their texts, images or series, else by all fields."""
    from sheaf.verification import near
    from sheaf.verification.checks import near_duplicates, resolve
    from sheaf.verification.near.columns import column, kind_of

    for check, settled in resolve(wanted.checks if wanted else ()):
        if check.name == near_duplicates.CHECK.name:
            return near_duplicates.kind_of_check(table, settled)
    label = wanted.label if wanted else None
    fields = tuple(name for name in table.column_names if name != label)
    for kind in near.KINDS:
        if kind != "table":
            try:
                return near.choose(table, kind, _of_kind(table, fields, kind))
            except InputError:
                continue
    rows = tuple(name for name in fields if kind_of(column(table, name).type) not in ("series", "other"))
    return near.choose(table, "table", rows) if rows else None


def _of_kind(table: pa.Table, fields: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return the fields that hold what this kind compares. Raises InputError if none does."""
    from sheaf.verification.near.columns import column, kind_of

    holds = {"text": "text", "image": "bytes", "series": "series"}[kind]
    found = tuple(name for name in fields if kind_of(column(table, name).type) == holds)
    if not found:
        raise InputError("field", ", ".join(fields) or "none", f"give a field of {holds}")
    return found


def _keep(nearest: dict[tuple[int, bool], Like], one: Like) -> None:
    """Keep of each record the most similar of its own table, and that of the index."""
    place = one.record, one.known_as is not None
    if place not in nearest or nearest[place].similarity < one.similarity:
        nearest[place] = one
