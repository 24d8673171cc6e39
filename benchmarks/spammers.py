"""How well are spammers told from workers, where they are 40 % of all? Area under the curve, by kind of spammer.

Spammers join each crowd; its own workers count as honest, though some are spammers too, so 1 cannot be reached. A run
is the mean over the crowds.
"""

from __future__ import annotations

import numpy as np

from benchmarks._crowds import Crowd, crowds, joined, ranked
from benchmarks.report import Figure, Options, main
from sheaf.verification.aggregation import infer
from sheaf.verification.aggregation.workers import spammer_scores
from sheaf.verification.peer_prediction import correlated_agreement

SHARE, GOLD = 0.4, 0.05
LABELS = ((1, 4), (5, 9), (10, 19), (20, 49), (50, None))
"""Numbers of labels for which the area that can be reached is told apart."""
FEW = 3
"""Spammers and others of whom an area is taken at least."""
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


def predicted(sets: list[Crowd], answers: str) -> float:
    """Return the mean area of peer prediction alone: correlated agreement, which knows no answer and fits no model; one seed."""
    found = []
    for crowd in sets:
        attacked, is_spammer = joined(crowd, SHARE, answers, 1, 0)
        labels = attacked.labels()
        gave = labels.given > 0
        found.append(ranked(-correlated_agreement(labels)[gave], is_spammer[gave]))
    return float(np.mean(found))


def ceiling(sets: list[Crowd], answers: str, by_labels: bool = False) -> list[float]:
    """Return the mean area where the truth of every item is known, for all workers or for those with as many labels as in LABELS.

    Some of the crowds' own workers know no more than spammers, and few labels show little whatever is known.
    """
    ranges = LABELS if by_labels else ((1, None),)
    found: list[list[float]] = [[] for _ in ranges]
    for crowd in sets:
        attacked, is_spammer = joined(crowd, SHARE, answers, 1, 0)
        labels = attacked.labels(crowd.gold(1.0, 0))
        truth = labels.hold((labels.votes + 0.5) / (labels.votes + 0.5).sum(axis=1, keepdims=True))
        score = spammer_scores(labels, truth)
        for areas, (least, most) in zip(found, ranges, strict=True):
            gave = (labels.given >= least) & (labels.given <= (most or len(labels)))
            if min(is_spammer[gave].sum(), (~is_spammer[gave]).sum()) >= FEW:
                areas.append(ranked(score[gave], is_spammer[gave]))
    return [float(np.mean(areas)) if areas else 0.5 for areas in found]


def measure(options: Options) -> list[Figure]:
    """Return the median and the worst area with gold, one without, and one for the true matrices: what can be reached at all."""
    figures = []
    for name, (answers, aim) in KINDS.items():
        with_gold = [area(answers, GOLD, options, seed) for seed in range(options.seeds)]
        without = area(answers, 0.0, options, 0)
        known = ceiling(crowds(options.data), answers)[0]
        against = {"unit": "area", "limit": aim, "against": "aim", "better": "higher"}
        figures.append(Figure(f"{name}, median", float(np.median(with_gold)), **against))  # type: ignore[arg-type]
        figures.append(Figure(f"{name}, worst", float(np.min(with_gold)), **against))  # type: ignore[arg-type]
        figures.append(Figure(f"{name}, no gold, one seed", without, "area"))
        figures.append(Figure(f"{name}, all answers known, one seed", known, "area"))
        alone = predicted(crowds(options.data), answers)
        figures.append(Figure(f"{name}, peer prediction alone, one seed", alone, "area"))
    for (least, most), limit in zip(LABELS, ceiling(crowds(options.data), "random", True), strict=True):
        figures.append(
            Figure(f"random, all answers known, {least} to {most or 'more'} labels a worker", limit, "area")
        )
    return figures


if __name__ == "__main__":
    main("spammers", measure, seeds=10, data=None)
