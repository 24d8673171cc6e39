"""Download: turn a request's settled submissions into a bundle: approved records, verdicts with reasons, and a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.actions.cases.examine import open_content
from sheaf.actions.cases.letters import find_key
from sheaf.actions.cases.reading import wanted_of
from sheaf.actions.cases.receipt import Delivered, write_bundle
from sheaf.actions.deliver import buyer_of
from sheaf.actions.request import show_request, specification
from sheaf.actions.status import decided, reasons_of
from sheaf.domain.errors import InputError, IntegrityError, Missing, StoreError

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.ids import RequestId
    from sheaf.formats.bundle import Bundle


def download(
    ctx: Context, request: RequestId | int, directory: Path | str, *, is_partial: bool = False
) -> Bundle:
    """Fetch, decrypt and check all that this account has bought with a request, and write it to `directory` as an immutable bundle.

    Raises InputError if another account is the buyer, the directory exists or nothing was approved yet; Missing naming the submissions
    whose keys or content have not come (with `is_partial` they are left out); IntegrityError if content is not what was reviewed.
    """
    directory = Path(directory)
    found = show_request(ctx, request)
    if found.buyer != ctx.account:
        raise InputError("request", request, f"its buyer is {found.buyer}: act as that account")
    if directory.exists():
        raise InputError(
            "directory", directory, "it exists: give one that does not, a bundle is never written over"
        )
    bought = [case for case in ctx.docket.cases.values() if case.request == found.id and _is_bought(case)]
    if not bought:
        raise InputError("request", request, "none of its records is approved and settled yet")
    delivered, absent = [], []
    for case in sorted(bought, key=lambda case: case.submission):
        try:
            delivered.append(deliver_case(ctx, case))
        except (Missing, StoreError) as error:
            absent.append(f"{case.submission} ({error})")
    if absent and not (is_partial and delivered):
        raise Missing(
            f"submission {', '.join(absent)}: try again later, or take the rest with the partial option"
        )
    return write_bundle(ctx, found, specification(ctx, request), delivered, directory)


def deliver_case(ctx: Context, case: Case) -> Delivered:
    """Open one settled submission. Raises Missing while its key has not come, IntegrityError if it is not what the committee saw."""
    key = find_key(ctx, case.submission, case.key_commitment)
    if key is None:
        raise Missing(f"the key has not come to {buyer_of(ctx, case)}")
    content = open_content(ctx, case, key, wanted_of(ctx, case.request))
    if content is None or content.root != case.root:
        raise IntegrityError(
            f"submission {case.submission}: its content does not hash to the root on chain: do not use it"
        )
    rejected, hung = decided(case)
    return Delivered(case, content, rejected, hung, reasons_of(ctx, case, rejected))


def _is_bought(case: Case) -> bool:
    return case.settlement is not None and case.settlement["approved"] > 0
