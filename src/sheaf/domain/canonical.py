"""The one place that makes bytes for hashing: records and documents.

A record is `schema digest ‖ heads ‖ tails`. Columns stand in the order of their UTF-8 names. The head of a value is a presence byte
(1, or 0 for null) and a fixed part in little-endian order, zeros for null; only strings, bytes and lists have a tail:

    boolean             1 byte, 0 or 1
    integer             8 bytes, two's complement
    number              8 bytes, IEEE 754 double; -0.0 is written as 0.0, NaN and infinities are refused
    date                4 bytes, days since 1970-01-01
    timestamp           8 bytes, microseconds since 1970-01-01T00:00:00Z
    string, bytes       4 bytes, length of the tail; the tail is the bytes as they are
    list                4 bytes, number of items; the tail is each item as heads ‖ tails
    object              no fixed part; the heads of its fields follow, and their tails join the tails

The schema digest pins names and kinds, so a record is read back in one way only, and two different records never share their bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sheaf.domain.errors import InputError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

ROWS = 1 << 15  # encoded at once
BATCH_BYTES = 1 << 26
HASHES = 1 << 10  # hashed at once: few enough objects to stay in the processor's cache
MAX_DEPTH = 8
MAX_DOCUMENT_DEPTH = 64
MAX_SAFE_INTEGER = 2**53 - 1
DIGEST_BYTES = 32


class Records(NamedTuple):
    """Canonical records in one buffer: record `i` is `data[offsets[i]:offsets[i + 1]]`; `offsets` has shape (n + 1,), int64."""

    data: bytes
    offsets: NDArray[np.int64]


class _Head(NamedTuple):
    """The head of one value in all rows: which are present (None: all) and their fixed parts (None: it has none), shapes (n,)."""

    present: NDArray[Any] | None
    fixed: NDArray[Any] | None


class _Part(NamedTuple):
    """A column in canonical form: its heads in order, and its tails, each a large_binary array of length n."""

    heads: list[_Head]
    tails: list[Any]


def schema_digest(schema: pa.Schema) -> bytes:
    """Return the SHA-256 of the names and kinds of a table's columns, whatever their order or Arrow encoding.

    Raises RecordError for a type without canonical form, for two columns of one name, and for no column at all.
    """
    if not len(schema):
        raise RecordError("columns", "none", "give at least one column")
    return hashlib.sha256(json_bytes({"record": _object_kind(schema, "", 0)})).digest()


def record_bytes(table: pa.Table) -> Records:
    """Return all rows of `table` in canonical form.

    Raises RecordError for NaN, infinities, integers beyond 64 bits, times without a zone and types without canonical form.
    """
    prefix = schema_digest(table.schema)
    return _rows(_encode_columns(table), table.num_rows, prefix)


def record_digests(table: pa.Table) -> bytes:
    """Return the SHA-256 of every canonical record of `table`, 32 bytes each, joined in order. Raises as `record_bytes` does."""
    prefix = schema_digest(table.schema)
    rows = max(1, min(ROWS, BATCH_BYTES * table.num_rows // max(table.nbytes, 1)))
    slices = (table.slice(start, rows) for start in range(0, table.num_rows, rows))
    return b"".join(_digests(_encode_columns(part), part.num_rows, prefix) for part in slices)


def digest_rows(rows: NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 of each row of `rows`, shape (n, width), 32 bytes each, joined in order."""
    items = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}")[:, 0]
    starts = range(0, len(items), HASHES)
    return b"".join(_joined_digests(items[start : start + HASHES].tolist()) for start in starts)


def _digests(part: _Part, count: int, prefix: bytes) -> bytes:
    if not part.tails:
        return b"".join(map(digest_rows, _joined_heads(part.heads, count, prefix)))
    records = _joined_rows(part, count, prefix)
    batches = (records.slice(start, HASHES) for start in range(0, count, HASHES))
    return b"".join(_joined_digests(batch.to_numpy(zero_copy_only=False).tolist()) for batch in batches)


def _joined_digests(items: list[bytes]) -> bytes:
    sha256 = hashlib.sha256
    return b"".join([sha256(item).digest() for item in items])


def fingerprint_keys(digests: bytes) -> NDArray[np.uint64]:
    """Return the 64-bit key of each digest: its first 8 bytes as a little-endian integer, shape (n,)."""
    return np.frombuffer(digests, "<u8").reshape(-1, DIGEST_BYTES // 8)[:, 0].copy()


def _by_name(columns: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return sorted(columns, key=lambda column: column[0].encode())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _object_kind(fields: Iterable[pa.Field], path: str, depth: int) -> list[Any]:
    pairs = _by_name([(field.name, field.type) for field in fields])
    for (name, _), (other, _) in pairwise(pairs):
        if name == other:
            raise RecordError("columns", path + name, "give every column a name of its own")
    return [[name, _kind(kind, path + name, depth)] for name, kind in pairs]


def _kind(dtype: pa.DataType, path: str, depth: int) -> Any:
    from pyarrow import types

    if depth > MAX_DEPTH:
        raise RecordError(
            path, f"nested {depth} deep", f"nest at most {MAX_DEPTH} levels of lists and objects"
        )
    if types.is_dictionary(dtype):
        return _kind(dtype.value_type, path, depth)
    if _is_list(dtype):
        return {"list": _kind(dtype.value_type, path + "[]", depth + 1)}
    if types.is_struct(dtype) and dtype.num_fields:
        return {"object": _object_kind(list(dtype), path + ".", depth + 1)}
    if types.is_timestamp(dtype) and dtype.tz is None:
        raise RecordError(path, dtype, "give timestamps with a time zone")
    for test, kind in (
        (types.is_boolean, "boolean"), (types.is_integer, "integer"), (types.is_floating, "number"), (types.is_date, "date"),
        (types.is_timestamp, "timestamp"), (_is_string, "string"), (_is_bytes, "bytes"),
    ):  # fmt: skip
        if test(dtype):
            return kind
    raise RecordError(
        path, dtype, "use booleans, integers, numbers, dates, timestamps, strings, bytes, lists or objects"
    )


def _is_list(dtype: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype))


def _is_string(dtype: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype))


def _is_bytes(dtype: pa.DataType) -> bool:
    from pyarrow import types

    return bool(
        types.is_binary(dtype)
        or types.is_large_binary(dtype)
        or types.is_fixed_size_binary(dtype)
        or types.is_binary_view(dtype)
    )


def _encode_columns(table: pa.Table) -> _Part:
    columns = _by_name([(name, table.column(place)) for place, name in enumerate(table.column_names)])
    return _together([_encode(_whole(column), name, 0) for name, column in columns])


def _encode(values: pa.Array, path: str, depth: int) -> _Part:
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_list(values.type):
        return _encode_list(values, path, depth)
    if types.is_struct(values.type):
        return _encode_object(values, path, depth)
    if _is_string(values.type) or _is_bytes(values.type):
        return _encode_bytes(values, path)
    return _Part([_head(values, _fixed(values, path))], [])


def _fixed(values: pa.Array, path: str) -> NDArray[Any]:
    """Return the fixed parts of a column of scalars, shape (n,), in little-endian order; null is zero."""
    import pyarrow as pa
    from pyarrow import types

    try:
        if types.is_boolean(values.type):
            return np.asarray(_filled(values, pa.bool_(), False).to_numpy(zero_copy_only=False), "u1")
        if types.is_floating(values.type):
            numbers = np.asarray(_filled(values, pa.float64(), 0.0).to_numpy(), "<f8")
            if not np.isfinite(numbers).all():
                place = int(np.flatnonzero(~np.isfinite(numbers))[0])
                raise RecordError(path, numbers[place], "give finite numbers, or leave the value out")
            return numbers + 0.0  # -0.0 + 0.0 is 0.0
        if types.is_date(values.type):
            return np.asarray(_filled(values.cast(pa.date32()), pa.int32(), 0).to_numpy(), "<i4")
        if types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", "UTC"))
        return np.asarray(_filled(values, pa.int64(), 0).to_numpy(), "<i8")
    except pa.ArrowInvalid as error:
        raise RecordError(path, error, "give integers of 64 bits and times of whole microseconds") from None


def _filled(values: pa.Array, dtype: pa.DataType, null: Any) -> pa.Array:
    """Return `values` as `dtype`, with `null` for what is absent; as they are where they are so: tables can have many columns."""
    if values.type != dtype:
        values = values.cast(dtype)
    return values.fill_null(null) if values.null_count else values


def _head(values: pa.Array, fixed: NDArray[Any] | None = None) -> _Head:
    return _Head(values.is_valid().to_numpy(zero_copy_only=False) if values.null_count else None, fixed)


def _together(parts: list[_Part]) -> _Part:
    return _Part(
        [head for part in parts for head in part.heads], [tail for part in parts for tail in part.tails]
    )


def _lengths(lengths: NDArray[Any], path: str) -> NDArray[Any]:
    if len(lengths) and int(lengths.max()) >= 2**32:
        raise RecordError(path, f"{lengths.max()} long", "give values shorter than 2**32")
    return lengths.astype("<u4")


def _encode_bytes(values: pa.Array, path: str) -> _Part:
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_string(values.type):
        values = values.cast(pa.large_string())
    tail = values.cast(pa.large_binary()).fill_null(b"")
    return _Part([_head(values, _lengths(pc.binary_length(tail).to_numpy(), path))], [tail])


def _encode_list(values: pa.Array, path: str, depth: int) -> _Part:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_fixed_size_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    lengths = pc.list_value_length(values).fill_null(0).to_numpy()
    flat = pc.list_flatten(values)
    items = _rows(_encode(flat, path + "[]", depth + 1), len(flat))
    # The items of one list lie side by side, so its tail is a longer slice of the same buffer.
    tail = _binary(items.data, items.offsets[np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))])
    return _Part([_head(values, _lengths(lengths, path))], [tail])


def _encode_object(values: pa.Array, path: str, depth: int) -> _Part:
    names = [field.name for field in values.type]
    fields = _by_name(zip(names, values.flatten(), strict=True))
    parts = [_encode(column, f"{path}.{name}", depth + 1) for name, column in fields]
    return _together([_Part([_head(values)], []), *parts])


def _joined_heads(heads: list[_Head], count: int, prefix: bytes) -> Iterator[NDArray[np.uint8]]:
    """Yield `prefix` and the heads of HASHES rows side by side, shape (rows, width); the next rows take the place of these."""
    width = len(prefix) + sum(1 + (0 if head.fixed is None else head.fixed.itemsize) for head in heads)
    rows = np.ones((max(1, min(HASHES, count)), width), np.uint8)
    rows[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    changing, place = [], len(prefix)
    for present, fixed in heads:
        if present is not None:
            changing.append((rows[:, place], present))
        place += 1
        if fixed is not None:
            # One whole value a row, however it is aligned: much faster than its bytes one by one.
            changing.append((np.ndarray(len(rows), fixed.dtype, rows.data, place, (width,)), fixed))
            place += fixed.itemsize
    for start in range(0, count, HASHES):
        size = min(HASHES, count - start)
        for column, values in changing:
            column[:size] = values[start : start + size]
        yield rows[:size]


def _joined_rows(part: _Part, count: int, prefix: bytes) -> pa.Array:
    """Return `prefix`, heads and tails joined row by row, a large_binary array of length `count`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = b"".join(rows.tobytes() for rows in _joined_heads(part.heads, count, prefix))
    heads = _binary(data, np.arange(count + 1, dtype=np.int64) * (len(data) // max(count, 1)))
    if not part.tails or not count:
        return heads
    return pc.binary_join_element_wise(heads, *part.tails, pa.scalar(b"", pa.large_binary()))


def _rows(part: _Part, count: int, prefix: bytes = b"") -> Records:
    """Join `prefix`, heads and tails row by row."""
    _, ends, data = _joined_rows(part, count, prefix).buffers()
    return Records(data.to_pybytes(), np.frombuffer(ends, np.int64, count + 1))


def _binary(data: bytes, offsets: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def json_bytes(document: Any) -> bytes:
    """Return the canonical JSON of `document` (RFC 8785): the bytes that are hashed, stored and signed.

    Integers lie within ±(2**53 - 1). Raises InputError for larger ones, NaN, infinities, lone surrogates and what JSON cannot hold.
    """
    try:
        return "".join(_json(document, 0)).encode()
    except UnicodeEncodeError:
        raise InputError("document", "text with a lone surrogate", "give valid Unicode text") from None


def check_depth(document: bytes, limit: int = MAX_DOCUMENT_DEPTH) -> None:
    """Raise ValueError if brackets in `document` nest deeper than `limit`: a reader of JSON could run out of stack, and die of it."""
    marks = np.frombuffer(document, np.uint8)
    opened = (marks == ord("[")) | (marks == ord("{"))
    closed = (marks == ord("]")) | (marks == ord("}"))
    if np.max(np.cumsum(opened.astype(np.int64) - closed), initial=0) > limit:
        raise ValueError(f"nested more than {limit} deep")


def _json(value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DOCUMENT_DEPTH:
        raise InputError("document", f"nested {depth} deep", f"nest at most {MAX_DOCUMENT_DEPTH} levels")
    if value is None or isinstance(value, bool):
        yield {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise InputError("document", value, "give integers within ±(2**53 - 1), or write them as text")
        yield str(int(value))
    elif isinstance(value, float):
        yield _ecmascript(value)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield "," if place else "["
            yield from _json(item, depth + 1)
        yield "]" if value else "[]"
    elif isinstance(value, dict):
        yield from _json_object(value, depth)
    else:
        raise InputError(
            "document", type(value).__name__, "use text, numbers, true, false, null, arrays and objects"
        )


def _json_object(value: dict[Any, Any], depth: int) -> Iterator[str]:
    if not all(isinstance(name, str) for name in value):
        raise InputError("document", "a name that is not text", "name the members of objects by text")
    # RFC 8785 §3.2.3 sorts names by UTF-16 code units.
    for place, name in enumerate(sorted(value, key=lambda name: name.encode("utf-16-be"))):
        yield "," if place else "{"
        yield json.dumps(name, ensure_ascii=False)
        yield ":"
        yield from _json(value[name], depth + 1)
    yield "}" if value else "{}"


def _ecmascript(number: float) -> str:
    """Write a double as ECMAScript does (RFC 8785 §3.2.2.3): the shortest digits that read back as the same number."""
    if not math.isfinite(number):
        raise InputError("document", number, "give finite numbers")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, power = f"{abs(number)!r}e0".partition("e")
    exponent = int(power.removesuffix("e0") or 0)
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + exponent if whole.strip("0") else exponent - (len(part) - len(part.lstrip("0")))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    scale = f"{point - 1:+d}"
    return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{scale}"
