"""Readers of records: what they take, and how each hostile or mistaken file is refused."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sheaf.domain.canonical import record_digests
from sheaf.domain.errors import RecordError
from sheaf.formats import parquet, records, schema
from sheaf.formats.limits import Limits

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "n"],
    "properties": {
        "text": {"type": "string"},
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "ok": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "at": {"type": "string", "format": "date-time"},
        "about": {"type": "object", "properties": {"who": {"type": "string"}}},
    },
}
FOLDER: dict[str, Any] = {
    "type": "object",
    "required": ["image", "label"],
    "properties": {
        "label": {"type": "integer"},
        "image": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
    },
}
ROWS = [
    {"text": "a, \"b\"\nc", "n": -7, "x": 0.25, "ok": True, "tags": ["p", "q"], "at": None, "about": {"who": "me"}},
    {"text": "", "n": 2**63 - 1, "x": None, "ok": None, "tags": [], "at": "2026-11-21T10:30:00Z", "about": None},
]  # fmt: skip


def refused(
    path: Path, document: dict[str, Any] | None = SCHEMA, limits: Limits | None = None
) -> RecordError:
    """Read a file that must be refused in one line, leaving nothing behind."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(RecordError) as refusal:
        records.read(path, document, limits=limits)
    assert sorted(path.parent.rglob("*")) == before
    assert str(refusal.value).isprintable()
    assert refusal.value.fix
    return refusal.value


def encode(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def png(width: int = 3, height: int = 2, shade: int = 0) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (width, height), shade).save(sink, "PNG")
    return sink.getvalue()


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return '"' + text.replace('"', '""') + '"'


def test_all_kinds_of_file_give_the_same_records(tmp_path: Path) -> None:
    """The same records as CSV, JSON Lines and Parquet have the same canonical digests."""
    lines = [
        ",".join(SCHEMA["properties"]),
        *(",".join(csv_cell(row[name]) for name in SCHEMA["properties"]) for row in ROWS),
    ]
    (tmp_path / "a.csv").write_text("\r\n".join(lines) + "\r\n", newline="")
    (tmp_path / "b.csv").write_text("\ufeff" + "\n".join(lines))
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, ROWS)) + "\n")
    (tmp_path / "a.ndjson").write_text("\ufeff" + "\n".join(map(json.dumps, ROWS)))
    first = records.read(tmp_path / "a.csv", SCHEMA)
    (tmp_path / "a.parquet").write_bytes(parquet.write(first))
    (tmp_path / "A.PARQUET").write_bytes(encode(first, compression="snappy", data_page_version="2.0"))
    assert first.column("text").to_pylist() == [ROWS[0]["text"], ""]
    for path in tmp_path.iterdir():
        assert record_digests(records.read(str(path), schema.compile(SCHEMA))) == record_digests(first), (
            path.name
        )


def test_types_are_inferred_without_a_schema(tmp_path: Path) -> None:
    """Without a schema the types are those that all values share."""
    (tmp_path / "b.csv").write_text('n,s\n1,"x"\n2,\n')
    assert records.read(tmp_path / "b.csv").to_pylist() == [{"n": 1, "s": "x"}, {"n": 2, "s": None}]
    (tmp_path / "b.jsonl").write_text('{"n": 1}\n{"n": 2, "s": ["x"]}\n')
    assert records.read(tmp_path / "b.jsonl").to_pylist() == [{"n": 1, "s": None}, {"n": 2, "s": ["x"]}]
    refused_without = {
        "c.jsonl": '{"n": 1}\n{"n": "x"}', "d.jsonl": '{"n": 1e999}', "e.jsonl": '{"n": 9223372036854775808}', "f.csv": "n\nnan\n",
        "g.csv": "t\n2026-11-21 10:00:00\n", "h.jsonl": '{"": 1}',
    }  # fmt: skip
    for name, text in refused_without.items():
        (tmp_path / name).write_text(text)
        refused(tmp_path / name, None)


def test_json_types_may_differ_between_batches(tmp_path: Path) -> None:
    """A field that is null in all of the first thousands of records takes its type from later ones."""
    (tmp_path / "a.jsonl").write_text('{"n": null}\n' * 8192 + '{"n": 1}\n')
    assert records.read(tmp_path / "a.jsonl").column("n").null_count == 8192
    (tmp_path / "b.jsonl").write_text('{"n": 1}\n' * 8192 + '{"n": "x"}\n')
    refused(tmp_path / "b.jsonl", None)


TEXTS: dict[str, tuple[str, bytes, str, str]] = {
    "ragged, long": ("a.csv", b"text,n\na,1\nb,2,3\n", "row 3", "give 2 cells"),
    "ragged, short": ("a.csv", b"text,n\na\n", "row 2", "give 2 cells"),
    "no header": ("a.csv", b"\n\n", "columns", "give this column"),
    "no rows": ("a.csv", b"text,n\n", "records", "at least one"),
    "empty file": ("a.csv", b"", "file", "empty"),
    "duplicate columns": ("a.csv", b"text,n,n\na,1,2\n", "columns", "name of its own"),
    "column without name": ("a.csv", b"text,n,\na,1,2\n", "columns", "name of its own"),
    "foreign column": ("a.csv", b"text,n,m\na,1,2\n", "columns", "leave this column out"),
    "missing column": ("a.csv", b"text\na\n", "columns", "requires it"),
    "semicolons": ("a.csv", b"text;n\na;1\n", "header", "commas"),
    "tabs": ("a.csv", b"text\tn\na\t1\n", "header", "commas"),
    "open quote": ("a.csv", b'text,n\n"a,1\nb,2\n', "file", "quotation mark"),
    "open quote in the header": ("a.csv", b'"text,n\na,1\n', "header", "names of the columns"),
    "absurd column count": ("a.csv", b",".join(b"c%d" % i for i in range(1001)), "columns", "at most 1000"),
    "no number": ("a.csv", b"text,n\na,1\nb,one\n", "record 1, n", "integer"),
    "a fraction": ("a.csv", b"text,n\na,1.5\n", "record 0, n", "integer"),
    "integer out of range": ("a.csv", b"text,n\na,9223372036854775808\n", "record 0, n", "64 bits"),
    "NaN": ("a.csv", b"text,n,x\na,1,0.5\nb,1,NaN\n", "record 1, x", "finite"),
    "infinity": ("a.csv", b"text,n,x\na,1,-inf\n", "record 0, x", "finite"),
    "no boolean": ("a.csv", b"text,n,ok\na,1,yes\n", "record 0, ok", "true or false"),
    "time without zone": ("a.csv", b"text,n,at\na,1,2026-11-21T10:30:00\n", "record 0, at", "zone"),
    "broken list": ("a.csv", b'text,n,tags\na,1,"[""p"""\n', "record 0, tags", "give a list"),
    "list of foreign items": ("a.csv", b'text,n,tags\na,1,"[1]"\n', "record 0, tags[]", "text"),
    "foreign member": ("a.csv", b'text,n,about\na,1,"{""age"": 1}"\n', "record 0", "leave this field out"),
    "invalid UTF-8": ("a.csv", b"text,n\na,1\n\xff\xfe,2\n", "line 3", "UTF-8"),
    "mixed encodings": ("a.csv", "text,n\nGrüße,1\n".encode() + "Grüße,2\n".encode("latin-1"), "line 3", "UTF-8"),
    "cut within a character": ("a.csv", "text,n\na,1\nü".encode()[:-1], "line 3", "UTF-8"),
    "UTF-16 with mark": ("a.csv", "text,n\na,1\n".encode("utf-16"), "file", "UTF-8"),
    "UTF-16 without mark": ("a.csv", "text,n\na,1\n".encode("utf-16-le"), "line 1", "UTF-8"),
    "UTF-32": ("a.jsonl", '{"n":1}'.encode("utf-32"), "file", "UTF-8"),
    "NUL": ("a.csv", b"text,n\na\0b,1\n", "line 2", "UTF-8"),
    "gzip under a plain name": ("a.csv", b"\x1f\x8b\x08\0" + bytes(20), "file", "plain text"),
    "zip under a plain name": ("a.jsonl", b"PK\x03\x04" + bytes(20), "file", "plain text"),
    "Parquet under a plain name": ("a.csv", b"PAR1" + bytes(20), "file", "plain text"),
    "a gzip file": ("a.csv.gz", b"\x1f\x8b", "file", "unpack"),
    "a zip bomb": ("bomb.zip", b"PK\x03\x04", "file", "unpack"),
    "unknown kind": ("a.xlsx", b"PK", "file", ".parquet"),
    "member twice": ("a.jsonl", b'{"text": "a", "n": 1, "n": 2}', "line 1", "each member once"),
    "member twice, deep": ("a.jsonl", b'{"text": "a", "n": 1, "about": {"who": "a", "who": "b"}}', "line 1", "each member once"),
    "JSON NaN": ("a.jsonl", b'{"text": "a", "n": 1, "x": NaN}', "line 1", "JSON"),
    "JSON infinity": ("a.jsonl", b'{"text": "a", "n": 1, "x": 1e999}', "record 0, x", "finite"),
    "JSON integer out of range": ("a.jsonl", b'{"text": "a", "n": 9223372036854775808}', "record 0, n", "64 bits"),
    "endless integer": ("a.jsonl", b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "line 1", "JSON"),
    "integer that no float holds": ("a.jsonl", b'{"text": "a", "n": 1, "x": 9007199254740993}', "record 0, x", "exactly"),
    "JSON fraction": ("a.jsonl", b'{"text": "a", "n": 1}\n{"text": "a", "n": 1.5}', "record 1, n", "integer"),
    "boolean for an integer": ("a.jsonl", b'{"text": "a", "n": true}', "record 0, n", "integer"),
    "text for an integer": ("a.jsonl", b'{"text": "a", "n": "1"}', "record 0, n", "integer"),
    "number for a text": ("a.jsonl", b'{"text": 1, "n": 1}', "record 0, text", "text"),
    "object for a list": ("a.jsonl", b'{"text": "a", "n": 1, "tags": {}}', "record 0, tags", "list"),
    "foreign field": ("a.jsonl", b'{"text": "a", "n": 1, "m": 1}', "record 0", "leave this field out"),
    "lone surrogate": ("a.jsonl", b'{"text": "\\ud800", "n": 1}', "record 0, text", "Unicode"),
    "bottomless": ("a.jsonl", b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 1", "JSON"),
    "not an object": ("a.jsonl", b"[1]", "line 1", "object"),
    "empty object": ("a.jsonl", b"{}", "line 1", "object"),
    "two on a line": ("a.jsonl", b'{"n": 1}{"n": 1}', "line 1", "one JSON object"),
    "cut short": ("a.jsonl", b'{"text": "a", "n": 1}\n{"text": "a', "line 2", "one JSON object"),
    "only blank lines": ("a.jsonl", b"\n \n", "records", "at least one"),
    "a terminal command": ("a.jsonl", b'{"text": "a", "n": "\\u001b[2J\\u202e"}', "record 0, n", "integer"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_broken_text_is_refused(tmp_path: Path, name: str) -> None:
    """Each way in which a text file can be wrong is refused by place and with a way out."""
    file, data, field, fix = TEXTS[name]
    (tmp_path / file).write_bytes(data)
    refusal = refused(tmp_path / file)
    assert refusal.field == field
    assert fix in refusal.fix


def test_limits_are_kept(tmp_path: Path) -> None:
    """More records, columns or bytes than allowed are refused before they are all read."""
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 11)
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n' * 11)
    (tmp_path / "w.jsonl").write_text('{"a": 1, "b": 2}')
    (tmp_path / "a.parquet").write_bytes(encode(pa.table({"n": range(11)})))
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert "at most 10" in refused(tmp_path / name, None, Limits(max_records=10)).fix
        assert "at most 10 bytes" in refused(tmp_path / name, None, Limits(max_bytes=10)).fix
        assert records.read(tmp_path / name, limits=Limits(max_records=11)).num_rows == 11
    assert "at most 1" in refused(tmp_path / "w.jsonl", None, Limits(max_columns=1)).fix


def test_a_row_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell larger than a block of the reader is refused, not swallowed."""
    monkeypatch.setattr("sheaf.formats.text.BLOCK", 1 << 10)
    (tmp_path / "a.csv").write_text("text,n\n" + "a" * 5000 + ",1\n")
    assert refused(tmp_path / "a.csv").field == "rows"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """Missing files, pipes and files without permission are refused at once."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert "regular" in refused(tmp_path / "pipe.csv").fix
    assert "exists" in refused(tmp_path / "none.csv").fix
    (tmp_path / "a").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert "readable" in refused(tmp_path / "loop.csv").fix


def repeated(size: int, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["a" * size]))


def many_rows() -> bytes:
    """A valid file whose footer says ten thousand million rows."""
    data = encode(pa.table({"n": list(range(100))}), store_schema=False)
    size = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - size : -8].replace(b"\x16\xc8\x01", b"\x16" + bytes.fromhex("80c8afa04a"))
    assert len(footer) > size
    return data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def invalid_utf8() -> pa.Array:
    return pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 2)), pa.py_buffer(b"\xff\xfe"))


def nest(depth: int) -> pa.DataType:
    return pa.list_(nest(depth - 1)) if depth else pa.int64()


BOMB = repeated(1 << 20, 16_384)
GOOD = encode(pa.table({"n": range(1000), "s": ["a", "bc"] * 500, "l": [["x"], []] * 500}))
PARQUETS: dict[str, tuple[bytes, str]] = {
    "10 GB declared in 1 KB": (many_rows(), "at most 16384"),
    "16 GB of one text in 1 KB": (encode(pa.table({"n": BOMB}), compression="zstd"), "unfolded"),
    "16 GB within a list": (encode(pa.table({"n": pa.ListArray.from_arrays([0, 16_384], BOMB)}), compression="zstd"), "unfolded"),
    "16 GB within an object": (encode(pa.table({"n": pa.StructArray.from_arrays([BOMB], ["a"])}), compression="zstd"), "unfolded"),
    "many items in one record": (
        encode(pa.table({"n": pa.ListArray.from_arrays([0, 1_000_000], pa.array([0] * 1_000_000))})), "unfolded",
    ),
    "a page of zeros": (encode(pa.table({"n": [bytes(10_000_000)]}), compression="zstd", use_dictionary=False), "unfolded"),
    "shared prefixes": (
        encode(pa.table({"n": ["a" * 10_000] * 1000}), use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"), "dictionary encoding",
    ),
    "duplicate columns": (encode(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])), "name of its own"),
    "ambiguous columns": (encode(pa.table({"a.b": ["x"], "a": [{"b": "x"}]})), "name of its own"),
    "duplicate fields": (
        encode(pa.table({"o": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])})), "name of its own",
    ),
    "nested too deep": (encode(pa.table({"n": pa.array([None], nest(40))})), "nest at most"),
    "a little too deep": (encode(pa.table({"n": pa.array([None], nest(9))})), "nest at most"),
    "no records": (encode(pa.table({"n": pa.array([], pa.int64())})), "at least one"),
    "no columns": (encode(pa.table({})), "at least one"),
    "absurd column count": (encode(pa.table({f"c{i}": [1] for i in range(1001)})), "at most 1000"),
    "invalid UTF-8": (encode(pa.table({"n": invalid_utf8()})), "broken"),
    "NaN": (encode(pa.table({"n": [1.0, float("nan")]})), "finite"),
    "infinity": (encode(pa.table({"n": [[float("inf")]]})), "finite"),
    "unsigned beyond 64 bits": (encode(pa.table({"n": pa.array([2**64 - 1], pa.uint64())})), "64 bits"),
    "unsupported type": (encode(pa.table({"n": pa.array([1], pa.decimal128(9, 2))})), "use booleans"),
    "a map": (encode(pa.table({"n": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))})), "use booleans"),
    "time without zone": (encode(pa.table({"n": pa.array([1], pa.timestamp("us"))})), "time zone"),
    "nanoseconds": (encode(pa.table({"n": pa.array([1], pa.timestamp("ns", "UTC"))})), "microseconds"),
    "no Parquet": (b"PAR1" + bytes(100) + b"PAR1", "broken"),
    "text": (b"hello, world", "broken"),
    "short": (b"PAR1", "broken"),
    "encrypted": (b"PARE" + GOOD[4:-4] + b"PARE", "broken"),
    "footer beyond the file": (GOOD[:-8] + (2**31).to_bytes(4, "little") + b"PAR1", "broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARQUETS)
def test_broken_and_hostile_parquet_is_refused(tmp_path: Path, name: str) -> None:
    """Each hostile Parquet file is refused by what its headers say, before memory is spent on it."""
    data, words = PARQUETS[name]
    (tmp_path / "a.parquet").write_bytes(data)
    assert words in refused(tmp_path / "a.parquet", None, Limits(max_decoded_bytes=4 << 20)).fix


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_truncated_parquet_is_refused(tmp_path: Path, share: float) -> None:
    """A Parquet file cut short anywhere is refused."""
    (tmp_path / "a.parquet").write_bytes(GOOD[: int(len(GOOD) * share)])
    assert "broken" in refused(tmp_path / "a.parquet").fix


@pytest.mark.parametrize(
    "options",
    [{"compression": "zstd"}, {"compression": "none", "data_page_version": "2.0", "store_schema": False}],
)
def test_altered_parquet_never_ends_the_process(options: dict[str, Any]) -> None:
    """Whatever bytes of a file are altered, it is read or refused: no other exception, no abort."""
    rows = {
        "s": ["a", "bb", None] * 20,
        "n": range(60),
        "l": [[["a"], None, []]] * 60,
        "o": [{"a": [1], "b": {"c": "q"}}] * 60,
    }
    good, chance = encode(pa.table(rows), **options), random.Random(7)
    for _ in range(250):
        data = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            parquet.read(bytes(data))
        except RecordError as error:
            assert str(error).isprintable()


def test_parquet_is_deterministic_and_plain() -> None:
    """The same table gives the same bytes, reads back equal, and carries no metadata of its maker."""
    table = pa.table({"s": ["a", None], "b": [b"x", b""], "l": [[1.5], None]}).replace_schema_metadata(
        {"by": "me"}
    )
    data = parquet.write(table)
    assert data == parquet.write(table)
    assert parquet.read(data).equals(table)
    assert parquet.read(data).schema.metadata is None
    assert b"ARROW" not in data


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
row = st.fixed_dictionaries({
    "text": text, "n": st.integers(-(2**63), 2**63 - 1), "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "ok": st.none() | st.booleans(), "tags": st.none() | st.lists(text, max_size=3),
    "at": st.none() | st.datetimes().map(lambda t: t.isoformat() + "Z"), "about": st.none() | st.fixed_dictionaries({"who": text}),
})  # fmt: skip


@given(st.lists(row, min_size=1, max_size=4))
def test_records_survive_every_format(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    """Any records written as CSV, JSON Lines and Parquet read back with the same digests."""
    folder = tmp_path_factory.mktemp("formats")
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = [
        ",".join(SCHEMA["properties"]),
        *(",".join(csv_cell(one[name]) for name in SCHEMA["properties"]) for one in rows),
    ]
    (folder / "a.csv").write_text("\n".join(lines), newline="")
    table = records.read(folder / "a.jsonl", SCHEMA)
    assert table.column("text").to_pylist() == [one["text"] for one in rows]
    assert table.column("x").to_pylist() == [one["x"] for one in rows]
    assert record_digests(records.read(folder / "a.csv", SCHEMA)) == record_digests(table)
    assert record_digests(parquet.read(parquet.write(table))) == record_digests(table)


def test_images_take_their_labels_from_folders(tmp_path: Path) -> None:
    """Sub-folders name the label; images are kept byte for byte, in the order of their paths; hidden files are passed over."""
    for label in "31":
        (tmp_path / label).mkdir()
        for shade in (5, 4):
            (tmp_path / label / f"{shade}.png").write_bytes(png(shade=shade))
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / "3" / "Thumbs.db").write_text("x")
    table = records.read(tmp_path, FOLDER)
    assert table.schema == schema.compile(FOLDER).arrow
    assert table.column("label").to_pylist() == [1, 1, 3, 3]
    assert table.column("image").to_pylist() == [png(shade=4), png(shade=5)] * 2
    plain = records.read(tmp_path)
    assert plain.slice(0, 1).drop(["image"]).to_pylist() == [{"width": 3, "height": 2, "label": "1"}]
    only = {"type": "object", "properties": {"image": FOLDER["properties"]["image"]}}
    assert records.read(tmp_path, only).num_rows == 4


def test_images_take_their_labels_from_a_table(tmp_path: Path) -> None:
    """labels.csv names each image once and gives the order, and any further fields of the schema."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.png").write_bytes(png())
    (tmp_path / "b.png").write_bytes(png(4, 5))
    (tmp_path / "labels.csv").write_text('file,label,tags\nx/a.png,7,\nb.png,8,"[""q""]"\n')
    document = FOLDER | {
        "properties": FOLDER["properties"]
        | {"tags": SCHEMA["properties"]["tags"], "height": {"type": "integer"}}
    }
    table = records.read(tmp_path, document)
    assert table.drop(["image"]).to_pylist() == [
        {"label": 7, "tags": None, "height": 2}, {"label": 8, "tags": ["q"], "height": 5},
    ]  # fmt: skip


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares as many pixels as it likes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG with 100 MB of zeros folded into a comment."""
    comment = chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(100_000_000)))
    return png()[:33] + comment + png()[33:]


def linked(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(png())
    (folder / "1" / "b.png").symlink_to(folder.parent / "secret")


def labels(text: str) -> Any:
    return lambda folder: (folder / "labels.csv").write_text(text)


FOLDERS: dict[str, tuple[Any, str]] = {
    "declares 16 gigapixels": (lambda d: (d / "1/b.png").write_bytes(huge_png(1 << 17, 1 << 17)), "pixels"),
    "declares too many pixels": (lambda d: (d / "1/b.png").write_bytes(huge_png(10_000, 10_000)), "at most 50,000,000 pixels"),
    "bomb in a comment": (lambda d: (d / "1/b.png").write_bytes(text_bomb()), "whole PNG"),
    "cut short": (lambda d: (d / "1/b.png").write_bytes(png(200, 200)[:-30]), "whole PNG"),
    "no image": (lambda d: (d / "1/b.png").write_text("hello"), "whole PNG"),
    "another kind": (lambda d: Image.new("L", (2, 2)).save(d / "1/b.png", "GIF"), "whole PNG"),
    "a kind that the schema does not ask for": (lambda d: Image.new("L", (2, 2)).save(d / "1/b.png", "JPEG"), "whole PNG"),
    "empty image": (lambda d: (d / "1/b.png").write_bytes(b""), "empty"),
    "link to a file": (linked, "in place of the link"),
    "link to a folder": (lambda d: (d / "2").symlink_to(d.parent), "in place of the link"),
    "folder too deep": (lambda d: (d / "1/x").mkdir(), "one sub-folder deep"),
    "pipe": (lambda d: os.mkfifo(d / "1/b.png"), "only images"),
    "image without label": (lambda d: (d / "b.png").write_bytes(png()), "sub-folder named for its label"),
    "label of another type": (lambda d: (d / "1").rename(d / "one"), "integer"),
    "label file leads out": (labels("file,label\n../secret.png,1\n"), "within the folder"),
    "label file is absolute": (labels("file,label\n/etc/passwd,1\n"), "within the folder"),
    "label file with a drive": (labels("file,label\nC:\\x.png,1\n"), "within the folder"),
    "label file without name": (labels("file,label\n,1\n"), "within the folder"),
    "label file names twice": (labels("file,label\n1/a.png,1\n1/a.png,2\n"), "each once"),
    "label file names none": (labels("file,label\n1/z.png,1\n"), "in the folder"),
    "image not in label file": (lambda d: (labels("file,label\n1/a.png,1\n")(d), (d / "b.png").write_bytes(png())), "list it"),
    "label file without files": (labels("label\n1\n"), "requires it"),
    "label file in UTF-16": (lambda d: (d / "labels.csv").write_text("file,label\n1/a.png,1\n", "utf-16"), "UTF-8"),
    "name beyond Unicode": (lambda d: (Path(os.fsdecode(os.fsencode(d) + b"/1/\xff.png"))).write_bytes(png()), "Unicode"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_broken_and_hostile_folders_are_refused(tmp_path: Path, name: str) -> None:
    """Images that unfold too far, links, and label files that lead out of the folder are refused."""
    folder = tmp_path / "images"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "a.png").write_bytes(png())
    prepare, words = FOLDERS[name]
    prepare(folder)
    assert words in refused(folder, FOLDER).fix


def test_limits_of_folders_are_kept(tmp_path: Path) -> None:
    """A folder with too many images, too many bytes or none is refused before an image is opened."""
    folder = tmp_path / "images"
    (folder / "1").mkdir(parents=True)
    assert "at least one" in refused(folder, FOLDER).fix
    for number in range(9):
        (folder / "1" / f"{number}.png").write_bytes(png())
    assert "at most 2" in refused(folder, FOLDER, Limits(max_records=2)).fix
    assert "at most 8" in refused(folder, FOLDER, Limits(max_records=8)).fix
    assert "smaller images" in refused(folder, FOLDER, Limits(max_bytes=200)).fix
    assert "exactly one" in refused(folder, SCHEMA).fix


def test_base64_images_are_read_from_text(tmp_path: Path) -> None:
    """Bytes travel as base64 in CSV and JSON Lines; what is no base64 is refused."""
    good = base64.b64encode(png()).decode()
    (tmp_path / "a.csv").write_text(f"label,image\n1,{good}\n")
    (tmp_path / "a.jsonl").write_text(json.dumps({"label": 1, "image": good}))
    for name in ("a.csv", "a.jsonl"):
        assert records.read(tmp_path / name, FOLDER).column("image").to_pylist() == [png()]
    (tmp_path / "b.csv").write_text("label,image\n1,####\n")
    assert "base64" in refused(tmp_path / "b.csv", FOLDER).fix
