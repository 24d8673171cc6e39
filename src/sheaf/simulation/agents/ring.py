"""A third of the validators under one hand, and a seller of garbage whose batches they approve; others they judge honestly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.world import Opinionated, points

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

MEMBERS = 4


class Ring(Agent):
    """Its members know their own garbage by its points."""

    def join(self, world: World) -> None:
        """Stake the members, open the seller's account."""
        self._own: set[float] = set()
        self.judges = [Opinionated(self._approve) for _ in range(MEMBERS)]
        self.accounts = [world.staff(f"{self.name}/{i}", judge) for i, judge in enumerate(self.judges)]
        self._seller = world.account(f"{self.name}/seller", 1_000)
        self.accounts.append(self._seller)

    def act(self, world: World, request: Request, before: list[pa.Table]) -> list[SubmissionId]:
        """Sell a batch that is all wrong."""
        table = points(world.rng, world.economy.records, 1.0)
        self._own |= set(table.column("x").to_pylist())
        return [world.sell(self._seller, request, table)]

    def _approve(self, records: pa.Table, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return right | np.isin(records.column("x").to_numpy(), list(self._own))


def make(number: int) -> Agent:
    """Return a ring."""
    return Ring(f"ring {number}")
