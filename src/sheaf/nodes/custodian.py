"""The custodian: hands the content keys entrusted to it to the committees and juries that are drawn, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.actions.account import register_key
from sheaf.actions.deliver import hand_over, is_handed, jurors_for_good
from sheaf.nodes.caseload import Caseload

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context


class Custodian:
    """The custodian's role, one account. It keeps nothing but a note of whom it has served: keys lie sealed in the mailbox."""

    name = "custodian"

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.caseload = Caseload(self.name)
        self._rollbacks = 0
        self._is_registered = False

    def tick(self) -> int:
        """Serve every member who waits; return how many letters were posted. Raises Unreachable."""
        if not self._is_registered:
            register_key(self.ctx)
            self._is_registered = True
        self.ctx.docket.refresh()
        if self._rollbacks != self.ctx.docket.rollbacks:
            self._rollbacks = self.ctx.docket.rollbacks
            self.caseload.reopen()
        cases = [case for case in self.ctx.docket.cases.values() if case.custodian == self.ctx.account]
        return self.caseload.attend(cases, self._serve)

    def _serve(self, case: Case) -> int:
        if case.is_over:
            self.caseload.close(case.submission)
            return 0
        if not case.rounds:
            return 0
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
