"""Which records lie nearest to a point, the same on every machine.

Features are rounded to a grid so fine as whole numbers allow, yet so coarse that every squared distance is a whole number
of grid steps below 2⁵³: then no order of summation, no vector unit and no thread of linear algebra can change a bit. Distance
and number of a record together are one key, so that equal distances are in the order of records and sorting needs no ties.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sheaf.valuation.utility import Floats, Integers

BLOCK_BYTES = 1 << 26
"""Roughly what one block of distances may take, and twice that for its work."""

EXACT = 53
KEY = 62


@dataclass(frozen=True)
class Space:
    """Records on a grid of whole steps, and their squared lengths; `steps` is how many steps make the unit."""

    points: Floats
    squares: Floats
    steps: float

    @staticmethod
    def of(records: Floats, others: Floats) -> Space:
        """Lay `records` on the finest grid on which their distances to `others` are exact, shapes (n, width) and (m, width)."""
        n, width = records.shape
        reach = max(float(np.abs(records).max(initial=0.0)), float(np.abs(others).max(initial=0.0)))
        bits = min(EXACT, KEY - max(1, (n - 1).bit_length()))
        # 2 · width · (2 · reach · steps)² < 2^bits, in powers of two.
        _, exponent = math.frexp(reach)
        room = bits - 3 - width.bit_length()
        steps = math.ldexp(1.0, room // 2 - exponent)
        points = np.rint(records * steps)
        return Space(points, (points * points).sum(axis=1), steps)

    def squared(self, others: Floats) -> Floats:
        """Return the squared distances of `others`, shape (m, width), to all records, in steps squared: whole, shape (m, n)."""
        points = np.rint(others * self.steps)
        inner = points @ self.points.T
        inner *= -2.0
        inner += self.squares
        inner += (points * points).sum(axis=1)[:, None]
        return inner

    def ordered(self, others: Floats) -> Integers:
        """Return the numbers of all records from the nearest to the farthest of each of `others`, shape (m, n)."""
        n = len(self.points)
        shift = max(1, (n - 1).bit_length())
        keys = self.squared(others).astype(np.int64)
        keys <<= shift
        keys |= np.arange(n)
        keys.sort(axis=1)
        keys &= (1 << shift) - 1
        return keys


def blocks(rows: int, width: int, size: int = BLOCK_BYTES) -> Iterator[slice]:
    """Yield slices of `rows` rows such that a block of `width` doubles a row takes at most `size` bytes, or one row."""
    step = max(1, size // (8 * max(1, width)))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def nearest(records: Floats, others: Floats) -> tuple[Floats, Integers]:
    """Return for each of `others` the distance to the nearest of `records` and its number, shapes (m,).

    Memory stays bounded however many there are. Ties go to the first. Without records the distance is infinite, the number -1.
    """
    best = np.full(len(others), np.inf)
    which = np.full(len(others), -1, dtype=np.int64)
    if not len(records):
        return best, which
    space = Space.of(records, others)
    for rows in blocks(len(others), len(records)):
        squared = space.squared(others[rows])
        which[rows] = squared.argmin(axis=1)
        best[rows] = np.sqrt(squared.min(axis=1)) / space.steps
    return best, which
