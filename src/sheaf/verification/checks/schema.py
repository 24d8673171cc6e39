"""Does every record have the shape and the ranges that the request asks for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.reasons import Reason

LIMIT = 8
"""Findings kept for one record: enough to correct it, bounded however wide the schema is."""

REASONS = tuple(
    Reason(f"schema.{cause}", meaning, remedy)
    for cause, meaning, remedy in (
        ("missing", "A field that the request demands is absent or null.", "Give the field in every record."),
        ("type", "A value has another type than the schema says.", "Give the type the schema names."),
        (
            "range",
            "A number lies outside the range the schema allows.",
            "Correct the value or leave the record out.",
        ),
        (
            "step",
            "A number is not a multiple of the step the schema names.",
            "Round to the step the schema names.",
        ),
        (
            "length",
            "A text or list is shorter or longer than the schema allows.",
            "Keep to the stated lengths.",
        ),
        (
            "pattern",
            "A text does not match the pattern the schema names.",
            "Write the text in the stated form.",
        ),
        ("enum", "A value is not one of those the schema lists.", "Use one of the listed values."),
        (
            "format",
            "A text or image is not of the format the schema names.",
            "Write the value in the named format.",
        ),
        ("unknown", "A field that the schema does not know and does not allow.", "Leave the field out."),
    )
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return what the compiled schema finds, by record, at most LIMIT findings each."""
    if batch.records is None:
        return []
    found = batch.schema.violations(batch.records).sort("record", maintain_order=True)
    found = found.group_by("record", maintain_order=True).head(LIMIT)
    return [
        Finding(record, "schema", 1, f"schema.{code}", detail=f"{field}: {detail}")
        for record, field, code, detail in found.select("record", "field", "code", "detail").iter_rows()
    ]


CHECK = Check("schema", 1, run, REASONS)
