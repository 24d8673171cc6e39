"""The index of near duplicates: sketches of everything added before, found by any band key they share.

Per record it keeps `bands` sorted entries of eight bytes (key, place), the signature and the record's number, in runs (see
`runs`); a run's submissions stand once. Files are mapped: opening reads no sketch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.verification.near.pairs import CROWD, spread
from sheaf.verification.near.sketch import Kind, Sketch
from sheaf.verification.runs import Layout, Runs

Counts: TypeAlias = Callable[[NDArray[np.uint64], NDArray[np.uint32]], NDArray[np.bool_]]
"""Tells which records count, from their submissions and their numbers, shapes (m,)."""

MOST = 1 << 22
"""Records of one run, at most: merging keeps so many in memory."""


class Matches(NamedTuple):
    """Stored records near to those asked for, four arrays of one length, by `query`, then the most similar first.

    `query` (int64) is the place in the call, `submission` (uint64) and `record` (uint32) say what it is near to.
    """

    query: NDArray[np.int64]
    submission: NDArray[np.uint64]
    record: NDArray[np.uint32]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True)
class _Run:
    submissions: NDArray[np.uint64]
    begins: NDArray[np.uint64]
    entries: NDArray[np.uint64]
    signatures: NDArray[np.uint8]
    records: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.records)

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.submissions, self.begins, self.entries, self.signatures, self.records

    def shared(self, band: int, keys: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (places in `keys`, places here) of all that have one of `keys`, which are distinct and ascending, in one band."""
        entries = self.entries[band]
        needles = keys.astype(np.uint64) << np.uint64(32)
        low = np.searchsorted(entries, needles)
        high = np.searchsorted(entries, needles | np.uint64(2**32 - 1), side="right")
        place, owner = spread(low, high)
        return owner, (entries[place] & np.uint64(2**32 - 1)).astype(np.int64)

    def owners(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the submission of each place."""
        found = np.searchsorted(self.begins, places.astype(np.uint64), side="right") - 1
        return np.asarray(self.submissions[found], np.uint64)

    def hits(self, band: int, keys: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (places in `keys`, places here) of equal keys of one band, at most 2 * CROWD places for each key."""
        entries = self.entries[band]
        order = np.argsort(keys, kind="stable")
        needles = keys[order].astype(np.uint64) << np.uint64(32)
        begin = np.searchsorted(entries, needles)
        at = entries[np.minimum(begin, max(len(entries) - 1, 0))] if len(entries) else needles[:0]
        found = np.flatnonzero((at >> np.uint64(32)) == keys[order]) if len(at) else np.empty(0, np.int64)
        begin = begin[found]
        end = np.searchsorted(entries, needles[found] | np.uint64(2**32 - 1), side="right")
        place, owner = spread(begin, np.minimum(end, begin + 2 * CROWD))
        return order[found][owner], (entries[place] & np.uint64(2**32 - 1)).astype(np.int64)


def _layout(kind: Kind) -> Layout[_Run]:
    bands, width = kind.bands, kind.width
    return Layout(
        name="near duplicates",
        magic=b"sheafnea",
        remedy="delete the directory and add the records again",
        shapes=lambda entries, submissions: [
            ("<u8", (submissions,)),
            ("<u8", (submissions,)),
            ("<u8", (bands, entries)),
            ("u1", (entries, width)),
            ("<u4", (entries,)),
        ],
        run=_Run,
        merge=_merge,
        most=MOST,
    )


def _merge(runs: Sequence[_Run]) -> _Run:
    shifts = np.cumsum([0, *map(len, runs)])[:-1].astype(np.uint64)
    shifted = [run.entries + shift for run, shift in zip(runs, shifts, strict=True)]
    entries = np.concatenate(shifted, axis=1)
    entries.sort(axis=1)
    return _Run(
        np.concatenate([run.submissions for run in runs]),
        np.concatenate([run.begins + shift for run, shift in zip(runs, shifts, strict=True)]),
        entries,
        np.concatenate([run.signatures for run in runs]),
        np.concatenate([run.records for run in runs]),
    )


class NearIndex:
    """Sketches of records by submission, in `directory`, or in memory if that is None; each kind has its own name there.

    Any number of processes may read; writers take turns. Killed at any point it holds what was added, and at most the addition
    under way.
    """

    def __init__(self, kind: Kind, directory: Path | None = None) -> None:
        self.kind = kind
        self._runs = Runs(_layout(kind), directory, kind.namespace)

    def __len__(self) -> int:
        """Return the number of records."""
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

    def add(self, sketch: Sketch, submission: int) -> bool:
        """Add the records of a submission. Returns False, changing nothing, if it is there: adding again after a crash is safe.

        Raises InputError for sketches of another form and for a submission beyond 64 bits.
        """
        self._fits(sketch)
        if not isinstance(submission, int) or not 0 <= submission < 2**64:
            raise InputError("submission", submission, "give a number below 2**64")
        records = np.flatnonzero(sketch.present)
        places = np.arange(len(records), dtype=np.uint64)
        entries = np.ascontiguousarray(sketch.keys[records].T).astype(np.uint64) << np.uint64(32) | places
        entries.sort(axis=1)
        owner = np.array([submission], np.uint64)
        begins = np.zeros(1, np.uint64)
        run = _Run(owner, begins, entries, sketch.signature[records], records.astype(np.uint32))
        return self._runs.add(run)

    def find(self, sketch: Sketch, threshold: float | None = None) -> Matches:
        """Return the stored records whose signatures speak for a similarity of `threshold` (the kind's own if None) or more."""
        self._fits(sketch)
        least = self.kind.threshold if threshold is None else threshold
        asked = np.flatnonzero(sketch.present)
        parts = [self._found(run, sketch, asked, least) for run in self._runs.every() if len(run)]
        return _together(parts)

    def given_before(self, sketch: Sketch, counts: Counts, threshold: float) -> Matches:
        """Return the stored records that count and are near, `threshold` or more; whoever has added what counts gets the same.

        Of those that count and share a key the first CROWD, by submission and record, are compared. So neither the order in which
        submissions were added, nor others beside them, nor how runs were merged says anything, and the work is bounded.
        """
        self._fits(sketch)
        runs = [run for run in self._runs.every() if len(run)]
        asked = np.flatnonzero(sketch.present)
        pairs = [np.empty((0, 3), np.int64)]
        for band, keys in sketch.probes if runs else ():
            pairs.append(_candidates(runs, (band, keys[asked], asked), counts))
        query, which, place = _distinct(np.concatenate(pairs)).T
        parts = []
        for number, run in enumerate(runs):
            mine = which == number
            one, other = query[mine], place[mine]
            similarity = self.kind.similarity(sketch.signature[one], run.signatures[other])
            near = similarity >= threshold
            one, other = one[near], other[near]
            parts.append(Matches(one, run.owners(other), run.records[other], similarity[near]))
        return _together(parts)

    def check(self) -> None:
        """Read every run whole and raise IntegrityError where its bytes are not those that were written."""
        self._runs.check()

    def _fits(self, sketch: Sketch) -> None:
        given = (sketch.keys.shape[1], sketch.signature.shape[1])
        if given != (self.kind.bands, self.kind.width):
            raise InputError(
                "sketch", f"{given[0]} keys, {given[1]} bytes", "sketch records with the index's own kind"
            )

    def _found(self, run: _Run, sketch: Sketch, asked: NDArray[np.int64], least: float) -> Matches:
        code = [np.empty(0, np.int64)]
        for band, keys in sketch.probes:
            query, place = run.hits(band, keys[asked])
            code.append(query << np.int64(32) | place)
        both = np.unique(np.concatenate(code))
        query, place = asked[both >> np.int64(32)], both & np.int64(2**32 - 1)
        similarity = self.kind.similarity(sketch.signature[query], run.signatures[place])
        hits = similarity >= least
        query, place, similarity = query[hits], place[hits], similarity[hits]
        return Matches(query, run.owners(place), run.records[place], similarity)


def _candidates(
    runs: Sequence[_Run], probe: tuple[int, NDArray[np.uint32], NDArray[np.int64]], counts: Counts
) -> NDArray[np.int64]:
    """Return rows of (query, run, place): for one band, its keys (m,) and whose they are (m,), the first CROWD that count for each key."""
    band, keys, asked = probe
    needles, needle = np.unique(keys, return_inverse=True)
    found = [np.empty((0, 5), np.int64)]
    for number, run in enumerate(runs):
        owner, place = run.shared(band, needles)
        submission, record = run.owners(place), run.records[place]
        kept = np.flatnonzero(counts(submission, record)) if len(place) else place
        columns = (
            owner,
            submission.view(np.int64),
            record.astype(np.int64),
            np.full(len(place), number),
            place,
        )
        found.append(np.stack(columns, axis=1)[kept])
    whole = np.concatenate(found)
    # a submission's number is below 2**63 wherever one was given by a chain
    whole = whole[np.lexsort((whole[:, 2], whole[:, 1], whole[:, 0]))]
    first = np.searchsorted(whole[:, 0], whole[:, 0])
    whole = whole[np.arange(len(whole)) - first < CROWD]
    low, high = (np.searchsorted(whole[:, 0], needle, side=side) for side in ("left", "right"))
    row, query = spread(low, high)
    return np.stack([asked[query], whole[row, 3], whole[row, 4]], axis=1)


def _distinct(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows without repeats, sorted."""
    rows = rows[np.lexsort(rows.T[::-1])]
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return rows[is_first]


def _together(parts: Sequence[Matches]) -> Matches:
    empty = Matches(
        np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.float64)
    )
    query, submission, record, similarity = (np.concatenate(part) for part in zip(empty, *parts, strict=True))
    order = np.lexsort((record, submission, -similarity, query))
    return Matches(query[order], submission[order], record[order], similarity[order])
