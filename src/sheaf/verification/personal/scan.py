"""Running all detectors over columns of text: gates over whole columns, exact work on what passes them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.personal.kind import BREAK, Detector, Hit

if TYPE_CHECKING:
    import polars as pl

CHUNK = 1 << 16
"""Texts searched in one go: bounds the memory beside the column."""

Row = tuple[int, str, int, int, float]
"""Index of the text, kind, first character, character after the last, score."""
Placed = tuple[int, int, int, int, str, float]
"""Index of the text, layer, first character, character after the last, kind, score."""


def scan(texts: pl.Series, detectors: Sequence[Detector], kinds: Set[str]) -> list[Row]:
    """Return what `detectors` find of `kinds` in `texts` (strings or nulls), by text and place; none overlaps in its layer."""
    found: list[Row] = []
    for first in range(0, len(texts), CHUNK):
        found += _chunk(texts.slice(first, CHUNK), first, detectors, kinds)
    return found


def _chunk(texts: pl.Series, first: int, detectors: Sequence[Detector], kinds: Set[str]) -> list[Row]:
    rows: list[Placed] = []
    # all of a layer: what is surely a card must not become a telephone number because cards were not asked for
    layers = {detector.layer for detector in detectors if not kinds.isdisjoint(detector.kinds)}
    numbered = np.flatnonzero(_passes(texts, "[0-9]"))
    ways = {False: (texts, np.arange(len(texts))), True: (texts.gather(numbered), numbered)}
    for detector in detectors:
        if detector.layer not in layers:
            continue
        column, places = ways[detector.has_digit]
        which = np.flatnonzero(_passes(column, detector.gate))
        if not len(which):
            continue
        some = column.gather(which)
        starts = np.zeros(len(some), dtype=np.int64)
        np.cumsum(some.str.len_chars().to_numpy()[:-1] + len(BREAK), out=starts[1:])
        text = some.str.join(BREAK).item()
        hits = [hit for match in detector.pattern.finditer(text) for hit in detector.judge(text, match)]
        rows += _placed(hits, places[which] + first, starts, detector.layer)
    return [row for row in _without_overlap(rows) if row[1] in kinds]


def _passes(texts: pl.Series, gate: str | tuple[str, ...]) -> NDArray[np.bool_]:
    if isinstance(gate, str):
        return texts.str.contains(gate).fill_null(False).to_numpy()
    return texts.str.contains_any(list(gate), ascii_case_insensitive=True).fill_null(False).to_numpy()


def _placed(
    hits: list[Hit], records: NDArray[np.int64], starts: NDArray[np.int64], layer: int
) -> list[Placed]:
    """Return hits in a joined text as hits in records; `starts` says where in it the texts of `records` begin."""
    if not hits:
        return []
    begin = np.array([hit.start for hit in hits], dtype=np.int64)
    place = np.searchsorted(starts, begin, side="right") - 1
    return [
        (record, layer, hit.start - offset, hit.end - offset, hit.kind, hit.score)
        for record, offset, hit in zip(records[place].tolist(), starts[place].tolist(), hits, strict=True)
    ]


def _without_overlap(rows: list[Placed]) -> list[Row]:
    """Keep of hits that overlap in one text and layer the surer, then the longer."""
    rows.sort()
    kept: list[Row] = []
    group: list[Placed] = []
    reach, home = -1, (-1, -1)
    for row in rows:
        if group and ((row[0], row[1]) != home or row[2] >= reach):
            kept += _best(group)
            group, reach = [], -1
        group.append(row)
        home, reach = (row[0], row[1]), max(reach, row[3])
    if group:
        kept += _best(group)
    kept.sort(key=lambda row: (row[0], row[2]))
    return kept


def _best(group: list[Placed]) -> list[Row]:
    if len(group) > 1:
        taken: list[Placed] = []
        for row in sorted(group, key=lambda row: (-row[5], row[2] - row[3], row[4], row[2])):
            if all(row[3] <= other[2] or row[2] >= other[3] for other in taken):
                taken.append(row)
        group = taken
    return [(record, kind, start, end, score) for record, _, start, end, kind, score in group]
