"""Do the channels move together as the clean series' do?

Each channel is estimated from the others: their values, a little earlier and later, how they change, and how they add up, by ridge
regression within windows. A channel that was made by itself, or taken from another place or time, is not what the others say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.series.windows import Floats, Series, cut

LAGS = (-5, -1, 1, 5)
MEMORIES = (8, 32, 128, 512)
"""Samples over which the others are added up, fading."""
FOLDS = 5
RIDGE = 1e-6
LEAST_RELATION = 0.05
"""A channel that the others explain less of, out of fold, is not held against them."""
QUADRATIC = 3
"""Products of the others are looked at where they are no more than this."""
FEATURES = ("misfit", "opposition", "joint misfit", "joint opposition")


@dataclass(frozen=True)
class Relation:
    """How one channel follows the others: weights for their features, and the usual misfit by energy; `strength` is R² out of fold."""

    centre: Floats
    scale: Floats
    weights: Floats
    usual: Floats
    floor: float
    strength: float


def learn(series: Series, column: int, at: NDArray[np.int64], samples: int) -> tuple[Relation, Floats]:
    """Return how a channel of a clean series follows the others, and the features of its own windows, each estimated by weights that
    were learnt without it (in FOLDS runs of neighbouring windows)."""
    filled = series.filled
    centre, scale = np.median(filled, axis=0), np.std(filled, axis=0)
    scale[scale == 0] = 1.0
    inputs, target = _parts(series, column, at, samples, centre, scale)
    fold = np.arange(len(at)) * FOLDS // max(1, len(at))
    normals = [np.tensordot(inputs[fold == i], inputs[fold == i], ((0, 1), (0, 1))) for i in range(FOLDS)]
    sides = [np.tensordot(inputs[fold == i], target[fold == i], ((0, 1), (0, 1))) for i in range(FOLDS)]
    normal, side = np.sum(normals, axis=0), np.sum(sides, axis=0)
    estimate = np.zeros(target.shape)
    for i in range(FOLDS):
        estimate[fold == i] = inputs[fold == i] @ _solve(normal - normals[i], side - sides[i])
    energies = _energies(target, estimate)
    strength = 1 - float(energies[:, 0].sum() / max(energies[:, 1].sum(), 1e-12))
    floor = 1e-3 * float(np.median(energies[:, 1])) + 1e-9
    logs = np.log(energies + floor)
    known = np.hstack([logs[:, 1:], np.ones((len(logs), 1))])
    usual = np.linalg.solve(known.T @ known + 1e-3 * np.eye(3), known.T @ logs[:, 0])
    found = Relation(centre, scale, _solve(normal, side), usual, floor, strength)
    return found, _features(found, target, estimate)


def measure(relation: Relation, series: Series, column: int, at: NDArray[np.int64], samples: int) -> Floats:
    """Return the features of the windows of one channel beside the others, shape (windows, 2): misfit beyond the usual, and opposition."""
    inputs, target = _parts(series, column, at, samples, relation.centre, relation.scale)
    return _features(relation, target, inputs @ relation.weights)


def joined(features: Floats) -> Floats:
    """Return the features (windows, channels, 4) with the last two filled in: the means of the first two over all channels that have them.

    What is forged of one sensor is out of place in all channels a little, and together more than in any.
    """
    known = np.isfinite(features[:, :, :1])
    means = np.where(known, features[:, :, :2], 0).sum(axis=1, keepdims=True) / np.maximum(
        known.sum(axis=1, keepdims=True), 1
    )
    return np.concatenate([features[:, :, :2], np.where(known, means, np.nan)], axis=2)


def _features(relation: Relation, target: Floats, estimate: Floats) -> Floats:
    energies = _energies(target, estimate)
    logs = np.log(energies + relation.floor)
    misfit = logs[:, 0] - np.hstack([logs[:, 1:], np.ones((len(logs), 1))]) @ relation.usual
    both = np.sqrt((energies[:, 1] + relation.floor) * (energies[:, 2] + relation.floor))
    likeness = (target * estimate).sum(axis=1) / both
    return np.stack([misfit, -np.arctanh(np.clip(likeness, -0.999, 0.999))], axis=1)


def _energies(target: Floats, estimate: Floats) -> Floats:
    """Return the energy of the misfit, of the channel and of its estimate, shape (windows, 3)."""
    return np.stack([(part**2).sum(axis=1) for part in (target - estimate, target, estimate)], axis=1)


def _solve(normal: Floats, side: Floats) -> Floats:
    scale = np.trace(normal) / max(1, len(normal)) + 1e-9
    return np.asarray(np.linalg.solve(normal + RIDGE * scale * np.eye(len(normal)), side))


def _parts(
    series: Series, column: int, at: NDArray[np.int64], samples: int, centre: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Return the others' features (windows, samples, width) and the channel (windows, samples), less their means in the window."""
    scaled = np.clip((series.filled - centre) / scale, -1e3, 1e3)
    others = np.delete(scaled, column, axis=1)
    inputs = cut(_inputs(others, series.stretches), at, samples)
    target = cut(scaled[:, column], at, samples)
    return inputs - inputs.mean(axis=1, keepdims=True), target - target.mean(axis=1, keepdims=True)


def _inputs(others: Floats, stretches: list[tuple[int, int]]) -> Floats:
    from scipy.signal import lfilter  # type: ignore[import-untyped]

    parts = [others]
    if others.shape[1] <= QUADRATIC:
        upper = np.triu_indices(others.shape[1])
        parts.append(others[:, upper[0]] * others[:, upper[1]])
    place = np.arange(len(others))
    first, last = np.zeros(len(others), np.int64), np.zeros(len(others), np.int64)
    for begin, end in stretches:
        first[begin:end], last[begin:end] = begin, end - 1
    parts += [others[np.clip(place + lag, first, last)] for lag in LAGS]
    for memory in MEMORIES:
        summed = np.zeros(others.shape)
        for begin, end in stretches:
            fading = 1 - 1 / memory
            summed[begin:end] = lfilter([1 / np.sqrt(memory)], [1, -fading], others[begin:end], axis=0)
        parts.append(summed)
    return np.hstack(parts)
