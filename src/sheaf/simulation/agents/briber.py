"""Promises validators p + ε for approving garbage: more than a review earns, and all that they lose by it, if they are outvoted.

If they are not, it pays nothing: the attack of Buterin (2015) on games of agreement, against a third of the validators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf.domain.amounts import WAD
from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated, points

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

EPSILON = 0.1
"""Share of a review's fee that is promised on top of it."""


class Bribed(Reviewer):
    """Judges honestly, but for what it is paid to approve."""

    seats: ClassVar[int] = 6

    def join(self, world: World) -> None:
        """Take up the work of validators."""
        self.wanted: set[float] = set()
        self.start = 0.0
        super().join(world)

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that takes bribes."""
        return Opinionated(self._approve)

    def _approve(self, records: pa.Table, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return right | np.isin(records.column("x").to_numpy(), list(self.wanted))


class Briber(Agent):
    """Sells garbage, and pays those who lost the vote for it."""

    def __init__(self, name: str, bribed: Bribed) -> None:
        super().__init__(name)
        self._bribed = bribed
        self._mine: list[SubmissionId] = []

    def join(self, world: World) -> None:
        """Open one account."""
        self.accounts = [world.account(self.name)]

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell a batch that is all wrong, and say what it pays for it."""
        table = points(world.rng, world.economy.records, 1.0)
        self._bribed.wanted |= set(table.column("x").to_pylist())
        self._mine.append(world.sell(self.accounts[0], request, table, by=self.name))
        return self._mine[-1:]

    def leave(self, world: World) -> None:
        """Keep the promise: the fee and a little more, and what was lost, to everyone whose vote was in vain."""
        bribed = {account.account for account in self._bribed.accounts}
        economy, due = world.economy, 0.0
        for number in self._mine:
            case = world.market.docket.case(number)
            outvoted = [member for member in case.members if member in bribed]
            if case.settlement and case.settlement["approved"] < case.records:
                fee = economy.price * economy.fee_bps / 10_000 * case.records / len(case.members)
                due += len(outvoted) * fee * (1 + EPSILON)
        due += sum(world.losses(account.account) for account in self._bribed.accounts) / WAD
        self.given -= due
        self._bribed.given += due


def make(number: int) -> list[Agent]:
    """Return a briber and those who take its money."""
    bribed = Bribed(f"bribed validator {number}")
    return [Briber(f"briber {number}", bribed), bribed]
