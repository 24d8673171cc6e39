"""How well texts of machines are told from texts of people, by examples of both.

`--data DIR` holds `human/` and other folders of .txt files; files of one name answer one question and stay
together. Five folds by question: trained on four with everything that training decides (weights, threshold),
scored on the fifth. Figures over seeds of the folds. Recall at 1 % false positives is read off the scores of
the fifths, as is usual; *leads* are what the threshold from training lets through. Cut texts keep their first
100 words. Without a folder texts are drawn from two word models: a test of the machinery alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, Options, main
from sheaf.actions.quality.machine_text import examples_of
from sheaf.verification.machine_text import area, limit, train

FOLDS = 5
CUT = 100
Examples = tuple[list[str], list[bool], list[str]]


def made(count: int = 60, sentences: int = 12) -> Examples:
    """Draw texts from two models: one with a longer tail of words and uneven sentences, one with neither."""
    random = np.random.default_rng(17)
    words = ["".join(random.choice(list("abdeginorstu"), random.integers(2, 9))) for _ in range(800)]
    texts = []
    for is_machine in (False, True):
        rank = np.arange(1, len(words) + 1) ** (-0.9 if is_machine else -1.1)
        for _ in range(count):
            sizes = random.normal(18, 2 if is_machine else 7, sentences).clip(3).astype(int)
            parts = [
                " ".join(random.choice(words, size, p=rank / rank.sum())).capitalize() + "." for size in sizes
            ]
            texts.append(" ".join(parts))
    return texts, [False] * count + [True] * count, [str(i) for i in range(count)] * 2


def held_out(
    examples: Examples, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return for each example its score, the score of its first words, and whether it is a lead, by judges that never saw its group."""
    texts, is_machine, groups = (np.array(part, dtype=object) for part in examples)
    names, place = np.unique(groups.astype(str), return_inverse=True)
    folds = (np.random.default_rng([seed, 23]).permutation(len(names)) % FOLDS)[place]
    score, short, lead = np.zeros(len(texts)), np.zeros(len(texts)), np.zeros(len(texts), dtype=np.bool_)
    for fold in range(FOLDS):
        rest, here = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        judge = train(texts[rest].tolist(), is_machine[rest].tolist(), groups[rest].tolist(), seed)
        score[here] = judge.scores(texts[here].tolist())
        short[here] = judge.scores([" ".join(text.split()[:CUT]) for text in texts[here]])
        lead[here[[finding.record for finding in judge.leads(texts[here].tolist())]]] = True
    return score, short, lead


def measure(options: Options) -> list[Figure]:
    """Return areas, recalls, false positives and the error of calibration, median and worst over seeds."""
    examples = made() if options.data is None else examples_of(Path(options.data))
    machine = np.array(examples[1])
    runs: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        score, short, lead = held_out(examples, seed)
        bins = np.minimum((score * 10).astype(int), 9)
        gaps = [
            abs(score[bins == b].mean() - machine[bins == b].mean()) * (bins == b).mean()
            for b in np.unique(bins)
        ]
        for name, value in {
            "area under the curve": area(score, machine),
            "recall at 1 % false positives": float((score[machine] > limit(score[~machine])).mean()),
            "leads: recall": float(lead[machine].mean()),
            "leads: false positives": float(lead[~machine].mean()),
            "calibration error": float(sum(gaps)),
            "area, first 100 words": area(short, machine),
            "recall at 1 %, first 100 words": float((short[machine] > limit(short[~machine])).mean()),
        }.items():
            runs.setdefault(name, []).append(value)
    held = {"area under the curve": 0.96, "recall at 1 % false positives": 0.54} if options.data else {}
    figures = []
    for name, values in runs.items():
        is_cost = "positives" in name and "recall" not in name or "error" in name
        figures.append(
            Figure(
                f"{name}, median", float(np.median(values)), "share", limit=held.get(name),
                against="measured before" if name in held else "", better="lower" if is_cost else "higher",
            )
        )  # fmt: skip
        figures.append(Figure(f"{name}, worst", max(values) if is_cost else min(values), "share"))
    return figures


if __name__ == "__main__":
    main("machine_text", measure, seeds=3, data=None)
