"""The exact Shapley value of every record for a nearest-neighbour vote, in the time it takes to sort.

Jia and others, VLDB 2019: the worth of a set is the share of right labels among the `k` records of it nearest to a task
record (out of k, however few there are), the mean over task records; the empty set is worth 0. `is_normalised` divides by the
number of neighbours that there are instead, and takes the empty set for a guess among the classes (Wang and Jia, 2023).
Values of both are whole numbers of 2⁻⁴⁰ until the mean is taken, so that neither blocks nor order change a bit.
"""

from __future__ import annotations

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.neighbours import BLOCK_BYTES, Space, blocks
from sheaf.valuation.utility import Flags, Floats, Integers

FINE = 2.0**40
NEIGHBOURS = 5


def knn_shapley(
    records: Examples,
    task: Examples,
    k: int = NEIGHBOURS,
    *,
    is_normalised: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> Floats:
    """Return the value of each of `records` to `task`, shape (len(records),); they sum to the worth of all less that of none.

    Task records are streamed, so that beyond the result about three times `block_bytes` are used (or three rows of distances).
    Raises InputError for a `k` below 1, RecordError where records and task do not match.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError("k", k, "give a number of neighbours from 1")
    classes = matched(records, task)
    space = Space.of(records.features, task.features)
    steps = _normalised_steps(len(records), k) if is_normalised else _steps(len(records), k)
    total = np.zeros(len(records), dtype=np.int64)
    for rows in blocks(len(task), len(records), block_bytes):
        order = space.ordered(task.features[rows])
        is_right = records.labels[order] == task.labels[rows, None]
        for places, right in zip(order, is_right, strict=True):
            total[places] += _suffixes(right, steps)
    values = total.astype(np.float64) / FINE / float(len(task))
    if is_normalised:
        mean = float(total.sum()) / FINE / float(len(task)) / float(len(records))
        values += _level(records, task, classes, k) - mean
    return values


def _steps(n: int, k: int) -> Integers:
    """Return what a right label at each place is worth more than at the next: min(k, i) / (k i), at the last 1 / max(k, n)."""
    place = np.arange(1, n + 1, dtype=np.float64)
    steps: Integers = np.rint(np.minimum(place, k) / (k * place) * FINE).astype(np.int64)
    return steps


def _normalised_steps(n: int, k: int) -> Integers:
    """The same where few neighbours divide by their number. The last place has no step: the level is set afterwards."""
    if n == 1:
        return np.zeros(1, dtype=np.int64)
    place, reach = np.arange(1, n, dtype=np.float64), min(k, n - 1)
    small = sum(1.0 / j for j in range(1, reach + 1))
    large = (np.minimum(place, k) * (n - 1) / place - reach) / k
    return np.append(np.rint((small + large) / (n - 1) * FINE).astype(np.int64), 0)


def _suffixes(is_right: Flags, steps: Integers) -> Integers:
    """Return Σ_{j ≥ i} (right_j - right_{j+1}) steps_j for each place i."""
    change = is_right.astype(np.int64)
    change[:-1] -= is_right[1:]
    change *= steps
    summed: Integers = change[::-1].cumsum()[::-1]
    return summed


def _level(records: Examples, task: Examples, classes: int, k: int) -> float:
    """Return the mean value that efficiency asks for: (worth of all - 1 / classes) / n."""
    space, few, right = Space.of(records.features, task.features), min(k, len(records)), 0
    for rows in blocks(len(task), len(records)):
        order = space.ordered(task.features[rows])[:, :few]
        right += int((records.labels[order] == task.labels[rows, None]).sum())
    return (right / few / len(task) - 1.0 / classes) / len(records)
