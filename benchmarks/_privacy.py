"""Attackers of private answers: membership of a person in training data, differences of questions, races and kills of the ledger."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sheaf.domain.errors import Refused
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job, Ledger
from sheaf.privacy.statistics.answer import Charge, ask
from sheaf.privacy.statistics.columns import Column, Population
from sheaf.privacy.statistics.plan import plan
from sheaf.privacy.training.models import Model, Weights, predict

Fit = Callable[[NDArray[np.float32], NDArray[np.int64], int], Weights]


def membership(
    model: Model, fit: Fit, features: NDArray[np.float32], labels: NDArray[np.int64], targets: int
) -> tuple[list[float], list[float]]:
    """Return the AUC of two attacks on each of `targets` models, every one trained on a random half of the examples.

    *Threshold*: members have lower loss (Yeom and others 2018). *Shadow*: all other models, of which the attacker knows the members,
    say how sure a model is of an example it was, and was not, trained on; the likelihood ratio of both (Carlini and others 2022).
    """
    from sklearn.metrics import roc_auc_score

    count = len(labels)
    members = np.stack(
        [np.random.default_rng(seed).permutation(count) < count // 2 for seed in range(targets)]
    )
    surety = np.empty((targets, count))
    for seed in range(targets):
        weights = fit(features[members[seed]], labels[members[seed]], seed)
        right = predict(model, weights, features)[np.arange(count), labels].clip(1e-9, 1 - 1e-9)
        surety[seed] = np.log(right) - np.log1p(-right)
    threshold = [float(roc_auc_score(members[target], surety[target])) for target in range(targets)]
    shadow = []
    for target in range(targets):
        others = np.arange(targets) != target
        is_in, known = members[others], surety[others]
        spread = known.std() + 1e-9
        inside = np.where(is_in, known, np.nan)
        outside = np.where(is_in, np.nan, known)
        mean_in, mean_out = np.nanmean(inside, 0), np.nanmean(outside, 0)
        scale = np.nanstd(inside, 0) + np.nanstd(outside, 0) + 0.1 * spread
        ratio = ((surety[target] - mean_out) ** 2 - (surety[target] - mean_in) ** 2) / scale**2
        shadow.append(float(roc_auc_score(members[target], np.nan_to_num(ratio))))
    return threshold, shadow


PEOPLE = Population(
    {"age": Column("age", "integer", 0, 120), "ill": Column("ill", "boolean", categories=(False, True))}
)
DELTA = 1e-6


def differencing(folder: Path, seed: int, budget: float, trials: int) -> tuple[float, float, int]:
    """Let seven buyers collude to learn whether the one person of age 101 is ill, by pairs of questions that differ in that person alone.

    They ask, each time in other words and under other names, until the ledger stops them, and decide by the mean of all differences.
    Returns how often they were right, the ε that all answers together cost at most, and how many answers they got.
    """
    rng = np.random.default_rng(seed)
    right, cost, answers = 0, 0.0, 0
    for trial in range(trials):
        truth = bool(rng.integers(2))
        ages = np.append(rng.integers(20, 90, 300), 101)
        frame = pl.DataFrame({"age": ages, "ill": np.append(rng.random(300) < 0.3, truth)})
        ledger = Ledger(folder / f"{seed}-{trial}.sqlite")
        ledger.open_accounts(["dataset"], Budget(budget, DELTA))
        differences, number = [], 0
        try:
            while number < 1000:
                pair = []
                for wording in (f"age < {200 + number}", f"NOT age >= 100 AND age < {200 + number}"):
                    asked = plan(
                        f"SELECT count(*) FROM data WHERE ill = TRUE AND {wording}", PEOPLE, budget / 8, DELTA
                    )
                    charge = Charge("dataset", f"buyer {number % 7}")
                    pair.append(ask(ledger, f"{number} {wording}", charge, asked, frame.clone).value)
                differences.append(float(pair[0]) - float(pair[1]))  # type: ignore[arg-type]
                number += 1
        except Refused:
            pass
        losses = [entry.loss for entry in ledger.history("dataset")]
        cost, answers = max(cost, sum(losses, Loss()).epsilon(DELTA)), len(losses)
        right += (np.mean(differences) > 0.5) == truth
        ledger.close()
    return right / trials, cost, answers


def race(path: Path, processes: int, shares: int) -> int:
    """Let `processes` ask five times each, at one moment, for a share of a budget that has `shares`; return how many were granted."""
    budget = Budget(1.0, DELTA)
    Ledger(path).open_accounts(["dataset"], budget)
    share = Loss(budget.nanonats / 1e9 / budget.order / shares * (1 - 1e-6))
    context = multiprocessing.get_context("fork")
    start = context.Barrier(processes)
    racers = [
        context.Process(target=_racer, args=(path, share, start, number)) for number in range(processes)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return sum(racer.exitcode or 0 for racer in racers)


def _racer(path: Path, share: Loss, start: Any, number: int) -> None:
    start.wait()
    ledger, granted = Ledger(path), 0
    for attempt in range(5):
        try:
            granted += ledger.spend(_job(f"{number}-{attempt}"), share, ["dataset"]).is_new
        except Refused:
            continue
    os._exit(granted)


def kills(folder: Path, seed: int, count: int) -> tuple[int, int, int]:
    """Kill a process that spends and answers `count` times at random moments; return charges too many, answers that changed, jobs."""
    rng = np.random.default_rng(seed)
    path, released = folder / f"killed-{seed}.sqlite", folder / f"released-{seed}"
    Ledger(path).open_accounts(["dataset"], Budget(50.0, DELTA))
    for _ in range(count):
        child = os.fork()
        if not child:
            _work(path, released)
        time.sleep(rng.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    ledger = Ledger(path)
    entries = ledger.history("dataset")
    answers: dict[str, set[str]] = {}
    for line in released.read_text().splitlines() if released.exists() else []:
        name, _, answer = line.partition(" ")
        answers.setdefault(name, set()).add(answer)
    changed = sum(len(found) > 1 for found in answers.values())
    ledger.check(ledger.head())
    extra = len(entries) - len({entry.job for entry in entries})
    extra += ledger.balance("dataset").spent_nanonats != sum(entry.nanonats for entry in entries)
    return extra + len(set(answers) - {entry.job for entry in entries}), changed, len(entries)


def _work(path: Path, released: Path) -> None:
    ledger, noise, number = Ledger(path), np.random.default_rng(), 0
    while True:
        grant = ledger.spend(_job(f"{number}"), Loss(1e-7), ["dataset"])
        answer = grant.answer or ledger.keep(f"{number}", str(noise.normal()).encode())
        # One write of one line: what is given out is given out whole.
        with released.open("ab", buffering=0) as file:
            file.write(f"{number} {answer.decode()}\n".encode())
        # Every job is tried again by the next process, as a provider does that does not know what its forerunner finished.
        number = number + 1 if noise.random() < 0.9 else max(0, number - 2)


def _job(name: str) -> Job:
    return Job(name, hashlib.sha256(name.encode()).digest())
