"""How many labels are enough: an item is done as soon as its calibrated posterior is sure enough.

Labels are replayed in the order they came, one for each open item a round; after each round items that reach the target
are closed, and labels that came later for them need not have been bought. (After Abraham, Alonso, Kandylas and
Slivkins, COLT 2013, on stopping rules for crowds.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.verification.aggregation.calibration import Calibration, calibrated, uncalibrated
from sheaf.verification.aggregation.dawid_skene import dawid_skene
from sheaf.verification.aggregation.exact import Flags, Floats, Integers
from sheaf.verification.aggregation.labels import Labels, Truth

FIRST = 2
"""Labels that every item gets before any is closed."""


@dataclass(frozen=True)
class Stopped:
    """`bought` marks the labels that were needed, shape (n,); `posterior` (items, classes) is what was known of each item at its end."""

    bought: Flags
    posterior: Floats

    @property
    def label(self) -> Integers:
        """The most probable class of each item."""
        best: Integers = self.posterior.argmax(axis=1).astype(np.int64)
        return best


def stopped(
    labels: Labels, arrival: Integers, target: float, method: Callable[[Labels], Truth] = dawid_skene
) -> Stopped:
    """Replay `labels`; `arrival` (n,) orders the labels of each item. Gold calibrates. Raises InputError unless ½ < target < 1."""
    if not 0.5 < target < 1.0:
        raise InputError(
            "target", target, "give the chance to be right from which an item is done, such as 0.95"
        )
    turn = turns(labels, arrival)
    bought = turn < FIRST
    is_open = np.ones(labels.items, dtype=np.bool_)
    posterior = np.zeros((labels.items, labels.classes))
    for turn_now in range(FIRST, int(turn.max()) + 2):
        part = labels.only(bought)
        found = method(part.blind).posterior
        sure = _calibration(part, found).apply(part, found)
        posterior[is_open] = sure[is_open]
        is_open &= sure.max(axis=1) < target
        wanted = (turn == turn_now) & is_open[labels.item]
        if not wanted.any():
            break
        bought |= wanted
    return Stopped(bought, posterior)


def turns(labels: Labels, arrival: Integers) -> Integers:
    """Return the place of each label among those of its item, from 0, by `arrival`; shape (n,)."""
    order = np.lexsort((labels.label, labels.worker, arrival, labels.item))
    item = labels.item[order]
    first = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(first, np.diff(np.r_[first, len(item)]))
    return place


def _calibration(labels: Labels, posterior: Floats) -> Calibration:
    return calibrated(labels, posterior) if len(labels.known) else uncalibrated()
