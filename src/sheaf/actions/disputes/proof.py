"""Prove copies: find approved records of a submission that are the same as earlier ones, and show it to the contract. No jury, no bond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheaf.actions.cases import sheets
from sheaf.actions.status import decided
from sheaf.domain.canonical import DIGEST_BYTES
from sheaf.domain.errors import Missing, Refused
from sheaf.domain.ids import RequestId, SubmissionId
from sheaf.domain.merkle import SALT_BYTES, MerkleTree, leaves
from sheaf.review import proofs, reviews
from sheaf.review.proofs import Opened, Place, ProofsTwin

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.verification.sheet import Sheet

LIMIT = 256
"""Copies proven by one call, at most."""


@dataclass(frozen=True)
class Copy:
    """Record `record` of a submission is the same as `earlier_record` of `earlier_submission`.

    `is_forfeit`: one account gave both, and nobody mixes gold into what it submits, so that its bond is lost.
    """

    record: int
    earlier_submission: int
    earlier_record: int
    is_forfeit: bool


@dataclass(frozen=True)
class Proven:
    """Copies that were found in a submission; `is_sent` tells whether they were proven on chain too."""

    submission: SubmissionId
    copies: tuple[Copy, ...]
    is_sent: bool


@dataclass
class _Known:
    """What this account has of all submissions: sheets by number, and the rules with all that is known filled in."""

    sheets: dict[int, Sheet]
    twin: ProofsTwin


def prove(ctx: Context, submission: SubmissionId | int, *, is_dry: bool = False) -> Proven:
    """Find the copies among a decided submission's approved records, and prove each on chain unless `is_dry`; at most 256.

    It compares what this account holds: sheets that committees shared with it, and content that it has the key of. Raises InputError
    where there is no verdict, Missing where the submission's own sheet is not held or its specification cannot be shown, Refused where
    the challenge window is over or no copy is found.
    """
    case = ctx.docket.case(submission)
    decided(case)
    sheet = sheets.held(ctx, case)
    if sheet is None:
        raise Missing(
            f"submission {case.submission}: its sheet is not shared with {ctx.account}: ask a member of the committee"
        )
    scope, place, text = _forbidden(ctx, case.request)
    known = _known(ctx, case, sheet, scope)
    if not proofs.without_gold(text):
        known.twin.golden.add(case.request)
    found = _copies(known, case)
    if not found:
        raise Refused(
            f"submission {case.submission}: no copy is found that can be proven among what {ctx.account} holds"
        )
    if not is_dry:
        if proofs.scope(ctx.chain, case.request) == proofs.NOTHING:
            proofs.read(ctx.chain, ctx.sender, case.request, text, place)
        for copy in found:
            proofs.prove(ctx.chain, ctx.sender, _shown(ctx, known, case.submission, copy))
    return Proven(case.submission, tuple(found), not is_dry)


def collect_bounty(ctx: Context, submission: SubmissionId | int) -> int:
    """Take this account's part of a forfeited bond, in the request's token; return it. Raises Reverted where nothing is owed (yet)."""
    receipt = proofs.collect(ctx.chain, ctx.sender, ctx.docket.case(submission).submission)
    return int(receipt.event("BountyPaid").args["amount"])


def _forbidden(ctx: Context, request: RequestId) -> tuple[int, int, bytes]:
    """Return what a specification says of duplicates, where, and its bytes. Raises Missing, Refused where it forbids none."""
    from sheaf.actions.request import show_request

    text = b""
    for piece in ctx.store.stream(show_request(ctx, request).spec):
        text += piece
        if len(text) > proofs.LENGTH:
            raise Refused(
                f"request {request}: its specification is too long to be shown on chain: challenge instead"
            )
    scope, place = proofs.forbids(text)
    if scope == proofs.NOTHING:
        raise Refused(
            f"request {request}: its specification has no check of duplicates that the contract can read"
        )
    return scope, place, text


def _known(ctx: Context, case: Case, sheet: Sheet, scope: int) -> _Known:
    twin = ProofsTwin(now=ctx.chain.block().timestamp, scopes={case.request: scope})
    known = _Known({case.submission: sheet}, twin)
    own = set(_digests(sheet))
    for number, other in sorted(ctx.docket.cases.items()):
        if number != case.submission and other.tallies:
            found = sheets.held(ctx, other)
            if found is not None and own & set(_digests(found)):
                known.sheets[number] = found
    for known_number, held in known.sheets.items():
        _fill(ctx, twin, ctx.docket.cases[SubmissionId(known_number)], held)
    return known


def _fill(ctx: Context, twin: ProofsTwin, case: Case, sheet: Sheet) -> None:
    state = reviews.review(ctx.chain, case.submission)
    twin.offers[case.submission] = proofs.Offer(case.request, case.contributor, _digests(sheet), case.block)
    if state.phase < reviews.DECIDED:
        return
    rejected, hung = decided(case)
    ruled = set()
    for word in range((case.records + 255) // 256):
        mask = int(ctx.chain.call("Disputes", "ruled_words", case.submission, word)[1])
        ruled |= {256 * word + i for i in range(256) if mask >> i & 1}
    twin.verdicts[case.submission] = proofs.Verdict(
        set(np.flatnonzero(rejected | hung).tolist()),
        ruled,
        int(ctx.chain.call("Reviews", "counted_block", case.submission)),
        state.settle_after,
        state.phase == reviews.CLOSED,
    )


def _copies(known: _Known, case: Case) -> list[Copy]:
    """Return one provable pair for every record that has any: of its own account before another's, which costs more."""
    holders: dict[bytes, list[Place]] = {}
    for number in known.sheets:
        for record, digest in enumerate(known.twin.offers[number].digests):
            holders.setdefault(digest, []).append(Place(number, record))
    mine = known.twin.offers[case.submission]
    found: list[Copy] = []
    last: Refused | None = None
    for record, digest in enumerate(mine.digests):
        places = [place for place in holders[digest] if place != (case.submission, record)]
        places.sort(key=lambda one: (known.twin.offers[one.submission].contributor != mine.contributor, one))
        for place in places[:LIMIT]:
            try:
                is_forfeit = known.twin.prove(Place(case.submission, record), place, "")
            except Refused as refusal:
                last = refusal
                continue
            found.append(Copy(record, place.submission, place.record, is_forfeit))
            break
        if len(found) == LIMIT:
            break
    if not found and last is not None:
        raise last
    return found


def _shown(ctx: Context, known: _Known, submission: SubmissionId, copy: Copy) -> proofs.Shown:
    case, other = ctx.docket.case(submission), ctx.docket.case(copy.earlier_submission)
    return proofs.Shown(
        known.twin.offers[submission].digests[copy.record],
        _opened(known, case, copy.record),
        _opened(known, other, copy.earlier_record),
        case.sealed(),
        other.sealed(),
        _verdict(case),
        _verdict(other),
    )


def _opened(known: _Known, case: Case, record: int) -> Opened:
    sheet = known.sheets[case.submission]
    salts = sheet.leaf_salts
    tree = MerkleTree(leaves(case.request, case.contributor, salts, sheet.digests))
    salt = salts[SALT_BYTES * record : SALT_BYTES * (record + 1)]
    return Opened(Place(case.submission, record), salt, tuple(tree.proof(record)))


def _verdict(case: Case) -> tuple[bytes, bytes]:
    from sheaf.verification.bitmap import pack

    rejected, hung = decided(case)
    return pack(rejected), pack(hung)


def _digests(sheet: Sheet) -> tuple[bytes, ...]:
    return tuple(sheet.digests[i : i + DIGEST_BYTES] for i in range(0, len(sheet.digests), DIGEST_BYTES))
