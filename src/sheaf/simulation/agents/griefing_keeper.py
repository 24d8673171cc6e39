"""A custodian that answers for the keys entrusted to it with a pledge, withholds them, and the contributor that entrusted one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf import actions
from sheaf.domain.amounts import WAD
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
        """Open one account, and deposit enough for a batch: nobody entrusts a key to who answers for nothing."""
        self.accounts = [world.account(self.name)]
        value = round(world.economy.price * world.economy.records * WAD)
        actions.deposit_for_keys(self.accounts[0], 2 * value)


class Entrusting(Seller):
    """An honest contributor that names the wrong custodian."""

    def __init__(self, name: str, keeper: Keeper) -> None:
        super().__init__(name, is_honest=True)
        self._keeper = keeper
        self._sold: list[SubmissionId] = []

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch whose key never comes; see to it first that its custodian answers for it."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        keeper = self._keeper.accounts[0]
        number = world.sell(self.accounts[0], world.plain(), table, custodian=keeper, by=self.name)
        actions.pledge_key(keeper, number)
        self._sold.append(number)
        return [number]

    def leave(self, world: World) -> None:
        """Take the bond and what was pledged for the key."""
        for number in self._sold:
            actions.claim(self.accounts[0], number)


def make(number: int) -> list[Agent]:
    """Return a custodian that withholds, and whom it harms."""
    keeper = Keeper(f"griefing keeper {number}")
    return [keeper, Entrusting(f"honest entrusting-seller {number}", keeper)]
