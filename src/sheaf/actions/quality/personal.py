"""Personal data in a file of records: what kind, where, how surely; never the data itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sheaf.formats import records
from sheaf.verification.personal import KINDS, find, mask, text_fields


class Spot(msgspec.Struct, frozen=True):
    """One place: characters `start` to `end` (exclusive) of `field` in `record` (from 0); `shown` has its middle covered."""

    record: int
    field: str
    kind: str
    start: int
    end: int
    score: float
    shown: str


class PersonalData(msgspec.Struct, frozen=True):
    """What a file holds: how many records have something, how often each kind, and every place."""

    records: int
    flagged: int
    fields: list[str]
    kinds: dict[str, int]
    spots: list[Spot]


def personal_data(
    file: Path, kinds: Sequence[str] = (), fields: Sequence[str] = (), least_score: float = 0.0
) -> PersonalData:
    """Search the text fields of `file` (CSV, JSON Lines or Parquet) for `kinds`, all where none is named.

    Raises RecordError for a file that cannot be read, InputError for an unknown kind or field.
    """
    table = records.read(file)
    searched = list(fields) or text_fields(table)
    found = find(table, tuple(kinds) or KINDS, searched)
    found = found.filter(found["score"] >= least_score)
    columns = {name: table.column(name) for name in searched}
    spots = [
        Spot(record, field, kind, start, end, score, mask(columns[field][record].as_py()[start:end]))
        for record, field, kind, start, end, score in found.iter_rows()
    ]
    counted = found["kind"].value_counts(sort=True).sort(["count", "kind"], descending=[True, False])
    return PersonalData(
        table.num_rows, found["record"].n_unique(), searched, dict(counted.iter_rows()), spots
    )
