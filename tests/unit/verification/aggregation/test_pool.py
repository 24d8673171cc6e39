"""The pool of methods, items that mislead, and what makes a spammer."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pytest

from sheaf.verification.aggregation import METHODS, Labels, infer
from sheaf.verification.aggregation import workers as rating
from sheaf.verification.aggregation.ensemble import members, mixed, pool
from sheaf.verification.aggregation.labels import MAX_CELLS, Truth
from tests.unit.verification.aggregation.crowd import drawn, labels_of


def misleading(seed: int) -> tuple[Labels, np.ndarray]:
    """Twelve workers right at .9 on 300 items; a fifth of the items looks to most of them like another class."""
    items, workers = 300, 12
    truth = drawn(items, seed, 3)
    item, worker = np.repeat(np.arange(items), workers), np.tile(np.arange(workers), items)
    looks = np.where(item % 5 == 0, (truth[item] + 1) % 3, truth[item])
    is_expert = worker < 3
    seen = np.where(is_expert, truth[item], looks)
    noise = drawn(len(item), seed + 1, 100)
    label = np.where(noise < 90, seen, drawn(len(item), seed + 2, 3))
    return Labels.of(item, worker, label), truth


def test_items_that_mislead_are_doubted() -> None:
    """Where most workers are misled by an item the posterior is less sure of it than Dawid and Skene's, who count them as witnesses."""
    labels, truth = misleading(3)
    found = {name: METHODS[name](labels) for name in ("dawid_skene", "minimax")}
    wrong = {name: one.confidence[one.label != truth].mean() for name, one in found.items()}
    assert wrong["minimax"] < wrong["dawid_skene"]


def test_equal_posteriors_pool_to_themselves() -> None:
    """Without gold the pool of one and the same posterior is that posterior, within the least chance that is heard."""
    chance = np.array([[0.7, 0.3], [0.4, 0.6]])
    labels = Labels.of(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]))
    truths = [Truth(chance, np.array([0.5]))] * 3
    assert mixed(pool(labels, truths), truths).posterior == pytest.approx(chance, abs=1e-6)


def test_gold_mends_a_class_called_too_seldom() -> None:
    """If all methods call every second item of class 1 a 0, gold shifts the constants towards class 1; weights stay positive."""
    items = 200
    truth = np.tile([0, 0, 1, 1], 50)
    chance = np.where(truth == 0, 0.9, np.where(np.arange(items) % 2 == 0, 0.6, 0.2))
    posterior = np.stack([chance, 1.0 - chance], axis=1)
    labels = Labels.of(
        np.arange(items), np.zeros(items, dtype=np.int64), truth, {i: int(truth[i]) for i in range(80)}
    )
    truths = [Truth(posterior, np.array([0.5]))] * 2
    how = pool(labels, truths)
    assert (
        how.constant[1] > 0.2
        and how.constant.sum() == pytest.approx(0.0, abs=1e-3)
        and how.weight.min() > 0.0
    )
    before, after = mixed(pool(labels.blind, truths), truths), mixed(how, truths)
    assert (before.label == truth).mean() == 0.75 and (after.label == truth).mean() == 1.0


def test_a_method_that_gold_contradicts_weighs_less() -> None:
    """Of two methods, one right on all gold and one wrong on all, the first gets the larger weight."""
    items = 120
    truth = drawn(items, 6, 2)
    good = np.where(np.arange(2) == truth[:, None], 0.9, 0.1)
    labels = Labels.of(
        np.arange(items), np.zeros(items, dtype=np.int64), truth, {i: int(truth[i]) for i in range(60)}
    )
    how = pool(labels, [Truth(good, np.array([0.9])), Truth(1.0 - good, np.array([0.1]))])
    assert how.weight[0] > 0.55 > 0.45 > how.weight[1]


def test_large_sets_are_left_to_the_matrices_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a matrix for every item is too much, Dawid and Skene's methods take the place of minimax entropy."""
    labels, truth = labels_of(2, items=200)
    assert list(members(labels)) == ["glad", "minimax", "minimax_flat"]
    monkeypatch.setattr(importlib.import_module("sheaf.verification.aggregation.minimax"), "MAX_CELLS", 100)
    assert list(members(labels)) == ["glad", "dawid_skene", "dawid_skene_flat"]
    assert (METHODS["ensemble"](labels).label == truth).mean() > 0.7
    assert MAX_CELLS > 100


def drawings(counts: list[int], prior: list[float]) -> float:
    """The chance of one sequence with these counts, label by label (Pólya's urn)."""
    logarithm, weight = 0.0, list(prior)
    for which in itertools.chain.from_iterable([k] * count for k, count in enumerate(counts)):
        logarithm += math.log(weight[which] / sum(weight))
        weight[which] += 1.0
    return logarithm


@pytest.mark.parametrize("counts", [[0, 0, 0], [1, 0, 2], [7, 0, 0], [3, 4, 5]])
def test_spammers_who_repeat_themselves_are_polyas_urn(counts: list[int]) -> None:
    """The likelihood of counts under a Dirichlet distribution is that of drawing from Pólya's urn."""
    prior = [0.05, 0.3, 2.0]
    found = rating._drawn(np.array([counts], dtype=np.float64), np.array(prior))
    assert found[0] == pytest.approx(drawings(counts, prior), abs=1e-5)


def rated(kind: str, labels_each: int) -> np.ndarray:
    """Twenty workers right at .85 and, last, one of `kind`; return all scores, the truth being known."""
    items, count = 400, 21
    truth = drawn(items, 1, 2)
    item = np.concatenate(
        [np.argsort(drawn(items, 10_000 * (50 + w), 2**30))[:labels_each] for w in range(count)]
    )
    worker = np.repeat(np.arange(count), labels_each)
    right = drawn(len(item), 30_000, 100) < 85
    label = np.where(right, truth[item], 1 - truth[item])
    any_, half = drawn(len(item), 40_000, 2), drawn(len(item), 60_000, 2) == 0
    answers = {
        "random": any_,
        "constant": np.ones_like(any_),
        "camouflage": np.where(half, truth[item], any_),
        "misleading": 1 - truth[item],
    }[kind]
    label = np.where(worker == count - 1, answers, label)
    labels = Labels.of(item, worker, label)
    posterior = np.zeros((labels.items, 2))
    posterior[np.arange(labels.items), truth[: labels.items]] = 1.0
    return rating.spammer_scores(labels, posterior)


@pytest.mark.parametrize("kind", ["random", "constant", "camouflage", "misleading"])
def test_each_kind_of_spammer_stands_out(kind: str) -> None:
    """With 300 labels each, one spammer of any kind has the largest score, and no other worker is above ½."""
    score = rated(kind, 300)
    assert score.argmax() == 20 and score[20] > 0.5 > score[:20].max()


def test_few_labels_say_little() -> None:
    """A random worker with 4 labels has a score nearer to ½ than one with 200; scores stay between 0 and 1."""
    few, many = rated("random", 4), rated("random", 200)
    assert abs(few[20] - 0.5) < abs(many[20] - 0.5)
    assert min(few.min(), many.min()) >= 0.0 and max(few.max(), many.max()) <= 1.0


def test_who_repeats_a_ring_stands_out_and_who_only_stands_beside_it_does_not() -> None:
    """Of four in a ring three repeat each other, right as often as anybody; the fourth answers for itself and stays below them."""
    labels, truth = labels_of(4, items=200, workers=12, classes=3, each=6)
    said = np.where(drawn(200, 70, 100) < 85, truth, drawn(200, 71, 3))
    item = np.concatenate([labels.item, np.tile(np.arange(200), 3)])
    worker = np.concatenate([labels.worker, np.repeat([12, 13, 14], 200)])
    found = Labels.of(item, worker, np.concatenate([labels.label, np.tile(said, 3)]))
    posterior = np.eye(3)[truth]
    alone = rating.spammer_scores(found, posterior)
    apart = int(alone[:12].argmin())
    ring = np.where((np.arange(15) >= 12) | (np.arange(15) == apart), 0, -1)
    beside = rating.spammer_scores(found, posterior, ring)
    assert alone[12:].max() < 0.5 < 0.95 < beside[12:].min()
    assert beside[apart] < 0.5


def test_many_who_repeat_themselves_do_not_win() -> None:
    """Two in five say always 1: by themselves Dawid and Skene believe them, the whole way leaves them out and loses less than a point."""
    labels, truth = labels_of(6, gold=10, items=300, workers=30, classes=2, each=5)
    mute = np.arange(30, 50)
    item = np.concatenate([labels.item, np.tile(np.arange(300), 20)])
    worker = np.concatenate([labels.worker, np.repeat(mute, 300)])
    label = np.concatenate([labels.label, np.ones(300 * 20, dtype=np.int64)])
    gold = {int(i): int(truth[i]) for i in labels.known}
    attacked = Labels.of(item, worker, label, gold)
    clean = (infer(labels).truth.label == truth).mean()
    assert (METHODS["dawid_skene"](attacked.blind).label == truth).mean() < clean - 0.1
    assert (infer(attacked).truth.label == truth).mean() > clean - 0.01


def test_an_item_of_spammers_alone_keeps_its_labels() -> None:
    """Who is left out leaves no item without any label."""
    labels, _ = labels_of(7, items=120, workers=10, classes=2, each=4)
    item = np.concatenate([labels.item, np.arange(121), np.arange(121)])
    worker = np.concatenate([labels.worker, np.full(121, 10), np.full(121, 11)])
    label = np.concatenate([labels.label, np.zeros(121, dtype=np.int64), np.ones(121, dtype=np.int64)])
    found = Labels.of(item, worker, label)
    left = rating.sifted(found, found)
    assert len(left) == len(labels) + 2 and left.votes[120].sum() == 2


def test_who_gave_no_label_is_undecided() -> None:
    """A worker without labels scores ½."""
    found = infer(Labels.of(np.array([0, 1, 2]), np.array([0, 2, 0]), np.array([1, 0, 1])))
    assert found.spammer[1] == pytest.approx(0.5, abs=1e-3)
