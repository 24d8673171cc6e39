"""Asking: a contributor lets the keeper of a request's gold mix it into its records, and holds the answer against what it asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sheaf.actions.account import require_address
from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.draft import content_key
from sheaf.actions.cases.examine import content_of, packed
from sheaf.actions.gold import slips
from sheaf.actions.gold.stock import gold_count
from sheaf.domain.errors import InputError, Missing
from sheaf.domain.ids import Address, RequestId, SubmissionId
from sheaf.governance import parameters
from sheaf.market import requests
from sheaf.review import scores

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from sheaf.actions.cases.draft import Draft
    from sheaf.actions.context import Context
    from sheaf.actions.gold.slips import AskingLetter, MixedLetter
    from sheaf.domain.request import Request, Specification

MARGIN_SECONDS = 60
"""A mix is not submitted so shortly before its gold may serve another."""


def require_keeper(ctx: Context, found: Request, wanted: Specification, custodian: Address) -> None:
    """Raise InputError unless `custodian` is the keeper of the request's gold, and not the buyer: it will hold the records."""
    assert wanted.gold is not None
    keeper = require_address("keeper", wanted.gold.keeper)
    if keeper == found.buyer:
        raise InputError("keeper", keeper, "the buyer would hold your records unpaid: choose another request")
    if custodian != keeper:
        fix = f"this request's gold is mixed in by its keeper, who must hold your records: name {keeper}"
        raise InputError("custodian", custodian, fix)
    if scores.keeper(ctx.chain, found.id) != keeper:
        raise InputError("keeper", keeper, "the buyer has not named it on chain yet: try again later")


def gold_in(ctx: Context, wanted: Specification, own: int) -> int:
    """Return how many records of gold a batch of `own` records is reviewed with, at most."""
    if wanted.gold is None:
        return 0
    room = parameters.get(ctx.chain, "record_max") - own
    return gold_count(own, wanted.gold.share_bps, room)


def ask(ctx: Context, draft: Draft, table: pa.Table, path: Path) -> None:
    """Encrypt records for the keeper, and ask for them to be mixed."""
    from sheaf.store.envelope import encrypt

    bound = slips.asking_context(ctx, draft.request, ctx.account)
    key, data = content_key(ctx, draft), packed(table)
    draft.own = content_of(table, bytes(32), RequestId(draft.request), ctx.account).digests
    # The salt follows from the data: the same again is the same, other data has another.
    draft.own_cid = ctx.store.put(encrypt(key, data, bound, hashlib.sha256(key + data).digest()))
    draft.asked = 1
    journal.keep(path, draft)


def take(ctx: Context, draft: Draft, path: Path) -> None:
    """Take the keeper's answer into a draft. Raises Missing while there is none, InputError where the keeper refuses.

    An answer that has run out, or a refusal, is asked for again by the next call.
    """
    letter = _asking(ctx, draft)
    where = slips.asking_topic(ctx, draft.request)
    if slips.digest_of(letter) not in {slips.digest_of(one) for one in _asked(ctx, where)}:
        letters.post(ctx, where, letter)
    answer = _answer(ctx, draft, letter)
    if answer is None:
        raise Missing(
            f"gold of request {draft.request}: its keeper has not mixed yet: run this again shortly"
        )
    now = ctx.chain.block().timestamp
    if answer.why or answer.valid_until < now + MARGIN_SECONDS:
        draft.asked += 1
        journal.keep(path, draft)
        if answer.why:
            raise InputError("records", draft.records, f"their keeper does not mix them: {answer.why}")
        raise Missing(f"gold of request {draft.request}: its keeper's answer has run out: run this again")
    draft.cid, draft.root, draft.gold, draft.records = (
        answer.cid,
        answer.root,
        answer.commitment,
        answer.records,
    )
    draft.key_commitment, draft.valid_until, draft.vouch = (
        answer.key_commitment,
        answer.valid_until,
        answer.vouch,
    )
    found = requests.request(ctx.chain, RequestId(draft.request))
    draft.bond, _ = requests.reservation(ctx.chain, found, draft.records)
    journal.keep(path, draft)


def forget(ctx: Context, draft: Draft, path: Path) -> None:
    """Drop an answer that has run out before it was submitted, so that the keeper is asked again."""
    draft.cid, draft.root, draft.vouch = "", b"", b""
    draft.records = len(draft.own) // 32
    draft.asked += 1
    journal.keep(path, draft)


def has_run_out(ctx: Context, draft: Draft) -> bool:
    """Tell whether a mix may no longer be submitted."""
    return bool(draft.vouch) and draft.valid_until < ctx.chain.block().timestamp + MARGIN_SECONDS


def hand_on(ctx: Context, draft: Draft, submission: SubmissionId) -> None:
    """Let the committee know that the keeper vouches for a submission."""
    case = ctx.docket.case(submission)
    letters.post(ctx, slips.vouch_topic(ctx, case), slips.VouchLetter(draft.vouch))


def _asking(ctx: Context, draft: Draft) -> AskingLetter:
    """Return the letter of a draft, the same whenever asked but for the sealing: so it is found by what it says, not by its bytes."""
    nonce = hashlib.sha256(b"sheaf asking" + draft.nonce + draft.asked.to_bytes(4, "big")).digest()
    known = next(
        (one for one in _asked(ctx, slips.asking_topic(ctx, draft.request)) if one.nonce == nonce), None
    )
    if known is not None and slips.is_signed_by(ctx, draft.request, known, ctx.account):
        return known
    bound = slips.asking_context(ctx, draft.request, ctx.account)
    sealed = letters.seal_to(ctx, content_key(ctx, draft), Address(draft.custodian), bound)
    if sealed is None:
        raise InputError("custodian", draft.custodian, "it has no usable reading key: let it publish one")
    account = letters.account_bytes(ctx.account)
    records = len(draft.own) // 32
    bare = slips.AskingLetter(account, draft.own_cid, records, sealed, nonce)
    signed = slips.sign(ctx, draft.request, bare)
    assert isinstance(signed, slips.AskingLetter)
    return signed


def _asked(ctx: Context, where: str) -> list[AskingLetter]:
    own = letters.account_bytes(ctx.account)
    return [one for one in letters.read(ctx, where, slips.AskingLetter) if one.contributor == own]


def _answer(ctx: Context, draft: Draft, letter: AskingLetter) -> MixedLetter | None:
    """Return what the keeper signed in answer to `letter`, if it can be what it should be."""
    asked, own = slips.digest_of(letter), len(draft.own) // 32
    where = slips.answer_topic(ctx, draft.request, ctx.account)
    for answer in letters.read(ctx, where, slips.MixedLetter):
        if answer.asked != asked:
            continue
        if not slips.is_signed_by(ctx, draft.request, answer, draft.custodian):
            letters.ignore(ctx, "answer about gold that is not its keeper's", answer.signature)
        elif answer.why or _is_sound(ctx, draft, answer, own):
            return answer
        else:
            letters.ignore(ctx, "answer about gold that cannot be submitted", answer.signature)
    return None


def _is_sound(ctx: Context, draft: Draft, answer: MixedLetter, own: int) -> bool:
    """Tell whether an answer is whole, adds no more than gold may, and bears the signature that `Scores` and the committee ask for."""
    from sheaf.actions.cases.reading import wanted_of

    wanted = wanted_of(ctx, RequestId(draft.request))
    if wanted is None or not own <= answer.records <= own + gold_in(ctx, wanted, own):
        return False
    if {len(answer.root), len(answer.key_commitment), len(answer.commitment)} != {32}:
        return False
    bound = (answer.root, answer.commitment)
    return scores.voucher(ctx.chain, draft.request, ctx.account, bound, answer.vouch) == draft.custodian
