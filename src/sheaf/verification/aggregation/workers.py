"""How much a worker looks like a spammer: what its labels say for each kind of worker that it may be.

After Raykar and Yu, JMLR 13, 2012: a spammer is whose labels say nothing about the truth. As a test between hypotheses,
so that two labels say little and two hundred much: one who answers has a matrix drawn from Dirichlet distributions
around the crowd's; a spammer draws every label evenly, or repeats nearly always the same, or, more rarely, is right on
half of the items and guesses on the others, or misleads. Best held against Dawid and Skene's posterior: it believes the
crowd even where the crowd errs, and who errs with the others at least looked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sheaf.verification.aggregation.exact import Flags, Floats, exp, log, log_gamma, on_grid, total, totals
from sheaf.verification.aggregation.labels import Labels

STRENGTH = 2.0
"""Weight of the crowd's matrix for each worker's, in labels of each class."""
LEAST = 0.05
"""Weight of each label, of each class, beside it; also that of a spammer who repeats itself."""
RARE = 0.02
"""Share of spammers who are right on half, and of those who mislead; the others draw evenly or repeat themselves."""
HALF = 0.5
"""Share of the items on which the former are right knowingly."""
SLIP = 0.05
"""Share of labels by which one who misleads errs into the truth, all classes together."""
HONEST = 0.7
"""How far a worker is taken for honest to begin with."""
ROUNDS = 6
COARSE = 2.0**20
"""Steps to the unit of sums of logarithms."""


def spammer_scores(labels: Labels, posterior: Floats, is_copy: Flags) -> Floats:
    """Return how much each worker looks like a spammer: ½ undecided, 0 surely not, 1 surely, 1 to 2 copies; shape (workers,).

    With odds of e^x for a spammer it is ½ + x / (2 + 2 |x|), so the order of workers is that of the odds. `posterior` has shape (items,
    classes). `is_copy` (workers,) marks who repeats a ring: what it says is not its own, however right it seems.
    """
    odds = spammer_odds(labels, posterior)
    scores: Floats = 0.5 + 0.5 * odds / (1.0 + np.abs(odds)) + is_copy
    return scores


def spammer_odds(labels: Labels, posterior: Floats) -> Floats:
    """Return the logarithm of the odds that each worker is a spammer, a fair coin before its labels are seen; shape (workers,)."""
    counts = _counts(labels, posterior)
    spam = _spam(counts)
    honest = np.full(labels.workers, HONEST)
    for _ in range(ROUNDS):
        odds: Floats = spam - _earnest(counts, honest)
        honest = on_grid(1.0 / (1.0 + exp(np.clip(odds, -30.0, 30.0))))
    return odds


def _counts(labels: Labels, posterior: Floats) -> Floats:
    """How often each worker gave each label for each truth; shape (workers, classes, classes), first the truth."""
    k = labels.classes
    cell = labels.worker * k + labels.label
    counts = np.empty((labels.workers, k, k))
    for truth in range(k):
        mass = np.ascontiguousarray(posterior[:, truth])[labels.item]
        counts[:, truth] = totals(cell, mass, labels.workers * k).reshape(-1, k)
    return counts


def _earnest(counts: Floats, honest: Floats) -> Floats:
    """The log likelihood of each worker's labels if it answers; the crowd's matrix is that of the `honest`, shape (workers,)."""
    k = counts.shape[1]
    crowd = total(on_grid(counts * honest[:, None, None]), axis=0) + 0.5 + np.eye(k)
    prior = STRENGTH * crowd / total(on_grid(crowd))[:, None] + LEAST
    summed = np.zeros(len(counts))
    for truth in range(k):
        summed += _drawn(counts[:, truth], on_grid(prior[truth]))
    return summed


def _spam(counts: Floats) -> Floats:
    """The log likelihood of each worker's labels if it spams: the mean over the kinds of spammers."""
    k = counts.shape[1]
    given = total(counts, axis=1)
    right = total(np.diagonal(counts, axis1=1, axis2=2))
    many = total(given)
    kinds = [-many * _log(float(k)) + _log(0.5 - RARE), _drawn(given, np.full(k, LEAST)) + _log(0.5 - RARE)]
    for chance in _chances(k):
        kinds.append(right * _log(chance) + (many - right) * _log((1.0 - chance) / (k - 1)) + _log(RARE))
    of_kind = np.stack(kinds)
    most = of_kind.max(axis=0)
    mean: Floats = most + log(total(on_grid(exp(of_kind - most)), axis=0))
    return mean


def _chances(classes: int) -> Iterator[float]:
    """The chance of a right label of one who is right on half, and of one who misleads."""
    yield HALF + (1.0 - HALF) / classes
    yield SLIP / classes


def _drawn(counts: Floats, prior: Floats) -> Floats:
    """The log likelihood of counts, shape (n, labels), whose chances are drawn from a Dirichlet distribution, prior (labels,)."""
    whole = total(prior)
    each = total(on_grid(log_gamma(counts + prior) - log_gamma(prior), COARSE))
    return on_grid(each + log_gamma(np.array([float(whole)])) - log_gamma(total(counts) + whole), COARSE)


def _log(value: float) -> float:
    return float(log(np.array([value]))[0])
