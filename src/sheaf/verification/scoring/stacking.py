"""Several scores, one calibrated chance: a log-linear pool fitted to gold, with a prior for little gold.

The chance of label z is ε / K + (1 − ε) softmax(Σ w · s(z)). Each method first gets a weight of its own (Platt 1999, a
temperature); the pool starts from their mean and moves from there as far as gold bears out. ε is what g records cannot exclude.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.scoring.shape import Floats, Integers

SLACK = 2.0
"""Standard deviation, in log weight, of the prior around where the pool starts."""
SLOPES = np.logspace(-1.5, 3.0, 46)
SLOPE_SPREAD = 2.0
TINY = 1e-12


def pooled(scores: list[Floats], answer: Integers) -> Floats:
    """Return weights, one a method, fitted to `scores` of gold, each (g, classes), and to `answer` (g,)."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    stack = centred(scores)
    start = np.log([_slope(part, answer) / len(scores) for part in stack])
    wanted = softened(answer, stack.shape[2])

    def cost(logs: Floats) -> float:
        told = np.log(chances(stack, np.exp(logs), TINY))
        return float(-(wanted * told).sum() + (((logs - start) / SLACK) ** 2).sum() / 2.0)

    found = minimize(cost, start, method="L-BFGS-B", options={"maxiter": 60})
    weights: Floats = np.exp(np.asarray(found.x, dtype=np.float64))
    return weights


def doubt(gold: int) -> float:
    """Return ε: the chance of an error that none of `gold` records showed (the rule of succession)."""
    return 1.0 / (gold + 2.0)


def softened(answer: Integers, classes: int) -> Floats:
    """Return what is fitted to, shape (g, classes): ε of each answer goes to all labels (Platt 1999), so that gold without
    errors bounds the slope.
    """
    floor = doubt(len(answer))
    wanted: Floats = (1.0 - floor) * np.eye(classes)[answer] + floor / classes
    return wanted


def chances(stack: Floats, weights: Floats, floor: float) -> Floats:
    """Return the chance of every label, shape (n, classes); `stack` is (methods, n, classes)."""
    logits = np.tensordot(weights, stack, axes=1)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    share: Floats = odds / odds.sum(axis=1, keepdims=True)
    mixed: Floats = floor / share.shape[1] + (1.0 - floor) * share
    return mixed


def centred(scores: list[Floats]) -> Floats:
    """Return scores (n, classes) of several methods as one array (methods, n, classes), the mean of each row taken off."""
    return np.stack([part - part.mean(axis=1, keepdims=True) for part in scores])


def _slope(scores: Floats, answer: Integers) -> float:
    """Return the slope that makes one method's scores most likely, with a wide prior around one that suits their spread."""
    middle = np.log(3.0 / (float(scores.std()) or 1.0))
    wanted = softened(answer, scores.shape[1])
    costs = []
    for slope in SLOPES:
        told = np.log(chances(scores[None], np.array([slope]), TINY))
        costs.append(-(wanted * told).sum() + ((np.log(slope) - middle) / SLOPE_SPREAD) ** 2 / 2.0)
    return float(SLOPES[int(np.argmin(costs))])
