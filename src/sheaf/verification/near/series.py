"""Time series: the shapes of all windows, as a set of words.

Each window of `window` values is freed of offset and scale, cut into SEGMENTS means and written in LEVELS letters (symbolic
aggregate approximation, Lin and others 2003), once more with the letter that lies nearest to a border moved across it. So a copy
that was moved in time, scaled, offset or made a little noisy keeps most of its words, and sets of words are compared as those of
texts are (as in sketch, shingle and hash, Luo and Shrivastava 2016). Values are rounded to 2**-20 of the greatest before they are
added up, so sums have no rounding and no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import RecordError
from sheaf.verification.near import sets
from sheaf.verification.near.columns import demand
from sheaf.verification.near.sets import Sets, mixed
from sheaf.verification.near.sketch import Sketch
from sheaf.verification.near.text import sketched

if TYPE_CHECKING:
    import pyarrow as pa

SEGMENTS = 8
LEVELS = 4
BORDERS = (-0.6744897501960817, 0.0, 0.6744897501960817)
"""Quartiles of the normal distribution."""
FLAT = 1 / 64
"""A window whose standard deviation is less of the series' greatest value shows no shape."""
_UNIT = 2.0**20
MAX_WINDOW = 1024  # sums of squares of so many values stay below 2**63, whatever stands between them
_BATCH = 1 << 17


@dataclass(frozen=True)
class Series:
    """Lists of numbers in a field; similarity is Jaccard's, of the sets of words of `window` values."""

    field: str
    threshold: float = 0.6
    window: int = 64

    bands = sets.BANDS
    width = sets.SIGNATURE_BYTES
    margin = 3 * sets.SPREAD

    def __post_init__(self) -> None:
        if self.window % SEGMENTS or not 2 * SEGMENTS <= self.window <= MAX_WINDOW:
            raise RecordError(
                "window", self.window, f"give a multiple of {SEGMENTS}, {2 * SEGMENTS} to {MAX_WINDOW}"
            )

    @property
    def namespace(self) -> str:
        """The window; series of other fields may be compared."""
        return f"series-{self.window}"

    def sketch(self, table: pa.Table) -> Sketch:
        """Return sketches of series; those shorter than a window, or flat, are not present."""
        import pyarrow as pa

        found = demand(table, self.field, "series", "give a field of lists of numbers")
        whole = found.combine_chunks().cast(pa.large_list(pa.float64()))
        lengths = whole.value_lengths().fill_null(0).to_numpy()
        values = whole.flatten().to_numpy(zero_copy_only=False)
        return sketched(words(np.asarray(values, np.float64), lengths, self.window))

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return Jaccard's similarity as signatures of shape (m, width) estimate it."""
        return sets.estimate(one, other)


def words(values: NDArray[np.float64], lengths: NDArray[Any], window: int) -> Sets:
    """Return the words of series that stand one after the other in `values`; none where a window holds NaN or infinity."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    hashes, sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    begin = 0
    while begin < len(lengths):
        end = int(np.searchsorted(offsets, offsets[begin] + _BATCH, side="right")) - 1
        end = max(begin + 1, min(end, len(lengths)))
        found, owner = _words(values[offsets[begin] : offsets[end]], lengths[begin:end], window)
        hashes.append(found)
        sizes.append(np.bincount(owner, minlength=end - begin).astype(np.int64))
        begin = end
    return Sets(
        np.concatenate(hashes), np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    )


def _words(
    values: NDArray[np.float64], lengths: NDArray[Any], window: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return two hashed words of each window, and the series each is from."""
    whole, is_bad, owner = _rounded(values, lengths)
    count = len(whole) - window + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    total, squares = _moving(whole, window), _moving(whole * whole, window)
    spread = np.sqrt((window * squares - total * total).astype(np.float64))
    parts = SEGMENTS * _moving(whole, window // SEGMENTS)
    word, step, least = np.zeros(count, np.int64), np.zeros(count, np.int64), np.full(count, np.inf)
    for segment in range(SEGMENTS):
        at, unit = segment * (window // SEGMENTS), LEVELS**segment
        for border in BORDERS:
            above = (parts[at : at + count] - total).astype(np.float64) - border * spread
            word += unit * (above > 0)
            is_nearer = np.abs(above) < least
            least[is_nearer] = np.abs(above[is_nearer])
            step[is_nearer] = np.where(above[is_nearer] > 0, -unit, unit)
    is_good = (owner[:count] == owner[window - 1 :]) & (_moving(is_bad, window) == 0)
    is_good &= spread >= FLAT * _UNIT * window
    both = np.stack([word[is_good], (word + step)[is_good]], axis=1)
    return mixed(both.reshape(-1).astype(np.uint64)), np.repeat(owner[:count][is_good], 2)


def _moving(values: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return the sums of `width` values in a row."""
    sums = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(sums[width:] - sums[:-width], np.int64)


def _rounded(
    values: NDArray[np.float64], lengths: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the values less the least of their series, in 2**-20 of its range; 1 where a value is not finite; their series."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    is_good = np.isfinite(values)
    low, high = np.full(len(lengths), np.inf), np.full(len(lengths), -np.inf)
    np.minimum.at(low, owner[is_good], values[is_good])
    np.maximum.at(high, owner[is_good], values[is_good])
    with np.errstate(invalid="ignore", over="ignore"):
        reach = high - low
        is_wide = np.isfinite(reach) & (reach > 0)
        reach[~is_wide] = np.inf
        scaled = (values - low[owner]) / reach[owner]
    whole = np.where(is_good & is_wide[owner], scaled, 0.0)
    return np.rint(whole * _UNIT).astype(np.int64), 1 - is_good.astype(np.int64), owner
