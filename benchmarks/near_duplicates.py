"""How well and how fast near duplicates are found, beside datasketch where it can be imported.

Pairs are made with known similarity. An index is asked by signatures alone, a table by the sets themselves; precision is the share of
reported pairs whose similarity, counted with Python's sets, is that of near pairs and not 0.3 or chance. Speeds are records per second
of processor time, of texts of 100 words. `--data` takes a folder of labelled pairs (CSV: label, left_…, right_…) or of series (CSV:
timestamp,value).
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import _near
from benchmarks.report import Figure, Options, main
from sheaf.verification import near
from sheaf.verification.near import sets
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.search import LENGTHS
from sheaf.verification.near.text import Texts, shingles

LEVELS = (0.3, 0.4, 0.5, 0.62, 0.78, 0.9)
NEAR = (0.62, 0.78, 0.9)
PAIRS = 500
DOCUMENTS = 20_000
KEYS = 10_000_000
KIND = Texts(("text",), unit="words", length=3)
KILLS = 10


def texts(values: list[str]) -> pa.Table:
    """Return a table of one field, `text`."""
    return pa.table({"text": pa.array(values, pa.string())})


def found_pairs(seed: int) -> tuple[dict[float, float], dict[float, float], dict[float, float], float]:
    """Return per level the shares found in an index and in a table, the true similarities, and the precision of the index."""
    made = {level: _near.text_pairs(PAIRS, level, 100 * seed + place) for place, level in enumerate(LEVELS)}
    left = [text for level in LEVELS for text in made[level][0]]
    right = [text for level in LEVELS for text in made[level][1]]
    index = near.NearIndex(KIND)
    index.add(KIND.sketch(texts(left)), 1)
    matches = index.find(KIND.sketch(texts(right)))
    own = matches.query[matches.query == matches.record]
    is_near = np.isin(np.array(LEVELS)[own // PAIRS], NEAR)
    is_between = np.isin(np.array(LEVELS)[own // PAIRS], (0.4, 0.5))
    precision = float(is_near.sum() / (len(matches) - is_between.sum()))
    pairs = near.near_pairs(KIND, KIND.sketch(texts(left + right)), KIND.threshold)
    exact = pairs.earlier[pairs.later - pairs.earlier == len(left)]
    by_index = np.bincount(own // PAIRS, minlength=len(LEVELS)) / PAIRS
    by_table = np.bincount(exact // PAIRS, minlength=len(LEVELS)) / PAIRS
    true = {level: float(made[level][2].mean()) for level in LEVELS}
    return (
        dict(zip(LEVELS, by_index.tolist(), strict=True)),
        dict(zip(LEVELS, by_table.tolist(), strict=True)),
        true,
        precision,
    )


def peer_pairs(seed: int, **settings: Any) -> dict[float, float]:
    """Return per level the share that datasketch finds."""
    datasketch: Any = __import__("datasketch")
    found = {}
    for place, level in enumerate(LEVELS):
        left, right, _ = _near.text_pairs(PAIRS, level, 100 * seed + place)
        index = datasketch.MinHashLSH(num_perm=128, **settings)
        for number, text in enumerate(left):
            index.insert(number, _peer_sketch(text))
        found[level] = float(np.mean([i in index.query(_peer_sketch(text)) for i, text in enumerate(right)]))
    return found


def _peer_sketch(text: str) -> Any:
    datasketch: Any = __import__("datasketch")
    words = text.split()
    sketch = datasketch.MinHash(num_perm=128)
    sketch.update_batch([" ".join(words[i : i + 3]).encode() for i in range(len(words) - 2)])
    return sketch


def recalls(seeds: int) -> list[Figure]:
    """Return recall and precision over seeds, and what datasketch reaches on the same pairs."""
    runs = [found_pairs(seed) for seed in range(seeds)]
    aims = {0.78: 0.99, 0.62: 0.93}
    figures = []
    for level in LEVELS:
        by_index = np.array([run[0][level] for run in runs])
        by_table = np.array([run[1][level] for run in runs])
        true = float(np.mean([run[2][level] for run in runs]))
        aim: dict[str, Any] = (
            {"limit": aims[level], "against": "aim", "better": "higher"} if level in aims else {}
        )
        unit = f"share found, Jaccard {true:.4f}"
        figures += [
            Figure(f"index at {level}, median", float(np.median(by_index)), unit, **aim),
            Figure(f"index at {level}, worst", float(by_index.min()), unit, **aim),
            Figure(f"table at {level}, median", float(np.median(by_table)), unit, **aim),
            Figure(f"table at {level}, worst", float(by_table.min()), unit, **aim),
        ]
    precision = np.array([run[3] for run in runs])
    held: dict[str, Any] = {
        "unit": "share of reported pairs",
        "limit": 0.999,
        "against": "aim",
        "better": "higher",
    }
    figures.append(Figure("precision of the index, median", float(np.median(precision)), **held))
    figures.append(Figure("precision of the index, worst", float(precision.min()), **held))
    if importlib.util.find_spec("datasketch"):
        for name, settings in (("threshold 0.5", {"threshold": 0.5}), ("14 × 9", {"params": (14, 9)})):
            found = [peer_pairs(seed, **settings) for seed in range(min(seeds, 3))]
            figures += [
                Figure(
                    f"datasketch, {name}, at {level}",
                    float(np.median([run[level] for run in found])),
                    "share found",
                )
                for level in (0.3, *NEAR)
            ]
    else:
        print("datasketch cannot be imported: its figures are left out (pip install datasketch)")
    return figures


def per_second(count: int, work: Callable[[], object], repeats: int = 3) -> float:
    """Return how many a second of processor time, at best."""
    took = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return count / min(took)


def looked_up(kind: Texts, table: pa.Table) -> float:
    """Return how many texts a second are sketched, looked up in an index of 80,000 on disk and added."""
    with tempfile.TemporaryDirectory() as folder:
        index = near.NearIndex(kind, Path(folder))
        for number in range(4):
            index.add(kind.sketch(texts(_near.documents(DOCUMENTS, 100, 10 + number))), number)
        numbers = iter(range(100, 200))

        def whole() -> None:
            made = kind.sketch(table)
            index.find(made)
            index.add(made, next(numbers))

        return per_second(DOCUMENTS, whole)


def speeds() -> list[Figure]:
    """Return how fast texts are sketched, compared with each other, and looked up and added in an index on disk."""
    table = texts(_near.documents(DOCUMENTS, 100, 1))
    aim: dict[str, Any] = {
        "unit": "texts/s per core",
        "limit": 40_000,
        "against": "aim",
        "better": "higher",
    }
    figures = []
    for kind, name in ((KIND, "3 words"), (Texts(("text",)), "5 characters (default)")):
        figures += [
            Figure(f"{name}: sketch", per_second(DOCUMENTS, partial(kind.sketch, table)), **aim),
            Figure(
                f"{name}: sketch and compare in a table",
                per_second(DOCUMENTS, partial(near.find_near_duplicates, table, kind)),
                **aim,
            ),
            Figure(f"{name}: sketch, look up and add, index on disk", looked_up(kind, table), **aim),
        ]
    if importlib.util.find_spec("datasketch"):
        index_: Any = __import__("datasketch").MinHashLSH(num_perm=128, threshold=0.5)
        sample = table.column("text").to_pylist()[:2000]

        def peer() -> None:
            for number, text in enumerate(sample):
                made = _peer_sketch(text)
                index_.query(made)
                index_.insert(number, made, check_duplication=False)

        figures.append(Figure("datasketch, the same", per_second(2000, peer, 1), "texts/s per core"))
    return figures


def disk() -> list[Figure]:
    """Return bytes a record, and how long it takes to open an index of ten million keys and to ask it first."""
    random = np.random.default_rng(1)
    records, parts = KEYS // KIND.bands, 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = near.NearIndex(KIND, folder)
        for number in range(parts):
            count = records // parts
            sketch = near.Sketch(
                np.ones(count, np.bool_),
                random.integers(0, 2**32, (count, KIND.bands), dtype=np.uint32),
                random.integers(0, 256, (count, KIND.width), dtype=np.uint8),
            )
            index.add(sketch, number)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        entries = len(index)
        asked = KIND.sketch(texts(_near.documents(1000, 100, 3)))
        start = time.perf_counter()
        again = near.NearIndex(KIND, folder)
        opened = time.perf_counter() - start
        again.find(asked)
        answered = time.perf_counter() - start
    return [
        Figure("bytes per record on disk", size / entries, "B", limit=300, against="aim"),
        Figure("reopening 10 M keys", opened, "s", limit=1, against="aim"),
        Figure("reopening 10 M keys and 1,000 look-ups", answered, "s", limit=1, against="aim"),
        Figure("keys in the index", entries * KIND.bands, "keys"),
        Figure("runs", again.runs, "files"),
    ]


ENDLESS = """
import sys
from pathlib import Path
import numpy as np
from sheaf.verification import near
from sheaf.verification.near.text import Texts
kind = Texts(("text",), unit="words", length=3)
index = near.NearIndex(kind, Path(sys.argv[1]))
number = int(index.submissions().max(initial=0))
while True:
    number += 1
    random = np.random.default_rng(number)
    keys = random.integers(0, 2**32, (50, kind.bands), dtype=np.uint32)
    index.add(near.Sketch(np.ones(50, np.bool_), keys, random.integers(0, 256, (50, kind.width), dtype=np.uint8)), number)
    print(number, flush=True)
"""


def _writer(folder: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ENDLESS, folder], stdout=subprocess.PIPE)


def kept_after_kills() -> Figure:
    """Kill a writer again and again; return the share of acknowledged records that a new reader finds whole."""
    last, kept, acknowledged = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for kill in range(KILLS):
            with _writer(folder) as writer:
                assert writer.stdout is not None
                for _ in range(3 + 2 * kill):
                    last = int(writer.stdout.readline())
                writer.send_signal(signal.SIGKILL)
                rest = writer.stdout.read().split()
                last = int(rest[-1]) if rest else last
            index = near.NearIndex(KIND, Path(folder))
            index.check()
            for number in range(1, last + 1):
                random = np.random.default_rng(number)
                keys = random.integers(0, 2**32, (50, KIND.bands), dtype=np.uint32)
                marks = random.integers(0, 256, (50, KIND.width), dtype=np.uint8)
                found = index.find(near.Sketch(np.ones(50, np.bool_), keys, marks), 1.0)
                kept += int(((found.submission == number) & (found.record == found.query)).sum())
                acknowledged += 50
            last = int(index.submissions().max())
    return Figure(
        f"kept after {KILLS} kills, of {acknowledged} acknowledged looks",
        kept / acknowledged,
        "share",
        limit=1,
        against="all",
        better="higher",
    )


def other_kinds(seeds: int) -> list[Figure]:
    """Return recall and false matches of rows, images and series made near."""
    figures = [row_recall(count, seeds) for count in (4, 15, 32, 64)]
    pictures = _near.pictures()
    originals = [_near.encoded(picture, format="PNG") for picture in pictures]
    changes = [_near.altered_pictures(picture) for picture in pictures]
    alone = near.find_near_duplicates(pa.table({"image": pa.array(originals, pa.binary())}), "image").pairs
    count = len(pictures)
    figures.append(
        Figure("different images taken for near", len(alone), f"of {count * (count - 1) // 2} pairs")
    )
    for change in changes[0]:
        both = originals + [made[change] for made in changes]
        pairs = near.find_near_duplicates(pa.table({"image": pa.array(both, pa.binary())}), "image").pairs
        hit = float((pairs.later - pairs.earlier == count).sum() / count)
        figures.append(Figure(f"images found, {change}", hit, f"share of {count}"))
    return figures + series_recall("walks", seeds, lambda seed: list(_near.made_series(100, 1000, seed)))


def row_recall(numbers: int, seeds: int) -> Figure:
    """Return the worst share found of rows whose numbers all differ by up to the tolerance."""
    names = tuple(f"n{i}" for i in range(numbers))
    kind, found = Rows(names, (), (1.0,) * numbers, 0.99), []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        rows = random.standard_normal((2000, numbers))
        other = rows + random.uniform(-0.01, 0.01, rows.shape)
        both = np.concatenate([rows, other])
        pairs = near.find_near_duplicates(pa.table(dict(zip(names, both.T, strict=True))), kind).pairs
        found.append(float((pairs.later - pairs.earlier == 2000).mean() * len(pairs) / 2000))
    return Figure(f"rows of {numbers} numbers found, worst", min(found), "share")


def series_recall(name: str, seeds: int, made: Callable[[int], list[NDArray[np.float64]]]) -> list[Figure]:
    """Return the share found of series moved in time by a tenth, scaled, offset, with noise; and of strangers taken for near."""
    noises: dict[float, list[float]] = {0.0: [], 0.02: [], 0.05: [], 0.1: []}
    strangers = []
    for seed in range(seeds):
        originals, random = made(seed), np.random.default_rng(seed)
        count = len(originals)
        for noise, shares in noises.items():
            copies = [3.5 * one[len(one) // 10 :] - 40 for one in originals]
            copies = [one + noise * one.std() * random.standard_normal(len(one)) for one in copies]
            pairs = near.find_near_duplicates(
                pa.table({"x": pa.array([*originals, *copies])}), "series"
            ).pairs
            shares.append(float((pairs.later - pairs.earlier == count).sum() / count))
        both = pairs.later < count
        strangers.append(float(both.sum() / (count * (count - 1) / 2)))
    figures = [
        Figure(f"{name} found, moved, scaled, noise {noise:.0%} of deviation, median", float(np.median(shares)), "share")
        for noise, shares in noises.items()
    ]  # fmt: skip
    return [
        *figures,
        Figure(f"{name}, different ones taken for near, most", max(strangers), "share of pairs"),
    ]


def labelled(folder: Path) -> list[Figure]:
    """Return how the similarity of texts ranks labelled pairs, at the threshold and at best, and how series are found that lie there."""
    figures = []
    if parts := _near.real_series(folder, 1000):
        figures += series_recall(f"{len(parts)} real series", 3, lambda seed: parts)
    for name, left, right, truth in _near.labelled_pairs(folder):
        for unit, length in LENGTHS.items():
            whole = shingles(left + right, unit, length)  # type: ignore[arg-type]
            places = np.arange(len(left))
            common, together = sets.jaccard(whole, places, places + len(left))
            similarity = common / np.maximum(together, 1)
            label = f"{name}, {unit} {length}"
            precision, recall, f1 = scored(similarity >= KIND.threshold, truth)
            best = max(scored(similarity >= cut, truth)[2] for cut in np.unique(similarity.round(2)))
            figures += [
                Figure(f"{label}: precision at 0.5", precision, "share"),
                Figure(f"{label}: recall at 0.5", recall, "share"),
                Figure(f"{label}: F1 at 0.5", f1, "F1"),
                Figure(f"{label}: F1 at the best cut", best, "F1"),
            ]
    return figures


def scored(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return precision, recall and F1; 0 where nothing was said."""
    hits = float((said & truth).sum())
    precision, recall = hits / max(said.sum(), 1), hits / max(truth.sum(), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def measure(options: Options) -> list[Figure]:
    """Return all figures; those of labelled pairs where there is a folder of them."""
    figures = [*recalls(options.seeds), *speeds(), *disk(), kept_after_kills(), *other_kinds(options.seeds)]
    return figures + (labelled(options.data) if options.data else [])


if __name__ == "__main__":
    main("near_duplicates", measure, seeds=10, data=None)
