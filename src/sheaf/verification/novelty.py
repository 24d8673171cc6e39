"""How unlike a sample is a record? By its distance to the nearest records of the sample, beside their own distances to each other.

Numbers, lists and images are scaled as judges scale them. A text is measured: how likely its character trigrams are by those of the sample
(hashed, smoothed; a sample's text by all others), how long it is, how much of it are digits, spaces, signs, how often it repeats itself.
Distances are those to the NEIGHBOURS-th neighbour (Ramaswamy, Rastogi and Shim 2000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

NEIGHBOURS = 3
LEAST = 10
MOST = 4096
"""Records of the sample that are compared with; of a larger one evenly chosen ones."""
FENCE = 3.0
BINS = 1 << 14
SMOOTH = 0.1
BLOCK = 1 << 22
GRID = 2.0**-20
"""Distances lie on this grid, so that the last bits of a machine's arithmetic decide nothing."""
_ODD = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], np.uint64)


class Manifold:
    """A sample, learnt: called with records it returns each one's distance, by the fence of the sample's own; beyond 1 it is unlike."""

    def __init__(self, sample: pa.Table, label: str | None = None) -> None:
        """Raises InputError for a sample of fewer than LEAST records, or without a column that can be compared."""
        from sheaf.verification.judges.features import Features

        if sample.num_rows < LEAST:
            raise InputError("sample", f"{sample.num_rows} records", f"publish at least {LEAST}")
        chosen = sample.take(np.unique(np.linspace(0, sample.num_rows - 1, MOST).round().astype(np.int64)))
        self._texts = {name: _Texts(chosen.column(name)) for name in _texts(chosen) if name != label}
        rest = chosen.drop_columns([name for name in _texts(chosen) if name != label])
        self._features = None
        try:
            self._features = Features(rest, label or "")
        except InputError:
            if not self._texts:
                raise
        self._own, readable = self._measured(chosen, is_sample=True)
        self._own = self._own[readable]
        if len(self._own) < LEAST:
            raise InputError("sample", f"{len(self._own)} readable records", f"publish at least {LEAST}")
        low, high = np.quantile(own := self._nearest(self._own, NEIGHBOURS + 1), [0.25, 0.75])
        self._fence = max(float(high + FENCE * (high - low)), float(own.max()), GRID)

    def __call__(self, records: pa.Table) -> Floats:
        """Return distances of shape (n,): infinite where a record lacks what the sample has, or holds it in another form."""
        values, readable = self._measured(records)
        found = np.full(records.num_rows, np.inf)
        if readable.any():
            found[readable] = self._nearest(values[readable], NEIGHBOURS) / self._fence
        return found

    def _nearest(self, values: Floats, place: int) -> Floats:
        """Return the distance to the `place`-th of the sample's records, shape (n,), in blocks."""
        own, place = self._own, min(place, len(self._own)) - 1
        squares = (own**2).sum(axis=1)
        found = np.empty(len(values))
        size = max(1, BLOCK // len(own))
        for start in range(0, len(values), size):
            block = values[start : start + size]
            distances = (block**2).sum(axis=1)[:, None] + squares - 2 * block @ own.T
            found[start : start + size] = np.partition(distances, place, axis=1)[:, place]
        return np.asarray(np.round(np.sqrt(np.maximum(found, 0)) / GRID) * GRID)

    def _measured(self, records: pa.Table, is_sample: bool = False) -> tuple[Floats, NDArray[np.bool_]]:
        blocks, readable = [], np.ones(records.num_rows, dtype=np.bool_)
        if self._features is not None:
            block, was_read = self._features(records)
            blocks.append(block / np.sqrt(max(1, block.shape[1])))
            readable &= was_read
        for name, texts in self._texts.items():
            if name not in records.column_names or name not in _texts(records):
                return np.zeros((records.num_rows, 1)), np.zeros(records.num_rows, dtype=np.bool_)
            column = records.column(name)
            blocks.append(texts(column, is_sample))
            readable &= column.is_valid().to_numpy(zero_copy_only=False)
        return np.hstack(blocks), readable


def _texts(table: pa.Table) -> list[str]:
    from pyarrow import types

    return [f.name for f in table.schema if types.is_string(f.type) or types.is_large_string(f.type)]


class _Texts:
    """One column of texts: six measures, scaled by the sample's."""

    def __init__(self, column: Any) -> None:
        marks, ends = _marks(column)
        bins, _ = _trigrams(marks, ends)
        self._counts = np.bincount(bins, minlength=BINS).astype(np.float64)
        found = self._measures(marks, ends, is_sample=True)
        low, self._middle, high = np.quantile(found, [0.25, 0.5, 0.75], axis=0)
        # a measure that hardly varies in the sample may vary by a twentieth: shares, logarithms
        self._spread = np.maximum((high - low) / 1.349, 0.05)

    def __call__(self, column: Any, is_sample: bool = False) -> Floats:
        found = (self._measures(*_marks(column), is_sample) - self._middle) / self._spread
        return np.asarray(np.clip(found, -100, 100) / np.sqrt(found.shape[1]))

    def _measures(self, marks: NDArray[np.uint32], ends: NDArray[np.int64], is_sample: bool) -> Floats:
        bins, whose = _trigrams(marks, ends)
        n, sizes = len(ends), np.diff(ends, prepend=0)
        lengths = np.maximum(np.bincount(whose, minlength=n), 1)
        pairs, place, times = np.unique(whose * BINS + bins, return_inverse=True, return_counts=True)
        counts, total = self._counts[bins], float(self._counts.sum())
        if is_sample:  # by all the others
            counts, rest = counts - times[place], total - lengths[whose]
        else:
            rest = np.full(len(bins), total)
        likely = np.log((counts + SMOOTH) / (rest + SMOOTH * BINS))
        owner = np.repeat(np.arange(n), sizes)
        kinds = [_is_digit(marks), marks == 32, _is_sign(marks)]
        shares = [np.bincount(owner, one, minlength=n) / np.maximum(sizes, 1) for one in kinds]
        kinds_of = np.bincount(pairs // BINS, minlength=n)
        repeats = np.log((np.bincount(whose, minlength=n) + 1) / (kinds_of + 1))
        typical = np.bincount(whose, likely, minlength=n) / lengths
        return np.stack([typical, np.log1p(sizes), *shares, repeats], axis=1)


def _marks(column: Any) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all texts, in small letters, and where each text ends; null is empty."""
    texts = [(text or "").lower() for text in column.to_pylist()]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32), ends


def _trigrams(
    marks: NDArray[np.uint32], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bins of all trigrams that lie within one text, and the text of each."""
    if len(marks) < 3:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    whose = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    wide = marks.astype(np.uint64)
    mixed = wide[:-2] * _ODD[0] + wide[1:-1] * _ODD[1] + wide[2:] * _ODD[2]
    mixed ^= mixed >> np.uint64(29)
    mixed *= _ODD[0]
    within = whose[:-2] == whose[2:]
    return ((mixed >> np.uint64(20)) % np.uint64(BINS)).astype(np.int64)[within], whose[:-2][within]


def _is_digit(marks: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return (marks >= 48) & (marks <= 57)


def _is_sign(marks: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Tell which marks are neither letter nor digit nor space, of ASCII; beyond it all count as letters."""
    is_letter = ((marks >= 97) & (marks <= 122)) | ((marks >= 65) & (marks <= 90)) | (marks >= 128)
    return np.asarray(~(is_letter | _is_digit(marks) | (marks == 32)))
