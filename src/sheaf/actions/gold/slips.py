"""Slips: the letters about gold, who signs which, and what makes one count.

The stock's key is sealed to the keeper; a contributor signs what it asks for; the keeper signs what it answers, and vouches for a batch
by the signature that `Scores` will ask for when its gold is opened.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.cases import letters
from sheaf.domain.errors import SheafError
from sheaf.domain.ids import Address
from sheaf.review import scores

if TYPE_CHECKING:
    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.domain.request import GoldTerms


class StockLetter(msgspec.Struct, frozen=True, array_like=True):
    """The key of a stock of gold, sealed to its keeper."""

    sealed: bytes


class AskingLetter(msgspec.Struct, frozen=True, array_like=True):
    """A contributor (20 bytes) asks to have `records` records mixed: they lie under `cid`, their key is sealed to the keeper."""

    contributor: bytes
    cid: str
    records: int
    sealed: bytes
    nonce: bytes
    signature: bytes = b""


class MixedLetter(msgspec.Struct, frozen=True, array_like=True):
    """The keeper's answer to the letter with the hash `asked`: what to submit until `valid_until`, or `why` not.

    `vouch` is the keeper's word for the members (`VouchLetter`), `signature` the one over all of this letter.
    """

    asked: bytes
    why: str = ""
    cid: str = ""
    root: bytes = b""
    key_commitment: bytes = b""
    commitment: bytes = b""
    records: int = 0
    valid_until: int = 0
    vouch: bytes = b""
    signature: bytes = b""


class VouchLetter(msgspec.Struct, frozen=True, array_like=True):
    """The keeper's word for a submission: its signature over request, contributor, root and commitment to gold."""

    signature: bytes


def digest_of(letter: AskingLetter | MixedLetter | VouchLetter) -> bytes:
    """Return the hash of a letter without its signature, 32 bytes."""
    bare = msgspec.structs.replace(letter, signature=b"")
    return hashlib.sha256(type(letter).__name__.encode() + msgspec.msgpack.encode(bare)).digest()


def wanted_of(letter: AskingLetter) -> bytes:
    """Return the hash of what a letter asks for, 32 bytes: the same however the key was sealed, which `cid` settles already."""
    return digest_of(msgspec.structs.replace(letter, sealed=b""))


def sign(ctx: Context, request: int, letter: AskingLetter | MixedLetter) -> AskingLetter | MixedLetter:
    """Return `letter` with this account's signature, bound to market and request."""
    signature = ctx.sender.sign_message(_message(ctx, request, letter))
    return msgspec.structs.replace(letter, signature=signature)


def is_signed_by(
    ctx: Context, request: int, letter: AskingLetter | MixedLetter, account: Address | str
) -> bool:
    """Tell whether `account` signed this letter for this request."""
    from sheaf.chain.signer import recover_message

    try:
        return recover_message(_message(ctx, request, letter), letter.signature) == account
    except (SheafError, ValueError):
        return False


def vouch_topic(ctx: Context, case: Case) -> str:
    """Return where the keeper's word for a submission lies."""
    return letters.topic(ctx, "vouched", case.submission)


def is_vouched(ctx: Context, case: Case, terms: GoldTerms) -> bool:
    """Tell whether the keeper's word for a submission has come: then its gold, if it has any, is the keeper's."""
    for letter in letters.read(ctx, vouch_topic(ctx, case), VouchLetter):
        signer = scores.voucher(
            ctx.chain, case.request, case.contributor, (case.root, case.gold), letter.signature
        )
        if signer.lower() == terms.keeper.lower():
            return True
        letters.ignore(ctx, "word for gold that is not its keeper's", letter.signature)
    return False


def asking_topic(ctx: Context, request: int) -> str:
    """Return where contributors ask for mixing."""
    return f"{ctx.market}/mixing/{int(request)}"


def answer_topic(ctx: Context, request: int, contributor: str) -> str:
    """Return where the keeper answers a contributor."""
    return f"{ctx.market}/mixed/{int(request)}/{contributor.lower()}"


def asking_context(ctx: Context, request: int, contributor: str) -> bytes:
    """Return what the key and the content of what is to be mixed are bound to."""
    return f"sheaf mixing {ctx.market} {int(request)} {contributor.lower()}".encode()


def stock_topic(ctx: Context, cid: str) -> str:
    """Return where the key of a stock lies."""
    return f"{ctx.market}/gold/{cid}"


def stock_context(ctx: Context, keeper: str) -> bytes:
    """Return what a stock and its key are bound to."""
    return f"sheaf gold {ctx.market} {keeper.lower()}".encode()


def _message(ctx: Context, request: int, letter: AskingLetter | MixedLetter) -> bytes:
    return f"sheaf gold {ctx.market} {int(request)} ".encode() + digest_of(letter)
