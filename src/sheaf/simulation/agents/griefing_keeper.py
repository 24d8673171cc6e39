"""A custodian that withholds the keys entrusted to it, and the honest contributor that entrusted them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_seller import Seller
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Keeper(Agent):
    """Takes keys and hands none over."""

    rounds: ClassVar[int] = 1

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name)]


class Entrusting(Seller):
    """An honest contributor that names the wrong custodian."""

    def __init__(self, name: str, keeper: Keeper) -> None:
        super().__init__(name)
        self._keeper = keeper

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch whose key never comes."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        keeper = self._keeper.accounts[0]
        return [world.sell(self.accounts[0], world.plain(), table, custodian=keeper, by=self.name)]


def make(number: int) -> list[Agent]:
    """Return a custodian that withholds, and whom it harms."""
    keeper = Keeper(f"griefing keeper {number}")
    return [keeper, Entrusting(f"its victim {number}", keeper)]
