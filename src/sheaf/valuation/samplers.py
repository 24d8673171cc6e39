"""Samplers: which coalitions are looked at, by a law over sizes that the coefficient corrects for.

A sampler takes the number of players and a generator, and draws the chains or pairs of one round. Chains are orders in
which players join one after another: each player is met once in each chain, and a chain costs n + 1 evaluations. Pairs
are a coalition and its complement: in each pair every player is on one side (maximum sample reuse: Wang and Jia,
AISTATS 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheaf.valuation.utility import Flags, Floats, Integers, Utility

PAIRS = 8
"""Pairs of a coalition and its complement in one round of `subsets`."""


@dataclass(frozen=True)
class Chains:
    """Orders of the players, shape (m, players)."""

    orders: Integers


@dataclass(frozen=True)
class Pairs:
    """Coalitions, shape (m, players), each of which is evaluated with its complement."""

    coalitions: Flags


Sampler = Callable[[int, np.random.Generator], Chains | Pairs]


def permutations(players: int, generator: np.random.Generator) -> Chains:
    """Draw one order (Castro and others 2009)."""
    return Chains(generator.permutation(players)[None, :])


def antithetic(players: int, generator: np.random.Generator) -> Chains:
    """Draw an order and its reverse (Mitchell and others, JMLR 2022)."""
    order = generator.permutation(players)
    return Chains(np.stack([order, order[::-1]]))


def stratified(players: int, generator: np.random.Generator) -> Chains:
    """Draw an order and all its rotations: each player stands once at each place."""
    order = generator.permutation(players)
    return Chains(order[(np.arange(players)[:, None] + np.arange(players)) % players])


def subsets(players: int, generator: np.random.Generator) -> Pairs:
    """Draw coalitions uniformly, each with its complement."""
    return Pairs(generator.integers(0, 2, (PAIRS, players)).astype(np.bool_))


def law(sampler: Sampler, players: int) -> Floats:
    """Return the chance with which `sampler` lets a player join each size of coalition, shape (players,)."""
    if sampler is subsets:
        return np.array([math.comb(players - 1, size) / 2.0 ** (players - 1) for size in range(players)])
    return np.full(players, 1.0 / players)


def marginals(utility: Utility, drawn: Chains | Pairs, ratio: Floats) -> Floats:
    """Return one round's estimate of every player's value, shape (players,); `ratio` is wanted / drawn law by size."""
    return (
        _of_chains(utility, drawn.orders, ratio)
        if isinstance(drawn, Chains)
        else _of_pairs(utility, drawn, ratio)
    )


def _of_chains(utility: Utility, orders: Integers, ratio: Floats) -> Floats:
    m, n = orders.shape
    place = np.argsort(orders, axis=1)
    members = place[:, None, :] < np.arange(n + 1)[None, :, None]
    worth = utility(members.reshape(m * (n + 1), n)).reshape(m, n + 1)
    gained = np.diff(worth, axis=1) * ratio
    estimate: Floats = np.take_along_axis(gained, place, axis=1).mean(axis=0)
    return estimate


def _of_pairs(utility: Utility, drawn: Pairs, ratio: Floats) -> Floats:
    """A player's estimate is what its own side is worth less what the other side is, each weighed by its size."""
    inside, outside = drawn.coalitions, ~drawn.coalitions
    one, other = utility(inside), utility(outside)
    size = inside.sum(axis=1)
    n = inside.shape[1]
    joined = np.concatenate([[0.0], ratio])  # by the size of the side that the player is on
    left = np.concatenate([ratio, [0.0]])  # by the size of the side that it is not on
    as_member = joined[size] * one - left[n - size] * other
    as_other = joined[n - size] * other - left[size] * one
    estimate: Floats = np.where(inside, as_member[:, None], as_other[:, None]).mean(axis=0)
    return estimate
