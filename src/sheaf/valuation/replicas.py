"""Which records only repeat what an earlier contributor gave.

A record is a *copy* if an earlier contributor gave the very same features and label. It is *close* if an earlier contributor's
record is much nearer than the nearest task record: task records are nobody's copies, so they tell how near records of this
kind come by nature, at that very place. Much nearer means less than half the distance, or so much less that it happens to no
more than one in twenty of the task's own records. Some lie so close by chance; only where a contributor has more of them than
chance explains are its close records copies too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.neighbours import Space, blocks, nearest
from sheaf.valuation.utility import Flags, Floats, Integers, numbered

CLOSE = 0.5
"""Of the distance to the nearest task record. In many dimensions independent records hardly come so near."""

RARE = 20
"""One task record in so many may be close by nature; where fewer are at CLOSE, the line is drawn farther out, up to 1."""

CHANCE = 100
"""One honest contributor in so many, at most, has close records taken for copies."""


@dataclass(frozen=True)
class Copies:
    """For each record, shape (n,): whether it is a copy, and the owner of the earlier record that lies nearest (-1: none)."""

    is_copy: Flags
    source: Integers


def copies(records: Examples, owner: Integers, task: Examples) -> Copies:
    """Find the copies; owners are numbered by who was first. Raises RecordError where records and task do not match."""
    matched(records, task)
    owner = numbered(owner, len(records))
    is_copy = np.zeros(len(records), dtype=np.bool_)
    source = np.full(len(records), -1, dtype=np.int64)
    natural = _apart(task.features)
    to_task = np.full(len(task), np.inf)
    seen: set[tuple[bytes, int]] = set()
    for player in range(int(owner.max()) + 1):
        own, earlier = np.flatnonzero(owner == player), np.flatnonzero(owner < player)
        given = records.take(own)
        keys = [
            (row.tobytes(), label)
            for row, label in zip(given.features + 0.0, given.labels.tolist(), strict=True)
        ]
        if len(earlier):
            distance, which = nearest(records.features[earlier], given.features)
            spacing, _ = nearest(task.features, given.features)
            is_same = np.array([key in seen for key in keys])
            is_copy[own[is_same]] = True
            rest = ~is_same
            is_copy[own[rest]] = _proven(distance[rest], spacing[rest], to_task, natural)
            source[own] = owner[earlier[which]]
        seen.update(keys)
        to_task = np.minimum(to_task, nearest(given.features, task.features)[0])
    return Copies(is_copy, source)


def _apart(features: Floats) -> Floats:
    """Return each row's distance to the nearest other row, shape (n,); infinite for the only one."""
    apart = np.full(len(features), np.inf)
    if len(features) < 2:
        return apart
    space = Space.of(features, features)
    for rows in blocks(len(features), len(features)):
        squared = space.squared(features[rows])
        squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = np.inf
        apart[rows] = np.sqrt(squared.min(axis=1)) / space.steps
    return apart


def _proven(distance: Floats, spacing: Floats, to_task: Floats, natural: Floats) -> Flags:
    """Return which records are close and copies: by distance to earlier ones and to the task, against the task's own such distances."""
    far = np.sort(to_task / np.maximum(natural, np.finfo(np.float64).tiny))[len(natural) // RARE]
    reach = float(min(max(far, CLOSE), 1.0))
    for line in (CLOSE, reach):
        hits = int((to_task < line * natural).sum()) + 1
        if _is_beyond(int((distance < line * spacing).sum()), len(distance), hits, len(natural) + 1):
            return np.asarray(distance < reach * spacing)
    return np.zeros(len(distance), dtype=np.bool_)


def _is_beyond(count: int, of: int, hits: int, trials: int) -> bool:
    """Whether `count` of `of` is beyond chance hits / trials: C(of, count) pᶜᵒᵘⁿᵗ bounds the tail, in whole numbers."""
    if not count:
        return False
    return bool(math.comb(of, count) * hits**count * CHANCE < trials**count)
