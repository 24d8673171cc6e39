"""Rows of a table: near where every number lies within the tolerance and every text is the same.

Numbers are cut into cells. One grid would part neighbours at its borders, so there are as many grids as keys, each shifted
against the last by a little more than the tolerance: a number that differs by no more lies across a border in one grid at
most, and with one grid more than there are numbers some grid has all of them in the same cells. So for up to 15 numbers no
near row is missed. With more, grids stay 16 and a near row is missed with a probability that is measured in the benchmark.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import RecordError
from sheaf.verification.near.columns import column, floats, kind_of
from sheaf.verification.near.sets import mixed, numbers
from sheaf.verification.near.sketch import Sketch

if TYPE_CHECKING:
    import pyarrow as pa

GRIDS = 16
_SLACK = 1 + 2**-20  # what rounding may take from a shift
_TERMS = numbers(7, 2)


@dataclass(frozen=True)
class Rows:
    """Rows by their `numbers`, each in units of its scale, and their `others`, which must be equal.

    Similarity is 1 less the greatest difference in units of scale, 0 where another field differs; so the tolerance is
    1 - `threshold`. Texts are equal after NFKC, case folding and joining of white space.
    """

    numbers: tuple[str, ...]
    others: tuple[str, ...]
    scales: tuple[float, ...]
    threshold: float = 0.99

    margin = 0.0

    def __post_init__(self) -> None:
        for name, scale in zip(self.numbers, self.scales, strict=True):
            if not 0 < scale < np.inf:
                raise RecordError("scales", f"{name}={scale}", "give a number above 0")
        if not self.numbers and not self.others:
            raise RecordError("field", "none", "name fields of numbers, texts, bytes or booleans")
        if not 0 < self.threshold <= 1:
            raise RecordError("threshold", self.threshold, "give a number above 0 and at most 1")

    @property
    def bands(self) -> int:
        """One grid more than there are numbers, at most GRIDS."""
        return min(len(self.numbers) + 1, GRIDS)

    @property
    def width(self) -> int:
        """Eight bytes a number, and eight for everything else."""
        return 8 * len(self.numbers) + 8

    @property
    def tolerance(self) -> float:
        """How far numbers may lie apart, in units of their scale."""
        return 1 - self.threshold

    @cached_property
    def namespace(self) -> str:
        """A digest of fields, scales and tolerance: the grid depends on all of them."""
        said = repr((self.numbers, self.others, self.scales, self.threshold)).encode()
        return f"table-{hashlib.sha256(said).hexdigest()[:16]}"

    def sketch(self, table: pa.Table) -> Sketch:
        """Return sketches of rows. Raises RecordError for a field that is absent or of another kind."""
        values = np.zeros((table.num_rows, len(self.numbers)))
        rest = np.zeros(table.num_rows, np.uint64)
        for place, (name, scale) in enumerate(zip(self.numbers, self.scales, strict=True)):
            with np.errstate(over="ignore"):
                raw = floats(table, name) / scale
            is_finite = np.isfinite(raw)
            values[:, place] = np.where(is_finite, raw, 0.0) + 0.0  # no negative zero
            odd = np.select([is_finite, np.isnan(raw), raw > 0], [0, 1, 2], 3)
            rest = mixed(rest * _TERMS[0] + odd.astype(np.uint64))
        for name in self.others:
            rest = mixed(rest * _TERMS[0] + _said(column(table, name)))
        signature = np.hstack(
            [
                values.view(np.uint8).reshape(len(rest), 8 * len(self.numbers)),
                rest.view(np.uint8).reshape(-1, 8),
            ]
        )
        return Sketch(np.ones(len(rest), np.bool_), self._keys(values, rest), signature)

    def _keys(self, values: NDArray[np.float64], rest: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Return the cell of each row in each grid, hashed with everything else."""
        keys = np.empty((len(rest), self.bands), np.uint32)
        step = max(self.tolerance, np.finfo(np.float64).tiny) * _SLACK * (len(self.numbers) + 1) / self.bands
        for band in range(self.bands):
            with np.errstate(over="ignore"):
                cells = np.floor((values + band * step) / (step * self.bands)) + 0.0
            hashed = rest.copy()
            for place in range(values.shape[1]):
                cell = np.ascontiguousarray(cells[:, place]).view(np.uint64)
                hashed = mixed(hashed * _TERMS[1] + mixed(cell))
            keys[:, band] = (hashed >> np.uint64(32)).astype(np.uint32)
        return keys

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return 1 less the greatest difference of numbers, 0 where something else differs; m signatures each."""
        left, right = (np.ascontiguousarray(part).view(np.uint64) for part in (one, other))
        is_same = left[:, -1] == right[:, -1]
        if not self.numbers:
            return np.asarray(is_same, np.float64)
        with np.errstate(over="ignore"):
            apart = np.abs(left[:, :-1].view(np.float64) - right[:, :-1].view(np.float64)).max(axis=1)
        return np.asarray(np.where(is_same, np.maximum(0.0, 1.0 - apart), 0.0), np.float64)


def _said(values: Any) -> NDArray[np.uint64]:
    """Return a hash of each value, that of its normalised text where it is one; equal values are hashed once."""
    import pyarrow as pa

    if kind_of(values.type) in ("series", "other"):
        raise RecordError("field", values.type, "give fields of numbers, texts, bytes or booleans")
    if pa.types.is_null(values.type):
        return np.zeros(len(values), np.uint64)
    coded = values.combine_chunks().dictionary_encode()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.combine_chunks()
    hashes = [_digest(value) for value in coded.dictionary.to_pylist()]
    known = np.array([*hashes, 0], np.uint64)  # the last is null
    places = coded.indices.fill_null(len(hashes)).to_numpy()
    return np.asarray(known[places], np.uint64)


def _digest(value: Any) -> int:
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
        value = " ".join(folded.split()).encode("utf-8", "surrogatepass")
    data = value if isinstance(value, bytes) else repr(value).encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "little") | 1


def spreads(table: pa.Table, names: tuple[str, ...]) -> tuple[float, ...]:
    """Return a scale for each column of numbers, from its values: the range of the middle half, else of all, else 1.

    Good where the table is one's own; a contributor who chooses the values chooses such a scale.
    """
    found = []
    for name in names:
        values = floats(table, name)
        values = np.sort(values[np.isfinite(values)])
        low, high = (len(values) - 1) // 4, 3 * (len(values) - 1) // 4
        wide = [float(values[high] - values[low]), float(values[-1] - values[0])] if len(values) else []
        found.append(next((width for width in wide if 0 < width < np.inf), 1.0))
    return tuple(found)
