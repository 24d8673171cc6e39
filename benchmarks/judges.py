"""How good is what committees approve? Real judges on UCI digits, real errors, truth known to the measure alone.

Every seed deals 1,797 digits anew: 250 are the buyer's sample, the rest goes to ten contributors. Seven are honest, one sends
random pixels, one mislabels 30 % at random, one mislabels 30 % as the digit it is most easily taken for. Nine judges of nine kinds
see the sample alone. Each submission gets a committee of five by lot: approved or rejected by four, else by the majority of all
nine (the contracts would draw eleven).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.report import Figure, Options, main
from sheaf.domain.request import Specification
from sheaf.verification.judges import KINDS
from sheaf.verification.judges.classifier import Classifier

SAMPLE = 250
CONTRIBUTORS = 10
MISLABELLED = 0.3
SPECIFICATION = Specification(title="digits", schema={}, licence="CC0-1.0", label="label")
TAKEN_FOR = np.array([6, 8, 1, 8, 9, 3, 8, 9, 1, 3])
"""For each digit another that it is easily taken for."""


def table(pixels: NDArray[np.int64], labels: NDArray[np.int64]) -> pa.Table:
    """Return records as a contributor would send them."""
    return pa.table({"pixels": pixels.tolist(), "label": labels})


def deal(seed: int) -> tuple[pa.Table, pa.Table, NDArray[np.bool_], NDArray[np.int64]]:
    """Return the sample, all records submitted, which of them are right, and who sent each."""
    from sklearn.datasets import load_digits

    digits, random = load_digits(), np.random.default_rng(seed)
    order = random.permutation(len(digits.target))
    pixels, labels = digits.data[order].astype(np.int64), digits.target[order].astype(np.int64)
    sample = table(pixels[:SAMPLE], labels[:SAMPLE])
    pixels, labels = pixels[SAMPLE:], labels[SAMPLE:]
    sender = np.arange(len(labels)) * CONTRIBUTORS // len(labels)
    is_right = np.ones(len(labels), dtype=np.bool_)
    is_right[sender == 7] = False
    pixels[sender == 7] = random.integers(0, 17, pixels[sender == 7].shape)
    for who in (8, 9):
        mine = np.flatnonzero(sender == who)
        wrong = random.choice(mine, round(MISLABELLED * len(mine)), replace=False)
        shift = (labels[wrong] + random.integers(1, 10, len(wrong))) % 10
        labels[wrong] = shift if who == 8 else TAKEN_FOR[labels[wrong]]
        is_right[wrong] = False
    return sample, table(pixels, labels), is_right, sender


def decide(
    votes: NDArray[np.bool_], sender: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which records committees approve, and which went to the second round; `votes` has shape (judges, n)."""
    random = np.random.default_rng([seed, 1])
    approved, hung = np.zeros((2, len(sender)), dtype=np.bool_)
    for who in range(CONTRIBUTORS):
        mine = np.flatnonzero(sender == who)
        first = votes[random.permutation(len(votes))[:5]][:, mine].sum(axis=0)
        everyone = votes[:, mine].sum(axis=0) * 2 > len(votes)
        hung[mine] = (first > 1) & (first < 4)
        approved[mine] = np.where(hung[mine], everyone, first >= 4)
    return approved, hung


def measure(options: Options) -> list[Figure]:
    """Return precision and recall of the approved set, worst seed and mean, and each kind's own mean."""
    runs: list[dict[str, Any]] = []
    alone = np.zeros((options.seeds, len(KINDS), 2))
    for seed in range(options.seeds):
        sample, records, is_right, sender = deal(seed)
        votes = np.array([Classifier(k, sample, "label", seed).judge(records, SPECIFICATION) for k in KINDS])
        for i, vote in enumerate(votes):
            alone[seed, i] = is_right[vote].mean(), vote[is_right].mean()
        approved, hung = decide(votes, sender, seed)
        wrong = {
            kind: approved[(sender == who) & ~is_right].mean()
            for who, kind in ((7, "garbage"), (8, "random"), (9, "likely"))
        }
        found = {
            "precision": is_right[approved].mean(),
            "recall": approved[is_right].mean(),
            "hung": hung.mean(),
        }
        runs.append({**found, "first": (approved & ~hung)[is_right].mean(), **wrong})
    column = {name: np.array([run[name] for run in runs]) for name in runs[0]}
    high: dict[str, Any] = {"unit": "share", "better": "higher"}
    figures = [
        Figure("precision", float(column["precision"].mean()), limit=0.98, against="aim", **high),
        Figure("precision, worst seed", float(column["precision"].min()), limit=0.98, against="aim", **high),
        Figure("recall", float(column["recall"].mean()), limit=0.9, against="aim", **high),
        Figure("recall, worst seed", float(column["recall"].min()), limit=0.9, against="aim", **high),
        Figure("recall, first round alone", float(column["first"].mean()), "share"),
        Figure("second rounds", float(column["hung"].mean()), "share of records"),
        Figure("garbage approved", float(column["garbage"].mean()), "share of its records"),
        Figure("random mislabels approved", float(column["random"].mean()), "share of its wrong records"),
        Figure("likely mislabels approved", float(column["likely"].mean()), "share of its wrong records"),
    ]
    for kind, (precision, recall) in zip(KINDS, alone.mean(axis=0), strict=True):
        figures.append(Figure(f"{kind} alone, precision", float(precision), "share"))
        figures.append(Figure(f"{kind} alone, recall", float(recall), "share"))
    return figures


if __name__ == "__main__":
    main("judges", measure, seeds=3)
