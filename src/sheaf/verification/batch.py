"""A submission as verification sees it: its records, and the numbers they are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.fingerprints import ExactIndex

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from sheaf.verification.near import Kind, NearIndex


class Schema(Protocol):
    """What a request says of one record (compiled by `formats.schema`)."""

    def violations(self, table: pa.Table) -> pl.DataFrame:
        """Return the columns `record`, `field`, `code`, `detail`, one row for each way a record breaks the schema."""
        ...


@dataclass(frozen=True)
class Commitment:
    """What a contributor bound itself to: Merkle root, CID of the encrypted records, commitment to their key."""

    root: bytes
    cid: str
    key: bytes


@dataclass(frozen=True)
class Standing:
    """Which records of an earlier submission count against a later one; `counts` has shape (records,)."""

    request: int
    counts: NDArray[np.bool_]


def counted(
    records: int,
    rejected: NDArray[np.bool_] | None = None,
    hung: NDArray[np.bool_] | None = None,
    is_final: bool = True,
) -> NDArray[np.bool_]:
    """Return shape (records,): which records of an earlier submission count, from its verdict at the anchor block.

    Without a verdict all of them; with one, those not rejected, less the hung ones once the verdict `is_final`.
    """
    counts = np.ones(records, dtype=np.bool_)
    if rejected is not None:
        counts &= ~rejected
    if hung is not None and is_final:
        counts &= ~hung
    return counts


@dataclass(frozen=True)
class Earlier:
    """What was submitted before: the index, and for the number of a submission its standing.

    The standing is None for a submission that was drawn no earlier than the one under review. `near` gives the index of sketches of one
    kind (None: there are none).
    """

    index: ExactIndex
    standing: Callable[[int], Standing | None]
    near: Callable[[Kind], NearIndex] | None = None


@dataclass(frozen=True)
class Batch:
    """One submission under review.

    `count` is the number of records on chain, `digests` holds 32 bytes per record. `records` and `recomputed` are None where
    the content could not be decrypted or read. `sample` are the records that the buyer published with the request, with answers (None:
    none), `label` the field that reviewers judge (None: they judge whole records).
    """

    submission: int
    request: int
    count: int
    records: pa.Table | None
    digests: bytes
    schema: Schema
    committed: Commitment
    recomputed: Commitment | None
    earlier: Earlier
    sample: pa.Table | None = None
    label: str | None = None
