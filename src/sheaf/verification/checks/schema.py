"""Does every record have the shape and the ranges that the request asks for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf.domain.errors import RecordError
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.reasons import Reason

LIMIT = 8
"""Findings kept for one record: enough to correct it, bounded however wide the schema is."""

_CAUSES = {
    "columns": (
        "The fields or their types are not those of the schema.",
        "Give the fields the schema names, in its types.",
    ),
    "required": ("A value that the schema demands is missing.", "Give the value in every record."),
    "minimum": ("A number is below the least allowed.", "Correct the number or leave the record out."),
    "maximum": ("A number is above the greatest allowed.", "Correct the number or leave the record out."),
    "exclusiveMinimum": ("A number is not above the bound.", "Correct the number or leave the record out."),
    "exclusiveMaximum": ("A number is not below the bound.", "Correct the number or leave the record out."),
    "multipleOf": ("A number is no multiple of the step.", "Round to the step the schema names."),
    "minLength": ("A text is too short.", "Give the text in full."),
    "maxLength": ("A text is too long.", "Shorten the text or leave the record out."),
    "pattern": ("A text does not match the pattern.", "Write the text in the form the schema names."),
    "enum": ("A value is none of those listed.", "Use one of the listed values."),
    "format": ("A text is not of the format.", "Write the text in the format the schema names."),
    "contentMediaType": (
        "The bytes are not of the media type.",
        "Convert the file; renaming it is not enough.",
    ),
    "minItems": ("A list has too few items.", "Give the whole list."),
    "maxItems": ("A list has too many items.", "Shorten the list or leave the record out."),
}
REASONS = tuple(Reason(f"schema.{cause}", *texts) for cause, texts in _CAUSES.items())


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return what the compiled schema finds, by record, at most LIMIT findings each."""
    if batch.records is None:
        return []
    try:
        found = batch.schema.violations(batch.records)
    except RecordError as error:  # the table has not the schema's columns: then no record has
        return [Finding(i, "schema", 1, "schema.columns", detail=str(error)) for i in range(batch.count)]
    kept = found.sort("record", maintain_order=True).group_by("record", maintain_order=True).head(LIMIT)
    return [
        Finding(record, "schema", 1, f"schema.{code}", detail=f"{field}: {detail}")
        for record, field, code, detail in kept.select("record", "field", "code", "detail").iter_rows()
    ]


CHECK = Check("schema", 1, run, REASONS)
