"""Parquet in and out. What a file would unfold to is counted from its headers before a page is decoded.

Layout and field numbers: https://github.com/apache/parquet-format; integers as in Thrift's compact protocol.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from sheaf.domain.canonical import MAX_DEPTH
from sheaf.domain.errors import RecordError
from sheaf.formats.casting import check_names
from sheaf.formats.limits import Limits, check_column_count, check_records

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"PAR1"
MAX_FOOTER = 4 << 20
MAX_PAGES = 100_000
MAX_HEADER = 1 << 16
ROW_GROUP = 1 << 16
BYTE_ARRAY = 6
WIDTHS = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8, BYTE_ARRAY: 8}  # bytes of a value by physical type
FIX = "write the file again: it is broken or cut short"


def write(table: pa.Table) -> bytes:
    """Return `table` as Parquet (zstd): the same table gives the same bytes with the same version of Arrow."""
    sink = io.BytesIO()
    write_to(table, sink)
    return sink.getvalue()


def write_to(table: pa.Table, sink: Any) -> None:
    """Write `table` as Parquet (zstd) to a path or binary file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
    pq.write_table(
        table.replace_schema_metadata(None),
        sink,
        compression="zstd",
        store_schema=False,
        use_dictionary=plain or False,
        row_group_size=ROW_GROUP,
    )


def read(data: bytes, limits: Limits | None = None) -> pa.Table:
    """Read Parquet. Raises RecordError where the file is broken, or would unfold to more than `limits` (default: `Limits()`)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    limits = limits or Limits()
    leaves = check(data, limits)
    # Repeated values stay folded until their size is known.
    folded = [leaf.path for leaf in leaves if leaf.type == BYTE_ARRAY]
    try:
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=folded, page_checksum_verification=True)
        table = file.read()
        _check_expansion(table, limits)
        table = _decoded(table)
        table.validate(full=True)
    except (pa.ArrowException, OSError, LookupError, MemoryError, OverflowError, ValueError) as error:
        unknown = "implemented" in str(error)
        raise RecordError(
            "file", error, "write it with plain or dictionary encoding" if unknown else FIX
        ) from None
    check_records(table.num_rows, limits)
    return table.replace_schema_metadata(None)


def check(data: bytes, limits: Limits | None = None) -> list[_Leaf]:
    """Return the columns of a Parquet file without decoding a page. Raises RecordError where its headers are broken or beyond `limits`."""
    limits = limits or Limits()
    leaves, groups = _footer(data, limits)
    _check_sizes(data, leaves, groups, limits)
    return leaves


class _Leaf(NamedTuple):
    """A column that holds values: its dotted path, physical type and, where the type has one, its length."""

    path: str
    type: int
    length: int


def _footer(data: bytes, limits: Limits) -> tuple[list[_Leaf], list[Any]]:
    """Return the columns and the row groups of the footer, read without Arrow: some broken footers end its process."""
    if len(data) < 12 or data[:4] != MAGIC or data[-4:] != MAGIC:
        raise RecordError("file", "no Parquet, or cut short", FIX)
    size = int.from_bytes(data[-8:-4], "little")
    if not 0 < size <= len(data) - 12 or size > MAX_FOOTER:
        raise RecordError("file", f"a footer of {size} bytes", FIX)
    footer = _Compact(data, len(data) - 8 - size, len(data) - 8).struct()
    elements, rows, groups = footer.get(2), footer.get(3), footer.get(4)
    if (
        not isinstance(elements, list)
        or not isinstance(rows, int)
        or not isinstance(groups, list)
        or rows < 0
    ):
        raise RecordError("file", "a footer without schema or rows", FIX)
    check_records(rows, limits)
    return _leaves(elements, limits), groups


def _leaves(elements: list[Any], limits: Limits) -> list[_Leaf]:
    """Return the columns of a schema; refuse a tree that is malformed, nests too deep, or doubles a name."""
    names: list[str] = []
    leaves: list[_Leaf] = []
    path: list[tuple[str, int]] = []
    left: list[int] = [1]
    for element in elements:
        while not left[-1]:
            left.pop()
            if not left:
                raise RecordError("file", "a malformed schema", FIX)
            path.pop()
        left[-1] -= 1
        name, children, kind = _element(element)
        if len(left) == 2:
            names.append(name)
        if len(left) > 3 * MAX_DEPTH:  # a list is two levels in Parquet, and an object within it one more
            raise RecordError("columns", f"nested {len(left)} deep", f"nest at most {MAX_DEPTH} levels")
        if children:
            path.append((name, children))
            left.append(children)
        elif len(left) > 1:
            leaves.append(_Leaf(".".join([*(part for part, _ in path[1:]), name]), kind, element.get(2, 0)))
    if any(left):
        raise RecordError("file", "a malformed schema", FIX)
    check_column_count(max(len(names), len(leaves)), limits)
    check_names(names)
    check_names([leaf.path for leaf in leaves])  # Arrow finds columns by dotted path
    return leaves


def _element(element: Any) -> tuple[str, int, int]:
    if isinstance(element, dict):
        name, children, kind = element.get(4, b""), element.get(5, 0), element.get(1, -1)
        if isinstance(name, bytes) and isinstance(children, int) and isinstance(kind, int) and children >= 0:
            try:
                return name.decode(), children, kind
            except UnicodeDecodeError:
                raise RecordError("columns", repr(name), "give names in UTF-8") from None
    raise RecordError("file", "a malformed schema", FIX)


def _check_sizes(data: bytes, leaves: list[_Leaf], groups: list[Any], limits: Limits) -> None:
    """Add up what all pages unfold to, from the header that decides it: that of each page itself."""
    total = pages = 0
    for group in groups:
        chunks = group.get(1) if isinstance(group, dict) else None
        if not isinstance(chunks, list) or len(chunks) != len(leaves):
            raise RecordError("file", "a malformed row group", FIX)
        for leaf, chunk in zip(leaves, chunks, strict=True):
            width = WIDTHS.get(leaf.type) or max(leaf.length, 1)
            for unfolded, values in _pages(data, chunk):
                total, pages = total + max(unfolded, values * width), pages + 1
                if total > limits.max_decoded_bytes:
                    _refuse_size(total, limits)
                if pages > MAX_PAGES:
                    raise RecordError("file", f"more than {MAX_PAGES} pages", "write larger pages")


def _pages(data: bytes, chunk: Any) -> Iterator[tuple[int, int]]:
    """Yield bytes and number of values of each page of a column chunk, as its header has them."""
    about = chunk.get(3) if isinstance(chunk, dict) and 1 not in chunk else None
    if not isinstance(about, dict) or not all(isinstance(about.get(key), int) for key in (5, 9)):
        raise RecordError("file", "a malformed column", FIX)
    position, left = about[9], about[5]
    if isinstance(about.get(11), int) and about[11] > 0:
        position = min(position, about[11])
    while left > 0:
        reader = _Compact(data, position, min(position + MAX_HEADER, len(data)))
        header = reader.struct()
        unfolded, folded = header.get(2, -1), header.get(3, -1)
        body: dict[int, Any] = next(
            (header[key] for key in (5, 7, 8) if isinstance(header.get(key), dict)), {}
        )
        values = body.get(1, 0)
        if not all(isinstance(number, int) and number >= 0 for number in (unfolded, folded, values)):
            raise RecordError("file", "a malformed page header", FIX)
        yield unfolded, values
        if 7 not in header:
            left -= values
        position = reader.position + folded
        if position > len(data):
            raise RecordError("file", "pages beyond its end", FIX)


def _check_expansion(table: pa.Table, limits: Limits) -> None:
    """Refuse repeated values that, unfolded, exceed the limit."""
    total = sum(_expanded(chunk) for column in table.columns for chunk in column.chunks)
    if total > limits.max_decoded_bytes:
        _refuse_size(total, limits)


def _expanded(values: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        if not len(values.dictionary):
            return 0
        lengths = pc.binary_length(values.dictionary).cast(pa.int64())
        return int(pc.sum(lengths.take(values.indices)).as_py() or 0)
    if pa.types.is_struct(values.type):
        return sum(map(_expanded, values.flatten()))
    if pa.types.is_nested(values.type) and hasattr(values, "values"):
        return _expanded(values.values)
    return int(values.nbytes)


def _decoded(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])
    return table if schema == table.schema else table.cast(schema)


def _plain(dtype: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_dictionary(dtype):
        return _plain(dtype.value_type)
    if pa.types.is_list(dtype):
        return pa.list_(_plain(dtype.value_type))
    if pa.types.is_struct(dtype):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in dtype])
    return dtype


def _refuse_size(total: int, limits: Limits) -> NoReturn:
    value = f"unfolds to {total:,} bytes or more"
    raise RecordError("file", value, f"give at most {limits.max_decoded_bytes:,} bytes, unfolded")


class _Compact:
    """A reader of Thrift's compact protocol, bounded in length and depth; structs become dicts of field number to value."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data, self.position, self.end = data, position, end
        if not 0 <= position < end <= len(data):
            raise RecordError("file", "a header outside of it", FIX)

    def byte(self) -> int:
        if self.position >= self.end:
            raise RecordError("file", "a header cut short", FIX)
        self.position += 1
        return self.data[self.position - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise RecordError("file", "a number beyond 64 bits", FIX)

    def integer(self) -> int:
        raw = self.varint()
        return (raw >> 1) ^ -(raw & 1)

    def binary(self) -> bytes:
        size = self.varint()
        if size > self.end - self.position:
            raise RecordError("file", "a header cut short", FIX)
        self.position += size
        return self.data[self.position - size : self.position]

    def struct(self, depth: int = 0) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self.byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self.integer()
            fields[number] = kind == 1 if kind in (1, 2) else self.value(kind, depth)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if depth > 8:
            raise RecordError("file", "a header nested too deep", FIX)
        if kind in (1, 2, 3):
            return self.byte()
        if kind in (4, 5, 6):
            return self.integer()
        if kind == 7:
            self.position += 8
            return None
        if kind == 8:
            return self.binary()
        if kind in (9, 10):
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.varint()
            if count > self.end - self.position:
                raise RecordError("file", "a header cut short", FIX)
            return [self.value(head & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.struct(depth=depth + 1)
        raise RecordError("file", f"a header field of kind {kind}", FIX)
