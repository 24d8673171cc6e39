"""Multinomial logistic regression, where a record may stand for several labels in parts."""

from __future__ import annotations

import warnings

import numpy as np

from sheaf.verification.scoring.shape import Floats, Integers

PART = 0.05
"""Parts of a label smaller than this are left out."""
FLOOR = 1e-6


def logistic(known: Floats, target: Floats, rows: Floats) -> Floats:
    """Score every label of `rows` by log chance; shape (n, classes)."""
    from sklearn.linear_model import LogisticRegression

    record, label, weight = parts(target)
    model = LogisticRegression(C=1.0, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: it judges worse, which calibration sees
        model.fit(known[record], label, sample_weight=weight)
    return spread(model.predict_proba(rows), model.classes_, target.shape[1])


def parts(target: Floats) -> tuple[Integers, Integers, Floats]:
    """Return (record, label, weight) for every part of `target` (n, classes) that counts."""
    record, label = np.nonzero(target > PART)
    return record, label, target[record, label]


def spread(chance: Floats, present: Integers, classes: int) -> Floats:
    """Return log chances for all classes, where only those `present` were learnt; shape (n, classes)."""
    found = np.full((len(chance), classes), np.log(FLOOR))
    found[:, present] = np.log(np.maximum(chance, FLOOR))
    return found
