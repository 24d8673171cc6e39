"""What a policy lets out, said to its owner; and the twin of the data, written for buyers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sheaf.domain.errors import InputError
from sheaf.domain.policy import Policy
from sheaf.formats import records
from sheaf.formats.release import policy as policies
from sheaf.formats.release.remarks import described, explain
from sheaf.formats.release.shown import project, twin


class Said(msgspec.Struct, frozen=True):
    """One sentence; a warning is what an owner should look at."""

    is_warning: bool
    text: str


class PolicyReport(msgspec.Struct, frozen=True):
    """A policy in words and bits: `bits` by the way they take, `total` for one answer, `per_person` where noise is added."""

    policy: str
    release: str
    bits: dict[str, float | None]
    answers: int
    shown: list[str]
    remarks: list[Said]


class TwinReport(msgspec.Struct, frozen=True):
    """Where a twin was written, and what it is like."""

    file: str
    records: int
    fields: dict[str, str]


def explained(policy: Path, data: Path | None = None) -> PolicyReport:
    """Explain the policy in a file; with `data`, also try its fields on them and count their records.

    Raises SpecificationError for a policy that cannot be meant, RecordError where it does not fit the data.
    """
    found = policies.load(policy)
    rows = None
    if data is not None:
        table = records.read_as_is(data)
        project(table.slice(0, 100), found)
        rows = table.num_rows
    figures = described(found)
    remarks = [Said(one.is_warning, one.text) for one in explain(found, rows)]
    return PolicyReport(
        found.digest, figures["release"], figures["bits"], found.answers, figures["shown"], remarks
    )


def write_twin(data: Path, policy: Path, target: Path, rows: int = 1000, seed: int = 0) -> TwinReport:
    """Write a Parquet file with the columns that a job over `data` will see, and no value of theirs: only their types are used.

    Raises InputError if `target` is there already.
    """
    import pyarrow.parquet as pq

    if target.exists():
        raise InputError("target", target.name, "is there already: name a new file")
    found: Policy = policies.load(policy)
    drawn = twin(records.read_as_is(data).schema, found, rows, seed)
    pq.write_table(drawn, target, compression="zstd")
    return TwinReport(str(target), drawn.num_rows, {field.name: str(field.type) for field in drawn.schema})
