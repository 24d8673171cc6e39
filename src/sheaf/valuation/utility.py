"""A utility says what a set of players is worth: records, contributors, whatever joins coalitions.

It takes coalitions as rows of flags, many at once, and gives one number each. The empty set is a coalition like any
other and has a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Utility(Protocol):
    """The worth of coalitions among `players`."""

    @property
    def players(self) -> int:
        """How many players there are, numbered from 0."""
        ...

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each row of `coalitions`, shape (m, players), as shape (m,)."""
        ...


class Program:
    """A utility that is any function from the numbers of the players who take part, ascending, to a number."""

    def __init__(self, players: int, function: Callable[[Integers], float]) -> None:
        """Raises InputError for fewer than one player."""
        self.players, self._function = counted(players), function

    def __call__(self, coalitions: Flags) -> Floats:
        """Call the function for each coalition. Raises InputError where it gives no finite number."""
        values = np.array([float(self._function(np.flatnonzero(row))) for row in coalitions])
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InputError("utility", values[bad[0]], "return a finite number for every coalition")
        return values


class Cached:
    """A utility that asks `inner` once for each coalition and remembers; `evaluations` counts what was asked."""

    def __init__(self, inner: Utility) -> None:
        self._inner, self._known = inner, dict[bytes, float]()
        self.players = inner.players

    @property
    def evaluations(self) -> int:
        """How many coalitions were evaluated."""
        return len(self._known)

    def __call__(self, coalitions: Flags) -> Floats:
        """Return remembered values, and ask for the others together."""
        keys = [row.tobytes() for row in np.packbits(coalitions, axis=1)]
        first = {key: i for i, key in enumerate(keys) if key not in self._known}
        if first:
            found = self._inner(coalitions[list(first.values())])
            self._known.update(zip(first, found.tolist(), strict=True))
        return np.array([self._known[key] for key in keys])


class Pooled:
    """A utility among groups: each player stands for all players of `inner` that carry its number in `owner`, shape (inner.players,)."""

    def __init__(self, inner: Utility, owner: Sequence[int] | Integers) -> None:
        """Raises InputError unless every player of `inner` has an owner from 0 without gaps."""
        self._inner, self._owner = inner, numbered(owner, inner.players)
        self.players = int(self._owner.max()) + 1

    def __call__(self, coalitions: Flags) -> Floats:
        """Return what the records of each coalition of owners are worth together."""
        return self._inner(coalitions[:, self._owner])


class Mean:
    """The mean of several utilities among the same players; by linearity its values are the mean of theirs."""

    def __init__(self, *parts: Utility) -> None:
        """Raises InputError for no utility, or for some that differ in their number of players."""
        if len({part.players for part in parts}) != 1:
            raise InputError("utilities", [part.players for part in parts], "give some, of the same players")
        self._parts, self.players = parts, parts[0].players

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the mean, summed in the order in which the utilities were given."""
        total = self._parts[0](coalitions)
        for part in self._parts[1:]:
            total = total + part(coalitions)
        return total / float(len(self._parts))


def counted(players: int) -> int:
    """Return `players` if it is a number from 1. Raises InputError."""
    if isinstance(players, bool) or not isinstance(players, int) or players < 1:
        raise InputError("players", players, "give a number from 1")
    return players


def numbered(owner: Sequence[int] | Integers, count: int) -> Integers:
    """Return `owner` as integers if it numbers `count` things from 0 without gaps. Raises InputError."""
    given = np.asarray(owner)
    if given.ndim != 1 or len(given) != count or not count or given.dtype.kind not in "iu":
        raise InputError("owner", f"shape {given.shape}, {given.dtype}", f"give {count} whole numbers from 0")
    if given.min() < 0 or len(np.unique(given)) != given.max() + 1:
        raise InputError("owner", f"{given.min()} to {given.max()}", "number owners from 0 without gaps")
    return given.astype(np.int64)
