"""A custodian that reads what is entrusted to it and races to sell the same records before their maker's committee is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf import actions
from sheaf.actions.cases import letters
from sheaf.actions.cases.examine import open_content
from sheaf.nodes.custodian import Custodian
from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_seller import Seller
from sheaf.simulation.world import points

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Thief(Agent):
    """Serves its keys like an honest custodian, so that nobody leaves it, and copies all that it can open."""

    def join(self, world: World) -> None:
        """Open a custodian's account and a seller's."""
        self.accounts = [world.account(f"{self.name}/{part}") for part in ("custodian", "seller")]
        self._custodian = Custodian(self.accounts[0])
        self._world, self._stolen = world, set[int]()
        self._tried: list[SubmissionId] = []
        world.watchers.append(self._tend)

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Have nothing of its own to sell."""
        return []

    def _tend(self) -> int:
        keeper, seller = self.accounts
        done = sum(self._steal(number) for number in sorted(keeper.docket.cases))
        for number in self._tried:
            done += actions.tend(seller, number) == "draw"
        return done + self._custodian.tick()

    def _steal(self, number: SubmissionId) -> int:
        keeper, seller = self.accounts
        case = keeper.docket.case(number)
        if number in self._stolen or case.custodian != keeper.account or case.contributor == seller.account:
            return 0
        self._stolen.add(number)
        key = letters.find_key(keeper, number, case.key_commitment)
        content = open_content(keeper, case, key, None) if key else None
        if content is None:
            return 0
        request = actions.show_request(seller, case.request)
        self._tried.append(self._world.sell(seller, request, content.records, by=self.name))
        return 1


class Robbed(Seller):
    """An honest contributor that names the thief as its custodian."""

    def __init__(self, name: str, thief: Thief) -> None:
        super().__init__(name, is_honest=True)
        self._thief = thief

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        keeper = self._thief.accounts[0]
        return [world.sell(self.accounts[0], world.plain(), table, custodian=keeper, by=self.name)]


def make(number: int) -> list[Agent]:
    """Return a thief and whom it robs."""
    thief = Thief(f"key thief {number}")
    return [thief, Robbed(f"honest robbed-seller {number}", thief)]
