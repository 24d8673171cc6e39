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

from sheaf.verification.aggregation.dawid_skene import dawid_skene
from sheaf.verification.aggregation.exact import Floats, Integers, exp, log, log_gamma, on_grid, total, totals
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
SURE = 4.6
"""Odds, in logarithms, from which a worker is left out: 99 to 1."""
PASSES = 4
COARSE = 2.0**20
"""Steps to the unit of sums of logarithms."""


def spammer_scores(labels: Labels, posterior: Floats, ring: Integers | None = None) -> Floats:
    """Return how much each worker looks like a spammer: ½ undecided, 0 surely not, 1 surely; shape (workers,).

    With odds of e^x for a spammer it is ½ + x / (2 + 2 |x|), so the order of workers is that of the odds. `posterior` has shape (items,
    classes). `ring` (workers,) has the number of the ring in which each was found, or -1: such a worker may be one who repeats it.
    """
    odds = spammer_odds(labels, posterior, ring)
    scores: Floats = 0.5 + 0.5 * odds / (1.0 + np.abs(odds))
    return scores


def spammer_odds(labels: Labels, posterior: Floats, ring: Integers | None = None) -> Floats:
    """Return the logarithm of the odds that each worker is a spammer, a fair coin before its labels are seen; shape (workers,)."""
    counts = _counts(labels, posterior)
    spam = _spam(counts)
    honest = np.full(labels.workers, HONEST)
    if ring is not None and (ring >= 0).any():
        spam = np.where(ring >= 0, _either(spam, _repeating(labels, ring)) + SURE, spam)
        honest[ring >= 0] = 1.0 - HONEST
    for _ in range(ROUNDS):
        odds: Floats = spam - _earnest(counts, honest)
        honest = on_grid(1.0 / (1.0 + exp(np.clip(odds, -30.0, 30.0))))
    return odds


def sifted(labels: Labels, fair: Labels) -> Labels:
    """Return `fair`, which are `labels` with each ring as one worker, without those whose labels surely say nothing of the truth.

    Many who repeat themselves agree with each other, and so look right to every method that begins with the crowd. Rated by what is
    left without them, more may be sure spammers: up to PASSES times. An item whose labels are all theirs keeps them.
    """
    kept = fair
    for _ in range(PASSES):
        odds = spammer_odds(labels, dawid_skene(kept).posterior)
        is_sure = np.append(odds > SURE, np.zeros(fair.workers - labels.workers, dtype=np.bool_))
        stays = ~is_sure[fair.worker]
        stays |= (np.bincount(fair.item[stays], minlength=fair.items) == 0)[fair.item]
        before, kept = kept, fair.only(stays)
        if len(before) == len(kept) and (before.worker == kept.worker).all():
            break
    return kept


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


def _repeating(labels: Labels, ring: Integers) -> Floats:
    """The log likelihood of each worker's labels if it repeats what the others of its ring say, but for slips; 0 without a ring.

    Of an item that none of them labelled every answer is as likely.
    """
    k, rows = labels.classes, np.arange(len(labels))
    found = np.zeros(labels.workers)
    for number in range(int(ring.max()) + 1):
        is_own = (ring == number)[labels.worker]
        votes = np.zeros((labels.items, k))
        np.add.at(votes, (labels.item[is_own], labels.label[is_own]), 1.0)
        others = votes[labels.item]
        others[rows, labels.label] -= 1.0
        met = np.maximum(others.sum(axis=1), 0.0)
        share = others[rows, labels.label] / np.maximum(met, 1.0)
        same, apart, unknown = _log(1.0 - SLIP), _log(SLIP / (k - 1)), _log(1.0 / k)
        each = np.where(met > 0.0, share * same + (1.0 - share) * apart, unknown)
        found += np.where(ring == number, totals(labels.worker, on_grid(each * is_own), labels.workers), 0.0)
    return found


def _either(one: Floats, other: Floats) -> Floats:
    """The log likelihood where either is as likely to begin with."""
    most = np.maximum(one, other)
    mean: Floats = most + log(on_grid(0.5 * (exp(one - most) + exp(other - most))))
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
