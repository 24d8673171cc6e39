"""The index of exact fingerprints: which earlier submissions hold a record with this digest.

Sorted runs (see `runs`) of 64-bit keys (the first eight bytes of a record's SHA-256 digest), each entry with its
submission, its record and its whole digest. A hit on the key counts only when all 32 bytes agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.canonical import DIGEST_BYTES, fingerprint_keys
from sheaf.domain.errors import InputError
from sheaf.verification.runs import Layout, Runs

SIEVE_BITS = 16
"""Bits of a run's sieve per entry, at least: fewer than one absent key in sixteen is searched for in vain."""


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

    def __len__(self) -> int:
        return len(self.keys)

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


def _merge(runs: Sequence[_Run]) -> _Run:
    submissions, keys, *rest = (np.concatenate(part) for part in zip(*(r.parts() for r in runs), strict=True))
    order = np.argsort(keys, kind="stable")
    return _Run(np.sort(submissions), keys[order], *(part[order] for part in rest))


_LAYOUT = Layout(
    name="fingerprints",
    magic=b"sheafrun",
    remedy="delete the directory, the index is rebuilt from the submissions' sheets",
    shapes=lambda entries, submissions: [
        ("<u8", (submissions,)),
        ("<u8", (entries,)),
        ("<u8", (entries,)),
        ("u1", (entries, 24)),
        ("<u4", (entries,)),
    ],
    run=_Run,
    merge=_merge,
)


class ExactIndex:
    """Fingerprints of records by submission, in `directory` under `namespace`, or in memory if that is None.

    Any number of processes may read; writers take turns. The index judges nothing: which entries count against
    a record is the business of the check that asks.
    """

    def __init__(self, directory: Path | None = None, namespace: str = "market") -> None:
        self._runs = Runs(_LAYOUT, directory, namespace)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._runs)

    @property
    def runs(self) -> int:
        """How many runs there are to look through."""
        return self._runs.count

    def submissions(self) -> NDArray[np.uint64]:
        """Return the submissions that were added, ascending."""
        return self._runs.submissions()

    def has(self, submission: int) -> bool:
        """Tell whether `submission` was added."""
        return self._runs.has(submission)

    def add(self, digests: bytes, submission: int) -> bool:
        """Add the records of a submission, 32 bytes each in order; of copies within it the first is kept.

        Returns False, changing nothing, if the submission is there: adding again after a crash is safe.
        """
        return self._runs.add(_sorted_run(digests, submission))

    def find(self, digests: bytes) -> Matches:
        """Return every entry whose digest equals one of `digests` (32 bytes each, in order)."""
        table = rows(digests)
        keys = fingerprint_keys(digests)
        query, owner, record = [np.empty(0, np.int64)], [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        for run in self._runs.every():
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
        self._runs.check()
