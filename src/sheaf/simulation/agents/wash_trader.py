"""Buys from itself: its own request, its own records, and the reviews of strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf import actions
from sheaf.simulation.agents import Agent
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class WashTrader(Agent):
    """Opens a request of its own each round, sells to it from a second account, and takes back what is left."""

    rounds: ClassVar[int] = 1

    def join(self, world: World) -> None:
        """Open both accounts."""
        self.accounts = [world.account(f"{self.name}/{part}") for part in ("buyer", "seller")]
        self._opened: list[Request] = []

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Trade one batch with itself; no care is taken, all records are right at no cost."""
        buyer, seller = self.accounts
        own = world.open(1, buyer, is_golden=False)
        self._opened.append(own)
        sold = world.sell(seller, own, points(world.rng, world.economy.records), by=self.name)
        actions.cancel(buyer, own.id)
        return [sold]

    def leave(self, world: World) -> None:
        """Take back what was not spent."""
        for own in self._opened:
            actions.reclaim(self.accounts[0], own.id)


def make(number: int) -> list[Agent]:
    """Return a wash trader."""
    return [WashTrader(f"wash trader {number}")]
