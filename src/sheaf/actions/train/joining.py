"""How the means of groups become the next model: our own robust rules, or one of Flower's strategies."""

from __future__ import annotations

import numpy as np

from sheaf.actions.train.learner import Array
from sheaf.actions.train.plan import Plan
from sheaf.actions.train.state import CoordinatorState, as_bytes, numbers
from sheaf.privacy.robust_aggregation import GroupHistory, geometric_median
from sheaf.sandbox.federated.flower import Flower


class Joining:
    """The plan's strategy, with what it remembers of earlier rounds. Flower's own momenta begin anew after a crash."""

    def __init__(self, plan: Plan, state: CoordinatorState) -> None:
        """Raises InputError for a strategy that is unknown or not installed."""
        name, _, of_flower = plan.strategy.partition(":")
        self._name = name
        self._flower = Flower(of_flower) if name == "flower" else None
        self._history = GroupHistory(len(plan.owners))
        if state.seen:
            self._history.agreements, self._history.seen = numbers(state.agreements), numbers(state.seen)

    def join(self, round_number: int, model: Array, means: Array, groups: list[list[int]]) -> Array:
        """Return the next model from the last one and the groups' mean changes, (groups, length)."""
        if self._flower:
            return self._flower.join(round_number + 1, model, means, [len(group) for group in groups])
        if self._name == "mean" or len(groups) == 1:
            sizes = np.array([len(group) for group in groups], np.float64)
            return np.asarray(model + sizes @ means / sizes.sum())
        if self._name == "median":
            return model + geometric_median(means)
        return model + self._history.agree(means, groups)

    def remember(self, state: CoordinatorState) -> None:
        """Write into `state` what is to outlive a crash."""
        state.agreements, state.seen = as_bytes(self._history.agreements), as_bytes(self._history.seen)
