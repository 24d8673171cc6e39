"""Contributors: value, and what is left for who repeats what was there."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from sheaf.domain.errors import RecordError
from sheaf.valuation.bonus import bonus_shares
from sheaf.valuation.examples import Examples
from sheaf.valuation.learners import LEARNERS, Nearest
from sheaf.valuation.pooling import contributions
from sheaf.valuation.replicas import copies
from sheaf.valuation.semivalues import exact
from sheaf.valuation.stopping import Stopping


def cut(load, each: int, count: int, held: int, seed: int = 0) -> tuple[Examples, np.ndarray, Examples]:
    x, y = load(return_X_y=True)
    mixed = np.random.default_rng(seed).permutation(len(x))
    x, y = (x[mixed] - x.mean(axis=0)) / x.std(axis=0).clip(1e-3), y[mixed]
    own = each * count
    return (
        Examples(x[:own], y[:own]),
        np.repeat(np.arange(count), each),
        Examples(x[own : own + held], y[own : own + held]),
    )


def joined(records: Examples, owner: np.ndarray, more: Examples) -> tuple[Examples, np.ndarray]:
    features = np.vstack([records.features, more.features])
    return (
        Examples(features, np.append(records.labels, more.labels)),
        np.append(owner, np.full(len(more), owner.max() + 1)),
    )


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
@pytest.mark.parametrize("jitter", [0.0, 1e-6, 0.02, 0.2])
def test_a_replica_earns_next_to_nothing(load, jitter: float) -> None:
    """Exact or with noise of up to a fifth of a deviation, a replica gets at most 10 % of its original, who loses nothing."""
    records, owner, task = cut(load, 40, 4, 150)
    original = records.take(np.flatnonzero(owner == 1))
    noise = np.random.default_rng(5).normal(0, jitter, original.features.shape)
    copied = Examples(original.features + noise, original.labels)
    both, owners = joined(records, owner, copied)
    alone, found = contributions(records, owner, task, Nearest), contributions(both, owners, task, Nearest)
    pay = bonus_shares(found.values, 10_000)
    assert pay[4] <= 0.1 * pay[1] and pay[1] > 0
    assert found.values[1] >= 0.9 * alone.values[1]
    assert (found.found.source[owners == 4] == 1).mean() > 0.9


def test_half_a_replica_is_paid_for_its_own_half() -> None:
    """Who adds twenty records of its own to twenty copied ones earns half of what the twenty alone would: one discount, told apart."""
    records, owner, task = cut(load_digits, 40, 4, 150)
    own = owner == 3
    half = records.features.copy()
    labels = records.labels.copy()
    half[np.flatnonzero(own)[:20]], labels[np.flatnonzero(own)[:20]] = half[:20], labels[:20]
    found = contributions(Examples(half, labels), owner, task, Nearest)
    kept = np.ones(160, dtype=np.bool_)
    kept[np.flatnonzero(own)[:20]] = False
    alone = contributions(records.take(np.flatnonzero(kept)), owner[kept], task, Nearest)
    assert found.found.is_copy.sum() == 20 and found.discounts.tolist() == [1, 1, 1, 0.5]
    assert found.values.tolist() == [*alone.values[:3].tolist(), alone.values[3] / 2]


def test_honest_contributors_are_not_taken_for_copies() -> None:
    """Over ten divisions of two real sets no honest contributor loses more than a record in fifty."""
    for load in (load_breast_cancer, load_digits):
        for seed in range(10):
            records, owner, task = cut(load, 30, 8, 150, seed)
            assert copies(records, owner, task).is_copy.mean() <= 0.02


def test_coarse_tables_have_equal_rows_by_nature() -> None:
    """Where records take few values, equal features with another label are no copies, and chance is learnt from the task."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 3, (300, 3)) + generator.normal(0, 0.01, (300, 3))
    y = generator.integers(0, 2, 300)
    records, task = Examples(x[:200], y[:200]), Examples(x[200:], y[200:])
    found = copies(records, np.repeat(np.arange(5), 40), task)
    assert not found.is_copy.any() and (found.source[:40] == -1).all()


def test_who_only_copies_is_a_dummy() -> None:
    """All of its records copies: value and error 0, its records 0, and the others are as without it."""
    records, owner, task = cut(load_digits, 25, 3, 100)
    both, owners = joined(records, owner, records.take(np.arange(25)))
    found = contributions(both, owners, task, Nearest)
    alone = contributions(records, owner, task, Nearest)
    assert found.values.tolist() == [*alone.values.tolist(), 0.0] and found.errors[3] == found.pooled[3] == 0
    assert not found.record_values[75:].any() and found.found.is_copy.tolist() == [False] * 75 + [True] * 25


def test_few_are_enumerated_and_many_drawn() -> None:
    """Twelve contributors are enumerated; with more, drawn values lie within five standard errors of enumeration."""
    records, owner, task = cut(load_breast_cancer, 8, 13, 12)
    few = contributions(records.take(np.arange(96)), owner[:96], task, Nearest)
    many = contributions(records, owner, task, Nearest, Stopping(rounds=64))
    known = exact(Nearest(records, owner, task)).values
    assert few.valuation.rounds == 0 and not few.errors.any() and many.valuation.rounds == 64
    assert (np.abs(many.values - known) <= 5 * many.errors).all() and many.errors.max() < 0.1


def test_values_are_recorded() -> None:
    """The exact learners give these bytes on every machine: money hangs on them."""
    row = np.arange(240)
    features = np.stack([row * 37 % 101 / 8, row * 61 % 89 / 4, row % 7 / 3, row * row % 31], axis=1)
    records, task = Examples(features[::2], row[::2] * 7 % 3), Examples(features[1::2], row[1::2] * 7 % 3)
    for name, bytes_ in (
        ("mixed", "4ed08163b3fd16b4"),
        ("nearest", "153ce1a144bb14e8"),
        ("linear", "cdaaacd264c48a01"),
    ):
        found = contributions(records, np.arange(120) % 6, task, LEARNERS[name])
        digest = hashlib.sha256(found.values.tobytes() + found.pooled.tobytes()).hexdigest()[:16]
        assert digest == bytes_, name


def test_nothing_to_value_is_refused() -> None:
    """No task, no records, other features."""
    records, owner, task = cut(load_digits, 5, 2, 10)
    with pytest.raises(RecordError, match="task: none"):
        contributions(records, owner, task.take(np.array([], dtype=int)))
    with pytest.raises(RecordError, match="task: 64 and 3 features"):
        copies(records, owner, Examples(task.features[:, :3], task.labels))
