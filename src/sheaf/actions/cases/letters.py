"""Letters of the mailbox: what they look like, where they lie, and which are ignored.

Anyone may post anything, so a letter counts only if it proves itself against the chain: a key by its commitment, a signed
commitment by its signature, an opening by the commitment it opens. The rest is ignored, with a reason kept for the node's health.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sheaf.domain.errors import InputError, SheafError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address, SubmissionId

MAX_LETTERS = 4096
"""How many letters of a topic are looked at: a flood costs its sender a file each and its readers a bounded time."""
MAX_BYTES = 65536

T = TypeVar("T", bound=msgspec.Struct)


class KeyLetter(msgspec.Struct, frozen=True, array_like=True):
    """A content key, sealed to the reading key of `reader` (20 bytes)."""

    reader: bytes
    sealed: bytes


class CommitmentLetter(msgspec.Struct, frozen=True, array_like=True):
    """A seat's commitment to its bitmap with the member's signature (EIP-712), to be posted with all others at once."""

    seat: int
    commitment: bytes
    signature: bytes


class OpeningLetter(msgspec.Struct, frozen=True, array_like=True):
    """What a seat committed to."""

    seat: int
    salt: bytes
    bitmap: bytes


class SheetLetter(msgspec.Struct, frozen=True, array_like=True):
    """Where a sheet lies (`cid`, encrypted), and the key to it, sealed to each of `readers` (20 bytes each)."""

    cid: str
    readers: dict[bytes, bytes]


class ReasonsLetter(msgspec.Struct, frozen=True, array_like=True):
    """Where the reasons of a seat's vote lie, encrypted with the content key."""

    seat: int
    cid: str


def topic(ctx: Context, kind: str, submission: SubmissionId | int, round_number: int | None = None) -> str:
    """Return the topic of letters of `kind` about a submission (and a round of its review)."""
    tail = "" if round_number is None else f"/{round_number}"
    return f"{ctx.market}/{kind}/{submission}{tail}"


def post(ctx: Context, where: str, letter: msgspec.Struct) -> None:
    """Add `letter` to the topic `where`."""
    ctx.mailbox.post(where, msgspec.msgpack.encode(letter))


def read(ctx: Context, where: str, kind: type[T]) -> Iterator[T]:
    """Yield the letters of topic `where` that have the shape of `kind`; what has not is ignored."""
    letters = ctx.mailbox.read(where)
    if len(letters) > MAX_LETTERS:
        ignore(ctx, "too many letters", where.encode())
    for data in letters[:MAX_LETTERS]:
        if len(data) > MAX_BYTES:
            ignore(ctx, "oversized letter", data)
            continue
        try:
            yield msgspec.msgpack.decode(data, type=kind)
        except (msgspec.DecodeError, ValueError, RecursionError):
            ignore(ctx, f"malformed {kind.__name__}", data)


def ignore(ctx: Context, reason: str, data: bytes) -> None:
    """Remember that a letter was ignored and why; the same letter counts once."""
    seen = ctx.ignored.setdefault(reason, set())
    if len(seen) < MAX_LETTERS:
        seen.add(hashlib.sha256(data).digest())


def seal_key(ctx: Context, submission: SubmissionId, key: bytes, reader: Address) -> bool:
    """Post the content key sealed to `reader`; False if `reader` has published no reading key that can be sealed to."""
    sealed = seal_to(ctx, key, reader, _context(ctx, submission))
    if sealed is not None:
        post(ctx, topic(ctx, "keys", submission), KeyLetter(account_bytes(reader), sealed))
    return sealed is not None


def seal_to(ctx: Context, key: bytes, reader: Address, context: bytes) -> bytes | None:
    """Return `key` sealed to `reader`, or None if `reader` has published no reading key, or bytes that are none."""
    from sheaf.store.envelope import seal

    public = ctx.docket.reading_key(reader)
    if public is None:
        return None
    try:
        return seal(key, public, context)
    except InputError:
        ignore(ctx, "reading key that is no X25519 key", public)
        return None


def find_key(ctx: Context, submission: SubmissionId, commitment: bytes) -> bytes | None:
    """Return the content key that was sealed to this account and matches the commitment on chain, or None if none has come."""
    from sheaf.store.envelope import is_committed

    own, reader, context = account_bytes(ctx.account), ctx.reading_key, _context(ctx, submission)
    for letter in read(ctx, topic(ctx, "keys", submission), KeyLetter):
        if letter.reader != own:
            continue
        try:
            key = reader.open(letter.sealed, context)
        except SheafError:
            ignore(ctx, "key letter that cannot be opened", letter.sealed)
            continue
        if len(key) == 32 and is_committed(key, commitment):
            return key
        ignore(ctx, "key that does not match its commitment", letter.sealed)
    return None


def account_bytes(account: Address) -> bytes:
    """Return the 20 bytes of an address."""
    return bytes.fromhex(account[2:])


def _context(ctx: Context, submission: SubmissionId) -> bytes:
    return f"sheaf key {ctx.market} {submission}".encode()
