"""What owners train: a softmax regression or a network of one hidden layer (ReLU), in numpy, as one row of numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sheaf.actions.train.plan import Plan
from sheaf.domain.errors import RecordError
from sheaf.formats.records import read

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[np.float64]


class Learner:
    """The model of a plan, on one table: shapes (n, features) and (n,) of whole classes from 0."""

    def __init__(
        self, plan: Plan, features: Array, labels: NDArray[np.int_], people: list[str] | None = None
    ) -> None:
        """Raises RecordError for records that do not fit the plan."""
        if (
            features.ndim != 2
            or features.shape[1] != plan.features
            or len(features) != len(labels)
            or not len(labels)
        ):
            raise RecordError(
                "records", features.shape, f"give one record or more of {plan.features} features each"
            )
        if not np.isfinite(features).all():
            raise RecordError("features", "not finite", "give finite numbers, none absent")
        if labels.min() < 0 or labels.max() >= plan.classes:
            raise RecordError(
                "label", f"{labels.min()} to {labels.max()}", f"give classes 0 to {plan.classes - 1}"
            )
        self.plan = plan
        self._inputs = np.c_[features / plan.scale, np.ones(len(features))]
        self._labels = labels
        self.people = people

    def of(self, people: Collection[str]) -> Learner:
        """Return a learner of these people's records alone."""
        held = set(people)
        kept = [place for place, one in enumerate(self.people or ()) if one in held]
        names = [one for one in self.people or () if one in held]
        chosen = copy.copy(self)
        chosen._inputs, chosen._labels, chosen.people = self._inputs[kept], self._labels[kept], names
        return chosen

    def change(self, model: Array) -> Array:
        """Return what local steps of gradient descent change of `model`, shape (length,); not finite where they run away."""
        trained = model.copy()
        with np.errstate(all="ignore"):
            for _ in range(self.plan.local_steps):
                trained -= self.plan.rate * self._gradient(trained)
            return np.asarray(trained - model)

    def noisy_change(self, model: Array, clip: float, noise: float, draw: Callable[[int], Array]) -> Array:
        """Return what as many steps change with each record's gradient shortened to length `clip`, and noise in every step.

        `draw(n)` gives n standard normal numbers, of which `noise` · `clip` times as much is added to the sum of the gradients. A record
        whose gradient is no finite number adds nothing, so that none shows by failing. How many records there are is taken as known.
        (DP-SGD, Abadi and others 2016, arXiv:1607.00133, with all records in every step.)
        """
        trained, count = model.copy(), len(self._labels)
        with np.errstate(all="ignore"):
            for _ in range(self.plan.local_steps):
                total = count * self._gradient(trained, clip) + noise * clip * draw(len(model))
                trained -= self.plan.rate / count * total
            return np.asarray(trained - model)

    def accuracy(self, model: Array) -> float:
        """Return the share of records whose class the model finds."""
        return float((self._forward(model)[1].argmax(axis=1) == self._labels).mean())

    def loss(self, model: Array) -> float:
        """Return the mean of the cross-entropy, in nats, of each record at most 100."""
        chances = _softmax(self._forward(model)[1])[np.arange(len(self._labels)), self._labels]
        return float(-np.log(np.maximum(chances, np.exp(-100))).mean())

    def _parts(self, model: Array) -> tuple[Array | None, Array]:
        plan = self.plan
        if not plan.hidden:
            return None, model.reshape(plan.features + 1, plan.classes)
        border = (plan.features + 1) * plan.hidden
        return model[:border].reshape(-1, plan.hidden), model[border:].reshape(plan.hidden + 1, plan.classes)

    def _forward(self, model: Array) -> tuple[Array, Array]:
        first, last = self._parts(model)
        inner = self._inputs
        if first is not None:
            inner = np.c_[np.maximum(self._inputs @ first, 0), np.ones(len(self._inputs))]
        return inner, inner @ last

    def _gradient(self, model: Array, clip: float | None = None) -> Array:
        """Return the mean gradient, shape (length,); with `clip` each record's is first shortened to that length."""
        inner, scores = self._forward(model)
        wrong = _softmax(scores)
        wrong[np.arange(len(wrong)), self._labels] -= 1
        first, last = self._parts(model)
        back = None if first is None else (wrong @ last[:-1].T) * (inner[:, :-1] > 0)
        if clip is not None:
            inner = _shorten(clip, (inner, wrong), (self._inputs, back))
        wrong /= len(wrong)
        of_last = inner.T @ wrong
        if back is None:
            return np.asarray(of_last).ravel()
        back /= len(back)
        return np.concatenate([(self._inputs.T @ back).ravel(), of_last.ravel()])


def _shorten(clip: float, last: tuple[Array, Array], first: tuple[Array, Array | None]) -> Array:
    """Shorten each record's gradient to length `clip`, changing its errors in place; return what goes into the last layer.

    A layer's gradient for one record is what goes in times what comes back, so its length is the product of their lengths, and no
    gradient needs to be made for a record alone (Goodfellow 2015, arXiv:1510.01799).
    """
    inner, wrong = last
    inputs, back = first
    squares = (inner**2).sum(axis=1) * (wrong**2).sum(axis=1)
    if back is not None:
        squares += (inputs**2).sum(axis=1) * (back**2).sum(axis=1)
    is_lost = ~np.isfinite(squares)
    factors = np.where(is_lost, 0.0, np.minimum(1.0, clip / np.sqrt(np.maximum(squares, 1e-300))))[:, None]
    for errors in (wrong, back):
        if errors is not None:
            errors *= factors
            errors[is_lost] = 0.0
    return np.where(is_lost[:, None], 0.0, inner)


def first_model(plan: Plan) -> Array:
    """Return the model that training starts from, the same for everyone: zeros, or small numbers drawn by the plan's hash."""
    if not plan.hidden:
        return np.zeros(plan.length)
    random = np.random.default_rng(int.from_bytes(plan.session[:8], "big"))
    border = (plan.features + 1) * plan.hidden
    return np.concatenate(
        [
            random.normal(0, (2 / plan.features) ** 0.5, border),
            random.normal(0, (2 / plan.hidden) ** 0.5, plan.length - border),
        ]
    )


def read_learner(plan: Plan, path: Path | str, person: str | None = None) -> Learner:
    """Read records: the plan's label column, all others features in the order of their names. Raises RecordError.

    With `person`, the column that tells people apart, the first record of each is taken, and those that name nobody are not.
    """
    table, people = read(path), None
    if person is not None:
        table, people = _first_of_each(table, person)
    if plan.label not in table.column_names:
        raise RecordError("label", plan.label, f"name one of {', '.join(table.column_names[:20])}")
    names = sorted(name for name in table.column_names if name != plan.label)
    try:
        features = np.column_stack([table.column(name).to_numpy().astype(np.float64) for name in names])
        labels = table.column(plan.label).to_numpy().astype(np.float64)
    except (ValueError, TypeError):
        raise RecordError("records", path, "give numbers in every column") from None
    if not np.isfinite(labels).all() or (labels != np.rint(labels)).any():
        raise RecordError("label", plan.label, "give whole classes from 0")
    return Learner(plan, features, labels.astype(np.int_), people)


def _first_of_each(table: pa.Table, person: str) -> tuple[pa.Table, list[str]]:
    """Return the first record of each person without the column that names it, and the names."""
    if person not in table.column_names:
        raise RecordError("person", person, f"name one of {', '.join(table.column_names[:20])}")
    places: dict[str, int] = {}
    for place, name in enumerate(table.column(person).to_pylist()):
        if name is not None:
            places.setdefault(str(name), place)
    return table.take(list(places.values())).drop_columns([person]), list(places)


def _softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
