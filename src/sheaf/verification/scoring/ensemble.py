"""Which label is right? Several methods, none of which has seen the record, the sender or the gold record it is asked about.

First methods learn from gold alone. Then each learns again from gold and from the other senders' records, each counted for the
labels it most likely has (expectation and maximisation over labels; Northcutt and others 2021 prune instead). Folds go by sender,
so nobody vouches for himself; a fold's gold is held out of both passes, so that what gold calibrates is what is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.verification.scoring.kernel import linear, radial
from sheaf.verification.scoring.logistic import logistic
from sheaf.verification.scoring.neighbours import neighbours
from sheaf.verification.scoring.shape import Floats, Integers, Task
from sheaf.verification.scoring.stacking import centred, chances, doubt, pooled
from sheaf.verification.scoring.trees import trees

FOLDS = 5
LARGEST_FOLD = 0.4


@dataclass(frozen=True)
class Folds:
    """Which fold each row is held out in (n,), and per fold the scores of all rows: [fold][method] (n, classes)."""

    fold: Integers
    scores: list[list[Floats]]


def folds(task: Task, seed: int) -> Integers:
    """Deal out gold label by label, and records sender by sender, or one by one where one sender has too many; shape (n,)."""
    random = np.random.default_rng([seed, 1])
    fold = np.zeros(len(task.label), dtype=np.int64)
    order = random.permutation(task.gold)
    order = order[np.argsort(task.label[order], kind="stable")]
    fold[order] = np.arange(task.gold) % FOLDS
    sender = task.sender[task.gold :]
    sizes = np.bincount(sender, minlength=1)
    load, place = np.zeros(FOLDS), np.zeros(len(sizes), dtype=np.int64)
    for who in np.argsort(-sizes, kind="stable"):
        place[who] = int(load.argmin())
        load[place[who]] += sizes[who]
    if load.max() > LARGEST_FOLD * max(1.0, load.sum()):
        fold[task.gold :] = random.permutation(len(sender)) % FOLDS
    else:
        fold[task.gold :] = place[sender]
    return fold


def from_gold(task: Task, fold: Integers, seed: int) -> Folds:
    """Let every method learn from gold alone, once without each fold."""
    target = np.zeros((len(task.label), task.classes))
    target[np.arange(task.gold), task.label[: task.gold]] = 1.0
    known = task.landmarks[task.landmarks < task.gold]
    return Folds(fold, [_scores(task, known[fold[known] != f], target, seed) for f in range(FOLDS)])


def from_all(task: Task, fold: Integers, targets: list[Floats], seed: int) -> Folds:
    """Let every method learn from gold and records; `targets[fold]` (n, classes) says what each row stands for, seen without that fold."""
    scores = []
    for f in range(FOLDS):
        useful = (fold != f) & task.readable & (targets[f].sum(axis=1) > 0.1)
        scores.append(_scores(task, task.landmarks[useful[task.landmarks]], targets[f], seed))
    return Folds(fold, scores)


def calibrated(task: Task, parts: Folds) -> list[Floats]:
    """Return the chance of each label by what each fold found, [fold] (n, classes), fitted to gold where it was held out."""
    known = np.arange(task.gold)
    fold, answer = parts.fold[: task.gold], task.label[: task.gold]
    methods = range(len(parts.scores[0]))
    weights = pooled([np.stack([part[m] for part in parts.scores])[fold, known] for m in methods], answer)
    return [chances(centred(part), weights, doubt(task.gold)) for part in parts.scores]


def held_out(parts: list[Floats], fold: Integers) -> Floats:
    """Return for each row what was found without its fold, shape (n, classes)."""
    found: Floats = np.stack(parts)[fold, np.arange(len(fold))]
    return found


def _scores(task: Task, rows: Integers, target: Floats, seed: int) -> list[Floats]:
    """Return what each method gives to all rows, having learnt from `rows`."""
    known, wanted = task.inputs[rows], target[rows]
    found = [
        logistic(known, wanted, task.inputs),
        radial(known, wanted, task.inputs),
        neighbours(known, wanted, task.inputs),
        trees(known, wanted, task.inputs, seed),
    ]
    if task.cosines is not None:
        near = task.cosines[:, np.searchsorted(task.landmarks, rows)]
        found.append(linear(near[rows], wanted, near))
    return found
