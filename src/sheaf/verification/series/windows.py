"""Series of readings, cut into windows: consecutive, none across a gap, all of one number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

Floats = NDArray[np.float64]

LEAST_SAMPLES = 32
"""A window has at least as many: a spectrum of fewer says nothing, however long they last."""
GAP = 5.0
"""A step in time beyond as many median steps is a gap."""
MISSING = 0.2
"""Windows with a greater share of missing values in any channel are left out."""


@dataclass(frozen=True)
class Series:
    """Readings in the order of time: `seconds` (n,), `values` (n, channels), NaN where missing, and the channels' names."""

    seconds: Floats
    values: Floats
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.seconds), len(self.names)):
            raise InputError("series", self.values.shape, "give a column of values for each channel")
        if not np.isfinite(self.seconds).all() or (np.diff(self.seconds) < 0).any():
            raise InputError("time", "missing or running backwards", "sort the readings by their time")

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def step(self) -> float:
        """The median time between readings, in seconds; 0 for fewer than two."""
        steps = np.diff(self.seconds)
        steps = steps[steps > 0]
        return float(np.median(steps)) if len(steps) else 0.0

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """The longest runs (start, stop) without a gap."""
        longest = GAP * self.step or np.inf
        edges = [0, *(1 + np.flatnonzero(np.diff(self.seconds) > longest)).tolist(), len(self)]
        return [(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]

    @property
    def filled(self) -> Floats:
        """The values, missing ones interpolated between their neighbours; 0 in a channel that has none."""
        values = self.values.copy()
        places = np.arange(len(values))
        for column in values.T:
            known = np.isfinite(column)
            if not known.all():
                column[:] = np.interp(places, places[known], column[known]) if known.any() else 0.0
        return values


def samples_in(series: Series, seconds: float) -> int:
    """Return how many samples a window of `seconds` has, at least LEAST_SAMPLES."""
    return max(LEAST_SAMPLES, int(np.ceil(seconds / series.step)) if series.step else LEAST_SAMPLES)


def starts(series: Series, samples: int, stride: int = 0) -> NDArray[np.int64]:
    """Return where windows of `samples` begin, one behind the other or every `stride`; the last of each stretch ends with it.

    Stretches shorter than a window, and windows with too much missing, have none: nothing is said of them.
    """
    found: list[int] = []
    for begin, end in series.stretches:
        if end - begin >= samples:
            found += range(begin, end - samples + 1, stride or samples)
            if found[-1] + samples < end:
                found.append(end - samples)
    missing = np.vstack([np.zeros((1, len(series.names))), np.cumsum(~np.isfinite(series.values), axis=0)])
    at = np.array(found, dtype=np.int64)
    lost = (missing[at + samples] - missing[at]).max(axis=1, initial=0) if len(at) else np.zeros(0)
    return at[lost <= MISSING * samples]


def cut(values: Floats, at: NDArray[np.int64], samples: int) -> Floats:
    """Return the windows of `values` (n,) or (n, width) that begin `at`: shape (windows, samples) or (windows, samples, width)."""
    return np.asarray(values[at[:, None] + np.arange(samples)])


def channels_of(names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the channels `wanted`, all of `names` if none are. Raises InputError for a channel that is absent."""
    for name in wanted:
        if name not in names:
            raise InputError("channels", name, f"name some of {', '.join(names) or 'no numeric columns'}")
    return tuple(wanted or names)
