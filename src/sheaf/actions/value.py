"""What records and contributors are worth to a held-out task: read two files, value, split a pool. No market is needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sheaf.domain.errors import InputError, RecordError
from sheaf.formats.records import Limits, read
from sheaf.valuation.bonus import bonus_shares
from sheaf.valuation.examples import MAX_CLASSES, Examples
from sheaf.valuation.knn_shapley import knn_shapley
from sheaf.valuation.learners import LEARNERS
from sheaf.valuation.pooling import Contributions, contributions
from sheaf.valuation.utility import Flags, Floats, Integers
from sheaf.verification.judges.features import Features

Model = Literal["mixed", "nearest", "linear", "logistic"]

LIMITS = Limits(max_records=200_000)
STEPS = 2.0**16
"""Features are rounded to multiples of 1 / STEPS, so that the last bits of their scaling hardly ever count."""


class RecordWorth(msgspec.Struct, frozen=True):
    """One record, by its row from 0: KNN-Shapley `value`, `share` where records are paid, `reason` if it is out of the game."""

    record: int
    contributor: str | None
    value: float
    share: int | None
    reason: str | None


class ContributorWorth(msgspec.Struct, frozen=True):
    """One contributor: Shapley `value` with its standard error (0: enumerated), the sum of its records' values, its share of the pool.

    `value` is what its new records are worth times `discount`, the share of its readable records that are no copies.
    `copies` of its records repeat earlier ones of the contributors in `sources`; `unreadable` ones miss what the task rests on.
    """

    contributor: str
    records: int
    value: float
    error: float
    pooled: float
    share: int | None
    discount: float
    copies: int
    unreadable: int
    sources: dict[str, int]
    reason: str | None


class ValueReport(msgspec.Struct, frozen=True):
    """What a file is worth to a task. `paid` is the sum of all shares: the pool, or 0 where nothing is worth anything."""

    records: int
    task: int
    classes: int
    model: str
    evaluations: int
    is_exact: bool
    is_settled: bool
    pool: int | None
    paid: int | None
    contributors: list[ContributorWorth]
    values: list[RecordWorth]


@dataclass(frozen=True)
class _Given:
    """Files as numbers: readable records, who gave each of all records (None: nobody named), and the names in order of appearance."""

    records: Examples
    task: Examples
    readable: Flags
    owner: Integers | None
    names: list[str]


def value(
    file: Path,
    task: Path,
    label: str,
    *,
    contributor: str | None = None,
    pool: int | None = None,
    model: Model = "mixed",
) -> ValueReport:
    """Value the records of `file`, and those who gave them, to predicting `label` in the buyer's held-out `task`.

    `contributor` is the column that names who gave a record; who stands first came first. `pool` is split in whole units among
    contributors, or among records where none are named. Raises RecordError for files or columns that cannot be used,
    InputError for an unknown model or a negative pool.
    """
    if model not in get_args(Model):
        raise InputError("model", model, f"choose one of {', '.join(get_args(Model))}")
    if pool is not None and (isinstance(pool, bool) or not isinstance(pool, int) or pool < 0):
        raise InputError("pool", pool, "give a whole number of the token's smallest units, from 0")
    given = _given(read(file, limits=LIMITS), read(task, limits=LIMITS), label, contributor)
    return (
        _of_records(given, pool) if given.owner is None else _of_contributors(given, given.owner, pool, model)
    )


def _given(records: pa.Table, task: pa.Table, label: str, contributor: str | None) -> _Given:
    for name, table in (("file", records), ("task", task)):
        if label not in table.column_names:
            raise RecordError(f"{name}, label", label, f"name one of {', '.join(table.column_names[:20])}")
        if not table.num_rows:
            raise RecordError(name, "no records", "give at least one")
    owner, names = _owners(records, contributor)
    if contributor is not None:
        records, task = (
            t.drop_columns([contributor]) if contributor in t.column_names else t for t in (records, task)
        )
    wanted, answers = _labels(records, label, "file"), _labels(task, label, "task")
    kinds = sorted({*wanted, *answers})
    if not 2 <= len(kinds) <= MAX_CLASSES:
        raise RecordError("label", f"{len(kinds)} values", f"give a label of 2 to {MAX_CLASSES} classes")
    features = Features(task, label)
    (x, readable), (points, is_point) = features(records), features(task)
    if not readable.any() or not is_point.any():
        raise RecordError(
            "file" if is_point.any() else "task", "no readable record", "give the task's columns"
        )
    number = {kind: i for i, kind in enumerate(kinds)}
    of, to = (np.array([number[kind] for kind in found]) for found in (wanted, answers))
    return _Given(
        Examples(np.rint(x[readable] * STEPS) / STEPS, of[readable]),
        Examples(np.rint(points[is_point] * STEPS) / STEPS, to[is_point]),
        readable,
        owner,
        names,
    )


def _texts(column: Any, name: str) -> list[str]:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise RecordError(f"{name}, record {row}", "null", "give every record a value there")
    try:
        texts: list[str] = pc.cast(column, pa.large_string()).to_pylist()
    except pa.ArrowException:
        raise RecordError(name, column.type, "give texts, whole numbers or booleans") from None
    return texts


def _labels(table: pa.Table, label: str, name: str) -> list[str]:
    column = table.column(label)
    if pa.types.is_floating(column.type):
        try:
            column = pc.cast(column, pa.int64())  # 1.0 is a class as 1 is, 0.5 is none
        except pa.ArrowInvalid:
            raise RecordError(
                f"{name}, label", column.type, "give classes: texts, whole numbers or booleans"
            ) from None
    return _texts(column, f"{name}, label")


def _owners(records: pa.Table, contributor: str | None) -> tuple[Integers | None, list[str]]:
    if contributor is None:
        return None, []
    if contributor not in records.column_names:
        raise RecordError("contributor", contributor, f"name one of {', '.join(records.column_names[:20])}")
    found = _texts(records.column(contributor), "contributor")
    names = list(dict.fromkeys(found))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[name] for name in found]), names


def _of_records(given: _Given, pool: int | None) -> ValueReport:
    worth = _spread(knn_shapley(given.records, given.task), given.readable)
    shares = bonus_shares(worth.tolist(), pool) if pool is not None else None
    values = [
        RecordWorth(
            i, None, float(worth[i]), shares[i] if shares else None, None if is_read else "unreadable"
        )
        for i, is_read in enumerate(given.readable.tolist())
    ]
    return ValueReport(
        records=len(worth),
        task=len(given.task),
        classes=_classes(given),
        model="nearest",
        evaluations=0,
        is_exact=True,
        is_settled=True,
        pool=pool,
        paid=sum(shares) if shares is not None else None,
        contributors=[],
        values=values,
    )


def _of_contributors(given: _Given, owner: Integers, pool: int | None, model: Model) -> ValueReport:
    players, own = np.unique(owner[given.readable], return_inverse=True)
    found = contributions(given.records, own.astype(np.int64), given.task, LEARNERS[model])
    contributors = _contributors(given, owner, players, found, pool)
    return ValueReport(
        records=len(owner),
        task=len(given.task),
        classes=_classes(given),
        model=model,
        evaluations=found.valuation.evaluations,
        is_exact=found.valuation.rounds == 0,
        is_settled=found.valuation.is_settled,
        pool=pool,
        paid=sum(one.share or 0 for one in contributors) if pool is not None else None,
        contributors=contributors,
        values=_values(given, owner, players, found),
    )


def _contributors(
    given: _Given, owner: Integers, players: Integers, found: Contributions, pool: int | None
) -> list[ContributorWorth]:
    count = len(given.names)
    worth, error, pooled, discount = (np.zeros(count) for _ in range(4))
    worth[players], error[players], pooled[players] = found.values, found.errors, found.pooled
    discount[players] = found.discounts
    shares: list[int | None] = [None] * count if pool is None else list(bonus_shares(worth.tolist(), pool))
    giver = owner[given.readable]
    rows = []
    for number, name in enumerate(given.names):
        is_copy = found.found.is_copy & (giver == number)
        sources = Counter(given.names[players[source]] for source in found.found.source[is_copy].tolist())
        total, copied = int((owner == number).sum()), int(is_copy.sum())
        unreadable = total - int((giver == number).sum())
        rows.append(
            ContributorWorth(
                contributor=name,
                records=total,
                value=float(worth[number]),
                error=float(error[number]),
                pooled=float(pooled[number]),
                share=shares[number],
                discount=float(discount[number]),
                copies=copied,
                unreadable=unreadable,
                sources=dict(sources.most_common()),
                reason=_reason(total, copied, unreadable, dict(sources), float(worth[number])),
            )
        )
    return rows


def _reason(total: int, copied: int, unreadable: int, sources: dict[str, int], worth: float) -> str | None:
    """Say why a contributor gets less than its records would suggest."""
    said = []
    if copied:
        said.append(f"{copied} of {total} records repeat earlier ones of {', '.join(sources)}")
    if unreadable:
        said.append(f"{unreadable} of {total} records miss what the task rests on")
    if worth < 0:
        said.append("the task is predicted worse with its records than without")
    return "; ".join(said) or None


def _values(given: _Given, owner: Integers, players: Integers, found: Contributions) -> list[RecordWorth]:
    worth = _spread(found.record_values, given.readable)
    reasons: list[str | None] = ["unreadable"] * len(owner)
    sources = found.found.source.tolist()
    for row, is_copy, source in zip(
        np.flatnonzero(given.readable).tolist(), found.found.is_copy.tolist(), sources, strict=True
    ):
        reasons[row] = f"copy of {given.names[players[source]]}" if is_copy else None
    return [
        RecordWorth(i, given.names[number], float(worth[i]), None, reasons[i])
        for i, number in enumerate(owner.tolist())
    ]


def _spread(values: Floats, readable: Flags) -> Floats:
    """Return the values of all records: what cannot be read is worth 0."""
    whole = np.zeros(len(readable))
    whole[readable] = values
    return whole


def _classes(given: _Given) -> int:
    return len(np.union1d(given.records.labels, given.task.labels))
