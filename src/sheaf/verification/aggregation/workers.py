"""What a worker is worth, and how much it looks like a spammer.

After Raykar and Yu, JMLR 13, 2012: a spammer is whose labels say nothing about the truth, that is whose matrix has
equal columns. The mean of the matrix's diagonal is 1 for a perfect worker, 1 / classes for random and for constant
answers, and below for one who misleads.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.aggregation.dawid_skene import matrices
from sheaf.verification.aggregation.exact import Flags, Floats, on_grid, total
from sheaf.verification.aggregation.labels import Labels


def informative(labels: Labels, posterior: Floats) -> Floats:
    """Return each worker's mean chance of a right label over the classes, beyond chance: 1 perfect, 0 says nothing; shape (workers,)."""
    k = labels.classes
    diagonal = np.diagonal(matrices(labels, posterior), axis1=1, axis2=2)
    mean = total(on_grid(diagonal)) / k
    scaled: Floats = (k * mean - 1.0) / (k - 1)
    return scaled


def spammer_scores(labels: Labels, posterior: Floats, is_copy: Flags) -> Floats:
    """Return how much each worker looks like a spammer: 0 perfect, 1 says nothing, more misleads or copies; shape (workers,).

    `is_copy` (workers,) marks who repeats a ring: what it says is not its own, however right it seems.
    """
    scores: Floats = 1.0 - informative(labels, posterior) + is_copy
    return scores
