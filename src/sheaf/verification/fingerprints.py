"""The index of exact fingerprints: which earlier submissions hold a record with this digest.

Sorted runs of 64-bit keys (the first eight bytes of a record's SHA-256 digest), each entry with its submission,
its record and its whole digest, merged by levels as in a log-structured merge tree (O'Neil et al. 1996). A hit
on the key counts only when all 32 bytes agree. A run is written beside, synced and renamed; it lives from the
moment the manifest that names it is renamed into place, so a process killed at any point leaves the index as it
was before or after the change, never between.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from sheaf.domain.canonical import DIGEST_BYTES, fingerprint_keys
from sheaf.domain.errors import InputError, IntegrityError

FAN = 4
"""Runs of one level that are merged into one of the next."""

SIEVE_BITS = 16
"""Bits of a run's sieve per entry, at least: fewer than one absent key in sixteen is searched for in vain."""

_MAGIC = b"sheafrun"
_HEADER_BYTES = 64
_ENTRY_BYTES = 8 + 8 + 24 + 4
_REBUILD = "delete the directory, the index is rebuilt from the submissions' sheets"


class _Header(msgspec.Struct, array_like=True):
    version: int
    entries: int
    submissions: int
    checksum: int


class _Listed(msgspec.Struct, array_like=True, frozen=True):
    name: str
    level: int
    entries: int


class _Manifest(msgspec.Struct):
    serial: int = 0
    runs: list[_Listed] = []


@dataclass(frozen=True)
class Matches:
    """Entries equal to a query in all 32 bytes: three arrays of one length, `query` ascending, with repeats.

    `query` (int64) is the position in the call, `submission` (uint64) and `record` (uint32) say where the
    digest was seen.
    """

    query: NDArray[np.int64]
    submission: NDArray[np.uint64]
    record: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True)
class _Run:
    submissions: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    owners: NDArray[np.uint64]
    tails: NDArray[np.uint8]
    records: NDArray[np.uint32]

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.submissions, self.keys, self.owners, self.tails, self.records

    @cached_property
    def sieve(self) -> tuple[NDArray[np.uint8], np.uint64]:
        """Bits, set where some key begins so, and how far a key is shifted to its bit: spares most searches for absent keys."""
        width = max(3, (SIEVE_BITS * len(self.keys)).bit_length())
        shift = np.uint64(64 - width)
        bits = np.zeros(1 << width, dtype=np.bool_)
        bits[self.keys >> shift] = True
        return np.packbits(bits, bitorder="little"), shift

    def hits(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (positions in `keys`, positions here) of equal keys."""
        bits, shift = self.sieve
        place = keys >> shift
        maybe = np.flatnonzero(
            bits[place >> np.uint64(3)] >> (place & np.uint64(7)).astype(np.uint8) & np.uint8(1)
        )
        if not len(maybe):
            return maybe, maybe
        maybe = maybe[np.argsort(keys[maybe])]  # needles in order are found faster
        left = np.searchsorted(self.keys, keys[maybe])
        found = self.keys[np.minimum(left, len(self.keys) - 1)] == keys[maybe]
        hits, first = maybe[found], left[found]
        copies = np.searchsorted(self.keys, keys[hits], side="right") - first
        query = np.repeat(hits, copies)
        entry = np.repeat(first - np.cumsum(copies) + copies, copies) + np.arange(copies.sum())
        return query, entry


def rows(digests: bytes) -> NDArray[np.uint8]:
    """Return the digests, 32 bytes each one after the other, as shape (n, 32)."""
    if len(digests) % DIGEST_BYTES:
        raise InputError("digests", f"{len(digests)} bytes", "give 32 bytes per record")
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)


def first_copies(digests: bytes) -> NDArray[np.int64]:
    """Return shape (n,): for each record the index of the first with the same digest, perhaps its own."""
    table = rows(digests)
    keys = fingerprint_keys(digests)
    first = np.arange(len(keys))
    ordered = np.sort(keys)
    if not (ordered[1:] == ordered[:-1]).any():
        return first
    words = np.ascontiguousarray(table).view(">u8").astype(np.uint64)
    order = np.lexsort(words.T[::-1])
    starts = np.ones(len(keys), dtype=np.bool_)
    starts[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1)
    first[order] = order[starts][np.cumsum(starts) - 1]
    return first


class ExactIndex:
    """Fingerprints of records by submission, in `directory` under `namespace`, or in memory if that is None.

    Any number of processes may read; writers take turns. The index judges nothing: which entries count against
    a record is the business of the check that asks.
    """

    def __init__(self, directory: Path | None = None, namespace: str = "market") -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", namespace):
            raise InputError("namespace", namespace, "use lower-case letters, digits and -")
        self._at = None if directory is None else directory / namespace
        self._open: dict[str, _Run] = {}
        self._manifest, self._seen = _Manifest(), (0, 0)
        self._lock: FileLock | threading.Lock = threading.Lock()
        if self._at is not None:
            self._at.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._at / "lock")
        self._refresh()

    def __len__(self) -> int:
        """Return the number of entries."""
        self._refresh()
        return sum(run.entries for run in self._manifest.runs)

    @property
    def runs(self) -> int:
        """How many runs there are to look through."""
        return len(self._manifest.runs)

    def submissions(self) -> NDArray[np.uint64]:
        """Return the submissions that were added, ascending."""
        found = [run.submissions for run in self._runs()]
        return np.sort(np.concatenate([np.empty(0, np.uint64), *found]))

    def has(self, submission: int) -> bool:
        """Tell whether `submission` was added."""
        return any(submission in run.submissions for run in self._runs())

    def add(self, digests: bytes, submission: int) -> bool:
        """Add the records of a submission, 32 bytes each in order; of copies within it the first is kept.

        Returns False, changing nothing, if the submission is there: adding again after a crash is safe.
        """
        run = _sorted_run(digests, submission)
        with self._lock:
            if self.has(submission):
                return False
            runs = [*self._manifest.runs, _Listed("", 0, len(run.keys))]
            fresh = {len(runs) - 1: run}
            while len(tail := _full_level(runs)):
                merged = _merge(fresh.get(i) or self._open[runs[i].name] for i in tail)
                fresh = {tail[0]: merged}
                runs[tail[0] :] = [_Listed("", runs[tail[0]].level + 1, len(merged.keys))]
            self._replace(runs, fresh)
            return True

    def find(self, digests: bytes) -> Matches:
        """Return every entry whose digest equals one of `digests` (32 bytes each, in order)."""
        table = rows(digests)
        keys = fingerprint_keys(digests)
        query, owner, record = [np.empty(0, np.int64)], [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        for run in self._runs():
            here, there = run.hits(keys)
            same = (run.tails[there] == table[here, 8:]).all(axis=1)
            here, there = here[same], there[same]
            query.append(here)
            owner.append(run.owners[there])
            record.append(run.records[there])
        queries, owners = np.concatenate(query), np.concatenate(owner)
        by_query = np.lexsort((owners, queries))
        return Matches(queries[by_query], owners[by_query], np.concatenate(record)[by_query])

    def check(self) -> None:
        """Read every run whole and raise IntegrityError where its bytes are not those that were written."""
        self._refresh()
        for listed in self._manifest.runs if self._at else ():
            _read_run(self._at / listed.name, whole=True)  # type: ignore[operator]

    def _runs(self) -> list[_Run]:
        self._refresh()
        return [self._open[run.name] for run in self._manifest.runs]

    def _refresh(self) -> None:
        """Take up the newest manifest and open the runs that it names."""
        if self._at is None:
            return
        for _ in range(100):  # a merge may remove a run between our reading its name and our opening it
            seen, manifest = _read_manifest(self._at / "manifest")
            if seen == self._seen:
                return
            with contextlib.suppress(FileNotFoundError):
                self._open = {
                    run.name: self._open.get(run.name) or _read_run(self._at / run.name)
                    for run in manifest.runs
                }
                self._manifest, self._seen = manifest, seen
                return
        raise IntegrityError(f"fingerprints: a run of the manifest in {self._at} is missing: {_REBUILD}")

    def _replace(self, runs: list[_Listed], fresh: dict[int, _Run]) -> None:
        """Make `runs` the index: write the fresh ones, then the manifest, then remove what nothing names."""
        manifest = _Manifest(self._manifest.serial + 1, runs)
        for i, run in fresh.items():
            checksum, parts = _run_bytes(run)
            # Names are never used again, even if the index is rebuilt under the eyes of a reader.
            name = f"{manifest.serial:012d}-{checksum:08x}.run"
            manifest.runs[i] = msgspec.structs.replace(runs[i], name=name)
            if self._at is not None:
                _write(self._at / name, parts)
            else:
                self._open[name] = run
        names = {run.name for run in manifest.runs}
        if self._at is None:
            self._manifest = manifest
            self._open = {name: self._open[name] for name in names}
            return
        _write(self._at / "manifest", [msgspec.json.encode(manifest)])
        self._refresh()
        for path in self._at.iterdir():
            if path.suffix in (".run", ".tmp") and path.name not in names:
                path.unlink(missing_ok=True)


def _sorted_run(digests: bytes, submission: int) -> _Run:
    table = rows(digests)
    if not 0 <= submission < 2**64:
        raise InputError("submission", submission, "give a number below 2**64")
    kept = np.flatnonzero(first_copies(digests) == np.arange(len(table)))
    keys = fingerprint_keys(digests)[kept]
    order = np.argsort(keys, kind="stable")
    owners = np.full(len(kept), submission, dtype=np.uint64)
    tails = np.ascontiguousarray(table[kept[order], 8:])
    return _Run(np.array([submission], np.uint64), keys[order], owners, tails, kept[order].astype(np.uint32))


def _full_level(runs: list[_Listed]) -> range:
    """Return the positions of the last FAN runs if they are of one level, else an empty range."""
    tail = range(max(0, len(runs) - FAN), len(runs))
    return tail if len(tail) == FAN and runs[tail[0]].level == runs[-1].level else range(0)


def _merge(runs: Iterable[_Run]) -> _Run:
    submissions, keys, *rest = (np.concatenate(part) for part in zip(*(r.parts() for r in runs), strict=True))
    order = np.argsort(keys, kind="stable")
    return _Run(np.sort(submissions), keys[order], *(part[order] for part in rest))


def _run_bytes(run: _Run) -> tuple[int, list[bytes]]:
    """Return the checksum of a run, and its file in parts."""
    parts = [np.ascontiguousarray(part).tobytes() for part in run.parts()]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    header = msgspec.json.encode(_Header(1, len(run.keys), len(run.submissions), checksum))
    return checksum, [(_MAGIC + header).ljust(_HEADER_BYTES), *parts]


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Put bytes at `path`, whole or not at all, and on the disk before we go on."""
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_manifest(path: Path) -> tuple[tuple[int, int], _Manifest]:
    """Return (what changes when it is replaced, the manifest); an absent one is empty."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            manifest = msgspec.json.decode(file.read(), type=_Manifest)
    except FileNotFoundError:
        return (0, 0), _Manifest()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise IntegrityError(f"fingerprints: {path} is broken: {_REBUILD}") from None
    if not all(re.fullmatch(r"\d{12}-[0-9a-f]{8}\.run", run.name) for run in manifest.runs):
        raise IntegrityError(f"fingerprints: {path} names files that are no runs: {_REBUILD}")
    return (manifest.serial, status.st_ino), manifest


def _read_run(path: Path, whole: bool = False) -> _Run:
    """Map a run into memory; its bytes are compared with their checksum only if `whole`."""
    broken = IntegrityError(f"fingerprints: {path} is broken: {_REBUILD}")
    if path.stat().st_size < _HEADER_BYTES:
        raise broken
    data = np.memmap(path, dtype=np.uint8, mode="r")
    head = data[:_HEADER_BYTES].tobytes()
    try:
        header = msgspec.json.decode(head.removeprefix(_MAGIC), type=_Header)
    except msgspec.MsgspecError:
        raise broken from None
    entries, submissions = header.entries, header.submissions
    if not head.startswith(_MAGIC) or header.version != 1 or min(entries, submissions) < 0:
        raise broken
    if len(data) != _HEADER_BYTES + 8 * submissions + _ENTRY_BYTES * entries:
        raise broken
    if whole and zlib.crc32(data[_HEADER_BYTES:].data) != header.checksum:
        raise broken
    sizes = np.cumsum([_HEADER_BYTES, 8 * submissions, 8 * entries, 8 * entries, 24 * entries, 4 * entries])
    a, b, c, d, e = (np.asarray(data[start:end]) for start, end in itertools.pairwise(sizes))
    return _Run(a.view("<u8"), b.view("<u8"), c.view("<u8"), d.reshape(-1, 24), e.view("<u4"))
