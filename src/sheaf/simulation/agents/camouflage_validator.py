"""A ring whose members judge honestly until they are known for it; then its seller comes with garbage, which they approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.ring import Ring

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

GOOD_ROUNDS = 2


class CamouflageRing(Ring):
    """Sells nothing for two rounds, garbage afterwards."""

    rounds: ClassVar[int] = 4

    def join(self, world: World) -> None:
        """Take up the members' work, open the seller's account."""
        super().join(world)
        self._waited = 0

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Wait, then sell a batch that is all wrong."""
        self._waited += 1
        return [] if self._waited <= GOOD_ROUNDS else super().act(world, request)


def make(number: int) -> list[Agent]:
    """Return validators that build a name to spend it."""
    return [CamouflageRing(f"camouflage validator {number}")]
