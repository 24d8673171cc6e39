"""How much likelier is a record's place if it is not of the wanted kind? Two looks, each measured against gold's own.

*Distance*: how far the nearest gold records are. *Contrast*: trees learn gold from its own shuffled columns (Breiman's unsupervised
forest; Shi and Horvath 2006), so they know what belongs together. What a look gives to gold that it has not seen has a centre and a
spread; beyond that, a Student's t with heavy tails against an even spread over all that was seen says how the odds change.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.scoring.neighbours import CHUNK, distances
from sheaf.verification.scoring.shape import Flags, Floats, Integers, Task

NEAR = 3
TREES = 60
TAIL = 5.0
"""Degrees of freedom: gold's own outliers are not held to be impossible."""
SPAN = 10.0
"""Least width, in spreads of gold, over which what is not wanted may lie."""
FURTHEST = 30.0


def strangeness(task: Task, fold: Integers, seed: int) -> Floats:
    """Return log P(place | not wanted) − log P(place | wanted) for all rows, shape (n,); gold is judged without itself.

    It is at most log(g + 2): that few records of gold show nothing so rare does not tell that it is rarer (the rule of succession).
    """
    looks = [distance(task.inputs, task.is_gold)]
    if task.inputs.shape[1] > 1:
        looks.append(contrast(task.inputs, task.is_gold, fold, seed))
    looks += task.looks
    odds = np.stack([against(look, task.is_gold) for look in looks])
    top = odds.max(axis=0)
    found: Floats = top + np.log(np.exp(odds - top).mean(axis=0))
    return np.minimum(found, np.log(task.gold + 2.0))


def distance(inputs: Floats, is_gold: Flags) -> Floats:
    """Return the log mean distance to the nearest gold records, shape (n,)."""
    known = inputs[is_gold]
    parts = [distances(inputs[i : i + CHUNK], known) for i in range(0, len(inputs), CHUNK)]
    return _nearest(np.concatenate(parts), len(known))


def _nearest(squared: Floats, gold: int) -> Floats:
    """Return the log mean distance of each row to its nearest among gold, whose rows come first; shape (n,)."""
    own = np.arange(gold)
    squared = np.maximum(squared, 0.0)
    squared[own, own] = np.inf
    count = min(NEAR, max(1, gold - 1))
    near = np.partition(squared, count - 1, axis=1)[:, :count]
    near = np.where(np.isfinite(near), near, 0.0)
    found: Floats = np.log(np.sqrt(near).mean(axis=1) + 1e-9)
    return found


def contrast(inputs: Floats, is_gold: Flags, fold: Integers, seed: int) -> Floats:
    """Return the log odds of being shuffled rather than gold, shape (n,); of a gold record, by trees that have not seen it."""
    from sklearn.ensemble import ExtraTreesClassifier

    random = np.random.default_rng([seed, 4])
    found = np.zeros((len(np.unique(fold)), len(inputs)))
    for place, f in enumerate(np.unique(fold)):
        real = inputs[is_gold & (fold != f)]
        made = np.stack([random.permutation(column) for column in real.T], axis=1)
        model = ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=seed)
        model.fit(np.vstack([real, made]), np.repeat([0, 1], len(real)))
        share = np.asarray(model.predict_proba(inputs))[:, 1]
        found[place] = np.log((share + 0.5 / TREES) / (1.0 - share + 0.5 / TREES))
    mean: Floats = found.mean(axis=0)
    mean[is_gold] = found[np.searchsorted(np.unique(fold), fold[is_gold]), np.flatnonzero(is_gold)]
    return mean


def against(look: Floats, is_gold: Flags) -> Floats:
    """Return the log odds that `look` (n,) speaks for a record that is not wanted, shape (n,)."""
    own = look[is_gold]
    middle = float(np.median(own))
    spread = max(float(np.quantile(own, 0.9) - np.quantile(own, 0.1)) / 2.56, 1e-3)
    far = (look - middle) / spread
    width = max(SPAN, float(min(far.max(), FURTHEST) - max(far.min(), -FURTHEST)))
    wanted = -(TAIL + 1.0) / 2.0 * np.log1p(far**2 / TAIL) - 0.969  # the t density with 5 degrees of freedom
    odds: Floats = np.where(far > 0.0, -np.log(width) - wanted, -np.log(width) + 0.969)
    return odds
