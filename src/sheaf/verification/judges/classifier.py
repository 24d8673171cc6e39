"""A model trained on the buyer's sample: it approves a record whose label is plausible for its input.

All that it decides by comes from the sample. Out-of-fold scores of right and of wrong labels give, by Platt's method (1999),
the probability that a given label is right, wrong and right being equally likely beforehand; a record is approved at one half.
Inputs farther from the sample than the sample is from itself (Tukey's outer fence of nearest-neighbour distances) are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification.judges import KINDS
from sheaf.verification.judges.features import Features, Floats
from sheaf.verification.pipeline import refusal

if TYPE_CHECKING:
    from sheaf.domain.request import Specification

FOLDS = 5
NEIGHBOURS = 3
FENCE = 3.0
"""Interquartile ranges above the third quartile at which an input counts as unlike the sample."""

MIN_SKILL = 0.25
"""Below this a judge would hardly do better than tossing coins, and is not made."""

_FLOOR = 1e-6


class Classifier:
    """A judge of one of KINDS, trained on `sample` to tell whether the value of `label` fits the other columns.

    The same sample, kind and seed give the same judge. `skill` is the share of right labels it approves less that of wrong ones,
    estimated on the sample by cross-validation. Raises InputError for a sample that nothing can be learnt from.
    """

    def __init__(self, kind: str, sample: pa.Table, label: str, seed: int = 0) -> None:
        if kind not in KINDS:
            raise InputError("judge", kind, f"use one of {', '.join(KINDS)}")
        self.kind, self.label = kind, label
        names = _labels(sample, label)
        sample = sample.filter(pa.array([name is not None for name in names], pa.bool_()))
        self.classes, given = _classes([name for name in names if name is not None])
        self._features = Features(sample, label, seed)
        inputs, readable = self._features(sample)
        inputs, given = inputs[readable], given[readable]
        if len(given) < 2:
            raise InputError("sample", f"{len(given)} readable records", "publish at least two per label")
        self.skill, self._model, self._calibration = 1.0, None, (0.0, 0.0)
        with _one_thread():
            self._guard = _Guard(inputs)
            if len(self.classes) > 1:
                margins = _out_of_fold(kind, inputs, given, len(self.classes), seed)
                self._calibration = _calibration(margins, given)
                self.skill = _skill(margins, given, self._calibration)
                self._model = _trained(kind, inputs, given, len(self.classes), seed)
        if self.skill < MIN_SKILL:
            raise InputError(
                "sample",
                f"{kind} tells its labels apart with skill {self.skill:.2f} of 1",
                "publish more records, or use another kind of judge",
            )

    def judge(self, records: pa.Table, specification: Specification) -> NDArray[np.bool_]:
        """Return shape (n,): True where the label is plausible and the input is like the sample's."""
        return self.explain(records, specification)[0]

    def explain(
        self, records: pa.Table, specification: Specification
    ) -> tuple[NDArray[np.bool_], list[Finding]]:
        """Return the judgement and a finding for every record that is refused."""
        names = (
            _labels(records, self.label) if self.label in records.column_names else [None] * records.num_rows
        )
        place = {name: i for i, name in enumerate(self.classes)}
        given = np.array([place.get(name, -1) for name in names], dtype=np.int64)
        inputs, readable = self._features(records)
        alike, right = np.zeros(len(given), dtype=np.bool_), np.zeros(len(given))
        known = readable & (given >= 0)
        with _one_thread():
            if readable.any():
                alike[readable] = self._guard(inputs[readable])
            if known.any():
                right[known] = self._plausible(inputs[known], given[known])
        causes = np.select([~readable, ~alike, right < 0.5], ["unreadable", "unlike", "label"], "")
        findings = [
            refusal(int(i), str(causes[i]), float(1 - right[i]) if causes[i] == "label" else 1.0)
            for i in np.flatnonzero(causes != "")
        ]
        return causes == "", findings

    def _plausible(self, inputs: Floats, given: NDArray[np.int64]) -> Floats:
        """Return the calibrated probability that each given label is right, shape (n,)."""
        if self._model is None:
            return np.ones(len(given))
        slope, offset = self._calibration
        return _sigmoid(slope * _margins(self._model(inputs))[np.arange(len(given)), given] + offset)


class _Guard:
    """Tells inputs that lie among the sample from those far off it."""

    def __init__(self, inputs: Floats) -> None:
        from sklearn.neighbors import NearestNeighbors

        self._near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(inputs) - 1), algorithm="brute").fit(
            inputs
        )
        own = self._near.kneighbors()[0].mean(
            axis=1
        )  # without arguments: each record's neighbours but itself
        low, high = np.quantile(own, [0.25, 0.75])
        self.fence = float(high + FENCE * (high - low)) + 1e-9

    def __call__(self, inputs: Floats) -> NDArray[np.bool_]:
        return np.asarray(self._near.kneighbors(inputs)[0].mean(axis=1) <= self.fence)


def _one_thread() -> AbstractContextManager[Any]:
    """Keep linear algebra on one thread: the same sums in the same order, and no quarrel over cores between judges."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1)  # type: ignore[no-any-return]


def _labels(table: pa.Table, label: str) -> list[Any]:
    """Return the labels as Python values, None where absent."""
    if table.column_names.count(label) != 1:
        raise InputError("label", label, "name one column of the sample")
    return [_plain(value) for value in table.column(label).to_pylist()]


def _plain(value: Any) -> Any:
    """Return `value` in a form that can be compared and hashed; True is not 1, and 1.0 is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value) if value is not None else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None if value != value else value


def _skill(margins: Floats, given: NDArray[np.int64], calibration: tuple[float, float]) -> float:
    """Return the share of right labels that would pass less that of wrong ones, out of fold (Youden 1950)."""
    passes = _sigmoid(calibration[0] * margins + calibration[1]) >= 0.5
    is_right = given[:, None] == np.arange(margins.shape[1])
    return float(passes[is_right].mean() - passes[~is_right].mean())


def _classes(names: list[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the distinct labels and, for each record, the place of its own. Raises InputError where classes are too many."""
    classes = sorted(set(names), key=lambda name: (isinstance(name, str), name))
    if not names or len(names) < 2 * len(classes):
        raise InputError(
            "sample",
            f"{len(names)} records with {len(classes)} labels",
            "publish at least two per label, or choose a judge that is no classifier",
        )
    place = {name: i for i, name in enumerate(classes)}
    return classes, np.array([place[name] for name in names], dtype=np.int64)


def _estimator(kind: str, seed: int) -> Any:
    """Return an untrained model. Imports are here, since scikit-learn takes a second to load."""
    from sklearn import (
        discriminant_analysis,
        ensemble,
        linear_model,
        naive_bayes,
        neighbors,
        neural_network,
        svm,
    )

    makers: dict[str, Callable[[], Any]] = {
        "logistic": lambda: linear_model.LogisticRegression(max_iter=500),
        "svm": lambda: svm.SVC(C=10.0),
        "poly-svm": lambda: svm.SVC(C=10.0, kernel="poly", coef0=1.0),
        "knn": lambda: neighbors.KNeighborsClassifier(5, weights="distance"),
        "random-forest": lambda: ensemble.RandomForestClassifier(100, random_state=seed),
        "extra-trees": lambda: ensemble.ExtraTreesClassifier(100, random_state=seed),
        "bagging": lambda: ensemble.BaggingClassifier(n_estimators=60, max_features=0.5, random_state=seed),
        "naive-bayes": lambda: naive_bayes.GaussianNB(var_smoothing=0.05),
        "mlp": lambda: neural_network.MLPClassifier(
            (64,), max_iter=100, solver="lbfgs", alpha=1.0, random_state=seed
        ),
        "gradient-boosting": lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=40, min_samples_leaf=5, max_leaf_nodes=8, random_state=seed
        ),
        "lda": lambda: discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "linear-svm": lambda: svm.SVC(C=1.0, kernel="linear"),
    }
    return makers[kind]()


def _trained(
    kind: str, inputs: Floats, given: NDArray[np.int64], classes: int, seed: int
) -> Callable[[Floats], Floats]:
    """Train, and return a function from inputs to scores of shape (n, classes), higher being likelier."""
    present = np.unique(given)
    model = None
    if len(present) > 1:
        model = _estimator(kind, seed)
        _quietly(model.fit, inputs, given)

    def scores(rows: Floats) -> Floats:
        found = np.full((len(rows), classes), np.log(_FLOOR))
        if model is None:
            found[:, present] = 0.0
        elif kind.endswith("svm"):
            sides = model.decision_function(rows)
            found[:, present] = np.stack([-sides, sides], axis=1) if sides.ndim == 1 else sides
        else:
            found[:, present] = np.log(np.maximum(_quietly(model.predict_proba, rows), _FLOOR))
        return np.asarray(np.nan_to_num(found, nan=np.log(_FLOOR)))  # some models divide by a spread of zero

    return scores


def _quietly(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call without warnings: a model that has not converged judges worse, which the calibration sees."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*arguments)


def _out_of_fold(kind: str, inputs: Floats, given: NDArray[np.int64], classes: int, seed: int) -> Floats:
    """Return the margins that models give to records they were not trained on, shape (n, classes)."""
    order = np.random.default_rng(seed).permutation(len(given))
    order = order[np.argsort(given[order], kind="stable")]
    fold = np.empty(len(given), dtype=np.int64)
    fold[order] = np.arange(len(given)) % FOLDS  # dealt out label by label: every fold has its share of each
    margins = np.zeros((len(given), classes))
    for i in np.unique(fold):
        model = _trained(kind, inputs[fold != i], given[fold != i], classes, seed)
        margins[fold == i] = _margins(model(inputs[fold == i]))
    return margins


def _margins(scores: Floats) -> Floats:
    """Return for every label its score less the best score of another, shape (n, classes)."""
    best = np.sort(scores, axis=1)
    is_best = np.argmax(scores, axis=1)[:, None] == np.arange(scores.shape[1])
    return scores - np.where(is_best, best[:, -2:-1], best[:, -1:])


def _calibration(margins: Floats, given: NDArray[np.int64]) -> tuple[float, float]:
    """Return (slope, offset) of the logistic curve from margin to the probability of being right."""
    from sklearn.linear_model import LogisticRegression

    is_right = given[:, None] == np.arange(margins.shape[1])
    weights = np.where(is_right, 1.0, 1.0 / (margins.shape[1] - 1))
    scale = float(margins.std()) or 1.0
    model = LogisticRegression(C=10.0).fit(
        (margins / scale).reshape(-1, 1), is_right.ravel(), weights.ravel()
    )
    return max(0.0, float(model.coef_[0, 0])) / scale, float(model.intercept_[0])


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))
