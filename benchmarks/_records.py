"""Sets of records with known labels for the benchmarks of scoring: read from a folder, or scikit-learn's own; and what spoils them.

A folder holds one file a set (`NAME.parquet`, `.csv`, `.jsonl`), or one folder a set with `records.parquet`, `records.csv` or
`records.jsonl`: a column `label` (else `target`, `class` or `y`), and columns of numbers, lists of numbers, images or texts.
Without one: breast cancer, digits, and a made set of texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

LARGEST = 2_000
"""Records used of a set, drawn by lot."""
GOLD = 0.2
FILES = ("records.parquet", "records.csv", "records.jsonl")
SUFFIXES = (".parquet", ".csv", ".jsonl")
LABEL, CONTRIBUTOR = "label", "contributor"
LABELS = (LABEL, "target", "class", "y")
"""Names of the column of labels in files: the first that is there."""


@dataclass(frozen=True)
class Set:
    """Records without labels, and the true `label` of each, a place in `names`; shape (n,)."""

    name: str
    records: pa.Table
    label: Integers
    names: list[Any]


@dataclass(frozen=True)
class Offer:
    """Gold, and what is submitted: `is_right` where label and input are true, `is_clean` where nobody touched them, who is of
    which `kind`.
    """

    gold: pa.Table
    records: pa.Table
    is_right: Flags
    is_clean: Flags
    kind: list[str]
    given: Integers
    truth: Integers


def sets(data: Path | None) -> list[Set]:
    """Read all sets of the folder `data`, or those that need no folder."""
    if data is None:
        return [cancer(), digits(), texts()]
    paths = [
        next((path / name for name in FILES if (path / name).is_file()), path)
        for path in sorted(data.iterdir())
    ]
    found = [_read(path) for path in paths if path.is_file() and path.suffix in SUFFIXES]
    if not found:
        raise SystemExit(f"--data: {data}: give files, or folders of {', '.join(FILES)}")
    return found


def cancer() -> Set:
    """Return 569 biopsies of 30 numbers, two labels (Wisconsin, by scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    columns = {f"x{i}": column for i, column in enumerate(found.data.T)}
    return Set("cancer", pa.table(columns), found.target.astype(np.int64), [0, 1])


def digits() -> Set:
    """Return 1,797 handwritten digits of 8 by 8 pixels, ten labels (UCI, by scikit-learn)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return Set(
        "digits",
        pa.table({"pixels": found.data.tolist()}),
        found.target.astype(np.int64),
        list(range(10)),
    )


def texts(seed: int = 0, count: int = 1_600, labels: int = 4, words: int = 3_000) -> Set:
    """Make texts of 20 to 120 words by a model of topics: vocabularies overlap, one text in ten leans towards another label's
    topic as well.

    As in language, words come in phrases: after each word follows, one time in three, the one that is its usual successor.
    """
    random = np.random.default_rng([seed, 5])
    vocabulary = _vocabulary(words, random)
    follows = random.permutation(words)
    usual = 1.0 / np.arange(1, words + 1)
    topics = np.array([random.gamma(0.05, size=words) * usual**0.3 for _ in range(labels)])
    topics /= topics.sum(axis=1, keepdims=True)
    usual /= usual.sum()
    label = random.integers(0, labels, count)
    made = []
    for own in label:
        mix = np.full(labels, 0.02)
        mix[own] += 0.2
        if random.random() < 0.1:
            mix[(own + random.integers(1, labels)) % labels] += 0.12
        chance = (1.0 - mix.sum()) * usual + mix @ topics
        drawn = random.choice(words, random.integers(20, 121), p=chance)
        for i in np.flatnonzero(random.random(len(drawn) - 1) < 1 / 3):
            drawn[i + 1] = follows[drawn[i]]
        made.append(" ".join(vocabulary[drawn]))
    return Set("made texts", pa.table({"text": made}), label, [f"topic {i}" for i in range(labels)])


def _vocabulary(words: int, random: np.random.Generator) -> NDArray[Any]:
    """Return distinct words of two to four syllables."""
    syllables = np.array([a + b for a in "bdfgklmnprstvz" for b in "aeiou"])
    found: dict[str, None] = {}
    while len(found) < words:
        found["".join(random.choice(syllables, random.integers(2, 5)))] = None
    return np.array(list(found))


def _read(path: Path) -> Set:
    from sheaf.formats.records import read

    table = read(path)
    label = next((name for name in LABELS if name in table.column_names), None)
    if label is None:
        raise SystemExit(f"--data: {path}: give a column named {LABEL}")
    values = table.column(label).to_pylist()
    names = sorted(set(values), key=str)
    place = {name: i for i, name in enumerate(names)}
    truth = np.array([place[value] for value in values], dtype=np.int64)
    rest = [name for name in table.column_names if name not in (label, LABEL, CONTRIBUTOR)]
    name = path.parent.name if path.name in FILES else path.stem
    return Set(name, table.select(rest), truth, names)


def dealt(of: Set, seed: int, share: float = GOLD) -> tuple[Set, int]:
    """Return the set in the order of a lot, at most LARGEST records, and how many of the first are gold; each label is in gold
    twice or not at all.
    """
    order = np.random.default_rng([seed, 6]).permutation(len(of.label))[:LARGEST]
    gold = round(share * len(order))
    known = np.bincount(of.label[order[:gold]], minlength=len(of.names))
    order = np.concatenate([order[:gold][known[of.label[order[:gold]]] > 1], order[gold:]])
    gold = int((known[known > 1]).sum())
    kept = order[known[of.label[order]] > 1]
    names = [name for name, times in zip(of.names, known, strict=True) if times > 1]
    place = np.cumsum(known > 1) - 1
    return Set(of.name, of.records.take(kept), place[of.label[kept]], names), gold


def flipped(label: Integers, classes: int, random: np.random.Generator) -> Integers:
    """Return for each label another one."""
    return (label + random.integers(1, classes, len(label))) % classes


def labelled(of: Set, label: Integers) -> pa.Table:
    """Return the records with these labels, as they would be sent."""
    return of.records.append_column(LABEL, pa.array([of.names[i] for i in label]))


def corrupted(of: Set, seed: int, share: float = 0.4, gold_share: float = GOLD) -> Offer:
    """Return an offer in which the labels of a `share` of the records are flipped, whoever sent them."""
    of, gold = dealt(of, seed, gold_share)
    random = np.random.default_rng([seed, 8])
    is_bad = random.random(len(of.label)) < share
    is_bad[:gold] = False
    label = np.where(is_bad, flipped(of.label, len(of.names), random), of.label)
    table = labelled(of, label)
    is_clean = ~is_bad[gold:]
    return Offer(
        table[:gold], table[gold:], is_clean, is_clean, ["all"] * len(is_clean), label[gold:], of.label[gold:]
    )
