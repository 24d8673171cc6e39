"""Every method: known games, and what must not change its answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import RecordError
from sheaf.verification.aggregation import METHODS, Labels, Truth, infer
from sheaf.verification.aggregation.dawid_skene import matrices
from tests.unit.verification.aggregation.crowd import drawn, labels_of, made

ALL = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
seeds = st.integers(0, 10_000)


def shuffled(count: int, seed: int) -> np.ndarray:
    return np.argsort(drawn(count, seed, 2**40), kind="stable")


@ALL
@given(seeds)
def test_the_order_of_rows_changes_nothing(method: Callable[[Labels], Truth], seed: int) -> None:
    """Rows in any order give the same bits."""
    item, worker, label, _ = made(seed, items=30)
    order = shuffled(len(item), seed)
    one, other = (
        method(Labels.of(item, worker, label)),
        method(Labels.of(item[order], worker[order], label[order])),
    )
    assert (one.posterior == other.posterior).all() and (one.skill == other.skill).all()


@ALL
@given(seeds)
def test_names_of_workers_items_and_classes_change_nothing(
    method: Callable[[Labels], Truth], seed: int
) -> None:
    """Other numbers for workers, items and classes give the same bits under their new numbers."""
    item, worker, label, truth = made(seed, items=30)
    items, workers, classes = (shuffled(n, seed + i) for i, n in enumerate((30, 15, 3)))
    known = {i: int(truth[i]) for i in range(6)}
    renamed = {int(items[i]): int(classes[answer]) for i, answer in known.items()}
    one = method(Labels.of(item, worker, label, known, classes=3))
    other = method(Labels.of(items[item], workers[worker], classes[label], renamed, classes=3))
    assert (one.posterior == other.posterior[items][:, classes]).all()
    assert (one.skill[worker] == other.skill[workers[worker]]).all()


@ALL
def test_gold_is_certain(method: Callable[[Labels], Truth]) -> None:
    """An item with a known answer has that answer for certain."""
    labels, truth = labels_of(1, gold=10)
    found = method(labels)
    assert (found.label[:10] == truth[:10]).all() and (found.confidence[:10] == 1.0).all()


@ALL
def test_workers_who_agree_are_believed(method: Callable[[Labels], Truth]) -> None:
    """Where all say the same, that is the answer."""
    item, worker = np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20)
    label = drawn(20, 3, 3)[item]
    assert (method(Labels.of(item, worker, label)).label == drawn(20, 3, 3)).all()


@pytest.mark.parametrize("name", ["dawid_skene", "glad", "mace", "minimax", "ensemble"])
def test_skill_decides_against_the_majority(name: str) -> None:
    """Two good workers against three who guess: majority vote loses what the model finds, and its skills rank the workers."""
    items = 400
    truth = drawn(items, 8, 2)
    good = [np.where(drawn(items, 10 + w, 100) < 95, truth, 1 - truth) for w in range(2)]
    guesses = [drawn(items, 20 + w, 2) for w in range(3)]
    labels = Labels.of(
        np.tile(np.arange(items), 5), np.repeat(np.arange(5), items), np.concatenate(good + guesses)
    )
    found = METHODS[name](labels)
    plain = METHODS["majority"](labels)
    assert (found.label == truth).mean() > 0.92 > 0.88 > (plain.label == truth).mean()
    assert found.skill[:2].min() > 0.9 > 0.65 > found.skill[2:].max()


def test_dawid_skene_finds_the_matrices() -> None:
    """From 60,000 labels of workers with known matrices each entry is found within .03."""
    items, workers = 4_000, 15
    truth = drawn(items, 1, 2)
    right = np.array([[60 + 2 * w, 95 - 2 * w] for w in range(workers)])
    item, worker = np.repeat(np.arange(items), workers), np.tile(np.arange(workers), items)
    label = np.where(drawn(len(item), 2, 100) < right[worker, truth[item]], truth[item], 1 - truth[item])
    labels = Labels.of(item, worker, label)
    found = matrices(labels, METHODS["dawid_skene"](labels).posterior)
    assert np.abs(np.diagonal(found, axis1=1, axis2=2) - right / 100).max() < 0.03


def test_the_ensemble_is_no_worse_than_majority_on_made_crowds() -> None:
    """Over ten crowds from the model the ensemble answers more items rightly than majority vote."""
    right = []
    for seed in range(10):
        labels, truth = labels_of(seed, items=600, workers=20)
        right.append([(METHODS[name](labels).label == truth).mean() for name in ("majority", "ensemble")])
    majority, ensemble = np.mean(right, axis=0)
    assert ensemble > majority + 0.005


@pytest.mark.parametrize(
    ("item", "worker", "label", "gold", "message"),
    [
        (drawn(0, 1, 2), drawn(0, 1, 2), drawn(0, 1, 2), {}, "labels: 0"),
        ([0], [0, 1], [0], {}, "worker: "),
        ([0.5], [0], [0], {}, "item: float64"),
        ([0], [-1], [0], {}, "worker: -1"),
        ([0], [0], [5_000], {}, "label: 5000"),
        ([2**40], [0], [0], {}, "labels: 1099511627777 items"),
        ([0], [0], [0], {3: 0}, "gold: item 3"),
        ([0], [0], [0], {0: -1}, "gold: item 0"),
    ],
)
def test_bad_labels_are_refused(
    item: list[int], worker: list[int], label: list[int], gold: dict[int, int], message: str
) -> None:
    """What is no labels is refused in one line that names the column and the value."""
    with pytest.raises(RecordError, match=message):
        Labels.of(np.array(item), np.array(worker), np.array(label), gold)


def test_one_label_is_enough_to_run() -> None:
    """A single label by a single worker is answered with itself, without division by zero."""
    for gold in ({}, {0: 1}):
        found = infer(Labels.of(np.array([0]), np.array([0]), np.array([1]), gold))
        assert found.truth.label.tolist() == [1] and np.isfinite(found.spammer).all()


def test_gaps_in_numbers_do_no_harm() -> None:
    """Items and workers that never occur change nothing for those that do."""
    item, worker, label, _ = made(4)
    dense, wide = (METHODS["ensemble"](Labels.of(item * k, worker * k, label)) for k in (1, 3))
    assert (wide.posterior[::3].argmax(axis=1) == dense.label).mean() > 0.98
