"""Several methods, one posterior: the mean of their logarithms, and gold moves it.

GLAD and minimax entropy with and without the frequencies of classes err on different sets: the frequencies of classes
save sets with a rare class and spoil others, and GLAD has few parameters to be wrong about. The mean needs no choice
and beats each. Where gold is known it is a logarithmic pool (Genest and Zidek, Statistical Science 1(1), 1986) with a
weight for each method and a constant for each class, fitted to the gold under normal priors around the even mean. So a
class that a crowd calls too seldom is called more often, and little gold moves little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sheaf.verification.aggregation.calibration import log_odds
from sheaf.verification.aggregation.dawid_skene import dawid_skene
from sheaf.verification.aggregation.exact import Floats, Integers, log, normalised, on_grid, solved, total
from sheaf.verification.aggregation.glad import glad
from sheaf.verification.aggregation.labels import Labels, Truth
from sheaf.verification.aggregation.minimax import fits, minimax

LEAST = 0.02
"""No method is held to have excluded an answer further than this."""
SPREAD_WEIGHT, SPREAD_CLASS = 0.1, 0.5
"""Standard deviations of the priors of weights and constants."""
ROUNDS = 40
LONGEST = 0.25
"""Longest step of a number, far from the solution."""
NUMBER_GRID = 2.0**20


@dataclass(frozen=True)
class Pool:
    """How methods are pooled: the `weight` of each, shape (methods,), and a `constant` added to each class's log odds, shape (classes,)."""

    weight: Floats
    constant: Floats

    def posterior(self, logs: Floats) -> Floats:
        """Return the pooled posterior of `logs`, shape (methods, n, classes)."""
        score = np.zeros(logs.shape[1:]) + self.constant
        for weight, of_method in zip(self.weight, logs, strict=True):
            score = score + weight * of_method
        return normalised(on_grid(score))


def ensemble(labels: Labels) -> Truth:
    """Return the pool of the methods; gold only moves it and is then held for certain."""
    truths = list(members(labels).values())
    pooled = mixed(pool(labels, truths), truths)
    return replace(pooled, posterior=labels.hold(pooled.posterior))


def members(labels: Labels) -> dict[str, Truth]:
    """Return what each method finds without gold, by its name. Where a matrix for every item is too much, workers' matrices must do."""
    blind = labels.blind
    first = glad(blind)
    if not fits(labels):
        flat = dawid_skene(blind, is_flat=True, power=0.7)
        return {"glad": first, "dawid_skene": dawid_skene(blind), "dawid_skene_flat": flat}
    return {
        "glad": first,
        "minimax": minimax(blind, begin=first.posterior),
        "minimax_flat": minimax(blind, begin=first.posterior, is_flat=True),
    }


def mixed(how: Pool, truths: list[Truth]) -> Truth:
    """Return the pool of what several methods found; the skill is their weighted mean."""
    share = how.weight / how.weight.sum()
    skill = np.stack([on_grid(w * truth.skill) for w, truth in zip(share, truths, strict=True)])
    return Truth(how.posterior(_logs(truths)), total(skill, axis=0), max(truth.steps for truth in truths))


def evidence(truths: list[Truth], best: Integers) -> Floats:
    """Return the mean over the methods of the log odds of each item's class `best`, both of shape (items,): how sure they are together."""
    return total(np.stack([on_grid(log_odds(truth.posterior, best)) for truth in truths]), axis=0) / len(
        truths
    )


def pool(labels: Labels, truths: list[Truth]) -> Pool:
    """Return the pool that suits the gold of `labels`; without gold weights are even and constants 0."""
    methods, k = len(truths), labels.classes
    even = np.full(methods, 1.0 / methods)
    weight, constant = even, np.zeros(k)
    logs = _logs(truths)[:, labels.known]
    answer = np.zeros((len(labels.known), k))
    answer[np.arange(len(answer)), labels.gold[labels.known]] = 1.0
    for _ in range(ROUNDS if len(answer) else 0):
        miss = answer - Pool(weight, constant).posterior(logs)
        weight = _towards(weight, *_slope(logs, answer - miss, miss), even)
        chance = Pool(weight, constant).posterior(logs)
        curve = total(on_grid(2.0 * chance * (1.0 - chance)), axis=0) + 1.0 / SPREAD_CLASS**2
        slope = total(answer - chance, axis=0) - constant / SPREAD_CLASS**2
        constant = on_grid(constant + np.clip(slope / curve, -LONGEST, LONGEST), NUMBER_GRID)
    return Pool(weight, constant)


def _logs(truths: list[Truth]) -> Floats:
    """The logarithms of the posteriors; shape (methods, items, classes)."""
    return np.stack([on_grid(log(np.maximum(truth.posterior, LEAST)), NUMBER_GRID) for truth in truths])


def _slope(logs: Floats, chance: Floats, miss: Floats) -> tuple[Floats, Floats]:
    """Gradient and curvature of the likelihood in the weights; shapes (methods,), (methods, methods)."""
    gradient = np.array([_sum(one * miss) for one in logs])
    centred = []
    for one in logs:
        mean = total(on_grid(one * chance, NUMBER_GRID), axis=1)
        centred.append(one - mean[:, None])
    curve = np.array([[_sum(one * other * chance) for other in centred] for one in centred])
    return gradient, curve


def _sum(terms: Floats) -> float:
    return float(total(total(on_grid(terms, NUMBER_GRID))))


def _towards(weight: Floats, gradient: Floats, curve: Floats, even: Floats) -> Floats:
    """One Newton step of the weights, none below zero."""
    precision = 1.0 / SPREAD_WEIGHT**2
    step = solved(curve + np.diag(np.full(len(weight), precision)), gradient - (weight - even) * precision)
    step = step / max(1.0, float(np.abs(step).max()) / LONGEST)
    return on_grid(np.maximum(weight + step, 0.0), NUMBER_GRID)
