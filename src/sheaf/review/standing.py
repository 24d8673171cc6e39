"""Standing: what is known of an account from what was looked at again (twin of Standing.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Refused

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain
    from sheaf.domain.ids import Address

CONTRACT = "Standing"
HALF_LIFE = 180 * 86_400
BLAME, PRIOR_WAD, JUMP, DIGITS = 4, 8 * WAD, 4, 20


@dataclass(frozen=True)
class Record:
    """Praise and blame in wad as they were at `noted_at`, and the greatest value once found right as a whole."""

    praise: int = 0
    blame: int = 0
    noted_at: int = 0
    verified: int = 0

    def at(self, now: int) -> Record:
        """Return what is left of it at a later time."""
        passed = now - self.noted_at
        return replace(self, praise=faded(self.praise, passed), blame=faded(self.blame, passed), noted_at=now)

    @property
    def score_wad(self) -> int:
        """From 0 to 1 in wad."""
        return self.praise * WAD // (self.praise + BLAME * self.blame + PRIOR_WAD)


@dataclass
class StandingTwin:
    """The rules of Standing.vy in plain integers; whoever drives it sets `now` and names who may feed it."""

    feeders: set[str] = field(default_factory=set)
    now: int = 0
    records: dict[str, Record] = field(default_factory=lambda: defaultdict(Record))
    volume: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def note(self, sender: str, account: str, counterparty: str, seen: tuple[int, int], value: int) -> None:
        """Take note that of `seen` = (right, wrong) records, worth `value` in all, so many were right and wrong."""
        _require(sender in self.feeders, "standing: not a feeder")
        right, wrong = seen
        total = right + wrong
        _require(0 < total < 2**32, "standing: nothing was looked at")
        _require(value < 2**96, "standing: value too large")
        before = self.volume[account, counterparty]
        after = self.volume[account, counterparty] = before + value * right // total
        record = self.records[account].at(self.now)
        self.records[account] = replace(
            record,
            praise=record.praise + log2_wad(WAD + after) - log2_wad(WAD + before),
            blame=record.blame + log2_wad(WAD + value) * wrong // total,
            verified=record.verified if wrong else max(record.verified, value),
        )

    def forfeit(self, sender: str, account: str) -> None:
        """Take all standing from an account."""
        _require(sender in self.feeders, "standing: not a feeder")
        record = self.records[account].at(self.now)
        self.records[account] = replace(record, praise=0, blame=record.blame + record.praise, verified=0)

    def credit(self, account: str, value: int) -> int:
        """Return the score as far as it counts for a submission worth `value`."""
        record = self.records[account].at(self.now)
        return 0 if value > JUMP * record.verified else record.score_wad

    def bond_percent(self, account: str, value: int, most: int, floor: int) -> int:
        """Return the bond in percent, between `most` and `floor`, rounded up."""
        return most - (most - floor) * self.credit(account, value) // WAD

    def audit_bps(self, account: str, value: int, least: int) -> int:
        """Return the audit rate, from twice `least` falling to it, rounded up."""
        return 2 * least - least * self.credit(account, value) // WAD


def faded(amount: int, passed: int) -> int:
    """Return what is left of an amount: half for every half-life, linearly in between."""
    halves, rest = divmod(passed, HALF_LIFE)
    left = amount >> halves
    return left - left * rest // (2 * HALF_LIFE)


def log2_wad(x: int) -> int:
    """Return the base-2 logarithm in wad of `x` in wad, x at least 1, rounded down to 20 binary digits."""
    whole = (x // WAD).bit_length() - 1
    rest, result = x >> whole, whole * WAD
    for digit in range(1, DIGITS + 1):
        rest = rest * rest // WAD
        if rest >= 2 * WAD:
            rest >>= 1
            result += WAD >> digit
    return result


def score_wad(chain: Chain, account: Address) -> int:
    """Return the score of an account, from 0 to 1 in wad."""
    return int(chain.call(CONTRACT, "score_wad", account))


def bond_percent(chain: Chain, account: Address, value: int) -> int:
    """Return the bond in percent that a submission of an account worth `value` in the stake token calls for."""
    return int(chain.call(CONTRACT, "bond_percent", account, value))


def audit_bps(chain: Chain, account: Address, value: int) -> int:
    """Return the audit rate of a submission of an account worth `value` in the stake token."""
    return int(chain.call(CONTRACT, "audit_bps", account, value))


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)
