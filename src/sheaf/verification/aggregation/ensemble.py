"""Several methods, one posterior: their mean, weighted by how well each foretold the gold.

Dawid and Skene's matrices with and without the frequencies of classes, MACE and GLAD err on different sets: the
frequencies of classes save sets with a rare class and spoil others, few parameters are better for few labels. The mean
needs no choice and beats each. Where gold is known a method weighs exp(EVIDENCE · log likelihood of the gold): a power
posterior over the methods (as in Grünwald, ALT 2012), so that little gold moves little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sheaf.verification.aggregation.dawid_skene import dawid_skene
from sheaf.verification.aggregation.exact import Floats, exp, log, on_grid, total
from sheaf.verification.aggregation.glad import glad
from sheaf.verification.aggregation.labels import Labels, Truth
from sheaf.verification.aggregation.mace import mace

EVIDENCE = 0.1
"""Weight of one gold answer: methods err on the same items, so ten count as one."""
LEAST = 0.02
"""No method is held to have excluded an answer further than this."""

MEMBERS: dict[str, Callable[[Labels], Truth]] = {
    "dawid_skene": dawid_skene,
    "dawid_skene_flat": lambda labels: dawid_skene(labels, is_flat=True, power=0.7),
    "mace": mace,
    "glad": glad,
}


def ensemble(labels: Labels) -> Truth:
    """Return the mean of the methods; gold only weighs them and is then held for certain."""
    truths = members(labels)
    mean = mixed(weights(labels, truths), truths)
    return replace(mean, posterior=labels.hold(mean.posterior))


def members(labels: Labels) -> list[Truth]:
    """Return what each method finds without gold."""
    blind = labels.blind
    return [method(blind) for method in MEMBERS.values()]


def mixed(weight: Floats, truths: list[Truth]) -> Truth:
    """Return the mean of what several methods found, by their weights (methods,)."""
    posterior = np.stack([on_grid(w * truth.posterior) for w, truth in zip(weight, truths, strict=True)])
    skill = np.stack([on_grid(w * truth.skill) for w, truth in zip(weight, truths, strict=True)])
    return Truth(total(posterior, axis=0), total(skill, axis=0), max(truth.steps for truth in truths))


def weights(labels: Labels, truths: list[Truth]) -> Floats:
    """Return the weight of each method by the gold of `labels`; without gold they are even. They add up to 1."""
    answer = labels.gold[labels.known]
    told = [on_grid(log(np.maximum(truth.posterior[labels.known, answer], LEAST))) for truth in truths]
    score = np.array([total(terms) for terms in told]) * EVIDENCE
    weight = on_grid(exp(score - score.max()))
    share: Floats = weight / total(weight)
    return share
