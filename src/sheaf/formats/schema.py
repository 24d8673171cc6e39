"""The schema of a record: a subset of JSON Schema 2020-12, compiled to Arrow types and to vectorised checks.

Every keyword of the subset is enforced; a keyword outside it is refused by name, so no schema promises what nobody checks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from sheaf.domain.canonical import MAX_DEPTH
from sheaf.domain.errors import SpecificationError, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl
    import pyarrow as pa

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_FIELDS = 1000
MAX_NAME = 128
MAX_PATTERN = 1000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
KINDS = ("integer", "number", "string", "boolean", "array", "object")
FORMATS = ("date", "date-time", "email", "uri", "uuid")
MEDIA = ("image/png", "image/jpeg", "image/webp")
ANNOTATIONS = frozenset({"title", "description", "$comment", "examples", "default"})
NUMERIC = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
LENGTHS = frozenset({"minLength", "maxLength"})
KEYWORDS = {
    "integer": NUMERIC | {"enum", "const"},
    "number": NUMERIC | {"enum", "const"},
    "string": LENGTHS | {"pattern", "format", "enum", "const", "contentEncoding", "contentMediaType"},
    "boolean": frozenset({"enum", "const"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}


@dataclass(frozen=True)
class Field:
    """One field of a record: its kind, and the rules its values keep.

    `path` names it from the record down (`turns[].role`). `kind` is a JSON type, or `date`, `timestamp`, `bytes` for strings that
    stand for these. `is_required` says that null is refused. `rules` are the keywords that restrict values, in canonical form.
    """

    name: str
    path: str
    kind: str
    is_required: bool
    rules: dict[str, Any]
    items: Field | None = None
    fields: tuple[Field, ...] = ()

    @cached_property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the field's values."""
        import pyarrow as pa

        if self.kind == "array" and self.items:
            return pa.list_(self.items.arrow)
        if self.kind == "object":
            return pa.struct([pa.field(field.name, field.arrow) for field in self.fields])
        return {
            "integer": pa.int64(),
            "number": pa.float64(),
            "string": pa.string(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "timestamp": pa.timestamp("us", "UTC"),
            "bytes": pa.binary(),
        }[self.kind]


@dataclass(frozen=True)
class Schema:
    """A compiled schema: `document` as it was written, `fields` in its order."""

    document: dict[str, Any]
    fields: tuple[Field, ...]

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of tables that hold such records."""
        import pyarrow as pa

        return pa.schema([pa.field(field.name, field.arrow) for field in self.fields])

    def cast(self, table: pa.Table) -> pa.Table:
        """Return `table` with the columns and types of this schema, never losing a digit.

        Raises RecordError naming record and field where a column is missing, foreign, doubled, or holds what its type cannot.
        """
        from sheaf.formats.casting import cast

        return cast(table, self.fields)

    def violations(self, table: pa.Table) -> pl.DataFrame:
        """Return what breaks the schema in a table that `cast` returned: columns record (uint32), field, code, detail.

        Sorted by record; empty where all records keep the schema.
        """
        from sheaf.formats.violations import violations

        return violations(table, self.fields)


def compile(document: dict[str, Any]) -> Schema:  # noqa: A001
    """Compile the JSON Schema of one record. Raises SpecificationError naming the place in the document."""
    if not isinstance(document, dict):
        _refuse("schema", document, "give an object: type, properties, required")
    dialect = document.get("$schema", DIALECT)
    if dialect not in (DIALECT, DIALECT + "#"):
        _refuse("schema.$schema", dialect, f"use {DIALECT}")
    keywords = {key: value for key, value in document.items() if key not in ("$schema", "$id")}
    record = _field(keywords, "", "", "schema", 0)
    if record.kind != "object" or not record.is_required:
        _refuse("schema.type", document.get("type"), "give object: a record is an object")
    return Schema(document, record.fields)


def walk(fields: Iterable[Field]) -> Iterable[Field]:
    """Yield `fields` and all that lie within them."""
    for field in fields:
        yield field
        yield from walk(field.fields)
        yield from walk((field.items,) if field.items else ())


def _field(document: Any, name: str, path: str, place: str, depth: int) -> Field:
    """Compile one subschema; `path` names it in records, `place` in the document."""
    if not isinstance(document, dict):
        _refuse(place, document, "give an object with a type")
    if depth > MAX_DEPTH + 1:
        _refuse(place, f"nested {depth - 1} deep", f"nest at most {MAX_DEPTH} levels of arrays and objects")
    kind, is_nullable = _type(document.get("type"), place)
    for keyword in document:
        if keyword != "type" and keyword not in ANNOTATIONS | KEYWORDS[kind]:
            homes = [home for home in KINDS if keyword in KEYWORDS[home]]
            fix = (
                f"it belongs to {' and '.join(homes)}"
                if homes
                else "leave it out: docs/formats.md lists the keywords"
            )
            _refuse(f"{place}.{keyword}", document[keyword], fix)
    rules: dict[str, Any] = {}
    items: Field | None = None
    fields: tuple[Field, ...] = ()
    if kind == "object":
        fields = _properties(document, path, place, depth)
    elif kind == "array":
        if "items" not in document:
            _refuse(f"{place}.items", "missing", "give the schema of the array's items")
        items = _field(document["items"], "", f"{path}[]", f"{place}.items", depth + 1)
        rules = _counts(document, place, "minItems", "maxItems")
    elif kind == "string":
        kind, rules = _string_rules(document, place)
    elif kind in ("integer", "number"):
        rules = _numeric_rules(document, place, kind)
    if choices := _choices(document, kind, place, is_nullable):
        rules["enum"] = choices
    return Field(name, path, kind, not is_nullable, rules, items, fields)


def _type(given: Any, place: str) -> tuple[str, bool]:
    names = given if isinstance(given, list) else [given]
    kinds = [name for name in names if name != "null"]
    if len(kinds) != 1 or kinds[0] not in KINDS or len(names) > 2 or len(names) != len({*map(str, names)}):
        _refuse(f"{place}.type", given, f"give one of {', '.join(KINDS)}, or [one of them, null]")
    return kinds[0], len(names) == 2


def _properties(document: dict[str, Any], path: str, place: str, depth: int) -> tuple[Field, ...]:
    properties, required = document.get("properties"), document.get("required", [])
    if not isinstance(properties, dict) or not properties:
        _refuse(f"{place}.properties", properties, "give at least one property")
    if len(properties) > MAX_FIELDS:
        _refuse(f"{place}.properties", f"{len(properties)} properties", f"give at most {MAX_FIELDS}")
    if document.get("additionalProperties", False) is not False:
        given = document["additionalProperties"]
        _refuse(
            f"{place}.additionalProperties",
            given,
            "give false: records have the fields of their schema and no other",
        )
    if not isinstance(required, list) or len(required) != len({*map(str, required)}):
        _refuse(f"{place}.required", required, "give a list of names, each once")
    for name in required:
        if not isinstance(name, str) or name not in properties:
            _refuse(f"{place}.required", name, "name a property of this schema")
    fields = []
    for name, inner in properties.items():
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            _refuse(f"{place}.properties", name, f"give names of 1 to {MAX_NAME} printable characters")
        field = _field(
            inner, name, f"{path}.{name}" if path else name, f"{place}.properties.{name}", depth + 1
        )
        if name not in required:
            field = Field(name, field.path, field.kind, False, field.rules, field.items, field.fields)
        fields.append(field)
    return tuple(fields)


def _counts(document: dict[str, Any], place: str, low: str, high: str) -> dict[str, Any]:
    rules = {keyword: document[keyword] for keyword in (low, high) if keyword in document}
    for keyword, value in rules.items():
        if not _is_integer(value) or not 0 <= value < 2**32:
            _refuse(f"{place}.{keyword}", value, "give an integer from 0 to 2**32 - 1")
    if rules.get(low, 0) > rules.get(high, 2**32):
        _refuse(f"{place}.{low}", rules[low], f"give at most {high}, {rules[high]}")
    return {keyword: int(value) for keyword, value in rules.items()}


def _string_rules(document: dict[str, Any], place: str) -> tuple[str, dict[str, Any]]:
    rules = _counts(document, place, "minLength", "maxLength")
    form, encoding, media = (document.get(key) for key in ("format", "contentEncoding", "contentMediaType"))
    if form is not None and form not in FORMATS:
        _refuse(f"{place}.format", form, f"use one of {', '.join(FORMATS)}")
    if encoding not in (None, "base64"):
        _refuse(f"{place}.contentEncoding", encoding, "use base64")
    if media is not None and media not in MEDIA:
        _refuse(f"{place}.contentMediaType", media, f"use one of {', '.join(MEDIA)}")
    if media is not None and encoding is None:
        _refuse(f"{place}.contentMediaType", media, "add contentEncoding: base64")
    kind = {"date": "date", "date-time": "timestamp"}.get(form or "", "bytes" if encoding else "string")
    if kind != "string":
        for keyword in ("pattern", "enum", "const", "format" if encoding else "", *LENGTHS):
            if keyword in document:
                _refuse(f"{place}.{keyword}", document[keyword], f"leave it out: it does not apply to {kind}")
        return kind, {"contentMediaType": media} if media else {}
    if form is not None:
        rules["format"] = form
    if "pattern" in document:
        rules["pattern"] = _pattern(document["pattern"], f"{place}.pattern")
    return kind, rules


def _pattern(pattern: Any, place: str) -> str:
    import polars as pl

    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        _refuse(place, pattern, f"give a regular expression of at most {MAX_PATTERN} characters")
    try:
        # The engine runs in time linear in the text: no pattern can be catastrophic, but look-around is not to be had.
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError:
        _refuse(place, pattern, "give a regular expression without look-around and back-references")
    return pattern


def _numeric_rules(document: dict[str, Any], place: str, kind: str) -> dict[str, Any]:
    """Bring bounds to one form: `minimum` and `maximum` alone for integers, so they are compared without rounding."""
    rules: dict[str, Any] = {}
    for keyword in NUMERIC & document.keys():
        value = document[keyword]
        if not _is_number(value) or (kind == "number" and abs(value) > 1.7976931348623157e308):
            _refuse(f"{place}.{keyword}", value, "give a finite number")
        if keyword == "multipleOf" and value <= 0:
            _refuse(f"{place}.{keyword}", value, "give a number above zero")
        rules[keyword] = value if kind == "integer" else float(value)
    if kind == "integer":
        rules = _integer_rules(rules, place)
    low = max(rules.get("minimum", -math.inf), rules.get("exclusiveMinimum", -math.inf))
    high = min(rules.get("maximum", math.inf), rules.get("exclusiveMaximum", math.inf))
    if low > high:
        _refuse(place, f"minimum {low}, maximum {high}", "give bounds that some value can keep")
    return rules


def _integer_rules(rules: dict[str, Any], place: str) -> dict[str, Any]:
    lows = [math.ceil(rules[key]) for key in ("minimum",) if key in rules]
    lows += [math.floor(rules[key]) + 1 for key in ("exclusiveMinimum",) if key in rules]
    highs = [math.floor(rules[key]) for key in ("maximum",) if key in rules]
    highs += [math.ceil(rules[key]) - 1 for key in ("exclusiveMaximum",) if key in rules]
    result: dict[str, Any] = {}
    if lows:
        result["minimum"] = max(lows)
    if highs:
        result["maximum"] = min(highs)
    for keyword, bound in result.items():
        if not INT64_MIN <= bound <= INT64_MAX:
            _refuse(f"{place}.{keyword}", bound, "give a bound that fits in 64 bits")
    if "multipleOf" in rules:
        step = rules["multipleOf"]
        if step != int(step) or step > INT64_MAX:
            _refuse(f"{place}.multipleOf", step, "give a whole number of 64 bits for integers")
        result["multipleOf"] = int(step)
    return result


def _choices(document: dict[str, Any], kind: str, place: str, is_nullable: bool) -> list[Any]:
    if "enum" in document and "const" in document:
        _refuse(f"{place}.const", document["const"], "give enum or const, not both")
    keyword = "enum" if "enum" in document else "const"
    if keyword not in document:
        return []
    given = document["enum"] if keyword == "enum" else [document["const"]]
    if not isinstance(given, list) or not given:
        _refuse(f"{place}.{keyword}", given, "give a list of at least one value")
    test = _TESTS[kind]
    choices = [value for value in given if not (value is None and is_nullable)]
    for value in choices:
        if not test(value):
            _refuse(f"{place}.{keyword}", value, f"give values of type {kind}")
    if len({*choices}) != len(choices) or not choices:
        _refuse(f"{place}.{keyword}", given, "give each value once, and one that is not null")
    return [float(value) for value in choices] if kind == "number" else choices


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_int64(value: Any) -> bool:
    return _is_integer(value) and INT64_MIN <= value <= INT64_MAX


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


_TESTS: dict[str, Callable[[Any], bool]] = {
    "integer": _is_int64,
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
}


def _refuse(place: str, value: Any, fix: str) -> NoReturn:
    raise SpecificationError(shorten(place), value, fix)
