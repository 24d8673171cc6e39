"""Sealed documents: ciphertext in the store, its key sealed to each reader, a letter in the mailbox that says where.

Anyone may post anything: who reads holds each document against the chain, and takes the first that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.cases import letters
from sheaf.domain.errors import InputError, SheafError

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address

SEALING_BYTES = 1 << 16
"""How much longer than a document its ciphertext may be."""


class SealedLetter(msgspec.Struct, frozen=True, array_like=True):
    """Where a document lies (`cid`, encrypted), and the key to it, sealed to `reader` (20 bytes)."""

    reader: bytes
    cid: str
    sealed: bytes


def require_reader(ctx: Context, reader: Address, field: str) -> None:
    """Raise InputError unless documents can be sealed to `reader`."""
    from sheaf.store.envelope import new_key

    if letters.seal_to(ctx, new_key(), reader, b"trial") is None:
        raise InputError(field, reader, "it has published no reading key: `sheaf account register`")


def send(ctx: Context, kind: str, name: str, document: bytes, readers: Sequence[Address]) -> int:
    """Seal `document` to `readers` under topic `kind`/`name`; return to how many it went: not to who has no usable reading key."""
    from sheaf.domain.ids import Cid
    from sheaf.store.envelope import encrypt, new_key

    key, bound = new_key(), _bound(ctx, kind, name)
    cid: Cid | None = None
    sent = 0
    for reader in dict.fromkeys(readers):
        sealed = letters.seal_to(ctx, key, reader, bound)
        if sealed is None:
            continue
        cid = cid or ctx.store.put(encrypt(key, document, bound))
        letters.post(ctx, _topic(ctx, kind, name), SealedLetter(letters.account_bytes(reader), cid, sealed))
        sent += 1
    return sent


def received(ctx: Context, kind: str, name: str, most_bytes: int) -> Iterator[bytes]:
    """Yield the documents of a topic that are sealed to this account, the oldest first; what cannot be opened is ignored."""
    from sheaf.domain.ids import Cid
    from sheaf.store.envelope import decrypt

    bound, own = _bound(ctx, kind, name), letters.account_bytes(ctx.account)
    for letter in letters.read(ctx, _topic(ctx, kind, name), SealedLetter):
        if letter.reader != own:
            continue
        try:
            key = ctx.reading_key.open(letter.sealed, bound)
            cid = Cid(letter.cid)
            if ctx.store.size(cid) > most_bytes + SEALING_BYTES:
                letters.ignore(ctx, "document too large", letter.cid.encode())
                continue
            document = b"".join(decrypt(key, ctx.store.get(cid), bound))
        except SheafError:
            letters.ignore(ctx, "document that cannot be opened", letter.sealed)
            continue
        yield document


def _topic(ctx: Context, kind: str, name: str) -> str:
    return f"{ctx.market}/{kind}/{name}"


def _bound(ctx: Context, kind: str, name: str) -> bytes:
    return f"sheaf {kind} {ctx.market} {name}".encode()
