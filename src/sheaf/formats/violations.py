"""The rules of a schema, checked a column at a time by polars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sheaf.domain.errors import RecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.formats.schema import Field

    Rows = NDArray[np.uint32]

SHOWN = 40
COLUMNS = {"record": pl.UInt32, "field": pl.String, "code": pl.String, "detail": pl.String}
BOUNDS: dict[str, tuple[str, Callable[[pl.Series, pl.Series], pl.Series]]] = {
    "minimum": ("below the minimum", lambda v, bound: v < bound),
    "maximum": ("above the maximum", lambda v, bound: v > bound),
    "exclusiveMinimum": ("not above", lambda v, bound: v <= bound),
    "exclusiveMaximum": ("not below", lambda v, bound: v >= bound),
}
FORMATS = {
    "email": r"^[^\s@]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+$",
    "uuid": r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
}
SIGNATURES = {
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
    "image/webp": ((0, b"RIFF"), (8, b"WEBP")),
}


def violations(table: pa.Table, fields: Sequence[Field]) -> pl.DataFrame:
    """Return every value that breaks a rule of its field: columns record (uint32), field, code, detail, sorted by record.

    `table` has the types of the fields. Raises RecordError if it has not: use `Schema.cast` first.
    """
    found = [pl.DataFrame(schema=COLUMNS)]
    for field in fields:
        if field.name not in table.column_names or table.schema.field(field.name).type != field.arrow:
            raise RecordError("columns", field.name, "bring the table to the schema's types first")
        first = 0
        for chunk in table.column(field.name).chunks:
            found += _check(chunk, field, np.arange(first, first + len(chunk), dtype=np.uint32))
            first += len(chunk)
    return pl.concat(found).sort("record", maintain_order=True)


def _check(values: pa.Array, field: Field, rows: Rows) -> Iterator[pl.DataFrame]:
    """Check one column, or the items of one level of lists: `rows` has the record of each value."""
    if field.is_required and values.null_count:
        yield _report(
            field, "required", rows[values.is_null().to_numpy(zero_copy_only=False)], "the value is missing"
        )
    if field.kind == "object":
        # Fields of an object that is itself missing are not reported again.
        there = values.is_valid()
        parts, rows = values.filter(there).flatten(), rows[there.to_numpy(zero_copy_only=False)]
        for inner, part in zip(field.fields, parts, strict=True):
            yield from _check(part, inner, rows)
    elif field.kind == "array" and field.items:
        lengths = pc.list_value_length(values)
        for code, bad in _count_rules(pl.Series(lengths), field.rules, "minItems", "maxItems"):
            yield _from_mask(
                field, code, rows, pl.Series(lengths), bad, f" items: {code} is {field.rules[code]}"
            )
        yield from _check(
            pc.list_flatten(values), field.items, np.repeat(rows, lengths.fill_null(0).to_numpy())
        )
    elif field.rules:
        column = pl.Series(values)
        for code, bad, text in _rules(column, field):
            shown = pl.repeat("the bytes", len(column), eager=True) if field.kind == "bytes" else column
            yield _from_mask(field, code, rows, shown, bad, text)


def _rules(column: pl.Series, field: Field) -> Iterator[tuple[str, pl.Series, str]]:
    """Yield code, mask of the values at fault (null counts as kept) and what to say of each."""
    rules = field.rules
    for code, (words, test) in BOUNDS.items():
        if code in rules:
            yield code, test(column, _literal(rules[code], column)), f" is {words} {rules[code]}"
    if "multipleOf" in rules:
        yield (
            "multipleOf",
            _not_multiple(column, rules["multipleOf"]),
            f" is no multiple of {rules['multipleOf']}",
        )
    if "enum" in rules:
        choices = pl.Series(rules["enum"], dtype=column.dtype)
        yield "enum", ~column.is_in(choices.implode()), f" is none of the {len(choices)} values allowed"
    if "minLength" in rules or "maxLength" in rules:
        for code, bad in _count_rules(column.str.len_chars(), rules, "minLength", "maxLength"):
            yield code, bad, f" breaks {code} {rules[code]}"
    if "pattern" in rules:
        yield "pattern", ~column.str.contains(rules["pattern"]), " does not match the pattern"
    if "format" in rules:
        yield "format", ~column.str.contains(FORMATS[rules["format"]]), f" is no {rules['format']}"
    if "contentMediaType" in rules:
        yield (
            "contentMediaType",
            ~_has_signature(column, rules["contentMediaType"]),
            f" are no {rules['contentMediaType']}",
        )


def _literal(bound: Any, column: pl.Series) -> pl.Series:
    return pl.Series([bound], dtype=column.dtype)


def _count_rules(
    counts: pl.Series, rules: dict[str, Any], low: str, high: str
) -> Iterator[tuple[str, pl.Series]]:
    if low in rules:
        yield low, counts < rules[low]
    if high in rules:
        yield high, counts > rules[high]


def _not_multiple(column: pl.Series, step: float) -> pl.Series:
    if column.dtype.is_integer():
        return column % step != 0
    # Decimal steps such as 0.1 have no exact double: a quotient within a part in 10**9 of a whole number is one.
    quotient = column / step
    return ((quotient - quotient.round()).abs() > 1e-9 * quotient.abs().clip(1.0)) | quotient.is_infinite()


def _has_signature(column: pl.Series, media: str) -> pl.Series:
    fits = [column.bin.slice(start, len(magic)) == pl.Series([magic]) for start, magic in SIGNATURES[media]]
    return fits[0] if len(fits) == 1 else fits[0] & fits[1]


def _from_mask(
    field: Field, code: str, rows: Rows, values: pl.Series, bad: pl.Series, text: str
) -> pl.DataFrame:
    chosen = bad.fill_null(False)
    if not chosen.any():
        return pl.DataFrame(schema=COLUMNS)
    shown = values.filter(chosen).cast(pl.String)
    short = shown.str.len_chars() > SHOWN
    shown = pl.select(pl.when(short).then(shown.str.slice(0, SHOWN) + "…").otherwise(shown)).to_series()
    # One line that no terminal takes for a command.
    shown = shown.str.replace_all(r"\s+", " ").str.replace_all(r"\p{C}", "?")
    quote = '"' if values.dtype == pl.String and field.kind == "string" else ""
    return _report(field, code, rows[chosen.to_numpy()], quote + shown + quote + text)


def _report(field: Field, code: str, rows: Rows, detail: pl.Series | str) -> pl.DataFrame:
    return pl.select(
        record=pl.Series(rows, dtype=pl.UInt32),
        field=pl.lit(field.path),
        code=pl.lit(code),
        detail=detail if isinstance(detail, pl.Series) else pl.lit(detail),
    ).cast(pl.Schema(COLUMNS))
