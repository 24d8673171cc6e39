"""How many labels are right, and how fast: every method against majority vote and, where it can be imported, against
crowd-kit.

Accuracy is the mean over the crowds. With gold, 5 % of the items are given and not counted. A second count takes gold
as answered, which it is for whoever asked. Speeds are labels per second of processor time, on one made crowd of 300,000
labels.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._crowds import Crowd, crowds, made
from benchmarks.report import Figure, Options, main
from sheaf.verification.aggregation import METHODS, Labels, Truth, infer

GOLD = 0.05
PEERS: dict[str, dict[str, int]] = {
    "DawidSkene": {},
    "OneCoinDawidSkene": {},
    "GLAD": {"n_iter": 15},
    "MACE": {"n_restarts": 2, "n_iter": 20, "random_state": 0},
    "Wawa": {},
    "ZeroBasedSkill": {},
    "MMSR": {},
    "MajorityVote": {},
}
"""Methods of crowd-kit; the two slow ones with fewer iterations than by default, at no loss of accuracy. Failures are said."""
SPEEDS = {"dawid_skene": 1_000_000, "ensemble": 50_000}
LARGE = (60_000, 500, 2, 5)


def peer(name: str, crowd: Crowd) -> float:
    """Return the accuracy of a method of crowd-kit on its defaults."""
    import pandas

    aggregation: Any = __import__("crowdkit.aggregation", fromlist=[name])
    frame = pandas.DataFrame({"task": crowd.item, "worker": crowd.worker, "label": crowd.label})
    found = getattr(aggregation, name)(**PEERS[name]).fit_predict(frame.drop_duplicates(["task", "worker"]))
    known = np.flatnonzero(crowd.truth >= 0)
    return float((found.reindex(known).to_numpy() == crowd.truth[known]).mean())


def peers(sets: list[Crowd]) -> dict[str, float]:
    """Return the mean accuracy of each method of crowd-kit that can be run here."""
    found = {}
    for name in PEERS:
        try:
            found[name] = float(np.mean([peer(name, crowd) for crowd in sets]))
        except Exception as error:
            print(f"crowd-kit {name} fails, left out: {type(error).__name__}: {str(error)[:120]}")
    return found


def with_gold(sets: list[Crowd], share: float, seed: int) -> tuple[float, float]:
    """Return the mean accuracy on items that are not gold, and on all."""
    open_, all_ = [], []
    for crowd in sets:
        gold = crowd.gold(share, seed)
        answer = infer(crowd.labels(gold)).truth.label
        open_.append(crowd.accuracy(answer, gold))
        all_.append(crowd.accuracy(answer))
    return float(np.mean(open_)), float(np.mean(all_))


def speed(method: Callable[[Labels], Truth], labels: Labels) -> float:
    """Return labels per second of processor time, the best of three."""
    took = []
    for _ in range(3):
        start = time.process_time()
        method(labels)
        took.append(time.process_time() - start)
    return len(labels) / min(took)


def measure(options: Options) -> list[Figure]:
    """Return accuracies, with and without gold, the curve over the share of gold, and speeds."""
    sets = crowds(options.data)
    own = {
        name: float(np.mean([crowd.accuracy(method(crowd.labels()).label) for crowd in sets]))
        for name, method in METHODS.items()
    }
    against, best = {"majority": own["majority"]}, "majority, here"
    if importlib.util.find_spec("crowdkit"):
        against = peers(sets)
        best = f"crowd-kit's {max(against, key=lambda name: against[name])}"
    else:
        print("crowd-kit cannot be imported: its figures are left out (pip install crowd-kit)")
    top = max(against.values())
    held = {"unit": "share right", "better": "higher"}
    figures = [Figure(f"{name}, no gold", share, "share right") for name, share in own.items()]
    figures += [
        Figure(f"crowd-kit {name}", share, "share right")
        for name, share in against.items()
        if len(against) > 1
    ]
    figures.append(Figure("best, no gold", own["ensemble"], peer=top, against=best, **held))  # type: ignore[arg-type]
    for share in (GOLD, 0.1, 0.2):
        seeds = options.seeds if share == GOLD else min(options.seeds, 3)
        runs = np.array([with_gold(sets, share, seed) for seed in range(seeds)])
        aim: dict[str, Any] = {**held, "limit": top + 0.01, "against": f"{best} + 1 point"}
        extra = aim if share == GOLD else {"unit": "share right"}
        figures.append(
            Figure(f"{share:.0%} gold, gold not counted, median", float(np.median(runs[:, 0])), **extra)
        )
        figures.append(Figure(f"{share:.0%} gold, gold not counted, worst", float(runs[:, 0].min()), **extra))
        figures.append(
            Figure(f"{share:.0%} gold, gold counted, median", float(np.median(runs[:, 1])), **extra)
        )
    large = made("large", 0, LARGE).labels()
    for name, method in METHODS.items():
        floor: dict[str, Any] = {}
        if name in SPEEDS:
            floor = {"limit": SPEEDS[name], "against": "aim", "better": "higher"}
        figures.append(Figure(f"{name}: speed", speed(method, large), "labels/s per core", **floor))
    return figures


if __name__ == "__main__":
    main("labels", measure, seeds=10, data=None)
