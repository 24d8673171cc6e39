"""Was this record given before: in this submission, in this request, anywhere in the market?

A record counts as given before if an earlier submission (by its number) holds it, and at the block in
which the committee of the submission under review was drawn no verdict had refused it: see docs/verification.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.fingerprints import first_copies, rows
from sheaf.verification.parameters import Choice
from sheaf.verification.reasons import Reason

REASONS = (
    Reason(
        "duplicates.submission",
        "The same record stands earlier in this submission.",
        "Send every record once; the first copy is judged on its own.",
    ),
    Reason(
        "duplicates.request",
        "An earlier submission to this request holds the same record.",
        "Nothing can be done for this record; leave it out.",
    ),
    Reason(
        "duplicates.market",
        "A submission to another request holds the same record, and this buyer wants none sold before.",
        "Offer the record where the specification limits duplicates to the request.",
    ),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for every later copy, and for every record that counts as given before."""
    first = first_copies(batch.digests)
    places = np.arange(len(first))
    copies = np.flatnonzero(first != places)
    findings = [_finding(int(i), "submission", f"the same as record {first[i]}") for i in copies]
    findings += _given_before(batch, places[first == places], parameters["scope"])
    return sorted(findings, key=lambda finding: finding.record)


def _given_before(batch: Batch, records: NDArray[np.int64], scope: str) -> list[Finding]:
    """Return at most one finding for each of `records`: by the smallest submission that counts."""
    found = batch.earlier.index.find(rows(batch.digests)[records].tobytes())
    counts = np.zeros(len(found), dtype=np.bool_)
    same_request = np.zeros(len(found), dtype=np.bool_)
    for submission in np.unique(found.submission[found.submission != batch.submission]):
        standing = batch.earlier.standing(int(submission))
        if standing is None or (scope == "request" and standing.request != batch.request):
            continue
        here = np.flatnonzero(found.submission == submission)
        counts[here] = standing.counts[found.record[here]]
        same_request[here] = standing.request == batch.request
    hits = np.flatnonzero(counts)
    # matches stand by query, then by submission: the first of each query is the smallest
    _, smallest = np.unique(found.query[hits], return_index=True)
    return [
        _finding(
            int(records[found.query[i]]),
            "request" if same_request[i] else "market",
            f"the same as record {found.record[i]} of submission {found.submission[i]}",
        )
        for i in hits[smallest]
    ]


def _finding(record: int, cause: str, detail: str) -> Finding:
    return Finding(record, "duplicates", 1, f"duplicates.{cause}", detail=detail)


SCOPE = Choice(
    ("request", "market"), "Where a record may not have been given before: to this request, or to any."
)
CHECK = Check("duplicates", 1, run, REASONS, {"scope": SCOPE})
