"""Looks at every record and says what it sees; where most of its committee decided otherwise it challenges them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf import actions
from sheaf.actions.cases.ballot import find_ballot
from sheaf.domain.errors import SheafError
from sheaf.simulation.agents import Agent
from sheaf.simulation.world import Opinionated, skilled

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.simulation.world import World

DOUBTS = 5
"""So many records beyond its own rate of error must be decided against it before it takes the risk of a bond."""


class Reviewer(Agent):
    """Staked accounts, each with a judge of its own."""

    seats: ClassVar[int] = 1
    number = 0

    def join(self, world: World) -> None:
        """Take up the work of validators."""
        self.judges = [self.judge(world, seat) for seat in range(self.brings)]
        self.accounts = [world.staff(judge) for judge in self.judges]

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return how the validator in its hand with this number judges."""
        return skilled(world.seed * 1_000 + self.number, world.economy.skill)


class Careful(Reviewer):
    """One account that defends its judgements."""

    def join(self, world: World) -> None:
        """Take up the work of a validator, and watch the verdicts of its committees."""
        super().join(world)
        self._expected = 2 * (1 - world.economy.skill)
        self._weighed: set[int] = set()
        world.watchers.append(self._defend)

    def _defend(self) -> int:
        account, done = self.accounts[0], 0
        for case in account.docket.cases.values():
            if case.submission in self._weighed or not case.tallies or account.account not in case.members:
                continue
            if not account.chain.block().timestamp < actions.challenge_until(account, case):
                continue
            self._weighed.add(case.submission)
            done += self._challenge(case)
        return done

    def _challenge(self, case: Case) -> int:
        """Challenge what was decided against this account, unless somebody has, or it may be its own mistakes."""
        from sheaf.verification.bitmap import unpack

        account = self.accounts[0]
        ballot = find_ballot(account, case)
        rejected, hung, _ = case.verdict_at(account.docket.refresh().number)
        if ballot is None or rejected is None or hung is None:
            return 0
        against = np.flatnonzero((unpack(ballot.bitmap, case.records) != rejected) & ~hung)
        if len(against) < DOUBTS + self._expected * case.records or any(
            not one.is_audit for one in case.hearings
        ):
            return 0
        with contextlib.suppress(SheafError):
            actions.challenge(account, case.submission, against.tolist())
            return 1
        return 0


def make(number: int) -> list[Agent]:
    """Return an honest validator."""
    made = Careful(f"honest validator {number}", is_honest=True)
    made.number = number
    return [made]
