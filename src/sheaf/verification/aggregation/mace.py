"""Workers either answer or spam: each has a chance to answer rightly, and otherwise draws from labels of its own.

MACE: Hovy, Berg-Kirkpatrick, Vaswani and Hovy, NAACL 2013, with its Beta and Dirichlet priors, in expectation-
maximisation.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.aggregation.exact import Floats, Integers, log, normalised, on_grid, total, totals
from sheaf.verification.aggregation.labels import Labels, Truth, start

STEPS = 40
TOLERANCE = 1e-3
HONEST, SPAM = 2.0, 1.0
"""Labels that a worker is taken to have given in earnest and as spam, before any is seen."""
SPREAD = 2.0
"""Weight of even spamming over the classes, in labels."""


def mace(labels: Labels) -> Truth:
    """Return posteriors and each worker's chance to be right."""
    k = labels.classes
    cell, vote = labels.worker * k + labels.label, labels.item * k + labels.label
    posterior = start(labels)
    given = totals(cell, np.ones(len(labels)), labels.workers * k)
    earnest = on_grid(posterior.ravel()[vote] * 0.5)
    steps = 0
    while steps < STEPS:
        steps += 1
        honest, spam = _rates(labels, cell, given, earnest)
        gain = on_grid(log((honest + spam) / spam))
        scores = totals(vote, gain[cell], labels.items * k).reshape(labels.items, k)
        before, posterior = posterior, labels.hold(normalised(scores))
        earnest = on_grid(posterior.ravel()[vote] * (honest / (honest + spam))[cell])
        if np.abs(posterior - before).sum() <= TOLERANCE * labels.items:
            break
    share = total(posterior, axis=0) / labels.items
    right = (honest + spam).reshape(labels.workers, k)
    return Truth(posterior, total(on_grid(right * share)), steps)


def _rates(labels: Labels, cell: Integers, given: Floats, earnest: Floats) -> tuple[Floats, Floats]:
    """For each worker and label: the chance to answer in earnest, and that to give this label as spam; shape (workers * classes,)."""
    k = labels.classes
    sincere = totals(cell, earnest, labels.workers * k)
    spam = (given - sincere).reshape(labels.workers, k) + SPREAD / k
    honest = total(sincere.reshape(labels.workers, k)) + HONEST
    mass = honest + labels.given - total(sincere.reshape(labels.workers, k)) + SPAM
    chance = np.repeat(honest / mass, k)
    of_label = (spam / (labels.given - total(sincere.reshape(labels.workers, k)) + SPREAD)[:, None]).ravel()
    return chance, (1.0 - chance) * of_label
