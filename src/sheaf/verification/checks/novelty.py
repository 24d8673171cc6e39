"""Is this record like those of the buyer's sample at all, or garbage?

Its distance to the sample is held against the sample's own distances: see docs/verification.md. New is not wrong: findings are advice,
unless the specification sets `refuse_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.parameters import Number
from sheaf.verification.reasons import Reason

ADVICE = 0.5
REASONS = (
    Reason(
        "novelty.unlike",
        "The record is farther from the buyer's sample than the sample's records are from each other.",
        "Send records of the kind the sample shows.",
    ),
    Reason(
        "novelty.unreadable",
        "A value that all records of the sample have is missing, or of another form.",
        "Give every field of the sample in its form.",
    ),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for every record beyond the outer fence of the sample's own distances."""
    if batch.records is None or batch.sample is None:
        return []
    from sheaf.verification.novelty import Manifold

    try:
        distances = Manifold(batch.sample, batch.label)(batch.records)
    except InputError:  # nothing to compare with: the linter tells the buyer
        return []
    refuse_at, findings = parameters["refuse_at"], []
    for i in np.flatnonzero(distances > 1):
        ratio = float(distances[i])
        cause, detail = "unlike", f"{ratio:.1f} times as far from the sample as its own records come"
        if not np.isfinite(ratio):
            cause, detail = "unreadable", "a field of the sample is missing or of another form"
        weight = 1.0 if refuse_at is not None and ratio >= refuse_at else ADVICE
        score = ratio / (1 + ratio) if np.isfinite(ratio) else 1.0
        findings.append(Finding(int(i), "novelty", 1, f"novelty.{cause}", score, weight, detail))
    return findings


def needs(batch: Batch) -> str:
    """Say what is missing for this check."""
    return "a sample" if batch.sample is None else ""


REFUSE_AT = Number(
    None, 1, 1e6, "How many times beyond the sample's fence a record is refused, not only pointed at."
)
CHECK = Check("novelty", 1, run, REASONS, {"refuse_at": REFUSE_AT}, reads_sample=True, needs=needs)
