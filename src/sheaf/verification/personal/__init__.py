"""Personal data in columns of text: one detector a kind, found by form, check digits and the words around it.

`find` looks through columns; a new kind is a new file here, or an entry of a file's `DETECTORS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError
from sheaf.verification.personal import (
    documents,
    money,
    national,
    network,
    people,
    phone,
    places,
)
from sheaf.verification.personal.masking import mask
from sheaf.verification.personal.scan import scan

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

__all__ = [
    "DETECTORS",
    "IDENTIFIERS",
    "KINDS",
    "LEAST_SCORE",
    "REFUSED",
    "find",
    "find_in",
    "mask",
    "text_fields",
]

DETECTORS = (
    *network.DETECTORS,
    *money.DETECTORS,
    *national.DETECTORS,
    *phone.DETECTORS,
    *documents.DETECTORS,
    *places.DETECTORS,
    *people.DETECTORS,
)
KINDS = tuple(sorted({kind for detector in DETECTORS for kind in detector.kinds}))
"""Every kind that can be found."""

IDENTIFIERS = tuple(
    sorted({kind for detector in DETECTORS if detector.layer == 0 for kind in detector.kinds})
)
"""Kinds told by their form, check digits and the words beside them; the others (people, places, organisations) are told by language."""

REFUSED = tuple(kind for kind in IDENTIFIERS if kind not in ("age", "url", "username"))
"""Kinds that a market should not trade unasked: what the check refuses where a specification does not say."""

LEAST_SCORE = 0.7
"""Hits below rest on form alone, with nothing beside them that tells them from other numbers."""


def find(table: pa.Table, kinds: Iterable[str] = KINDS, fields: Iterable[str] | None = None) -> pl.DataFrame:
    """Return the columns `record`, `field`, `kind`, `start`, `end`, `score`: what the text columns (or `fields`) hold, by record.

    `start` and `end` count characters, the end is exclusive. Raises InputError for a kind or field that is not known, and for a field
    that is no text.
    """
    import polars as pl
    import pyarrow as pa

    texts = text_fields(table)
    asked = texts if fields is None else list(fields)
    for name in asked:
        if name not in texts:
            raise InputError("field", name, f"name columns of text: {', '.join(texts) or 'there are none'}")
    frames = [find_in(pl.Series([], dtype=pl.String), kinds).with_columns(field=pl.lit(""))]
    for name in asked:
        column = pl.Series(name, pl.from_arrow(table.column(name).cast(pa.large_string())))
        frames.append(find_in(column, kinds).with_columns(field=pl.lit(name)))
    found = pl.concat(frames).select("record", "field", "kind", "start", "end", "score")
    return found.sort("record", maintain_order=True)


def text_fields(table: pa.Table) -> list[str]:
    """Return the names of the columns that hold text."""
    import pyarrow.types as types

    is_text = (types.is_string, types.is_large_string, types.is_string_view)
    return [field.name for field in table.schema if any(test(field.type) for test in is_text)]


def find_in(texts: pl.Series, kinds: Iterable[str] = KINDS) -> pl.DataFrame:
    """Return the columns `record`, `kind`, `start`, `end`, `score` for one column of strings and nulls."""
    import polars as pl

    wanted = frozenset(kinds)
    if unknown := sorted(wanted.difference(KINDS)):
        raise InputError("kind", unknown[0], f"use some of {', '.join(KINDS)}")
    found = scan(texts, DETECTORS, wanted)
    kind = pl.Series(found.kind.tolist(), dtype=pl.String)
    return pl.DataFrame(
        {"record": found.record, "kind": kind, "start": found.start, "end": found.end, "score": found.score}
    )
