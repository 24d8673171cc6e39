from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

from sheaf.domain.errors import InputError, Refused
from sheaf.privacy.accountant import Budget
from sheaf.privacy.ledger import Ledger
from sheaf.privacy.statistics.answer import Charge
from sheaf.privacy.statistics.columns import Column, Population
from sheaf.privacy.training.descent import Recipe, noise_for, train, train_openly
from sheaf.privacy.training.job import Training, examples, learn
from sheaf.privacy.training.models import Model, build, predict

pytest.importorskip("opacus")

SHORT = Recipe(steps=3, rate=0.5)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    features, labels = load_digits(return_X_y=True)
    return (features / 8 - 1).astype(np.float32), labels.astype(np.int64)


def test_digits_are_learnt_at_epsilon_three(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """A logistic model of the digits at (3, 1e-5) is right on nine in ten that it has not seen."""
    features, labels = digits
    recipe, order = Recipe(), Budget(3.0, 1e-5).order
    noise = noise_for(recipe, 3.0, 1e-5, order)
    assert recipe.loss(noise).epsilon(1e-5) <= 3.0 < recipe.loss(noise * 0.98).epsilon(1e-5)
    model = Model("logistic", (64,), 10)
    weights = train(model, recipe, features[::2], labels[::2], noise)
    assert (predict(model, weights, features[1::2]).argmax(1) == labels[1::2]).mean() > 0.85


@pytest.mark.parametrize("kind", ["logistic", "mlp", "cnn"])
def test_all_models_train_with_and_without_noise(kind: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    """Every declared model takes noisy and plain steps, and its chances are chances."""
    features, labels = digits[0][:64], digits[1][:64]
    model = Model(kind, (1, 8, 8) if kind == "cnn" else (64,), 10, 4)  # type: ignore[arg-type]
    noisy, plain = train(model, SHORT, features, labels, 1.0), train_openly(model, SHORT, features, labels)
    assert noisy.keys() == plain.keys()
    chances = predict(model, noisy, features)
    assert chances.shape == (64, 10) and np.allclose(chances.sum(1), 1)


def test_one_person_moves_a_step_by_no_more_than_the_clip(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """With next to no noise and everyone in the sample, one example more moves the first step by at most clip over everyone."""
    features, labels = digits[0][:40], digits[1][:40]
    model, recipe = (
        Model("logistic", (64,), 10),
        Recipe(steps=1, rate=1.0, momentum=0.0, learning_rate=1.0, clip=0.5),
    )

    def moved(count: int) -> np.ndarray:
        weights = train(model, recipe, 50 * features[:count], labels[:count], 1e-9)
        return np.concatenate([value.ravel() for value in weights.values()]) * count

    assert np.linalg.norm(moved(40) - moved(39)) <= 0.5 * 1.001
    assert np.linalg.norm(moved(40) - moved(39)) >= 0.5 * 0.99


def test_noise_is_there_in_every_step(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """Weights differ between runs by the noise that was paid for, also where chance put nobody in the sample."""
    features, labels = digits[0][:2], digits[1][:2]
    model, recipe = Model("logistic", (64,), 10), Recipe(steps=1, rate=1e-6, momentum=0.0, learning_rate=1.0)
    steps = [
        np.concatenate([value.ravel() for value in train(model, recipe, features, labels, 3.0).values()])
        for _ in range(4)
    ]
    assert np.std(steps) == pytest.approx(3.0, rel=0.1)


def test_large_samples_are_taken_in_parts(
    digits: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample whose gradients do not fit at once is summed in parts: the step is the same."""
    features, labels = digits[0][:50], digits[1][:50]
    model, recipe = Model("logistic", (64,), 10), Recipe(steps=2, rate=1.0)
    whole = train(model, recipe, features, labels, 1e-9)
    monkeypatch.setattr("sheaf.privacy.training.descent.CHUNK", 7)
    parts = train(model, recipe, features, labels, 1e-9)
    assert all(np.allclose(whole[name], parts[name], atol=1e-5) for name in whole)


PEOPLE = Population(
    {
        "age": Column("age", "integer", 0, 100),
        "ward": Column("ward", "text", categories=("a", "b", "c")),
        "note": Column("note", "text"),
        "ill": Column("ill", "boolean", categories=(False, True)),
    },
    "id",
)
TRAINING = Training(PEOPLE, ("age", "ward"), "ill", 1.0, 1e-6, SHORT)


def patients(count: int = 60) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": [str(n % 50) for n in range(count)], "age": [n % 120 if n % 7 else None for n in range(count)],
         "ward": ["abcd"[n % 4] for n in range(count)], "note": "x", "ill": [None if n == 5 else n % 120 > 50 for n in range(count)]}
    )  # fmt: skip


def test_a_table_becomes_examples() -> None:
    """Numbers are scaled by declared bounds, categories spread, nulls in the middle; one record a person, none without a label."""
    features, labels = examples(TRAINING, patients(50))
    assert features.shape == (49, 4) and np.abs(features).max() <= 1 and features[0, 0] == 0
    assert features[1].tolist() == pytest.approx([-0.98, 0, 1, 0]) and labels.tolist() == [
        n > 50 for n in range(50) if n != 5
    ]
    assert examples(TRAINING, patients(), {"7", "8"})[0].shape == (2, 4)


def test_training_spends_once_and_stops_at_the_budget(tmp_path: Path) -> None:
    """A job is paid for before it trains, repeats its weights bit for bit at no cost, and is refused when the budget is gone."""
    ledger = Ledger(tmp_path / "budget.sqlite")
    ledger.open_accounts(["wards"], Budget(1.2, 1e-6))
    ledger.open_accounts([f"person {n}" for n in range(50)], Budget(1.2, 1e-6))
    charge = Charge("wards", "buyer", {str(n): f"person {n}" for n in range(50)})
    first = learn(ledger, "job", charge, TRAINING, patients)
    assert learn(ledger, "job", charge, TRAINING, pl.DataFrame) == first
    assert first.loss == TRAINING.loss and 0.9 < first.loss.epsilon(1e-6) <= 1.0
    assert predict(TRAINING.model, first.arrays(), np.zeros((1, 4), np.float32)).shape == (1, 2)
    with pytest.raises(Refused, match="wards has"):
        learn(ledger, "another job", charge, TRAINING, patients)


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: Training(PEOPLE, (), "ill", 1, 1e-6), "features"),
        (lambda: Training(PEOPLE, ("age", "ill"), "ill", 1, 1e-6), "without the label"),
        (lambda: Training(PEOPLE, ("age",), "note", 1, 1e-6), "label: note: declare its categories"),
        (lambda: Training(PEOPLE, ("note",), "ill", 1, 1e-6), "note: has neither bounds nor categories"),
        (lambda: Training(PEOPLE, ("age",), "ill", 0, 1e-6), "epsilon"),
        (lambda: Training(PEOPLE, ("age",), "ill", 1, 1e-6, kind="cnn"), "cnn learns from images"),
        (lambda: Training(PEOPLE, ("age",), "ill", 1, 1e-6, kind="script"), "model: script: declare"),
        (lambda: Model("cnn", (64,), 10), "channels, height, width"),
        (lambda: Model("cnn", (1, 2, 2), 10), "at least 4 by 4"),
        (lambda: Model("mlp", (1 << 17,), 10), "at most 65536"),
        (lambda: Model("mlp", (4,), 1), "classes"),
        (lambda: Model("mlp", (4,), 2, 0), "hidden"),
        (lambda: Recipe(steps=0), "steps"),
        (lambda: Recipe(rate=1.5), "rate"),
        (lambda: Recipe(momentum=1.0), "momentum"),
        (lambda: Recipe(clip=float("nan")), "clip"),
        (lambda: Recipe(learning_rate=0), "learning_rate"),
    ],
)
def test_declarations_without_meaning_are_refused(make: object, refusal: str) -> None:
    """What is declared is checked before anything is spent: each refusal names the field."""
    with pytest.raises(InputError, match=refusal):
        make()  # type: ignore[operator]


def test_examples_without_meaning_are_refused() -> None:
    """Examples of another shape, without numbers or with labels outside the classes, and weights of another model are refused."""
    model, x, y = Model("logistic", (4,), 2), np.zeros((3, 4), np.float32), np.zeros(3, np.int64)
    for features, labels, noise in (
        (x[:0], y[:0], 1.0),
        (x[:2], y, 1.0),
        (x[:, :3], y, 1.0),
        (x * np.nan, y, 1.0),
        (x, y + 2, 1.0),
        (x, y, 0.0),
    ):
        with pytest.raises(InputError):
            train(model, SHORT, features, labels, noise)
    with pytest.raises(InputError, match="weights"):
        predict(model, {"nothing": x}, x)
    assert build(model, 0)[0].weight.abs().sum() == 0
