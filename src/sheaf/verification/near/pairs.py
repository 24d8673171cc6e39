"""Near records within one table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.near.sets import jaccard
from sheaf.verification.near.sketch import Kind, Sketch

CROWD = 16
"""Of the records that share a band key, one is compared with so many of the first and so many of the last before it."""
FEW = 8
"""Sets of one record are compared with those of so many of the first and so many of the most similar candidates."""


class Pairs(NamedTuple):
    """Near records, three arrays of one length, sorted: `earlier` < `later`, and their similarity.

    A record whose sketch equals that of an earlier one is paired with the first such alone.
    """

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.later)


def near_pairs(kind: Kind, sketch: Sketch, threshold: float) -> Pairs:
    """Return the pairs whose similarity reaches `threshold`."""
    first = _first_alike(sketch)
    places = np.arange(len(sketch))
    kept = np.flatnonzero(sketch.present & (first == places))
    copies = np.flatnonzero(sketch.present & (first != places))
    found = [_coded(first[copies], copies)]
    for place, (band, keys) in enumerate(sketch.probes):
        stored = sketch.keys[kept, band]
        earlier, later = _sharing(stored, stored if band == place else keys[kept])
        earlier, later = kept[earlier], kept[later]
        near = kind.similarity(sketch.signature[earlier], sketch.signature[later])
        hits = near >= threshold - kind.margin
        found.append(_coded(earlier[hits], later[hits]))
    code = np.unique(np.concatenate(found))
    earlier, later = code & np.int64(2**31 - 1), code >> np.int64(31)
    similarity = kind.similarity(sketch.signature[earlier], sketch.signature[later])
    if sketch.sets is not None:
        kept = _few(later, similarity)
        earlier, later = earlier[kept], later[kept]
        common, together = jaccard(sketch.sets, earlier, later)
        similarity = common / np.maximum(together, 1)
    hits = similarity >= threshold
    return Pairs(earlier[hits], later[hits], similarity[hits])


def _coded(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.int64]:
    return later << np.int64(31) | earlier


def _few(later: NDArray[np.int64], similarity: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of pairs worth exact comparison: for each `later` (ascending) the FEW first and the FEW most similar."""
    begins = np.searchsorted(later, later)
    places = np.arange(len(later))
    by_similarity = np.lexsort((-similarity, later))
    return np.flatnonzero((places - begins < FEW) | ((np.argsort(by_similarity) - begins) < FEW))


def _first_alike(sketch: Sketch) -> NDArray[np.int64]:
    """Return for each record the first one with the same keys and signature."""
    if not len(sketch):
        return np.empty(0, np.int64)
    rows = np.hstack([np.ascontiguousarray(sketch.keys).view(np.uint8), sketch.signature])
    whole = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}")[:, 0]
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    return first[which]


def _sharing(
    stored: NDArray[np.uint32], asked: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (earlier, later): the key under which `later` asks is stored of `earlier`. At most 2 * CROWD for each that asks."""
    places = np.arange(len(stored), dtype=np.uint64)
    low = np.uint64(2**32 - 1)
    entries = np.sort(stored.astype(np.uint64) << np.uint64(32) | places)
    needles = entries if asked is stored else np.sort(asked.astype(np.uint64) << np.uint64(32) | places)
    begin, end = np.searchsorted(entries, needles & ~low), np.searchsorted(entries, needles)
    later = (needles & low).astype(np.int64)
    busy = np.flatnonzero(end > begin)
    begin, end, later = begin[busy], end[busy], later[busy]
    spans = [
        (begin, np.minimum(end, begin + CROWD)),
        (np.maximum(begin + CROWD, end - CROWD), end),
    ]
    earlier, owner = zip(*(spread(low, high) for low, high in spans), strict=True)
    return (entries[np.concatenate(earlier)] & low).astype(np.int64), later[np.concatenate(owner)]


def spread(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all numbers from low[i] below high[i], and the i of each."""
    sizes = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(low)), sizes)
    return np.repeat(low - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum()), owner


def standing(pairs: Pairs, count: int) -> tuple[NDArray[np.bool_], dict[int, int]]:
    """Return which of `count` records stand, shape (count,), and for each that falls the place in `pairs` of what it repeats.

    In order, a record falls if it is near an earlier one that stands: of a cluster the first stands, and who is near only to
    what fell is not blamed for it. It is named beside the nearest one that stands, of equals the first.
    """
    stands = np.ones(count, np.bool_)
    cause: dict[int, int] = {}
    order = np.lexsort((pairs.earlier, -pairs.similarity, pairs.later))
    for place, earlier, later in zip(
        order.tolist(), pairs.earlier[order].tolist(), pairs.later[order].tolist(), strict=True
    ):
        if later not in cause and stands[earlier]:
            stands[later] = False
            cause[later] = place
    return stands, cause


def clusters(pairs: Pairs) -> list[list[int]]:
    """Return the groups of records that pairs hold together, each ascending, by their first."""
    parent: dict[int, int] = {}

    def root(record: int) -> int:
        while parent.setdefault(record, record) != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    for earlier, later in zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True):
        one, other = root(earlier), root(later)
        parent[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = {}
    for record in sorted(parent):
        groups.setdefault(root(record), []).append(record)
    return [groups[first] for first in sorted(groups)]
