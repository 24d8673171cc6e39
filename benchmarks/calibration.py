"""Do posteriors mean what they say? Calibrated on 5 % gold, measured on the items that are not gold.

All items of all crowds are pooled, a seed draws the gold. The expected calibration error is over 15 even bins of the
stated chance that the label is right (Naeini, Cooper and Hauskrecht, AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks._crowds import Crowd, crowds
from benchmarks.report import Figure, Options, main
from sheaf.verification.aggregation import METHODS, infer
from sheaf.verification.aggregation.stopping import stopped

GOLD = 0.05
BINS = 15
STATED, RIGHT, ERROR = 0.99, 0.985, 0.02


@dataclass(frozen=True)
class Told:
    """What was stated of items that are not gold, and whether it was right."""

    stated: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def error(self) -> float:
        """The expected calibration error."""
        place = np.minimum((self.stated * BINS).astype(np.int64), BINS - 1)
        gaps = np.bincount(place, weights=self.stated - self.right, minlength=BINS)
        return float(np.abs(gaps).sum() / len(self.stated))

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Those stated to be right with .99 at least."""
        return self.stated >= STATED


def told(sets: list[Crowd], seed: int, method: str) -> list[Told]:
    """Return what a method states of each crowd's items; `robust` is the calibrated whole, others their raw posteriors."""
    found = []
    for crowd in sets:
        gold = crowd.gold(GOLD, seed)
        labels = crowd.labels(gold)
        truth = infer(labels).truth if method == "calibrated" else METHODS[method](labels.blind)
        asked = crowd.asked(gold)
        found.append(Told(truth.confidence[asked], truth.label[asked] == crowd.truth[asked]))
    return found


def pooled(parts: list[Told]) -> Told:
    """Return all crowds' items as one."""
    return Told(np.concatenate([p.stated for p in parts]), np.concatenate([p.right for p in parts]))


def saved(crowd: Crowd, target: float) -> tuple[float, float]:
    """Return the share of labels that early stopping leaves unbought, and the points of accuracy that it costs."""
    gold = crowd.gold(GOLD, 0)
    labels = crowd.labels(gold)
    arrival = np.random.default_rng(0).permutation(len(labels)).astype(np.int64)
    early = stopped(labels, arrival, target)
    lost = crowd.accuracy(infer(labels).truth.label, gold) - crowd.accuracy(early.label, gold)
    return 1.0 - float(early.bought.mean()), 100.0 * lost


def measure(options: Options) -> list[Figure]:
    """Return calibration error, what statements of .99 are worth and how many there are; and what early stopping saves."""
    sets = crowds(options.data)
    parts = [told(sets, seed, "calibrated") for seed in range(options.seeds)]
    runs = [pooled(part) for part in parts]
    errors = np.array([run.error for run in runs])
    right = np.array([run.right[run.sure].mean() if run.sure.any() else 1.0 for run in runs])
    raw = pooled(told(sets, 0, "dawid_skene"))
    error = {"unit": "", "limit": ERROR, "against": "aim"}
    sure = {"unit": "share right", "limit": RIGHT, "against": "aim", "better": "higher"}
    figures = [
        Figure("expected calibration error, median", float(np.median(errors)), **error),  # type: ignore[arg-type]
        Figure("expected calibration error, worst", float(errors.max()), **error),  # type: ignore[arg-type]
        Figure(
            "mean of each crowd's own error", float(np.mean([p.error for part in parts for p in part])), ""
        ),
        Figure("expected calibration error of raw dawid_skene", raw.error, ""),
        Figure("stated .99, median", float(np.median(right)), **sure),  # type: ignore[arg-type]
        Figure("stated .99, worst", float(right.min()), **sure),  # type: ignore[arg-type]
        Figure("stated .99 by raw dawid_skene", float(raw.right[raw.sure].mean()), "share right"),
        Figure("items of which .99 is stated", float(np.mean([run.sure.mean() for run in runs])), "share"),
    ]
    for target in (0.9, 0.95):
        early = np.array([saved(crowd, target) for crowd in sets])
        figures.append(Figure(f"labels not bought, stopping at {target}", float(early[:, 0].mean()), "share"))
        figures.append(Figure(f"accuracy lost, stopping at {target}", float(early[:, 1].mean()), "points"))
    return figures


if __name__ == "__main__":
    main("calibration", measure, seeds=10, data=None)
