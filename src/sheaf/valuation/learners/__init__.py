"""Utilities that learn from a coalition's records and are measured on the buyer's task.

`Nearest` and `Linear` give the same bits on every machine; `Model` is any estimator of scikit-learn's form. Players are
the owners of records: give each record an owner of its own to value records.
"""

from __future__ import annotations

from collections.abc import Callable

from sheaf.valuation.examples import Examples
from sheaf.valuation.learners.linear import Linear
from sheaf.valuation.learners.model import Model, logistic
from sheaf.valuation.learners.nearest import Nearest
from sheaf.valuation.utility import Integers, Mean, Utility

__all__ = ["LEARNERS", "Linear", "Model", "Nearest", "logistic", "mixed"]


def mixed(records: Examples, owner: Integers, task: Examples) -> Mean:
    """Return the mean of a linear learner's accuracy and the nearest neighbours' share: for a buyer whose model is not known."""
    return Mean(Linear(records, owner, task), Nearest(records, owner, task, measure="share"))


LEARNERS: dict[str, Callable[[Examples, Integers, Examples], Utility]] = {
    "mixed": mixed,
    "nearest": Nearest,
    "linear": Linear,
    "logistic": logistic,
}
"""Every learner by its name; each takes records, their owners and the task."""
