"""The juror's part of a validator: opens audits, moves disputes on, sits in the juries it is drawn for, and takes what it has earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.deliver import hand_to_jurors
from sheaf.actions.disputes.dispute import collect_winnings, winnings
from sheaf.actions.disputes.moving import move, open_audit
from sheaf.actions.disputes.sitting import DONE, sit
from sheaf.domain.errors import Missing

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.reading import JudgeMaker
    from sheaf.actions.context import Context
    from sheaf.actions.disputes.hearings import Hearing
    from sheaf.actions.review import Turn

PAUSE_TICKS = 8
"""How long one waits before it tries again to draw a jury for which there were too few."""


class Juror:
    """What a validator's node does about disputes, one account. All of it may be repeated, and killed at any point."""

    def __init__(self, ctx: Context, maker: JudgeMaker | None, turn: Turn) -> None:
        self.ctx, self._maker, self._turn = ctx, maker, turn
        self.doing: dict[int, str] = {}
        self._claimed: set[int] = set()
        self._pauses: dict[int, int] = {}

    def attend(self, case: Case, rank: int) -> int:
        """Do what is due in the disputes of a submission; return how much that was."""
        done = 0
        if not case.is_over:
            done += hand_to_jurors(self.ctx, case.submission)
            done += int(open_audit(self.ctx, case, turn=self._turn, rank=rank))
        for hearing in list(case.hearings):
            done += self._sit(hearing) + self._move(hearing, rank) + self._claim(hearing)
        return done

    def is_done(self, case: Case) -> bool:
        """Tell whether nothing more will come of a submission's disputes."""
        return all(hearing.is_collected for hearing in case.hearings)

    def forget(self) -> None:
        """Begin anew: after a rollback a number may be another case's."""
        for book in (self.doing, self._claimed, self._pauses):
            book.clear()

    def _sit(self, hearing: Hearing) -> int:
        if self.ctx.account not in hearing.jurors or hearing.is_concluded:
            self.doing.pop(hearing.number, None)
            return 0
        before = self.doing.get(hearing.number)
        what = self.doing[hearing.number] = sit(self.ctx, hearing.number, self._maker)
        return int(what in DONE or what != before)

    def _move(self, hearing: Hearing, rank: int) -> int:
        if hearing.is_collected:
            return 0
        if self._pauses.get(hearing.number, 0) > 0:
            self._pauses[hearing.number] -= 1
            return 0
        try:
            return int(bool(move(self.ctx, hearing, turn=self._turn, rank=rank)))
        except Missing:
            self._pauses[hearing.number] = PAUSE_TICKS
            return 0

    def _claim(self, hearing: Hearing) -> int:
        if not hearing.is_collected or hearing.number in self._claimed:
            return 0
        self._claimed.add(hearing.number)
        if self.ctx.account not in hearing.jurors or not winnings(self.ctx):
            return 0
        return int(collect_winnings(self.ctx) > 0)
