"""How good is what a buyer takes, where 40 % of the contributors are spammers and the threshold comes from gold alone?

Twenty contributors of unequal size; eight are spammers: two answer at random, one flips every label, one sends garbage (values
from anywhere in their column; for every other seed noise of the column's range), two agree to move every label to the next, two
are honest in half of their records.
A fifth of the set is gold. *Precision* is the share of what is taken whose input is real and whose label is true; *clean recall*
the share taken of records that nobody touched: those of honest contributors and the good halves.
"""

from __future__ import annotations

from collections.abc import Callable
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
AIMS = (0.99, 0.90)
"""Precision and clean recall that are aimed at."""


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
    sent = labelled(of, np.concatenate([of.label[:gold], label]))[gold:]
    sent = garbled(sent, kind == "garbage", random, is_noise=bool(seed % 2))
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


def garbled(table: pa.Table, is_garbage: Any, random: np.random.Generator, is_noise: bool) -> pa.Table:
    """Return records that are garbage where `is_garbage`: values from anywhere in their column, or noise of the column's range.

    The numbers of a list are drawn one by one; of a text the words, or for noise the letters of each word.
    """
    at = np.flatnonzero(is_garbage)
    for place, name in enumerate(table.column_names):
        if name == LABEL or not len(at):
            continue
        values = table.column(name).to_pylist()
        pool = [value for value in values if value is not None]
        draw = (
            _words(pool, random, is_noise) if isinstance(pool[0], str) else _numbers(pool, random, is_noise)
        )
        for i in at:
            values[i] = draw(values[i])
        table = table.set_column(place, name, pa.array(values, table.column(name).type))
    return table


def _draw(pool: list[Any], random: np.random.Generator, is_noise: bool) -> Callable[[Any], Any]:
    if isinstance(pool[0], bytes):
        return lambda data: random.bytes(len(data or b""))
    return (_words if isinstance(pool[0], str) else _numbers)(pool, random, is_noise)


def _words(pool: list[str], random: np.random.Generator, is_noise: bool) -> Callable[[Any], Any]:
    words = [word for text in pool for word in text.split()]
    letters = np.array(sorted(set("".join(words))))

    def draw(text: str | None) -> str:
        chosen = [words[i] for i in random.integers(0, len(words), max(1, len((text or "").split())))]
        if is_noise:
            chosen = ["".join(random.choice(letters, len(word))) for word in chosen]
        return " ".join(chosen)

    return draw


def _numbers(pool: list[Any], random: np.random.Generator, is_noise: bool) -> Callable[[Any], Any]:
    is_list = isinstance(pool[0], list)
    flat = np.array([number for row in pool for number in row] if is_list else pool)
    low, high = flat.min(), flat.max()

    def noise() -> Any:
        return type(flat[0].item())(random.uniform(low, high))

    def draw(value: Any) -> Any:
        if not is_list:
            return noise() if is_noise else pool[int(random.integers(0, len(pool)))]
        rows = random.integers(0, len(pool), len(value))
        return [noise() if is_noise else pool[i][min(k, len(pool[i]) - 1)] for k, i in enumerate(rows)]

    return draw


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
