"""Is this record almost the same as an earlier one of its submission?

Only records of one submission are compared: of what is in others, reviewers share digests alone, and two honest reviewers must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification import near
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.near.columns import column, kind_of
from sheaf.verification.near.images import Images
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.series import Series
from sheaf.verification.parameters import Choice, Names, Number, PerField
from sheaf.verification.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa

EXACT_IMAGES = ("PNG",)
"""Formats whose decoding is fixed to the last bit; others may differ between decoders, and so would reviewers."""

REASONS = (
    Reason(
        "near_duplicates.submission",
        "An earlier record of this submission is almost the same.",
        "Send one record of each kind; small changes do not make another record.",
    ),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for every record that is near an earlier one which stands; it names that record and the similarity."""
    if batch.records is None:
        return []
    try:
        kind = _kind(batch.records, parameters)
        pairs = near.find_near_duplicates(batch.records, kind).pairs
    except InputError:  # a field is absent or of another type: the schema says so, or has none such
        return []
    _, cause = near.standing(pairs, batch.count)
    return [
        Finding(
            record,
            "near_duplicates",
            1,
            "near_duplicates.submission",
            float(pairs.similarity[place]),
            detail=f"like record {pairs.earlier[place]}, similarity {pairs.similarity[place]:.3f}",
        )
        for record, place in sorted(cause.items())
    ]


def kind_of_check(table: pa.Table, parameters: Mapping[str, Any]) -> near.Kind | None:
    """Return how the check compares the records of `table` with these settled parameters; None if it has nothing to compare."""
    try:
        return _kind(table, parameters)
    except InputError:  # a field is absent or of another type: the schema says so, or has none such
        return None


def _kind(table: pa.Table, parameters: Mapping[str, Any]) -> near.Kind:
    """Return the way to compare that the parameters ask for. Raises InputError for fields that are not there."""
    name, fields = parameters["kind"], parameters["fields"]
    wanted = parameters["threshold"]
    threshold = max(wanted or near.THRESHOLDS[name], near.LEAST[name])
    settings = {key: parameters[key] for key in ("unit", "length", "window")}
    if name == "table":
        return _rows(table, fields or tuple(table.column_names), parameters["scales"], threshold)
    kind = near.choose(table, name, fields, threshold, settings)
    return Images(kind.field, threshold, EXACT_IMAGES) if isinstance(kind, Images) else kind


def _rows(table: pa.Table, fields: tuple[str, ...], scales: Mapping[str, float], threshold: float) -> Rows:
    """Return rows in which numbers without a scale must be equal."""
    kinds = {name: kind_of(column(table, name).type) for name in fields}
    numbers = tuple(name for name in kinds if kinds[name] == "number" and name in scales)
    others = tuple(name for name in kinds if name not in numbers and kinds[name] not in ("series", "other"))
    return Rows(numbers, others, tuple(scales[name] for name in numbers), threshold)


CHECK = Check(
    "near_duplicates",
    1,
    run,
    REASONS,
    {
        "kind": Choice(near.KINDS, "How records are compared."),
        "fields": Names((), "Fields that are compared; all that fit the kind where none is named."),
        "threshold": Number(
            None,
            min(near.LEAST.values()) + 0.01,
            1.0,
            "From which similarity a record is refused; each kind has its own default.",
        ),
        "unit": Choice(("characters", "words"), "What shingles of texts are made of."),
        "length": Number(None, 1, 64, "Words or characters of a shingle.", is_whole=True),
        "scales": PerField(
            Number(1.0, 1e-300, 1e300),
            "For each number of a table its scale: a tolerance of 1 - threshold scales; without one numbers must be equal.",
        ),
        "window": Number(Series.window, 16, 1024, "Values of a window of series.", is_whole=True),
    },
)
