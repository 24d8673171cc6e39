"""What an account gave before: its own memory, by which a preview tells what it is about to send twice.

It is the account's own and proves nothing; thrown away, copies of one's own records are found by the committee alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.domain.ids import SubmissionId
from sheaf.verification.batch import Earlier, Standing, counted

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.examine import Content
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.verification.near import Kind


def remember(ctx: Context, number: SubmissionId, content: Content, kind: Kind | None) -> None:
    """Remember the records of a submission that this account has sent; again is no harm."""
    from sheaf.verification.fingerprints import ExactIndex
    from sheaf.verification.near import NearIndex

    folder = _folder(ctx, ctx.account)
    if kind is not None:
        NearIndex(kind, folder).add(kind.sketch(content.records), number)
    ExactIndex(folder).add(content.digests, number)


def given_by(ctx: Context, who: Address) -> Earlier | None:
    """Return what `who` gave before, as far as it counts now: submissions that are not void, less what was refused of them."""
    from sheaf.verification.fingerprints import ExactIndex
    from sheaf.verification.near import NearIndex

    folder = _folder(ctx, who)
    if not folder.exists():
        return None
    ctx.docket.refresh()

    def standing(number: int) -> Standing | None:
        case = ctx.docket.cases.get(SubmissionId(number))
        if case is None or case.is_void or case.contributor != who:
            return None
        rejected, hung, is_final = case.verdict_at(2**62)
        return Standing(case.request, counted(case.records, rejected, hung, is_final))

    return Earlier(ExactIndex(folder), standing, lambda kind: NearIndex(kind, folder))


def _folder(ctx: Context, who: Address) -> Path:
    return ctx.home / "journal" / ctx.market / who.lower() / "given"
