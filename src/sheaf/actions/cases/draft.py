"""Drafts: submissions on their way, on disk before anything is sent.

The content key follows from the account's own secret and the draft's nonce: no key lies on the disk, a lost process loses no
key, and an erased draft erases the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.cases import journal

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId


class Draft(msgspec.Struct, kw_only=True):
    """A submission on its way.

    It is stored once it has a `cid`, sent as the account's transaction number `sent_as`, done once the custodian has the key.
    Where the custodian mixes gold into it, it is `asked` (a number, counted from 1) to mix what lies under `own_cid` and has the digests
    `own`; `cid`, `root` and the rest are its answer, which holds until `valid_until`, and `vouch` its signature.
    """

    request: int
    records: int
    nonce: bytes
    cid: str = ""
    root: bytes = b""
    custodian: str = ""
    bond: int = 0
    gold: bytes = b""
    asked: int = 0
    own: bytes = b""
    own_cid: str = ""
    key_commitment: bytes = b""
    valid_until: int = 0
    vouch: bytes = b""
    sent_as: int | None = None
    submission: int | None = None
    is_done: bool = False


def new_nonce(ctx: Context, digest: bytes) -> bytes:
    """Return 32 fresh bytes for records with this digest: other records get another nonce even where entropy repeats itself."""
    return hashlib.sha256(b"sheaf draft" + ctx.entropy(32) + digest).digest()


def draft_path(ctx: Context, request: int, digest: str) -> Path:
    """Return where the draft of records with this digest for this request lies."""
    return ctx.folder / "submissions" / f"{request}-{digest}.json"


@contextmanager
def drafting(path: Path) -> Iterator[None]:
    """Keep other processes from working on the same draft; the lock goes with the process that holds it."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(path.with_suffix(".lock")):
        yield


def drafts(ctx: Context) -> dict[Path, Draft]:
    """Return all drafts of this account."""
    found = {
        path: journal.recall(path, Draft) for path in sorted((ctx.folder / "submissions").glob("*.json"))
    }
    return {path: draft for path, draft in found.items() if draft is not None}


def content_key(ctx: Context, draft: Draft) -> bytes:
    """Return a draft's content key, 32 bytes."""
    return ctx.sender.derive_secret(b"content key " + ctx.market.encode() + draft.nonce)


def gold_commitment(ctx: Context, draft: Draft) -> bytes:
    """Return the draft's commitment to gold; where it has none, 32 bytes that nobody else can tell from one."""
    return draft.gold or ctx.sender.derive_secret(b"no gold " + ctx.market.encode() + draft.nonce)


def own_key(ctx: Context, submission: SubmissionId) -> bytes | None:
    """Return the content key of a submission that this account made, or None if its draft is not here or a keeper mixed it."""
    draft = draft_of(ctx, submission)
    return content_key(ctx, draft) if draft is not None and not draft.asked else None


def draft_of(ctx: Context, submission: SubmissionId) -> Draft | None:
    """Return the draft of a submission that this account made, or None if it is not here."""
    return next((draft for draft in drafts(ctx).values() if draft.submission == submission), None)
