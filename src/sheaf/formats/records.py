"""The door through which records come in: one reader for each kind of file, one shape (an Arrow table) inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import RecordError
from sheaf.formats.limits import ARCHIVES, Limits, open_file
from sheaf.formats.schema import Schema, compile  # noqa: A004

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Limits", "read", "read_as_is"]

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")


def read(
    path: Path | str, schema: Schema | dict[str, Any] | None = None, *, limits: Limits | None = None
) -> pa.Table:
    """Read records from CSV, JSON Lines, Parquet, or a folder of labelled images, by the name of `path`.

    With a schema (compiled, or the document) the table has exactly its columns and types; whether each value keeps the rules is
    said by `Schema.violations`. Without one, types are inferred and need a canonical form.
    Raises RecordError: one line with field, value and fix. Nothing is written anywhere.
    """
    path, limits = Path(path), limits or Limits()
    compiled = compile(schema) if isinstance(schema, dict) else schema
    table = _read(path, compiled, limits)
    if compiled is None:
        from sheaf.domain.canonical import record_digests

        record_digests(table)
    return table


def read_as_is(path: Path | str, *, limits: Limits | None = None) -> pa.Table:
    """Read a table whose values need no canonical form (times without a zone, say), for looking at. Raises RecordError."""
    return _read(Path(path), None, limits or Limits())


def _read(path: Path, schema: Schema | None, limits: Limits) -> pa.Table:
    if path.is_dir():
        from sheaf.formats.images import read_folder

        return read_folder(path, schema, limits)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES + ARCHIVES:
        raise RecordError(
            "file", path.name, f"give a file named {', '.join(SUFFIXES)}, or a folder of images"
        )
    with open_file(path, limits) as file:
        if suffix == ".parquet":
            from sheaf.formats import parquet

            table = parquet.read(file.read(), limits)
            return schema.cast(table) if schema else table
        from sheaf.formats.text import read_csv, read_jsonl

        return (read_csv if suffix == ".csv" else read_jsonl)(file, schema, limits)
