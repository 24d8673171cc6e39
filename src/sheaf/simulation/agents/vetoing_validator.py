"""A minority that rejects every record, in the hope that sellers pay it to stop: enough seats of a committee to hang a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated

if TYPE_CHECKING:
    from sheaf.simulation.world import World


class Vetoing(Reviewer):
    """Spends nothing on looking."""

    seats: ClassVar[int] = 4

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that rejects all."""
        return Opinionated(lambda _, right: np.zeros(len(right), dtype=np.bool_), looks=False)


def make(number: int) -> list[Agent]:
    """Return validators of one hand that reject everything."""
    return [Vetoing(f"vetoing validator {number}")]
