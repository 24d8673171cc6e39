"""Content on a local disk, one file per content.

A file named by its CID holds the bytes, as they are. Content of more than one block has the sha2-256 of its blocks
behind it (32 bytes each), so that every block can be checked as it is read, and is proved whole against the CID.
A file's length alone tells the number of blocks: ceil(length / (256 KiB + 32)).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from sheaf.domain.errors import IntegrityError, Missing
from sheaf.domain.ids import Cid
from sheaf.store import cid as cids
from sheaf.store.chunks import CHUNK_BYTES, DIGEST_BYTES, Bytes, checked, root, split
from sheaf.store.files import Incoming, flush_directory, make_directory, refusing, sweep


class LocalStore:
    """A Store in `directory`, shared by any number of threads and processes. Raises StoreError when it cannot be used.

    A put is on the disk when it returns. Whatever dies in between leaves nothing behind but a file that the next opening removes.
    """

    def __init__(self, directory: Path) -> None:
        self._contents = Path(directory) / "content"
        self._incoming = Path(directory) / "incoming"
        make_directory(self._contents)
        make_directory(self._incoming)
        sweep(self._incoming)

    def put(self, data: bytes | Iterable[bytes]) -> Cid:
        """Keep `data`, whole or in pieces of any size, in constant memory; return its CID. Raises StoreError."""
        digests: list[bytes] = []
        total = 0
        with Incoming(self._incoming) as file:
            for chunk in split(data):
                digests.append(hashlib.sha256(chunk).digest())
                total += len(chunk)
                file.write(chunk)
            if len(digests) > 1:
                file.write(b"".join(digests))
            cid = root(digests, total)
            file.keep(self._contents / cid)
        return cid

    def get(self, cid: Cid) -> bytes:
        """Return the bytes of `cid`. Raises Missing, IntegrityError, StoreError."""
        return b"".join(self.stream(cid))

    def stream(self, cid: Cid) -> Iterator[bytes]:
        """Yield the bytes of `cid` block by block, each checked before it is given out.

        Raises Missing, IntegrityError (naming the CID and the block), StoreError.
        """
        path = self._path(cid)
        with self._open(path, cid) as file:
            content_bytes, blocks = _shape(cid, os.fstat(file.fileno()).st_size)
            digests = self._digests(file, cid, content_bytes, blocks)
            for chunk in checked(cid, digests, _chunks(file, path, content_bytes, blocks)):
                yield bytes(chunk)

    def has(self, cid: Cid) -> bool:
        """Tell whether `cid` is here. Raises InputError, StoreError."""
        path = self._path(cid)
        with refusing(path):
            return path.is_file()

    def size(self, cid: Cid) -> int:
        """Return how many bytes `cid` has, without reading them. Raises Missing, IntegrityError, StoreError."""
        with self._open(self._path(cid), cid) as file:
            return _shape(cid, os.fstat(file.fileno()).st_size)[0]

    def delete(self, cid: Cid) -> None:
        """Remove `cid`; absent content is no error. Raises StoreError.

        The disk may keep traces: what erases a submission is destroying its keys.
        """
        path = self._path(cid)
        with refusing(path):
            path.unlink(missing_ok=True)
            flush_directory(self._contents)

    def _path(self, cid: Cid) -> Path:
        cids.parse(cid)  # a name that is no CID never becomes a path
        return self._contents / cid

    def _open(self, path: Path, cid: Cid) -> BinaryIO:
        try:
            with refusing(path):
                return path.open("rb")
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise Missing(f"content {cid}: not in this store") from None
            raise

    def _digests(self, file: BinaryIO, cid: Cid, content_bytes: int, blocks: int) -> list[bytes]:
        """Return the digests of the blocks of `cid`, proved against `cid` itself."""
        if blocks == 1:
            return [cids.parse(cid).digest]
        file.seek(content_bytes)
        listed = file.read(blocks * DIGEST_BYTES)
        file.seek(0)
        digests = [listed[at : at + DIGEST_BYTES] for at in range(0, len(listed), DIGEST_BYTES)]
        if len(digests) != blocks or root(digests, content_bytes) != cid:
            raise IntegrityError(f"content {cid}: the list of its {blocks} blocks is damaged: put it again")
        return digests


def _shape(cid: Cid, file_bytes: int) -> tuple[int, int]:
    """Return (bytes of content, blocks) of a file of `file_bytes`. Raises IntegrityError where no content has such a file."""
    if cids.parse(cid).codec == cids.RAW:
        content_bytes, blocks = file_bytes, 1
        is_possible = file_bytes <= CHUNK_BYTES
    else:
        blocks = -(-file_bytes // (CHUNK_BYTES + DIGEST_BYTES))
        content_bytes = file_bytes - blocks * DIGEST_BYTES
        is_possible = blocks > 1 and content_bytes > (blocks - 1) * CHUNK_BYTES
    if not is_possible:
        raise IntegrityError(f"content {cid}: damaged, {file_bytes} bytes cannot be it: put it again")
    return content_bytes, blocks


def _chunks(file: BinaryIO, path: Path, content_bytes: int, blocks: int) -> Iterator[Bytes]:
    """Yield the `blocks` blocks of an open file."""
    for number in range(blocks):
        with refusing(path):
            yield file.read(min(CHUNK_BYTES, content_bytes - number * CHUNK_BYTES))
