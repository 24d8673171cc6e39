"""Submit: from records to a submission under review, in steps that can be finished after a crash at any point.

The draft is on disk before anything is sent, the chain is asked before anything is sent again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.actions.account import approve, require_address, require_funds
from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.draft import (
    Draft,
    content_key,
    draft_path,
    drafting,
    drafts,
    gold_commitment,
    new_nonce,
)
from sheaf.actions.cases.examine import associated, content_of, packed, read_records, self_check
from sheaf.actions.cases.reading import sample_read_by
from sheaf.actions.cases.sending import close_number
from sheaf.actions.gold import asking
from sheaf.actions.request import show_request, specification
from sheaf.domain.errors import InputError, Missing, RecordError
from sheaf.domain.ids import Address, RequestId, SubmissionId
from sheaf.market import requests

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.request import Request, Specification
    from sheaf.domain.verdict import Finding

LEAST_SECONDS = 1


@dataclass(frozen=True)
class Preview:
    """What a submission would be: how many records, what the objective checks say, and what it takes (smallest unit of the
    token).

    `reserve` is what the buyer's escrow sets aside for it, `bond` what the contributor deposits. So many records of `gold`, at most, are
    mixed in by `keeper`, who is given the records to do so: they count in bond and reserve, and are neither paid nor forfeited.
    """

    records: int
    findings: tuple[Finding, ...]
    bond: int
    reserve: int
    gold: int = 0
    keeper: str = ""

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that refuse their records by themselves; the others are what a reviewer will be shown."""
        return tuple(finding for finding in self.findings if finding.is_refusal)


def preview(ctx: Context, request: RequestId | int, source: Path | pa.Table) -> Preview:
    """Say what `submit` would do with these records and what the checks would refuse; nothing is sent.

    Raises RecordError where the file cannot be read or does not have the form that the request asks for.
    """
    found, wanted = show_request(ctx, request), specification(ctx, request)
    return _preview(ctx, found, wanted, read_records(source, wanted))


def submit(
    ctx: Context,
    request: RequestId | int,
    source: Path | pa.Table,
    *,
    custodian: Address | None = None,
    is_forced: bool = False,
    gold: bytes = b"",
) -> SubmissionId:
    """Offer records to a request and return the submission's number: bond deposited, key sealed to the `custodian` (oneself).

    `gold` commits to records whose answers are known (`scores.gold_commitment`); where there are none nobody can tell. If the request
    has gold, its keeper must be the custodian: it is given the records, mixes gold into them and answers; until then this raises Missing,
    and is to be called again.

    The same records again are the same submission: nothing is sent or paid twice, and after a crash the rest is done.
    Raises RecordError if the checks would refuse records, unless `is_forced`, and InputError before anything is sent if the
    request or the account's balance does not allow it.
    """
    found, wanted = show_request(ctx, request), specification(ctx, request)
    table = read_records(source, wanted)
    keeper = require_address("custodian", custodian) if custodian else ctx.account
    content = content_of(table, bytes(32), found.id, ctx.account)
    path = draft_path(ctx, found.id, hashlib.sha256(content.digests).hexdigest())
    with drafting(path):
        draft = journal.recall(path, Draft)
        if draft is None or not (draft.cid or draft.asked) or _is_void(ctx, draft):
            expected = _preview(ctx, found, wanted, table)
            _require_open(ctx, found, table.num_rows + expected.gold)
            _require_reader(ctx, keeper)
            if wanted.gold is not None:
                asking.require_keeper(ctx, found, wanted, keeper)
            if expected.refusals and not is_forced:
                raise _refused(expected.refusals)
            require_funds(ctx, found.token, expected.bond, "the bond")
            draft = Draft(
                request=found.id,
                records=table.num_rows,
                nonce=new_nonce(ctx, hashlib.sha256(content.digests).digest()),
                custodian=keeper,
                bond=expected.bond,
                gold=gold,
            )
            if wanted.gold is not None:
                asking.ask(ctx, draft, table, path)
            else:
                journal.keep(path, draft)
                _store(ctx, draft, table, path)
        return _finish(ctx, draft, path)


def resume_submissions(ctx: Context) -> list[SubmissionId]:
    """Finish the submissions that a crash left halfway; return their numbers. What had not reached the store is left out."""
    finished = []
    for path, draft in drafts(ctx).items():
        with drafting(path):
            draft = journal.recall(path, Draft) or draft
            if (draft.cid or draft.asked) and not draft.is_done:
                try:
                    finished.append(_finish(ctx, draft, path))
                except Missing:
                    # Its keeper has not mixed it yet.
                    continue
    return finished


def _preview(ctx: Context, found: Request, wanted: Specification, table: pa.Table) -> Preview:
    gold, keeper = asking.gold_in(ctx, wanted, table.num_rows), wanted.gold.keeper if wanted.gold else ""
    bond, reserve = requests.reservation(ctx.chain, found, table.num_rows + gold)
    findings = tuple(self_check(wanted, found.id, table, sample_read_by(ctx, wanted)))
    return Preview(table.num_rows, findings, bond, reserve, gold, keeper)


def _store(ctx: Context, draft: Draft, table: pa.Table, path: Path) -> None:
    from sheaf.store.envelope import encrypt

    data, key = packed(table), content_key(ctx, draft)
    content = content_of(table, key, RequestId(draft.request), ctx.account)
    bound = associated(ctx, RequestId(draft.request), ctx.account)
    draft.root = content.root
    draft.cid = ctx.store.put(encrypt(key, data, bound, ctx.entropy(32)))
    journal.keep(path, draft)


def _is_void(ctx: Context, draft: Draft) -> bool:
    """Tell whether a draft came to nothing because no committee was drawn: then the same records may be offered again."""
    case = _case_of(ctx, draft)
    return case is not None and case.is_void


def _finish(ctx: Context, draft: Draft, path: Path) -> SubmissionId:
    if draft.asked and not draft.root:
        asking.take(ctx, draft, path)
    case = _case_of(ctx, draft)
    if case is None or case.submission != draft.submission:
        # Never sent, or sent by a process that died, or the block that had it was rolled back.
        draft.submission, draft.is_done = None, False
        _send(ctx, draft, path)
    assert draft.submission is not None
    number = SubmissionId(draft.submission)
    if not draft.is_done:
        if draft.asked:
            asking.hand_on(ctx, draft, number)
        elif not letters.seal_key(ctx, number, content_key(ctx, draft), Address(draft.custodian)):
            raise InputError(
                "custodian",
                draft.custodian,
                "it has no usable reading key: let it publish one, then submit again",
            )
        draft.is_done = True
        journal.keep(path, draft)
    return number


def _send(ctx: Context, draft: Draft, path: Path) -> None:
    """Send the transaction unless it was sent: the chain is asked first, by the root that no one else can use."""
    from sheaf.store.cid import binary
    from sheaf.store.envelope import key_commitment

    if draft.sent_as is not None:
        close_number(ctx, draft.sent_as)
    case = _case_of(ctx, draft)
    draft.submission = case.submission if case else None
    if draft.submission is None:
        if asking.has_run_out(ctx, draft):
            asking.forget(ctx, draft, path)
            asking.take(ctx, draft, path)
        found = show_request(ctx, draft.request)
        _require_open(ctx, found, draft.records)
        require_funds(ctx, found.token, draft.bond, "the bond")
        approve(ctx, found.token, ctx.chain.address_of("Escrow"), draft.bond)
        draft.sent_as = ctx.chain.nonce(ctx.account, pending=True)
        journal.keep(path, draft)
        draft.submission = requests.submit(
            ctx.chain, ctx.sender,
            requests.Offer(
                request=found.id, records=draft.records, root=draft.root, cid=binary(draft.cid),
                key_commitment=draft.key_commitment or key_commitment(content_key(ctx, draft)), custodian=Address(draft.custodian),
                gold=gold_commitment(ctx, draft),
            ),
        )  # fmt: skip
    journal.keep(path, draft)


def _case_of(ctx: Context, draft: Draft) -> Case | None:
    """Return a draft's case if the chain has it: by its root, which binds request and contributor, so that no one else can use it."""
    ctx.docket.refresh()
    for case in ctx.docket.cases.values():
        if case.root == draft.root and case.contributor == ctx.account and case.request == draft.request:
            return case
    return None


def _require_open(ctx: Context, found: Request, records: int) -> None:
    now = ctx.chain.block().timestamp
    if found.is_cancelled:
        raise InputError("request", found.id, "it is cancelled: choose another")
    if found.deadline <= now + LEAST_SECONDS:
        raise InputError("request", found.id, "its deadline is over: choose another")
    if found.buyer == ctx.account:
        raise InputError(
            "request", found.id, "a buyer cannot contribute to its own request: act as another account"
        )
    if records > found.records_left:
        raise InputError(
            "records", records, f"the request takes {found.records_left} more: offer at most that many"
        )
    _, reserve = requests.reservation(ctx.chain, found, records)
    if reserve > found.free:
        raise InputError(
            "records", records, f"the escrow has {found.free} free and these take {reserve}: offer fewer"
        )


def _require_reader(ctx: Context, keeper: Address) -> None:
    if ctx.docket.reading_key(keeper) is None:
        raise InputError(
            "custodian", keeper, "it has published no reading key: register one, or name another custodian"
        )


def _refused(findings: tuple[Finding, ...]) -> RecordError:
    first = findings[0]
    count = len({finding.record for finding in findings})
    why = first.detail or "it would be refused"
    return RecordError(
        f"record {first.record}", first.code, f"{why} ({count} such records): correct or leave them out"
    )
