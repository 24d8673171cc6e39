"""A bundle: what a buyer receives, as an immutable folder.

    data/part-00000.parquet …   the approved records (zstd)
    verdicts.parquet            submission, record, decision, code, detail: one row per record that was submitted
    leaves.parquet              submission, record, leaf, salt: so that inclusion is checked from the bundle and the chain alone
    specification.json          what was asked for: the bytes whose CID is on chain
    receipt.json                chain, contracts, request, submissions with their transactions, roots, CIDs and licence
    LICENSE.txt                 the SPDX identifier and the terms
    croissant.json              Croissant 1.1 metadata
    manifest.json               every file above: path, bytes, SHA-256, CID

Row i of the data is the i-th approved record of `verdicts.parquet`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError, IntegrityError, RecordError
from sheaf.domain.request import Specification
from sheaf.formats import croissant, parquet, specification
from sheaf.formats.limits import Limits
from sheaf.formats.loaders import Loaders
from sheaf.formats.schema import Schema, compile  # noqa: A004

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.verdict import Verdict

FORMAT = "sheaf-bundle-1"
MANIFEST = "manifest.json"
MAX_MANIFEST = 16 << 20
PART_BYTES = 256 << 20
READ_BYTES = 1 << 20
# A bundle may be as large as its buyer likes; what is unfolded at once is still bounded.
LIMITS = Limits(max_records=1 << 40, max_bytes=1 << 40, max_decoded_bytes=16 << 30)
FILES = (
    "verdicts.parquet",
    "leaves.parquet",
    "specification.json",
    "receipt.json",
    "LICENSE.txt",
    "croissant.json",
)


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file of a bundle: its path, size, SHA-256 in hexadecimal, and CID where it was computed."""

    path: str
    bytes: int
    sha256: str
    cid: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that belongs to a bundle."""

    format: str
    title: str
    licence: str
    records: int
    files: tuple[File, ...]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a bundle is made of.

    `records` are the approved ones, in the order of `verdicts` (see `verdict_table`); `leaves` has the columns submission (int64),
    record (int64), leaf and salt (binary); `published_at` is the time of the last settlement in Unix seconds.
    """

    records: pa.Table
    specification: Specification
    verdicts: pa.Table
    leaves: pa.Table
    receipt: dict[str, Any]
    published_at: int


@dataclass(frozen=True)
class Bundle(Loaders):
    """A bundle on disk. Loads into pyarrow, polars, pandas, `datasets` and PyTorch."""

    directory: Path
    manifest: Manifest

    @property
    def records(self) -> int:
        """How many records there are."""
        return self.manifest.records

    @property
    def licence(self) -> str:
        """The SPDX expression of the licence."""
        return self.manifest.licence

    @property
    def data_files(self) -> list[Path]:
        """The Parquet files that hold the records, in order."""
        return [self.directory / file.path for file in self.manifest.files if file.path.startswith("data/")]

    @cached_property
    def receipt(self) -> dict[str, Any]:
        """The receipt, as it was written."""
        return dict(msgspec.json.decode((self.directory / "receipt.json").read_bytes()))

    @cached_property
    def specification(self) -> Specification:
        """What was asked for."""
        return specification.parse((self.directory / "specification.json").read_bytes())

    @cached_property
    def schema(self) -> Schema:
        """The compiled schema of the records."""
        return compile(self.specification.schema)

    def verdicts(self) -> pa.Table:
        """Return one row per submitted record: submission, record, decision, code, detail."""
        return parquet.read((self.directory / "verdicts.parquet").read_bytes(), LIMITS)

    def leaves(self) -> pa.Table:
        """Return the leaf of every submitted record, and the salt of every approved one: submission, record, leaf, salt."""
        return parquet.read((self.directory / "leaves.parquet").read_bytes(), LIMITS)

    def check(self) -> list[str]:
        """Return what is wrong with the files: altered, missing or foreign ones, in one line each; empty if all is well."""
        return list(_differences(self.directory, self.manifest))


def verdict_table(verdicts: Iterable[Verdict]) -> pa.Table:
    """Return verdicts as the table of a bundle: one row per record; several reasons are joined by `; `."""
    import pyarrow as pa

    rows: dict[str, list[Any]] = {"submission": [], "record": [], "decision": [], "code": [], "detail": []}
    for verdict in verdicts:
        codes: dict[int, list[str]] = {}
        details: dict[int, list[str]] = {}
        for finding in verdict.findings:
            codes.setdefault(finding.record, []).append(finding.code)
            details.setdefault(finding.record, []).append(finding.detail)
        for record, decision in enumerate(verdict.decisions):
            reason = "; ".join(dict.fromkeys(codes.get(record, [])))
            said = "; ".join(filter(None, details.get(record, [])))
            for name, value in zip(
                rows, (verdict.submission, record, str(decision), reason, said), strict=True
            ):
                rows[name].append(value)
    kinds = {
        "submission": pa.int64(),
        "record": pa.int64(),
        "decision": pa.string(),
        "code": pa.string(),
        "detail": pa.string(),
    }
    return pa.table(rows, schema=pa.schema(list(kinds.items())))


def write(
    directory: Path | str, parts: Parts, cid_of: Callable[[Iterable[bytes]], str] | None = None
) -> Bundle:
    """Write a bundle to `directory`, whole or not at all, and make its files read-only. `cid_of` computes CIDs for the manifest.

    Raises InputError if the directory exists or cannot be made, RecordError if records do not fit the specification's schema.
    """
    directory = Path(directory)
    if directory.exists() or directory.is_symlink():
        raise InputError(
            "directory", directory, "it exists: give one that does not, a bundle is never written over"
        )
    schema = compile(parts.specification.schema)
    records = schema.cast(parts.records)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as error:
        raise InputError("directory", directory, f"give one that can be made: {error.strerror}") from None
    try:
        _fill(work, parts, records, schema, cid_of)
        work.chmod(0o755)
        work.rename(directory)
        _sync(directory.parent)
    except OSError as error:
        raise InputError("directory", directory, f"it cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(work)
    return read(directory)


def read(directory: Path | str, *, is_checked: bool = True) -> Bundle:
    """Open a bundle; unless `is_checked` is False every file is held against the manifest.

    Raises InputError if there is no bundle, IntegrityError naming the first file that was altered, is missing or does not belong.
    """
    directory = Path(directory)
    bundle = Bundle(directory, _read_manifest(directory))
    if is_checked and (found := bundle.check()):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise IntegrityError(f"bundle {directory.name}: {found[0]}{more}: download it again")
    return bundle


def _fill(
    work: Path,
    parts: Parts,
    records: pa.Table,
    schema: Schema,
    cid_of: Callable[[Iterable[bytes]], str] | None,
) -> None:
    (work / "data").mkdir()
    for number, piece in enumerate(_pieces(records)):
        parquet.write_to(piece, work / "data" / f"part-{number:05}.parquet")
    parquet.write_to(parts.verdicts, work / "verdicts.parquet")
    parquet.write_to(parts.leaves, work / "leaves.parquet")
    (work / "specification.json").write_bytes(specification.dump(parts.specification))
    (work / "receipt.json").write_bytes(json_bytes(parts.receipt))
    (work / "LICENSE.txt").write_text(_licence_text(parts.specification), "utf-8")
    described = [
        croissant.Part(file.path, file.sha256, file.bytes)
        for file in (_file(work, path, None) for path in _walk(work))
        if file.path.endswith(".parquet") and file.path != "leaves.parquet"
    ]
    version = hashlib.sha256(json_bytes([part.sha256 for part in described])).hexdigest()[:16]
    document = croissant.metadata(
        parts.specification, schema, described[:-1], described[-1], parts.published_at, f"1.0.0+{version}"
    )
    (work / "croissant.json").write_bytes(json_bytes(document))
    manifest = Manifest(
        format=FORMAT,
        title=parts.specification.title,
        licence=parts.specification.licence,
        records=records.num_rows,
        files=tuple(_file(work, path, cid_of) for path in _walk(work)),
    )
    (work / MANIFEST).write_bytes(json_bytes(msgspec.to_builtins(manifest)))
    for path in _walk(work):
        (work / path).chmod(0o444)
        _sync(work / path)


def _pieces(records: pa.Table) -> Iterator[pa.Table]:
    rows = max(1, PART_BYTES * records.num_rows // max(records.nbytes, 1))
    for start in range(0, max(records.num_rows, 1), rows):
        yield records.slice(start, rows)


def _licence_text(asked: Specification) -> str:
    lines = [
        f"SPDX-License-Identifier: {asked.licence}",
        croissant.licence_url(asked.licence),
        "",
        f"Title: {asked.title}",
    ]
    if asked.terms:
        lines += ["", "Terms that bind beside the licence:", "", asked.terms]
    return "\n".join(lines) + "\n"


def _read_manifest(directory: Path) -> Manifest:
    path = directory / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST + 1)
    except OSError:
        raise InputError(
            "bundle", directory, f"give the folder of a bundle: it has no {MANIFEST} that can be read"
        ) from None
    try:
        manifest = msgspec.json.decode(data[:MAX_MANIFEST], type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise IntegrityError(f"bundle {directory.name}: {MANIFEST}: {error}: download it again") from None
    if manifest.format != FORMAT:
        raise InputError("bundle", manifest.format, f"this version of Sheaf reads {FORMAT}")
    for listed in manifest.files:
        pure = PurePosixPath(listed.path)
        odd = pure.is_absolute() or ".." in pure.parts or "\\" in listed.path or str(pure) != listed.path
        if odd or listed.path == MANIFEST:
            raise IntegrityError(
                f"bundle {directory.name}: {MANIFEST} names {listed.path!a}: do not use this bundle"
            )
    return manifest


def _differences(directory: Path, manifest: Manifest) -> Iterator[str]:
    listed = {file.path: file for file in manifest.files}
    if len(listed) != len(manifest.files):
        yield f"{MANIFEST} lists a file twice"
    try:
        there = set(_walk(directory))
    except IntegrityError as error:
        yield str(error)
        return
    for path in sorted({*FILES, *listed} - there):
        yield f"{path} is missing"
    for path in sorted(there - {*listed, MANIFEST}):
        yield f"{path} does not belong to it"
    for path in sorted(listed.keys() & there):
        found = _file(directory, path, None)
        if (found.bytes, found.sha256) != (listed[path].bytes, listed[path].sha256):
            yield f"{path} was altered"
        elif path.endswith(".parquet"):
            yield from _broken(directory / path)


def _broken(path: Path) -> Iterator[str]:
    try:
        parquet.check(path.read_bytes(), LIMITS)
    except RecordError as error:
        # A bundle without approved records still has its file.
        if error.field != "records":
            yield f"{path.name}: {error}"


def _walk(directory: Path) -> Iterator[str]:
    """Yield the paths of all files below `directory`, sorted. Raises IntegrityError at links and other things that are no files."""
    found = []
    for root, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = Path(root) / name
            relative = path.relative_to(directory).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise IntegrityError(f"{relative!a} is not a plain file")
            if name in files:
                found.append(relative)
    yield from sorted(found)


def _file(directory: Path, path: str, cid_of: Callable[[Iterable[bytes]], str] | None) -> File:
    digest, size = hashlib.sha256(), 0
    for block in _blocks(directory / path):
        digest.update(block)
        size += len(block)
    return File(path, size, digest.hexdigest(), cid_of(_blocks(directory / path)) if cid_of else "")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            yield block


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
