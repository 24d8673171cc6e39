"""Every worker has an ability, every item an ease; the chance of a right label is the logistic function of their product.

GLAD: Whitehill, Ruvolo, Wu, Bergsma and Movellan, NIPS 2009. Both are fitted by damped Newton steps, one number at a
time, within expectation-maximisation; wrong labels are spread evenly over the other classes.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.aggregation.exact import Floats, exp, log, normalised, on_grid, totals
from sheaf.verification.aggregation.labels import Labels, Truth, start

STEPS = 15
ABILITY, EASE = 1.0, 0.0
"""Where ability and the logarithm of ease begin, and what their normal priors of variance one are centred on."""
BOUND = 3.0
"""Ability and log ease stay within this of their centres."""


def glad(labels: Labels) -> Truth:
    """Return posteriors and the chance of each worker to be right on an item of average ease."""
    k = labels.classes
    vote = labels.item * k + labels.label
    ability, ease = np.full(labels.workers, ABILITY), np.full(labels.items, EASE)
    posterior = start(labels)
    for _ in range(STEPS):
        right = posterior.ravel()[vote]
        ability, ease = _fit(labels, right, ability, ease)
        score = on_grid(ability[labels.worker] * exp(ease)[labels.item] + log(np.array(k - 1.0)))
        scores = totals(vote, score, labels.items * k).reshape(labels.items, k)
        posterior = labels.hold(normalised(scores))
    return Truth(posterior, 1.0 / (1.0 + exp(-ability)), STEPS)


def _fit(labels: Labels, right: Floats, ability: Floats, ease: Floats) -> tuple[Floats, Floats]:
    """One damped Newton step for the abilities, then one for the logarithms of ease."""
    factor = exp(ease)[labels.item]
    miss, slope = _misfit(ability[labels.worker] * factor, right)
    gradient = totals(labels.worker, on_grid(miss * factor), labels.workers) - (ability - ABILITY)
    curve = totals(labels.worker, on_grid(slope * factor * factor), labels.workers) + 1.0
    ability = np.clip(ability + gradient / curve, ABILITY - BOUND, ABILITY + BOUND)
    reach = ability[labels.worker] * factor
    miss, slope = _misfit(reach, right)
    gradient = totals(labels.item, on_grid(miss * reach), labels.items) - (ease - EASE)
    curve = totals(labels.item, on_grid(slope * reach * reach), labels.items) + 1.0
    return ability, np.clip(ease + gradient / curve, EASE - BOUND, EASE + BOUND)


def _misfit(reach: Floats, right: Floats) -> tuple[Floats, Floats]:
    chance = 1.0 / (1.0 + exp(-reach))
    return right - chance, chance * (1.0 - chance)
