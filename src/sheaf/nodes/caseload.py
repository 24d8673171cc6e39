"""A node's cases: each is attended to on its own, so that one that goes wrong, by malice or bad luck, holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from sheaf.domain.errors import Missing, Unreachable, shorten

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.domain.ids import SubmissionId

MAX_PAUSE_TICKS = 64
log = structlog.get_logger()


class Caseload:
    """What a node still has to do. A case that fails is tried again after 1, 2, 4 … 64 ticks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed: set[SubmissionId] = set()
        self.failing: dict[SubmissionId, str] = {}
        self.waiting: dict[SubmissionId, str] = {}
        self._failures: dict[SubmissionId, int] = {}
        self._resume_at: dict[SubmissionId, int] = {}
        self._tick = 0

    def attend(self, cases: list[Case], act: Callable[[Case], int]) -> int:
        """Call `act` for every case that is not closed and not paused, and return the sum of what it did.

        Raises Unreachable, since without the chain there is nothing to go by; anything else is kept for `failing`.
        """
        self._tick += 1
        done = 0
        for case in cases:
            number = case.submission
            if number in self.closed or self._resume_at.get(number, 0) > self._tick:
                continue
            try:
                done += act(case)
            except Unreachable:
                raise
            except Missing as missing:
                self.waiting[number] = shorten(missing, 200)
            except Exception as error:  # whatever a stranger's data provokes stays with that case
                self._put_off(number, error)
                continue
            self._failures.pop(number, None)
            self.failing.pop(number, None)
        return done

    def close(self, number: SubmissionId) -> None:
        """Have done with a case."""
        self.closed.add(number)
        for book in (self.waiting, self.failing, self._failures, self._resume_at):
            book.pop(number, None)

    def reopen(self) -> None:
        """Look at every case again: after blocks were rolled back, or when somebody new has come."""
        self.closed.clear()

    def _put_off(self, number: SubmissionId, error: Exception) -> None:
        failures = self._failures[number] = self._failures.get(number, 0) + 1
        self._resume_at[number] = self._tick + min(2 ** (failures - 1), MAX_PAUSE_TICKS)
        self.failing[number] = f"{type(error).__name__}: {shorten(error, 200)}"
        log.warning(
            "case put off", node=self.name, submission=number, failures=failures, error=self.failing[number]
        )
