"""Running all detectors over columns of text: gates over whole columns, exact work on what passes them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.personal.kind import BREAK, Detector, Hit, Tier

if TYPE_CHECKING:
    import polars as pl

PIECE_TEXTS, PIECE_BYTES = 1 << 18, 1 << 25
"""At most so many texts, and about so many bytes, are searched in one go: bounds the memory beside the column."""


class Found(NamedTuple):
    """Hits as arrays of shape (n,): index of the text, layer, characters from and to (exclusive), kind, score."""

    record: NDArray[np.int64]
    layer: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.object_]
    score: NDArray[np.float64]

    def take(self, which: NDArray[np.int64]) -> Found:
        """Return the hits at these places."""
        return Found._make(column[which] for column in self)


def scan(texts: pl.Series, detectors: Sequence[Detector], kinds: Set[str]) -> Found:
    """Return what `detectors` find of `kinds` in `texts` (strings or nulls), by text and place; none overlaps in its layer."""
    each = int(texts.str.len_bytes().mean() or 0) + 1  # type: ignore[arg-type]
    step = max(1, min(PIECE_TEXTS, PIECE_BYTES // each))
    return _joined(
        [_piece(texts.slice(first, step), first, detectors, kinds) for first in range(0, len(texts), step)]
    )


def _piece(texts: pl.Series, first: int, detectors: Sequence[Detector], kinds: Set[str]) -> Found:
    parts: list[Found] = []
    # all of a layer: what is surely a card must not become a telephone number because cards were not asked for
    layers = {detector.layer for detector in detectors if not kinds.isdisjoint(detector.kinds)}
    running = [detector for detector in detectors if detector.layer in layers]
    ways = _tiers(texts, running)
    for detector in running:
        column, places = ways[detector.tier]
        which = np.flatnonzero(_passes(column, detector.gate))
        if not len(which):
            continue
        some = column.gather(which)
        starts = np.zeros(len(some), dtype=np.int64)
        np.cumsum(some.str.len_chars().to_numpy()[:-1] + len(BREAK), out=starts[1:])
        text = some.str.join(BREAK).item()
        judge = detector.judge
        hits = [hit for match in detector.pattern.finditer(text) for hit in judge(text, match)]
        if hits:
            parts.append(_placed(hits, places[which] + first, starts, detector.layer))
    found = _without_overlap(_joined(parts))
    if all(kind in kinds for detector in running for kind in detector.kinds):
        return found
    wanted = np.fromiter((kind in kinds for kind in found.kind), np.bool_, len(found.kind))
    return found.take(np.flatnonzero(wanted))


def _tiers(texts: pl.Series, running: Sequence[Detector]) -> dict[Tier, tuple[pl.Series, NDArray[np.int64]]]:
    """Return for each tier its texts and where they stand: one look over the column spares a look for each detector."""
    digit = np.flatnonzero(_passes(texts, "[0-9]"))
    numbered = texts.gather(digit)
    rare = np.zeros(len(numbered), dtype=np.bool_)
    gates = [detector.gate for detector in running if detector.tier == "rare"]
    if forms := [f"(?:{gate})" for gate in gates if isinstance(gate, str)]:
        rare |= _passes(numbered, "|".join(forms))
    if words := [word for gate in gates if not isinstance(gate, str) for word in gate]:
        rare |= _passes(numbered, tuple(words))
    which = np.flatnonzero(rare)
    return {
        "any": (texts, np.arange(len(texts))),
        "digit": (numbered, digit),
        "rare": (numbered.gather(which), digit[which]),
    }


def _passes(texts: pl.Series, gate: str | tuple[str, ...]) -> NDArray[np.bool_]:
    if isinstance(gate, str):
        return texts.str.contains(gate).fill_null(False).to_numpy()
    return texts.str.contains_any(list(gate), ascii_case_insensitive=True).fill_null(False).to_numpy()


def _placed(hits: list[Hit], records: NDArray[np.int64], starts: NDArray[np.int64], layer: int) -> Found:
    """Return hits in a joined text as hits in records; `starts` says where in it the texts of `records` begin."""
    kind, first, end, score = zip(*hits, strict=True)
    begin = np.array(first, dtype=np.int64)
    place = np.searchsorted(starts, begin, side="right") - 1
    offset = starts[place]
    return Found(
        records[place],
        np.full(len(hits), layer),
        begin - offset,
        np.array(end, dtype=np.int64) - offset,
        np.array(kind, dtype=object),
        np.array(score, dtype=np.float64),
    )


def _joined(parts: Sequence[Found]) -> Found:
    whole = np.zeros(0, dtype=np.int64)
    none = Found(whole, whole, whole, whole, np.zeros(0, dtype=object), np.zeros(0))
    return Found._make(np.concatenate(columns) for columns in zip(none, *parts, strict=True))


def _without_overlap(found: Found) -> Found:
    """Keep of hits that overlap in one text and layer the surer, then the longer; return them by text, then by place."""
    found = found.take(np.lexsort((found.end, found.start, found.layer, found.record)))
    # texts and layers laid end to end: a hit overlaps an earlier one where it begins before the farthest end so far
    length = int(found.end.max(initial=0)) + 1
    base = (found.record * (int(found.layer.max(initial=0)) + 1) + found.layer) * length
    reach = np.maximum.accumulate(base + found.end)
    group = np.concatenate([[0], np.cumsum(base[1:] + found.start[1:] >= reach[:-1])])[: len(base)]
    alone = np.bincount(group)[group] == 1 if len(group) else np.zeros(0, dtype=np.bool_)
    kept = np.flatnonzero(alone).tolist()
    crowded = np.flatnonzero(~alone)
    for members in np.split(crowded, np.flatnonzero(np.diff(group[crowded])) + 1):
        kept += _best(found, members.tolist())
    which = np.array(kept, dtype=np.int64)
    return found.take(which[np.lexsort((found.layer[which], found.start[which], found.record[which]))])


def _best(found: Found, members: list[int]) -> list[int]:
    taken: list[int] = []
    for one in sorted(members, key=lambda i: (-found.score[i], found.start[i] - found.end[i], found.kind[i])):
        if all(found.end[one] <= found.start[i] or found.start[one] >= found.end[i] for i in taken):
            taken.append(one)
    return taken
