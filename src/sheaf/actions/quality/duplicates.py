"""Near duplicates in a file of records, and of what an index remembers from before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sheaf.domain.errors import InputError
from sheaf.formats import records

if TYPE_CHECKING:
    from sheaf.verification.near import Matches, Pairs


class NearPair(msgspec.Struct, frozen=True):
    """Two near records of the file, `earlier` above `record`, both from 0; of exact copies only that with the first is listed."""

    record: int
    earlier: int
    similarity: float


class NearMatch(msgspec.Struct, frozen=True):
    """A record of the file that is near to one in the index: record `other` of `submission`."""

    record: int
    submission: int
    other: int
    similarity: float


class NearDuplicates(msgspec.Struct, frozen=True):
    """What was found: `compared` of `records` had anything to compare, `clusters` hang together by pairs, `added` went to the index."""

    records: int
    compared: int
    kind: str
    threshold: float
    pairs: list[NearPair]
    clusters: list[list[int]]
    matches: list[NearMatch]
    indexed: int
    added: bool


def near_duplicates(
    file: Path,
    fields: Sequence[str] = (),
    kind: str = "",
    threshold: float | None = None,
    index: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> NearDuplicates:
    """Find near duplicates among the records of `file` (CSV, JSON Lines, Parquet, folder of images), and with those in `index`.

    Without `kind` it follows from the fields. `settings` are those of `near.choose`, and `submission`: the number under which the
    records are then added to the index. Raises RecordError for a file that cannot be read, InputError for what does not fit it.
    """
    from sheaf.verification import near

    given = dict(settings or {})
    submission = given.pop("submission", None)
    if submission is not None and index is None:
        raise InputError("submission", submission, "name the index that the records are added to")
    table = records.read(file)
    chosen = near.choose(table, kind, tuple(fields), threshold, given)
    known = None if index is None else near.NearIndex(chosen, index)
    found = near.find_near_duplicates(table, chosen, index=known)
    added = known is not None and submission is not None and known.add(found.sketch, submission)
    return NearDuplicates(
        records=table.num_rows,
        compared=found.compared,
        kind=chosen.namespace,
        threshold=chosen.threshold,
        pairs=_pairs(found.pairs),
        clusters=near.clusters(found.pairs),
        matches=[] if found.matches is None else _matches(found.matches, submission),
        indexed=0 if known is None else len(known),
        added=added,
    )


def scales(given: Sequence[str]) -> dict[str, float]:
    """Return FIELD=NUMBER as field → number. Raises InputError."""
    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise InputError("scale", text, "give FIELD=NUMBER")
    return found


def _pairs(pairs: Pairs) -> list[NearPair]:
    columns = (pairs.later.tolist(), pairs.earlier.tolist(), pairs.similarity.tolist())
    return [NearPair(*row) for row in zip(*columns, strict=True)]


def _matches(matches: Matches, own: int | None) -> list[NearMatch]:
    """Return the matches, less those with what was added under the same number before."""
    columns = (part.tolist() for part in matches)
    found = (NearMatch(*row) for row in zip(*columns, strict=True))
    return [match for match in found if match.submission != own]
