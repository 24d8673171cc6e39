"""Looks at every record and says what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import Opinionated, skilled

if TYPE_CHECKING:
    from sheaf.simulation.world import World


class Reviewer(Agent):
    """Staked accounts, each with a judge of its own."""

    seats: ClassVar[int] = 1
    number = 0

    def join(self, world: World) -> None:
        """Take up the work of validators."""
        self.judges = [self.judge(world, seat) for seat in range(self.brings)]
        self.accounts = [world.staff(judge) for judge in self.judges]

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return how the validator in its hand with this number judges."""
        return skilled(world.seed * 1_000 + self.number, world.economy.skill)


def make(number: int) -> list[Agent]:
    """Return an honest validator."""
    made = Reviewer(f"honest validator {number}", is_honest=True)
    made.number = number
    return [made]
