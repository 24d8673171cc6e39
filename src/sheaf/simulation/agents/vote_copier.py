"""Looks at no record: copies the votes of others where it can see them, and else says what most verdicts have said so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf import actions
from sheaf.actions.cases import letters
from sheaf.actions.cases.ballot import reviewing_order
from sheaf.actions.cases.letters import OpeningLetter
from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.actions.context import Context
    from sheaf.simulation.world import World


class Copier(Reviewer):
    """Reads the mailbox, where members show each other their openings, before it commits itself."""

    seats: ClassVar[int] = 4
    rounds: ClassVar[int] = 6

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that looks at its fellows instead of the records."""
        self.copied = 0
        self._world = world
        return Opinionated(lambda _, right: self._copy(self.accounts[seat], len(right)), looks=False)

    def _copy(self, account: Context, records: int) -> NDArray[np.bool_]:
        from sheaf.verification.bitmap import unpack

        for seat in actions.seats(account):
            where = letters.topic(account, "openings", seat.submission, seat.round)
            for letter in letters.read(account, where, OpeningLetter):
                if seat.is_committed or seat.records != records:
                    continue
                self.copied += 1
                order = reviewing_order(account, account.docket.case(seat.submission))
                return np.asarray(~unpack(letter.bitmap, seat.records)[order])
        tallies = [case.tallies[-1] for case in self._world.market.docket.cases.values() if case.tallies]
        approved, rejected = (
            sum(getattr(tally, what) for tally in tallies) for what in ("approved", "rejected")
        )
        return np.full(records, approved >= rejected)


def make(number: int) -> list[Agent]:
    """Return a copier of votes."""
    return [Copier(f"vote copier {number}")]
