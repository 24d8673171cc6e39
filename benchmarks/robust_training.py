"""Federated training of digits by 50 owners of whom 10 attack: how much accuracy is lost to training without attackers.

Owners are summed in pairs, drawn anew each round, and the coordinator sees means of pairs alone (secure aggregation gives the same
means to 1e-6, so it is left out here). The model is a softmax regression, trained by full local steps; nothing is chosen by data or
attack. Each seed has its own split into owners, attackers and held-out quarter; loss is in points of held-out accuracy against the
plain mean of the same owners, none attacking. Attackers ignore the clip, as nobody can see whether they keep it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, Options, main
from sheaf.privacy.robust_aggregation import GroupHistory, draw_groups, geometric_median

OWNERS, ATTACKERS, ROUNDS, LOCAL_STEPS, RATE = 50, 10, 100, 5, 0.5
SKEW = 0.3
ATTACKS = ("sign flip", "scaled", "label flip", "noise")
LIMITS = {"IID": 2.0, "Dirichlet 0.3": 4.0}
Array = NDArray[np.float64]


@dataclass
class Owners:
    """Records of all owners, padded to the longest: features (n, m, d), labels one-hot (n, m, k), which rows are real (n, m)."""

    features: Array
    labels: Array
    real: Array
    held: tuple[Array, NDArray[np.int_]]

    def accuracy(self, model: Array) -> float:
        """Return the held-out accuracy of `model`, (d, k)."""
        features, labels = self.held
        return float(((features @ model).argmax(axis=1) == labels).mean())

    def updates(self, model: Array, labels: Array) -> Array:
        """Return what each owner changes of `model` by its local steps, (n, d · k)."""
        models = np.repeat(model[None], len(self.features), axis=0)
        counts = self.real.sum(axis=1)[:, None, None]
        for _ in range(LOCAL_STEPS):
            scores = np.exp((raw := self.features @ models) - raw.max(axis=2, keepdims=True))
            wrong = (scores / scores.sum(axis=2, keepdims=True) - labels) * self.real[..., None]
            models -= RATE * (np.swapaxes(self.features, 1, 2) @ wrong) / counts
        return (models - model).reshape(len(models), -1)


def owners_of(seed: int, is_skewed: bool) -> Owners:
    """Return the digits of scikit-learn split among owners: evenly at random, or each class by a Dirichlet draw."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    random = np.random.default_rng(seed)
    pixels, digits = load_digits(return_X_y=True)
    pixels = np.c_[pixels / 16, np.ones(len(pixels))]
    train, held, labels, held_labels = train_test_split(
        pixels, digits, test_size=0.25, random_state=seed, stratify=digits
    )
    parts = skewed(labels, random) if is_skewed else np.array_split(random.permutation(len(labels)), OWNERS)
    longest = max(map(len, parts))
    owners = Owners(
        np.zeros((OWNERS, longest, 65)),
        np.zeros((OWNERS, longest, 10)),
        np.zeros((OWNERS, longest)),
        (held, held_labels),
    )
    for place, rows in enumerate(parts):
        owners.features[place, : len(rows)] = train[rows]
        owners.labels[place, np.arange(len(rows)), labels[rows]] = 1
        owners.real[place, : len(rows)] = 1
    return owners


def skewed(labels: NDArray[np.int_], random: np.random.Generator) -> list[NDArray[np.int_]]:
    """Return rows by owner, each class dealt by a draw of Dirichlet(0.3), drawn again until everyone has two rows."""
    while True:
        dealt: list[list[int]] = [[] for _ in range(OWNERS)]
        for digit in range(10):
            rows = random.permutation(np.flatnonzero(labels == digit))
            ends = (np.cumsum(random.dirichlet([SKEW] * OWNERS))[:-1] * len(rows)).astype(int)
            for owner, part in zip(dealt, np.split(rows, ends), strict=True):
                owner.extend(part.tolist())
        if min(map(len, dealt)) >= 2:
            return [np.array(rows) for rows in dealt]


def attacked(updates: Array, bad: NDArray[np.int_], attack: str, random: np.random.Generator) -> Array:
    """Return the updates as they are sent: those of `bad` owners changed by the attack."""
    if attack == "sign flip":
        updates[bad] *= -1
    elif attack == "scaled":
        updates[bad] *= -10
    elif attack == "noise":
        length = np.median(np.linalg.norm(updates, axis=1))
        updates[bad] = random.normal(0, 10 * length / updates.shape[1] ** 0.5, updates[bad].shape)
    return updates


def train(owners: Owners, seed: int, attack: str, size: int, rule: str) -> float:
    """Return the held-out accuracy after all rounds under `attack` ("none" for none), groups of `size` joined by `rule`."""
    random = np.random.default_rng(seed + 1000)
    bad = random.choice(OWNERS, 0 if attack == "none" else ATTACKERS, replace=False)
    labels = owners.labels.copy()
    if attack == "label flip":
        labels[bad] = labels[bad][..., ::-1]
    model, history = np.zeros((65, 10)), GroupHistory(OWNERS)
    for number in range(ROUNDS):
        updates = attacked(owners.updates(model, labels), bad, attack, random)
        if rule == "mean":
            step = updates.mean(axis=0)
        else:
            groups = draw_groups(range(OWNERS), size, number.to_bytes(4, "big"))
            means = np.stack([updates[group].mean(axis=0) for group in groups])
            step = history.agree(means, groups) if rule == "history" else geometric_median(means)
        model = model + step.reshape(model.shape)
    return owners.accuracy(model)


def measure(options: Options) -> list[Figure]:
    """Return the loss under each attack, median and worst of all seeds, and where the rule is at its end."""
    figures = []
    for split, limit in LIMITS.items():
        made = [owners_of(seed, split != "IID") for seed in range(options.seeds)]
        clean = np.array([train(one, seed, "none", 0, "mean") for seed, one in enumerate(made)])
        figures.append(Figure(f"{split}: clean accuracy, median", float(np.median(clean)), ""))

        def losses(
            attack: str, size: int, rule: str, made: list[Owners] = made, clean: Array = clean
        ) -> NDArray[np.float64]:
            return 100 * (clean - [train(one, seed, attack, size, rule) for seed, one in enumerate(made)])

        for attack in ("none", *ATTACKS):
            lost = losses(attack, 2, "history")
            for name, value in (("median", np.median(lost)), ("worst", lost.max())):
                title = f"{split}: {attack}, {name}"
                figures.append(Figure(title, float(value), "points", limit=limit, against="aim"))
        others = [
            ("pairs, no history", 2, "median"),
            ("groups of three", 3, "history"),
            ("groups of four", 4, "history"),
        ]
        for name, size, rule in others:
            lost = losses("scaled", size, rule)
            figures.append(Figure(f"{split}: scaled, {name}, median", float(np.median(lost)), "points"))
        figures.append(
            Figure(
                f"{split}: scaled, plain mean, median",
                float(np.median(losses("scaled", 0, "mean"))),
                "points",
            )
        )
    return figures


if __name__ == "__main__":
    main("robust_training", measure, seeds=10)
