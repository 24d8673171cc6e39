"""The validator: sits in the committees it is drawn for, and sees to it that no submission stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.actions.account import register_key
from sheaf.actions.cases import letters, rating, reasons, sheets
from sheaf.actions.deliver import buyer_of, hand_to_buyer, hand_to_fellows, is_handed, is_owed
from sheaf.actions.gold import opening, record
from sheaf.actions.review import DONE, advance
from sheaf.actions.settle import tend
from sheaf.nodes.caseload import Caseload
from sheaf.nodes.juror import Juror

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.reading import JudgeMaker
    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Specification

MAX_RANK = 8
"""How many ticks one waits at most for those before one to do what any could do."""


class Validator:
    """A validator's role, one account. What it does follows from chain, store, mailbox and its journal: it may die at any point.

    Without a judge it does everything but vote: votes are then cast by hand. One that is `is_scoring` rates the reviewers of each
    decided submission too; its transaction earns nothing, so by default it does not. What has gold is left to its keeper for a while, to
    rate and before it is settled.
    """

    name = "validator"

    def __init__(
        self, ctx: Context, judge: Judge | JudgeMaker | None = None, *, is_scoring: bool = False
    ) -> None:
        self.ctx, self._is_scoring = ctx, is_scoring
        self.caseload = Caseload(self.name)
        self._rollbacks = 0
        self.doing: dict[SubmissionId, str] = {}
        self._judge = judge
        self._maker = self._make if judge is not None else None
        self._made: dict[str, Judge] = {}
        self._waits: dict[str, int] = {}
        self._asked: set[str] = set()
        self._readers = self._left = 0
        self._is_registered = False
        self.juror = Juror(ctx, self._maker, self._is_turn)

    def tick(self) -> int:
        """Do all that is due now; return how much was done, or is left to others for a tick or so. Raises Unreachable."""
        if not self._is_registered:
            register_key(self.ctx)
            self._is_registered = True
        docket = self.ctx.docket
        docket.refresh()
        readers = sum(who in docket.reading_keys for who in docket.validators.values())
        if (readers, docket.rollbacks) != (self._readers, self._rollbacks):
            if docket.rollbacks != self._rollbacks:
                self.juror.forget()
            self._readers, self._rollbacks = readers, docket.rollbacks
            self.caseload.reopen()
        self._asked, self._left = set(), int(record.leave_jail(self.ctx))
        done = self.caseload.attend([docket.cases[number] for number in sorted(docket.cases)], self._attend)
        self._waits = {duty: count for duty, count in self._waits.items() if duty in self._asked}
        return done + self._left

    def _attend(self, case: Case) -> int:
        done = 0
        is_member = case.seat_of(self.ctx.account) is not None
        if is_member and not case.is_over:
            before = self.doing.get(case.submission)
            self.doing[case.submission] = advance(self.ctx, case.submission, self._maker, turn=self._is_turn)
            done += self.doing[case.submission] in DONE or self.doing[case.submission] != before
        is_kept_open = not case.is_over and opening.is_awaited(self.ctx, case)
        if self._is_scoring and not case.is_over and case.tallies and not is_kept_open:
            done += int(rating.score(self.ctx, case.submission))
        if not (case.is_over or is_kept_open) and tend(
            self.ctx, case.submission, turn=self._is_turn, rank=self._rank(case)
        ):
            done += 1
        if is_member:
            done += self._deliver(case)
        done += self.juror.attend(case, self._rank(case))
        is_settled = case.is_over and self.juror.is_done(case)
        if is_settled and not (is_member and self._is_awaited(case)):
            self.doing.pop(case.submission, None)
            self.caseload.close(case.submission)
        return done

    def _deliver(self, case: Case) -> int:
        """Tell the reasons once there is a verdict, share sheet and key with who came since, hand the key over once it is paid."""
        done = int(reasons.tell(self.ctx, case))
        if sheets.is_awaited(self.ctx, case):
            key = letters.find_key(self.ctx, case.submission, case.key_commitment)
            done += int(key is not None and sheets.share_again(self.ctx, case, key) > 0)
        done += hand_to_fellows(self.ctx, case.submission)
        return done + int(hand_to_buyer(self.ctx, case.submission))

    def _is_awaited(self, case: Case) -> bool:
        """Tell whether the buyer has paid for a key that has not been handed over from here."""
        if case.settlement is None or not case.settlement["approved"]:
            return False
        return not is_owed(self.ctx, case) or not is_handed(self.ctx, case, buyer_of(self.ctx, case))

    def _make(self, wanted: Specification, sample: pa.Table | None) -> Judge:
        """Return the judge for a request; it is made (trained) once for each sample."""
        assert self._judge is not None
        if not callable(self._judge):
            return self._judge
        name = f"{wanted.sample.cid if wanted.sample else ''} {wanted.label}"
        if name not in self._made:
            self._made[name] = self._judge(wanted, sample)
        return self._made[name]

    def _rank(self, case: Case) -> int:
        """Return how many come before this one in doing what anyone may do; who is first changes from case to case."""
        accounts = sorted(set(self.ctx.docket.validators.values()))
        if self.ctx.account not in accounts:
            return MAX_RANK
        return min(MAX_RANK, (accounts.index(self.ctx.account) + case.submission) % len(accounts))

    def _is_turn(self, duty: str, rank: int) -> bool:
        waited = self._waits.get(duty, 0)
        self._waits[duty] = waited + 1
        self._asked.add(duty)
        is_turn = waited >= min(rank, MAX_RANK)
        self._left += not is_turn
        return is_turn

    def health(self) -> dict[str, Any]:
        """Return what a person would want to know, ready for JSON."""
        doing = {str(number): what for number, what in self.doing.items()}
        juries = {str(number): what for number, what in sorted(self.juror.doing.items())}
        queue = len(doing) + len(juries)
        return {
            "role": self.name,
            "account": self.ctx.account,
            "queue": queue,
            "doing": doing,
            "juries": juries,
        }
