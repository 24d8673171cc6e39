"""Reasons: after the count each member tells those who hold the content key what its vote rested on.

They are a member's word, not proof: a reader takes the codes that verification knows, for records that the chain says were
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.letters import ReasonsLetter
from sheaf.domain.errors import SheafError, shorten
from sheaf.domain.ids import Cid
from sheaf.domain.verdict import Finding

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context

MAX_BYTES = 1 << 23


class Told(msgspec.Struct):
    """Journal: where the reasons of a vote lie."""

    cid: str


def tell(ctx: Context, case: Case) -> bool:
    """Put this member's reasons into the store, under the content key, and say where; False if that is done or there are none."""
    from sheaf.actions.cases.ballot import find_ballot
    from sheaf.store.envelope import encrypt

    path = ctx.folder / "reasons" / journal.case_file(case)
    ballot, seat = find_ballot(ctx, case), case.seat_of(ctx.account)
    if ballot is None or seat is None or not ballot.findings or not case.tallies:
        return False
    if journal.recall(path, Told) is not None:
        return False
    key = letters.find_key(ctx, case.submission, case.key_commitment)
    if key is None:
        return False
    cid = ctx.store.put(encrypt(key, msgspec.msgpack.encode(ballot.findings), _bound(ctx, case)))
    letters.post(ctx, letters.topic(ctx, "reasons", case.submission), ReasonsLetter(seat, cid))
    journal.keep(path, Told(cid))
    return True


def told(ctx: Context, case: Case, key: bytes) -> list[Finding]:
    """Return what members said: at most one finding a record and member, of known codes only."""
    from sheaf.store.envelope import decrypt
    from sheaf.verification.reasons import reasons

    found: dict[tuple[int, int], Finding] = {}
    for letter in letters.read(ctx, letters.topic(ctx, "reasons", case.submission), ReasonsLetter):
        try:
            data = b""
            for piece in decrypt(key, ctx.store.stream(Cid(letter.cid)), _bound(ctx, case)):
                data += piece
                if len(data) > MAX_BYTES:
                    break
            said = msgspec.msgpack.decode(data, type=tuple[Finding, ...])
        except (SheafError, msgspec.DecodeError) as error:
            letters.ignore(ctx, f"reasons that cannot be taken ({type(error).__name__})", letter.cid.encode())
            continue
        for one in said:
            if 0 <= one.record < case.records and one.code in reasons() and one.is_reason:
                kept = msgspec.structs.replace(one, detail=shorten(one.detail, 200) if one.detail else "")
                found.setdefault((one.record, letter.seat), kept)
    return [found[place] for place in sorted(found)]


def _bound(ctx: Context, case: Case) -> bytes:
    return f"sheaf reasons {ctx.market} {case.submission}".encode()
