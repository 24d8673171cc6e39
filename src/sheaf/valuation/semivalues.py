"""Semivalues: how much a marginal contribution counts, by the size of the coalition that a player joins.

A coefficient gives, for each number of others from 0 to n - 1, the chance that a player joins a coalition of that size;
within a size all coalitions count the same. Shapley 1953: every size alike. Banzhaf 1965: every coalition alike.
Beta-Shapley (Kwon and Zou, AISTATS 2022): a beta distribution over sizes, `Beta(1, 1)` being Shapley. Leave-one-out: the
largest alone. A sampler has a law of its own over sizes; the ratio of the two makes its estimate unbiased.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.valuation.samplers import Sampler, law, marginals
from sheaf.valuation.stopping import Stopping
from sheaf.valuation.utility import Cached, Floats, Utility

Coefficient = Callable[[int], Floats]
EXACT_PLAYERS = 16
"""Enumeration asks for 2ⁿ coalitions; beyond this many players it is refused."""


def shapley(players: int) -> Floats:
    """Return the chance of each size, shape (players,): all alike."""
    return np.full(players, 1.0 / players)


def banzhaf(players: int) -> Floats:
    """Return the chance of each size where all coalitions of the others are alike (binomial, 1/2)."""
    return np.array([math.comb(players - 1, size) / 2.0 ** (players - 1) for size in range(players)])


def beta(a: float, b: float) -> Coefficient:
    """Return the coefficient of Beta(a, b)-Shapley: a above b favours small coalitions, Beta(1, 1) is Shapley.

    Raises InputError unless both are positive and finite.
    """
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise InputError("beta", f"({a}, {b})", "give two positive numbers")

    def sizes(players: int) -> Floats:
        def log_beta(x: float, y: float) -> float:
            return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

        # The chance of size s is that of a beta-binomial: C(n-1, s) B(s + b, n - 1 - s + a) / B(a, b).
        others = players - 1
        return np.array(
            [
                math.exp(
                    -math.log(others + 1)
                    - log_beta(size + 1, others - size + 1)
                    + log_beta(size + b, others - size + a)
                    - log_beta(a, b)
                )
                for size in range(players)
            ]
        )

    return sizes


@dataclass(frozen=True)
class Valuation:
    """The value of each player, shape (players,), with the standard error where it was sampled (else 0).

    `evaluations` counts coalitions that were evaluated, `rounds` what was drawn (0: enumerated), and `is_settled` tells
    whether the rule for stopping was met before the budget ended.
    """

    values: Floats
    errors: Floats
    evaluations: int
    rounds: int
    is_settled: bool


def exact(utility: Utility, coefficient: Coefficient = shapley) -> Valuation:
    """Return the semivalue by enumeration of all coalitions. Raises InputError beyond 16 players."""
    n = utility.players
    if n > EXACT_PLAYERS:
        raise InputError("players", n, f"enumerate at most {EXACT_PLAYERS}; sample beyond")
    number = np.arange(2**n)
    members = (number[:, None] >> np.arange(n) & 1).astype(np.bool_)
    worth, size = utility(members), members.sum(axis=1)
    weight = coefficient(n) / np.array([math.comb(n - 1, k) for k in range(n)], dtype=np.float64)
    values = np.zeros(n)
    for player in range(n):
        without = number[~members[:, player]]
        gained = worth[without | (1 << player)] - worth[without]
        values[player] = math.fsum((weight[size[without]] * gained).tolist())
    return Valuation(values, np.zeros(n), 2**n, 0, True)


def sampled(
    utility: Utility,
    sampler: Sampler,
    coefficient: Coefficient = shapley,
    stopping: Stopping | None = None,
    seed: int = 0,
) -> Valuation:
    """Return the semivalue from drawn coalitions: unbiased for any sampler whose law covers the coefficient's sizes.

    Raises InputError where the sampler never draws a size that the coefficient counts.
    """
    n = utility.players
    rule, cached = stopping or Stopping(), Cached(utility)
    wanted, drawn = coefficient(n), law(sampler, n)
    if ((wanted > 0) & (drawn <= 0)).any():
        raise InputError("sampler", sampler.__name__, "choose one that draws every size that counts")
    ratio = np.divide(wanted, drawn, out=np.zeros(n), where=drawn > 0)
    generator = np.random.Generator(np.random.PCG64(seed))
    running = rule.start(n)
    while not running.is_done:
        running.add(marginals(cached, sampler(n, generator), ratio), cached.evaluations)
    return Valuation(running.mean, running.error, cached.evaluations, running.rounds, running.is_settled)
