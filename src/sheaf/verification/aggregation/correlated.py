"""What a worker is worth where no label is known to be right: correlated agreement of labels of any number of classes.

Shnayder, Agarwal, Frongillo and Parkes, EC 2016: agreement on shared items beyond that on different ones. For two answers and
bitmaps in whole numbers see `peer_prediction`.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.aggregation.exact import Floats, Integers
from sheaf.verification.aggregation.labels import Labels

SHARE_GRID = 10**12
"""Steps to the unit of the share of an item's other labels that agree."""


def correlated_agreement(labels: Labels) -> Floats:
    """Return each worker's score from labels alone: agreement on shared items less agreement on others' other items; shape (workers,).

    Two classes agree where they fall together more often than by chance, over all pairs of workers (so near classes may count as one).
    0 for a worker with no item or no class in common with anybody. Gold is not looked at.
    """
    votes = labels.votes.astype(np.int64)
    alike = _alike(labels, votes)
    liking = votes @ alike
    met = labels.votes.sum(axis=1).astype(np.int64)[labels.item] - 1
    same = liking[labels.item, labels.label] - alike[labels.label, labels.label]
    share = np.zeros(len(labels), dtype=np.int64)
    np.floor_divide(same * SHARE_GRID, met, out=share, where=met > 0)
    joint, paired = _by_worker(labels, share), _by_worker(labels, (met > 0).astype(np.int64))
    own = _cells(labels, np.ones(len(labels), dtype=np.int64))
    elsewhere = votes.sum(axis=0) - np.stack(
        [_cells_of(labels, votes[:, k]) for k in range(labels.classes)], axis=1
    )
    elsewhere = np.maximum(elsewhere, 0)  # who labelled an item twice
    chance = ((own @ alike) * elsewhere).sum(axis=1)
    pairs = own.sum(axis=1) * elsewhere.sum(axis=1)
    score = np.zeros(labels.workers)
    is_known = (paired > 0) & (pairs > 0)
    score[is_known] = joint[is_known] / paired[is_known] / SHARE_GRID - chance[is_known] / pairs[is_known]
    return score


def _alike(labels: Labels, votes: Integers) -> Integers:
    """Which classes fall together on an item more often than by chance; shape (classes, classes), 0 or 1."""
    each = votes.sum(axis=1)
    joint = votes.T @ votes - np.diag(votes.sum(axis=0))
    of_class = votes.T @ np.maximum(each - 1, 0)
    pairs = int((each * (each - 1)).sum())
    chance = np.array([[int(one) * int(other) for other in of_class] for one in of_class], dtype=object)
    found: Integers = (joint.astype(object) * pairs > chance).astype(np.int64)
    return found


def _by_worker(labels: Labels, values: Integers) -> Integers:
    summed = np.zeros(labels.workers, dtype=np.int64)
    np.add.at(summed, labels.worker, values)
    return summed


def _cells(labels: Labels, values: Integers) -> Integers:
    """Sum by worker and own label; shape (workers, classes)."""
    summed = np.zeros((labels.workers, labels.classes), dtype=np.int64)
    np.add.at(summed, (labels.worker, labels.label), values)
    return summed


def _cells_of(labels: Labels, of_item: Integers) -> Integers:
    """Sum a number of each item over the items that a worker labelled; shape (workers,)."""
    return _by_worker(labels, of_item[labels.item])
