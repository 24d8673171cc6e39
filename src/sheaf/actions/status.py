"""Status: where a submission stands, what is due next, and why its records were refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheaf.actions.cases.ballot import find_ballot
from sheaf.actions.cases.docket import NEVER
from sheaf.actions.cases.draft import own_key
from sheaf.actions.cases.examine import open_content
from sheaf.actions.cases.letters import find_key
from sheaf.actions.cases.reading import Reading, findings_of, wanted_of
from sheaf.actions.cases.reasons import told
from sheaf.actions.review import state_of
from sheaf.actions.settle import next_step
from sheaf.domain.errors import InputError, Missing, StoreError
from sheaf.domain.ids import Address, RequestId, SubmissionId
from sheaf.review import reviews
from sheaf.verification.pipeline import refusal, verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Cid
    from sheaf.domain.verdict import Finding, Verdict


@dataclass(frozen=True)
class Status:
    """A submission at a glance. Times are Unix seconds, 0 where they are not set; `is_due` is the step that anyone may take now,
    or "".

    `phase` is "pending", "reviewing", "hung", "decided", "held", "settled" or "void"; `size`, `committed` and `opened` count
    seats.
    """

    submission: SubmissionId
    request: RequestId
    contributor: Address
    records: int
    phase: str
    round: int
    size: int
    committed: int
    opened: int
    commit_until: int
    reveal_until: int
    settle_after: int
    approved: int
    rejected: int
    hung: int
    paid: int
    is_due: str
    block: int
    transaction: str
    root: str
    cid: Cid | None
    custodian: Address


def status(ctx: Context, submission: SubmissionId | int) -> Status:
    """Return where a submission stands. Raises InputError if the chain does not know it."""
    case = ctx.docket.case(submission)
    state = state_of(ctx, case) if case.rounds else None
    last = case.rounds[-1] if case.rounds else None
    count = case.tallies[-1] if case.tallies else None
    return Status(
        submission=case.submission,
        request=case.request,
        contributor=case.contributor,
        records=case.records,
        phase=_phase(case, state),
        round=len(case.rounds),
        size=len(case.members),
        committed=sum(len(drawn.commitments) for drawn in case.rounds),
        opened=int(state.opened_mask).bit_count() if state else 0,
        commit_until=last.commit_until if last else 0,
        reveal_until=last.reveal_until if last else 0,
        settle_after=state.settle_after if state else 0,
        approved=count.approved if count else 0,
        rejected=count.rejected if count else 0,
        hung=count.hung if count else 0,
        paid=case.settlement["paid"] if case.settlement else 0,
        is_due=next_step(ctx, case),
        block=case.block,
        transaction=case.transaction,
        root="0x" + case.root.hex(),
        cid=case.cid,
        custodian=case.custodian,
    )


def list_submissions(
    ctx: Context, request: RequestId | int | None = None, contributor: Address | None = None
) -> list[Status]:
    """Return all submissions, or those of a request or a contributor, oldest first."""
    ctx.docket.refresh()
    return [
        status(ctx, number)
        for number, case in sorted(ctx.docket.cases.items())
        if request in (None, case.request) and contributor in (None, case.contributor)
    ]


def explain(ctx: Context, submission: SubmissionId | int) -> Verdict:
    """Return the verdict record by record, with reasons for what was refused, to whoever holds the content key.

    Raises InputError while there is no verdict, Missing if this account has not the key.
    """
    case = ctx.docket.case(submission)
    rejected, hung = decided(case)
    return verdict(case.submission, rejected, hung, reasons_of(ctx, case, rejected))


def reasons_of(ctx: Context, case: Case, rejected: NDArray[np.bool_]) -> list[Finding]:
    """Return at least one finding for every rejected record that is no opened gold: of the checks, else of the members, else that it
    was judged so.

    Raises Missing if this account has not the content key.
    """
    key = find_key(ctx, case.submission, case.key_commitment) or own_key(ctx, case.submission)
    if key is None:
        raise Missing(f"key of submission {case.submission}: it has not come to this account")
    wanted = wanted_of(ctx, case.request)
    try:
        found = findings_of(ctx, case, Reading(key, wanted, open_content(ctx, case, key, wanted)))
    except StoreError:
        found = []
    ballot = find_ballot(ctx, case)
    said = [*found, *(ballot.findings if ballot else ()), *told(ctx, case, key)]
    findings: dict[tuple[int, str], Finding] = {}
    rejected = rejected & ~case.gold_at(NEVER)
    for finding in said:
        if rejected[finding.record]:
            findings.setdefault((finding.record, finding.code), finding)
    named = {finding.record for finding in findings.values() if finding.is_reason}
    silent = [refusal(int(i), "refused") for i in np.flatnonzero(rejected) if i not in named]
    return sorted([*findings.values(), *silent], key=lambda finding: (finding.record, -finding.weight))


def decided(case: Case) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the rejected and the hung records of a case, each of shape (records,).

    Raises InputError while there is no verdict.
    """
    rejected, hung, _ = case.verdict_at(2**62)
    if rejected is None or hung is None:
        raise InputError("submission", case.submission, "it has no verdict yet")
    return rejected, hung


def _phase(case: Case, state: reviews.Review | None) -> str:
    if case.is_void:
        return "void"
    if case.settlement is not None:
        return "settled"
    names = {
        reviews.VOTING: "reviewing",
        reviews.HUNG: "hung",
        reviews.DECIDED: "decided",
        reviews.HELD: "held",
    }
    return names.get(state.phase, "pending") if state else "pending"
