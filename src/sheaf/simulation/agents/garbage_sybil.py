"""Sells answers by chance from four identities, a quarter of a batch each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

IDENTITIES = 4
WRONG = 0.9
"""Share of its answers that are wrong: of garbage with many possible answers one in ten is right by chance."""


class Garbage(Agent):
    """Makes nothing, sells much."""

    rounds: ClassVar[int] = 1

    def join(self, world: World) -> None:
        """Open the identities."""
        self.accounts = [world.account(f"{self.name}/{i}") for i in range(IDENTITIES)]

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell a part of a batch from each identity."""
        count = max(1, world.economy.records // IDENTITIES)
        return [
            world.sell(account, request, points(world.rng, count, WRONG), by=self.name)
            for account in self.accounts
        ]


def make(number: int) -> list[Agent]:
    """Return a seller of garbage under many names."""
    return [Garbage(f"garbage {number}")]
