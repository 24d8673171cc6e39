"""Bring values to the types of a schema without losing a digit: from Arrow columns, from text cells, from parsed JSON.

Every refusal names the record (counted from 0) and the field.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from sheaf.domain.errors import RecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.formats.schema import Field

    Rows = NDArray[np.int64]

GIVE = {
    "integer": "give an integer of 64 bits",
    "number": "give a finite number that a 64-bit float holds exactly",
    "string": "give text in valid Unicode",
    "boolean": "give true or false",
    "date": "give a date such as 2026-11-21",
    "timestamp": "give a time with its zone and at most microseconds, such as 2026-11-21T10:30:00Z",
    "bytes": "give bytes, or their base64",
    "array": "give a list",
    "object": "give an object",
}
PYTHON_TYPES: dict[str, set[type]] = {
    "integer": {int, float},
    "number": {int, float},
    "boolean": {bool},
    "array": {list},
    "object": {dict},
}


def cast(table: pa.Table, fields: Sequence[Field], *, is_text: bool = False) -> pa.Table:
    """Return `table` with the columns of `fields`, in their order and types; an optional column that is missing becomes null.

    With `is_text`, columns of strings are read as numbers, booleans, lists and objects (JSON) too.
    Raises RecordError.
    """
    check_columns(table.column_names, fields)
    columns = []
    for field in fields:
        if field.name not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, field.arrow)]))
            continue
        chunks, first = [], 0
        for chunk in table.column(field.name).chunks:
            rows = np.arange(first, first + len(chunk), dtype=np.int64)
            chunks.append(_cast(chunk, field, rows, is_text))
            first += len(chunk)
        columns.append(pa.chunked_array(chunks, field.arrow))
    return pa.table(columns, schema=pa.schema([pa.field(field.name, field.arrow) for field in fields]))


def check_columns(names: Sequence[str], fields: Sequence[Field]) -> None:
    """Refuse doubled and foreign columns, and the lack of a required one."""
    check_names(names)
    known = {field.name for field in fields}
    for name in names:
        if name not in known:
            raise RecordError("columns", name, "leave this column out: the schema does not have it")
    for field in fields:
        if field.is_required and field.name not in names:
            raise RecordError(
                "columns", f"{field.name} is missing", "give this column: the schema requires it"
            )


def check_names(names: Sequence[str]) -> None:
    """Refuse columns that have no name or share one."""
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            raise RecordError(
                "columns", name or "a column without name", "give every column a name of its own"
            )
        seen.add(name)


def from_json(records: Sequence[dict[str, Any]], fields: Sequence[Field], first: int = 0) -> pa.RecordBatch:
    """Return parsed JSON objects as columns of `fields`; `first` is the number of the first record. Raises RecordError."""
    rows = np.arange(first, first + len(records), dtype=np.int64)
    _check_members(records, fields, rows)
    columns = [_from_python([record.get(field.name) for record in records], field, rows) for field in fields]
    return pa.record_batch(columns, schema=pa.schema([pa.field(field.name, field.arrow) for field in fields]))


def _cast(values: pa.Array, field: Field, rows: Rows, is_text: bool) -> pa.Array:
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if types.is_null(values.type):
        return pa.nulls(len(values), field.arrow)
    source = _source(values.type)
    if source == "string" and field.kind not in ("string", "date", "timestamp"):
        if field.kind == "bytes":
            return _map(values.to_pylist(), lambda text: _decode(text), field, rows)
        if is_text and field.kind in ("array", "object"):
            return _from_python(_map_python(values.to_pylist(), _parse, field, rows), field, rows)
    if field.kind == "array" and source == "array" and field.items:
        return _cast_list(values, field, rows, is_text)
    if field.kind == "object" and source == "object":
        return _cast_object(values, field, rows, is_text)
    if not (source == field.kind or (source, field.kind) in _CASTS or (is_text and source == "string")):
        raise RecordError(field.path, values.type, GIVE[field.kind])
    return _convert(values, lambda part: part.cast(field.arrow), field, rows)


_CASTS = {("integer", "number"), ("number", "integer"), ("string", "date"), ("string", "timestamp")}


def _source(dtype: pa.DataType) -> str:
    """Return the kind of an Arrow type, or its own name where no kind is near it."""
    if types.is_fixed_size_list(dtype):
        return "array"
    for test, kind in (
        (types.is_boolean, "boolean"), (types.is_integer, "integer"), (types.is_floating, "number"), (types.is_date, "date"),
        (types.is_string, "string"), (types.is_large_string, "string"), (types.is_string_view, "string"),
        (types.is_binary, "bytes"), (types.is_large_binary, "bytes"), (types.is_binary_view, "bytes"),
        (types.is_fixed_size_binary, "bytes"), (types.is_list, "array"), (types.is_large_list, "array"),
        (types.is_struct, "object"),
    ):  # fmt: skip
        if test(dtype):
            return kind
    return "timestamp" if types.is_timestamp(dtype) and dtype.tz is not None else str(dtype)


def _convert(values: Any, convert: Callable[[Any], pa.Array], field: Field, rows: Rows) -> pa.Array:
    """Apply `convert` to all values at once; where it fails, find the first value at fault and refuse it."""
    try:
        result = convert(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError):
        _refuse_first(values, convert, field, rows)
    if field.kind == "number" and not _all_finite(result):
        finite = pc.is_finite(result).fill_null(True).to_numpy(zero_copy_only=False)
        place = int(np.flatnonzero(~finite)[0])
        _refuse(field, rows[place], result[place].as_py())
    return result


def _all_finite(numbers: pa.Array) -> bool:
    return pc.all(pc.is_finite(numbers)).as_py() is not False


def _refuse_first(values: Any, convert: Callable[[Any], pa.Array], field: Field, rows: Rows) -> NoReturn:
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(values[low:middle])
            low = middle
        except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError):
            high = middle
    value = values[low]
    _refuse(field, rows[low], value.as_py() if isinstance(value, pa.Scalar) else value)


def _refuse(field: Field, row: int, value: object, fix: str = "") -> NoReturn:
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else value
    raise RecordError(f"record {row}, {field.path}", shown, fix or GIVE[field.kind])


def _cast_list(values: pa.Array, field: Field, rows: Rows, is_text: bool) -> pa.Array:
    if types.is_fixed_size_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    lengths = pc.list_value_length(values).fill_null(0).to_numpy()
    assert field.items
    items = _cast(pc.list_flatten(values), field.items, np.repeat(rows, lengths), is_text)
    return _list_of(lengths, items, values.is_null(), field)


def _list_of(lengths: Any, items: pa.Array, is_null: pa.Array, field: Field) -> pa.Array:
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    if offsets[-1] >= 2**31:
        raise RecordError(field.path, f"{offsets[-1]} items", "give fewer than 2**31 items in one file")
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=field.arrow, mask=is_null)


def _cast_object(values: pa.Array, field: Field, rows: Rows, is_text: bool) -> pa.Array:
    names = [inner.name for inner in values.type]
    check_columns(names, field.fields)
    columns = dict(zip(names, values.flatten(), strict=True))
    parts = [
        _cast(columns[inner.name], inner, rows, is_text)
        if inner.name in columns
        else pa.nulls(len(values), inner.arrow)
        for inner in field.fields
    ]
    return pa.StructArray.from_arrays(parts, fields=list(field.arrow), mask=values.is_null())


def _from_python(values: list[Any], field: Field, rows: Rows) -> pa.Array:
    allowed = PYTHON_TYPES.get(field.kind, {str})
    if not {*map(type, values)} <= allowed | {type(None)}:
        place = next(i for i, value in enumerate(values) if value is not None and type(value) not in allowed)
        _refuse(field, rows[place], json.dumps(values[place]))
    if field.kind == "integer" and float in {*map(type, values)}:
        # Arrow would cut the fraction off without a word.
        values = _map_python(values, _whole, field, rows)
    if field.kind == "array" and field.items:
        lengths = [len(value or ()) for value in values]
        flat = [item for value in values for item in value or ()]
        items = _from_python(flat, field.items, np.repeat(rows, lengths))
        return _list_of(lengths, items, pa.array([value is None for value in values], pa.bool_()), field)
    if field.kind == "object":
        _check_members([value or {} for value in values], field.fields, rows, f"{field.path}.")
        parts = [
            _from_python([(value or {}).get(inner.name) for value in values], inner, rows)
            for inner in field.fields
        ]
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.StructArray.from_arrays(parts, fields=list(field.arrow), mask=mask)
    if field.kind == "bytes":
        return _map(values, _decode, field, rows)
    if field.kind in ("date", "timestamp"):
        return _convert(values, lambda part: pa.array(part, pa.string()).cast(field.arrow), field, rows)
    return _convert(values, lambda part: pa.array(part, field.arrow), field, rows)


def _check_members(
    records: Sequence[dict[str, Any]], fields: Iterable[Field], rows: Rows, path: str = ""
) -> None:
    known = {field.name for field in fields}
    for row, record in zip(rows, records, strict=True):
        if not record.keys() <= known:
            name = next(name for name in record if name not in known)
            raise RecordError(
                f"record {row}", path + name, "leave this field out: the schema does not have it"
            )


def _map(values: list[Any], convert: Callable[[Any], Any], field: Field, rows: Rows) -> pa.Array:
    return pa.array(_map_python(values, convert, field, rows), field.arrow)


def _map_python(values: list[Any], convert: Callable[[Any], Any], field: Field, rows: Rows) -> list[Any]:
    result = []
    for row, value in zip(rows, values, strict=True):
        try:
            result.append(None if value is None else convert(value))
        except ValueError:
            _refuse(field, row, value)
    return result


def _whole(number: float) -> int:
    if not float(number).is_integer():
        raise ValueError(number)
    return int(number)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(text) from None


def _parse(text: str) -> Any:
    from sheaf.formats.text import parse_json

    return parse_json(text.encode())
