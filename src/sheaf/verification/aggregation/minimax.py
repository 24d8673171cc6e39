"""A matrix for every worker and one for every item: a label depends on who gave it and on how the item misleads.

Minimax conditional entropy: Zhou, Platt, Basu and Mao, NIPS 2012, and Zhou, Liu, Platt, Meek and Shah, arXiv 1503.07240.
The chance that worker w labels item i as l, if t is true, is exp(σ_w(t, l) + τ_i(t, l)) over its sum for all l. Both are
held near what is usual, τ near 0 and σ near the crowd's own, by normal priors; one bounded Newton step for each
(Böhning, 1992) takes its turn with the posterior. That an item misleads is what the matrices of workers alone cannot
say: there many who err alike on one item count as many witnesses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.verification.aggregation.exact import (
    GRID,
    Floats,
    Integers,
    exp,
    log,
    normalised,
    on_grid,
    total,
    totals,
)
from sheaf.verification.aggregation.labels import Labels, Truth, start

OF_WORKER, OF_ITEM = 1.0, 4.0
"""Weight of the priors, in labels for each class."""
CURVE = 0.5
"""Bound of the curvature of the logarithm of a sum of exponentials."""
STEPS = 15
TOLERANCE = 1e-3
FARTHEST = 12.0
"""Largest σ or τ."""
MAX_CELLS = 2**25
"""Most labels, or items, times classes squared: beyond, it would take minutes."""


def fits(labels: Labels) -> bool:
    """Return whether the labels are few enough for a matrix for every item."""
    return max(len(labels), labels.items) * labels.classes**2 <= MAX_CELLS


def minimax(labels: Labels, *, begin: Floats | None = None, is_flat: bool = False) -> Truth:
    """Return posteriors and each worker's chance to be right on an item that does not mislead.

    `begin` are posteriors to begin with, shape (items, classes), else shares of votes; `is_flat` holds all classes for equally frequent.
    """
    k = labels.classes
    posterior = start(labels) if begin is None else labels.hold(begin.copy())
    model = _Model(labels)
    steps = 0
    while steps < STEPS:
        steps += 1
        model.fit_workers(posterior)
        model.fit_items(posterior)
        scores = model.scores()
        if not is_flat:
            share = total(posterior, axis=0) + 1.0
            scores = scores + on_grid(log(share / (labels.items + k)))
        before, posterior = posterior, labels.hold(normalised(scores))
        if np.abs(posterior - before).sum() <= TOLERANCE * labels.items:
            break
    share = total(posterior, axis=0) / labels.items
    return Truth(posterior, total(on_grid(model.right() * share)), steps)


@dataclass
class _Model:
    """σ as the crowd's `crowd` (classes, classes) and each worker's own (workers, …), τ (items, …); first the truth, then the label."""

    labels: Labels

    def __post_init__(self) -> None:
        k = self.labels.classes
        self.crowd = np.zeros((k, k))
        self.worker = np.zeros((self.labels.workers, k, k))
        self.item = np.zeros((self.labels.items, k, k))

    def _chances(self, truth: int) -> tuple[Floats, Floats]:
        """Return the weight of each class for each label if `truth` is true, 1 at most, and the sum; shapes (classes, n), (n,)."""
        of_worker = np.ascontiguousarray(exp(self.crowd[truth] + self.worker[:, truth]).T)
        of_item = np.ascontiguousarray(exp(self.item[:, truth]).T)
        return _weighed(of_worker.take(self.labels.worker, axis=1) * of_item.take(self.labels.item, axis=1))

    def expected(self, posterior: Floats, group: Integers, groups: int) -> Floats:
        """Return how often each group of labels is expected to show each label for each truth; shape (groups, classes, classes)."""
        item, k = self.labels.item, self.labels.classes
        found = np.empty((groups, k, k))
        for truth in range(k):
            weight, mass = self._chances(truth)
            factor = np.ascontiguousarray(posterior[:, truth])[item] / mass
            for which in range(k):
                found[:, truth, which] = totals(group, on_grid(weight[which] * factor), groups)
        return found

    def fit_workers(self, posterior: Floats) -> None:
        """Move σ, each worker's and the crowd's, towards the labels that were given."""
        labels, k = self.labels, self.labels.classes
        expected = self.expected(posterior, labels.worker, labels.workers)
        cell = labels.worker * k + labels.label
        given = np.empty_like(self.worker)
        for truth in range(k):
            mass = np.ascontiguousarray(posterior[:, truth])[labels.item]
            given[:, truth] = totals(cell, mass, labels.workers * k).reshape(-1, k)
        miss = given - expected
        seen = CURVE * total(given)[:, :, None]
        strength = OF_WORKER * k
        self.worker = _bounded(self.worker + (miss - strength * self.worker) / (seen + strength))
        self.crowd = _bounded(self.crowd + total(miss, axis=0) / (total(seen, axis=0) + 1.0))

    def fit_items(self, posterior: Floats) -> None:
        """Move τ towards the labels that were given."""
        expected = self.expected(posterior, self.labels.item, self.labels.items)
        votes = self.labels.votes
        miss = posterior[:, :, None] * votes[:, None, :] - expected
        seen = CURVE * posterior[:, :, None] * total(votes)[:, None, None]
        strength = OF_ITEM * self.labels.classes
        self.item = _bounded(self.item + (miss - strength * self.item) / (seen + strength))

    def scores(self) -> Floats:
        """Return the logarithm of the chance of each item's labels for each truth; shape (items, classes)."""
        labels, rows = self.labels, np.arange(len(self.labels))
        scores = np.empty((labels.items, labels.classes))
        for truth in range(labels.classes):
            weight, mass = self._chances(truth)
            scores[:, truth] = totals(
                labels.item, on_grid(log(weight[labels.label, rows] / mass)), labels.items
            )
        return scores

    def right(self) -> Floats:
        """Return each worker's chance of a right label for each truth on an item with τ = 0; shape (workers, classes)."""
        found = np.empty(self.worker.shape[:2])
        for truth in range(self.labels.classes):
            weight, mass = _weighed(exp(self.crowd[truth] + self.worker[:, truth]).T)
            found[:, truth] = weight[truth] / mass
        return found


def _bounded(values: Floats) -> Floats:
    return np.clip(values, -FARTHEST, FARTHEST)


def _weighed(weight: Floats) -> tuple[Floats, Floats]:
    """Scale weights (classes, n) so that the largest of each column is 1, none below a step of the grid; return them and their sums."""
    scaled = np.maximum(on_grid(weight / weight.max(axis=0)), 1.0 / GRID)
    return scaled, total(scaled, axis=0)
