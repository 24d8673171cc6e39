"""The way from records to a verdict: checks find, a judge judges what they leave, decisions become a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.domain.ids import SubmissionId
from sheaf.domain.request import CheckUse
from sheaf.domain.verdict import Decision, Finding, Verdict
from sheaf.verification.batch import Batch
from sheaf.verification.checks import resolve

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Specification

ALWAYS = ("commitment", "schema")
"""Checks that are run first whether or not a specification names them."""


JUDGE_WEIGHT = 0.5
"""The weight of a finding that rests on one reviewer's judgement: the judge refuses, not the finding."""


class Opinion(NamedTuple):
    """One reviewer's vote, `rejected` of shape (n,), and the findings it rests on, by record."""

    rejected: NDArray[np.bool_]
    findings: list[Finding]


@runtime_checkable
class Explaining(Protocol):
    """A judge that says why."""

    def explain(
        self, records: pa.Table, specification: Specification
    ) -> tuple[NDArray[np.bool_], list[Finding]]:
        """Return what `judge` returns, and a finding for every record that is refused."""
        ...


class Pipeline:
    """The objective checks of one specification, in order. Two honest reviewers get the same findings."""

    def __init__(self, checks: Iterable[CheckUse]) -> None:
        """Take the checks a specification names. Raises SpecificationError for unknown ones or wrong parameters."""
        uses = tuple(checks)
        named = {use.name: use for use in uses}
        always = tuple(named.get(name, CheckUse(name)) for name in ALWAYS)
        resolve(uses)
        self._checks = resolve(always + tuple(use for use in uses if use.name not in ALWAYS))

    @property
    def reads_sample(self) -> bool:
        """Whether any check compares with the buyer's sample."""
        return any(check.reads_sample for check, _ in self._checks)

    def run(self, batch: Batch) -> list[Finding]:
        """Return the findings of all checks, check by check; a decisive check that finds anything ends the run."""
        findings: list[Finding] = []
        for check, parameters in self._checks:
            findings += (found := check.run(batch, parameters))
            if check.decisive and found:
                break
        return findings

    def review(
        self,
        batch: Batch,
        judge: Judge,
        specification: Specification,
        order: NDArray[np.int64] | None = None,
        named: NDArray[np.int64] | None = None,
    ) -> Opinion:
        """Return a reviewer's opinion: refused is what a finding of weight 1 or the judge refuses; other findings are kept as evidence.

        The judge is shown only records that no check refused, in `order` (a permutation of the n records; as
        they stand if None), and of them only those of `named` where only those are asked for. Raises InputError where the judge
        does not give one boolean per record.
        """
        findings = self.run(batch)
        rejected = refused(findings, batch.count)
        order = np.arange(batch.count) if order is None else order
        if not np.array_equal(np.sort(order), np.arange(batch.count)):
            raise InputError(
                "order", f"{len(order)} places", f"give a permutation of the {batch.count} records"
            )
        shown = order[~rejected[order]]
        if named is not None:
            shown = shown[np.isin(shown, named)]
        if batch.records is None or not len(shown):
            return Opinion(rejected, findings)
        approved, reasons = _judged(judge, batch.records.take(shown), specification)
        rejected[shown[~approved]] = True
        return Opinion(rejected, findings + [_placed(reason, shown) for reason in reasons])


def refused(findings: Iterable[Finding], count: int) -> NDArray[np.bool_]:
    """Return shape (count,): which records a finding refuses by itself, which are those of weight 1."""
    rejected = np.zeros(count, dtype=np.bool_)
    rejected[[finding.record for finding in findings if finding.is_refusal]] = True
    return rejected


def verdict(
    submission: SubmissionId,
    rejected: NDArray[np.bool_],
    hung: NDArray[np.bool_],
    findings: Iterable[Finding] = (),
) -> Verdict:
    """Return the committee's verdict, with those findings that speak of records not approved."""
    decisions = tuple(
        Decision.HUNG if is_hung else Decision.REJECTED if is_rejected else Decision.APPROVED
        for is_rejected, is_hung in zip(rejected.tolist(), hung.tolist(), strict=True)
    )
    kept = tuple(finding for finding in findings if decisions[finding.record] is not Decision.APPROVED)
    return Verdict(submission=submission, decisions=decisions, findings=kept)


def refusal(record: int, cause: str, score: float = 1.0, detail: str = "") -> Finding:
    """Return a judge's finding against `record`; its code is `judge.<cause>`."""
    return Finding(record, "judge", 1, f"judge.{cause}", score, JUDGE_WEIGHT, detail)


def _judged(
    judge: Judge, records: pa.Table, specification: Specification
) -> tuple[NDArray[np.bool_], list[Finding]]:
    if isinstance(judge, Explaining):
        approved, findings = judge.explain(records, specification)
    else:
        approved, findings = judge.judge(records, specification), []
    if getattr(approved, "dtype", None) != np.bool_ or approved.shape != (records.num_rows,):
        raise InputError("judge", type(judge).__name__, f"return {records.num_rows} booleans, one per record")
    said = {finding.record for finding in findings}
    silent = [int(i) for i in np.flatnonzero(~approved) if i not in said]
    return approved, findings + [refusal(i, "refused") for i in silent]


def _placed(finding: Finding, shown: NDArray[np.int64]) -> Finding:
    """Return the finding with its record's index in the submission instead of that in what the judge was shown."""
    return msgspec.structs.replace(finding, record=int(shown[finding.record]))
