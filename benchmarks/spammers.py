"""How well are spammers told from workers, where they are 40 % of all? Area under the curve, by kind of spammer.

Spammers join each crowd; its own workers count as honest, though some are spammers too, so 1 cannot be reached. A run
is the mean over the crowds.
"""

from __future__ import annotations

import numpy as np

from benchmarks._crowds import Crowd, crowds, joined, ranked
from benchmarks.report import Figure, Options, main
from sheaf.verification.aggregation import infer
from sheaf.verification.aggregation.workers import informative

SHARE, GOLD = 0.4, 0.05
KINDS = {
    "random": ("random", 0.95),
    "constant": ("constant", 0.97),
    "ring, always wrong": ("wrong", 0.95),
    "ring, right by chance": ("chance", 0.95),
    "camouflage": ("camouflage", 0.75),
}
"""Name, answers of the attackers, and the area aimed at."""


def area(answers: str, share: float, options: Options, seed: int) -> float:
    """Return the mean area over the crowds, for one seed."""
    found = []
    for crowd in crowds(options.data):
        gold = crowd.gold(share, seed) if share else {}
        attacked, is_spammer = joined(crowd, SHARE, answers, 1, seed)
        labels = attacked.labels(gold)
        gave = labels.given > 0
        found.append(ranked(infer(labels).spammer[gave], is_spammer[gave]))
    return float(np.mean(found))


def ceiling(crowd: Crowd, answers: str) -> float:
    """Return the area where the truth of every item is known: some of the crowd's own workers know no more than spammers."""
    attacked, is_spammer = joined(crowd, SHARE, answers, 1, 0)
    labels = attacked.labels(crowd.gold(1.0, 0))
    gave = labels.given > 0
    truth = labels.hold(labels.votes / np.maximum(labels.votes.sum(axis=1, keepdims=True), 1.0))
    return ranked(1.0 - informative(labels, truth)[gave], is_spammer[gave])


def measure(options: Options) -> list[Figure]:
    """Return the median and the worst area with gold, one without, and one for the true matrices: what can be reached at all."""
    figures = []
    for name, (answers, aim) in KINDS.items():
        with_gold = [area(answers, GOLD, options, seed) for seed in range(options.seeds)]
        without = area(answers, 0.0, options, 0)
        known = float(np.mean([ceiling(crowd, answers) for crowd in crowds(options.data)]))
        against = {"unit": "area", "limit": aim, "against": "aim", "better": "higher"}
        figures.append(Figure(f"{name}, median", float(np.median(with_gold)), **against))  # type: ignore[arg-type]
        figures.append(Figure(f"{name}, worst", float(np.min(with_gold)), **against))  # type: ignore[arg-type]
        figures.append(Figure(f"{name}, no gold, one seed", without, "area"))
        figures.append(Figure(f"{name}, all answers known, one seed", known, "area"))
    return figures


if __name__ == "__main__":
    main("spammers", measure, seeds=10, data=None)
