"""Explain a verdict to who can read the records: every refusal with its meaning and remedy, and how to challenge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.cases.draft import own_key
from sheaf.actions.cases.examine import open_content
from sheaf.actions.cases.letters import find_key
from sheaf.actions.cases.reading import wanted_of
from sheaf.actions.disputes.dispute import bond_for
from sheaf.actions.disputes.dispute import refusals as challengeable
from sheaf.actions.disputes.moving import challenge_until
from sheaf.actions.forecast.refusals import Refusal, refusals
from sheaf.actions.status import explain
from sheaf.domain.errors import StoreError
from sheaf.domain.ids import SubmissionId
from sheaf.domain.verdict import Decision

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.verdict import Finding


@dataclass(frozen=True)
class Explained:
    """What became of every record, with reasons: `decisions` and `findings` as in the verdict, `refused` explained by record.

    `hung` are records that are nobody's fault. `appeal` is the command that challenges all that was refused or hangs and that no case names
    yet, `appeal_bond` what it takes (smallest unit of the stake token), `appeal_until` how long there is time (Unix seconds). They are "",
    0 and 0 where there is nothing to challenge, or no time left.
    """

    submission: SubmissionId
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    refused: tuple[Refusal, ...]
    hung: tuple[int, ...]
    appeal: str
    appeal_bond: int
    appeal_until: int


def explained(ctx: Context, submission: SubmissionId | int) -> Explained:
    """Return the verdict with every refusal explained and how to appeal, to whoever holds the content key. Raises as `explain` does."""
    case = ctx.docket.case(submission)
    said = explain(ctx, submission)
    fallen = {record for record, what in enumerate(said.decisions) if what is Decision.REJECTED}
    until = challenge_until(ctx, case)
    named = challengeable(ctx, submission) if ctx.docket.refresh().timestamp < until else []
    return Explained(
        submission=case.submission,
        decisions=said.decisions,
        findings=said.findings,
        refused=tuple(one for one in refusals(said.findings, _records_of(ctx, case)) if one.record in fallen),
        hung=tuple(record for record, what in enumerate(said.decisions) if what is Decision.HUNG),
        appeal=f"sheaf dispute challenge {case.submission}" if named else "",
        appeal_bond=bond_for(ctx, case.submission, len(named)) if named else 0,
        appeal_until=until if named else 0,
    )


def _records_of(ctx: Context, case: Case) -> pa.Table | None:
    """Return a submission's records, or None where this account cannot read them."""
    key = find_key(ctx, case.submission, case.key_commitment) or own_key(ctx, case.submission)
    try:
        content = open_content(ctx, case, key, wanted_of(ctx, case.request)) if key else None
    except StoreError:
        return None
    return content.records if content else None
