"""Sets of shingles, whatever they were cut from: a sketch whose agreement is Jaccard's similarity, and the similarity itself.

A set is thrown into BINS bins over ROUNDS rounds, each round with another hash; the smallest element of the first round that
reaches a bin holds it (fast similarity sketching, Dahlgaard, Knudsen and Thorup 2017). What is empty after the last round
takes the value of another bin, chosen by the bin alone (optimal densification, Shrivastava 2017). Two sets agree in a bin
with the probability |A ∩ B| / |A ∪ B|, without bias. Bins by fours are band keys (Broder 1997; Indyk and Motwani 1998); of all
bins one bit is kept as the signature (b-bit minwise hashing, Li and König 2010).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BANDS = 32
ROWS = 4
BINS = 256
ROUNDS = 8
SIGNATURE_BYTES = BINS // 8
SPREAD = 1 / BINS**0.5
"""The standard error of an estimated similarity, at most: at 0.5; smaller above."""

_CHUNK = 1 << 15  # shingles sketched at once: their bins stay in the processor's cache
_DOCUMENTS = 256
_PAIRS = 4096  # compared exactly at once
_EMPTY = np.uint32(2**32 - 1)


class Sets(NamedTuple):
    """Sets of 64-bit hashes, repeats allowed: set `i` is `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Shape (n,): elements with repeats; 0 where there is nothing to compare."""
        return np.diff(self.offsets)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each number scattered over 64 bits, one to one (the finaliser of SplitMix64, Steele and others 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def numbers(name: int, count: int) -> NDArray[np.uint64]:
    """Return `count` fixed odd numbers that look random, others for every `name`."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed(steps + mixed(np.full(1, name, np.uint64))) | np.uint64(1)


_THROWS = numbers(1, ROUNDS)
_ROWS = numbers(2, ROWS)
_PLACES = numbers(3, BANDS)
_TRIES = (numbers(4, BINS * 64).reshape(BINS, 64) >> np.uint64(56)).astype(np.int64)
"""Which bin an empty one asks first, second, …; BINS is 2**8."""


def sketch(sets: Sets) -> NDArray[np.uint32]:
    """Return shape (n, BINS): the bins of each set; of an empty set they mean nothing."""
    found = np.zeros((len(sets.offsets) - 1, BINS), np.uint32)
    begin, offsets = 0, sets.offsets
    while begin < len(found):
        end = int(np.searchsorted(offsets, offsets[begin] + _CHUNK, side="right")) - 1
        end = max(begin + 1, min(end, begin + _DOCUMENTS, len(found)))
        part = Sets(sets.hashes[offsets[begin] : offsets[end]], offsets[begin : end + 1] - offsets[begin])
        found[begin:end] = _filled(_thrown(part), part.sizes > 0)
        begin = end
    return found


def _thrown(sets: Sets) -> NDArray[np.uint32]:
    """Return the bins after all rounds, _EMPTY where no element came: round, then the element's value, least wins."""
    count = len(sets.offsets) - 1
    bins = np.full(count * BINS, _EMPTY, np.uint32)
    owner = np.repeat(np.arange(count), sets.sizes)
    live, base = sets.hashes, owner * BINS
    for turn in range(ROUNDS):
        thrown = (live * _THROWS[turn] >> np.uint64(32)).astype(np.uint32)
        place = base + (thrown >> np.uint32(24))
        np.minimum.at(bins, place, thrown & np.uint32(2**24 - 1) | np.uint32(turn << 24))
        has_gaps = (bins.reshape(count, BINS) == _EMPTY).any(axis=1)
        if not has_gaps.all():
            kept = has_gaps[owner]
            live, base, owner = live[kept], base[kept], owner[kept]
        if not len(live):
            break
    return bins.reshape(count, BINS)


def _filled(bins: NDArray[np.uint32], present: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Fill every gap from the first bin in its row of _TRIES that holds something."""
    item, place = np.nonzero((bins == _EMPTY) & present[:, None])
    filled = bins.copy()
    for turn in range(_TRIES.shape[1]):
        if not len(item):
            return filled
        got = bins[item, _TRIES[place, turn]]
        hit = got != _EMPTY
        filled[item[hit], place[hit]] = got[hit]
        item, place = item[~hit], place[~hit]
    filled[item, place] = bins[item].min(axis=1, initial=_EMPTY)
    return filled


def band_keys(bins: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return shape (n, BANDS): ROWS bins to one key."""
    rows = bins[:, : BANDS * ROWS].reshape(len(bins), BANDS, ROWS)
    keys = np.broadcast_to(_PLACES, rows.shape[:2]).copy()
    for row in range(ROWS):
        keys = mixed(keys + rows[:, :, row] * _ROWS[row])
    return (keys >> np.uint64(32)).astype(np.uint32)


def signature(bins: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return shape (n, SIGNATURE_BYTES): the lowest bit of each bin, which the choice of the least leaves even."""
    return np.packbits((bins & np.uint32(1)).astype(np.bool_), axis=1)


def estimate(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return shape (m,): the similarity that two signatures speak for; one bit agrees by chance half the time."""
    differing = np.bitwise_count((one ^ other).view(np.uint64)).sum(axis=1, dtype=np.int64)
    return np.asarray(np.maximum(0.0, 1.0 - 2.0 * differing / BINS), np.float64)


def jaccard(
    sets: Sets, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (common, all): how many elements the sets of each pair share, and have together; their ratio is Jaccard's similarity."""
    common, together = np.zeros(len(left), np.int64), np.zeros(len(left), np.int64)
    for begin in range(0, len(left), _PAIRS):
        part = slice(begin, begin + _PAIRS)
        common[part], together[part] = _compared(sets, left[part], right[part])
    return common, together


def _compared(
    sets: Sets, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort (pair, 51 bits of the element, side): then equal elements of one pair stand together."""
    sides = [_elements(sets, which, side) for side, which in enumerate((left, right))]
    elements = np.sort(np.concatenate(sides))
    elements = elements[np.append(True, elements[1:] != elements[:-1])] if len(elements) else elements
    pair = (elements >> np.uint64(52)).astype(np.int64)
    is_second = np.zeros(len(elements), np.bool_)
    is_second[1:] = elements[1:] >> np.uint64(1) == elements[:-1] >> np.uint64(1)
    common = np.bincount(pair[is_second], minlength=len(left))
    return common, np.bincount(pair, minlength=len(left)) - common


def _elements(sets: Sets, which: NDArray[np.int64], side: int) -> NDArray[np.uint64]:
    sizes = sets.sizes[which]
    begins = np.cumsum(sizes) - sizes
    place = np.repeat(sets.offsets[which] - begins, sizes) + np.arange(sizes.sum())
    pair = np.repeat(np.arange(len(which), dtype=np.uint64), sizes) << np.uint64(52)
    elements = sets.hashes[place] >> np.uint64(13) << np.uint64(1)
    return np.asarray(pair | elements | np.uint64(side), np.uint64)
