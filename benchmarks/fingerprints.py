"""How fast is a look-up in the index of fingerprints, beside a plain set of digests in memory?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, Options, main
from sheaf.verification.fingerprints import ExactIndex

RECORDS = 16_384
SUBMISSIONS = 61
QUERIES = 1_000_000


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least time `work` took."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def measure(options: Options) -> list[Figure]:
    """Fill an index with a million records on disk, then look up as many that are not there and 16,384 that are."""
    random = np.random.default_rng(1)
    parts = [random.bytes(32 * RECORDS) for _ in range(SUBMISSIONS)]
    strangers = random.bytes(32 * QUERIES)
    known = {part[i : i + 32] for part in parts for i in range(0, len(part), 32)}
    queries = [strangers[i : i + 32] for i in range(0, len(strangers), 32)]
    with tempfile.TemporaryDirectory() as folder:
        index = ExactIndex(Path(folder))
        start = time.perf_counter()
        for number, part in enumerate(parts, 1):
            index.add(part, number)
        adding = time.perf_counter() - start
        opening = seconds(lambda: len(ExactIndex(Path(folder))), options.seeds)
        absent = QUERIES / seconds(lambda: index.find(strangers), options.seeds)
        few = RECORDS / seconds(lambda: index.find(strangers[: 32 * RECORDS]), options.seeds)
        present = RECORDS / seconds(lambda: index.find(parts[7]), options.seeds)
        peer = QUERIES / seconds(lambda: [query in known for query in queries], options.seeds)
        return [
            Figure(
                "absent keys, a million at once", absent, "keys/s", limit=4e6, against="aim", better="higher"
            ),
            Figure("a set of digests in memory", peer, "keys/s"),
            Figure("absent keys, 16,384 at once", few, "keys/s"),
            Figure("present keys, 16,384 at once", present, "keys/s"),
            Figure("adding, synced", len(index) / adding, "records/s"),
            Figure("opening a million entries", opening, "s", limit=0.1, against="aim"),
            Figure("runs", index.runs, "files"),
        ]


if __name__ == "__main__":
    main("fingerprints", measure, seeds=3)
