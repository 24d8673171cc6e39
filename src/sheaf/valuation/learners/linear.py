"""A linear classifier by penalised least squares, whose sums add up over owners: thousands of coalitions a second.

What a coalition knows is the sum of its members' moments XᵀX and Xᵀ(Y - 1/classes), so no record is looked at again. Features
are rounded and cut so that moments, and later scores, are exact sums in float64; the systems between are solved with
+, -, ×, ÷ of single numbers in a fixed order. So the worth is the same bits on every machine.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.neighbours import blocks
from sheaf.valuation.utility import Flags, Floats, Integers, numbered

Measure = Literal["accuracy", "fit"]

REACH = 8.0
"""Features are cut off at this many root mean squares of the task: one absurd record must not tilt the plane."""

WIDTH = 128
"""Wider features are folded to this many by random signs (Achlioptas 2003)."""

PENALTY = 0.25
"""Of the mean squared length of a task record: how many records the prior, no weight at all, counts for is this times the width."""

WEIGHT_STEPS = 2.0**20
MOST_WEIGHT = 64.0
SCORE_STEPS = 2.0**20

BLOCK_BYTES = 1 << 23
"""Small, so that the systems being solved stay in the processor's cache."""


class Linear:
    """The worth of owners whose records are fitted together.

    `accuracy`: how often the highest score is right; the empty set is worth 1 / classes. `fit`: 1 less the squared error of scores, cut
    to [0, 1], over that of a guess among all classes; the empty set is worth 0. A set of one class always answers it.
    """

    def __init__(
        self, records: Examples, owner: Integers, task: Examples, *, measure: Measure = "accuracy"
    ) -> None:
        """Raises RecordError where records and task do not match."""
        self._classes, self._measure = matched(records, task), measure
        owner = numbered(owner, len(records))
        self.players, self._truth = int(owner.max()) + 1, task.labels
        features, points = _columns(records.features, task.features)
        self._steps = _steps(len(records))
        x = np.rint(features * self._steps)
        self._points = np.rint(points * self._steps)
        self._square, self._cross = self._moments(x, records.labels, owner)
        self._penalty = _penalty(points)

    def _moments(self, x: Floats, labels: Integers, owner: Integers) -> tuple[Floats, Floats]:
        """Return each owner's XᵀX in steps squared, (players, width, width), and XᵀY, (players, width, classes): whole numbers."""
        width = x.shape[1]
        square, cross = (np.zeros((self.players, width, w)) for w in (width, self._classes))
        for player in range(self.players):
            own = owner == player
            is_class = (labels[own][:, None] == np.arange(self._classes)).astype(np.float64)
            square[player], cross[player] = x[own].T @ x[own], x[own].T @ is_class
        return square, cross

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each coalition of owners, shape (m,)."""
        width, worth = self._points.shape[1], np.zeros(len(coalitions))
        doubles = (
            width * width + len(self._truth) * self._classes
        )  # of one coalition: its system and its scores
        for rows in blocks(len(coalitions), doubles, BLOCK_BYTES):
            members = coalitions[rows].astype(np.float64)
            worth[rows] = self._measured(self._weights(members))
        return self._certain(coalitions, worth)

    def _certain(self, coalitions: Flags, worth: Floats) -> Floats:
        """Set what needs no fit: without records a guess, with records of one class that class as the answer."""
        counts = coalitions.astype(np.float64) @ (self._cross[:, -1] > 0)
        known = (counts > 0).sum(axis=1)
        share = np.bincount(self._truth, minlength=self._classes) / float(len(self._truth))
        only = share[counts.argmax(axis=1)]
        guess = 1.0 / self._classes
        if self._measure == "fit":
            guess, only = 0.0, 1.0 - 2.0 * (1.0 - only) / (1.0 - 1.0 / self._classes)
        certain: Floats = np.where(known == 0, guess, np.where(known == 1, only, worth))
        return certain

    def _weights(self, members: Floats) -> Floats:
        """Return whole weights, shape (m, width, classes), in steps of 1 / WEIGHT_STEPS."""
        m, width = len(members), self._points.shape[1]
        square = (members @ self._square.reshape(self.players, -1)).reshape(m, width, width)
        cross = (members @ self._cross.reshape(self.players, -1)).reshape(m, width, self._classes)
        square /= self._steps * self._steps
        square[:, np.arange(width), np.arange(width)] += self._penalty
        # Xᵀ(Y - 1/classes); the last column of X is one step-scaled 1, and Σ over classes of XᵀY is Xᵀ1.
        ones = members @ self._cross.sum(axis=2)
        cross = (cross - ones[:, :, None] / self._classes) / self._steps
        found = solved(square, cross)
        return np.rint(np.clip(found, -MOST_WEIGHT, MOST_WEIGHT) * WEIGHT_STEPS)

    def _measured(self, weights: Floats) -> Floats:
        m, count = len(weights), len(self._truth)
        flat = weights.transpose(1, 0, 2).reshape(self._points.shape[1], -1)
        scores = (self._points @ flat).reshape(count, m, self._classes)
        if self._measure == "accuracy":
            right: Floats = (scores.argmax(axis=2) == self._truth[:, None]).sum(axis=0) / float(count)
            return right
        chance = np.clip(scores / (self._steps * WEIGHT_STEPS) + 1.0 / self._classes, 0.0, 1.0)
        is_class = self._truth[:, None] == np.arange(self._classes)
        error = np.rint((chance - is_class[:, None, :]) ** 2 * SCORE_STEPS).sum(axis=(0, 2)) / SCORE_STEPS
        fit: Floats = 1.0 - error / (count * (1.0 - 1.0 / self._classes))
        return fit


def solved(square: Floats, right: Floats) -> Floats:
    """Solve symmetric positive definite systems, shapes (m, w, w) and (m, w, c), element by element (LDLᵀ, no pivots)."""
    a, b = square.copy(), right.copy()
    width = a.shape[1]
    for k in range(width):
        factor = a[:, k + 1 :, k] / a[:, k, k, None]
        a[:, k + 1 :, k + 1 :] -= factor[:, :, None] * a[:, k, None, k + 1 :]
        b[:, k + 1 :] -= factor[:, :, None] * b[:, k, None, :]
    for k in range(width - 1, -1, -1):
        b[:, k] /= a[:, k, k, None]
        b[:, :k] -= a[:, :k, k, None] * b[:, k, None, :]
    return b


def _columns(records: Floats, task: Floats) -> tuple[Floats, Floats]:
    """Scale both by the task's root mean square, fold what is too wide, cut, and add a column of ones."""
    if task.shape[1] > WIDTH:
        signs = _signs(task.shape[1])
        records, task = _folded(records, signs), _folded(task, signs)
    lengths = np.array([math.fsum((column * column).tolist()) for column in task.T])
    size = math.sqrt(math.fsum(lengths.tolist()) / task.size) or 1.0
    return tuple(  # type: ignore[return-value]
        np.hstack([np.clip(x / size, -REACH, REACH), np.ones((len(x), 1))]) for x in (records, task)
    )


def _signs(width: int) -> Floats:
    """Return fixed random signs, shape (width, WIDTH), from the generator's raw bits, which no version of it changes."""
    raw = np.random.PCG64(0).random_raw(width * WIDTH).reshape(width, WIDTH)
    return np.where(raw >> np.uint64(63), 1.0, -1.0)


def _folded(features: Floats, signs: Floats) -> Floats:
    """Return features · signs, rounded first so that the sums are exact."""
    reach = 2.0 ** math.frexp(max(float(np.abs(features).max(initial=0.0)), 1.0))[1]
    steps = 2.0**40 / reach / 2.0 ** len(signs).bit_length()
    return (np.rint(features * steps) @ signs) / steps


def _steps(count: int) -> float:
    """Return a power of two such that `count` squares of numbers up to REACH stay below 2⁵³ in steps squared, and scores do too."""
    return 2.0 ** min(16, (53 - 6 - count.bit_length()) // 2)


def _penalty(points: Floats) -> float:
    """Return PENALTY times the mean squared length of a row."""
    return PENALTY * math.fsum((points * points).ravel().tolist()) / len(points)
