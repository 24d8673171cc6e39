"""A training job: what is learnt from which fields, what it costs, and the weights under a budget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.domain.errors import InputError
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job, Ledger
from sheaf.privacy.statistics.answer import Charge
from sheaf.privacy.statistics.columns import Column, Population, conform
from sheaf.privacy.statistics.plan import bounds
from sheaf.privacy.training.descent import Recipe, noise_for, train
from sheaf.privacy.training.models import Model, Weights

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Training:
    """Learn the categories of `label` from `features`: of the kind of model `kind`, by `recipe`, for (ε, δ) by itself.

    Numbers are scaled by their declared bounds to -1 to 1, categories are one number each, null is the middle. One record of each
    person is learnt from, its first.
    """

    population: Population
    features: tuple[str, ...]
    label: str
    epsilon: float
    delta: float
    recipe: Recipe = field(default_factory=Recipe)
    kind: str = "logistic"
    hidden: int = 32

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) != len(self.features) or self.label in self.features:
            raise InputError("features", list(self.features), "name fields, each once, without the label")
        if self.kind == "cnn":
            raise InputError("model", self.kind, "declare logistic or mlp for tables: cnn learns from images")
        if len(self.population.column(self.label).categories) < 2:
            raise InputError("label", self.label, "declare its categories: give it an enum in the schema")
        for name in self.features:
            column = self.population.column(name)
            if not column.has_bounds and not column.categories:
                raise InputError(
                    "features", name, "has neither bounds nor categories: declare them in the schema"
                )
        Budget(self.epsilon, self.delta)
        _ = self.model

    @cached_property
    def model(self) -> Model:
        """The model, with as many inputs and classes as the declared fields make."""
        width = sum(_width(self.population.column(name)) for name in self.features)
        classes = len(self.population.column(self.label).categories)
        return Model(self.kind, (width,), classes, self.hidden)  # type: ignore[arg-type]

    @cached_property
    def noise(self) -> float:
        """The noise that makes training (ε, δ), over the length that gradients are clipped to."""
        return noise_for(self.recipe, self.epsilon, self.delta, Budget(self.epsilon, self.delta).order)

    @cached_property
    def loss(self) -> Loss:
        """What training costs, known before any record is read."""
        return self.recipe.loss(self.noise)

    @cached_property
    def fingerprint(self) -> bytes:
        """The digest of all that decides what is learnt: 32 bytes."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()


class Trained(msgspec.Struct, frozen=True):
    """A model that was learnt: `weights` by name as (shape, 32-bit floats, little-endian), and the loss."""

    weights: dict[str, tuple[list[int], bytes]]
    loss: Loss

    def arrays(self) -> Weights:
        """Return the weights as arrays."""
        return {
            name: np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)
            for name, (shape, data) in self.weights.items()
        }


def learn(
    ledger: Ledger, job: str, charge: Charge, training: Training, read: Callable[[], pl.DataFrame]
) -> Trained:
    """Train under a budget: spend, then `read` and train, keep, and only then give the weights out.

    The same job returns the same weights for ever. Raises Refused, reading nothing, where budget is lacking.
    """
    if charge.contributors and training.population.person is None:
        raise InputError(
            "contributors", f"{len(charge.contributors)} accounts", "name the field that tells people apart"
        )
    identity = Job(job, training.fingerprint, charge.buyer)
    grant = ledger.spend(identity, training.loss, [charge.dataset], list(charge.contributors.values()))
    if grant.answer is not None:
        return msgspec.msgpack.decode(grant.answer, type=Trained)
    paid = set(grant.people)
    counted = {person for person, account in charge.contributors.items() if account in paid}
    features, labels = examples(training, read(), counted if charge.contributors else None)
    weights = train(training.model, training.recipe, features, labels, training.noise)
    packed = {name: (list(value.shape), value.astype("<f4").tobytes()) for name, value in weights.items()}
    kept = ledger.keep(job, msgspec.msgpack.encode(Trained(packed, training.loss)))
    return msgspec.msgpack.decode(kept, type=Trained)


def examples(
    training: Training, frame: pl.DataFrame, people: Collection[str] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return features, shape (n, inputs), and labels, shape (n,), of the people in `frame`; who has no known label is left out."""
    import polars as pl

    described = training.population
    frame = conform(frame, described)
    categories = described.column(training.label).categories
    places = {value: place for place, value in enumerate(categories)}
    label = pl.col(training.label).replace_strict(places, default=None, return_dtype=pl.Int64)
    frame = frame.filter(label.is_not_null())
    if described.person is not None:
        frame = frame.filter(pl.col(described.person).is_not_null()).unique(
            described.person, keep="first", maintain_order=True
        )
        if people is not None:
            frame = frame.filter(pl.col(described.person).is_in(list(people)))
    blocks = [_block(described.column(name), frame[name]) for name in training.features]
    return np.hstack(blocks).astype(np.float32), frame.select(label).to_series().to_numpy()


def _block(column: Column, values: pl.Series) -> NDArray[np.float64]:
    import polars as pl

    if not column.has_bounds:
        hot = [
            (values == option).fill_null(False).cast(pl.Float64).to_numpy() for option in column.categories
        ]
        return np.stack(hot, axis=1)
    lower, upper = bounds(column)
    middle = (lower + upper) / 2
    clipped = values.cast(pl.Float64).fill_null(middle).clip(lower, upper).to_numpy()
    scaled: NDArray[np.float64] = ((clipped - middle) / ((upper - lower) / 2))[:, None]
    return scaled


def _width(column: Column) -> int:
    return 1 if column.has_bounds else len(column.categories)
