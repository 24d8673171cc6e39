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
        own = np.flatnonzero(members[self._owner])
        labels = self._records.labels[own]
        kinds = np.unique(labels)
        if len(kinds) < 2:
            answer = (
                np.full(self._classes, 1.0 / self._classes)
                if not len(kinds)
                else _only(kinds[0], self._classes)
            )
            return self._measured(np.broadcast_to(answer, (len(self._task), self._classes)))
        model = self._build()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # small coalitions do not converge; that is what they are worth
            model.fit(self._records.features[own], labels)
            if self._measure == "accuracy":
                answer = model.predict(self._task.features)
                return float((np.asarray(answer) == self._task.labels).mean())
            chance = np.zeros((len(self._task), self._classes))
            chance[:, model.classes_] = model.predict_proba(self._task.features)
        return self._measured(chance)

    def _measured(self, chance: Floats) -> float:
        right = chance[np.arange(len(self._task)), self._task.labels]
        if self._measure == "likelihood":
            worth = float(np.log(right * (1.0 - FLOOR) + FLOOR / self._classes).mean())
        else:
            worth = float(right.mean())
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


def _only(kind: int, classes: int) -> Floats:
    answer = np.zeros(classes)
    answer[kind] = 1.0
    return answer
