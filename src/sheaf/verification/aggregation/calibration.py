"""Posteriors that mean what they say, by logistic regression on gold.

Platt, 1999, with two inputs: the log odds of the stated posterior (of several methods, the mean of theirs) and of the
share of votes, which tells hard items from easy ones. A normal prior on the three numbers carries sets with little
gold; it is the same for all sets. Above CERTAIN no more is stated than gold bears out: if n gold items got such a
posterior and h of them were right, at most (h + 1) / (n + 1.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.verification.aggregation.exact import Floats, Integers, exp, log, on_grid, solved, total
from sheaf.verification.aggregation.labels import Labels

CENTRE = np.array([0.0, 0.3, 0.3])
SPREAD = np.array([0.7, 0.3, 0.3])
"""Mean and standard deviation of the prior: constant, log odds of the posterior, log odds of the votes."""
NUMBER_GRID = 2.0**16
"""So coarse that the products with inputs, and their sums, are exact."""
STEPS = 40
AHEAD = 2.0**-26
"""The most probable class stays the most probable, if only by this."""
LONGEST = 0.25
"""Longest step of a number: far from the solution Newton's steps are too long."""
CERTAIN = 0.97
FARTHEST = 10.0
"""Log odds beyond which a posterior is as good as certain."""


@dataclass(frozen=True)
class Calibration:
    """How stated posteriors become calibrated ones: `numbers` (3,), the `most` that is stated, and on how much `gold` it rests."""

    numbers: Floats
    most: float
    gold: int

    def confidence(self, labels: Labels, posterior: Floats, odds: Floats | None = None) -> Floats:
        """Return the calibrated chance that the most probable class is right; shape (items,). `odds` as given to `calibrated`."""
        chance = _chance(_inputs(labels, posterior, odds), self.numbers)
        return on_grid(np.where(chance > CERTAIN, np.minimum(chance, self.most), chance))

    def apply(self, labels: Labels, posterior: Floats, odds: Floats | None = None) -> Floats:
        """Return calibrated posteriors with the same most probable classes; gold is certain. Shape as `posterior`."""
        best = posterior.argmax(axis=1)
        rows = np.arange(len(posterior))
        others = posterior.copy()
        others[rows, best] = 0.0
        rest = others.sum(axis=1)
        even = np.full_like(others, 1.0 / (labels.classes - 1))
        even[rows, best] = 0.0
        parts = np.where(rest[:, None] > 0.0, others / np.maximum(rest, 1e-12)[:, None], even)
        second = parts.max(axis=1)
        chance = np.maximum(self.confidence(labels, posterior, odds), second / (1.0 + second) + AHEAD)
        calibrated = on_grid(parts * (1.0 - chance)[:, None])
        calibrated[rows, best] = on_grid(chance)
        return labels.hold(calibrated)


def calibrated(labels: Labels, posterior: Floats, odds: Floats | None = None) -> Calibration:
    """Fit to gold what was stated without it: `posterior` (items, classes) must not have seen the gold of `labels`.

    `odds` (items,) are log odds of the most probable class, where there are better ones than those of `posterior`.
    """
    known = labels.known
    inputs = _inputs(labels, posterior, odds)[known]
    right = (posterior[known].argmax(axis=1) == labels.gold[known]).astype(np.float64)
    numbers = on_grid(CENTRE, NUMBER_GRID)
    for _ in range(STEPS):
        chance = _chance(inputs, numbers)
        slope = chance * (1.0 - chance)
        gradient = total(on_grid(inputs * (right - chance)[:, None]), axis=0) - (numbers - CENTRE) / SPREAD**2
        curve = total(on_grid(inputs[:, :, None] * inputs[:, None, :] * slope[:, None, None]), axis=0)
        step = solved(curve + np.diag(1.0 / SPREAD**2), gradient)
        numbers = on_grid(numbers + step / max(1.0, float(np.abs(step).max()) / LONGEST), NUMBER_GRID)
    stated = Calibration(numbers, 1.0, len(known)).confidence(labels, posterior, odds)[known]
    is_sure = stated > CERTAIN
    bound = (float(right[is_sure].sum()) + 1.0) / (float(is_sure.sum()) + 1.3)
    return Calibration(numbers, max(bound, CERTAIN), len(known))


def uncalibrated(gold: int = 0) -> Calibration:
    """Return what is usual for crowds, where there is no gold: the prior alone."""
    return Calibration(on_grid(CENTRE, NUMBER_GRID), CERTAIN, gold)


def log_odds(posterior: Floats, best: Integers) -> Floats:
    """Return the logarithm of the odds of each item's class `best`, both of shape (items,), within FARTHEST of even."""
    chance = np.clip(posterior[np.arange(len(best)), best], 1e-6, 1.0 - 1e-6)
    return np.clip(log(chance / (1.0 - chance)), -FARTHEST, FARTHEST)


def _inputs(labels: Labels, posterior: Floats, odds: Floats | None) -> Floats:
    """A constant, the log odds of the best class, and those of its share of votes; shape (items, 3)."""
    best = posterior.argmax(axis=1)
    rows = np.arange(len(posterior))
    own = log_odds(posterior, best) if odds is None else odds
    votes = labels.votes[rows, best]
    against = total(labels.votes) - votes
    return on_grid(np.stack([np.ones(len(own)), own, log((votes + 0.5) / (against + 0.5))], axis=1))


def _chance(inputs: Floats, numbers: Floats) -> Floats:
    odds = inputs[:, 0] * numbers[0] + inputs[:, 1] * numbers[1] + inputs[:, 2] * numbers[2]
    chance: Floats = 1.0 / (1.0 + exp(-np.clip(odds, -30.0, 30.0)))
    return chance
