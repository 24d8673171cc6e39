"""Buys nothing and makes nothing: sells again what others sold before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.simulation.agents import Agent

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Recycler(Agent):
    """Sells a batch that somebody else sold in an earlier round, from the second round on."""

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name)]
        self._seen: pa.Table | None = None

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell what was sold in the round before."""
        copied = self._seen
        others = [sold for sold in world.sold.values() if sold.seller != self.name]
        self._seen = others[-1].table if others else None
        if copied is None:
            return []
        return [world.sell(self.accounts[0], request, self.altered(world, copied), by=self.name)]

    def altered(self, world: World, copied: pa.Table) -> pa.Table:
        """Return the copy as it is offered."""
        return copied


def make(number: int) -> list[Agent]:
    """Return a recycler."""
    return [Recycler(f"recycler {number}")]
