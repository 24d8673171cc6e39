"""What anyone may do so that no dispute stands still: open audits, draw, count, conclude, show votes, execute, share out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.cases.rating import votes_of
from sheaf.actions.review import Turn, at_once, state_of
from sheaf.domain.errors import Missing, Reverted
from sheaf.governance import parameters
from sheaf.review import juries, reversals, reviews

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.actions.disputes.hearings import Hearing
    from sheaf.domain.ids import Address
    from sheaf.review.juries import Jury, TrialState
    from sheaf.review.scores import Votes

TOO_FEW = "too few validators"
"""How the contract says that nobody is left to sit."""


def jury_of(ctx: Context, hearing: Hearing) -> Jury:
    """Return the state of a case's jury, asked once per event."""
    state: Jury = ctx.docket.view(
        f"jury {hearing.number}", hearing.submission, lambda: juries.jury(ctx.chain, hearing.number)
    )
    return state


def trial_of(ctx: Context, case: Case) -> TrialState:
    """Return the state of a submission's disputes, asked once per event."""
    state: TrialState = ctx.docket.view(
        "trial", case.submission, lambda: juries.trial(ctx.chain, case.submission)
    )
    return state


def parameter(ctx: Context, name: str) -> int:
    """Return a number that the vote may move, asked once per change."""
    return int(ctx.docket.view(name, 0, lambda: parameters.get(ctx.chain, name)))


def challenge_until(ctx: Context, case: Case) -> int:
    """Return until when (Unix seconds) a verdict may be challenged; 0 where there is none that may."""
    state = state_of(ctx, case) if case.rounds else None
    if state is None or case.is_over or state.phase not in (reviews.DECIDED, reviews.HELD):
        return 0
    if not case.hearings:
        return state.settle_after if state.phase == reviews.DECIDED else 0
    trial = trial_of(ctx, case)
    return 0 if trial.is_executed else trial.challenge_until


def eligible(ctx: Context, case: Case, hearing: Hearing | None = None) -> set[Address]:
    """Return the validators that have no part in a submission: nobody else can sit over it, and of them those with free stake."""
    parties = {case.contributor, ctx.docket.requests[case.request].args["buyer"]}
    seated = set(hearing.jurors) | {hearing.challenger} if hearing else set()
    return set(ctx.docket.validators.values()) - set(case.members) - parties - seated


def seats_due(ctx: Context, hearing: Hearing) -> int:
    """Return how many jurors the next draw of a case seats."""
    size = len(hearing.jurors)
    if not size:
        return parameter(ctx, "audit_size" if hearing.is_audit else "jury_size")
    return min(2 * size + 1, juries.SEATS) - size


def is_audit_due(ctx: Context, case: Case) -> bool:
    """Tell whether the beacon picks a verdict for an audit that nobody has opened, and that a jury could hear.

    Where fewer validators had no part in the submission than an audit seats, it would hold the money and end without a ruling.
    """
    if ctx.docket.refresh().timestamp >= challenge_until(ctx, case):
        return False
    if any(hearing.is_audit for hearing in case.hearings):
        return False
    word = _selected_word(ctx, case)
    if word is None or len(eligible(ctx, case)) < parameter(ctx, "audit_size"):
        return False
    named = sum(hearing.mask for hearing in case.hearings if hearing.word == word)
    return named.bit_count() < min(256, case.records - 256 * word)


def _selected_word(ctx: Context, case: Case) -> int | None:
    def ask() -> int | None:
        try:
            is_selected, word = juries.selected(ctx.chain, case.submission)
        except Reverted as refused:
            if "out of reach" not in refused.reason:
                raise
            return None
        return word if is_selected else None

    try:
        found: int | None = ctx.docket.view("audit", case.submission, ask)
    except Reverted:  # the beacon's block has not come
        return None
    return found


def due(ctx: Context, hearing: Hearing) -> tuple[str, ...]:
    """Return what anyone may do for a case now, what is best first: of "draw", "conclude", "tally", "slash", "execute", "collect"."""
    case, now = ctx.docket.case(hearing.submission), ctx.docket.refresh().timestamp
    jury = jury_of(ctx, hearing)
    if jury.phase == juries.DRAWING:
        return _drawing(ctx, case, hearing, jury)
    if jury.phase == juries.VOTING:
        return ("tally",) if juries.is_countable(jury, now) else ()
    if jury.phase == juries.RULED:
        return ("conclude",) if now >= jury.appeal_until else ()
    return _ending(ctx, case) if jury.phase == juries.CONCLUDED else ()


def _drawing(ctx: Context, case: Case, hearing: Hearing, jury: Jury) -> tuple[str, ...]:
    head, trial = ctx.docket.refresh(), trial_of(ctx, case)
    commit, reveal = parameter(ctx, "commit_seconds"), parameter(ctx, "reveal_seconds")
    is_stale = head.number > jury.anchor + parameter(ctx, "draw_blocks")
    if is_stale or head.timestamp + commit + 2 * reveal > trial.until:
        return ("conclude",)
    try:
        target = ctx.docket.view(
            f"target {hearing.number}",
            hearing.submission,
            lambda: int(ctx.chain.call(juries.CONTRACT, "target_block", hearing.number)),
        )
    except Reverted:
        # Drawn or ended in a block that came after the events were read: the next look will show it.
        return ()
    can_sit = len(eligible(ctx, case, hearing)) >= seats_due(ctx, hearing)
    return ("draw",) if head.number > target and can_sit else ()


def _ending(ctx: Context, case: Case) -> tuple[str, ...]:
    trial, now = trial_of(ctx, case), ctx.docket.refresh().timestamp
    if trial.is_executed or now >= trial.until:
        return ("collect",)
    if trial.open or now < trial.challenge_until:
        return ()
    reveal = parameter(ctx, "reveal_seconds")
    ready = trial.challenge_until
    hidden = _hidden(ctx, case, trial)
    if trial.shown != _rounds(case):
        ready = max(ready, trial.concluded_at) + reveal
    is_ready = now >= min(ready, trial.until - reveal // 2)
    return (("slash",) if hidden else ()) + (("execute",) if is_ready else ())


def _rounds(case: Case) -> int:
    return (2 << len(case.rounds)) - 2


def _hidden(ctx: Context, case: Case, trial: TrialState) -> dict[int, Votes]:
    """Return the votes of the rounds that were not shown yet and can be, by round."""

    def find() -> dict[int, Votes]:
        found = {}
        for drawn in case.rounds:
            if not trial.shown >> drawn.number & 1:
                try:
                    found[drawn.number] = votes_of(ctx, case, drawn.number)
                except Missing:
                    continue
        return found

    votes: dict[int, Votes] = ctx.docket.view("hidden", case.submission, find)
    return votes


def move(ctx: Context, hearing: Hearing, *, turn: Turn = at_once, rank: int = 0) -> str:
    """Do the next step that anyone may do in a case, and return which; "" if there is none or it is another's turn.

    Somebody else may be faster: that is no error. Raises Missing where too few validators can sit, Reverted where nothing works.
    """
    steps = due(ctx, hearing)
    if not steps or not turn(f"{steps[0]} case {hearing.number} {len(hearing.benches)}", rank):
        return ""
    refused: Reverted | None = None
    for step in steps:
        try:
            return _take(ctx, hearing, step)
        except Reverted as error:
            refused = error
    if refused is None or due(ctx, hearing) != steps:
        return ""
    if TOO_FEW in refused.reason:
        raise Missing(f"jurors of case {hearing.number}: too few validators can sit: it waits for others")
    raise refused


def _take(ctx: Context, hearing: Hearing, step: str) -> str:
    chain, sender, number = ctx.chain, ctx.sender, hearing.number
    case = ctx.docket.case(hearing.submission)
    if step == "draw":
        try:
            juries.draw(chain, sender, number)
        except Reverted as error:
            if "out of reach" not in error.reason:
                raise
            juries.redraw(chain, sender, number)
            return "redraw"
    elif step == "tally":
        juries.tally(chain, sender, number)
    elif step == "conclude":
        juries.conclude(chain, sender, number)
    elif step == "slash":
        _show(ctx, case)
    elif step == "execute":
        juries.execute(chain, sender, case.submission, *verdict_of(case))
    else:
        juries.collect(chain, sender, number)
    return step


def _show(ctx: Context, case: Case) -> None:
    hidden = _hidden(ctx, case, trial_of(ctx, case))
    for number, votes in hidden.items():
        carried = case.carried if number == 2 else ()
        shown = reversals.Shown(*votes, carried)
        reversals.slash(ctx.chain, ctx.sender, case.submission, number, shown)


def verdict_of(case: Case) -> tuple[bytes, bytes]:
    """Return the rejected and the hung bitmap of a verdict, as the contract hashed them. Raises InputError while there is none."""
    from sheaf.actions.status import decided
    from sheaf.verification.bitmap import pack

    rejected, hung = decided(case)
    return pack(rejected), pack(hung)


def open_audit(ctx: Context, case: Case, *, turn: Turn = at_once, rank: int = 0) -> bool:
    """Open the audit that the beacon picks; False if none is due or it is another's turn. Somebody else may be faster."""
    if not is_audit_due(ctx, case) or not turn(f"audit {case.submission}", rank):
        return False
    try:
        juries.audit(ctx.chain, ctx.sender, case.submission, *verdict_of(case))
    except Reverted:
        if is_audit_due(ctx, ctx.docket.case(case.submission)):
            raise
        return False
    return True
