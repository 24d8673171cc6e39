"""What is left of the labels' truth when 20, 30 or 40 % of the workers are one ring or several that vote together?

The ring joins the crowd and answers as many items as its workers do, alike but for 5 % slips. 5 % of the items are
gold, the same as in the clean run, and never counted. A figure is the loss of accuracy against the clean run in the
same seed, mean over the crowds, in points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._crowds import Crowd, crowds, joined, turned
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


def accuracy(crowd: Crowd, gold: dict[int, int], method: str = "robust") -> float:
    """Return the accuracy on what is not gold; items that lost all labels count as wrong by chance."""
    labelled = {item: answer for item, answer in gold.items() if item <= crowd.item.max()}
    labels = crowd.labels(labelled)
    truth = infer(labels).truth if method == "robust" else METHODS[method](labels)
    answer = np.zeros(len(crowd.truth), dtype=np.int64)
    answer[: labels.items] = truth.label
    return 100.0 * crowd.accuracy(answer, gold)


def losses(
    name: str, clean: list[float], sets: list[Crowd], seed: int, method: str = "robust"
) -> list[float]:
    """Return how many points each crowd loses against `clean`; negative where it gains."""
    share, answers, rings = ATTACKS[name]
    found = []
    for crowd, before in zip(sets, clean, strict=True):
        attacked, _ = joined(crowd, share, answers, rings, seed)
        found.append(before - accuracy(attacked, crowd.gold(GOLD, seed), method))
    return found


def replaced(sets: list[Crowd], clean: list[float], seed: int) -> tuple[float, float]:
    """Return what is lost where 40 % of the workers are themselves the ring, and what their labels alone were worth."""
    lost = []
    for crowd, before in zip(sets, clean, strict=True):
        gold = crowd.gold(GOLD, seed)
        attacked, rest = turned(crowd, 0.4, seed)
        lost.append((before - accuracy(attacked, gold), before - accuracy(rest, gold)))
    return float(np.mean([ours for ours, _ in lost])), float(np.mean([least for _, least in lost]))


def measure(options: Options) -> list[Figure]:
    """Return the loss of each attack: median and worst seed, worst crowd, and what Dawid and Skene with the same gold lose."""
    sets = crowds(options.data)
    clean = [[accuracy(crowd, crowd.gold(GOLD, seed)) for crowd in sets] for seed in range(options.seeds)]
    figures = []
    aim: dict[str, Any] = {"limit": LIMIT, "against": "aim"}
    for name in ATTACKS:
        lost = np.array([losses(name, clean[seed], sets, seed) for seed in range(options.seeds)])
        plain = float(np.mean(losses(name, clean[0], sets, 0, "dawid_skene")))
        means = lost.mean(axis=1)
        figures.append(Figure(f"{name}: loss, median", float(np.median(means)), "points", **aim))
        figures.append(Figure(f"{name}: loss, worst seed", float(means.max()), "points", **aim))
        figures.append(Figure(f"{name}: loss, worst crowd and seed", float(lost.max()), "points"))
        figures.append(Figure(f"{name}: loss of dawid_skene with gold, one seed", plain, "points"))
    turn = np.array([replaced(sets, clean[seed], seed) for seed in range(options.seeds)])
    figures.append(Figure("40 % of the workers turn: loss, median", float(np.median(turn[:, 0])), "points"))
    figures.append(Figure("40 % of the workers leave: loss, median", float(np.median(turn[:, 1])), "points"))
    return figures


if __name__ == "__main__":
    main("rings", measure, seeds=10, data=None)
