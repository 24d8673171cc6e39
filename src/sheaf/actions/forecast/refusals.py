"""Refusals explained: for every record that falls the code, what it means, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import shorten
from sheaf.verification.reasons import reasons

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.verdict import Finding


@dataclass(frozen=True)
class Refusal:
    """Why one record falls: a stable code, what it means, what was seen, and what to do about it.

    `field` and `value` are empty where the whole record is meant.
    """

    record: int
    code: str
    meaning: str
    detail: str
    field: str
    value: str
    fix: str


def refusals(findings: Iterable[Finding], table: pa.Table | None = None) -> list[Refusal]:
    """Return what can say why a record falls, explained, by record; `table`, where it is at hand, gives the values."""
    known = reasons()
    found = []
    for finding in findings:
        if not finding.is_reason:
            continue
        reason = known[finding.code]
        field, value = _place(finding, table)
        found.append(
            Refusal(finding.record, finding.code, reason.meaning, finding.detail, field, value, reason.remedy)
        )
    return sorted(found, key=lambda one: one.record)


def _place(finding: Finding, table: pa.Table | None) -> tuple[str, str]:
    """Return the field that a finding speaks of, which stands before a colon, and what the record has there."""
    field, colon, _ = finding.detail.partition(": ")
    if table is None or not colon or table.column_names.count(field) != 1:
        return "", ""
    value: Any = table.column(field)[finding.record].as_py()
    return field, "" if value is None else shorten(value)
