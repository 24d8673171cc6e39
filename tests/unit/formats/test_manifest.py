"""Manifests: what their words say of columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sheaf.formats.datasets.manifest import Field, Manifest, schema_of, type_of


@pytest.mark.parametrize(
    "kind",
    [
        pa.int64(), pa.float64(), pa.string(), pa.large_string(), pa.bool_(), pa.date32(), pa.timestamp("us"),
        pa.timestamp("ms", "UTC"), pa.list_(pa.int64()), pa.list_(pa.list_(pa.string())), pa.binary(),
    ],
)  # fmt: skip
def test_types_are_told_by_their_words(kind: pa.DataType) -> None:
    """The type that Arrow writes in words is read back from them."""
    assert type_of(str(kind)) == kind


@pytest.mark.parametrize(
    "text",
    [
        "", "none", "struct<a: int64>", "timestamp[xs, tz=UTC]", "timestamp[us, tz=Mars]", "list<item: none>",
        "list<item: " * 5000 + ">" * 5000,
    ],
)  # fmt: skip
def test_words_that_name_no_type(text: str) -> None:
    """A stranger's words that name no type, or nest too deeply, are no type and no fault."""
    assert type_of(text) is None


def test_columns_without_a_type_are_left_out() -> None:
    """The schema has the columns whose type the manifest tells, in its order."""
    words = {"a": "int64", "b": "struct<x: int64>", "c": "string"}
    fields = tuple(Field(name=name, type=text, root="00") for name, text in words.items())
    made = Manifest(title="t", licence="MIT", owner="0x", records=1, fields=fields, policy="", nonce="")
    assert schema_of(made) == pa.schema([("a", pa.int64()), ("c", pa.string())])
