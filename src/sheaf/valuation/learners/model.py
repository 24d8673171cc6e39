"""Any estimator of scikit-learn's form as a utility. Its numbers are the library's, not the same bits on every machine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.utility import Cached, Flags, Floats, Integers, numbered

Measure = Literal["accuracy", "likelihood"]

FLOOR = 0.01
"""The share of a uniform guess that is mixed into stated chances, so that one certain error is not worth minus infinity."""


class Model:
    """The worth of owners whose records an estimator from `build()` is fitted on; each coalition is fitted once and remembered.

    `accuracy`: the share of right labels. `likelihood`: the mean log chance of the right label, for estimators with `predict_proba`.
    The empty set guesses among all classes; a set of one class always answers it. Give `build` a fixed seed: the same coalition must
    have one worth.
    """

    def __init__(
        self,
        build: Callable[[], Any],
        records: Examples,
        owner: Integers,
        task: Examples,
        *,
        measure: Measure = "accuracy",
    ) -> None:
        """Raises RecordError where records and task do not match."""
        self._build, self._records, self._task, self._measure = build, records, task, measure
        self._classes = matched(records, task)
        self._owner = numbered(owner, len(records))
        self.players = int(self._owner.max()) + 1
        self._cached = Cached(_Each(self))

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each coalition of owners, shape (m,)."""
        return self._cached(coalitions)

    def worth(self, members: Flags) -> float:
        """Fit on the records of `members`, shape (players,), and measure."""
        if self._measure == "accuracy":
            answer = self.answers(members)
            return 1.0 / self._classes if answer is None else float((answer == self._task.labels).mean())
        return self._likelihood(self._chances(members))

    def answers(self, members: Flags) -> Integers | None:
        """Return the class that the records of `members` give each task record; None without records."""
        own, kinds = self._given(members)
        if len(kinds) < 2:
            return np.full(len(self._task), kinds[0]) if len(kinds) else None
        return np.asarray(self._fitted(own).predict(self._task.features))

    def _chances(self, members: Flags) -> Floats:
        own, kinds = self._given(members)
        if not len(kinds):
            return np.full((len(self._task), self._classes), 1.0 / self._classes)
        chance = np.zeros((len(self._task), self._classes))
        if len(kinds) == 1:
            chance[:, kinds[0]] = 1.0
            return chance
        model = self._fitted(own)
        chance[:, model.classes_] = model.predict_proba(self._task.features)
        return chance

    def _given(self, members: Flags) -> tuple[Integers, Integers]:
        """Return the records of `members`, and which classes they have."""
        own = np.flatnonzero(members[self._owner])
        return own, np.unique(self._records.labels[own])

    def _fitted(self, own: Integers) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # small coalitions do not converge; that is what they are worth
            return self._build().fit(self._records.features[own], self._records.labels[own])

    def _likelihood(self, chance: Floats) -> float:
        right = chance[np.arange(len(self._task)), self._task.labels]
        worth = float(np.log(right * (1.0 - FLOOR) + FLOOR / self._classes).mean())
        if not math.isfinite(worth):
            raise InputError("model", worth, "give an estimator whose chances are finite")
        return worth


class _Each:
    """Coalitions one by one."""

    def __init__(self, model: Model) -> None:
        self._model, self.players = model, model.players

    def __call__(self, coalitions: Flags) -> Floats:
        return np.array([self._model.worth(row) for row in coalitions])


def logistic(records: Examples, owner: Integers, task: Examples) -> Model:
    """Return the accuracy of a logistic regression on scikit-learn's defaults."""
    from sklearn.linear_model import LogisticRegression

    return Model(lambda: LogisticRegression(max_iter=200, tol=1e-3), records, owner, task)
