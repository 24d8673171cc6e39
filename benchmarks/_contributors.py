"""Contributors of mixed quality for the benchmark of values: who they are, and the truth that their pay is held against.

A set's records are shuffled by the seed: up to 400 (at most half) go to ten contributors of uneven size (Dirichlet, 3),
the rest in two halves to the buyer's task, which pay may see, and to a test, which only the truth sees. Four contributors
are clean, three mislabel 20, 40 and 80 % of their records, one adds noise of 1.5 deviations to the features, one has but
a third of the classes, one has six records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.valuation.examples import Examples
from sheaf.valuation.semivalues import exact
from sheaf.valuation.utility import Flags, Floats, Integers

KINDS = ("clean", "clean", "clean", "clean", ".2", ".4", ".8", "noise", "biased", "small")
MOST, SMALL, NOISE = 400, 6, 1.5


@dataclass(frozen=True)
class Offer:
    """What contributors gave (`owner` numbers them by KINDS), the buyer's task, and the test that nobody is paid by."""

    records: Examples
    owner: Integers
    task: Examples
    test: Examples


def sets(data: Path | None) -> dict[str, Examples]:
    """Return scikit-learn's cancer and digits, or each file of `data` that has a column `label` and numbers."""
    if data is not None:
        return {
            path.stem: _read(path) for path in sorted(data.iterdir()) if path.suffix in (".csv", ".parquet")
        }
    from sklearn.datasets import load_breast_cancer, load_digits

    found = {}
    for name, load in (("cancer", load_breast_cancer), ("digits", load_digits)):
        features, labels = load(return_X_y=True)
        found[name] = Examples(features, labels)
    return found


def _read(path: Path) -> Examples:
    from sheaf.formats.records import Limits, read

    table: Any = read(path, limits=Limits(max_records=1_000_000))
    labels = np.unique(table.column("label").to_numpy(), return_inverse=True)[1]
    columns = [table.column(name).to_numpy() for name in table.column_names if name != "label"]
    return Examples(np.stack(columns, axis=1).astype(np.float64), labels)


def offered(whole: Examples, seed: int, *, by_column: bool) -> Offer:
    """Draw contributors, task and test; features are scaled by the task alone, column by column or as one block."""
    generator = np.random.default_rng([seed, 11])
    mixed = whole.take(generator.permutation(len(whole)))
    given = min(MOST, len(whole) // 2)
    held = (len(whole) - given) // 2
    task = mixed.features[given : given + held]
    spread = task.std(axis=0) if by_column else task.std()
    scaled = Examples((mixed.features - task.mean(axis=0)) / np.where(spread > 0, spread, 1.0), mixed.labels)
    rows = np.arange(len(whole))
    records, owner = _spoiled(scaled.take(rows[:given]), generator)
    return Offer(records, owner, scaled.take(rows[given : given + held]), scaled.take(rows[given + held :]))


def _spoiled(records: Examples, generator: np.random.Generator) -> tuple[Examples, Integers]:
    count, classes = len(KINDS), int(records.labels.max()) + 1
    sizes = np.maximum(SMALL, (generator.dirichlet(np.full(count, 3.0)) * len(records)).astype(int))
    owner = np.repeat(np.arange(count), sizes)[: len(records)]
    records = records.take(np.arange(len(owner)))
    features, labels, is_kept = records.features, records.labels, np.ones(len(owner), dtype=np.bool_)
    for player, kind in enumerate(KINDS):
        own = np.flatnonzero(owner == player)
        if kind.startswith("."):
            wrong = own[generator.random(len(own)) < float(kind)]
            labels[wrong] = (labels[wrong] + generator.integers(1, classes, len(wrong))) % classes
        elif kind == "noise":
            features[own] += generator.normal(0, NOISE, features[own].shape) * features.std()
        elif kind == "biased":
            few = generator.choice(classes, max(1, classes // 3), replace=False)
            is_kept[own[~np.isin(labels[own], few)]] = False
        elif kind == "small":
            is_kept[own[SMALL:]] = False
    numbers = np.unique(owner[is_kept], return_inverse=True)[1]
    return records.take(np.flatnonzero(is_kept)), numbers.astype(np.int64)


class Table:
    """The worth of all coalitions, looked up: `worth[b]` for the coalition whose players are the bits of b."""

    def __init__(self, worth: Floats) -> None:
        self._worth, self.players = worth, len(worth).bit_length() - 1

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each coalition."""
        found: Floats = self._worth[coalitions @ (1 << np.arange(self.players))]
        return found


def logistic_values(offer: Offer) -> tuple[Floats, Floats]:
    """Return exact Shapley values for the accuracy of a logistic regression: on the task, and on the test."""
    from sheaf.valuation.learners import logistic

    both = Examples(
        np.vstack([offer.task.features, offer.test.features]), np.append(offer.task.labels, offer.test.labels)
    )
    n, held = int(offer.owner.max()) + 1, len(offer.task)
    model = logistic(offer.records, offer.owner, both)
    members = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.bool_)
    classes = int(max(offer.records.labels.max(), both.labels.max())) + 1
    task, test = np.zeros(2**n), np.zeros(2**n)
    for number, row in enumerate(members):
        answer = model.answers(row)
        right = np.full(len(both), 1.0 / classes) if answer is None else (answer == both.labels)
        task[number], test[number] = right[:held].mean(), right[held:].mean()
    return exact(Table(task)).values, exact(Table(test)).values


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the rank correlation, equal values sharing their rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[Any]) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    mean: Floats = (count.cumsum() - (count - 1) / 2.0)[place]
    return mean
