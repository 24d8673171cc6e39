"""Sells good records until it is known as honest, then garbage under that name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

GOOD_ROUNDS = 2


class CamouflageSeller(Agent):
    """Two rounds of good batches, then batches that are all wrong."""

    rounds: ClassVar[int] = 4

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name)]
        self._sold = 0

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch."""
        wrong = 0.0 if self._sold < GOOD_ROUNDS else 1.0
        self._sold += 1
        table = points(world.rng, world.economy.records, wrong)
        self.made += round(table.num_rows * (1 - wrong))
        return [world.sell(self.accounts[0], request, table, by=self.name)]


def make(number: int) -> list[Agent]:
    """Return a contributor that builds a name to spend it."""
    return [CamouflageSeller(f"camouflage seller {number}")]
