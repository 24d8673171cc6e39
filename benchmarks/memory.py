"""One million records through the whole off-chain path, and the memory that it takes at its peak.

Contributor: read Parquet → check the schema → canonical bytes → hash → leaves → Merkle root → encrypt → store. Validator: fetch → decrypt →
read → hash → root again → schema, duplicates. Buyer: write the bundle, open it, read it. All in one process, measured by the kernel's own
high-water mark; the records are made by another process, so their making is not counted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.report import Figure, Options, main
from sheaf.domain.canonical import fingerprint_keys, record_digests
from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Address, Cid, RequestId
from sheaf.domain.merkle import leaves, merkle_root
from sheaf.domain.request import Specification
from sheaf.formats import bundle, parquet, records, schema
from sheaf.formats.bundle import Parts
from sheaf.formats.limits import Limits
from sheaf.store.chunks import root_of
from sheaf.store.envelope import decrypt, encrypt, salts
from sheaf.store.local import LocalStore

RECORDS = 1_000_000
LIMIT_BYTES = 2_000_000_000
LIMITS = Limits(max_records=RECORDS)
KEY = bytes(range(32))
CONTRIBUTOR = Address("0x" + "11" * 20)
REQUEST = RequestId(7)
ASKED = Specification(
    title="Memory",
    licence="CC0-1.0",
    schema={
        "type": "object",
        "required": ["text", "label"],
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 1000},
            "label": {"type": "integer", "minimum": 0, "maximum": 9},
            "length": {"type": "number", "minimum": 0},
            "is_long": {"type": "boolean"},
            "scores": {"type": "array", "items": {"type": "number"}, "maxItems": 4},
        },
    },
)


def make(path: Path, seed: int) -> None:
    """Write a million records of about 250 bytes to a Parquet file."""
    random = np.random.default_rng(seed)
    words = np.array(["market", "record", "honest", "verdict", "review", "stake", "escrow", "label"])
    texts = [
        f"{i} {' '.join(row)}" for i, row in enumerate(words[random.integers(0, 8, (RECORDS, 24))].tolist())
    ]
    scores = pa.ListArray.from_arrays(
        pa.array(np.arange(0, 4 * RECORDS + 1, 4, dtype=np.int32)), pa.array(random.random(4 * RECORDS))
    )
    lengths = random.random(RECORDS)
    table = {
        "text": texts,
        "label": random.integers(0, 10, RECORDS),
        "length": lengths,
        "is_long": lengths > 0.5,
        "scores": scores,
    }
    parquet.write_to(pa.table(table), path)


def contribute(file: Path, store: LocalStore) -> tuple[Cid, bytes]:
    """Do what a contributor does; return the CID of the ciphertext and the Merkle root."""
    compiled = schema.compile(ASKED.schema)
    table = records.read(file, compiled, limits=LIMITS)
    if len(compiled.violations(table)):
        raise IntegrityError("the records break the schema")
    bound = leaves(REQUEST, CONTRIBUTOR, salts(KEY, table.num_rows), record_digests(table))
    return store.put(encrypt(KEY, parquet.write(table), b"submission")), merkle_root(bound)


def validate(cid: Cid, root: bytes, store: LocalStore) -> tuple[pa.Table, bytes]:
    """Do what a validator does before judging; return the records and their leaves."""
    table = parquet.read(b"".join(decrypt(KEY, store.stream(cid), b"submission")), LIMITS)
    digests = record_digests(table)
    bound = leaves(REQUEST, CONTRIBUTOR, salts(KEY, table.num_rows), digests)
    if merkle_root(bound) != root:
        raise IntegrityError("the content does not hash to its root")
    compiled = schema.compile(ASKED.schema)
    table = compiled.cast(table)
    if len(compiled.violations(table)) or len(np.unique(fingerprint_keys(digests))) != RECORDS:
        raise IntegrityError("the records break the schema or repeat")
    return table, bound


def buy(table: pa.Table, bound: bytes, directory: Path) -> int:
    """Do what a buyer's download does; return how many records the bundle gives back."""
    count = table.num_rows
    numbers = pa.array(np.arange(count))
    approved = pa.repeat("approved", count)
    nothing = pa.repeat("", count)
    submission = pa.repeat(pa.scalar(1, pa.int64()), count)
    verdicts = {
        "submission": submission,
        "record": numbers,
        "decision": approved,
        "code": nothing,
        "detail": nothing,
    }
    width = {"leaf": (bound, 32), "salt": (salts(KEY, count), 16)}
    binary = {name: fixed(data, size) for name, (data, size) in width.items()}
    parts = Parts(
        records=table,
        specification=ASKED,
        verdicts=pa.table(verdicts),
        leaves=pa.table({"submission": submission, "record": numbers, **binary}),
        receipt={"request": 7},
        published_at=0,
    )
    bundle.write(directory, parts, root_of)
    return int(bundle.read(directory).to_arrow().num_rows)


def fixed(data: bytes, width: int) -> Any:
    """Return joined values of one width as a binary column."""
    offsets = pa.py_buffer(np.arange(0, len(data) + 1, width, dtype=np.int32))
    return pa.BinaryArray.from_buffers(pa.binary(), len(data) // width, [None, offsets, pa.py_buffer(data)])


def measure(options: Options) -> list[Figure]:
    """Take a million records through the path and read the kernel's mark of this process's memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "records.parquet"
        code = f"from pathlib import Path; from benchmarks.memory import make; make(Path({str(file)!r}), {options.seeds})"
        subprocess.run([sys.executable, "-c", code], check=True)
        store = LocalStore(folder / "store")
        start = time.perf_counter()
        cid, root = contribute(file, store)
        table, bound = validate(cid, root, store)
        if buy(table, bound, folder / "bundle") != RECORDS:
            raise IntegrityError("the bundle lost records")
        seconds = time.perf_counter() - start
        size = file.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return [
        Figure(
            "peak", peak, "bytes", limit=LIMIT_BYTES, against="2 GB, a million records through the whole path"
        ),
        Figure("path", RECORDS / seconds, "records/s"),
        Figure("parquet", size, "bytes"),
    ]


if __name__ == "__main__":
    main("memory", measure)
