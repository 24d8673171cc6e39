"""Content in memory, for tests and for markets that end with their process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from sheaf.domain.errors import Missing
from sheaf.domain.ids import Cid
from sheaf.store import cid as cids
from sheaf.store.chunks import checked, pieces_of, root, split


class MemoryStore:
    """A Store in this process's memory. Threads may share it: content is added whole, by one assignment."""

    def __init__(self) -> None:
        self._contents: dict[Cid, tuple[bytes, list[bytes]]] = {}

    def put(self, data: bytes | Iterable[bytes]) -> Cid:
        """Keep `data`, whole or in pieces of any size; return its CID."""
        whole = b"".join(pieces_of(data))
        digests = [hashlib.sha256(chunk).digest() for chunk in split(whole)]
        cid = root(digests, len(whole))
        self._contents[cid] = (whole, digests)
        return cid

    def get(self, cid: Cid) -> bytes:
        """Return the bytes of `cid`. Raises Missing, IntegrityError."""
        return b"".join(self.stream(cid))

    def stream(self, cid: Cid) -> Iterator[bytes]:
        """Yield the bytes of `cid` block by block, each checked before it is given out. Raises Missing, IntegrityError."""
        whole, digests = self._find(cid)
        for chunk in checked(cid, digests, split(whole)):
            yield bytes(chunk)

    def has(self, cid: Cid) -> bool:
        """Tell whether `cid` is here. Raises InputError."""
        cids.parse(cid)
        return cid in self._contents

    def size(self, cid: Cid) -> int:
        """Return how many bytes `cid` has. Raises Missing."""
        return len(self._find(cid)[0])

    def delete(self, cid: Cid) -> None:
        """Remove `cid`; absent content is no error."""
        cids.parse(cid)
        self._contents.pop(cid, None)

    def _find(self, cid: Cid) -> tuple[bytes, list[bytes]]:
        cids.parse(cid)
        if cid not in self._contents:
            raise Missing(f"content {cid}: not in this store")
        return self._contents[cid]
