"""Is this the content that the contributor committed to?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf.domain.canonical import DIGEST_BYTES
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.reasons import Reason

_REMEDY = "Submit again with a tool that computes commitments as docs/formats.md says."
REASONS = (
    Reason("commitment.unreadable", "The content cannot be decrypted or read as records.", _REMEDY),
    Reason(
        "commitment.count", "The content holds another number of records than was stated on chain.", _REMEDY
    ),
    Reason("commitment.root", "The Merkle root of the records is not the one on chain.", _REMEDY),
    Reason("commitment.cid", "The encrypted content does not have the CID that is on chain.", _REMEDY),
    Reason("commitment.key", "The content key does not match its commitment on chain.", _REMEDY),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return one finding for every record stated on chain if anything differs: a broken commitment binds nobody."""
    code = _broken(batch)
    detail = next((reason.meaning for reason in REASONS if reason.code == code), "")
    return [Finding(i, "commitment", 1, code, detail=detail) for i in range(batch.count if code else 0)]


def _broken(batch: Batch) -> str:
    if batch.recomputed is None:
        return "commitment.unreadable"
    for part in ("cid", "key"):
        if getattr(batch.recomputed, part) != getattr(batch.committed, part):
            return f"commitment.{part}"
    if batch.records is None:
        return "commitment.unreadable"
    if batch.records.num_rows != batch.count or len(batch.digests) != DIGEST_BYTES * batch.count:
        return "commitment.count"
    return "" if batch.recomputed.root == batch.committed.root else "commitment.root"


CHECK = Check("commitment", 1, run, REASONS, decisive=True)
