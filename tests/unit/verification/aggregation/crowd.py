"""Crowds made from integers alone, so that they are the same everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.aggregation import Labels

Integers = NDArray[np.int64]


def drawn(count: int, seed: int, below: int) -> Integers:
    """Whole numbers by a mixing function (SplitMix64) in integers."""
    x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x += np.uint64((seed * 0x9E3779B97F4A7C15) % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) % np.uint64(below)).astype(np.int64)


def made(
    seed: int, items: int = 120, workers: int = 15, classes: int = 3, each: int = 5
) -> tuple[Integers, Integers, Integers, Integers]:
    """Item, worker, label and truth: worker w is right in 50 to 95 of 100 cases."""
    truth = drawn(items, seed, classes)
    item = np.repeat(np.arange(items), each)
    first = drawn(items, seed + 1, workers)
    worker = (first[item] + np.tile(np.arange(each), items) * (1 + workers // each)) % workers
    skill = 50 + drawn(workers, seed + 2, 46)
    is_right = drawn(len(item), seed + 3, 100) < skill[worker]
    shift = 1 + drawn(len(item), seed + 4, classes - 1)
    return item, worker, np.where(is_right, truth[item], (truth[item] + shift) % classes), truth


def labels_of(seed: int, gold: int = 0, **sizes: int) -> tuple[Labels, Integers]:
    """A crowd's labels and truth; the first `gold` items are gold."""
    item, worker, label, truth = made(seed, **sizes)
    known = {i: int(truth[i]) for i in range(gold)}
    return Labels.of(item, worker, label, known, classes=int(truth.max()) + 1), truth


def with_ring(
    seed: int, answers: Integers, share: float = 0.4, **sizes: int
) -> tuple[Integers, Integers, Integers, Integers]:
    """The same crowd joined by a ring that is `share` of the workers and gives `answers` to every item; its numbers come last."""
    item, worker, label, truth = made(seed, **sizes)
    honest = int(worker.max()) + 1
    count = round(share / (1 - share) * honest)
    item = np.concatenate([item, np.tile(np.arange(len(truth)), count)])
    worker = np.concatenate([worker, np.repeat(honest + np.arange(count), len(truth))])
    return item, worker, np.concatenate([label, np.tile(answers, count)]), truth
