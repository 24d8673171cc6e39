"""Committees: how many judge a submission, what they lock, which block draws them (twin of Committees.vy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_utils.crypto import keccak

from sheaf.domain.amounts import BPS, WAD, divide_up
from sheaf.domain.errors import Refused
from sheaf.domain.ids import Address, SubmissionId
from sheaf.review.stakes import Draw, StakesTwin

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Committees"
REACH = 255
PENDING = 1
VALUE_LIMIT = 2**88
_FIELD = 2**32 - 1


class Terms(NamedTuple):
    """What a case asks for: seats, quorum, and what each member locks in the stake token's smallest unit."""

    size: int
    quorum: int
    lock: int


@dataclass(frozen=True)
class Committee:
    """Who sits: `size` seats now, of which `first_size` since round 1; the times are those of the current round."""

    size: int
    first_size: int
    quorum: int
    lock: int
    commit_until: int
    reveal_until: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """What the draw needs to know of a submission: the fields of IRequests.Case, and since when it is hung (0: it is not)."""

    phase: int
    buyer: str
    contributor: str
    records: int
    value_stake: int
    fee_bps: int
    block_number: int
    hung_block: int = 0


def terms(words: tuple[int, int, int], value_stake: int, fee_bps: int) -> Terms:
    """Return the terms of a case worth `value_stake`, under parameters packed as `words`.

    The lock rate is above [((1 - a) / a)(1 + fee k / m) - bond] / k, with a the audit rate and `bond` the least bond rate: then
    a quorum that approves garbage loses more than the case yields.
    """
    _require(value_stake <= VALUE_LIMIT, "committees: value too large")
    _require(fee_bps <= BPS, "committees: fee too large")
    is_large, is_middle = (value_stake >= _at(words, number) * WAD for number in (23, 22))
    tier = 2 if is_large else 1 if is_middle else 0
    m, k = _at(words, 16 + 2 * tier), _at(words, 17 + 2 * tier)
    audit_bps, bond_percent = _at(words, 5), _at(words, 14)
    gain = 100 * (BPS - audit_bps) * (BPS * m + fee_bps * k)
    rate_bps = (gain - bond_percent * audit_bps * BPS * m) // (100 * audit_bps * m * k) + 1
    return Terms(m, k, divide_up(value_stake * rate_bps, BPS))


def target_of(anchor: int, delay: int, period_blocks: int) -> int:
    """Return the block that draws what is anchored to block `anchor`: never one in the last quarter of a period."""
    target = anchor + delay
    offset = target % period_blocks
    if 4 * offset >= 3 * period_blocks:
        target += period_blocks - offset + min(delay, period_blocks // 2)
    return target


def seed_of(block_hash: bytes, submission: int, stage: int) -> bytes:
    """Return the seed of a draw."""
    return keccak(block_hash + submission.to_bytes(32, "big") + stage.to_bytes(32, "big"))


@dataclass
class CommitteesTwin:
    """The rules of Committees.vy in plain integers; the clock is that of `stakes`. Refuses with the contract's own words."""

    stakes: StakesTwin
    words: tuple[int, int, int]
    address: str = "committees"
    committees: dict[int, Committee] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)

    def target_block(self, submission: int, case: Case) -> int:
        """Return the block that draws next."""
        return target_of(self._anchor(submission, case), _at(self.words, 3), self.stakes.period_blocks)

    def draw(self, submission: int, case: Case, block_hash: bytes) -> Committee:
        """Draw or enlarge a committee; `block_hash` is that of the target block."""
        target = self.target_block(submission, case)
        _require(self.stakes.block > target, "committees: too early")
        _require(not self._is_missed(target), "committees: block out of reach")
        former = self.committees.get(submission)
        commit_until = self.stakes.now + _at(self.words, 0)
        reveal_until = commit_until + _at(self.words, 1)
        parties = (case.buyer, case.contributor)
        if former is None:
            size, quorum, lock = terms(self.words, case.value_stake, case.fee_bps)
            draw = Draw(seed_of(block_hash, submission, 1), size, lock, parties)
            members = tuple(self.stakes.pick_and_lock(self.address, draw, self.stakes.period))
            drawn = Committee(size, size, quorum, lock, commit_until, reveal_until, members)
        else:
            size, lock = 2 * former.size + 1, former.lock
            draw = Draw(seed_of(block_hash, submission, 2), former.size + 1, lock, parties, former.members)
            members = former.members + tuple(
                self.stakes.pick_and_lock(self.address, draw, self.stakes.period)
            )
            drawn = Committee(size, former.size, former.quorum, lock, commit_until, reveal_until, members)
        self.committees[submission] = drawn
        self.moved.pop(submission, None)
        return drawn

    def redraw(self, submission: int, case: Case) -> int:
        """Anchor to the current block a draw whose block is out of reach; return the new target."""
        _require(self._is_missed(self.target_block(submission, case)), "committees: block within reach")
        self.moved[submission] = self.stakes.block
        return self.target_block(submission, case)

    def _anchor(self, submission: int, case: Case) -> int:
        former = self.committees.get(submission)
        if former is None:
            _require(case.phase == PENDING, "committees: not pending")
            return self.moved.get(submission, case.block_number)
        is_enlarged = former.size != former.first_size
        _require(not is_enlarged and case.hung_block != 0, "committees: drawn already")
        return self.moved.get(submission, case.hung_block)

    def _is_missed(self, target: int) -> bool:
        period_blocks, block = self.stakes.period_blocks, self.stakes.block
        return block > target + REACH or block // period_blocks > target // period_blocks


def _at(words: tuple[int, int, int], number: int) -> int:
    return words[number // 8] >> 32 * (number % 8) & _FIELD


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def draw(chain: Chain, signer: Signer, submission: SubmissionId | int) -> Receipt:
    """Draw a submission's committee, or enlarge it. Raises Reverted if it is not due, too early, too late, or too few can sit."""
    return chain.send(signer, CONTRACT, "draw", int(submission))


def redraw(chain: Chain, signer: Signer, submission: SubmissionId | int) -> Receipt:
    """Anchor a draw that was missed to the current block. Raises Reverted while its block is within reach."""
    return chain.send(signer, CONTRACT, "redraw", int(submission))


def committee(chain: Chain, submission: SubmissionId | int) -> Committee:
    """Return who sits, and until when; all zero before the draw."""
    return _committee(chain.call(CONTRACT, "committee", int(submission)))


def sitting(chain: Chain, submission: SubmissionId | int) -> tuple[Committee, tuple[Address, ...]]:
    """Return the committee and its members' accounts, in seat order."""
    panel, accounts = chain.call(CONTRACT, "sitting", int(submission))
    return _committee(panel), tuple(Address(account) for account in accounts)


def accounts(chain: Chain, submission: SubmissionId | int) -> tuple[Address, ...]:
    """Return the members' accounts, in seat order."""
    return tuple(Address(account) for account in chain.call(CONTRACT, "accounts", int(submission)))


def is_drawn(chain: Chain, submission: SubmissionId | int) -> bool:
    """Tell whether a submission has a committee."""
    return bool(chain.call(CONTRACT, "is_drawn", int(submission)))


def target_block(chain: Chain, submission: SubmissionId | int) -> int:
    """Return the block whose hash draws next. Raises Reverted where no draw is to come."""
    return int(chain.call(CONTRACT, "target_block", int(submission)))


def terms_of(chain: Chain, value_stake: int, fee_bps: int) -> Terms:
    """Return seats, quorum and lock for a value in the stake token's smallest unit, under the parameters of now."""
    return Terms(*(int(part) for part in chain.call(CONTRACT, "terms", value_stake, fee_bps)))


def _committee(value: Any) -> Committee:
    *numbers, members = value.values() if isinstance(value, Mapping) else value
    size, first_size, quorum, lock, commit_until, reveal_until = (int(number) for number in numbers)
    return Committee(
        size, first_size, quorum, lock, commit_until, reveal_until, tuple(int(number) for number in members)
    )
