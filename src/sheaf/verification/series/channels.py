"""What one channel does within a window: noise, jumps, repeats, resolution, spectrum.

The channel is predicted from its own past as a clean series teaches it (autoregression by least squares); what the prediction leaves
over, the innovations, is where a made series differs: too little noise, noise of another colour, jumps no sensor makes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.series.windows import Floats, Series, cut

ORDER = 4
BANDS = 5
LEAST_SHARE = 1e-3
"""What is this small beside the clean series' own is as good as nothing."""

FEATURES = (
    "repeats", "distinct", "noise", "jump", "echo 1", "echo 2", "flatness", "tails", "grid", *(f"band {i}" for i in range(BANDS)),
)  # fmt: skip
CAUSES = {
    "stuck": ("repeats", "distinct"),
    "jump": ("jump",),
    "noise": ("noise", "echo 1", "echo 2", "flatness", "tails", *(f"band {i}" for i in range(BANDS))),
    "resolution": ("grid",),
}
"""Which features speak for which cause."""
RISING, FALLING = ("repeats", "jump", "grid"), ("distinct",)
"""Features that speak only where they are greater, or smaller, than usual; the others both ways."""


@dataclass(frozen=True)
class Channel:
    """How one channel of a clean series behaves: centre and scale, autoregression, spread of innovations, resolution."""

    centre: float
    scale: float
    weights: Floats
    spread: float
    grid: float

    def innovations(self, values: Floats, stretches: list[tuple[int, int]]) -> Floats:
        """Return what the clean series' autoregression leaves over, shape (n,), in its spreads; 0 where there is no past."""
        scaled = (values - self.centre) / self.scale
        left = np.zeros(len(values))
        for begin, end in stretches:
            if end - begin > ORDER:
                left[begin + ORDER : end] = (
                    scaled[begin + ORDER : end] - _past(scaled[begin:end]) @ self.weights
                )
        return left / self.spread


def learn(values: Floats, stretches: list[tuple[int, int]]) -> Channel:
    """Return how the clean channel `values` (n,) behaves."""
    centre = float(np.median(values))
    scale = float(np.std(values)) or 1.0
    scaled = (values - centre) / scale
    runs = [scaled[a:b] for a, b in stretches if b - a > 2 * ORDER]
    past = np.vstack([_past(run) for run in runs]) if runs else np.zeros((0, ORDER + 1))
    now = np.concatenate([run[ORDER:] for run in runs]) if runs else np.zeros(0)
    normal = past.T @ past + 1e-6 * max(1, len(now)) * np.eye(ORDER + 1)
    weights = np.asarray(np.linalg.solve(normal, past.T @ now), np.float64)
    left = now - past @ weights
    spread = float(np.sqrt(np.mean(left**2))) if len(left) else 1.0
    return Channel(centre, scale, weights, max(spread, 1e-9), _grid(values))


def measure(channel: Channel, series: Series, column: int, at: NDArray[np.int64], samples: int) -> Floats:
    """Return the features of the windows of one channel, shape (windows, len(FEATURES))."""
    values = series.filled[:, column]
    left = cut(channel.innovations(values, series.stretches), at, samples)
    shown = cut(values, at, samples)
    steps = np.diff(shown, axis=1)
    tiny = LEAST_SHARE
    noise = left.std(axis=1)
    ordered = np.sort(shown, axis=1)
    distinct = 1 + (np.diff(ordered, axis=1) > 0).sum(axis=1)
    spectrum = np.abs(np.fft.rfft(left - left.mean(axis=1, keepdims=True), axis=1))[:, 1:] ** 2 + tiny
    return np.stack(
        [
            (steps == 0).mean(axis=1),
            np.log(distinct / samples),
            np.log(noise + tiny),
            np.log(np.abs(left).max(axis=1) + tiny),
            _echo(left, 1),
            _echo(left, 2),
            np.log(spectrum).mean(axis=1) - np.log(spectrum.mean(axis=1)),
            np.log((np.abs(left).mean(axis=1) + tiny) / (noise + tiny)),
            _off_grid(shown, channel.grid),
            *_bands((shown - channel.centre) / channel.scale, channel.spread).T,
        ],
        axis=1,
    )


def _past(values: Floats) -> Floats:
    """Return the ORDER values before each, and a one: shape (n - ORDER, ORDER + 1)."""
    rows = np.lib.stride_tricks.sliding_window_view(values[:-1], ORDER)
    return np.hstack([rows, np.ones((len(rows), 1))])


def _echo(left: Floats, lag: int) -> Floats:
    """Return the autocorrelation of the innovations at `lag`, by Fisher's transformation."""
    centred = left - left.mean(axis=1, keepdims=True)
    energy = (centred**2).sum(axis=1) + LEAST_SHARE
    echo = (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / energy
    return np.asarray(np.arctanh(np.clip(echo, -0.999, 0.999)))


def _grid(values: Floats) -> float:
    """Return the step that all values of a clean channel lie on, 0 if there is none."""
    steps = np.diff(np.unique(values))
    steps = steps[steps > 1e-9 * max(1.0, float(np.abs(values).max(initial=0)))]
    if not len(steps):
        return 0.0
    step = float(steps.min())
    return step if _off_grid(values[None, :], step)[0] < 0.01 else 0.0


def _off_grid(windows: Floats, step: float) -> Floats:
    """Return the share of values of each window that do not lie on the grid of `step`, whose zero each window may choose."""
    if not step:
        return np.zeros(len(windows))
    places = (windows - windows[:, :1]) / step
    return np.asarray((np.abs(places - np.round(places)) > 0.02).mean(axis=1))


def _bands(scaled: Floats, spread: float) -> Floats:
    """Return the logarithm of the power in BANDS bands, each an equal share of the logarithm of frequency: (windows, BANDS)."""
    tapered = (scaled - scaled.mean(axis=1, keepdims=True)) * np.hanning(scaled.shape[1])
    power = np.abs(np.fft.rfft(tapered, axis=1))[:, 1:] ** 2 / scaled.shape[1]
    edges = np.unique(np.round(np.geomspace(1, power.shape[1], BANDS + 1)).astype(int) - 1)
    edges[-1] = power.shape[1]
    sums = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    found = np.log(sums + LEAST_SHARE * spread**2)
    return np.hstack([found, np.zeros((len(found), BANDS - found.shape[1]))])
