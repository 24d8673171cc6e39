"""Load a bundle into PyTorch batches, beside raw pyarrow on the same Parquet files.

The peer reads record batches with pyarrow and hands each column to torch by the shortest way there is. Both take turns for several
rounds on one core, and the best of each counts. Needs torch: `pip install torch==2.13.0`.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import Figure, Options, main
from sheaf.domain.request import Specification
from sheaf.formats import bundle, loaders
from sheaf.formats.bundle import Bundle, Parts

BATCH = 1024
ROUNDS = 20
TARGET = 0.9
NUMBER = {"type": "number"}
LABEL = {"type": "integer"}
WORDS = np.array(["market", "record", "honest", "verdict", "review", "stake", "escrow", "label"])


def features(count: int, random: np.random.Generator) -> tuple[pa.Table, dict[str, Any]]:
    """Return 16 numbers and a label a row."""
    names = [f"f{place:02}" for place in range(16)]
    columns = {name: random.normal(size=count) for name in names}
    table = pa.table({**columns, "label": random.integers(0, 10, count)})
    return table, dict.fromkeys(names, NUMBER) | {"label": LABEL}


def pixels(count: int, random: np.random.Generator) -> tuple[pa.Table, dict[str, Any]]:
    """Return a list of 64 whole numbers and a label a row."""
    flat = pa.array(random.integers(0, 17, count * 64))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, count * 64 + 1, 64, dtype=np.int32)), flat)
    table = pa.table({"pixels": lists, "label": random.integers(0, 10, count)})
    return table, {"pixels": {"type": "array", "items": {"type": "integer"}}, "label": LABEL}


def sentences(count: int, random: np.random.Generator) -> tuple[pa.Table, dict[str, Any]]:
    """Return a sentence of 8 words and a label a row."""
    rows = [" ".join(row) for row in WORDS[random.integers(0, len(WORDS), (count, 8))].tolist()]
    return pa.table({"text": rows, "label": random.integers(0, 10, count)}), {
        "text": {"type": "string"},
        "label": LABEL,
    }


def written(directory: Path, table: pa.Table, properties: dict[str, Any]) -> Bundle:
    """Write `table` as the data of a bundle."""
    asked = Specification(
        title="loading", schema={"type": "object", "properties": properties}, licence="CC0-1.0"
    )
    none = pa.table({"submission": pa.array([], pa.int64())})
    parts = Parts(records=table, specification=asked, verdicts=none, leaves=none, receipt={}, published_at=0)
    return bundle.write(directory, parts)


def raw(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield batches by pyarrow and torch alone."""
    import torch

    for path in files:
        for batch in pq.ParquetFile(path).iter_batches(BATCH):
            row: dict[str, Any] = {}
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if pa.types.is_string(column.type):
                    row[name] = column.to_pylist()
                elif pa.types.is_list(column.type):
                    row[name] = torch.from_numpy(column.flatten().to_numpy().reshape(len(column), -1))
                else:
                    row[name] = torch.from_numpy(column.to_numpy())
            yield row


def rows_per_second(batches: Callable[[], Iterable[dict[str, Any]]]) -> float:
    """Return how many rows a second come out."""
    start, count = time.perf_counter(), 0
    for batch in batches():
        count += len(batch["label"])
    return count / (time.perf_counter() - start)


def compared(name: str, made: Bundle) -> Figure:
    """Measure the loader and raw pyarrow in turns on one bundle."""
    dataset = made.to_torch(batch_size=BATCH)
    best = peer = 0.0
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    for _ in range(ROUNDS):
        best = max(best, rows_per_second(lambda: dataset))
        peer = max(peer, rows_per_second(lambda: raw(made.data_files)))
    os.sched_setaffinity(0, cores)
    against = "raw pyarrow batches to tensors, same files"
    return Figure(name, best, "rows/s", peer=peer, against=against, target=TARGET, better="higher")


def shared(made: Bundle) -> Figure:
    """Measure the loader with two workers."""
    from torch.utils.data import DataLoader

    loader = DataLoader(made.to_torch(batch_size=BATCH * 8), batch_size=None, num_workers=2)
    return Figure("features_two_workers", max(rows_per_second(lambda: loader) for _ in range(3)), "rows/s")


def measure(options: Options) -> list[Figure]:
    """Measure three kinds of records. Raises SystemExit if torch is not installed."""
    if not loaders.is_installed("torch"):
        raise SystemExit("loading: torch is not installed: pip install torch==2.13.0")
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
    random = np.random.default_rng(options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "features": features(500_000, random),
            "pixels": pixels(200_000, random),
            "sentences": sentences(300_000, random),
        }
        made = {name: written(Path(folder) / name, *kind) for name, kind in kinds.items()}
        return [*(compared(name, one) for name, one in made.items()), shared(made["features"])]


if __name__ == "__main__":
    main("loading", measure)
