"""Records in a file, judged by the checks that a request would name: evidence for each, and a summary by reason; no market is needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sheaf.domain.request import CheckUse, Specification
from sheaf.domain.verdict import Finding
from sheaf.formats import records, schema
from sheaf.verification import checks
from sheaf.verification.batch import Batch, Commitment, Earlier, Standing
from sheaf.verification.checks.near_duplicates import travelling_of
from sheaf.verification.fingerprints import ExactIndex
from sheaf.verification.near import NearIndex
from sheaf.verification.pipeline import Pipeline, refused
from sheaf.verification.reasons import reasons

if TYPE_CHECKING:
    import pyarrow as pa


LIMITS = records.Limits(max_records=1_000_000)


class CheckRun(msgspec.Struct, frozen=True):
    """A check that was run, with its parameters; `needs` says what it lacked to say anything, "" if nothing."""

    name: str
    version: int
    parameters: dict[str, Any]
    findings: int
    needs: str


class ReasonCount(msgspec.Struct, frozen=True):
    """How many records a reason speaks of, and how many of them it refuses; the others it only points at."""

    code: str
    meaning: str
    records: int
    refused: int


class RecordQuality(msgspec.Struct, frozen=True):
    """What the checks say of a file: `refused` records fall by themselves, `advised` ones are only pointed at."""

    records: int
    refused: int
    advised: int
    checks: list[CheckRun]
    reasons: list[ReasonCount]
    findings: list[Finding]


def record_quality(
    file: Path,
    specification: Specification | None = None,
    sample: Path | None = None,
    index: Path | None = None,
) -> RecordQuality:
    """Run the checks that `specification` names (all, without one) on the records of `file`.

    `sample` are records known to be good. `index` is a folder that remembers files: what was in one before, or almost, is a duplicate, and
    `file` is added, with sketches of its records. The same file again is no duplicate of itself. Raises RecordError for files that cannot
    be read, SpecificationError.
    """
    document = specification.schema if specification else None
    table = records.read(file, document, limits=LIMITS)
    good = records.read(sample, document, limits=LIMITS) if sample else None
    batch = _batch(table, specification, good, index)
    uses = specification.checks if specification else tuple(_usual(table, check) for check in checks.known())
    if index is not None:
        uses = tuple(_remembering(use) for use in uses)
    findings = Pipeline(uses).run(batch)
    if index is not None:
        kind = travelling_of(uses, table)
        if kind is not None:
            NearIndex(kind, index).add(kind.sketch(table), batch.submission)
        batch.earlier.index.add(batch.digests, batch.submission)
    falls = refused(findings, batch.count)
    named = np.zeros(batch.count, dtype=np.bool_)
    named[[finding.record for finding in findings]] = True
    runs = [_run(check, settled, batch, findings) for check, settled in checks.resolve(uses)]
    return RecordQuality(
        batch.count, int(falls.sum()), int((named & ~falls).sum()), runs, _counted(findings), findings
    )


def _remembering(use: CheckUse) -> CheckUse:
    """Return a check that looks at everything that the index has, whatever the specification's scope is."""
    is_wide = use.name in ("duplicates", "near_duplicates")
    return CheckUse(use.name, use.version, {**use.parameters, "scope": "market"}) if is_wide else use


def _batch(
    table: pa.Table, specification: Specification | None, sample: pa.Table | None, index: Path | None
) -> Batch:
    from sheaf.actions.cases.examine import AnySchema
    from sheaf.domain.canonical import record_digests

    digests = record_digests(table)
    committed = Commitment(hashlib.sha256(digests).digest(), "", b"")
    # the number of a file in the index: its content's own, so that it can be added twice
    number = int.from_bytes(hashlib.sha256(digests).digest()[:7])
    everything = Standing(1, np.broadcast_to(np.bool_(True), (1 << 40,)))
    return Batch(
        submission=number,
        request=1,
        count=table.num_rows,
        records=table,
        digests=digests,
        schema=schema.compile(specification.schema) if specification else AnySchema(),
        committed=committed,
        recomputed=committed,
        earlier=Earlier(ExactIndex(index), lambda other: everything, lambda kind: NearIndex(kind, index)),
        sample=sample,
        label=specification.label if specification else None,
    )


def _usual(table: pa.Table, check: checks.Check) -> CheckUse:
    """Return the check with its defaults; where it asks for a field of time and exactly one can be it, with that."""
    from pyarrow import types

    times = [field.name for field in table.schema if types.is_timestamp(field.type)]
    given = {"time": times[0]} if "time" in check.parameters and len(times) == 1 else {}
    return CheckUse(check.name, check.version, given)


def _run(check: checks.Check, settled: dict[str, Any], batch: Batch, findings: list[Finding]) -> CheckRun:
    count = sum(finding.check == check.name for finding in findings)
    return CheckRun(check.name, check.version, settled, count, check.needs(batch))


def _counted(findings: list[Finding]) -> list[ReasonCount]:
    """Return the reasons given, the one that refuses most first."""
    spoken: dict[str, set[int]] = {}
    falling: dict[str, set[int]] = {}
    for finding in findings:
        spoken.setdefault(finding.code, set()).add(finding.record)
        if finding.is_refusal:
            falling.setdefault(finding.code, set()).add(finding.record)
    table = reasons()
    rows = [
        ReasonCount(code, table[code].meaning, len(of), len(falling.get(code, ())))
        for code, of in spoken.items()
    ]
    return sorted(rows, key=lambda row: (-row.refused, -row.records, row.code))
