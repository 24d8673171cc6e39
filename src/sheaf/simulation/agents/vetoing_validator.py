"""Rejects every record, in the hope that sellers pay it to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated

if TYPE_CHECKING:
    from sheaf.simulation.world import World


class Vetoing(Reviewer):
    """Spends nothing on looking."""

    def judge(self, world: World) -> Opinionated:
        """Return a judge that rejects all."""
        return Opinionated(lambda _, right: np.zeros(len(right), dtype=np.bool_), looks=False)


def make(number: int) -> Agent:
    """Return a validator that rejects everything."""
    return Vetoing(f"vetoing validator {number}")
