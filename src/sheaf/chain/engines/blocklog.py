"""The block log: what every block of a local network is made of, on disk before the block exists.

A network that is a function of this log can be killed at any moment: what was answered to anyone is in the log, and the log makes the
same blocks again, with the same hashes. Whole dumps only shorten the way.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from sheaf.chain.contracts import sync_folder, write_whole
from sheaf.domain.errors import IntegrityError

_FRAME = 8
KEPT_DUMPS = 3


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One block: its number, its time in Unix seconds, the hash of the block before it (0x…) and its raw transactions in order."""

    number: int
    timestamp: int
    parent: str
    raws: list[bytes]


class BlockLog:
    """An append-only file of entries, each framed by its length and CRC-32, and dumps named by the block they end with."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._path = directory / "blocks.log"
        self._file: BinaryIO | None = None

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries of blocks after `after`, in order; a last entry that a crash cut off is removed.

        Raises IntegrityError if the log is broken anywhere else.
        """
        self.close()
        expected, place, size = None, 0, self._path.stat().st_size if self._path.exists() else 0
        if not size:
            return
        with self._path.open("rb") as file:
            while place < size:
                head = file.read(_FRAME)
                length, crc = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
                payload = file.read(length)
                end = place + _FRAME + length
                if len(head) < _FRAME or len(payload) < length or zlib.crc32(payload) != crc or not length:
                    if end < size and any(file.read()):
                        raise self._broken(place)
                    self._cut(place)
                    return
                entry = msgspec.msgpack.decode(payload, type=Entry)
                if expected is not None and entry.number != expected:
                    raise self._broken(place)
                expected, place = entry.number + 1, end
                if entry.number > after:
                    yield entry

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns."""
        if self._file is None:
            is_new = not self._path.exists()
            self._file = self._path.open("ab")
            if is_new:
                sync_folder(self._directory)
        payload = msgspec.msgpack.encode(entry)
        frame = len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little")
        self._file.write(frame + payload)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; appending opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def dumps(self) -> list[int]:
        """Return the blocks for which there are dumps, the newest first."""
        return sorted(
            (int(path.stem.removeprefix("state-")) for path in self._directory.glob("state-*.dump")),
            reverse=True,
        )

    def keep(self, number: int, block_hash: str, state: bytes) -> None:
        """Keep the state after block `number`, whole or not at all, and forget the oldest beyond three."""
        body = zlib.compress(state, 1)
        head = bytes.fromhex(block_hash[2:])
        write_whole(self._dump(number), head + hashlib.sha256(head + body).digest() + body)
        for old in self.dumps()[KEPT_DUMPS:]:
            self._dump(old).unlink(missing_ok=True)

    def dump(self, number: int) -> tuple[str, bytes] | None:
        """Return block hash and state of a dump; None if the file is not whole."""
        raw = self._dump(number).read_bytes()
        head, seal, body = raw[:32], raw[32:64], raw[64:]
        if hashlib.sha256(head + body).digest() != seal:
            return None
        return "0x" + head.hex(), zlib.decompress(body)

    def _dump(self, number: int) -> Path:
        return self._directory / f"state-{number}.dump"

    def _cut(self, place: int) -> None:
        with self._path.open("r+b") as file:
            file.truncate(place)
            file.flush()
            os.fsync(file.fileno())

    def _broken(self, place: int) -> IntegrityError:
        return IntegrityError(
            f"block log: {self._path}: broken at byte {place}: restore it from a backup, or remove the folder to start anew"
        )
