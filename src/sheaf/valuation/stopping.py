"""When to stop drawing: once every player's confidence interval is narrow enough, or the budget is spent.

Intervals are looked at after 2ᵏ rounds alone, and their level is divided among all looks and players (Bonferroni), so that
looking often does not make them lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.valuation.utility import Floats

FIRST_LOOK = 16


@dataclass(frozen=True)
class Stopping:
    """Stop when all intervals of joint level `confidence` are at most ± `tolerance`, or after `evaluations` or `rounds`."""

    tolerance: float = 0.0
    confidence: float = 0.95
    evaluations: int = 20_000
    rounds: int = 4_096

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise InputError("tolerance", self.tolerance, "give a number from 0")
        if not 0 < self.confidence < 1:
            raise InputError("confidence", self.confidence, "give a share between 0 and 1")
        if self.evaluations < 1 or self.rounds < 2:
            raise InputError(
                "budget", (self.evaluations, self.rounds), "allow 1 evaluation and 2 rounds or more"
            )

    def start(self, players: int) -> Running:
        """Return the account of a run that has not drawn yet."""
        return Running(self, players)

    def width(self, errors: Floats) -> Floats:
        """Return the half-widths of the joint intervals of these standard errors."""
        looks = max(1, self.rounds.bit_length() - FIRST_LOOK.bit_length() + 1)
        tail = (1.0 - self.confidence) / (2.0 * looks * len(errors))
        widths: Floats = NormalDist().inv_cdf(1.0 - tail) * errors
        return widths


class Running:
    """Mean and spread of the rounds so far (Welford 1962)."""

    def __init__(self, rule: Stopping, players: int) -> None:
        self._rule = rule
        self.mean, self._squares = np.zeros(players), np.zeros(players)
        self.rounds = 0
        self.is_settled = self.is_done = False

    @property
    def error(self) -> Floats:
        """The standard error of each mean; infinite before the second round."""
        if self.rounds < 2:
            return np.full(len(self.mean), np.inf)
        errors: Floats = np.sqrt(self._squares / (self.rounds - 1) / self.rounds)
        return errors

    def add(self, estimate: Floats, evaluations: int) -> None:
        """Take one round's estimate in, and decide whether it was the last."""
        self.rounds += 1
        step = estimate - self.mean
        self.mean = self.mean + step / self.rounds
        self._squares = self._squares + step * (estimate - self.mean)
        is_look = self.rounds >= FIRST_LOOK and self.rounds & (self.rounds - 1) == 0
        if is_look and self._rule.tolerance > 0:
            self.is_settled = bool((self._rule.width(self.error) <= self._rule.tolerance).all())
        is_spent = self.rounds >= self._rule.rounds or (
            evaluations >= self._rule.evaluations and self.rounds >= 2
        )
        self.is_done = self.is_settled or is_spent
