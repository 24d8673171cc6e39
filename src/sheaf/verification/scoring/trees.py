"""Extremely randomised trees (Geurts and others 2006): they see what is curved and what is on different scales."""

from __future__ import annotations

import numpy as np

from sheaf.verification.scoring.logistic import parts, spread
from sheaf.verification.scoring.shape import Floats

TREES = 60
LEAF = 2


def trees(known: Floats, target: Floats, rows: Floats, seed: int) -> Floats:
    """Score every label of `rows` by the log share of the trees, one tree spread over all labels; shape (n, classes)."""
    from sklearn.ensemble import ExtraTreesClassifier

    record, label, weight = parts(target)
    model = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=seed)
    model.fit(known[record], label, sample_weight=weight)
    chance = (TREES * model.predict_proba(rows) + 1.0 / target.shape[1]) / (TREES + 1.0)
    found: Floats = spread(np.asarray(chance), model.classes_, target.shape[1])
    bounded: Floats = np.maximum(found, -np.log(TREES * target.shape[1]))
    return bounded
