"""From two tables, gold and records, to one task.

Columns of numbers, lists and images become features whose scale is learnt from gold alone, so that no submitted value can shift it.
Free texts become what `texts` makes of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sheaf.domain.errors import RecordError
from sheaf.verification.judges.features import CATEGORIES, Features
from sheaf.verification.scoring import texts
from sheaf.verification.scoring.shape import Flags, Floats, Integers, Task

LEARNT = 2_000
"""Most gold, and most submitted records, that methods learn from: drawn by lot."""
MAX_CLASSES = 200
MAX_CELLS = 2**28
"""Most numbers of one table of features or of likenesses."""
LEAST_GOLD = 2
"""Gold records that two labels need: one to learn from, one to be asked about."""


def task(gold: pa.Table, records: pa.Table, label: str, contributor: str | None, seed: int) -> Task:
    """Make one task of two tables. Fields that gold does not have are left out; so is the contributor.

    Without `contributor` all records are of one sender. Raises RecordError for a column that is absent, for gold with labels
    missing or hardly any given twice, for more than 200 labels, for no or too many records, and where no column can be used.
    """
    if not records.num_rows:
        raise RecordError("records", "none", "give at least one")
    names, known = _answers(gold, label)
    place = {name: i for i, name in enumerate(names)}
    given = [place.get(_plain(value), -1) for value in _column(records, label, "records")]
    sent = _column(records, contributor, "records") if contributor else [None] * records.num_rows
    sent = [None if value is None else str(value) for value in sent]
    senders = sorted(set(sent), key=lambda value: (value is None, value or ""))
    of_sender = {value: i for i, value in enumerate(senders)}
    use = gold.select([name for name in gold.column_names if name not in (label, contributor)])
    landmarks = _landmarks(gold.num_rows, records.num_rows, seed)
    inputs, readable = _features(use, records, label, seed)
    cosines, looks = None, []
    free = [name for name in use.column_names if _is_free(use, name)]
    if free and readable[gold.num_rows :].any():
        columns = [_strings(use, name) + _strings(records, name) for name in free]
        cosines = texts.alike(texts.bags(columns), landmarks)
        looks = [-texts.orders(column, gold.num_rows) for column in columns]
        inputs = np.hstack([inputs, texts.latent(cosines, landmarks)])
    if not readable[: gold.num_rows].all():
        fix = "give every field of every record"
        raise RecordError("gold", f"record {int(np.argmin(readable))} cannot be read", fix)
    return Task(
        inputs,
        landmarks,
        cosines,
        looks,
        np.array([*known, *given], dtype=np.int64),
        np.array([-1] * gold.num_rows + [of_sender[value] for value in sent], dtype=np.int64),
        readable,
        names,
        senders,
        gold.num_rows,
    )


def _answers(gold: pa.Table, label: str) -> tuple[list[Any], list[int]]:
    values = [_plain(value) for value in _column(gold, label, "gold")]
    if None in values:
        raise RecordError("gold", f"record {values.index(None)} has no {label}", "give each a label")
    names = sorted(set(values), key=lambda name: (isinstance(name, str), name))
    place = {name: i for i, name in enumerate(names)}
    known = [place[value] for value in values]
    counts = np.bincount(known, minlength=1)
    if len(names) < 2 or len(names) > MAX_CLASSES:
        raise RecordError("gold", f"{len(names)} different labels", f"give 2 to {MAX_CLASSES}")
    if np.sort(counts)[-2] < LEAST_GOLD:
        fix = f"give {LEAST_GOLD} or more of two labels at least"
        raise RecordError("gold", f"{len(known)} records of {len(names)} labels", fix)
    return names, known


def _column(table: pa.Table, name: str, which: str) -> list[Any]:
    if table.column_names.count(name) != 1:
        raise RecordError(which, f"no column {name}", f"name one of {', '.join(table.column_names)}"[:200])
    values: list[Any] = table.column(name).to_pylist()
    return values


def _plain(value: Any) -> Any:
    """Return a label that can be compared: whole numbers are equal however stored, all else by its text; NaN and null are none."""
    if value is None or value != value:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if float(value).is_integer() else float(value)
    return str(value)


def _landmarks(gold: int, records: int, seed: int) -> Integers:
    """Draw the rows that methods may learn from: gold first, then records, each in the order of their numbers."""
    random = np.random.default_rng([seed, 2])
    known = np.sort(random.permutation(gold)[:LEARNT])
    found: Integers = np.concatenate([known, gold + np.sort(random.permutation(records)[:LEARNT])])
    return found


def _features(gold: pa.Table, records: pa.Table, label: str, seed: int) -> tuple[Floats, Flags]:
    """Return features of all that is no free text, and what could be read, gold first."""
    count = gold.num_rows + records.num_rows
    free = [name for name in gold.column_names if _is_free(gold, name)]
    if not gold.num_columns:
        raise RecordError("gold", f"no column but {label}", "give the fields that the label is judged by")
    if any(name not in records.column_names or not _is_text(records, name) for name in free):
        return np.zeros((count, 1)), np.arange(count) < gold.num_rows
    readable = np.concatenate(
        [
            np.logical_and.reduce(
                [np.asarray(table.column(name).is_valid()) for name in free]
                or [np.ones(table.num_rows, dtype=np.bool_)]
            )
            for table in (gold, records)
        ]
    )
    if len(free) == gold.num_columns:
        return np.zeros((count, 0)), readable
    features = Features(gold.drop_columns(free), label, seed)
    (known, was_known), (sent, was_read) = features(gold), features(records)
    if count * known.shape[1] > MAX_CELLS:
        raise RecordError("records", f"{count} of {known.shape[1]} features", "give fewer at a time")
    if sent.shape[1] != known.shape[1]:  # a column is absent or of another type: nothing can be read
        sent = np.zeros((records.num_rows, known.shape[1]))
    return np.vstack([known, sent]), readable & np.concatenate([was_known, was_read])


def _strings(table: pa.Table, name: str) -> list[str]:
    return [text or "" for text in table.column(name).to_pylist()]


def _is_text(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_free(table: pa.Table, name: str) -> bool:
    """Tell free text from texts of few kinds, which `Features` takes as categories."""
    return _is_text(table, name) and len(table.column(name).unique()) > min(CATEGORIES, table.num_rows // 5)
