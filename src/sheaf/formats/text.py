"""Records as text: CSV (RFC 4180) and JSON Lines, always in UTF-8."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, NoReturn

import pyarrow as pa
import pyarrow.csv as pc

from sheaf.domain.errors import RecordError
from sheaf.formats.casting import cast, check_columns, check_names, from_json
from sheaf.formats.limits import Limits, check_column_count, check_records, check_text
from sheaf.formats.schema import Schema

BLOCK = 16 << 20
JSON_BATCH = 8192
JSON_DEPTH = 32
RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def read_csv(file: BinaryIO, schema: Schema | None, limits: Limits) -> pa.Table:
    """Read CSV with a header. An empty cell is null, a quoted empty cell is an empty text; lists and objects are cells of JSON.

    Raises RecordError.
    """
    begin = check_text(file)
    header = _header(file, begin, limits)
    check_columns(header, schema.fields) if schema else check_names(header)
    _check_quotes(file)
    file.seek(begin)
    batches, count = [], 0
    try:
        for batch in _open_csv(_Ended(file), header if schema else []):
            count += batch.num_rows
            if count > limits.max_records:
                break
            batches.append(batch)
    except pa.ArrowInvalid as error:
        _refuse_csv(error)
    check_records(count, limits)
    table = pa.Table.from_batches(batches)
    return cast(table, schema.fields, is_text=True) if schema else table


class _Ended(io.RawIOBase):
    """A file whose last line is ended: else Arrow takes an empty last cell after a quoted one for an empty text."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.last = file, b"\n"

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` from the file, with a line feed behind its end if it has none."""
        block = self.file.read(len(buffer))
        if not block and self.last != b"\n":
            block = b"\n"
        self.last = block[-1:] or self.last
        buffer[: len(block)] = block
        return len(block)


def _open_csv(file: _Ended, strings: list[str]) -> Any:
    # One thread: only then does a refusal name its row.
    return pc.open_csv(
        file,
        pc.ReadOptions(block_size=BLOCK, use_threads=False),
        pc.ParseOptions(newlines_in_values=True),
        pc.ConvertOptions(
            column_types=dict.fromkeys(strings, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _header(file: BinaryIO, begin: int, limits: Limits) -> list[str]:
    file.seek(begin)
    text = io.TextIOWrapper(io.BytesIO(file.read(BLOCK)), "utf-8", errors="ignore", newline="")
    try:
        names = next(csv.reader(text, strict=True), [])
    except csv.Error as error:
        raise RecordError("header", error, "give the names of the columns, separated by commas") from None
    check_column_count(len(names), limits)
    if len(names) == 1 and (mark := re.search(r"[;\t|]", names[0])):
        raise RecordError("header", f"columns separated by {mark[0]!r}", "separate columns by commas")
    return names


def _check_quotes(file: BinaryIO) -> None:
    file.seek(0)
    quotes = 0
    while block := file.read(BLOCK):
        quotes += block.count(b'"')
    if quotes % 2:
        raise RecordError(
            "file", f"{quotes} quotation marks", "close every quotation mark, and double those within text"
        )


def _refuse_csv(error: pa.ArrowInvalid) -> NoReturn:
    message = str(error)
    if match := RAGGED.search(message):
        row, expected, got = match.groups()
        where = f"row {row}" if row else "rows"
        raise RecordError(
            where, f"{got} cells", f"give {expected} cells, as many as the header has"
        ) from None
    if "straddling" in message:
        raise RecordError("rows", f"a row beyond {BLOCK} bytes", "give smaller rows, or Parquet") from None
    raise RecordError(
        "file", message, "give CSV as RFC 4180 has it: a header, commas, double quotes"
    ) from None


def read_jsonl(file: BinaryIO, schema: Schema | None, limits: Limits) -> pa.Table:
    """Read one JSON object a line; empty lines are passed over, a missing member is null. Raises RecordError."""
    begin = check_text(file)
    file.seek(begin)
    records, batches, count = _objects(file, limits), [], 0
    while objects := list(islice(records, JSON_BATCH)):
        batches.append(from_json(objects, schema.fields, count) if schema else _inferred(objects, count))
        count += len(objects)
    check_records(count, limits)
    try:
        table = pa.concat_tables(
            map(pa.Table.from_batches, ([batch] for batch in batches)), promote_options="permissive"
        )
    except pa.ArrowException as error:
        raise RecordError("records", error, "give every field one type in all records") from None
    return cast(table, schema.fields) if schema else table


def _objects(file: BinaryIO, limits: Limits) -> Iterator[dict[str, Any]]:
    count = 0
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        count += 1
        if count > limits.max_records:
            check_records(count, limits)
        try:
            value = parse_json(line)
        except ValueError as error:
            raise RecordError(
                f"line {number}", error, "give one JSON object a line, each member once"
            ) from None
        if not isinstance(value, dict) or not value:
            raise RecordError(
                f"line {number}", line.decode()[:100], "give a JSON object with at least one member"
            )
        if len(value) > limits.max_columns:
            check_column_count(len(value), limits)
        yield value


def parse_json(line: bytes) -> Any:
    """Parse one JSON text (RFC 8259). Raises ValueError for doubled members, NaN, infinities, and nesting beyond 32 levels."""
    if line.count(b"[") + line.count(b"{") > JSON_DEPTH:
        _check_depth(line)
    return _DECODER.decode(line.decode())


def _check_depth(line: bytes) -> None:
    depth = 0
    for mark in re.findall(rb"[\[\]{}]", STRINGS.sub(b"", line)):
        depth += 1 if mark in b"[{" else -1
        if depth > JSON_DEPTH:
            raise ValueError(f"nested deeper than {JSON_DEPTH} levels")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"member {next(name for name in names if names.count(name) > 1)!r} twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant)


def _inferred(objects: list[dict[str, Any]], first: int) -> pa.RecordBatch:
    names = list(dict.fromkeys(name for record in objects for name in record))
    check_names(names)
    columns = []
    for name in names:
        try:
            columns.append(pa.array([record.get(name) for record in objects]))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            fix = "give every field one type in all records, integers of 64 bits and valid Unicode"
            raise RecordError(f"records from {first}, {name}", error, fix) from None
    return pa.record_batch(columns, names=names)
