"""Crowds with known truth for the benchmarks of labels: read from a folder, or made; and attackers that join them.

A folder holds one folder a set, each with `label.csv` (`item,worker,label`) and `truth.csv` (`item,truth`). Without
one, ten crowds are made from a model of Dawid and Skene with sizes, numbers of classes and skills like those of real
crowds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.aggregation import Labels

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

JITTER = 0.05
"""Share of a ring member's answers that are random."""


@dataclass(frozen=True)
class Crowd:
    """Labels as three arrays (n,), and the `truth` of each item, -1 where it is not known; shape (items,)."""

    name: str
    item: Integers
    worker: Integers
    label: Integers
    truth: Integers
    classes: int

    def labels(self, gold: dict[int, int] | None = None) -> Labels:
        """Return the labels as the algorithms take them."""
        return Labels.of(self.item, self.worker, self.label, gold, classes=self.classes)

    @property
    def workers(self) -> int:
        """One more than the largest number of a worker."""
        return int(self.worker.max()) + 1

    def asked(self, gold: dict[int, int]) -> Flags:
        """Return which items have a truth that was not given away as gold; shape (items,)."""
        open_ = self.truth >= 0
        open_[list(gold)] = False
        return open_

    def accuracy(self, answer: Integers, gold: dict[int, int] | None = None) -> float:
        """Return the share of right answers among items with a truth that is not gold."""
        asked = self.asked(gold or {})
        return float((answer[: len(asked)][asked] == self.truth[asked]).mean())

    def gold(self, share: float, seed: int) -> dict[int, int]:
        """Draw the truth of a `share` of the items, at least one."""
        known = np.flatnonzero(self.truth >= 0)
        drawn = np.random.default_rng([seed, 7]).permutation(known)[: max(1, round(share * len(known)))]
        return {int(i): int(self.truth[i]) for i in drawn}


def crowds(data: Path | None) -> list[Crowd]:
    """Read all sets of the folder `data`, or make ten."""
    if data is None:
        return [_made(seed) for seed in range(10)]
    found = [_read(folder) for folder in sorted(data.iterdir()) if (folder / "label.csv").is_file()]
    if not found:
        raise SystemExit(f"--data: {data}: give a folder of folders with label.csv and truth.csv")
    return found


def _read(folder: Path) -> Crowd:
    item, worker, label = np.loadtxt(
        folder / "label.csv", delimiter=",", skiprows=1, dtype=np.int64, ndmin=2
    ).T
    which, answer = np.loadtxt(folder / "truth.csv", delimiter=",", skiprows=1, dtype=np.int64, ndmin=2).T
    truth = np.full(int(item.max()) + 1, -1)
    truth[which[which < len(truth)]] = answer[which < len(truth)]
    return Crowd(folder.name, item, worker, label, truth, int(max(label.max(), answer.max())) + 1)


def _made(seed: int) -> Crowd:
    random = np.random.default_rng([seed, 1])
    classes, items = int(random.integers(2, 6)), int(random.integers(300, 3_000))
    return made(
        f"made {seed}", seed, (items, int(random.integers(30, 150)), classes, int(random.integers(3, 15)))
    )


def made(name: str, seed: int, sizes: tuple[int, int, int, int]) -> Crowd:
    """Make a crowd of (items, workers, classes, labels an item): matrices of skills .35 to .95, workers of unequal zeal."""
    items, workers, classes, each = sizes
    random = np.random.default_rng([seed, 2])
    truth = random.choice(classes, items, p=random.dirichlet(np.full(classes, 5.0)))
    zeal = random.pareto(1.5, workers) + 0.2
    item = np.repeat(np.arange(items), each)
    worker = random.choice(workers, len(item), p=zeal / zeal.sum())
    skill = random.beta(4.0, 2.0, (workers, classes))[worker, truth[item]]
    wrong = (truth[item] + random.integers(1, classes, len(item))) % classes
    label = np.where(random.random(len(item)) < skill, truth[item], wrong)
    return Crowd(name, item, worker, label, truth, classes)


def joined(crowd: Crowd, share: float, answers: str, rings: int, seed: int) -> tuple[Crowd, Flags]:
    """Add attackers until they are `share` of the workers; return the crowd and who they are, shape (workers,).

    Each answers the items of a worker drawn by lot. `answers`: `wrong` (a ring whose answers are all wrong), `chance` (a ring with random
    answers: right on gold by chance), `half` (a ring that is right on half), `random`, `constant`, or `camouflage` (each alone: right on
    half, else random).
    """
    random = np.random.default_rng([seed, rings, *answers.encode()])
    k, items = crowd.classes, len(crowd.truth)
    of_worker = [np.unique(crowd.item[crowd.worker == w]) for w in np.unique(crowd.worker)]
    count = max(1, round(share / (1.0 - share) * len(of_worker)))
    truth = np.where(crowd.truth >= 0, crowd.truth, random.integers(0, k, items))
    agreed = [_answers(answers, truth, k, random) for _ in range(rings)]
    item, worker, label = [crowd.item], [crowd.worker], [crowd.label]
    for number, like in enumerate(random.integers(0, len(of_worker), count)):
        mine = of_worker[like]
        alone = answers in ("random", "constant", "camouflage")
        answer = _answers(answers, truth, k, random)[mine] if alone else agreed[number % rings][mine]
        slip = random.random(len(mine)) < (0.0 if alone else JITTER)
        item.append(mine)
        worker.append(np.full(len(mine), crowd.workers + number))
        label.append(np.where(slip, random.integers(0, k, len(mine)), answer))
    found = replace(
        crowd, item=np.concatenate(item), worker=np.concatenate(worker), label=np.concatenate(label)
    )
    return found, np.arange(found.workers) >= crowd.workers


def turned(crowd: Crowd, share: float, seed: int) -> tuple[Crowd, Crowd]:
    """Turn a `share` of the workers into a ring that is right by chance; return the crowd, and what is left of it without them."""
    random = np.random.default_rng([seed, 3])
    workers = np.unique(crowd.worker)
    bad = np.isin(crowd.worker, random.permutation(workers)[: round(share * len(workers))])
    answer = random.integers(0, crowd.classes, len(crowd.truth))[crowd.item]
    slip = random.random(len(answer)) < JITTER
    answer = np.where(slip, random.integers(0, crowd.classes, len(answer)), answer)
    rest = replace(crowd, item=crowd.item[~bad], worker=crowd.worker[~bad], label=crowd.label[~bad])
    return replace(crowd, label=np.where(bad, answer, crowd.label)), rest


def _answers(kind: str, truth: Integers, classes: int, random: np.random.Generator) -> Integers:
    wrong = (truth + random.integers(1, classes, len(truth))) % classes
    any_ = random.integers(0, classes, len(truth))
    half = random.random(len(truth)) < 0.5
    constant = np.full(len(truth), random.integers(0, classes))
    return {
        "wrong": wrong,
        "chance": any_,
        "half": np.where(half, truth, wrong),
        "random": any_,
        "constant": constant,
        "camouflage": np.where(half, truth, any_),
    }[kind]


def ranked(score: NDArray[np.float64], positive: Flags) -> float:
    """Return the area under the curve: the chance that a positive has a larger score than a negative; ties count half."""
    values, place = np.unique(score, return_inverse=True)
    up = np.bincount(place[positive], minlength=len(values))
    down = np.bincount(place[~positive], minlength=len(values))
    below = np.cumsum(down) - down
    return float((up * (below + down / 2.0)).sum() / (positive.sum() * (~positive).sum()))
