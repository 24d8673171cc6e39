"""Records as numbers: what is valued, and the buyer's task that values it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.domain.errors import RecordError
from sheaf.valuation.utility import Floats, Integers

MAX_CLASSES = 1_000


@dataclass(frozen=True)
class Examples:
    """Features, shape (n, width), finite; and classes, shape (n,), whole numbers from 0."""

    features: Floats
    labels: Integers

    def __post_init__(self) -> None:
        x, y = np.asarray(self.features), np.asarray(self.labels)
        if x.ndim != 2 or not x.shape[1] or x.dtype.kind not in "iuf" or not np.isfinite(x).all():
            raise RecordError(
                "features", f"shape {x.shape}, {x.dtype}", "give finite numbers, rows of features"
            )
        if y.shape != (len(x),) or y.dtype.kind not in "iu":
            raise RecordError("labels", f"shape {y.shape}, {y.dtype}", "give one whole number for each row")
        if len(y) and not (y.min() >= 0 and y.max() < MAX_CLASSES):
            raise RecordError(
                "labels", f"{y.min()} to {y.max()}", f"number classes from 0, below {MAX_CLASSES}"
            )
        object.__setattr__(self, "features", np.ascontiguousarray(x, np.float64))
        object.__setattr__(self, "labels", y.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Integers) -> Examples:
        """Return the rows of these numbers."""
        return Examples(self.features[rows], self.labels[rows])


def matched(records: Examples, task: Examples) -> int:
    """Return the number of classes of both. Raises RecordError where one is empty or their widths differ."""
    for name, examples in (("records", records), ("task", task)):
        if not len(examples):
            raise RecordError(name, "none", "give at least one")
    if records.features.shape[1] != task.features.shape[1]:
        widths = f"{records.features.shape[1]} and {task.features.shape[1]} features"
        raise RecordError("task", widths, "give records and task the same features")
    return int(max(records.labels.max(), task.labels.max())) + 1
