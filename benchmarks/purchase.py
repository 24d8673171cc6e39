"""How good is what a buyer takes, where 40 % of the contributors are spammers and the threshold comes from gold alone?

Twenty contributors of unequal size; eight are spammers: two answer at random, one flips every label, one sends garbage (what it
sends has the right values in the wrong places), two agree to move every label to the next, two are honest in half of their records.
A fifth of the set is gold. *Precision* is the share of what is taken whose input is real and whose label is true; *clean recall*
the share taken of records that nobody touched: those of honest contributors and the good halves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._records import CONTRIBUTOR, LABEL, Integers, Offer, Set, dealt, flipped, labelled, sets
from benchmarks.report import Figure, Options, main
from sheaf.verification.scoring import score

HONEST = 12
SPAMMERS = (
    "random",
    "random",
    "flipped",
    "garbage",
    "coordinated",
    "coordinated",
    "half-honest",
    "half-honest",
)
"""Precision and clean recall that are aimed at."""
AIMS = (0.99, 0.90)


def offer(of: Set, seed: int, spammers: tuple[str, ...] = SPAMMERS) -> Offer:
    """Deal a set to honest contributors and `spammers`, and let these do their work."""
    of, gold = dealt(of, seed)
    random = np.random.default_rng([seed, 9])
    kinds = ("honest",) * HONEST + spammers
    count = len(of.label) - gold
    size = random.dirichlet(np.full(len(kinds), 5.0))
    sender = random.choice(len(kinds), count, p=size)
    kind = np.array(kinds)[sender]
    truth = of.label[gold:]
    label, is_clean = spoilt(truth, kind, len(of.names), random)
    known = labelled(of, of.label)
    sent = garbled(labelled(of, np.concatenate([of.label[:gold], label]))[gold:], kind == "garbage", random)
    is_right = (label == truth) & (kind != "garbage")
    code = random.permutation(len(kinds))[sender]
    records = sent.append_column(CONTRIBUTOR, pa.array([f"contributor {i:02}" for i in code]))
    return Offer(known[:gold], records, is_right, is_clean, kind.tolist(), label, truth)


def spoilt(truth: Integers, kind: Any, classes: int, random: np.random.Generator) -> tuple[Integers, Any]:
    """Return the labels that are sent, and which records nobody touched."""
    half = random.random(len(truth)) < 0.5
    wrong = flipped(truth, classes, random)
    label = np.select(
        [
            np.isin(kind, ("random", "garbage")),
            kind == "flipped",
            kind == "coordinated",
            kind == "half-honest",
        ],
        [random.integers(0, classes, len(truth)), wrong, (truth + 1) % classes, np.where(half, truth, wrong)],
        truth,
    )
    return label, (kind == "honest") | ((kind == "half-honest") & half)


def garbled(table: pa.Table, is_garbage: Any, random: np.random.Generator) -> pa.Table:
    """Return records whose values, where `is_garbage`, come from all over: columns shuffled, lists shuffled inside, words of any text."""
    at = np.flatnonzero(is_garbage)
    for place, name in enumerate(table.column_names):
        if name == LABEL or not len(at):
            continue
        values = table.column(name).to_pylist()
        pool = [value for value in values if value is not None]
        if isinstance(pool[0], str):
            pool = [word for text in pool for word in text.split()]
        for i in at:
            if isinstance(values[i], list):
                values[i] = [pool[j][k] for k, j in enumerate(random.integers(0, len(pool), len(values[i])))]
            elif isinstance(values[i], str):
                length = max(1, len(values[i].split()))
                values[i] = " ".join(pool[j] for j in random.integers(0, len(pool), length))
            else:
                values[i] = pool[int(random.integers(0, len(pool)))]
        table = table.set_column(place, name, pa.array(values, table.column(name).type))
    return table


def bought(given: Offer, seed: int) -> dict[str, float]:
    """Return precision, clean recall, the recall of all that is right, and what share of each kind was taken."""
    found = score(given.gold, given.records, LABEL, CONTRIBUTOR, seed=seed)
    take, kind = found.is_taken, np.array(given.kind)
    told = {
        "precision": float(given.is_right[take].mean()) if take.any() else 1.0,
        "clean recall": float(take[given.is_clean].mean()),
        "recall of all that is right": float(take[given.is_right].mean()),
        "stated precision": float(found.good[take].mean()) if take.any() else 1.0,
    }
    half = (kind == "half-honest") & given.is_clean
    told["good halves taken"] = float(take[half].mean()) if half.any() else 1.0
    return told


def measure(options: Options) -> list[Figure]:
    """Return the median and the worst of every number, set by set."""
    figures = []
    for of in sets(options.data):
        runs = [bought(offer(of, seed), seed) for seed in range(options.seeds)]
        for name in runs[0]:
            values = np.array([run[name] for run in runs])
            aims = dict(zip(("precision", "clean recall"), AIMS, strict=True))
            held: dict[str, Any] = {"better": "higher"}
            if name in aims:
                held |= {"limit": aims[name], "against": "aim"}
            figures.append(Figure(f"{of.name}: {name}, median", float(np.median(values)), "share", **held))
            figures.append(Figure(f"{of.name}: {name}, worst", float(values.min()), "share", **held))
    return figures


if __name__ == "__main__":
    main("purchase", measure, seeds=10, data=None)
