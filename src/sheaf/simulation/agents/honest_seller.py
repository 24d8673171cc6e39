"""Makes records with care and sells each once; one in fifty is wrong all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import points

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

SLIPS = 0.02


class Seller(Agent):
    """Sells one batch a round, a share `wrong` of it wrong, each right record made at a cost."""

    wrong = SLIPS

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name, 1_000)]

    def act(self, world: World, request: Request, before: list[pa.Table]) -> list[SubmissionId]:
        """Sell one batch."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        before.append(table)
        return [world.sell(self.accounts[0], request, table)]


def make(number: int) -> Agent:
    """Return an honest contributor."""
    return Seller(f"honest seller {number}", is_honest=True)
