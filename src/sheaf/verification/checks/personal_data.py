"""Does a record hold personal data that the buyer does not want: found by form, check digits and the words beside it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.parameters import Names, Number
from sheaf.verification.personal import KINDS, LEAST_SCORE, REFUSED, find, mask, text_fields
from sheaf.verification.reasons import Reason

LIMIT = 8
"""Findings kept for one record."""

_REMEDY = "Remove it, or put another of the same form in its place; then submit the record again."
_CAUSES = {
    "contact": (
        "email phone url username credentials",
        "The record holds a way to reach somebody: e-mail, telephone, web address, user name.",
    ),
    "account": ("card iban crypto", "The record holds the number of a card, a bank account or a wallet."),
    "identity": (
        "ssn national_id passport driver_licence birth_date age",
        "The record holds a number or date by which a state knows somebody.",
    ),
    "place": ("address postcode coordinates", "The record says where somebody lives or was."),
    "device": ("ip mac", "The record holds the address of somebody's device."),
    "name": ("person organisation", "The record names somebody."),
}
_CAUSE_OF = {kind: cause for cause, (kinds, _) in _CAUSES.items() for kind in kinds.split()}
REASONS = tuple(Reason(f"personal_data.{cause}", meaning, _REMEDY) for cause, (_, meaning) in _CAUSES.items())


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return what is found of the kinds asked for, by record, at most LIMIT findings each; what was found is shown masked."""
    if batch.records is None:
        return []
    texts = text_fields(batch.records)
    fields = [name for name in parameters["fields"] or texts if name in texts]
    found = find(batch.records, parameters["kinds"], fields)
    kept = found.filter(found["score"] >= parameters["least_score"])
    columns = {name: batch.records.column(name) for name in fields}
    return [
        Finding(
            record,
            "personal_data",
            1,
            f"personal_data.{_CAUSE_OF[kind]}",
            score,
            detail=f"{field}: {kind}: {mask(columns[field][record].as_py()[start:end])}",
        )
        for record, field, kind, start, end, score in kept.group_by("record", maintain_order=True)
        .head(LIMIT)
        .iter_rows()
    ]


CHECK = Check(
    "personal_data",
    1,
    run,
    REASONS,
    {
        "kinds": Names(REFUSED, "Kinds of personal data that refuse a record.", KINDS),
        "fields": Names((), "Fields that are searched; all text fields where none is named."),
        "least_score": Number(LEAST_SCORE, 0.0, 1.0, "How sure a hit must be to refuse a record."),
    },
)
