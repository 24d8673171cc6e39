"""Approves every record without looking: four validators under one hand, so that few batches show much."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated

if TYPE_CHECKING:
    from sheaf.simulation.world import World


class Lazy(Reviewer):
    """Spends nothing on looking."""

    seats: ClassVar[int] = 4
    rounds: ClassVar[int] = 6

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that approves all."""
        return Opinionated(lambda _, right: np.ones(len(right), dtype=np.bool_), looks=False)


def make(number: int) -> list[Agent]:
    """Return a lazy validator."""
    return [Lazy(f"lazy validator {number}")]
