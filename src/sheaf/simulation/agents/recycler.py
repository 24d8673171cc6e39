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
    """Sells the last batch it has seen, from the second round on."""

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name, 1_000)]
        self._seen: pa.Table | None = None

    def act(self, world: World, request: Request, before: list[pa.Table]) -> list[SubmissionId]:
        """Sell what was sold in the round before."""
        copied, self._seen = self._seen, before[-1] if before else None
        return [] if copied is None else [world.sell(self.accounts[0], request, copied)]


def make(number: int) -> Agent:
    """Return a recycler."""
    return Recycler(f"recycler {number}")
