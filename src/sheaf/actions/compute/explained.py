"""What a policy lets out, said to its owner; and the twin of the data, written for buyers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sheaf.domain.errors import InputError
from sheaf.domain.policy import Policy
from sheaf.formats import records
from sheaf.formats.release import policy as policies
from sheaf.formats.release.remarks import described, explain
from sheaf.formats.release.shown import project, twin

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context


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


@dataclass(frozen=True)
class Terms:
    """What is known of data before an order: their policy, their columns (None: not said), and how many records there are."""

    policy: Policy
    schema: pa.Schema | None = None
    records: int | None = None


def terms_of_file(policy: Path) -> Terms:
    """Return the terms in a file. Raises SpecificationError for a policy that cannot be meant."""
    return Terms(policies.load(policy))


def terms_of_dataset(ctx: Context, dataset: int) -> Terms:
    """Return the terms of a published dataset, as its newest manifest has them. Raises Missing where no store has it."""
    from sheaf.actions.datasets.find import manifest_of
    from sheaf.formats.datasets.manifest import schema_of

    known = manifest_of(ctx, dataset)
    return Terms(policies.read(known.policy, known.title), schema_of(known), known.records)


def explained(terms: Terms, data: Path | None = None) -> PolicyReport:
    """Explain a policy; with `data`, also try its fields on them and count their records.

    Raises RecordError where it does not fit the data.
    """
    found, rows = terms.policy, terms.records
    if data is not None:
        table = records.read_as_is(data)
        project(table.slice(0, 100), found)
        rows = table.num_rows
    figures = described(found)
    remarks = [Said(one.is_warning, one.text) for one in explain(found, rows)]
    return PolicyReport(
        found.digest, figures["release"], figures["bits"], found.answers, figures["shown"], remarks
    )


def write_twin(terms: Terms, target: Path, rows: int = 1000, seed: int = 0) -> TwinReport:
    """Write a Parquet file with the columns that a job will see, and no value of the data: it is drawn from their types alone.

    Raises InputError if `target` is there already, RecordError for a type that no twin is drawn of.
    """
    import pyarrow.parquet as pq

    if target.exists():
        raise InputError("target", target.name, "is there already: name a new file")
    if terms.schema is None:
        raise InputError("columns", "unknown", "give the records, or the number of a dataset")
    drawn = twin(terms.schema, terms.policy, rows, seed)
    pq.write_table(drawn, target, compression="zstd")
    return TwinReport(str(target), drawn.num_rows, {field.name: str(field.type) for field in drawn.schema})
