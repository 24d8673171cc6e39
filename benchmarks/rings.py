"""What is left of the labels' truth when 20, 30 or 40 % of the workers are one ring or several that vote together?

The ring joins the crowd and answers as many items as its workers do, alike but for 5 % slips. 5 % of the items are
gold, the same as in the clean run, and never counted. A figure is the loss of accuracy against the clean run in the
same seed, mean over the crowds, in points.
"""

from __future__ import annotations

import numpy as np

from benchmarks._crowds import Crowd, crowds, joined
from benchmarks.report import Figure, Options, main
from sheaf.verification.aggregation import METHODS, infer

GOLD = 0.05
LIMIT = 2.0
ATTACKS = {
    "40 %, always wrong": (0.4, "wrong", 1),
    "40 %, right by chance": (0.4, "chance", 1),
    "40 %, right on half": (0.4, "half", 1),
    "40 %, three rings": (0.4, "chance", 3),
    "30 %, right by chance": (0.3, "chance", 1),
    "20 %, right by chance": (0.2, "chance", 1),
}


def accuracy(crowd: Crowd, gold: dict[int, int], method: str) -> float:
    """Return the accuracy on what is not gold."""
    labels = crowd.labels(gold)
    truth = infer(labels).truth if method == "robust" else METHODS[method](labels)
    return crowd.accuracy(truth.label, gold)


def losses(name: str, method: str, sets: list[Crowd], seed: int) -> list[float]:
    """Return how many points each crowd loses to the attack; negative where it gains."""
    share, answers, rings = ATTACKS[name]
    found = []
    for crowd in sets:
        gold = crowd.gold(GOLD, seed)
        attacked, _ = joined(crowd, share, answers, rings, seed)
        found.append(100 * (accuracy(crowd, gold, "robust") - accuracy(attacked, gold, method)))
    return found


def measure(options: Options) -> list[Figure]:
    """Return the loss of each attack: median and worst seed, worst crowd, and what Dawid and Skene with the same gold lose."""
    sets = crowds(options.data)
    figures = []
    for name in ATTACKS:
        lost = np.array([losses(name, "robust", sets, seed) for seed in range(options.seeds)])
        plain = float(np.mean(losses(name, "dawid_skene", sets, 0)))
        means = lost.mean(axis=1)
        figures.append(
            Figure(f"{name}: loss, median", float(np.median(means)), "points", limit=LIMIT, against="aim")
        )
        figures.append(
            Figure(f"{name}: loss, worst seed", float(means.max()), "points", limit=LIMIT, against="aim")
        )
        figures.append(Figure(f"{name}: loss, worst crowd and seed", float(lost.max()), "points"))
        figures.append(Figure(f"{name}: loss of dawid_skene with gold, one seed", plain, "points"))
    return figures


if __name__ == "__main__":
    main("rings", measure, seeds=10, data=None)
