"""How much a file of records may hold, and the checks that every file passes before it is read."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sheaf.domain.errors import RecordError

BLOCK = 1 << 20
ARCHIVES = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".lz4", ".br", ".rar")
MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"PAR1", "Parquet"),
)


@dataclass(frozen=True)
class Limits:
    """What one file or folder may hold; what is beyond is refused before memory is spent on it.

    `max_bytes` is the size on disk, `max_decoded_bytes` what it unfolds to, `max_pixels` what one image unfolds to.
    """

    max_records: int = 16_384
    max_columns: int = 1_000
    max_bytes: int = 1 << 30
    max_decoded_bytes: int = 2 << 30
    max_pixels: int = 50_000_000


def open_file(path: Path, limits: Limits) -> BinaryIO:
    """Open a plain, unpacked, non-empty file of a size within `limits`. Raises RecordError."""
    if path.suffix.lower() in ARCHIVES:
        raise RecordError("file", path.name, "unpack it first: archives are not read")
    try:
        # Not to wait for ever at a named pipe.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise RecordError("file", path.name, "give the path of a file that exists") from None
    except OSError as error:
        raise RecordError("file", path.name, f"make it readable: {error.strerror}") from None
    file = os.fdopen(handle, "rb")
    status = os.fstat(handle)
    try:
        if not stat.S_ISREG(status.st_mode):
            raise RecordError("file", path.name, "give a regular file")
        if status.st_size > limits.max_bytes:
            raise RecordError(
                "file", f"{path.name}: {status.st_size} bytes", f"give at most {limits.max_bytes} bytes"
            )
        if not status.st_size:
            raise RecordError("file", path.name, "give a file that holds records: this one is empty")
    except RecordError:
        file.close()
        raise
    return file


def check_text(file: BinaryIO) -> int:
    """Read `file` through, refuse what is not UTF-8 text, and return where the text begins: 3 after a byte order mark.

    Raises RecordError naming the line of the first fault.
    """
    file.seek(0)
    head = file.read(8)
    for mark, name in MARKS:
        if head.startswith(mark):
            raise RecordError("file", f"it is {name}", "save it as plain text in UTF-8")
    lines = 1
    for block in _decoded(file):
        if "\0" in block:
            line = lines + block[: block.index("\0")].count("\n")
            raise RecordError(f"line {line}", "a NUL character", "save the file as text in UTF-8")
        lines += block.count("\n")
    return len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0


def check_records(count: int, limits: Limits) -> None:
    """Refuse more records than `limits` allow, and none at all."""
    if count > limits.max_records:
        raise RecordError(
            "records",
            f"more than {limits.max_records}",
            f"give at most {limits.max_records} in one submission",
        )
    if not count:
        raise RecordError("records", "none", "give at least one record")


def check_column_count(count: int, limits: Limits) -> None:
    """Refuse more columns than `limits` allow."""
    if count > limits.max_columns:
        raise RecordError("columns", f"{count} columns", f"give at most {limits.max_columns}")


def _decoded(file: BinaryIO) -> Iterator[str]:
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 1
    file.seek(0)
    while True:
        block = file.read(BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = lines + error.object[: error.start].count(b"\n")
            shown = " ".join(f"{byte:02x}" for byte in error.object[error.start : error.start + 4])
            raise RecordError(f"line {line}", f"bytes {shown}", "save the whole file as UTF-8") from None
        if not block:
            return
        lines += text.count("\n")
        yield text
