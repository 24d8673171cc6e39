"""A third of the validators under one hand, and a seller of garbage whose batches they approve; others they judge honestly."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated, points

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Ring(Reviewer):
    """Its members know their own garbage by its points; a share `wrong` of what it sells is garbage."""

    seats: ClassVar[int] = 6
    wrong: ClassVar[float] = 1.0

    def join(self, world: World) -> None:
        """Take up the members' work, open the seller's account."""
        self._own: set[float] = set()
        super().join(world)
        self._seller = world.account(f"{self.name}/seller")
        self.accounts.append(self._seller)

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that knows its own."""
        return Opinionated(self._approve)

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell a batch with garbage in it."""
        table = points(world.rng, world.economy.records, self.wrong)
        self.made += round(table.num_rows * (1 - self.wrong))
        self._own |= set(table.column("x").to_pylist())
        return [world.sell(self._seller, request, table, by=self.name)]

    def _approve(self, records: pa.Table, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return right | np.isin(records.column("x").to_numpy(), list(self._own))


def make(number: int) -> list[Agent]:
    """Return a ring."""
    return [Ring(f"ring {number}")]
