"""Sheets on their way: committee members share what was in a submission with all validators, so that it cannot be sold twice.

A sheet proves itself against the Merkle root on chain, so whoever reads it trusts nobody. It is encrypted in the store; the
letter seals its key to every validator.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.examine import sketched_by
from sheaf.actions.cases.letters import SheetLetter
from sheaf.domain.canonical import DIGEST_BYTES
from sheaf.domain.errors import SheafError, StoreError
from sheaf.domain.ids import Address, Cid, SubmissionId
from sheaf.verification import sheet as sheets

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.examine import Content
    from sheaf.actions.context import Context
    from sheaf.verification.fingerprints import ExactIndex
    from sheaf.verification.near import Kind, NearIndex

READERS_A_LETTER = 256


class Shared(msgspec.Struct):
    """Journal: where a submission's sheet lies, and to whom this account has sealed it."""

    cid: str
    readers: list[str]


class Taken(msgspec.Struct):
    """Journal: the root of every submission whose sheet is in the index, by number."""

    roots: dict[str, str] = {}


def index_of(ctx: Context) -> ExactIndex:
    """Return this account's index of fingerprints."""
    from sheaf.verification.fingerprints import ExactIndex

    return ExactIndex(ctx.folder / "index")


def near_index_of(ctx: Context, kind: Kind) -> NearIndex:
    """Return this account's index of sketches of one kind."""
    from sheaf.verification.near import NearIndex

    return NearIndex(kind, ctx.folder / "index")


def share(ctx: Context, case: Case, key: bytes, content: Content) -> None:
    """Put the sheet of `content` into the store, encrypted, and seal its key to every validator."""
    from sheaf.store.envelope import encrypt

    path = _journal(ctx, case)
    if journal.recall(path, Shared) is None:
        packed = content.sheet.pack()
        cid = ctx.store.put(encrypt(_sheet_key(key), packed, _bound(ctx, case.submission)))
        journal.keep(path, Shared(cid, []))
    share_again(ctx, case, key)


def share_again(ctx: Context, case: Case, key: bytes) -> int:
    """Seal a shared sheet to the validators who have come since; return how many that were."""
    path = _journal(ctx, case)
    shared = journal.recall(path, Shared)
    fresh = _newcomers(ctx, shared)
    if shared is None or not fresh:
        return 0
    for start in range(0, len(fresh), READERS_A_LETTER):
        readers = {}
        for who in fresh[start : start + READERS_A_LETTER]:
            sealed = letters.seal_to(ctx, _sheet_key(key), who, _bound(ctx, case.submission))
            if sealed is not None:
                readers[letters.account_bytes(who)] = sealed
        letters.post(ctx, letters.topic(ctx, "sheets", case.submission), SheetLetter(shared.cid, readers))
    journal.keep(path, Shared(shared.cid, [*shared.readers, *fresh]))
    return len(fresh)


def is_awaited(ctx: Context, case: Case) -> bool:
    """Tell whether validators have come to whom this account has not sealed the sheet that it shared."""
    return bool(_newcomers(ctx, journal.recall(_journal(ctx, case), Shared)))


def _newcomers(ctx: Context, shared: Shared | None) -> list[Address]:
    known = {ctx.account} if shared is None else {*shared.readers, ctx.account}
    there = ctx.docket.validators.values() if shared is not None else ()
    return [who for who in there if who not in known and who in ctx.docket.reading_keys]


def gather(ctx: Context, before: Case) -> list[SubmissionId]:
    """Take the sheets of all submissions earlier than `before` into the index; return those that may yet come."""
    taken = _taken(ctx)
    index, missing = index_of(ctx), _undrawn(ctx, before)
    for number, case in sorted(ctx.docket.cases.items()):
        if str(number) in taken.roots or not case.rounds or case is before or not case.is_before(before):
            continue
        may_come = _may_come(ctx, case)  # asked first: what is shared between the two questions is then found
        kind = _kind_of(ctx, case)
        sheet = _find(ctx, case, kind.namespace if kind else "")
        if sheet is not None:
            taken.roots[str(number)] = case.root.hex()
            journal.keep(ctx.folder / "taken.json", taken)
            if kind is not None:
                _add_sketches(ctx, kind, sheet, number)
            index.add(sheet.digests, number)  # last: what is here is done
        elif may_come:
            missing.append(number)
    return missing


def held(ctx: Context, case: Case) -> sheets.Sheet | None:
    """Return the sheet of a submission as this account has it: shared with it, or made from content that it can open; else None."""
    from sheaf.actions.cases.examine import open_content
    from sheaf.actions.cases.reading import wanted_of

    kind = _kind_of(ctx, case)
    found = _find(ctx, case, kind.namespace if kind else "")
    if found is not None:
        return found
    try:
        key = letters.find_key(ctx, case.submission, case.key_commitment)
        content = open_content(ctx, case, key, wanted_of(ctx, case.request)) if key else None
    except SheafError:
        return None
    return content.sheet if content is not None and content.root == case.root else None


def _taken(ctx: Context) -> Taken:
    """Return what is in the index; after a rollback that gave a number to another submission the index begins anew."""
    taken = journal.recall(ctx.folder / "taken.json", Taken) or Taken()
    cases = ctx.docket.cases
    there = {int(number) for number in index_of(ctx).submissions()}
    known = {int(number): root for number, root in taken.roots.items()}
    if any(
        number not in cases or cases[SubmissionId(number)].root.hex() != root
        for number, root in known.items()
    ):
        shutil.rmtree(ctx.folder / "index", ignore_errors=True)
        return Taken()
    # A crash may have come between the note and the index: what is not in the index is taken again.
    return Taken({str(number): root for number, root in known.items() if number in there})


def _may_come(ctx: Context, case: Case) -> bool:
    """Tell whether members may still be at it: they share the sheet before they commit, so after that none will come."""
    first = case.rounds[0]
    if case.finalised_block:  # nothing in it counts that is open for good, as where its key was missed
        return False
    return not first.is_complete and ctx.docket.refresh().timestamp < first.commit_until


def _undrawn(ctx: Context, before: Case) -> list[SubmissionId]:
    """Return the submissions that would be earlier than `before` were they drawn now: while there are any, nobody knows what is earlier."""
    if not before.rounds or ctx.docket.refresh().timestamp > before.rounds[0].patience_until:
        return []
    cases = ctx.docket.cases
    return [n for n in sorted(cases) if n < before.submission and not (cases[n].rounds or cases[n].is_over)]


def _kind_of(ctx: Context, case: Case) -> Kind | None:
    """Return the kind of sketch that a case's sheet must carry; None for none, and where its specification is not to be had."""
    from sheaf.actions.cases.reading import wanted_of

    try:
        return sketched_by(wanted_of(ctx, case.request))
    except StoreError:
        return None


def _add_sketches(ctx: Context, kind: Kind, sheet: sheets.Sheet, number: SubmissionId) -> None:
    """Put the sketches of a sheet into their index; what the contributor bound itself to, and is no sketch, is left out."""
    from sheaf.verification import near

    assert sheet.sketches is not None
    rows = np.frombuffer(sheet.sketches.rows, np.uint8).reshape(len(sheet.digests) // DIGEST_BYTES, -1)
    try:
        near_index_of(ctx, kind).add(near.unpacked(rows, kind.bands), number)
    except SheafError as error:
        letters.ignore(ctx, f"sketches that cannot be taken ({type(error).__name__})", rows.tobytes()[:32])


def _find(ctx: Context, case: Case, name: str) -> sheets.Sheet | None:
    from sheaf.store.envelope import decrypt

    own, bound = letters.account_bytes(ctx.account), _bound(ctx, case.submission)
    for letter in letters.read(ctx, letters.topic(ctx, "sheets", case.submission), SheetLetter):
        if own not in letter.readers:
            continue
        try:
            key = ctx.reading_key.open(letter.readers[own], bound)
            data = b""
            for piece in decrypt(key, ctx.store.stream(Cid(letter.cid)), bound):
                data += piece
                if len(data) > sheets.most_bytes(case.records):
                    break
            return sheets.read(data, case.records, case.root, case.request, case.contributor, name)
        except (SheafError, ValueError) as error:
            letters.ignore(ctx, f"sheet that cannot be taken ({type(error).__name__})", letter.readers[own])
    return None


def _journal(ctx: Context, case: Case) -> Path:
    return ctx.folder / "sheets" / journal.case_file(case)


def _sheet_key(key: bytes) -> bytes:
    """Return the key of a sheet: it follows from the content key, but does not lead back to it."""
    return hashlib.sha256(b"sheaf sheet key" + key).digest()


def _bound(ctx: Context, submission: SubmissionId) -> bytes:
    return f"sheaf sheet {ctx.market} {submission}".encode()
