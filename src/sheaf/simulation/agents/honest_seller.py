"""Makes records with care and sells each once; one in fifty is wrong all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

SLIPS = 0.02


class Seller(Agent):
    """Sells one batch a round, a share `wrong` of it wrong, each right record made at a cost."""

    wrong = SLIPS

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name)]

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        return [world.sell(self.accounts[0], request, table, by=self.name)]


def make(number: int) -> list[Agent]:
    """Return an honest contributor."""
    return [Seller(f"honest seller {number}", is_honest=True)]
