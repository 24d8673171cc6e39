"""Rows as they travel: found as `rows` are, but compared by a byte a number instead of the number.

Numbers are cut into eighths of the tolerance and counted modulo 256. Two rows that share a cell of a grid lie so near that the
difference modulo 256 is the difference; what the number is beyond 32 tolerances stands in no byte. So a sketch is small, and tells
less than the row does; who can guess the cells can still confirm them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.near.rows import Rows
from sheaf.verification.near.sets import mixed
from sheaf.verification.near.sketch import Sketch

if TYPE_CHECKING:
    import pyarrow as pa

STEPS = 8
"""Parts of the tolerance: rows that differ by less than STEPS - 1 of them are near, by more than STEPS they are not."""
_EXACT = 2.0**52  # beyond, doubles are too far apart to be counted in steps


@dataclass(frozen=True)
class Cells:
    """Rows by grids and residues. Similarity is a lower bound of that of `rows`, and 0 where that is surely below its threshold."""

    rows: Rows

    margin = 0.0

    @property
    def threshold(self) -> float:
        """That of the rows."""
        return self.rows.threshold

    @property
    def bands(self) -> int:
        """The grids of the rows."""
        return self.rows.bands

    @property
    def width(self) -> int:
        """Eight bytes for everything that must be equal, one for each number."""
        return 8 + len(self.rows.numbers)

    @property
    def namespace(self) -> str:
        """That of the rows, under another name."""
        return self.rows.namespace.replace("table-", "cells-")

    def sketch(self, table: pa.Table) -> Sketch:
        """Return sketches of rows. Raises RecordError for a field that is absent or of another kind."""
        return self.sketched(self.rows.sketch(table))

    def sketched(self, made: Sketch) -> Sketch:
        """Return what travels of the sketches that `rows` made."""
        words = np.ascontiguousarray(made.signature).view(np.uint64)
        rest, values = words[:, -1].copy(), words[:, :-1].view(np.float64)
        residues = np.zeros(values.shape, np.uint8)
        for place in range(values.shape[1]):
            column = np.ascontiguousarray(values[:, place])
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                steps = np.floor(column * STEPS / self.rows.tolerance)
            is_counted = np.abs(steps) < _EXACT
            residues[:, place] = np.where(is_counted, steps, 0.0).astype(np.int64) & 255
            said = mixed(rest + mixed(column.view(np.uint64) + np.uint64(place)))
            rest = np.where(is_counted, rest, said)  # what cannot be counted must be equal
        signature = np.hstack([rest.view(np.uint8).reshape(-1, 8), residues])
        return Sketch(made.present, made.keys, signature)

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return what similarity rows have at least, 0 where it is below the threshold; shapes (m, width)."""
        is_same = (one[:, :8] == other[:, :8]).all(axis=1)
        apart = (one[:, 8:] - other[:, 8:]).view(np.int8).astype(np.int64)
        steps = np.abs(apart).max(axis=1, initial=0)
        least = np.maximum(1.0 - self.rows.tolerance * (steps + 1) / STEPS, self.threshold)
        return np.asarray(np.where(is_same & (steps < STEPS), least, 0.0), np.float64)
