"""Bonus pools: fund one, post what everybody's records were worth, check it by computing it again, claim, and take back what is left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sheaf.actions.account import approve, require_address, require_funds
from sheaf.domain.errors import InputError, Missing, SheafError
from sheaf.domain.ids import Address, RequestId
from sheaf.market import bonus_pools
from sheaf.market.bonus_pools import Pool, Posting, Share

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.actions.value import Model, ValueReport

FORMAT = "sheaf-bonus-1"
MAX_EVIDENCE_BYTES = 1 << 24


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From what shares were computed; its CID is on chain. `records` and `task` are SHA-256 digests of the files, `values` and `shares`
    stand in the order of the first records.

    Values are texts of doubles, so that the same document has the same bytes everywhere. The sampler draws with seed `seed`.
    """

    request: int
    pool: str
    utility: str
    sampler: str
    seed: int
    label: str
    contributor: str
    records: str
    task: str
    values: list[str]
    accounts: list[str]
    shares: list[str]
    format: str = FORMAT


@dataclass(frozen=True)
class Files:
    """What shares are computed from: the records with the column that names who gave them, and the buyer's held-out task."""

    records: Path
    task: Path
    label: str
    contributor: str
    model: Model = "mixed"


@dataclass(frozen=True)
class Bonus:
    """A request's pool, the shares that stand or are being judged (None: none), and what they are made of, where that can be read."""

    request: RequestId
    pool: Pool
    posting: Posting | None
    evidence: Evidence | None


def fund_pool(ctx: Context, request: RequestId | int, amount: int) -> str:
    """Add `amount` of the request's token to its bonus pool; return the transaction. Raises InputError for too little money."""
    from sheaf.actions.request import show_request

    token = show_request(ctx, request).token
    if amount <= 0:
        raise InputError("amount", amount, "give more than zero")
    require_funds(ctx, token, amount, "the pool")
    approve(ctx, token, ctx.chain.address_of(bonus_pools.CONTRACT), amount)
    return bonus_pools.fund(ctx.chain, ctx.sender, int(request), amount).transaction


def show_bonus(ctx: Context, request: RequestId | int) -> Bonus:
    """Return a request's bonus pool as it stands. Raises InputError if there is none."""
    found = bonus_pools.pool(ctx.chain, int(request))
    if not found.posting:
        return Bonus(RequestId(request), found, None, None)
    posted = bonus_pools.posting(ctx.chain, found.posting)
    try:
        evidence = _evidence(ctx, int(request), found.posting)
    except SheafError:
        evidence = None
    return Bonus(RequestId(request), found, posted, evidence)


def settle_bonus(ctx: Context, request: RequestId | int, files: Files) -> Bonus:
    """Value the records, split the pool by it, keep the evidence in the store and post the root with a stake.

    The values of `files.contributor` are accounts. Raises RecordError or InputError for files or accounts that cannot be used,
    Reverted before the request is closed, while other shares are posted, or in the buyer's time.
    """
    found = bonus_pools.pool(ctx.chain, int(request))
    evidence = compute(int(request), found.left, files)
    shares = shares_of(evidence, found.buyer)
    stake = bonus_pools.stake_of(ctx.chain, int(request))
    require_funds(ctx, ctx.token, stake, "posting shares")
    from sheaf.store.cid import binary

    cid = ctx.store.put([_document(evidence)])
    approve(ctx, ctx.token, ctx.chain.address_of(bonus_pools.CONTRACT), stake)
    bonus_pools.post(ctx.chain, ctx.sender, int(request), shares, binary(cid))
    return show_bonus(ctx, request)


def check_bonus(ctx: Context, request: RequestId | int, files: Files) -> str | None:
    """Compute the posted shares again from the same files; return the first difference, or None.

    Raises InputError where nothing is posted, Missing where the evidence is not in the store.
    """
    found = bonus_pools.pool(ctx.chain, int(request))
    if not found.posting:
        raise InputError("request", request, "no shares are posted")
    said = _evidence(ctx, int(request), found.posting)
    made = compute(int(request), int(said.pool), files)
    for name in msgspec.structs.fields(Evidence):
        theirs, ours = getattr(said, name.name), getattr(made, name.name)
        if theirs != ours:
            return f"{name.name}: posted {_short(theirs)}, computed {_short(ours)}"
    posted = bonus_pools.posting(ctx.chain, found.posting)
    shares = shares_of(said, found.buyer)
    if bonus_pools.tree_of(int(request), shares).root != posted.root:
        return "root: it is not that of the shares in the evidence"
    total = sum(share.amount for share in shares)
    if (posted.count, posted.total) != (len(shares), total):
        return f"total: posted {posted.total} in {posted.count}, computed {total} in {len(shares)}"
    return None


def claim_bonus(ctx: Context, request: RequestId | int, account: Address | None = None) -> int:
    """Have the share of `account` (oneself) paid out to it; return the amount.

    Raises InputError where it has none, Missing where the evidence is not in the store, Reverted while it may still be challenged.
    """
    found = bonus_pools.pool(ctx.chain, int(request))
    if not found.posting:
        raise InputError("request", request, "no shares are posted")
    shares = shares_of(_evidence(ctx, int(request), found.posting), found.buyer)
    who = account or ctx.account
    index = next((i for i, share in enumerate(shares) if share.account.lower() == who.lower()), None)
    if index is None:
        raise InputError("account", who, "it has no share of this pool")
    receipt = bonus_pools.claim(ctx.chain, ctx.sender, int(request), shares, index)
    return int(receipt.event("ShareClaimed").args["amount"])


def reclaim_bonus(ctx: Context, request: RequestId | int) -> int:
    """Take out, as the buyer, what nobody claimed, or all where no shares stood in time; return it. Raises Reverted when too early."""
    receipt = bonus_pools.reclaim(ctx.chain, ctx.sender, int(request))
    return int(receipt.event("PoolReclaimed").args["amount"])


def withdraw_bonus(ctx: Context, token: Address | None = None) -> int:
    """Withdraw what pools owe this account in a token (the stake token): stakes, and what shares left of a pool."""
    args = (token or ctx.token,)
    amount = int(ctx.chain.call(bonus_pools.CONTRACT, "owed", *args, ctx.account))
    ctx.chain.send(ctx.sender, bonus_pools.CONTRACT, "withdraw", *args)
    return amount


def compute(request: int, pool: int, files: Files) -> Evidence:
    """Return the evidence of a pool's shares: what anyone with the same files computes, to the bit where the utility is whole numbers."""
    from sheaf.actions.value import value

    found = value(
        files.records, files.task, files.label, contributor=files.contributor, pool=pool, model=files.model
    )
    accounts = [require_address(files.contributor, one.contributor) for one in found.contributors]
    return Evidence(
        request=request,
        pool=str(pool),
        utility=files.model,
        sampler=_sampler(found),
        seed=0,
        label=files.label,
        contributor=files.contributor,
        records=_digest(files.records),
        task=_digest(files.task),
        values=[repr(one.value) for one in found.contributors],
        accounts=list(accounts),
        shares=[str(one.share) for one in found.contributors],
    )


def shares_of(evidence: Evidence, buyer: str) -> list[Share]:
    """Return the leaves of the tree: who gets anything, in order; where nobody does, the buyer gets nothing. Raises InputError."""
    given = zip(evidence.accounts, evidence.shares, strict=True)
    shares = [Share(account, int(amount)) for account, amount in given if int(amount)]
    return shares or [Share(buyer, 0)]


def _sampler(found: ValueReport) -> str:
    return "exact" if found.is_exact else "antithetic"


def _document(evidence: Evidence) -> bytes:
    from sheaf.domain.canonical import json_bytes

    return json_bytes(msgspec.to_builtins(evidence))


def _digest(path: Path) -> str:
    if not path.is_file():
        raise InputError(
            "file", path.name, "give one file, so that others can hold the same against its digest"
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _evidence(ctx: Context, request: int, posting: int) -> Evidence:
    from sheaf.store.cid import from_binary

    events = ctx.chain.events(
        bonus_pools.CONTRACT, "SharesPosted", ctx.chain.deployment_block, posting=posting
    )
    if not events:
        raise Missing(f"posting {posting}: it is not on this chain")
    data = b""
    for piece in ctx.store.stream(from_binary(bytes(events[0].args["cid"]))):
        data += piece
        if len(data) > MAX_EVIDENCE_BYTES:
            raise InputError("evidence", f"over {MAX_EVIDENCE_BYTES} bytes", "it is not read: challenge it")
    try:
        found = msgspec.json.decode(data, type=Evidence)
        amounts = [int(share) for share in found.shares]
    except (msgspec.MsgspecError, ValueError):
        raise InputError("evidence", f"posting {posting}", "it cannot be read: challenge it") from None
    if found.request != request or len(amounts) != len(found.accounts) or min(amounts, default=0) < 0:
        raise InputError("evidence", f"posting {posting}", "it does not belong to these shares: challenge it")
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
