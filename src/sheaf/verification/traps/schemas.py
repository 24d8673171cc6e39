"""Can any record keep this schema? Rules that exclude each other are found before anyone is asked for the impossible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sheaf.domain.errors import SpecificationError
from sheaf.formats.schema import Field, Schema, walk

TRIES = 200
"""Texts that are made for a pattern before it is said that none was found."""


def unsatisfiable(schema: Schema) -> list[SpecificationError]:
    """Return the rules of a compiled schema that nothing, or not what they list, can keep, each with its place."""
    found = []
    for field in walk(schema.fields):
        for rule, value, fix in _faults(field):
            found.append(SpecificationError(f"schema.{field.path}.{rule}", value, fix))
    return found


def _faults(field: Field) -> Iterator[tuple[str, Any, str]]:
    rules = field.rules
    if "enum" in rules:
        yield from _listed(field)
    if field.kind in ("integer", "number"):
        yield from _bounds(field)
    if "pattern" in rules and "enum" not in rules and not _has_match(field):
        yield (
            "pattern",
            rules["pattern"],
            "no text was found that matches within the allowed length: loosen it",
        )
    if field.kind == "array" and field.items is not None and rules.get("maxItems") == 0:
        yield "maxItems", 0, "only the empty list is allowed: leave the field out"


def _listed(field: Field) -> Iterator[tuple[str, Any, str]]:
    """Yield the values of an enum that the field's other rules refuse."""
    for value in field.rules["enum"]:
        if not keeps(field, value):
            yield "enum", value, "the other rules of the field refuse it: drop the value or the rule"


def _bounds(field: Field) -> Iterator[tuple[str, Any, str]]:
    low, high = field.rules.get("minimum", -math.inf), field.rules.get("maximum", math.inf)
    below, above = (
        field.rules.get("exclusiveMinimum", -math.inf),
        field.rules.get("exclusiveMaximum", math.inf),
    )
    if max(low, below) == min(high, above) and (below >= low or above <= high):
        yield (
            "exclusiveMinimum",
            below,
            f"no number lies between {max(low, below):g} and {min(high, above):g}: widen the bounds",
        )
    step = field.rules.get("multipleOf")
    if step and math.isfinite(high) and math.isfinite(low) and math.floor(high / step) * step < low:
        yield "multipleOf", step, f"no multiple lies between {low:g} and {high:g}: widen the bounds"


def keeps(field: Field, value: Any) -> bool:
    """Tell whether a value keeps the rules of a field other than its enum."""
    import pyarrow as pa

    from sheaf.formats.violations import violations

    rules = {keyword: rule for keyword, rule in field.rules.items() if keyword != "enum"}
    alone = Field("value", "value", field.kind, True, rules, field.items, field.fields)
    return violations(pa.table({"value": pa.array([value], alone.arrow)}), (alone,)).is_empty()


def _has_match(field: Field) -> bool:
    """Tell whether some text keeps pattern and lengths; True as well where the pattern cannot be read here."""
    import re._parser as parser  # type: ignore[import-not-found]

    try:
        tree = parser.parse(field.rules["pattern"])
    except (re_error(), RecursionError, OverflowError):
        return True  # a pattern of the engine's own dialect
    least = field.rules.get("minLength", 0)
    for text in islice(_texts(tree), TRIES):
        for padded in (text, text + "a" * (least - len(text)), "a" * (least - len(text)) + text):
            if keeps(field, padded):
                return True
    return False


def re_error() -> type[Exception]:
    """Return the error that Python's regular expressions raise."""
    import re

    return re.error


def _texts(tree: Iterable[Any]) -> Iterator[str]:
    """Yield texts that a parsed pattern may match: each branch, fewest and one more repeats."""
    parts = list(tree)
    if not parts:
        yield ""
        return
    for head in _heads(*parts[0]):
        for tail in islice(_texts(parts[1:]), TRIES):
            yield head + tail


def _heads(operation: Any, value: Any) -> Iterator[str]:
    """Yield texts for one element of a pattern."""
    name = str(operation)
    if name == "LITERAL":
        yield chr(value)
    elif name in ("ANY", "NOT_LITERAL"):
        yield from (mark for mark in "a0 " if mark != (chr(value) if value else ""))
    elif name == "IN":
        yield from _marks(value)
    elif name == "BRANCH":
        for branch in value[1]:
            yield from islice(_texts(branch), TRIES)
    elif name == "SUBPATTERN":
        yield from _texts(value[-1])
    elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, inner = value
        for times in range(int(low), min(int(high), int(low) + 1) + 1):
            for text in islice(_texts(inner), 8):
                yield text * times
    else:  # anchors and the like take no room
        yield ""


def _marks(members: Any) -> Iterator[str]:
    import re._parser as parser

    if members and str(members[0][0]) == "NEGATE":
        taken = {mark for name, value in members[1:] if str(name) == "LITERAL" for mark in (chr(value),)}
        yield from (mark for mark in "aZ0 _-é" if mark not in taken)
        return
    for name, value in members:
        if str(name) == "LITERAL":
            yield chr(value)
        elif str(name) == "RANGE":
            yield chr(value[0])
        elif name is parser.CATEGORY:
            yield {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(value), "-")
