"""The way of a submission, read Parquet → canonical bytes → hash → Merkle → encrypt → store, beside what its parts cost bare.

One core. The limit is the same hashes of the same bytes by a plain loop over `hashlib`, the same bytes through the bare cipher, and
one plain write with fsync, measured in turns with the path: the best of several rounds of each.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.report import Figure, Options, main
from sheaf.domain.canonical import record_bytes, record_digests
from sheaf.domain.ids import Address, Cid, RequestId
from sheaf.domain.merkle import leaves, merkle_root
from sheaf.formats import parquet
from sheaf.formats.limits import Limits
from sheaf.store.chunks import CHUNK_BYTES
from sheaf.store.envelope import encrypt, salts
from sheaf.store.local import LocalStore

SUBMISSION = 16_384
TARGET = 0.5
LEAST_ROUNDS, ROUNDS_SECONDS = 5, 5.0
KEY = bytes(range(32))
CONTRIBUTOR = Address("0x" + "11" * 20)
REQUEST = RequestId(7)
LIMITS = Limits(max_records=1_000_000)
LEAF_BYTES, NODE_BYTES = 109, 65
WORDS = ["market", "record", "honest", "verdict", "review", "stake", "escrow", "label", "contributor", "data"]


def digits(count: int, random: np.random.Generator) -> pa.Table:
    """Return 64 small whole numbers and a label a row, like handwritten digits of 8 × 8 pixels."""
    pixels = {f"pixel_{place:02}": random.integers(0, 17, count) for place in range(64)}
    return pa.table({**pixels, "label": random.integers(0, 10, count)})


def texts(count: int, random: np.random.Generator) -> pa.Table:
    """Return 40 words, a title and a label a row: 250 bytes of text on average."""
    words = np.array(WORDS)
    rows = words[random.integers(0, len(WORDS), (count, 43))].tolist()
    columns = (
        [" ".join(row[:40]) for row in rows],
        [" ".join(row[40:42]) for row in rows],
        [row[42] for row in rows],
    )
    return pa.table(dict(zip(("text", "title", "label"), columns, strict=True)))


def narrow(count: int, random: np.random.Generator) -> pa.Table:
    """Return a measurement, a whole number and a flag a row."""
    return pa.table(
        {
            "a": random.normal(size=count),
            "b": random.integers(0, 1000, count),
            "c": random.random(count) < 0.5,
        }
    )


def path(file: Path, store: LocalStore) -> tuple[bytes, Cid]:
    """Take one Parquet file through the whole path; return Merkle root and CID."""
    data = file.read_bytes()
    table = parquet.read(data, LIMITS)
    bound = leaves(REQUEST, CONTRIBUTOR, salts(KEY, table.num_rows), record_digests(table))
    return merkle_root(bound), store.put(encrypt(KEY, data, b"submission"))


@dataclass(frozen=True)
class Bare:
    """What the path does to bytes, laid out beforehand so that nothing but hashing, sealing and writing is left."""

    hashed: list[bytes]
    stored: bytes
    directory: Path

    def hash(self) -> None:
        """Hash every message, one call each."""
        sha256 = hashlib.sha256
        for message in self.hashed:
            sha256(message).digest()

    def seal(self) -> None:
        """Encrypt the file with the bare cipher in one call."""
        AESGCM(KEY).encrypt(bytes(12), self.stored, None)

    def write(self) -> None:
        """Write the file and wait for the disk."""
        descriptor = os.open(self.directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(descriptor, self.stored)
        os.fsync(descriptor)
        os.close(descriptor)


def messages(table: pa.Table, stored: bytes) -> list[bytes]:
    """Return what the path hashes: records, as many leaves, one node fewer (their bytes are noise here), and stored blocks."""
    count, canonical = table.num_rows, record_bytes(table)
    noise = np.random.default_rng(0).bytes(LEAF_BYTES * count)
    return [
        *(canonical.data[start:end] for start, end in pairwise(canonical.offsets.tolist())),
        *(noise[start : start + LEAF_BYTES] for start in range(0, LEAF_BYTES * count, LEAF_BYTES)),
        *(noise[start : start + NODE_BYTES] for start in range(0, NODE_BYTES * (count - 1), NODE_BYTES)),
        *(stored[start : start + CHUNK_BYTES] for start in range(0, len(stored), CHUNK_BYTES)),
    ]


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def figures(name: str, table: pa.Table, directory: Path) -> list[Figure]:
    """Measure the path and its bare parts on `table`."""
    file = directory / f"{name}.parquet"
    file.write_bytes(parquet.write(table))
    store = LocalStore(directory / f"{name}-store")
    bare = Bare(messages(table, file.read_bytes()), file.read_bytes(), directory)
    best = dict.fromkeys(("path", "rewrite", "hash", "seal", "write"), float("inf"))
    works: dict[str, Callable[[], object]] = {
        "path": lambda: path(file, store),
        "rewrite": lambda: parquet.write(table),
        "hash": bare.hash,
        "seal": bare.seal,
        "write": bare.write,
    }
    rounds, start = 0, time.perf_counter()
    while rounds < LEAST_ROUNDS or time.perf_counter() - start < ROUNDS_SECONDS:
        rounds += 1
        for part, work in works.items():
            best[part] = min(best[part], seconds(work))
    count = table.num_rows
    limit = count / (best["hash"] + best["seal"] + best["write"])
    parts = f"sha256 {best['hash']:.4f} s, AEAD {best['seal']:.4f} s, write and fsync {best['write']:.4f} s"
    against = f"the same bytes bare: {parts}"
    unit = "records/s/core"
    return [
        Figure(
            name,
            count / best["path"],
            unit,
            limit=limit,
            against=against,
            target=TARGET,
            better="higher",
        ),
        Figure(f"{name}_written_anew", count / (best["path"] + best["rewrite"]), unit),
    ]


def measure(options: Options) -> list[Figure]:
    """Measure three kinds of tables on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    random = np.random.default_rng(options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        return [
            *figures("digits", digits(SUBMISSION, random), Path(folder)),
            *figures("texts", texts(SUBMISSION, random), Path(folder)),
            *figures("narrow_million", narrow(1_000_000, random), Path(folder)),
        ]


if __name__ == "__main__":
    main("submission_path", measure)
