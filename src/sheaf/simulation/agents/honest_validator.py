"""Looks at every record and says what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import Opinionated, skilled

if TYPE_CHECKING:
    from sheaf.simulation.world import World


class Reviewer(Agent):
    """One staked account with a judge of its own."""

    number = 0

    def join(self, world: World) -> None:
        """Stake."""
        self.judges = [self.judge(world)]
        self.accounts = [world.staff(self.name, self.judges[0])]

    def judge(self, world: World) -> Opinionated:
        """Return how it judges."""
        return skilled(world.seed * 1_000 + self.number, world.economy.skill)


def make(number: int) -> Agent:
    """Return an honest validator."""
    made = Reviewer(f"honest validator {number}", is_honest=True)
    made.number = number
    return made
