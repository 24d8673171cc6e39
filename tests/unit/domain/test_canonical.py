"""Canonical bytes: one form for each record and each document."""

from __future__ import annotations

import datetime
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.canonical import (
    BATCH_BYTES,
    HASHES,
    digest_rows,
    fingerprint_keys,
    json_bytes,
    record_bytes,
    record_digests,
    schema_digest,
)
from sheaf.domain.errors import InputError, RecordError

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "rfc8785.json").read_text())
UTC = datetime.UTC
ITEM = pa.struct({"role": pa.string(), "score": pa.float64()})
SCHEMA = pa.schema({
    "text": pa.string(), "count": pa.int64(), "ratio": pa.float64(), "flag": pa.bool_(), "blob": pa.binary(),
    "day": pa.date32(), "at": pa.timestamp("us", "UTC"), "tags": pa.list_(pa.string()), "turns": pa.list_(ITEM),
})  # fmt: skip

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
turn = st.fixed_dictionaries({"role": st.none() | text, "score": st.none() | finite})
record = st.fixed_dictionaries({
    "text": st.none() | text, "count": st.none() | st.integers(-(2**63), 2**63 - 1), "ratio": st.none() | finite,
    "flag": st.none() | st.booleans(), "blob": st.none() | st.binary(max_size=5), "day": st.none() | st.dates(),
    "at": st.none() | st.datetimes(timezones=st.just(UTC)), "tags": st.none() | st.lists(st.none() | text, max_size=3),
    "turns": st.none() | st.lists(st.none() | turn, max_size=2),
})  # fmt: skip


def rows_of(table: pa.Table) -> list[bytes]:
    records = record_bytes(table)
    return [records.data[a:b] for a, b in zip(records.offsets, records.offsets[1:], strict=False)]


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def slow(value: Any, dtype: pa.DataType) -> tuple[bytes, bytes]:
    """Return head and tail of one value, written from the module's description, one value at a time."""
    there = b"\0" if value is None else b"\1"
    if pa.types.is_struct(dtype):
        fields = sorted(dtype, key=lambda field: field.name.encode())
        parts = [slow(None if value is None else value[field.name], field.type) for field in fields]
        return there + b"".join(head for head, _ in parts), b"".join(tail for _, tail in parts)
    if pa.types.is_list(dtype):
        items = [b"".join(slow(item, dtype.value_type)) for item in value or []]
        return there + u32(len(items)), b"".join(items)
    if pa.types.is_string(dtype) or pa.types.is_binary(dtype):
        tail = (value.encode() if isinstance(value, str) else value) or b"" if value is not None else b""
        return there + u32(len(tail)), tail
    if pa.types.is_date(dtype):
        return there + struct.pack(
            "<i", 0 if value is None else (value - datetime.date(1970, 1, 1)).days
        ), b""
    if pa.types.is_timestamp(dtype):
        since = (value or datetime.datetime(1970, 1, 1, tzinfo=UTC)) - datetime.datetime(
            1970, 1, 1, tzinfo=UTC
        )
        return there + struct.pack("<q", since // datetime.timedelta(microseconds=1)), b""
    form = "?" if pa.types.is_boolean(dtype) else "<q" if pa.types.is_integer(dtype) else "<d"
    return there + struct.pack(form, (value or 0) if form != "<d" else (value or 0.0) + 0.0), b""


@given(st.lists(record, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_vectorised_form_is_the_described_form(records: list[dict[str, Any]]) -> None:
    """Bytes made a column at a time equal bytes made a value at a time from the written description."""
    table = pa.Table.from_pylist(records, SCHEMA)
    expected = []
    for one in records:
        head, tail = slow(one, pa.struct(list(SCHEMA)))
        expected.append(schema_digest(SCHEMA) + head[1:] + tail)
    assert rows_of(table) == expected


@given(record, record)
@settings(max_examples=60, deadline=None)
def test_different_records_never_share_bytes(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two records have the same canonical bytes exactly when their values are equal."""
    first, second = rows_of(pa.Table.from_pylist([one, other], SCHEMA))
    assert (first == second) == (one == other)


@given(st.lists(record, min_size=1, max_size=3), st.permutations(SCHEMA.names))
@settings(max_examples=30, deadline=None)
def test_the_order_of_columns_does_not_matter(records: list[dict[str, Any]], order: list[str]) -> None:
    """A table with its columns in another order has the same canonical records."""
    table = pa.Table.from_pylist(records, SCHEMA)
    assert record_bytes(table.select(order)).data == record_bytes(table).data


def test_the_arrow_encoding_does_not_matter() -> None:
    """Chunks, slices, dictionaries, narrow integers and large or view types give the bytes of the plain table."""
    plain = pa.table({"s": ["a", "b", None, "a"], "i": [1, 2, 3, None], "l": [["x"], None, [], ["y", None]]})
    same = pa.table({
        "l": pa.chunked_array([[["x"], None], [[], ["y", None]]], pa.large_list(pa.large_string())),
        "i": pa.array([0, 1, 2, 3, None], pa.int16())[1:],
        "s": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    })  # fmt: skip
    assert record_bytes(same).data == record_bytes(plain).data
    fixed = pa.table({"v": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))})
    loose = pa.table({"v": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32()))})
    assert record_bytes(fixed).data == record_bytes(loose).data


def test_what_lies_under_a_null_does_not_matter() -> None:
    """Values hidden beneath a null, as Arrow allows, do not reach the canonical form."""
    hidden = pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array([7, 8, 9]), mask=pa.array([True, False]))
    assert record_bytes(pa.table({"v": hidden})).data == record_bytes(pa.table({"v": [None, [9]]})).data
    mask = pa.array([True, False])
    hidden = pa.StructArray.from_arrays([pa.array([7, 8])], ["a"], mask=mask)
    assert record_bytes(pa.table({"v": hidden})).data == record_bytes(pa.table({"v": [None, {"a": 8}]})).data


def test_negative_zero_is_zero() -> None:
    """-0.0 and 0.0 are the same value and have the same bytes."""
    assert record_bytes(pa.table({"x": [-0.0]})).data == record_bytes(pa.table({"x": [0.0]})).data


def test_kinds_and_names_are_pinned() -> None:
    """The same bits under another name or kind are another record."""
    tables = [
        pa.table({"a": [1]}),
        pa.table({"b": [1]}),
        pa.table({"a": [1.0]}),
        pa.table({"a": ["1"]}),
        pa.table({"a": [b"1"]}),
    ]
    assert len({record_digests(table) for table in tables}) == len(tables)


def test_a_record_has_a_known_digest() -> None:
    """The canonical form does not drift: a fixed record has a fixed digest."""
    table = pa.table({"label": [7], "text": ["seven"]})
    kinds = b'{"record":[["label","integer"],["text","string"]]}'
    row = hashlib.sha256(kinds).digest() + b"\1" + struct.pack("<q", 7) + b"\1" + u32(5) + b"seven"
    assert record_digests(table) == hashlib.sha256(row).digest()
    assert record_digests(table).hex() == "bcf09917241ed409289c6e532dbb948e6bd5273dd140c9d5bc2ccc37b1306aa4"


def test_digests_do_not_depend_on_batches() -> None:
    """Digests of many records equal those of each record alone, across the borders of batches, fixed or variable in width."""
    count = HASHES + 3
    for column in (np.arange(count), [str(i) for i in range(count)]):
        table = pa.table({"v": column})
        rows = rows_of(table)
        assert record_digests(table) == b"".join(hashlib.sha256(row).digest() for row in rows)


def test_large_records_are_taken_in_small_batches() -> None:
    """Records of megabytes are encoded a few at a time and hash to the same digests."""
    blob = bytes(BATCH_BYTES // 2)
    table = pa.table({"image": [blob, blob, b"x"]})
    digests = record_digests(table)
    assert digests[:32] == digests[32:64] != digests[64:]
    assert digests[64:] == record_digests(table.slice(2))


def test_no_records_give_no_digests() -> None:
    """A table without rows has an empty canonical form."""
    assert record_digests(pa.table({"a": pa.array([], pa.string())})) == b""
    assert record_bytes(pa.table({"a": pa.array([], pa.string())})).data == b""
    assert record_bytes(pa.table({"a": pa.chunked_array([], pa.int64())})).data == b""


def test_fingerprints_are_the_first_eight_bytes() -> None:
    """The key of a record is the first 64 bits of its digest."""
    digests = digest_rows(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert fingerprint_keys(digests).tolist() == [
        int.from_bytes(digests[:8], "little"),
        int.from_bytes(digests[32:40], "little"),
    ]


def nested(depth: int) -> pa.DataType:
    return pa.list_(nested(depth - 1)) if depth else pa.int64()


@pytest.mark.parametrize(
    ("table", "field", "word"),
    [
        (pa.table({"x": [1.0, float("nan")]}), "x", "finite"),
        (pa.table({"x": [[float("inf")]]}), "x[]", "finite"),
        (pa.table({"x": pa.array([2**63], pa.uint64())}), "x", "64 bits"),
        (pa.table({"x": pa.array([1], pa.timestamp("ns", "UTC"))}), "x", "microseconds"),
        (pa.table({"x": pa.array([1], pa.timestamp("us"))}), "x", "time zone"),
        (pa.table({"x": pa.nulls(1)}), "x", "use booleans"),
        (pa.table({"x": pa.array([1], pa.decimal128(5))}), "x", "use booleans"),
        (pa.table({"x": pa.array([{}], pa.struct([]))}), "x", "use booleans"),
        (pa.table({"x": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}), "x", "use booleans"),
        (pa.table([[1], [2]], names=["x", "x"]), "x", "name of its own"),
        (pa.table({"o": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])}), "o.a", "name of its own"),
        (pa.table({"x": pa.array([], nested(9))}), "nested 9 deep", "nest at most"),
        (pa.table({}), "columns", "at least one column"),
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(table: pa.Table, field: str, word: str) -> None:
    """A value or type without one canonical form is refused by the name of its field and with a way out."""
    with pytest.raises(RecordError) as refusal:
        record_digests(table) if table.num_rows else record_bytes(table)
    assert field in str(refusal.value)
    assert word in refusal.value.fix
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("bits", "expected"), GOLDEN["numbers"])
def test_numbers_are_written_as_rfc_8785_does(bits: str, expected: str) -> None:
    """Every number of appendix B of RFC 8785 has the text given there."""
    assert json_bytes(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == expected


def test_strings_and_names_are_written_as_rfc_8785_does() -> None:
    """Escapes are those of RFC 8785 §3.2.2.2, and names are sorted by UTF-16 code units."""
    for given_text, expected in GOLDEN["strings"]:
        assert json_bytes(given_text).hex() == expected
    names = GOLDEN["sorted_names"]
    assert list(json.loads(json_bytes(dict.fromkeys(reversed(names), 0)))) == names


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | finite.filter(lambda x: abs(x) < 2**53)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_documents_read_back_and_are_written_once(document: Any) -> None:
    """Canonical JSON reads back as the document it was made of, and writing that again gives the same bytes."""
    written = json_bytes(document)
    assert json.loads(written) == document
    assert json_bytes(json.loads(written)) == written


@given(finite)
@settings(max_examples=200, deadline=None)
def test_numbers_read_back(number: float) -> None:
    """The text of a number reads back as the same double."""
    assert float(json_bytes(number)) == number


def deep() -> list[Any]:
    inner: list[Any] = []
    for _ in range(5000):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (float("nan"), "finite"), ([float("inf")], "finite"), (2**53, "2**53 - 1"), ({1: 2}, "by text"), (b"x", "use text"),
        ("\ud800", "Unicode"), ({"\udfff": 1}, "Unicode"), (deep(), "at most 64"), ({1, 2}, "use text"),
    ],
)  # fmt: skip
def test_what_canonical_json_cannot_hold_is_refused(document: Any, word: str) -> None:
    """Values without one canonical text are refused with a way out."""
    with pytest.raises(InputError) as refusal:
        json_bytes(document)
    assert word in refusal.value.fix
