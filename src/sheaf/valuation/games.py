"""Games whose values are known: the oracle that estimators are held against.

Each gives its utility and, where there is a formula, the Shapley and the Banzhaf value of every player.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sheaf.valuation.utility import Flags, Floats


@dataclass(frozen=True)
class Game:
    """A utility among `players` with its known values, shape (players,)."""

    players: int
    worth: Callable[[Flags], Floats]
    shapley: Floats
    banzhaf: Floats

    def __call__(self, coalitions: Flags) -> Floats:
        """Return the worth of each coalition, shape (m,)."""
        return np.asarray(self.worth(coalitions), np.float64)


def additive(weights: Sequence[float]) -> Game:
    """Everyone brings its weight, whoever else is there; who weighs nothing is a dummy."""
    w = np.array(weights, np.float64)
    return Game(len(w), lambda s: s @ w, w, w)


def airport(costs: Sequence[float]) -> Game:
    """A runway costs what its largest user needs (Littlechild and Owen 1973). Costs ascend."""
    c = np.array(costs, np.float64)
    n, steps = len(c), np.diff(c, prepend=0.0)
    users = n - np.arange(n)  # who needs each stretch
    alone = 2.0 ** (1 - users)  # the chance that no other user of it is there
    return Game(n, lambda s: (s * c).max(axis=1), (steps / users).cumsum(), (steps * alone).cumsum())


def saving(costs: Sequence[float]) -> Game:
    """What users of one runway save over a runway each. Costs ascend."""
    joint, c = airport(costs), np.array(costs, np.float64)
    return Game(joint.players, lambda s: s @ c - joint(s), c - joint.shapley, c - joint.banzhaf)


def glove(right: int) -> Game:
    """One left glove (player 0) and `right` right ones: a pair is worth 1."""
    shares = np.full(right + 1, 1.0 / (right * (right + 1)))
    shares[0] = right / (right + 1)
    powers = np.full(right + 1, 0.5**right)
    powers[0] = 1.0 - 0.5**right
    return Game(right + 1, lambda s: (s[:, 0] & s[:, 1:].any(axis=1)).astype(float), shares, powers)


def majority(players: int) -> Game:
    """More than half decide."""
    swing = math.comb(players - 1, players // 2) / 2.0 ** (players - 1)
    return Game(
        players,
        lambda s: (2 * s.sum(axis=1) > players).astype(float),
        np.full(players, 1.0 / players),
        np.full(players, swing),
    )


def apex(players: int) -> Game:
    """Player 0 with any other, or all others together, decide."""
    others = players - 1
    shares = np.full(players, 2.0 / (players * others))
    shares[0] = (players - 2) / players
    powers = np.full(players, 2.0 / 2.0**others)  # the first to join player 0, or the last of all others
    powers[0] = 1.0 - 2.0 / 2.0**others
    return Game(
        players,
        lambda s: ((s[:, 0] & s[:, 1:].any(axis=1)) | s[:, 1:].all(axis=1)).astype(float),
        shares,
        powers,
    )


def unanimity(players: int, needed: Sequence[int]) -> Game:
    """All of `needed` or nothing; the others are dummies."""
    is_needed = np.isin(np.arange(players), needed)
    count = int(is_needed.sum())
    return Game(
        players,
        lambda s: s[:, is_needed].all(axis=1).astype(float),
        is_needed / count,
        is_needed / 2.0 ** (count - 1),
    )


def symmetric(by_size: Sequence[float]) -> Game:
    """A worth that depends on the size of the coalition alone: `by_size[k]` for k players."""
    f = np.array(by_size, np.float64)
    n = len(f) - 1
    chance = np.array([math.comb(n - 1, k) / 2.0 ** (n - 1) for k in range(n)])
    return Game(
        n, lambda s: f[s.sum(axis=1)], np.full(n, (f[-1] - f[0]) / n), np.full(n, float(chance @ np.diff(f)))
    )


def replicas(weights: Sequence[float], of: int) -> Game:
    """An additive game whose last player is a copy of player `of`: together they bring its weight once."""
    w = np.append(np.array(weights, np.float64), 0.0)
    n, shared = len(w), np.append(np.array(weights, np.float64), weights[of])
    shared[[of, -1]] /= 2.0

    def worth(s: Flags) -> Floats:
        present = s.copy()
        present[:, of] |= s[:, -1]
        return np.asarray(present @ w, np.float64)

    return Game(n, worth, shared, shared)
