"""A submission's sheet: salts and digests of its records, by which anyone can tell what was in it from its root alone.

Where a request asks for no near copies of what others gave, it carries a sketch of every record too. Then a record's salt is
the hash of a *blind* (what else would be the salt) and of the sketch: so the leaves, and the root on chain, bind the sketches as they
bind the digests, and no contract knows of it.

Whoever holds the content key can write the sheet; whoever reads it need trust nobody, since its leaves must hash to the Merkle root
on chain. It holds no record, but lets a guessed record be confirmed, so it is sealed to reviewers and not published.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from sheaf.domain.canonical import DIGEST_BYTES, digest_rows
from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Address, RequestId
from sheaf.domain.merkle import SALT_BYTES, leaves, merkle_root

MAGIC = b"sheafsk1"
"""What a sheet with sketches begins with: the version of its form."""
MAX_SKETCH_BYTES = 1024
MAX_NAME_BYTES = 64
_HEAD = struct.Struct(f"<8s{MAX_NAME_BYTES}sI")


@dataclass(frozen=True)
class Sketches:
    """Sketches of records as they travel: `name` says of which kind, `rows` has so many bytes for each, in order."""

    name: str
    rows: bytes


@dataclass(frozen=True)
class Sheet:
    """`salts` holds 16 bytes and `digests` 32 bytes for each record, in order; with `sketches` the salts are blinds."""

    salts: bytes
    digests: bytes
    sketches: Sketches | None = None

    @property
    def leaf_salts(self) -> bytes:
        """The salts of the leaves, 16 bytes for each record."""
        return bound_salts(self.salts, self.sketches) if self.sketches else self.salts

    def root(self, request: RequestId, contributor: Address) -> bytes:
        """Return the Merkle root that these records have for this request and contributor."""
        return merkle_root(leaves(request, contributor, self.leaf_salts, self.digests))

    def pack(self) -> bytes:
        """Return the sheet as bytes: all salts, then all digests; with sketches a head before and the sketches behind."""
        if self.sketches is None:
            return self.salts + self.digests
        size = len(self.sketches.rows) * SALT_BYTES // max(len(self.salts), 1)
        head = _HEAD.pack(MAGIC, self.sketches.name.encode("ascii"), size)
        return head + self.salts + self.digests + self.sketches.rows


def bound_salts(blinds: bytes, sketches: Sketches) -> bytes:
    """Return the salts of records, 16 bytes each: the first bytes of SHA-256 of kind, blind and sketch."""
    blind = np.frombuffer(blinds, np.uint8).reshape(-1, SALT_BYTES)
    rows = np.frombuffer(sketches.rows, np.uint8).reshape(len(blind), -1)
    name = MAGIC + sketches.name.encode("ascii").ljust(MAX_NAME_BYTES, b"\0")
    kind = np.broadcast_to(np.frombuffer(name, np.uint8), (len(blind), len(name)))
    digests = np.frombuffer(digest_rows(np.hstack([kind, blind, rows])), np.uint8).reshape(-1, DIGEST_BYTES)
    return digests[:, :SALT_BYTES].tobytes()


def read(
    data: bytes, count: int, root: bytes, request: RequestId, contributor: Address, name: str = ""
) -> Sheet:
    """Return the sheet in `data`, with sketches of the kind `name` if one is given.

    Raises IntegrityError unless it is that of the `count` records under `root`, and where sketches are missing or of another kind.
    """
    sheet = _parsed(data, count)
    if name and (sheet.sketches is None or sheet.sketches.name != name):
        raise IntegrityError(f"sheet: it has no sketches of the kind {name}: ask another member for it")
    if sheet.root(request, contributor) != root:
        raise IntegrityError("sheet: its records do not hash to the root on chain: ask another member for it")
    return sheet


def most_bytes(count: int) -> int:
    """Return the bytes that a sheet of `count` records can have at most."""
    return _HEAD.size + count * (SALT_BYTES + DIGEST_BYTES + MAX_SKETCH_BYTES)


def _parsed(data: bytes, count: int) -> Sheet:
    plain = count * (SALT_BYTES + DIGEST_BYTES)
    if count and len(data) == plain:
        return Sheet(data[: count * SALT_BYTES], data[count * SALT_BYTES :])
    magic, name, size = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", b"", 0)
    is_fit = 0 < size <= MAX_SKETCH_BYTES and len(data) == _HEAD.size + plain + count * size
    if not count or magic != MAGIC or not is_fit or not name.rstrip(b"\0").isascii():
        raise IntegrityError(
            f"sheet: {len(data)} bytes: {count} records take {plain} bytes, or a head and sketches beside them"
        )
    body = data[_HEAD.size :]
    salts, digests, rows = body[: count * SALT_BYTES], body[count * SALT_BYTES : plain], body[plain:]
    return Sheet(salts, digests, Sketches(name.rstrip(b"\0").decode("ascii"), rows))
