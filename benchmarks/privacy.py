"""What privacy costs and what attackers get: accuracy and time of private training, membership, differencing, races, kills.

    python -m benchmarks.privacy --json --seeds 10

Needs opendp, torch and opacus. Data: the digits of scikit-learn.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _privacy
from benchmarks.report import Figure, Options, main
from sheaf.privacy.accountant import Budget
from sheaf.privacy.extras import need
from sheaf.privacy.training.descent import Recipe, noise_for, train, train_openly
from sheaf.privacy.training.models import Model, predict

DELTA = 1e-5
RECIPE = Recipe()
BUDGET = 1.0
TRIALS = 20

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


def measure(options: Options) -> Sequence[Figure]:
    """Measure everything; random things over `options.seeds` seeds, median and worst."""
    need("torch").set_num_threads(1)
    features, labels = _digits()
    figures = [*_accuracy(features, labels, options.seeds), *_time(features, labels)]
    figures += _membership(features, labels, max(options.seeds, 10))
    with tempfile.TemporaryDirectory() as folder:
        figures += _differencing(Path(folder), options.seeds)
        figures += _races(Path(folder), options.seeds)
        figures += _kills(Path(folder), options.seeds)
    return figures


def _accuracy(features: NDArray[np.float32], labels: NDArray[np.int64], seeds: int) -> list[Figure]:
    from sklearn.model_selection import train_test_split

    figures = []
    for kind in ("logistic", "mlp"):
        model, noise, right = Model(kind, (64,), 10), _noise(3.0), []
        for seed in range(seeds):
            x, held_x, y, held_y = train_test_split(
                features, labels, test_size=0.2, random_state=seed, stratify=labels
            )
            found = predict(model, train(model, RECIPE, x, y, noise, seed), held_x)
            right.append(float((found.argmax(1) == held_y).mean()))
        for name, value in (("median", float(np.median(right))), ("worst", min(right))):
            figures.append(
                Figure(
                    f"digits_{kind}_epsilon3_{name}",
                    value,
                    "accuracy",
                    limit=0.9,
                    against="asked for",
                    better="higher",
                )
            )
    return figures


def _time(features: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Figure]:
    figures = []
    for kind, shape in (("cnn", (1, 8, 8)), ("mlp", (64,)), ("logistic", (64,))):
        model, noise = Model(kind, shape, 10), _noise(3.0)  # type: ignore[arg-type]
        recipe = Recipe(steps=60)
        private = _fastest(lambda m=model, n=noise, r=recipe: train(m, r, features, labels, n))  # type: ignore[misc]
        plain = _fastest(lambda m=model, r=recipe: train_openly(m, r, features, labels))  # type: ignore[misc]
        figures.append(
            Figure(
                f"digits_{kind}_cpu",
                private,
                "s",
                peer=plain,
                against="the same steps without privacy",
                target=5.0,
            )
        )
    return figures


def _membership(features: NDArray[np.float32], labels: NDArray[np.int64], targets: int) -> list[Figure]:
    model = Model("mlp", (64,), 10, 64)
    noise = _noise(8.0)
    figures = []
    private = _privacy.membership(
        model, lambda x, y, seed: train(model, RECIPE, x, y, noise, seed), features, labels, targets
    )
    plain = _privacy.membership(
        model, lambda x, y, seed: train_openly(model, RECIPE, x, y, seed), features, labels, targets
    )
    for attack, aucs, bare in zip(("threshold", "shadow"), private, plain, strict=True):
        for name, value in (("median", float(np.median(aucs))), ("worst", max(aucs))):
            figures.append(
                Figure(f"membership_{attack}_epsilon8_{name}", value, "AUC", limit=0.55, against="asked for")
            )
        figures.append(Figure(f"membership_{attack}_without_privacy_median", float(np.median(bare)), "AUC"))
    return figures


def _differencing(folder: Path, seeds: int) -> list[Figure]:
    found = [_privacy.differencing(folder, seed, BUDGET, TRIALS) for seed in range(seeds)]
    right = float(np.mean([rate for rate, _, _ in found]))
    # Nobody can tell better than this whether a person's bit is set from answers of that (ε, δ); and chance adds two deviations.
    bound = math.exp(BUDGET) / (1 + math.exp(BUDGET)) + _privacy.DELTA
    chance = 2 * math.sqrt(bound * (1 - bound) / (seeds * TRIALS))
    return [
        Figure(
            "differencing_epsilon_of_all_answers_worst",
            max(cost for _, cost, _ in found),
            "ε",
            limit=BUDGET,
            against="stated",
        ),
        Figure("differencing_answers", float(np.median([count for *_, count in found])), "answers"),
        Figure(
            "differencing_attacker_right",
            right,
            "share",
            limit=bound + chance,
            against="the most that ε allows",
        ),
    ]


def _races(folder: Path, seeds: int) -> list[Figure]:
    granted = [_privacy.race(folder / f"race-{seed}.sqlite", 8, 10) for seed in range(seeds)]
    return [
        Figure("race_of_8_granted_most", max(granted), "of 10", limit=10, against="what the budget has"),
        Figure(
            "race_of_8_granted_least",
            min(granted),
            "of 10",
            limit=10,
            against="what the budget has",
            better="higher",
        ),
    ]


def _kills(folder: Path, seeds: int) -> list[Figure]:
    found = [_privacy.kills(folder, seed, 20) for seed in range(seeds)]
    return [
        Figure("kills", 20 * seeds, "kills"),
        Figure("kills_charged_too_much", sum(extra for extra, _, _ in found), "jobs"),
        Figure("kills_answers_that_changed", sum(changed for _, changed, _ in found), "jobs"),
        Figure("kills_jobs_answered", sum(jobs for *_, jobs in found), "jobs"),
    ]


def _noise(epsilon: float) -> float:
    return noise_for(RECIPE, epsilon, DELTA, Budget(epsilon, DELTA).order)


def _fastest(work: Callable[[], object], times: int = 3) -> float:
    work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    return (features / 8 - 1).astype(np.float32), labels.astype(np.int64)


if __name__ == "__main__":
    main("privacy", measure, seeds=10)
