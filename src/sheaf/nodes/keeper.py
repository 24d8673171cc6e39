"""The keeper: mixes the gold entrusted to it into submissions, opens it after the vote, and sees that sentences are executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.actions.account import register_key
from sheaf.actions.deliver import hand_to_contributor
from sheaf.actions.gold import dealing, opening, record
from sheaf.domain.errors import SheafError, Unreachable, shorten
from sheaf.nodes.caseload import Caseload

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.actions.gold.dealing import Mix


class Keeper:
    """The keeper's role, one account: that of a custodian, since it makes the content keys that the custodian hands on.

    What it has mixed is in its journal; the rest it finds again on chain, in store and mailbox.
    """

    name = "keeper"

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.caseload = Caseload(self.name)
        self.failing: dict[int, str] = {}
        self._answered: dict[int, set[bytes]] = {}
        self._mixes: dict[bytes, tuple[Path, Mix]] = {}
        self._rollbacks = 0
        self._is_registered = False

    def tick(self) -> int:
        """Answer who asks, and do what is due for every submission that was mixed here; return how much. Raises Unreachable."""
        if not self._is_registered:
            register_key(self.ctx)
            self._is_registered = True
        self.ctx.docket.refresh()
        if self._rollbacks != self.ctx.docket.rollbacks:
            self._rollbacks = self.ctx.docket.rollbacks
            self.caseload.reopen()
        done = sum(self._deal(int(request)) for request in dealing.kept_requests(self.ctx))
        done += dealing.take_back(self.ctx) + record.execute_sentences(self.ctx)
        self._mixes = {mix.root: (path, mix) for path, mix in dealing.mixes(self.ctx).items()}
        cases = [case for case in self.ctx.docket.cases.values() if case.root in self._mixes]
        return done + self.caseload.attend(cases, self._serve)

    def _deal(self, request: int) -> int:
        """Answer those who ask about one request; what goes wrong there stays there."""
        from sheaf.domain.ids import RequestId

        try:
            done = dealing.deal(self.ctx, RequestId(request), self._answered.setdefault(request, set()))
        except Unreachable:
            raise
        except SheafError as error:
            self.failing[request] = shorten(error, 200)
            return 0
        self.failing.pop(request, None)
        return done

    def _serve(self, case: Case) -> int:
        path, mix = self._mixes[case.root]
        if case.is_void:
            self.caseload.close(case.submission)
            return 0
        done = int(opening.key_to_oneself(self.ctx, case, path, mix)) if not case.is_over else 0
        if case.rounds and not case.is_over:
            done += int(opening.open_mix(self.ctx, case, path, mix))
        if case.tallies:
            done += int(hand_to_contributor(self.ctx, case.submission))
        if case.is_over and not self._is_awaited(case):
            self.caseload.close(case.submission)
        return done

    def _is_awaited(self, case: Case) -> bool:
        """Tell whether the contributor has not been given the key back."""
        from sheaf.actions.deliver import is_handed

        return bool(case.tallies) and not is_handed(self.ctx, case, case.contributor)

    def health(self) -> dict[str, Any]:
        """Return what a person would want to know, ready for JSON."""
        return {
            "role": self.name,
            "account": self.ctx.account,
            "queue": len(self.caseload.waiting),
            "mixed": len(self._mixes),
            "failing requests": {str(number): why for number, why in self.failing.items()},
        }
