"""Find near duplicates in a table, and in an index of what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sheaf.domain.errors import InputError, RecordError
from sheaf.verification.near.columns import column, kind_of
from sheaf.verification.near.images import Images
from sheaf.verification.near.index import Matches, NearIndex
from sheaf.verification.near.pairs import Pairs, near_pairs
from sheaf.verification.near.rows import Rows, spreads
from sheaf.verification.near.series import Series
from sheaf.verification.near.sketch import Kind, Sketch
from sheaf.verification.near.text import Texts

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("text", "table", "image", "series")
THRESHOLDS = {"text": 0.5, "table": 0.99, "image": 0.84, "series": 0.6}
LENGTHS = {"characters": 5, "words": 3}
LONGEST = 64
LEAST = {"text": 0.4, "table": 0.0, "image": 0.75, "series": 0.4}
"""Below this similarity shared band keys are too rare; for rows it is not reached itself."""
MAX_RECORDS = 2**31 - 1


class Found(NamedTuple):
    """What a table holds twice: `pairs` within it, `matches` in the index, how many records could be `compared`, and their sketch."""

    pairs: Pairs
    matches: Matches | None
    compared: int
    sketch: Sketch


def find_near_duplicates(
    table: pa.Table,
    kind: str | Kind,
    fields: tuple[str, ...] = (),
    threshold: float | None = None,
    index: NearIndex | None = None,
) -> Found:
    """Return the near duplicates among the records of `table`, and with those in `index`, which has the same kind.

    `kind` is one of KINDS or what `choose` returned. Fields and threshold are those of `choose`. Raises InputError for what
    cannot be taken, RecordError for fields that are absent or of another type.
    """
    chosen = choose(table, kind, fields, threshold) if isinstance(kind, str) else kind
    if index is not None and index.kind.namespace != chosen.namespace:
        raise InputError("index", index.kind.namespace, f"open one of the kind {chosen.namespace}")
    if table.num_rows > MAX_RECORDS:
        raise RecordError("records", table.num_rows, f"give at most {MAX_RECORDS}")
    sketch = chosen.sketch(table)
    pairs = near_pairs(chosen, sketch, chosen.threshold)
    matches = None if index is None else index.find(sketch, chosen.threshold)
    return Found(pairs, matches, int(sketch.present.sum()), sketch)


def choose(
    table: pa.Table,
    kind: str = "",
    fields: tuple[str, ...] = (),
    threshold: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Kind:
    """Return the way to compare records.

    Without `kind` it follows from the fields: texts are compared as sets, one field of bytes as images, one of lists of numbers
    as series, anything else as rows. Without `fields` all that the kind can take are compared. `settings` may give `unit` (words,
    characters) and `length` of shingles, `scales` (field → unit of tolerance; without them the spread of the values), `window` of
    series. Raises InputError.
    """
    kinds = {name: kind_of(column(table, name).type) for name in fields or dict.fromkeys(table.column_names)}
    kind = kind or _likely(set(kinds.values()))
    if kind not in KINDS:
        raise InputError("kind", kind, f"use one of {', '.join(KINDS)}")
    least = LEAST[kind]
    wanted = THRESHOLDS[kind] if threshold is None else threshold
    if not least <= wanted <= 1 or not wanted:
        raise InputError("threshold", wanted, f"give a number from {least:g} to 1 for {kind}")
    given = dict(settings or {})
    if kind == "table":
        return _rows(table, kinds, bool(fields), wanted, given.get("scales") or {})
    names = _taken(kinds, kind, fields)
    if kind == "text":
        unit: Any = given.get("unit") or "characters"
        if unit not in LENGTHS:
            raise InputError("unit", unit, f"use one of {', '.join(LENGTHS)}")
        length = given.get("length") or LENGTHS[unit]
        if not isinstance(length, int) or not 1 <= length <= LONGEST:
            raise InputError("length", length, f"give a whole number from 1 to {LONGEST}")
        return Texts(names, wanted, unit, length)
    if len(names) != 1:
        raise InputError("field", ", ".join(names), f"name one field of {kind}")
    if kind == "image":
        return Images(names[0], wanted)
    return Series(names[0], wanted, given.get("window") or Series.window)


def _likely(kinds: set[str]) -> str:
    """Return the kind of comparison that fits the kinds of fields."""
    return {"text": "text", "bytes": "image", "series": "series"}.get(
        next(iter(kinds)) if len(kinds) == 1 else "", "table"
    )


def _taken(kinds: dict[str, str], kind: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields that are compared: those asked for, which must fit, or all that fit."""
    wanted = {"text": "text", "image": "bytes", "series": "series"}[kind]
    found = tuple(name for name in kinds if fields or kinds[name] == wanted)
    wrong = [name for name in found if kinds[name] != wanted]
    if wrong or not found:
        names = {"text": "text", "image": "images, as bytes", "series": "lists of numbers"}[kind]
        raise RecordError("field", ", ".join(wrong or kinds) or "none", f"name a field of {names}")
    return found


def _rows(
    table: pa.Table, kinds: dict[str, str], is_asked: bool, threshold: float, scales: Mapping[str, float]
) -> Rows:
    taken = {name: kind for name, kind in kinds.items() if is_asked or kind not in ("series", "other")}
    numbers = tuple(name for name in taken if taken[name] == "number")
    others = tuple(name for name in taken if taken[name] != "number")
    for name in scales:
        if name not in numbers:
            raise InputError("scales", name, "name a field of numbers that is compared")
    found = dict(zip(numbers, spreads(table, numbers), strict=True)) | dict(scales)
    return Rows(numbers, others, tuple(float(found[name]) for name in numbers), threshold)
