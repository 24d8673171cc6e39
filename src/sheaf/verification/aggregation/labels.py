"""The one shape of data that every algorithm takes, and the one that it returns.

In: three integer arrays `item`, `worker`, `label` of one length, one row a label, and answers known beforehand (gold).
Out: a posterior over the classes for every item, and what the algorithm thinks of every worker. Numbers of items,
workers and classes run from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from sheaf.domain.errors import RecordError
from sheaf.verification.aggregation.exact import Flags, Floats, Integers, log, normalised

MAX_LABELS = 2**22
"""Most labels of one set: below it every sum on the grid is exact."""
MAX_CLASSES = 1_000
MAX_CELLS = 2**26
"""Most numbers of one table: items times classes, or workers times classes squared."""


@dataclass(frozen=True)
class Labels:
    """Labels in canonical order: by item, then worker, then label. `gold` holds an item's known class, or -1; shape (items,)."""

    item: Integers
    worker: Integers
    label: Integers
    items: int
    workers: int
    classes: int
    gold: Integers = field(repr=False)

    @classmethod
    def of(
        cls,
        item: Integers,
        worker: Integers,
        label: Integers,
        gold: Mapping[int, int] | None = None,
        classes: int = 2,
    ) -> Labels:
        """Return the labels of three arrays of shape (n,), with at least `classes` classes.

        Raises RecordError for arrays of other shapes or types, negative or too large numbers, and gold about unknown items.
        """
        columns = {"item": item, "worker": worker, "label": label}
        rows = len(item)
        for name, column in columns.items():
            if column.ndim != 1 or len(column) != rows or column.dtype.kind not in "iu":
                raise RecordError(name, f"{column.dtype} {column.shape}", "give whole numbers, one a label")
            if rows and int(column.min()) < 0:
                raise RecordError(name, int(column.min()), "number items, workers and classes from 0")
        if not 0 < rows <= MAX_LABELS:
            raise RecordError("labels", rows, f"give 1 to {MAX_LABELS:,} labels")
        known = dict(gold or {})
        items, workers = int(item.max()) + 1, int(worker.max()) + 1
        classes = max(int(label.max()) + 1, classes, *(answer + 1 for answer in known.values()), 2)
        _check_size(items, workers, classes)
        answers = np.full(items, -1, dtype=np.int64)
        for which, answer in known.items():
            if not 0 <= which < items or answer < 0:
                fix = "give items that have labels, classes from 0"
                raise RecordError("gold", f"item {which}, class {answer}", fix)
            answers[which] = answer
        shape = (items, workers, classes)
        return cls.sorted(
            item.astype(np.int64), worker.astype(np.int64), label.astype(np.int64), shape, answers
        )

    @classmethod
    def sorted(
        cls,
        item: Integers,
        worker: Integers,
        label: Integers,
        shape: tuple[int, int, int],
        gold: Integers,
    ) -> Labels:
        """Return labels already checked, in canonical order; `shape` is (items, workers, classes)."""
        order = np.lexsort((label, worker, item))
        items, workers, classes = shape
        return cls(item[order], worker[order], label[order], items, workers, classes, gold)

    def __len__(self) -> int:
        return len(self.item)

    def with_gold(self, gold: Integers) -> Labels:
        """Return the same labels with other gold: a class or -1 for each item."""
        return replace(self, gold=gold)

    def only(self, chosen: Flags) -> Labels:
        """Return the labels of the rows that are `chosen`, shape (n,); numbers of items and workers stay."""
        return replace(self, item=self.item[chosen], worker=self.worker[chosen], label=self.label[chosen])

    @cached_property
    def votes(self) -> Floats:
        """How often each item was given each class; shape (items, classes)."""
        cells = np.bincount(self.item * self.classes + self.label, minlength=self.items * self.classes)
        return cells.reshape(self.items, self.classes).astype(np.float64)

    @cached_property
    def given(self) -> Integers:
        """How many labels each worker gave; shape (workers,)."""
        return np.bincount(self.worker, minlength=self.workers)

    @property
    def blind(self) -> Labels:
        """The same labels without gold."""
        return self.with_gold(np.full(self.items, -1, dtype=np.int64))

    @cached_property
    def known(self) -> Integers:
        """The items that have gold."""
        return np.flatnonzero(self.gold >= 0)

    def hold(self, posterior: Floats) -> Floats:
        """Return `posterior` with certainty where gold is known; changes it in place."""
        posterior[self.known] = 0.0
        posterior[self.known, self.gold[self.known]] = 1.0
        return posterior


def _check_size(items: int, workers: int, classes: int) -> None:
    if classes > MAX_CLASSES:
        raise RecordError("label", classes - 1, f"give classes from 0 to {MAX_CLASSES - 1}")
    if items * classes > MAX_CELLS or workers * classes * classes > MAX_CELLS:
        fix = f"number them without gaps: at most {MAX_CELLS:,} numbers go into one table"
        raise RecordError("labels", f"{items} items, {workers} workers, {classes} classes", fix)


@dataclass(frozen=True)
class Truth:
    """What an algorithm concludes: `posterior` has shape (items, classes), `skill` (workers,) is the chance that a worker is right.

    A worker who gave no label has the skill of the average worker.
    """

    posterior: Floats
    skill: Floats
    steps: int = 0

    @cached_property
    def label(self) -> Integers:
        """The most probable class of each item, the smallest at a tie; shape (items,)."""
        best: Integers = self.posterior.argmax(axis=1).astype(np.int64)
        return best

    @cached_property
    def confidence(self) -> Floats:
        """The posterior of that class; shape (items,)."""
        chosen: Floats = self.posterior.max(axis=1)
        return chosen


def start(labels: Labels) -> Floats:
    """Return where iterations begin: the share of votes for each class, one vote added in all; shape (items, classes)."""
    return labels.hold(normalised(log(labels.votes + 1.0 / labels.classes)))
