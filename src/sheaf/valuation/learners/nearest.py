"""A vote of the nearest records: accuracy, or the share of right labels; whole numbers throughout, the same everywhere."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.valuation.examples import Examples, matched
from sheaf.valuation.knn_shapley import NEIGHBOURS
from sheaf.valuation.neighbours import Space, blocks
from sheaf.valuation.utility import Flags, Floats, Integers, numbered

TIE = 2.0**30
"""Steps to the unit in which a tie among classes is shared."""

Measure = Literal["accuracy", "share"]


class Nearest:
    """The worth of owners whose records vote, `k` nearest ones, on each task record.

    `accuracy`: how often the class with most votes is right; classes that tie share the vote, so the empty set is worth 1 / classes.
    `share`: right votes out of k; the empty set is worth 0, and the game is the one whose values `knn_shapley` gives.
    """

    def __init__(
        self,
        records: Examples,
        owner: Integers,
        task: Examples,
        *,
        k: int = NEIGHBOURS,
        measure: Measure = "accuracy",
    ) -> None:
        """Raises InputError for a `k` below 1, RecordError where records and task do not match."""
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InputError("k", k, "give a number of neighbours from 1")
        self._classes, self._k, self._measure = matched(records, task), k, measure
        owner = numbered(owner, len(records))
        self.players = int(owner.max()) + 1
        self._near = self._kept(records, owner, task)
        self._truth = task.labels

    def _kept(self, records: Examples, owner: Integers, task: Examples) -> list[tuple[Integers, Integers]]:
        """Return owners and classes, by distance, of those records near each task record that can ever vote: k of each owner."""
        space = Space.of(records.features, task.features)
        kept = []
        for rows in blocks(len(task), len(records)):
            for order in space.ordered(task.features[rows]):
                owners = owner[order]
                grouped = np.argsort(owners, kind="stable")
                starts = np.searchsorted(owners[grouped], np.arange(self.players))
                rank = np.empty(len(owners), dtype=np.int64)
                rank[grouped] = np.arange(len(owners)) - starts[owners[grouped]]
                near = rank < self._k
                kept.append((owners[near], records.labels[order[near]]))
        return kept

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each coalition of owners, shape (m,)."""
        total = np.zeros(len(coalitions))
        widest = max(len(owners) for owners, _ in self._near)
        for rows in blocks(len(coalitions), widest):
            for (owners, labels), truth in zip(self._near, self._truth.tolist(), strict=True):
                total[rows] += self._votes(coalitions[rows][:, owners], labels, truth)
        unit = float(self._k) if self._measure == "share" else TIE
        return total / unit / float(len(self._truth))

    def _votes(self, votes: Flags, labels: Integers, truth: int) -> Floats:
        """Return what one task record adds for each coalition, in whole units."""
        votes = votes & (votes.cumsum(axis=1, dtype=np.int32) <= self._k)
        if self._measure == "share":
            right: Floats = votes[:, labels == truth].sum(axis=1).astype(np.float64)
            return right
        is_class = (labels[:, None] == np.arange(self._classes)).astype(np.float32)
        counts = votes.astype(np.float32) @ is_class
        is_most = counts == counts.max(axis=1, keepdims=True)
        share: Floats = np.rint(TIE / is_most.sum(axis=1)) * is_most[:, truth]
        return share
