"""Receipts: what a bundle says of the chain, so that anyone can hold the one against the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf.domain.canonical import DIGEST_BYTES
from sheaf.domain.merkle import SALT_BYTES
from sheaf.verification.pipeline import verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.cases.examine import Content
    from sheaf.actions.context import Context
    from sheaf.domain.request import Request, Specification
    from sheaf.domain.verdict import Finding, Verdict
    from sheaf.formats.bundle import Bundle

FORMAT = "sheaf-receipt-1"


@dataclass(frozen=True)
class Delivered:
    """A settled submission as the buyer got it: its content, held against the root on chain, and what became of each record."""

    case: Case
    content: Content
    rejected: NDArray[np.bool_]
    hung: NDArray[np.bool_]
    findings: list[Finding]

    @property
    def approved(self) -> NDArray[np.int64]:
        """The numbers of the records that were bought: approved, and none of the buyer's own gold."""
        return np.flatnonzero(~self.rejected & ~self.hung & ~self.case.gold_at(self.case.ended_block))

    @property
    def verdict(self) -> Verdict:
        """The verdict with its reasons."""
        return verdict(self.case.submission, self.rejected, self.hung, self.findings)


def write_bundle(
    ctx: Context, found: Request, wanted: Specification, delivered: list[Delivered], directory: Path
) -> Bundle:
    """Write what was delivered for a request to `directory`. Raises InputError if that cannot be made."""
    import pyarrow as pa

    from sheaf.formats import bundle
    from sheaf.store.chunks import root_of

    parts = bundle.Parts(
        records=pa.concat_tables([one.content.records.take(one.approved) for one in delivered]),
        specification=wanted,
        verdicts=bundle.verdict_table([one.verdict for one in delivered]),
        leaves=pa.concat_tables([_leaves(one) for one in delivered]),
        receipt=_receipt(ctx, found, wanted, delivered),
        published_at=max(ctx.chain.block_at(one.case.ended_block).timestamp for one in delivered),
    )
    return bundle.write(directory, parts, root_of)


def entry_of(case: Case) -> dict[str, Any]:
    """Return what a receipt says of one settled submission, all of it on chain."""
    assert case.settlement is not None
    return {
        "submission": case.submission,
        "contributor": case.contributor,
        "records": case.records,
        "approved": case.settlement["approved"],
        "rejected": case.settlement["rejected"],
        "paid": str(case.settlement["paid"]),
        "root": "0x" + case.root.hex(),
        "cid": case.cid,
        "key_commitment": "0x" + case.key_commitment.hex(),
        "custodian": case.custodian,
        "submitted_in": case.transaction,
        "decided_in": case.tallies[-1].transaction,
        "settled_in": case.settled_by,
    }


def terms_of(ctx: Context, found: Request) -> dict[str, Any]:
    """Return what a receipt says of the network and the request, all of it on chain but the addresses themselves."""
    from sheaf.chain.contracts import NAMES

    return {
        "format": FORMAT,
        "chain_id": ctx.chain.chain_id,
        "contracts": {name: ctx.chain.address_of(name) for name in NAMES},
        "request": found.id,
        "buyer": found.buyer,
        "token": found.token,
        "price": str(found.price),
        "specification": found.spec,
        "opened_in": ctx.docket.requests[found.id].transaction,
    }


def _receipt(
    ctx: Context, found: Request, wanted: Specification, delivered: list[Delivered]
) -> dict[str, Any]:
    return {
        **terms_of(ctx, found),
        "licence": wanted.licence,
        "submissions": [entry_of(one.case) for one in delivered],
    }


def _leaves(one: Delivered) -> pa.Table:
    import pyarrow as pa

    count, content = one.case.records, one.content
    approved = set(one.approved.tolist())
    leaves = [content.leaves[at : at + DIGEST_BYTES] for at in range(0, count * DIGEST_BYTES, DIGEST_BYTES)]
    salts = [
        content.salts[record * SALT_BYTES : (record + 1) * SALT_BYTES] if record in approved else None
        for record in range(count)
    ]
    return pa.table(
        {
            "submission": pa.array([int(one.case.submission)] * count, pa.int64()),
            "record": pa.array(range(count), pa.int64()),
            "leaf": pa.array(leaves, pa.binary()),
            "salt": pa.array(salts, pa.binary()),
        }
    )
