"""From records to contributors: who gave what is new, and what it is worth to the buyer's task.

Copies of an earlier contributor's records are left out of the game, so a replica is a dummy player and its original loses
nothing to it. Among the others the value is the Shapley value of the game of contributors, enumerated while they are few, else
drawn; it is discounted by the share of a contributor's records that are copies, so that a copy that was changed too much to be
told does not earn what the first records of a kind do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.knn_shapley import knn_shapley
from sheaf.valuation.learners import mixed
from sheaf.valuation.replicas import Copies, copies
from sheaf.valuation.samplers import antithetic
from sheaf.valuation.semivalues import Valuation, exact, sampled
from sheaf.valuation.stopping import Stopping
from sheaf.valuation.utility import Cached, Floats, Integers, Utility, numbered

ENUMERATED = 12
"""Up to so many contributors all coalitions are looked at; beyond, chains of joining are drawn."""

BUDGET = Stopping(tolerance=0.01, evaluations=20_000)

Learner = Callable[[Examples, Integers, Examples], Utility]


@dataclass(frozen=True)
class Contributions:
    """What every contributor and record is worth.

    Per contributor, shape (players,): `values` (Shapley, in units of the learner's utility, times `discounts`, the share of its
    records that are no copies), `errors` (standard, 0 where enumerated) and `pooled` (the sum of its records' values). Per record,
    shape (n,): `record_values` (KNN-Shapley, 0 for copies) and `found` copies.
    """

    values: Floats
    errors: Floats
    pooled: Floats
    discounts: Floats
    record_values: Floats
    found: Copies
    valuation: Valuation


def contributions(
    records: Examples,
    owner: Integers,
    task: Examples,
    learner: Learner = mixed,
    stopping: Stopping = BUDGET,
    seed: int = 0,
) -> Contributions:
    """Value contributors, numbered from 0 in the order in which they came, and their records, to `task`.

    Raises RecordError where records and task do not match, InputError for owners with gaps.
    """
    matched(records, task)
    owner = numbered(owner, len(records))
    players = int(owner.max()) + 1
    found = copies(records, owner, task)
    kept = np.flatnonzero(~found.is_copy)
    active, renamed = np.unique(owner[kept], return_inverse=True)
    new = records.take(kept)
    utility = Cached(learner(new, renamed.astype(np.int64), task))
    is_few = len(active) <= ENUMERATED
    valuation = exact(utility) if is_few else sampled(utility, antithetic, stopping=stopping, seed=seed)
    record_values = np.zeros(len(records))
    record_values[kept] = knn_shapley(new, task)
    values, errors, pooled = np.zeros(players), np.zeros(players), np.zeros(players)
    discounts = np.bincount(owner[kept], minlength=players) / np.bincount(owner)
    values[active], errors[active] = valuation.values, valuation.errors
    for player in range(players):
        pooled[player] = math.fsum(record_values[owner == player].tolist())
    return Contributions(
        values * discounts, errors * discounts, pooled, discounts, record_values, found, valuation
    )
