"""Examining a submission: open its content, hold it against the commitment, run the objective checks.

All of it was made by strangers. Whatever is wrong with it ends in findings, never in an error that stops a node; only the
market's own side (a store that does not answer, content that has not arrived) raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.actions.cases.docket import NEVER
from sheaf.domain.errors import IntegrityError, RecordError, SheafError, StoreError
from sheaf.domain.ids import ZERO_ADDRESS, SubmissionId
from sheaf.verification.batch import Batch, Commitment, Earlier, Standing, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl
    import pyarrow as pa

    from sheaf.actions.cases.docket import Case, Docket
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address, RequestId
    from sheaf.domain.request import Specification
    from sheaf.domain.verdict import Finding
    from sheaf.formats.limits import Limits
    from sheaf.verification.fingerprints import ExactIndex
    from sheaf.verification.near import Kind, NearIndex
    from sheaf.verification.sheet import Sheet

MAX_CIPHERTEXT_BYTES = 1 << 30
BASE_BYTES, RECORD_BYTES = 64 << 20, 16 << 20
"""What a submission may hold, and what each of its records adds to that: bytes are paid for by the bond, record by record."""
FRAME_BYTES = 1 << 20
"""More than encryption adds to the largest content."""


@dataclass(frozen=True)
class Content:
    """A submission's records with what they hash to. `salts`, `digests` and `leaves` are 16, 32 and 32 bytes a record, joined.

    `sheet` is what other reviewers are told of them.
    """

    records: pa.Table
    digests: bytes
    salts: bytes
    leaves: bytes
    root: bytes
    sheet: Sheet


def read_records(source: Path | pa.Table, specification: Specification) -> pa.Table:
    """Return records in the form of the specification's schema, from a file or a table. Raises RecordError."""
    from sheaf.formats import records, schema

    if isinstance(source, Path):
        source = records.read(source, specification.schema)
    return schema.compile(specification.schema).cast(source)


def content_of(
    table: pa.Table, key: bytes, request: RequestId, contributor: Address, kind: Kind | None = None
) -> Content:
    """Return a table with its digests, salts, leaves and Merkle root, to which sketches of `kind` are bound (`sketched_by`).

    Raises RecordError for values without canonical form.
    """
    from sheaf.domain.canonical import record_digests
    from sheaf.domain.merkle import leaves, merkle_root
    from sheaf.store.envelope import salts
    from sheaf.verification.sheet import Sheet, Sketches, bound_salts

    if not table.num_rows:
        raise RecordError("records", 0, "give at least one record")
    digests = record_digests(table)
    blind = salt = salts(key, table.num_rows)
    sketches = None
    if kind is not None:
        from sheaf.verification import near

        sketches = Sketches(kind.namespace, near.packed(kind.sketch(table)).tobytes())
        salt = bound_salts(blind, sketches)
    bound = leaves(request, contributor, salt, digests)
    return Content(table, digests, salt, bound, merkle_root(bound), Sheet(blind, digests, sketches))


def sketched_by(wanted: Specification | None) -> Kind | None:
    """Return the kind of sketch to which the submissions of a request are bound: None where its checks compare none with others."""
    from sheaf.formats import schema
    from sheaf.verification.checks.near_duplicates import travelling_of

    return travelling_of(wanted.checks, schema.compile(wanted.schema).arrow.empty_table()) if wanted else None


def limits_of(records: int) -> Limits:
    """Return how large the content of a submission of `records` records may be: nobody reads a gigabyte for one record's bond."""
    from sheaf.formats.limits import Limits

    allowed = min(MAX_CIPHERTEXT_BYTES, BASE_BYTES + records * RECORD_BYTES)
    return Limits(max_bytes=allowed, max_decoded_bytes=2 * allowed)


def packed(table: pa.Table) -> bytes:
    """Return a submission's records as they are encrypted and stored. Raises RecordError if reviewers would not read so much."""
    from sheaf.formats import parquet

    data, limits = parquet.write(table), limits_of(table.num_rows)
    if max(len(data), table.nbytes // 2) > limits.max_bytes:
        raise RecordError(
            "records", f"{len(data)} bytes", f"submit at most {limits.max_bytes} bytes at a time: split them"
        )
    return data


def associated(ctx: Context, request: RequestId, contributor: Address) -> bytes:
    """Return what a submission's ciphertext is bound to, so that it cannot be passed off as another's."""
    return f"sheaf records {ctx.market} {request} {contributor.lower()}".encode()


def open_content(ctx: Context, case: Case, key: bytes, wanted: Specification | None) -> Content | None:
    """Return a submission's content, or None if it cannot be decrypted or read as records.

    Without a specification the records are taken as they are. Raises StoreError if the store does not have the ciphertext (yet).
    """
    from sheaf.formats import parquet, schema
    from sheaf.store.envelope import decrypt

    if case.cid is None:
        return None
    bound = associated(ctx, case.request, case.contributor)
    try:
        limits = limits_of(case.records)
        cipher = _capped(ctx.store.stream(case.cid), limits.max_bytes + FRAME_BYTES)
        data = b"".join(_capped(decrypt(key, cipher, bound), limits.max_bytes))
        table = parquet.read(data, limits)
        if table.num_rows != case.records:
            return None
        cast = schema.compile(wanted.schema).cast(table) if wanted else table
        return content_of(cast, key, case.request, case.contributor, sketched_by(wanted))
    except StoreError:
        raise
    except (SheafError, MemoryError):
        return None


def batch_of(
    case: Case,
    key: bytes | None,
    content: Content | None,
    wanted: Specification | None,
    earlier: Earlier,
    sample: pa.Table | None = None,
) -> Batch:
    """Return a submission as the checks take it; where `wanted` is None its specification cannot be read, and no schema binds."""
    from sheaf.formats import schema
    from sheaf.store.envelope import key_commitment

    cid = case.cid or ""
    recomputed = None
    if key is not None and content is not None:
        # Without the specification nobody knows which sketches the root binds: it cannot be held against the contributor.
        root = content.root if wanted else case.root
        recomputed = Commitment(root, cid, key_commitment(key))
    return Batch(
        submission=case.submission,
        request=case.request,
        count=case.records,
        records=content.records if content else None,
        digests=content.digests if content else b"",
        schema=schema.compile(wanted.schema) if wanted else AnySchema(),
        committed=Commitment(case.root, cid, case.key_commitment),
        recomputed=recomputed,
        earlier=earlier,
        sample=sample,
        label=wanted.label if wanted else None,
    )


def self_check(
    wanted: Specification,
    request: RequestId,
    table: pa.Table,
    sample: pa.Table | None = None,
    earlier: Earlier | None = None,
) -> list[Finding]:
    """Return what the checks find in records before they are submitted: all but what others submitted, which is sealed.

    `earlier` is what the contributor itself submitted.
    """
    from sheaf.formats import schema
    from sheaf.verification.fingerprints import ExactIndex
    from sheaf.verification.pipeline import Pipeline

    content = content_of(table, bytes(32), request, ZERO_ADDRESS)
    committed = Commitment(content.root, "", b"")
    batch = Batch(
        submission=0,
        request=request,
        count=table.num_rows,
        records=table,
        digests=content.digests,
        schema=schema.compile(wanted.schema),
        committed=committed,
        recomputed=committed,
        earlier=earlier or Earlier(ExactIndex(), lambda number: None),
        sample=sample,
        label=wanted.label,
    )
    return Pipeline(wanted.checks).run(batch)


def earlier_than(
    docket: Docket, case: Case, index: ExactIndex, near: Callable[[Kind], NearIndex] | None = None
) -> Earlier:
    """Return what counts as given before `case`: what is earlier (`Case.is_before`), by the verdicts of the block of its first draw.

    What was known by then to be the buyer's gold was not given by anyone.
    """
    anchor = case.rounds[0].block if case.rounds else NEVER

    def standing(number: int) -> Standing | None:
        other = docket.cases.get(SubmissionId(number))
        if other is None or other is case or not other.rounds or not other.is_before(case):
            return None
        rejected, hung, is_final = other.verdict_at(anchor)
        counts = counted(other.records, rejected, hung, is_final) & ~other.gold_at(anchor)
        return Standing(other.request, counts)

    return Earlier(index, standing, near)


class AnySchema:
    """The schema of a request whose specification cannot be read: nothing breaks it."""

    def violations(self, table: pa.Table) -> pl.DataFrame:
        """Return no violation."""
        import polars as pl

        return pl.DataFrame(
            schema={"record": pl.Int64, "field": pl.String, "code": pl.String, "detail": pl.String}
        )


def _capped(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise IntegrityError(f"content: over {limit} bytes: it is not read")
        yield piece
