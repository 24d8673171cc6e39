"""Many labels, one answer: each algorithm a file, one shape of data in and one out, the same bits on every machine.

`infer` is the whole way: rings are found and reduced to one vote each, sure spammers are left out, the methods are
mixed, the posterior is calibrated, workers are rated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheaf.verification.aggregation.calibration import Calibration, calibrated, uncalibrated
from sheaf.verification.aggregation.dawid_skene import dawid_skene
from sheaf.verification.aggregation.ensemble import ensemble, evidence, members, mixed, pool
from sheaf.verification.aggregation.exact import Floats, Integers
from sheaf.verification.aggregation.glad import glad
from sheaf.verification.aggregation.labels import Labels, Truth
from sheaf.verification.aggregation.mace import mace
from sheaf.verification.aggregation.majority import majority
from sheaf.verification.aggregation.minimax import minimax
from sheaf.verification.aggregation.rings import robust
from sheaf.verification.aggregation.rings.robust import Community
from sheaf.verification.aggregation.workers import sifted, spammer_scores

__all__ = ["METHODS", "Community", "Inference", "Labels", "Truth", "infer"]

METHODS: dict[str, Callable[[Labels], Truth]] = {
    "majority": majority,
    "dawid_skene": dawid_skene,
    "glad": glad,
    "mace": mace,
    "minimax": minimax,
    "ensemble": ensemble,
}
"""Every method by its name; each takes labels with or without gold."""


@dataclass(frozen=True)
class Inference:
    """What labels say: `truth` (calibrated), the weight of each method, the communities and which of them are rings, and the workers.

    `ring` and `spammer` have shape (workers,): the number of a worker's ring or -1, and how much it looks like a spammer
    (0 surely not, ½ undecided, 1 surely). `calibration` rests on gold unless its `gold` is 0.
    """

    truth: Truth
    weights: dict[str, float]
    communities: list[Community]
    rings: list[Community]
    ring: Integers
    spammer: Floats
    calibration: Calibration


def infer(labels: Labels) -> Inference:
    """Infer the truth. With gold rings are found, methods weighed and posteriors calibrated; without it none of these can be.

    Raises RecordError for gold with more than 4,096 workers.
    """
    has_gold = len(labels.known) > 0
    found = robust.judged(labels) if has_gold else []
    caught = robust.rings(found)
    fair = sifted(labels, robust.without(labels, caught))
    found_by = members(fair)
    truths = list(found_by.values())
    how = pool(fair, truths)
    mean = mixed(how, truths)
    odds = evidence(truths, mean.label)
    calibration = calibrated(fair, mean.posterior, odds) if has_gold else uncalibrated()
    posterior = calibration.apply(fair, mean.posterior, odds)
    ring, skill = np.full(labels.workers, -1, dtype=np.int64), mean.skill[: labels.workers].copy()
    for number, community in enumerate(caught):
        ring[community.members] = number
        skill[community.members] = mean.skill[labels.workers + number]
    return Inference(
        truth=Truth(posterior, skill, mean.steps),
        weights=dict(zip(found_by, how.weight.tolist(), strict=True)),
        communities=found,
        rings=caught,
        ring=ring,
        spammer=spammer_scores(labels, dawid_skene(fair).posterior, ring),
        calibration=calibration,
    )
