"""Bonus pools: money that is split by value, under a root that juries may overturn (twin of BonusPools.vy, and the calls upon it)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sheaf.domain.amounts import BPS, WAD, divide_up
from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.domain.merkle import MerkleTree

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT, DISPUTES = "BonusPools", "BonusDisputes"
STANDING = (bytes(32), bytes(32))
"""The verdict that is disputed: a posting is one record, neither rejected nor hung."""
NONE, POSTED, HELD, OVER = 0, 3, 4, 5
SHARES = 2**16
LIMIT = 2**96
VALUE_LIMIT = 2**88


class Share(NamedTuple):
    """What an account is to have of a pool, in the token's smallest unit."""

    account: str
    amount: int


class Pool(NamedTuple):
    """A request's pool as the chain has it; times in Unix seconds."""

    token: str
    buyer: str
    left: int
    valuator: str
    open_until: int
    posting: int
    accepted_at: int


@dataclass(frozen=True)
class Posting:
    """Shares as they were posted; `paid` of `total` was claimed, `audit_bps` the rate at which they are audited."""

    request: int
    poster: str
    root: bytes
    count: int
    total: int
    paid: int
    stake: int
    settle_after: int
    phase: int
    audit_bps: int = 0


def leaf(request: int, index: int, share: Share) -> bytes:
    """Return SHA-256(0x00 ‖ request, 32 bytes ‖ index, 8 ‖ account, 20 ‖ amount, 32), integers big-endian."""
    account = bytes.fromhex(share.account.removeprefix("0x"))
    parts = (request.to_bytes(32, "big"), index.to_bytes(8, "big"), account, share.amount.to_bytes(32, "big"))
    return hashlib.sha256(b"\x00" + b"".join(parts)).digest()


def tree_of(request: int, shares: Sequence[Share]) -> MerkleTree:
    """Return the tree over all shares of a pool (RFC 9162 §2.1).

    Raises InputError for none, more than 65,536, an amount below 0, or an account that stands twice.
    """
    if not 0 < len(shares) <= SHARES:
        raise InputError("shares", len(shares), f"give 1 to {SHARES}")
    seen: set[str] = set()
    for share in shares:
        if not 0 <= share.amount < LIMIT:
            raise InputError("share", share.amount, "give whole units from 0, below 2**96")
        if share.account.lower() in seen:
            raise InputError("account", share.account, "give every account one share")
        seen.add(share.account.lower())
    return MerkleTree(b"".join(leaf(request, i, share) for i, share in enumerate(shares)))


@dataclass
class Rules:
    """The parameters that pools follow; times in seconds, the bond in whole tokens."""

    term_seconds: int
    challenge_seconds: int = 172_800
    ruling_seconds: int = 604_800
    dispute_bond: int = 10
    dispute_bond_bps: int = 1000


@dataclass
class Held:
    """A pool in the twin: `rate_wad` is what one unit of its token counts for in the stake token."""

    buyer: str
    rate_wad: int
    ends_at: int
    left: int = 0
    valuator: str = ""
    open_until: int = 0
    posting: int = 0
    accepted_at: int = 0


@dataclass
class Posted:
    """Shares in the twin."""

    request: int
    poster: str
    shares: tuple[Share, ...]
    total: int
    stake: int
    settle_after: int
    phase: int = POSTED
    paid: int = 0


@dataclass
class BonusPoolsTwin:
    """The rules of BonusPools.vy in plain integers, for one payment token. Refuses with the contract's own words.

    What a jury ruled is handed in; `stakes_owed` and `owed` are what accounts may withdraw of the stake token and of the payment token.
    """

    rules: Rules
    now: int = 0
    pools: dict[int, Held] = field(default_factory=dict)
    postings: dict[int, Posted] = field(default_factory=dict)
    owed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    stakes_owed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    claimed: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    burned: int = 0
    to_disputes: int = 0

    def fund(self, request: int, facts: Held, amount: int) -> None:
        """Add to a pool; `facts` are those of a pool that begins now."""
        pool = self.pools.get(request, facts)
        _require(pool.open_until == 0, "bonus_pools: closed")
        _require(amount > 0, "bonus_pools: nothing to add")
        value = divide_up((pool.left + amount) * pool.rate_wad, WAD)
        _require(pool.left + amount < LIMIT and value <= VALUE_LIMIT, "bonus_pools: amount too large")
        pool.left += amount
        self.pools[request] = pool

    def close(self, request: int) -> None:
        """Start the time to post."""
        pool = self._pool(request)
        _require(pool.open_until == 0, "bonus_pools: closed")
        self._close(pool)

    def stake_of(self, request: int) -> int:
        """Return what posting shares takes, in the stake token."""
        pool = self.pools[request]
        value = divide_up(pool.left * pool.rate_wad, WAD)
        return self.rules.dispute_bond * WAD + value * self.rules.dispute_bond_bps // BPS

    def post(self, request: int, poster: str, shares: Sequence[Share], total: int) -> int:
        """Post shares that are said to add up to `total`; return the posting's number."""
        pool = self._pool(request)
        if pool.open_until == 0:
            self._close(pool)
        _require(pool.posting == 0 and pool.left > 0, "bonus_pools: shares are posted")
        is_buyers = poster in (pool.buyer, pool.valuator)
        _require(is_buyers or self.now >= pool.open_until, "bonus_pools: the buyer's time to post")
        _require(total <= pool.left, "bonus_pools: more than the pool holds")
        number = len(self.postings) + 1
        until = self.now + self.rules.challenge_seconds
        self.postings[number] = Posted(request, poster, tuple(shares), total, self.stake_of(request), until)
        pool.posting = number
        return number

    def hold(self, posting: int) -> None:
        """Keep shares from being accepted: a challenge was opened."""
        one = self.postings[posting]
        _require(one.phase == POSTED, "bonus_pools: not posted")
        _require(self.now < one.settle_after, "bonus_pools: challenge window is over")
        one.phase, one.settle_after = HELD, self.now + self.rules.ruling_seconds

    def show(self, posting: int, *, is_overturned: bool) -> int:
        """Return what of the stake goes to Disputes: half of it where the challenge won, the other half is burned."""
        one = self.postings[posting]
        _require(one.phase == HELD, "bonus_pools: not held")
        kept = 0
        if is_overturned:
            kept = one.stake // 2
            self.burned += one.stake - kept
            self.to_disputes += kept
            one.stake = 0
        return kept

    def rule(self, posting: int, *, is_rejected: bool, is_faultless: bool) -> None:
        """Decide held shares as a jury ruled."""
        one = self.postings[posting]
        _require(one.phase == HELD and self.now < one.settle_after, "bonus_pools: not held")
        if not is_rejected and not is_faultless:
            one.settle_after = self.now
            return
        if is_rejected:
            self.burned += one.stake
        else:
            self.stakes_owed[one.poster] += one.stake
        one.phase, one.stake = OVER, 0
        self.pools[one.request].posting = 0

    def accept(self, request: int) -> None:
        """Let shares stand."""
        pool = self._pool(request)
        _require(pool.posting != 0 and pool.accepted_at == 0, "bonus_pools: nothing to accept")
        one = self.postings[pool.posting]
        _require(self.now >= one.settle_after, "bonus_pools: may still be challenged")
        self.stakes_owed[one.poster] += one.stake
        self.owed[pool.buyer] += pool.left - one.total
        one.phase, one.stake, pool.left, pool.accepted_at = OVER, 0, one.total, self.now

    def claim(self, request: int, index: int) -> int:
        """Return what the account of share `index` is paid."""
        pool = self._pool(request)
        if pool.accepted_at == 0:
            self.accept(request)
        one = self.postings[pool.posting]
        _require(index < len(one.shares), "bonus_pools: not a share")
        account, amount = one.shares[index]
        due = amount - self.claimed[request, account]
        _require(due > 0, "bonus_pools: nothing to claim")
        _require(one.paid + due <= one.total and due <= pool.left, "bonus_pools: more than was posted")
        self.claimed[request, account] = amount
        one.paid += due
        pool.left -= due
        return due

    def reclaim(self, request: int, sender: str) -> int:
        """Return what the buyer takes out."""
        pool, term = self._pool(request), self.rules.term_seconds
        _require(sender == pool.buyer, "bonus_pools: not the buyer")
        _require(pool.left > 0, "bonus_pools: nothing left")
        if pool.accepted_at:
            _require(self.now >= pool.accepted_at + term, "bonus_pools: may still be claimed")
        else:
            _require(pool.posting == 0, "bonus_pools: shares are posted")
            is_late = pool.open_until != 0 and self.now >= pool.open_until + term
            _require(is_late, "bonus_pools: may still be posted")
        left, pool.left = pool.left, 0
        return left

    @property
    def held(self) -> int:
        """What the contract must hold of the payment token."""
        return sum(pool.left for pool in self.pools.values()) + sum(self.owed.values())

    @property
    def staked(self) -> int:
        """What the contract must hold of the stake token."""
        return sum(one.stake for one in self.postings.values()) + sum(self.stakes_owed.values())

    def _close(self, pool: Held) -> None:
        _require(self.now >= pool.ends_at, "bonus_pools: the request is running")
        pool.open_until = self.now + self.rules.term_seconds

    def _pool(self, request: int) -> Held:
        if request not in self.pools:
            raise Refused("bonus_pools: no pool")
        return self.pools[request]


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def pool(chain: Chain, request: int) -> Pool:
    """Return the state of a request's pool. Raises InputError if there is none."""
    found = Pool(*chain.call(CONTRACT, "pool", int(request)))
    if found.token == ZERO_ADDRESS:
        raise InputError("request", request, "it has no bonus pool: `sheaf bonus fund` makes one")
    return found


def posting(chain: Chain, number: int) -> Posting:
    """Return shares that were posted; all zero if there are none of that number."""
    return Posting(*chain.call(CONTRACT, "posting", number))


def stake_of(chain: Chain, request: int) -> int:
    """Return what posting shares takes, in the stake token."""
    return int(chain.call(CONTRACT, "stake_of", int(request)))


def fund(chain: Chain, signer: Signer, request: int, amount: int) -> Receipt:
    """Add to a request's pool."""
    return chain.send(signer, CONTRACT, "fund", int(request), amount)


def post(chain: Chain, signer: Signer, request: int, shares: Sequence[Share], cid: bytes) -> Receipt:
    """Post the root of all shares of a pool with the binary CID of the evidence."""
    total = sum(share.amount for share in shares)
    root = tree_of(request, shares).root
    return chain.send(signer, CONTRACT, "post", int(request), root, len(shares), total, cid)


def claim(chain: Chain, signer: Signer, request: int, shares: Sequence[Share], index: int) -> Receipt:
    """Pay out share `index`. Anyone may."""
    path = tree_of(request, shares).proof(index)
    return chain.send(signer, CONTRACT, "claim", int(request), *shares[index], index, path)


def show(chain: Chain, signer: Signer, number: int) -> Receipt:
    """Tell Disputes what the poster leaves there, when the case of a posting is concluded. Anyone may."""
    return chain.send(signer, CONTRACT, "show", number)


def reclaim(chain: Chain, signer: Signer, request: int) -> Receipt:
    """Take out what is left, as the buyer."""
    return chain.send(signer, CONTRACT, "reclaim", int(request))
