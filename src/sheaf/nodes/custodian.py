"""The custodian: hands the content keys entrusted to it to the committees and juries that are drawn, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.actions import custody
from sheaf.actions.account import register_key
from sheaf.actions.deliver import hand_over, is_handed, jurors_for_good
from sheaf.nodes.caseload import Caseload

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context


class Custodian:
    """The custodian's role, one account. It keeps nothing but a note of whom it has served: keys lie sealed in the mailbox.

    What it has deposited it pledges for the keys that come to it, as far as that goes.
    """

    name = "custodian"

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.caseload = Caseload(self.name)
        self._rollbacks = 0
        self._is_registered = self._has_deposit = False

    def tick(self) -> int:
        """Serve every member who waits; return how many letters were posted. Raises Unreachable."""
        if not self._is_registered:
            register_key(self.ctx)
            self._is_registered = True
        self.ctx.docket.refresh()
        if self._rollbacks != self.ctx.docket.rollbacks:
            self._rollbacks = self.ctx.docket.rollbacks
            self.caseload.reopen()
        self._has_deposit = custody.has_deposit(self.ctx)
        cases = [case for case in self.ctx.docket.cases.values() if case.custodian == self.ctx.account]
        return self.caseload.attend(cases, self._serve)

    def _serve(self, case: Case) -> int:
        if case.is_over:
            done = int(custody.conclude_pledge(self.ctx, case.submission))
            self.caseload.close(case.submission)
            return done
        if not case.rounds:
            is_due = self._has_deposit and custody.is_pledgeable(self.ctx, case)
            return int(is_due and custody.pledge_key(self.ctx, case.submission) > 0)
        posted = hand_over(self.ctx, case.submission)
        unreached = [
            member
            for member in (*case.members, *jurors_for_good(self.ctx, case))
            if member != self.ctx.account and not is_handed(self.ctx, case, member)
        ]
        if unreached:
            self.caseload.waiting[case.submission] = (
                f"{len(unreached)} readers have published no usable reading key"
            )
        else:
            self.caseload.waiting.pop(case.submission, None)
        return posted

    def health(self) -> dict[str, Any]:
        """Return what a person would want to know, ready for JSON."""
        return {"role": self.name, "account": self.ctx.account, "queue": len(self.caseload.waiting)}
