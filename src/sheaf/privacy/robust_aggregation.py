"""Robust sums that secrecy allows: clients are summed secretly in small groups, and robust rules see the means of groups alone.

One attacker spoils its group, so with groups of g the rules bear fewer than 1/(2g) attackers for certain: a quarter in groups of two.
`GroupHistory` bears more in practice: groups are drawn anew each round, and who is found again and again in groups that pull the other
way weighs less. It learns from the means of groups, which the coordinator knows anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

Array = NDArray[np.float64]
WEISZFELD_STEPS = 50
FORGETTING = 0.95  # what a round before counts beside this one


def clip(update: NDArray[np.floating], norm: float) -> Array:
    """Return `update`, shape (d,), shortened to Euclidean length `norm` where it is longer. Raises InputError for NaN and bad norms."""
    values = np.asarray(update, np.float64)
    if not norm > 0 or not np.isfinite(norm):
        raise InputError("norm", norm, "give a positive finite number")
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError("update", f"shape {values.shape}, or not finite", "give one row of finite numbers")
    return values * min(1.0, norm / max(float(np.linalg.norm(values)), 1e-300))


def draw_groups(clients: Sequence[int], size: int, seed: bytes) -> list[list[int]]:
    """Return the clients in groups of `size` or one more, drawn by the SHA-256 of a public seed: everyone draws the same groups.

    Raises InputError for a size below 2 and for fewer clients than one group.
    """
    if size < 2:
        raise InputError("group size", size, "give 2 or more: the sum of one client is its update")
    if len(clients) < size:
        raise InputError("clients", len(clients), f"give {size} at least")
    ranked = sorted(
        clients, key=lambda one: hashlib.sha256(b"group" + seed + one.to_bytes(8, "big")).digest()
    )
    count = len(ranked) // size
    return [sorted(ranked[start::count]) for start in range(count)]


def coordinate_median(means: NDArray[np.floating]) -> Array:
    """Return the median of each number over groups, (groups, d) → (d,) (Yin et al., ICML 2018)."""
    return np.asarray(np.median(_means(means), axis=0))


def trimmed_mean(means: NDArray[np.floating], share: float) -> Array:
    """Return the mean of each number without the `share` largest and smallest, (groups, d) → (d,) (Yin et al., ICML 2018)."""
    points = np.sort(_means(means), axis=0)
    cut = int(share * len(points))
    if not 0 <= share < 0.5 or len(points) <= 2 * cut:
        raise InputError("share", share, "give 0 to below 0.5, so that some groups are left")
    return np.asarray(points[cut : len(points) - cut].mean(axis=0))


def geometric_median(means: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> Array:
    """Return the point with the least weighted sum of distances to the groups, (groups, d) → (d,).

    Weiszfeld's steps from the median, smoothed (Pillutla et al., IEEE TSP 2022).
    """
    points = _means(means)
    given = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    if given.shape != (len(points),) or not (
        np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0
    ):
        raise InputError("weights", given.shape, f"give {len(points)} numbers from 0, not all 0")
    middle = np.asarray(np.median(points, axis=0))
    for _ in range(WEISZFELD_STEPS):
        pull = given / np.maximum(np.linalg.norm(points - middle, axis=1), 1e-9)
        middle = pull @ points / pull.sum()
    return np.asarray(middle)


def shorten_to_median(means: NDArray[np.floating]) -> Array:
    """Return the groups' means, none longer than the median length: nobody gains by size."""
    points = _means(means)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points * np.minimum(1.0, np.median(lengths) / np.maximum(lengths, 1e-300)))


class GroupHistory:
    """What the groups of past rounds say about each client: the mean cosine of its groups with what was agreed.

    A client loses weight as its mean lies below the clients' median, in robust deviations (1.4826 · MAD): 1 / (1 + u²).
    `agreements` and `seen`, each of shape (clients,), are the whole state, to be kept over a crash.
    """

    def __init__(self, clients: int) -> None:
        self.agreements = np.zeros(clients)
        self.seen = np.zeros(clients)

    def weights(self) -> Array:
        """Return each client's weight, shape (clients,), from above 0 to 1; 1 for all before the first round."""
        known = self.seen > 0
        if not known.any():
            return np.ones(len(self.seen))
        means = np.divide(self.agreements, self.seen, out=np.zeros_like(self.seen), where=known)
        middle = float(np.median(means[known]))
        deviation = 1.4826 * float(np.median(np.abs(means[known] - middle))) + 1e-12
        below = np.where(known, np.maximum(0.0, (middle - means) / deviation), 0.0)
        return 1.0 / (1.0 + below**2)

    def agree(self, means: NDArray[np.floating], groups: Sequence[Sequence[int]]) -> Array:
        """Return the weighted geometric median of the groups' means, (groups, d) → (d,), and remember how each group agreed with it."""
        points = shorten_to_median(means)
        if len(groups) != len(points):
            raise InputError("groups", len(groups), f"give the members of {len(points)} groups")
        own = self.weights()
        middle = geometric_median(points, np.array([own[list(group)].prod() for group in groups]))
        sizes = np.linalg.norm(points, axis=1) * np.linalg.norm(middle)
        cosines = points @ middle / np.maximum(sizes, 1e-300)
        for group, cosine in zip(groups, cosines, strict=True):
            members = list(group)
            self.agreements[members] = FORGETTING * self.agreements[members] + (1 - FORGETTING) * cosine
            self.seen[members] = FORGETTING * self.seen[members] + (1 - FORGETTING)
        return middle


def certain_attackers(clients: int, size: int) -> int:
    """Return how many attackers the median of groups bears wherever they sit: fewer than half of the groups have one."""
    return max(0, (clients // size - 1) // 2)


def _means(means: NDArray[np.floating]) -> Array:
    points = np.asarray(means, np.float64)
    if points.ndim != 2 or not points.size or not np.isfinite(points).all():
        raise InputError(
            "means",
            f"shape {points.shape}, or not finite",
            "give (groups, numbers), finite, at least one of each",
        )
    return points
