"""A custodian that answers for the keys entrusted to it, withholds them, and sells the records itself as if they were its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.key_thief import Robbed, Thief

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Withholder(Thief):
    """Pledges, so that it is entrusted; hands over no key but that of its own copy."""

    rounds: ClassVar[int] = 1

    def join(self, world: World) -> None:
        """Open a custodian's account and a seller's, and deposit enough for two batches."""
        super().join(world)
        actions.deposit_for_keys(
            self.accounts[0], round(3 * world.economy.price * world.economy.records * WAD)
        )

    def _tend(self) -> int:
        keeper, seller = self.accounts
        done = sum(self._steal(number) for number in sorted(keeper.docket.cases))
        for number in self._tried:
            done += actions.tend(seller, number) == "draw"
        return done


class Entrusting(Robbed):
    """An honest contributor that sees to it that its custodian has pledged, and claims what the pledge pays."""

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch, once its custodian answers for the key."""
        made = super().act(world, request)
        for number in made:
            actions.pledge_key(self._thief.accounts[0], number)
        self._made = made
        return made

    def leave(self, world: World) -> None:
        """Take the bond and its part of the pledge."""
        for number in self._made:
            actions.claim(self.accounts[0], number)


def make(number: int) -> list[Agent]:
    """Return a thief and whom it robs."""
    thief = Withholder(f"withholding thief {number}")
    return [thief, Entrusting(f"honest entrusting-maker {number}", thief)]
