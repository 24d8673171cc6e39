"""The one shape of data that every method takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """Gold first, then submitted records, in one numbering of n rows.

    `inputs` (n, width); `landmarks` are the rows that methods may learn from, gold first; `cosines` (n, landmarks) tells which
    texts are alike, None where there are none; `looks` are further measures (n,) of how much a record is like gold; `label`
    (n,) is a place in `names`, -1 for one that gold does not have; `sender` (n,) is a place in `senders`, -1 for gold;
    `readable` (n,).
    """

    inputs: Floats
    landmarks: Integers
    cosines: Floats | None
    looks: list[Floats] = field(repr=False)
    label: Integers
    sender: Integers
    readable: Flags
    names: list[Any]
    senders: list[Any]
    gold: int

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return len(self.names)

    @property
    def is_gold(self) -> Flags:
        """Which rows are gold, shape (n,)."""
        found: Flags = np.arange(len(self.label)) < self.gold
        return found

    @property
    def is_usable(self) -> Flags:
        """Which rows can be judged: readable, with a label that gold has; shape (n,)."""
        return self.readable & (self.label >= 0)
