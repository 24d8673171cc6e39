"""Schemas: what compiles, what is refused, what breaks a rule."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import RecordError, SpecificationError
from sheaf.formats import schema

TURNS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"type": "string", "enum": ["user", "model"]},
            "score": {"type": "number", "maximum": 1},
        },
    },
}


def record_of(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


def found(
    properties: dict[str, Any], values: dict[str, list[Any]], **more: Any
) -> list[tuple[int, str, str]]:
    compiled = schema.compile(record_of(properties, **more))
    table = compiled.cast(pa.table(values))
    return [(row["record"], row["field"], row["code"]) for row in compiled.violations(table).to_dicts()]


def test_a_schema_gives_its_arrow_types() -> None:
    """Each JSON type and format has one Arrow type, in the order of the document."""
    properties = {
        "i": {"type": "integer"}, "n": {"type": ["number", "null"]}, "s": {"type": "string"}, "b": {"type": "boolean"},
        "d": {"type": "string", "format": "date"}, "t": {"type": "string", "format": "date-time"},
        "p": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}, "l": TURNS,
    }  # fmt: skip
    item = pa.struct({"role": pa.string(), "score": pa.float64()})
    expected = pa.schema({
        "i": pa.int64(), "n": pa.float64(), "s": pa.string(), "b": pa.bool_(), "d": pa.date32(),
        "t": pa.timestamp("us", "UTC"), "p": pa.binary(), "l": pa.list_(item),
    })  # fmt: skip
    compiled = schema.compile(
        record_of(properties) | {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "x"}
    )
    assert compiled.arrow == expected
    assert [field.path for field in schema.walk(compiled.fields)][-4:] == [
        "l",
        "l[]",
        "l[].role",
        "l[].score",
    ]


@pytest.mark.parametrize(
    ("rule", "values", "bad"),
    [
        ({"type": "integer", "minimum": 2}, [1, 2, None], {0: "minimum"}),
        ({"type": "integer", "minimum": 1.5}, [1, 2], {0: "minimum"}),
        ({"type": "integer", "exclusiveMinimum": 2}, [2, 3], {0: "minimum"}),
        ({"type": "integer", "maximum": 2**63 - 1, "minimum": -(2**63)}, [2**63 - 1, -(2**63)], {}),
        ({"type": "integer", "maximum": 2**62}, [2**62, 2**62 + 1], {1: "maximum"}),
        ({"type": "integer", "exclusiveMaximum": 3.5, "multipleOf": 3}, [3, 6, -3], {1: "maximum"}),
        ({"type": "integer", "multipleOf": 3}, [3, 4, -3, 0], {1: "multipleOf"}),
        ({"type": "number", "minimum": 0, "maximum": 1}, [-0.0, 1.0, 1.1, -1e-9], {2: "maximum", 3: "minimum"}),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.0, 0.5, 1.0],
         {0: "exclusiveMinimum", 2: "exclusiveMaximum"}),
        ({"type": "number", "multipleOf": 0.1}, [0.3, 0.35, 1e300, -0.7], {1: "multipleOf"}),
        ({"type": "number", "enum": [1, 2.5]}, [1.0, 2.5, 3.0], {2: "enum"}),
        ({"type": "boolean", "const": True}, [True, False, None], {1: "enum"}),
        ({"type": "string", "enum": ["a", "b"]}, ["a", "c", None], {1: "enum"}),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ["ä", "äö", "äöüß"], {0: "minLength", 2: "maxLength"}),
        ({"type": "string", "pattern": "^a+$"}, ["aa", "ab", "xaa"], {1: "pattern", 2: "pattern"}),
        ({"type": "string", "pattern": "^(a+)+$"}, ["a" * 5000 + "b"], {0: "pattern"}),
        ({"type": "string", "format": "email"}, ["a@b.org", "a@b", "a b@c.de"], {1: "format", 2: "format"}),
        ({"type": "string", "format": "uri"}, ["https://a.b/c?d#e", "no uri", "a b:c"], {1: "format", 2: "format"}),
        ({"type": "string", "format": "uuid"}, ["00000000-0000-0000-0000-00000000000F", "x"], {1: "format"}),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, [[], [1, 2], [1, 2, 3], None],
         {0: "minItems", 2: "maxItems"}),
        ({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}, [b"\x89PNG\r\n\x1a\n...", b"GIF8"],
         {1: "contentMediaType"}),
        ({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/webp"}, [b"RIFF0000WEBPVP8", b"RIFF0000WAVE"],
         {1: "contentMediaType"}),
    ],
)  # fmt: skip
def test_each_rule_finds_what_breaks_it(rule: dict[str, Any], values: list[Any], bad: dict[int, str]) -> None:
    """Every keyword reports exactly the values at fault, by its own name; null is the business of `required` alone."""
    assert found({"x": rule}, {"x": values}) == [(row, "x", code) for row, code in bad.items()]


def test_required_fields_may_not_be_null() -> None:
    """Null in a required field is reported, unless its type allows null; optional fields may be missing."""
    integer = {"type": "integer"}
    assert found({"x": integer, "y": integer}, {"x": [1, None]}, required=["x"]) == [(1, "x", "required")]
    assert found(
        {"x": {"type": ["integer", "null"], "enum": [1, None]}}, {"x": [None, 2]}, required=["x"]
    ) == [(1, "x", "enum")]


def test_rules_reach_into_lists_and_objects() -> None:
    """Faults within lists and objects are reported of the record they lie in, by their path."""
    turns = [[{"role": "user", "score": 0.5}], [{"role": "cat", "score": 2.0}, {"role": None}], [None], []]
    assert found({"turns": TURNS}, {"turns": turns}) == [
        (1, "turns[].role", "required"), (1, "turns[].role", "enum"), (1, "turns[].score", "maximum"),
        (2, "turns[]", "required"), (3, "turns", "minItems"),
    ]  # fmt: skip


def test_details_are_one_plain_line() -> None:
    """What is said of a value is one short line without control characters, whatever the value holds."""
    compiled = schema.compile(record_of({"x": {"type": "string", "maxLength": 3}}))
    detail = compiled.violations(compiled.cast(pa.table({"x": ["\x1b[31m\n\u202e" + "y" * 100]})))["detail"][
        0
    ]
    assert detail.isprintable()
    assert len(detail) < 80
    assert detail.endswith('" breaks maxLength 3')


def test_reports_are_sorted_by_record_over_chunks() -> None:
    """Records are counted through all chunks of a column, and the report is in their order."""
    compiled = schema.compile(
        record_of({"x": {"type": "integer", "maximum": 1}, "y": {"type": "integer", "maximum": 1}})
    )
    table = pa.table({"x": pa.chunked_array([[0, 2], [2]]), "y": pa.chunked_array([[2], [0, 2]])})
    assert [(r, f) for r, f, *_ in compiled.violations(compiled.cast(table)).rows()] == [
        (0, "y"),
        (1, "x"),
        (2, "x"),
        (2, "y"),
    ]


def test_violations_need_the_types_of_the_schema() -> None:
    """A table that was not brought to the schema's types is refused, not judged."""
    compiled = schema.compile(record_of({"x": {"type": "integer"}}))
    with pytest.raises(RecordError):
        compiled.violations(pa.table({"x": ["1"]}))


deep: dict[str, Any] = {"type": "integer"}
for _ in range(9):
    deep = {"type": "array", "items": deep}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "schema"),
        ({"type": "string"}, "schema.type"),
        ({"type": ["object", "null"], "properties": {"x": {"type": "integer"}}}, "schema.type"),
        ({"type": "object"}, "schema.properties"),
        ({"type": "object", "properties": {}}, "schema.properties"),
        ({"type": "object", "properties": {f"f{i}": {"type": "integer"} for i in range(1001)}}, "schema.properties"),
        (record_of({"x": {"type": "integer"}}, required=["y"]), "schema.required"),
        (record_of({"x": {"type": "integer"}}, required=["x", "x"]), "schema.required"),
        (record_of({"x": {"type": "integer"}}, required=[["x"]]), "schema.required"),
        (record_of({"x": {"type": "integer"}}, additionalProperties=True), "schema.additionalProperties"),
        (record_of({"x": {"type": "integer"}}, allOf=[]), "schema.allOf"),
        (record_of({"x": {"type": "integer"}}) | {"$schema": "http://json-schema.org/draft-07/schema"}, "schema.$schema"),
        (record_of({"x": {"type": "integer"}}) | {"$schema": 7}, "schema.$schema"),
        (record_of({"": {"type": "integer"}}), "schema.properties"),
        (record_of({"a\nb": {"type": "integer"}}), "schema.properties"),
        (record_of({"x": True}), "schema.properties.x"),
        (record_of({"x": {}}), "schema.properties.x.type"),
        (record_of({"x": {"type": "decimal"}}), "schema.properties.x.type"),
        (record_of({"x": {"type": ["integer", "string"]}}), "schema.properties.x.type"),
        (record_of({"x": {"type": ["null"]}}), "schema.properties.x.type"),
        (record_of({"x": {"type": "integer", "minimun": 3}}), "schema.properties.x.minimun"),
        (record_of({"x": {"type": "string", "minimum": 3}}), "schema.properties.x.minimum"),
        (record_of({"x": {"type": "integer", "minimum": "3"}}), "schema.properties.x.minimum"),
        (record_of({"x": {"type": "integer", "minimum": True}}), "schema.properties.x.minimum"),
        (record_of({"x": {"type": "number", "minimum": float("nan")}}), "schema.properties.x.minimum"),
        (record_of({"x": {"type": "number", "maximum": 10**400}}), "schema.properties.x.maximum"),
        (record_of({"x": {"type": "integer", "maximum": 2**63}}), "schema.properties.x.maximum"),
        (record_of({"x": {"type": "integer", "minimum": 3, "maximum": 2}}), "schema.properties.x"),
        (record_of({"x": {"type": "number", "multipleOf": 0}}), "schema.properties.x.multipleOf"),
        (record_of({"x": {"type": "integer", "multipleOf": 0.5}}), "schema.properties.x.multipleOf"),
        (record_of({"x": {"type": "string", "minLength": -1}}), "schema.properties.x.minLength"),
        (record_of({"x": {"type": "string", "minLength": 3, "maxLength": 2}}), "schema.properties.x.minLength"),
        (record_of({"x": {"type": "string", "pattern": "(?=a)"}}), "schema.properties.x.pattern"),
        (record_of({"x": {"type": "string", "pattern": "("}}), "schema.properties.x.pattern"),
        (record_of({"x": {"type": "string", "pattern": "(a{1000}){1000}"}}), "schema.properties.x.pattern"),
        (record_of({"x": {"type": "string", "pattern": "a" * 1001}}), "schema.properties.x.pattern"),
        (record_of({"x": {"type": "string", "format": "ipv7"}}), "schema.properties.x.format"),
        (record_of({"x": {"type": "string", "format": "date", "minLength": 3}}), "schema.properties.x.minLength"),
        (record_of({"x": {"type": "string", "contentEncoding": "hex"}}), "schema.properties.x.contentEncoding"),
        (record_of({"x": {"type": "string", "contentMediaType": "image/png"}}), "schema.properties.x.contentMediaType"),
        (record_of({"x": {"type": "string", "contentEncoding": "base64", "contentMediaType": "text/html"}}),
         "schema.properties.x.contentMediaType"),
        (record_of({"x": {"type": "string", "contentEncoding": "base64", "format": "date"}}), "schema.properties.x.format"),
        (record_of({"x": {"type": "string", "enum": []}}), "schema.properties.x.enum"),
        (record_of({"x": {"type": "string", "enum": ["a", 1]}}), "schema.properties.x.enum"),
        (record_of({"x": {"type": "string", "enum": ["a", "a"]}}), "schema.properties.x.enum"),
        (record_of({"x": {"type": "integer", "enum": [2**63]}}), "schema.properties.x.enum"),
        (record_of({"x": {"type": "integer", "enum": [1], "const": 1}}), "schema.properties.x.const"),
        (record_of({"x": {"type": "integer", "const": None}}), "schema.properties.x.const"),
        (record_of({"x": {"type": "array"}}), "schema.properties.x.items"),
        (record_of({"x": {"type": "array", "items": {"type": "text"}}}), "schema.properties.x.items.type"),
        (record_of({"x": {"type": "array", "items": {"type": "integer"}, "maxItems": "2"}}), "schema.properties.x.maxItems"),
        (record_of({"x": deep}), "schema.properties.x"),
    ],
)  # fmt: skip
def test_a_mistaken_schema_is_refused_by_place(document: Any, place: str) -> None:
    """Whatever the subset does not enforce is refused, naming the place in the document and what to write instead."""
    with pytest.raises(SpecificationError) as refusal:
        schema.compile(document)
    assert refusal.value.field.startswith(place)
    assert refusal.value.fix
    assert "\n" not in str(refusal.value)


def test_casting_never_loses_a_digit() -> None:
    """Narrow and foreign Arrow types come to the schema's types exactly; texts of dates and base64 are read."""
    compiled = schema.compile(record_of({
        "i": {"type": "integer"}, "n": {"type": "number"}, "s": {"type": "string"}, "d": {"type": "string", "format": "date"},
        "t": {"type": "string", "format": "date-time"}, "b": {"type": "string", "contentEncoding": "base64"},
        "l": {"type": "array", "items": {"type": "integer"}}, "o": record_of({"a": {"type": "integer"}, "z": {"type": "string"}}),
        "gone": {"type": "array", "items": {"type": "string"}},
    }))  # fmt: skip
    table = pa.table({
        "o": pa.array([{"a": 1}, None]), "i": pa.array([7.0, None]), "n": pa.array([3, 4], pa.int8()),
        "s": pa.array(["x", "x"]).dictionary_encode(), "d": ["2026-11-21", None], "t": ["2026-11-21T12:00:00+02:00", None],
        "b": ["aGk=", None], "l": pa.array([[1, 2], None], pa.list_(pa.int16(), 2)),
    })  # fmt: skip
    result = compiled.cast(table)
    assert result.schema == compiled.arrow
    assert result.to_pylist()[0] == {
        "i": 7, "n": 3.0, "s": "x", "d": datetime.date(2026, 11, 21), "b": b"hi", "l": [1, 2], "o": {"a": 1, "z": None},
        "t": datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC), "gone": None,
    }  # fmt: skip
    assert set(result.to_pylist()[1].values()) == {None, 4.0, "x"}


@pytest.mark.parametrize(
    ("rule", "column", "place"),
    [
        ({"type": "integer"}, pa.array([1.0, 2.5]), "record 1, x"),
        ({"type": "integer"}, pa.array([0, 2**63], pa.uint64()), "record 1, x"),
        ({"type": "integer"}, pa.array(["1"]), "x"),
        ({"type": "integer"}, pa.array([True]), "x"),
        ({"type": "number"}, pa.array([1.0, None, float("nan")]), "record 2, x"),
        ({"type": "number"}, pa.array([2**53 + 1]), "record 0, x"),
        ({"type": "string"}, pa.array([1]), "x"),
        ({"type": "string"}, pa.array([b"x"]), "x"),
        ({"type": "string", "format": "date"}, pa.array(["2026-02-30"]), "record 0, x"),
        ({"type": "string", "format": "date-time"}, pa.array(["2026-11-21T12:00:00"]), "record 0, x"),
        ({"type": "string", "format": "date-time"}, pa.array([1], pa.timestamp("us")), "x"),
        ({"type": "string", "format": "date-time"}, pa.array([0, 1], pa.timestamp("ns", "UTC")), "record 1, x"),
        ({"type": "string", "contentEncoding": "base64"}, pa.array(["aGk=", "!!!!"]), "record 1, x"),
        ({"type": "array", "items": {"type": "integer"}}, pa.array([[1], [2, 2.5]]), "record 1, x[]"),
        ({"type": "array", "items": {"type": "integer"}}, pa.array([{"a": 1}]), "x"),
        (record_of({"a": {"type": "integer"}}), pa.array([{"a": 1, "b": 2}]), "columns"),
        (record_of({"a": {"type": "integer"}}, required=["a"]), pa.array([{"c": 1}]), "columns"),
    ],
)  # fmt: skip
def test_what_a_type_cannot_hold_is_refused(rule: dict[str, Any], column: pa.Array, place: str) -> None:
    """A value that would have to be bent is refused by record and field."""
    with pytest.raises(RecordError) as refusal:
        schema.compile(record_of({"x": rule})).cast(pa.table({"x": column}))
    assert refusal.value.field == place


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(1, 2**40),
)
def test_integer_rules_are_exact(values: list[int], bound: int, step: int) -> None:
    """Bounds and multiples of 64-bit integers are compared without rounding."""
    low = [row for row, *_ in found({"x": {"type": "integer", "minimum": bound}}, {"x": values})]
    assert low == [row for row, value in enumerate(values) if value < bound]
    multiple = [row for row, *_ in found({"x": {"type": "integer", "multipleOf": step}}, {"x": values})]
    assert multiple == [row for row, value in enumerate(values) if value % step]
