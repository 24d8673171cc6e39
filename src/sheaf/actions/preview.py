"""Preview: what a submission would be, record by record and unit by unit, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.actions.cases.examine import read_records, self_check
from sheaf.actions.cases.reading import sample_of, sample_read_by
from sheaf.actions.forecast.given import given_by
from sheaf.actions.forecast.likeness import Like, likeness
from sheaf.actions.forecast.money import Outlook, Rise, outlook, rise
from sheaf.actions.forecast.refusals import Refusal, refusals
from sheaf.actions.gold import asking
from sheaf.actions.request import show_request, specification
from sheaf.domain.errors import InputError
from sheaf.domain.ids import Address, RequestId
from sheaf.market import requests

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.actions.forecast.acceptance import Acceptance
    from sheaf.domain.request import Request, Specification
    from sheaf.domain.verdict import Finding

LEAST_SECONDS = 1


@dataclass(frozen=True)
class Preview:
    """What a submission would be (amounts in the token's smallest unit).

    `findings` are all that the checks say, `refused` those that refuse a record by themselves, explained. `reserve` is what the
    buyer's escrow sets aside, `bond` what the contributor brings. `obstacles` keep it from being sent at all. What follows is None
    where nobody asked: `pay` what may come of it, `standing` what it may do to the account's (None without an account), `near` records
    that are almost the same, `acceptance` how many are good by the buyer's sample, or why that cannot be said.

    So many records of `gold`, at most, are mixed in by `keeper`, who is given the records to do so: they count in bond and reserve, and
    are neither paid nor forfeited.
    """

    records: int
    findings: tuple[Finding, ...]
    bond: int
    reserve: int
    refused: tuple[Refusal, ...] = ()
    obstacles: tuple[str, ...] = ()
    pay: Outlook | None = None
    standing: Rise | None = None
    near: tuple[Like, ...] = ()
    acceptance: Acceptance | None = None
    gold: int = 0
    keeper: str = ""

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that refuse their records by themselves; the others are what a reviewer will be shown."""
        return tuple(finding for finding in self.findings if finding.is_refusal)


def preview(
    ctx: Context,
    request: RequestId | int,
    source: Path | pa.Table,
    *,
    account: Address | None = None,
    index: Path | None = None,
    is_estimated: bool = True,
) -> Preview:
    """Say what `submit` would do with these records, what the checks would refuse, and what may come of it; nothing is sent.

    `account` is the contributor (who acts, or nobody in particular): bond and standing are its own. `index` is a folder that
    remembers files of its own (`record_quality`): records near to those are named. `is_estimated` asks for `acceptance`, which takes
    seconds. Raises RecordError where the file cannot be read or does not have the form that the request asks for.
    """
    found, wanted = show_request(ctx, request), specification(ctx, request)
    who = account or (ctx.signer.address if ctx.signer else None)
    table = read_records(source, wanted)
    sent = weighed(ctx, found, wanted, table, who)
    gone = {one.record for one in sent.refused}
    acceptance = None
    if is_estimated:
        from sheaf.actions.forecast.acceptance import accepted

        acceptance = accepted(sample_of(ctx, wanted), table, wanted.label, gone)
    return Preview(
        records=sent.records,
        findings=sent.findings,
        bond=sent.bond,
        reserve=sent.reserve,
        refused=sent.refused,
        obstacles=tuple(_obstacles(ctx, found, table.num_rows + sent.gold, who)),
        pay=outlook(found, (table.num_rows, sent.gold, len(gone)), acceptance, sent.bond),
        standing=rise(ctx, found, who, table.num_rows, len(gone)) if who else None,
        near=tuple(likeness(table, wanted, index)),
        acceptance=acceptance,
        gold=sent.gold,
        keeper=sent.keeper,
    )


def weighed(
    ctx: Context, found: Request, wanted: Specification, table: pa.Table, who: Address | None
) -> Preview:
    """Return what the checks say of records and what they take, and no more: what must be known before they are sent.

    What `who` gave before counts as far as this account remembers it.
    """
    gold, keeper = asking.gold_in(ctx, wanted, table.num_rows), wanted.gold.keeper if wanted.gold else ""
    bond, reserve = requests.reservation(ctx.chain, found, table.num_rows + gold, who)
    before = given_by(ctx, who) if who else None
    findings = tuple(self_check(wanted, found.id, table, sample_read_by(ctx, wanted), before))
    return Preview(
        table.num_rows, findings, bond, reserve, tuple(refusals(findings, table)), gold=gold, keeper=keeper
    )


def require_open(ctx: Context, found: Request, records: int, who: Address | None) -> None:
    """Raise InputError if a request does not take so many records from this account now."""
    now = ctx.chain.block().timestamp
    if found.is_cancelled:
        raise InputError("request", found.id, "it is cancelled: choose another")
    if found.deadline <= now + LEAST_SECONDS:
        raise InputError("request", found.id, "its deadline is over: choose another")
    if found.buyer == who:
        raise InputError(
            "request", found.id, "a buyer cannot contribute to its own request: act as another account"
        )
    if records > found.records_left:
        raise InputError(
            "records", records, f"the request takes {found.records_left} more: offer at most that many"
        )
    _, reserve = requests.reservation(ctx.chain, found, records, who)
    if reserve > found.free:
        raise InputError(
            "records", records, f"the escrow has {found.free} free and these take {reserve}: offer fewer"
        )


def _obstacles(ctx: Context, found: Request, records: int, who: Address | None) -> list[str]:
    """Return what would keep the records from being sent: the request, or the account's balance."""
    from sheaf.actions.account import require_funds

    said = []
    try:
        require_open(ctx, found, records, who)
    except InputError as error:
        said.append(str(error))
    if who is not None:
        bond, _ = requests.reservation(ctx.chain, found, records, who)
        try:
            require_funds(ctx, found.token, bond, "the bond", who)
        except InputError as error:
            said.append(str(error))
    return said
