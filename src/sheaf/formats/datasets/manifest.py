"""Manifests: what a dataset is, without its data. Canonical JSON (RFC 8785) of one block, whose CID is the dataset's version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError, RecordError, SpecificationError
from sheaf.formats.records import SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "sheaf-dataset-1"
MAX_BYTES = 256 * 1024
"""What one block of content holds: a manifest's CID is the SHA-256 of its bytes."""
MAX_TEXT_BYTES = 64 * 1024
MAX_RECORDS = 1 << 22
MAX_NESTING = 8
DATASHEET = "datasheet.md"


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field: its name, its Arrow type in words, and the root over its values, 64 hexadecimal digits."""

    name: str
    type: str
    root: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a dataset is. `policy` is the text of its policy of release, `nonce` what the salts of its roots follow from, with the
    owner's secret; `owner` the account that the roots are bound to.
    """

    title: str
    licence: str
    owner: str
    records: int
    fields: tuple[Field, ...]
    policy: str
    nonce: str
    description: str = ""
    datasheet: str = ""
    format: str = FORMAT

    @property
    def words(self) -> str:
        """All that a search looks at, in small letters."""
        names = " ".join(one.name for one in self.fields)
        return f"{self.title} {self.description} {self.datasheet} {names} {self.licence}".lower()


def dump(manifest: Manifest) -> bytes:
    """Return the bytes that are stored and hashed. Raises SpecificationError where they are more than a block or a text is empty."""
    for name in ("title", "licence", "policy"):
        if not getattr(manifest, name).strip():
            raise SpecificationError(name, "none", f"say what the dataset's {name} is")
    data = json_bytes(msgspec.to_builtins(manifest))
    if len(data) > MAX_BYTES:
        raise SpecificationError(
            "manifest", f"{len(data)} bytes", f"keep it below {MAX_BYTES}: shorten the datasheet"
        )
    return data


def parse(data: bytes) -> Manifest:
    """Read a manifest that a stranger wrote. Raises SpecificationError."""
    if len(data) > MAX_BYTES:
        raise SpecificationError("manifest", f"{len(data)} bytes", f"take none above {MAX_BYTES}")
    try:
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise SpecificationError("manifest", "malformed", f"ask its owner to mend it: {error}") from None
    if found.format != FORMAT:
        raise SpecificationError("manifest", found.format, f"take {FORMAT}")
    return found


def fields_of(table: pa.Table, roots: dict[str, bytes]) -> tuple[Field, ...]:
    """Return the fields of a table with their roots, in its order."""
    return tuple(Field(name=one.name, type=str(one.type), root=roots[one.name].hex()) for one in table.schema)


def type_of(text: str) -> pa.DataType | None:
    """Return the Arrow type that a manifest's words name, None for one that they do not tell: nested ones other than lists."""
    import pyarrow as pa

    if text.endswith(", tz=UTC]") and text.startswith("timestamp["):
        unit = text[len("timestamp[") : -len(", tz=UTC]")]
        return pa.timestamp(unit, "UTC") if unit in ("s", "ms", "us", "ns") else None
    if text.startswith("list<item: ") and text.endswith(">") and text.count("<") <= MAX_NESTING:
        inner = type_of(text[len("list<item: ") : -1])
        return None if inner is None else pa.list_(inner)
    try:
        return pa.type_for_alias(text)
    except ValueError:
        return None


def schema_of(manifest: Manifest) -> pa.Schema:
    """Return the columns of a dataset, without those whose type its manifest does not tell."""
    import pyarrow as pa

    kinds = {one.name: type_of(one.type) for one in manifest.fields}
    return pa.schema([(name, kind) for name, kind in kinds.items() if kind is not None])


def records_file(directory: Path) -> Path:
    """Return the one file of records of a dataset: the path itself, or the only one in the folder. Raises RecordError."""
    if not directory.exists():
        raise RecordError("directory", directory.name, "give a folder with one file of records, or the file")
    if directory.is_file():
        return directory
    found = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise RecordError(
            "records", names, f"keep exactly one file named {', '.join(SUFFIXES)} in the folder"
        )
    return found[0]


def read_text(path: Path, field: str) -> str:
    """Return a short text in UTF-8. Raises InputError."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_TEXT_BYTES else None
        text = data.decode() if data is not None else None
    except FileNotFoundError:
        raise InputError(field, path.name, "give the path of a file that exists") from None
    except UnicodeDecodeError:
        raise InputError(field, path.name, "write it in UTF-8") from None
    except OSError as error:
        raise InputError(field, path.name, f"make it readable: {error.strerror}") from None
    if text is None:
        raise InputError(field, path.name, f"keep it below {MAX_TEXT_BYTES} bytes")
    return text
