"""A submission's sheet: the salts and digests of its records, by which anyone can tell what was in it from its root alone.

Whoever holds the content key can write the sheet; whoever reads it need trust nobody, since its leaves must hash to the Merkle root
on chain. It holds no record, but lets a guessed record be confirmed, so it is sealed to reviewers and not published.
"""

from __future__ import annotations

from dataclasses import dataclass

from sheaf.domain.canonical import DIGEST_BYTES
from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Address, RequestId
from sheaf.domain.merkle import SALT_BYTES, leaves, merkle_root


@dataclass(frozen=True)
class Sheet:
    """`salts` holds 16 bytes and `digests` 32 bytes for each record, in order."""

    salts: bytes
    digests: bytes

    def root(self, request: RequestId, contributor: Address) -> bytes:
        """Return the Merkle root that these records have for this request and contributor."""
        return merkle_root(leaves(request, contributor, self.salts, self.digests))

    def pack(self) -> bytes:
        """Return the sheet as bytes: all salts, then all digests."""
        return self.salts + self.digests


def read(data: bytes, count: int, root: bytes, request: RequestId, contributor: Address) -> Sheet:
    """Return the sheet in `data`. Raises IntegrityError unless it is that of the `count` records under `root`."""
    if not count or len(data) != count * (SALT_BYTES + DIGEST_BYTES):
        raise IntegrityError(f"sheet: {len(data)} bytes: {count} records take {count * 48} bytes")
    sheet = Sheet(data[: count * SALT_BYTES], data[count * SALT_BYTES :])
    if sheet.root(request, contributor) != root:
        raise IntegrityError("sheet: its records do not hash to the root on chain: ask another member for it")
    return sheet
