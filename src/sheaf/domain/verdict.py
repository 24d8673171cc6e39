"""Findings and verdicts: what verification says of single records, and what a committee decided."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sheaf.domain.ids import SubmissionId


class Decision(StrEnum):
    """What became of a record."""

    APPROVED = "approved"
    REJECTED = "rejected"
    HUNG = "hung"


class Finding(msgspec.Struct, frozen=True):
    """What a check found in one record: evidence `(record, check, version, code, score, weight)` and a sentence for people.

    `record` is the index in the submission, `score` in [0, 1] says how strongly the check speaks against the record (1: certain),
    `weight` in [0, 1] how much it counts. Of weight 1 is what is certain by the specification: it refuses the record by itself.
    Anything less is advice, kept as evidence for whoever judges.
    """

    record: int
    check: str
    version: int
    code: str
    score: float = 1.0
    weight: float = 1.0
    detail: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether this finding refuses its record by itself."""
        return self.weight == 1

    @property
    def is_reason(self) -> bool:
        """Whether this finding can say why its record was refused: a refusal can, or a judge's word; advice cannot."""
        return self.is_refusal or self.check == "judge"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on one submission, one entry per record, with the reasons of those refused."""

    submission: SubmissionId
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...] = ()
