"""A confusion matrix for every worker, by variational inference under a prior that the crowd itself gives.

Dawid and Skene, Applied Statistics 28(1), 1979, in the Bayesian form of Kim and Ghahramani, AISTATS 2012. The prior of
a worker's matrix weighs as much as a few labels: half is the matrix of the whole crowd, half says that the worker errs
evenly at its own rate. So who gave few labels is taken for an average worker, and nobody's rare class rests on one
label.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.aggregation.exact import (
    Floats,
    Integers,
    digamma,
    log,
    normalised,
    on_grid,
    total,
    totals,
)
from sheaf.verification.aggregation.labels import Labels, Truth, start

STRENGTH = 4.0
"""Weight of the prior, in labels for each class."""
STEPS = 40
TOLERANCE = 1e-3
"""Iteration ends when the posteriors move by no more than this an item, all classes together."""


def dawid_skene(labels: Labels, *, is_flat: bool = False, power: float = 1.0) -> Truth:
    """Return posteriors and skills. `is_flat` holds all classes for equally frequent; `power` < 1 takes labels for less than independent.

    Without the frequencies of classes a rare class is not swallowed by a frequent one while iterating; with them rare classes are told
    apart where they truly are rare. Which suits a set cannot be seen from its labels alone: the ensemble takes both.
    """
    k = labels.classes
    cell = labels.worker * k + labels.label
    posterior = start(labels)
    counts, steps = _counts(labels, cell, posterior), 0
    while steps < STEPS:
        steps += 1
        scores = _scores(labels, cell, _expected(counts), power)
        if not is_flat:
            scores += _frequency(posterior)
        before, posterior = posterior, labels.hold(normalised(scores))
        counts = _counts(labels, cell, posterior)
        if np.abs(posterior - before).sum() <= TOLERANCE * labels.items:
            break
    right = np.diagonal(_matrices(counts), axis1=1, axis2=2)
    share = total(posterior, axis=0) / labels.items
    return Truth(posterior, total(on_grid(right * share)), steps)


def matrices(labels: Labels, posterior: Floats) -> Floats:
    """Return each worker's matrix, given the truth: the chance of each label for each true class; shape (workers, labels, classes)."""
    return _matrices(_counts(labels, labels.worker * labels.classes + labels.label, posterior))


def _matrices(counts: Floats) -> Floats:
    weight = counts + _prior(counts)
    return weight / total(weight, axis=1)[:, None, :]


def _counts(labels: Labels, cell: Integers, posterior: Floats) -> Floats:
    """How often each worker gave each label for each true class; shape (workers, labels, classes)."""
    k = labels.classes
    counts = np.empty((labels.workers * k, k))
    columns = np.ascontiguousarray(posterior.T)
    for truth in range(k):
        counts[:, truth] = totals(cell, columns[truth][labels.item], labels.workers * k)
    return counts.reshape(labels.workers, k, k)


def _prior(counts: Floats) -> Floats:
    """What is believed of each worker before its labels: half the crowd's matrix, half errors spread evenly at its own rate."""
    k = counts.shape[1]
    eye = np.eye(k)
    crowd = total(counts, axis=0) + 1.0 + 2.0 * eye
    crowd = crowd / total(crowd, axis=0)
    right, given = total(np.diagonal(counts, axis1=1, axis2=2)), total(total(counts))
    mean = (total(right) + 3.0) / (total(given) + 4.0)
    rate = ((right + STRENGTH * mean) / (given + STRENGTH))[:, None, None]
    own = eye * rate + (1.0 - eye) * ((1.0 - rate) / (k - 1))
    return on_grid(STRENGTH * 0.5 * (crowd + own))


def _expected(counts: Floats) -> Floats:
    """The expected logarithm of each entry of each matrix."""
    weight = counts + _prior(counts)
    return on_grid(digamma(weight) - digamma(total(weight, axis=1))[:, None, :])


def _scores(labels: Labels, cell: Integers, expected: Floats, power: float) -> Floats:
    scores = np.empty((labels.items, labels.classes))
    for truth in range(labels.classes):
        terms = np.ascontiguousarray(expected[:, :, truth]).ravel()[cell]
        scores[:, truth] = totals(labels.item, terms, labels.items)
    return scores * power


def _frequency(posterior: Floats) -> Floats:
    mass = total(posterior, axis=0) + 1.0
    return on_grid(log(mass / total(mass)))
