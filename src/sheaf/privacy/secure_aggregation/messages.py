"""What client and server write to each other in the five phases of a round, and how strangers' bytes are read."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sheaf.domain.errors import IntegrityError

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message; on the wire an array in MessagePack."""


class Advertisement(Message, frozen=True):
    """Phase 1: a client's two X25519 keys of this round, the hash of its own mask's seed, its holders; signed by its identity."""

    index: int
    channel_key: bytes
    mask_key: bytes
    seed_hash: bytes
    holders: tuple[int, ...]
    signature: bytes


class Introduction(Message, frozen=True):
    """To each client: the advertisements of its holders and of those whose holder it is."""

    advertisements: tuple[Advertisement, ...]


class Sealed(Message, frozen=True):
    """Something that only `index` can open or check, or that only `index` can have written."""

    index: int
    data: bytes


class Shares(Message, frozen=True):
    """Phase 2: to each holder who is there, the two shares it holds, sealed."""

    sealed: tuple[Sealed, ...]


class Delivery(Message, frozen=True):
    """To each client: the shares it holds, and which of its neighbours have given theirs."""

    sealed: tuple[Sealed, ...]
    sharers: tuple[int, ...]


class Masked(Message, frozen=True):
    """Phase 3: the masked update, and for each holder a tag that says: I have masked with you, under these keys."""

    words: bytes
    tags: tuple[Sealed, ...]


class Survivors(Message, frozen=True):
    """To each client: whose updates are in the sum (one bit each, the first in the highest bit), and the tags meant for it."""

    bitmap: bytes
    tags: tuple[Sealed, ...]


class Endorsement(Message, frozen=True):
    """Phase 4: a signature over the survivor set, and for each client whose holder one is a tag that says the same."""

    signature: bytes
    digest: bytes
    tags: tuple[Sealed, ...]


class Endorsed(Message, frozen=True):
    """The tag of the holder `index` over the survivor set of that digest."""

    index: int
    digest: bytes
    tag: bytes


class Endorsements(Message, frozen=True):
    """To each client: what its holders say about the survivor set."""

    endorsed: tuple[Endorsed, ...]


class Reveal(Message, frozen=True):
    """Phase 5: of each client whose holder one is, one share: of its own mask's seed if it survived, else of its mask key."""

    shares: tuple[Sealed, ...]


def pack(message: Message) -> bytes:
    """Return `message` as bytes."""
    return msgspec.msgpack.encode(message)


def unpack(data: bytes, kind: type[T]) -> T:
    """Return the message of `kind` in `data`. Raises IntegrityError where it is something else."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise IntegrityError(f"{kind.__name__.lower()}: {type(data).__name__}: give bytes")
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise IntegrityError(
            f"{kind.__name__.lower()}: cannot be read ({error}): send it as the protocol says"
        ) from None
