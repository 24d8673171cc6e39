"""Is this record almost the same as an earlier one: of its submission, of the request, of the market?

Within a submission records are compared as they are. With those of others by sketches that travel in sheets, which the root on chain
binds, and by nothing that depends on when they came: so two honest reviewers agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification import near
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check, resolve
from sheaf.verification.near.columns import column, kind_of
from sheaf.verification.near.images import Images
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.series import Series
from sheaf.verification.parameters import Choice, Names, Number, PerField
from sheaf.verification.reasons import Reason
from sheaf.verification.sheet import MAX_SKETCH_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.request import CheckUse

EXACT_IMAGES = ("PNG",)
"""Formats whose decoding is fixed to the last bit; others may differ between decoders, and so would reviewers."""

REASONS = (
    Reason(
        "near_duplicates.submission",
        "An earlier record of this submission is almost the same.",
        "Send one record of each kind; small changes do not make another record.",
    ),
    Reason(
        "near_duplicates.request",
        "An earlier submission to this request holds almost the same record.",
        "Nothing can be done for this record; leave it out.",
    ),
    Reason(
        "near_duplicates.market",
        "A submission to another request holds almost the same record, and this buyer wants none sold before.",
        "Offer the record where the specification does not compare it with other requests.",
    ),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return at most one finding for every record: near an earlier one of its submission that stands, else one given before.

    It names that record and the similarity.
    """
    kind = None if batch.records is None else kind_of_check(batch.records, parameters)
    if batch.records is None or kind is None:
        return []
    try:
        pairs, _, _, sketch = near.find_near_duplicates(batch.records, kind)
    except InputError:  # a field is of a type that cannot be compared
        return []
    before = _given_before(batch, kind, sketch, parameters["scope"])
    _, cause = near.standing(pairs, batch.count)
    found = {record: _finding(record, *before[record]) for record in before}
    for record, place in cause.items():
        alike = float(pairs.similarity[place])
        found[record] = _finding(record, "submission", f"record {pairs.earlier[place]}", alike)
    return [found[record] for record in sorted(found)]


def _finding(record: int, cause: str, other: str, alike: float) -> Finding:
    said = f"like {other}, similarity {alike:.3f}"
    return Finding(record, "near_duplicates", 1, f"near_duplicates.{cause}", alike, detail=said)


def _given_before(
    batch: Batch, kind: near.Kind, sketch: near.Sketch, scope: str
) -> dict[int, tuple[str, str, float]]:
    """Return for records near to one that counts as given before: cause, what it is like, and how much."""
    travels = travelling(kind)
    index = batch.earlier.near(travels) if scope != "submission" and batch.earlier.near else None
    if index is None:
        return {}
    sent = travels.sketched(sketch) if isinstance(travels, near.Cells) else sketch
    matches = index.given_before(sent, _counting(batch, scope), least(travels))
    found: dict[int, tuple[str, str, float]] = {}
    for record, submission, other, alike in zip(*(part.tolist() for part in matches), strict=True):
        standing = batch.earlier.standing(submission)
        assert standing is not None
        cause = "request" if standing.request == batch.request else "market"
        found.setdefault(record, (cause, f"record {other} of submission {submission}", alike))
    return found


def _counting(batch: Batch, scope: str) -> near.Counts:
    """Return what tells which earlier records count against this submission."""
    known = cache(batch.earlier.standing)

    def counts(submissions: NDArray[np.uint64], records: NDArray[np.uint32]) -> NDArray[np.bool_]:
        counted = np.zeros(len(submissions), np.bool_)
        for submission in np.unique(submissions[submissions != batch.submission]).tolist():
            standing = known(submission)
            if standing is None or (scope == "request" and standing.request != batch.request):
                continue
            here = np.flatnonzero(submissions == submission)
            counted[here] = standing.counts[records[here]]
        return counted

    return counts


def least(kind: near.Kind) -> float:
    """Return from which similarity of sketches a record falls: where they only estimate it, one standard error above the threshold."""
    return min(1.0, kind.threshold + kind.margin / 3)


def travelling(kind: near.Kind) -> near.Kind:
    """Return the kind whose sketches travel in sheets: of rows one that has no whole number in it."""
    return near.Cells(kind) if isinstance(kind, Rows) else kind


def travelling_of(checks: Iterable[CheckUse], table: pa.Table) -> near.Kind | None:
    """Return the kind of sketch that sheets carry where a specification names these checks; `table` has its fields, and may be empty.

    None where no record of others is compared, and where the sketches would be too large. Raises SpecificationError as `resolve` does.
    """
    for check, settled in resolve(tuple(checks)):
        if check.name != CHECK.name or settled["scope"] == "submission":
            continue
        kind = kind_of_check(table, settled)
        if kind is None:
            return None
        made = travelling(kind)
        try:
            made.sketch(table.slice(0, 0))
        except InputError:  # a field is of a type that cannot be compared
            return None
        return made if near.size_of(made) <= MAX_SKETCH_BYTES else None
    return None


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
        "scope": Choice(
            ("submission", "request", "market"),
            "With which records each is compared: those of its submission, of the request, or of all requests whose sketches are of the "
            "same kind. Beyond the submission sheets carry sketches.",
        ),
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
