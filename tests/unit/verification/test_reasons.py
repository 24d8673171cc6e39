"""Reasons: every refusal can be explained."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from sheaf.domain.verdict import Finding
from sheaf.formats import schema
from sheaf.verification import checks
from sheaf.verification.reasons import reasons, table

PAGE = Path(__file__).parents[3] / "docs" / "verification.md"

BROKEN: list[tuple[dict[str, Any], Any]] = [
    ({"type": "integer", "minimum": 1}, 0),
    ({"type": "integer", "maximum": 1}, 2),
    ({"type": "number", "exclusiveMinimum": 1}, 1.0),
    ({"type": "number", "exclusiveMaximum": 1}, 1.0),
    ({"type": "number", "multipleOf": 0.5}, 0.7),
    ({"type": "string", "minLength": 2}, "a"),
    ({"type": "string", "maxLength": 2}, "abc"),
    ({"type": "string", "pattern": "^a"}, "b"),
    ({"type": "string", "enum": ["a"]}, "b"),
    ({"type": "string", "format": "email"}, "nobody"),
    ({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}, b"no image"),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1]),
    ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, [1, 2, 3]),
    ({"type": "string", "format": "date"}, None),
]


def test_every_rule_of_a_schema_has_a_reason() -> None:
    """Whatever the schema's rules report stands in the table of reasons."""
    documents = {f"f{i}": document for i, (document, _) in enumerate(BROKEN)}
    compiled = schema.compile({"type": "object", "properties": documents, "required": list(documents)})
    arrays = [pa.array([value], field.type) for (_, value), field in zip(BROKEN, compiled.arrow, strict=True)]
    found = compiled.violations(pa.table(arrays, schema=compiled.arrow))
    seen = {f"schema.{code}" for code in found["code"]}
    assert len(seen) == len(BROKEN)
    assert seen | {"schema.columns"} == {code for code in reasons() if code.startswith("schema.")}


def test_codes_are_stable_names() -> None:
    """Codes are `check.cause`, unique, and each says what it means and what to do."""
    assert len(reasons()) == sum(len(check.reasons) for check in checks.known()) + 4
    names = {check.name for check in checks.known()} | {"judge"}
    for code, reason in reasons().items():
        assert re.fullmatch(r"[a-z_]+\.[a-zA-Z]+", code) and code.partition(".")[0] in names
        assert reason.meaning.endswith(".") and reason.remedy.endswith(".")


def test_the_page_has_the_table_as_it_is() -> None:
    """docs/verification.md holds the table written from the code."""
    text = PAGE.read_text()
    written = text.partition("<!-- reasons -->\n")[2].partition("\n<!-- end -->")[0]
    assert written == table()


def test_a_finding_names_a_reason() -> None:
    """A finding's code leads to its reason; dates and other values do not matter."""
    finding = Finding(0, "duplicates", 1, "duplicates.market", detail=str(datetime.date(2020, 1, 1)))
    assert reasons()[finding.code].remedy
