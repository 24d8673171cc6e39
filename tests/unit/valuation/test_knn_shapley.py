"""KNN-Shapley against brute force, against the game of the nearest-neighbour learner, and against itself in blocks."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sheaf.domain.errors import InputError, RecordError, SheafError
from sheaf.valuation.examples import Examples
from sheaf.valuation.knn_shapley import knn_shapley
from sheaf.valuation.learners import Nearest
from sheaf.valuation.neighbours import Space, blocks, nearest
from sheaf.valuation.semivalues import exact
from sheaf.valuation.utility import Program


def drawn(n: int, seed: int, classes: int = 3, width: int = 2) -> Examples:
    generator = np.random.default_rng(seed)
    return Examples(generator.normal(size=(n, width)), generator.integers(0, classes, n))


def brute(records: Examples, task: Examples, k: int, is_normalised: bool, classes: int) -> Program:
    """The worth of a set of records, written as the papers define it."""
    apart = ((task.features[:, None] - records.features[None]) ** 2).sum(axis=2)

    def worth(who: np.ndarray) -> float:
        if not len(who):
            return 1.0 / classes if is_normalised else 0.0
        few = min(k, len(who))
        near = who[np.argsort(apart[:, who], axis=1, kind="stable")[:, :few]]
        right = (records.labels[near] == task.labels[:, None]).sum(axis=1)
        return float(right.mean() / (few if is_normalised else k))

    return Program(len(records), worth)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 9])
@pytest.mark.parametrize("k", [1, 2, 5, 20])
@pytest.mark.parametrize("is_normalised", [False, True])
def test_values_are_those_of_enumeration(n: int, k: int, is_normalised: bool) -> None:
    """The closed form is the Shapley value of the vote's worth, for k below, at and above the number of records."""
    records, task = drawn(n, n + k), drawn(6, 99)
    classes = int(max(records.labels.max(), task.labels.max())) + 1
    expected = exact(brute(records, task, k, is_normalised, classes)).values
    assert knn_shapley(records, task, k, is_normalised=is_normalised) == pytest.approx(expected, abs=1e-9)


def test_values_are_those_of_the_learner_whose_game_it_is() -> None:
    """Each record its own owner, `Nearest` by share has the same Shapley values."""
    records, task = drawn(10, 4), drawn(25, 5)
    utility = Nearest(records, np.arange(10), task, k=3, measure="share")
    assert knn_shapley(records, task, 3) == pytest.approx(exact(utility).values, abs=1e-9)


@pytest.mark.parametrize("is_normalised", [False, True])
def test_values_sum_to_what_all_are_worth(is_normalised: bool) -> None:
    """Efficiency, on more records than can be enumerated."""
    records, task = drawn(500, 1), drawn(80, 2)
    ends = brute(records, task, 5, is_normalised, 3)(np.array([[True] * 500, [False] * 500]))
    assert knn_shapley(records, task, is_normalised=is_normalised).sum() == pytest.approx(ends[0] - ends[1])


def test_blocks_orders_and_threads_change_no_bit() -> None:
    """One task record at a time or all at once, in any order of the task: the same bytes."""
    records, task = drawn(300, 1, width=9), drawn(70, 2, width=9)
    whole = knn_shapley(records, task)
    shuffled = task.take(np.random.default_rng(0).permutation(70))
    assert knn_shapley(records, task, block_bytes=1).tobytes() == whole.tobytes()
    assert knn_shapley(records, shuffled).tobytes() == whole.tobytes()


def test_recorded_bytes() -> None:
    """These bytes were computed on one machine and are expected on every other."""
    row = np.arange(400)
    records = Examples(np.stack([row * 37 % 101 / 8, row * 61 % 89 / 4, row % 7 / 3], axis=1), row % 4)
    task = Examples(records.features[::9] + 0.3, row[::9] * 5 % 4)
    values = knn_shapley(records, task)
    assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == "22306cd1d8dcee83"


def test_equal_records_come_in_order() -> None:
    """Of records at one place the first is the nearest, wherever the block of it begins."""
    records = Examples(np.zeros((4, 1)), np.array([0, 1, 0, 1]))
    task = Examples(np.zeros((1, 1)), np.array([0]))
    values = knn_shapley(records, task, 1)
    assert values == pytest.approx(exact(brute(records, task, 1, False, 2)).values)
    assert values[0] > values[2] > values[3]


@pytest.mark.parametrize("size", [1e-300, 1e-9, 1.0, 1e9, 1e150])
def test_scale_does_not_matter(size: float) -> None:
    """Features of any size give the values of the same features at size one."""
    records, task = drawn(40, 3), drawn(20, 4)
    scaled = [Examples(x.features * size, x.labels) for x in (records, task)]
    assert knn_shapley(*scaled) == pytest.approx(knn_shapley(records, task), abs=1e-12)


def test_distances_are_whole_and_right() -> None:
    """On the grid squared distances are whole numbers, and agree with those of the plain formula."""
    a, b = drawn(50, 1, width=30).features, drawn(20, 2, width=30).features
    space = Space.of(a, b)
    squared = space.squared(b)
    assert (squared == np.rint(squared)).all() and squared.max() < 2.0**53
    plain = ((b[:, None] - a[None]) ** 2).sum(axis=2)
    assert squared / space.steps**2 == pytest.approx(plain, rel=1e-5)
    distance, which = nearest(a, b)
    assert (which == plain.argmin(axis=1)).all() and distance == pytest.approx(
        np.sqrt(plain.min(axis=1)), rel=1e-5
    )


def test_nobody_is_near_where_nobody_is() -> None:
    """Without records the nearest is none, infinitely far."""
    distance, which = nearest(np.zeros((0, 2)), np.zeros((3, 2)))
    assert np.isinf(distance).all() and (which == -1).all()
    assert [(s.start, s.stop) for s in blocks(5, 1, 16)] == [(0, 2), (2, 4), (4, 5)]


def examples(features: object, labels: object) -> Examples:
    return Examples(np.array(features), np.array(labels))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: examples([[np.nan]], [0]), "features: "),
        (lambda: examples([[np.inf]], [0]), "features: "),
        (lambda: examples([["a"]], [0]), "features: "),
        (lambda: examples([1.0], [0]), "features: "),
        (lambda: Examples(np.zeros((2, 0)), np.zeros(2, dtype=int)), "features: "),
        (lambda: examples([[1.0]], [0, 1]), "labels: "),
        (lambda: examples([[1.0]], [0.5]), "labels: "),
        (lambda: examples([[1.0]], [-1]), "labels: -1"),
        (lambda: examples([[1.0]], [10**9]), "labels: 1000000000"),
        (lambda: knn_shapley(drawn(3, 0), drawn(3, 0), 0), "k: 0"),
        (lambda: knn_shapley(drawn(3, 0), drawn(3, 0), True), "k: True"),
        (lambda: knn_shapley(drawn(3, 0), drawn(3, 0), 1.5), "k: 1.5"),  # type: ignore[arg-type]
        (lambda: knn_shapley(drawn(3, 0), drawn(3, 0, width=3)), "task: 2 and 3 features"),
        (lambda: knn_shapley(drawn(3, 0).take(np.array([], dtype=int)), drawn(3, 0)), "records: none"),
        (lambda: knn_shapley(drawn(3, 0), drawn(3, 0).take(np.array([], dtype=int))), "task: none"),
    ],
)
def test_what_is_no_data_is_refused(act, message: str) -> None:
    """Values that are no numbers, classes that are none, and shapes that do not fit are refused in one line."""
    with pytest.raises(SheafError, match=message) as refusal:
        act()
    assert isinstance(refusal.value, InputError | RecordError) and "\n" not in str(refusal.value)
