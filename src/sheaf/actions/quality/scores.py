"""From gold and records in files to what each record and each contributor is worth to a buyer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from sheaf.domain.errors import RecordError
from sheaf.formats.records import read
from sheaf.verification.scoring import PRECISION, Scores, score

Value = str | int | float


class RecordScore(msgspec.Struct, frozen=True):
    """One record, in the order of the file: the chances that it is good, mislabelled or not of the wanted kind, whether to take
    it, and why not.

    `likely` is the label that its fields alone suggest, with its chance; `reason` is good, label, unlike, contributor,
    unreadable or unknown.
    """

    record: int
    good: float
    wrong: float
    strange: float
    is_taken: bool
    reason: str
    likely: Value
    likely_chance: float


class ContributorScore(msgspec.Struct, frozen=True):
    """One contributor: records sent and taken, and the estimated share of good ones (± one standard deviation), of mislabelled
    and of strange ones.
    """

    contributor: str | None
    records: int
    taken: int
    good: float
    deviation: float
    wrong: float
    strange: float


class RecordScores(msgspec.Struct, frozen=True):
    """What records are worth: `limit` is the least chance to be good at which a record is taken, None where none is."""

    gold: int
    precision: float
    limit: float | None
    taken: int
    expected_precision: float | None
    records: list[RecordScore]
    contributors: list[ContributorScore]


def record_scores(
    path: Path,
    gold: Path,
    label: str,
    contributor: str | None = None,
    precision: float = PRECISION,
    seed: int = 0,
) -> RecordScores:
    """Score the records of `path` by those of `gold`, whose `label` is right; both are CSV, JSON Lines, Parquet or folders of
    images.

    Columns of one meaning have one type in both: numbers that one file keeps whole and the other does not are brought together.
    Raises RecordError for files and columns that cannot be used, InputError for a precision outside (0, 1).
    """
    known, sent = read(gold), read(path)
    if contributor == label:
        raise RecordError("contributor", contributor, "name another column than the label's")
    found = score(known, _alike(sent, known), label, contributor, precision=precision, seed=seed)
    return _report(found, known.num_rows, precision)


def _alike(sent: pa.Table, known: pa.Table) -> pa.Table:
    """Return `sent` with columns as text where gold has text: a file of records may happen to hold nothing but digits there."""
    for place, field in enumerate(sent.schema):
        wanted = known.schema.field(field.name).type if known.column_names.count(field.name) == 1 else None
        if wanted is not None and pa.types.is_string(wanted) and not pa.types.is_string(field.type):
            try:
                sent = sent.set_column(place, field.name, sent.column(place).cast(pa.string()))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                continue  # another kind altogether: its records are unreadable
    return sent


def _report(found: Scores, gold: int, precision: float) -> RecordScores:
    best = found.chance.argmax(axis=1)
    records = [
        RecordScore(
            record=i,
            good=float(found.good[i]),
            wrong=float(found.states[i, 1]),
            strange=float(found.states[i, 2]),
            is_taken=bool(found.is_taken[i]),
            reason=found.reason[i],
            likely=found.names[int(best[i])],
            likely_chance=float(found.chance[i, best[i]]),
        )
        for i in range(len(found.good))
    ]
    taken = np.bincount(found.sender, weights=found.is_taken, minlength=len(found.senders))
    contributors = [
        ContributorScore(
            contributor=name,
            records=int(found.sent[i]),
            taken=int(taken[i]),
            good=float(found.shares[i, 0]),
            deviation=float(found.deviation[i]),
            wrong=float(found.shares[i, 1]),
            strange=float(found.shares[i, 2]),
        )
        for i, name in enumerate(found.senders)
    ]
    bought = found.good[found.is_taken]
    return RecordScores(
        gold=gold,
        precision=precision,
        limit=found.limit if len(bought) else None,
        taken=len(bought),
        expected_precision=float(bought.mean()) if len(bought) else None,
        records=records,
        contributors=contributors,
    )
