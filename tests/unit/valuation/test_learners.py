"""What a coalition learns: against plain code, on the empty set, on one class, on wide and absurd features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from sheaf.domain.errors import InputError, RecordError
from sheaf.valuation.examples import Examples
from sheaf.valuation.learners import LEARNERS, Linear, Model, Nearest, logistic
from sheaf.valuation.learners.linear import solved

SUBSETS = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(np.bool_)


@pytest.fixture(scope="module")
def cancer() -> tuple[Examples, np.ndarray, Examples]:
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return Examples(x[:120], y[:120]), np.arange(120) % 4, Examples(x[120:260], y[120:260])


def test_nearest_is_the_vote_of_scikit_learn(cancer) -> None:
    """With odd k and two classes accuracy is that of KNeighborsClassifier, for every coalition with k records."""
    records, owner, task = cancer
    found = Nearest(records, owner, task, k=5)(SUBSETS)
    assert found[0] == 0.5
    for members, worth in zip(SUBSETS[1:], found[1:], strict=True):
        own = members[owner]
        model = KNeighborsClassifier(5).fit(records.features[own], records.labels[own])
        assert worth == pytest.approx(model.score(task.features, task.labels), abs=1e-12)


def test_ties_share_the_vote() -> None:
    """Two classes with one vote each are worth one half, and a class that nobody voted for nothing."""
    records = Examples(np.array([[0.0], [1.0]]), np.array([0, 1]))
    task = Examples(np.array([[0.4], [0.4]]), np.array([0, 2]))
    worth = Nearest(records, np.arange(2), task, k=2)(np.array([[True, True], [False, False], [True, False]]))
    assert worth == pytest.approx([0.25, 1 / 3, 0.5])


def test_linear_is_penalised_least_squares(cancer) -> None:
    """Both measures are those of numpy's solution of the same normal equations."""
    records, owner, task = cancer
    size = np.sqrt((task.features**2).mean())
    x, points = (np.c_[np.clip(e.features / size, -8, 8), np.ones(len(e))] for e in (records, task))
    accuracy, fit = (Linear(records, owner, task, measure=m)(SUBSETS) for m in ("accuracy", "fit"))
    penalty = 0.25 * (points**2).sum(axis=1).mean() * np.eye(x.shape[1])
    is_right = np.eye(2)[task.labels]
    for members, share, worth in zip(SUBSETS[1:], accuracy[1:], fit[1:], strict=True):
        own = members[owner]
        plain = x[own].T @ x[own] + penalty
        weights = np.linalg.solve(plain, x[own].T @ (np.eye(2)[records.labels[own]] - 0.5))
        scores = np.clip(points @ weights + 0.5, 0, 1)
        assert share == pytest.approx((scores.argmax(axis=1) == task.labels).mean(), abs=0.011)
        assert worth == pytest.approx(1 - ((scores - is_right) ** 2).sum() / (0.5 * len(task)), abs=1e-3)


def test_systems_are_solved() -> None:
    """The solution without pivots is numpy's, for systems that are symmetric and positive."""
    generator = np.random.default_rng(0)
    root, right = generator.normal(size=(5, 9, 9)), generator.normal(size=(5, 9, 3))
    square = root @ root.transpose(0, 2, 1) + np.eye(9)
    assert solved(square, right) == pytest.approx(np.linalg.solve(square, right))


@pytest.mark.parametrize("name", LEARNERS)
def test_the_empty_set_guesses_and_one_class_answers_it(name: str, cancer) -> None:
    """Worth is 1 / classes without records (the share of votes 0), and the share of the class where there is but one."""
    records, _, task = cancer
    only = np.flatnonzero(records.labels == 1)[:12]
    utility = LEARNERS[name](records.take(only), np.arange(12) % 3, task)
    empty, all_ = utility(np.array([[False] * 3, [True] * 3]))
    assert empty == pytest.approx(0.25 if name == "mixed" else 0.5) and all_ == pytest.approx(
        (task.labels == 1).mean()
    )


@pytest.mark.parametrize("name", LEARNERS)
def test_more_records_are_worth_more(name: str, cancer) -> None:
    """On real records the whole set is right nine times in ten."""
    records, owner, task = cancer
    assert LEARNERS[name](records, owner, task)(np.ones((1, 4), dtype=np.bool_))[0] > 0.9


@pytest.mark.parametrize("build", [Nearest, Linear])
def test_order_and_company_change_no_bit(build, cancer) -> None:
    """Neither the order of records nor what else is evaluated with a coalition changes a bit of its worth."""
    records, owner, task = cancer
    mixed = np.random.default_rng(1).permutation(120)
    whole = build(records, owner, task)(SUBSETS)
    shuffled = build(records.take(mixed), owner[mixed], task)
    assert b"".join(shuffled(row[None]).tobytes() for row in SUBSETS) == whole.tobytes()


def test_wide_and_absurd_features_are_taken(cancer) -> None:
    """Features beyond 128 are folded; one absurd record among honest ones does not tilt the plane."""
    records, owner, task = cancer
    signs = np.random.default_rng(0).normal(size=(30, 200))
    wide = [Examples(e.features @ signs, e.labels) for e in (records, task)]
    full = np.ones((1, 4), dtype=np.bool_)
    assert Linear(wide[0], owner, wide[1])(full)[0] > 0.9
    features = records.features.copy()
    features[7] = 1e12
    assert Linear(Examples(features, records.labels), owner, task)(full)[0] > 0.9


def test_a_model_is_fitted_once_for_each_coalition(cancer) -> None:
    """Accuracy and likelihood are the estimator's own, and a coalition that was met is not fitted again."""
    records, owner, task = cancer
    built = []

    def build() -> LogisticRegression:
        built.append(1)
        return LogisticRegression(max_iter=500)

    utility = Model(build, records, owner, task)
    pair = np.array([[True, True, False, False], [True, True, True, True]])
    assert (utility(pair) == utility(pair[::-1])[::-1]).all() and len(built) == 2
    model = LogisticRegression(max_iter=500).fit(records.features, records.labels)
    assert utility(pair)[1] == model.score(task.features, task.labels)
    chance = model.predict_proba(task.features)[np.arange(len(task)), task.labels]
    likely = Model(build, records, owner, task, measure="likelihood")
    assert likely(pair)[1] == pytest.approx(np.log(0.99 * chance + 0.005).mean())
    assert likely(np.zeros((1, 4), dtype=np.bool_))[0] == pytest.approx(np.log(0.5))


def test_what_cannot_be_learnt_from_is_refused(cancer) -> None:
    """No neighbours, other widths, and an estimator that gives no numbers are refused."""
    records, owner, task = cancer
    narrow = Examples(task.features[:, :3], task.labels)

    class Broken(LogisticRegression):
        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return np.full((len(rows), 2), np.nan)

    for build in (Nearest, Linear, logistic):
        with pytest.raises(RecordError, match="task: 30 and 3 features"):
            build(records, owner, narrow)
    with pytest.raises(InputError, match="k: 0"):
        Nearest(records, owner, task, k=0)
    with pytest.raises(InputError, match="model: nan"):
        Model(Broken, records, owner, task, measure="likelihood")(np.ones((1, 4), dtype=np.bool_))
