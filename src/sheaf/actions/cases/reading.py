"""Reading a case: get key, specification and content, wait for what may still come, and turn what was read into a vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sheaf.actions.cases import letters, sheets
from sheaf.actions.cases.ballot import Ballot, cast_ballot, reviewing_order
from sheaf.actions.cases.examine import Content, batch_of, earlier_than, open_content
from sheaf.actions.gold import slips
from sheaf.domain.errors import Missing, SheafError, StoreError
from sheaf.domain.ports import Judge
from sheaf.domain.request import Specification
from sheaf.domain.verdict import Finding

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Cid, RequestId, SubmissionId
    from sheaf.verification.batch import Batch

JudgeMaker: TypeAlias = "Callable[[Specification, pa.Table | None], Judge]"
"""Makes a judge for a request from its specification and its sample (None where there is none)."""

MAX_SPECIFICATION_BYTES = 1 << 20
MAX_SAMPLE_BYTES = 1 << 28


class Later(Exception):
    """Something has not come yet; the text says what."""


@dataclass(frozen=True)
class Reading:
    """What a member has of a case. `content` is None where it never came or is not what was committed to; `why` says which.

    `wanted` is None where the buyer's specification cannot be read.
    """

    key: bytes | None
    wanted: Specification | None
    content: Content | None
    why: str = ""


@dataclass(frozen=True)
class Assignment:
    """A submission opened for a person: record `i` of `records` is number `order[i]` of the submission.

    `findings` are what the checks say (numbered as in the submission): refusals hold whatever the reviewer votes, others are advice.
    """

    submission: SubmissionId
    specification: Specification | None
    sample: pa.Table | None
    records: pa.Table
    order: NDArray[np.int64]
    findings: tuple[Finding, ...]


def wanted_of(ctx: Context, request: RequestId) -> Specification | None:
    """Return a request's specification, or None if what lies under its CID is none. Raises Missing if nothing lies there."""
    from sheaf.formats.specification import parse
    from sheaf.store.cid import from_binary
    from sheaf.verification.pipeline import Pipeline

    known = ctx.docket.specifications
    if request not in known:
        try:
            cid = from_binary(bytes(ctx.docket.requests[request].args["spec"]))
            found = parse(_take(ctx, cid, MAX_SPECIFICATION_BYTES))
            Pipeline(found.checks)
            known[request] = found
        except StoreError:
            raise
        except (SheafError, ValueError):
            known[request] = None
    return known[request]


def sample_of(ctx: Context, wanted: Specification | None) -> pa.Table | None:
    """Return the records with answers that a buyer published, or None if there are none that can be read."""
    from sheaf.formats import parquet, schema

    if wanted is None or wanted.sample is None:
        return None
    try:
        return schema.compile(wanted.schema).cast(
            parquet.read(_take(ctx, wanted.sample.cid, MAX_SAMPLE_BYTES))
        )
    except SheafError:
        return None


def sample_read_by(ctx: Context, wanted: Specification | None) -> pa.Table | None:
    """Return the sample of a request if one of its checks compares with it, else None."""
    from sheaf.verification.pipeline import Pipeline

    return sample_of(ctx, wanted) if wanted and Pipeline(wanted.checks).reads_sample else None


def _awaits_sample(ctx: Context, wanted: Specification | None) -> bool:
    from sheaf.verification.pipeline import Pipeline

    if wanted is None or wanted.sample is None or not Pipeline(wanted.checks).reads_sample:
        return False
    return not ctx.store.has(wanted.sample.cid)


def read_case(ctx: Context, case: Case, *, is_late: bool) -> Reading:
    """Read a case and share its sheet with the other validators. Raises Later while something has not come and it is not late."""
    try:
        wanted = wanted_of(ctx, case.request)
    except StoreError:
        if not is_late:
            raise Later("the specification") from None
        wanted = None
    if not is_late and _awaits_sample(ctx, wanted):
        raise Later("the buyer's sample")
    if wanted is not None and wanted.gold is not None and not slips.is_vouched(ctx, case, wanted.gold):
        if not is_late:
            raise Later("the word of its gold's keeper")
        return Reading(None, wanted, None, "the keeper of the request's gold does not vouch for it")
    key = letters.find_key(ctx, case.submission, case.key_commitment)
    if key is None:
        if not is_late:
            raise Later("the content key")
        return Reading(None, wanted, None, "the content key was not handed over")
    try:
        content = open_content(ctx, case, key, wanted)
    except StoreError:
        if not is_late:
            raise Later("the encrypted records") from None
        return Reading(key, wanted, None, "the encrypted records are not in the store")
    if content is None or content.root != case.root:
        return Reading(key, wanted, content, "")
    sheets.share(ctx, case, key, content)
    return Reading(key, wanted, content)


def findings_of(ctx: Context, case: Case, reading: Reading) -> list[Finding]:
    """Return what the objective checks find, with the sheets that have come."""
    from sheaf.verification.pipeline import Pipeline

    checks = reading.wanted.checks if reading.wanted else ()
    return Pipeline(checks).run(batch_for(ctx, case, reading))


def vote(ctx: Context, case: Case, judge: Judge | JudgeMaker | None, *, is_late: bool) -> Ballot:
    """Examine and judge the records of a case and fix the vote. Raises Later while something has not come and it is not late."""
    from sheaf.verification.pipeline import Pipeline

    reading = read_case(ctx, case, is_late=is_late)
    if reading.content is None or reading.wanted is None or reading.content.root != case.root:
        # Without a specification nothing can be held against the contributor but a broken commitment.
        return _cast(ctx, case, findings_of(ctx, case, reading), reading.why)
    awaited = sheets.gather(ctx, case)
    if awaited and not is_late:
        raise Later(f"the sheet of submission {', '.join(map(str, awaited))}")
    if judge is None:
        raise Later("a vote: open the records and cast one")
    wanted = reading.wanted
    made = judge if hasattr(judge, "judge") else judge(wanted, sample_of(ctx, wanted))
    order = reviewing_order(ctx, case)
    opinion = Pipeline(wanted.checks).review(batch_for(ctx, case, reading), made, wanted, order)
    return cast_ballot(ctx, case, opinion.rejected, tuple(opinion.findings))


def _cast(ctx: Context, case: Case, findings: list[Finding], why: str) -> Ballot:
    import msgspec

    from sheaf.verification.pipeline import refused

    rejected = refused(findings, case.records)
    stated = tuple(msgspec.structs.replace(finding, detail=why or finding.detail) for finding in findings)
    return cast_ballot(ctx, case, rejected, stated)


def batch_for(ctx: Context, case: Case, reading: Reading) -> Batch:
    """Return a submission as the checks take it, with what this account knows of earlier ones."""
    earlier = earlier_than(ctx.docket, case, sheets.index_of(ctx))
    return batch_of(
        case, reading.key, reading.content, reading.wanted, earlier, sample_read_by(ctx, reading.wanted)
    )


def _take(ctx: Context, cid: Cid, limit: int) -> bytes:
    data = b""
    for piece in ctx.store.stream(cid):
        data += piece
        if len(data) > limit:
            raise Missing(f"content {cid}: over {limit} bytes: it is not read")
    return data
