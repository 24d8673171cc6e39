"""Standing: what is known of an account from what was looked at again (twin of Standing.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Refused

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address

CONTRACT = "Standing"
HALF_LIFE = 180 * 86_400
BLAME, PRIOR_WAD, JUMP, DIGITS = 4, 8 * WAD, 4, 20
SUM_LIMIT, VERIFIED_UNIT = 2**72, 10**9
GOLD_LIMIT, GOLD_UNIT = 2**64, 10**9


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
    def kept(self) -> Record:
        """What the contract keeps of it."""
        return replace(
            self,
            praise=min(self.praise, SUM_LIMIT - 1),
            blame=min(self.blame, SUM_LIMIT - 1),
            verified=self.verified // VERIFIED_UNIT * VERIFIED_UNIT,
        )


@dataclass(frozen=True)
class Gold:
    """What gold has shown of an account: what was counted so far, and of that what weighed at `noted_at`, in units of 10⁻⁹."""

    hits: int = 0
    misses: int = 0
    right: int = 0
    wrong: int = 0
    noted_at: int = 0

    def at(self, now: int) -> Gold:
        """Return what is left of it at a later time."""
        passed = now - self.noted_at
        return replace(self, right=faded(self.right, passed), wrong=faded(self.wrong, passed), noted_at=now)

    @property
    def weights(self) -> tuple[int, int]:
        """Praise and blame in wad."""
        total = self.right + self.wrong
        if total == 0:
            return 0, 0
        return (
            log2_wad(WAD + self.right * GOLD_UNIT),
            log2_wad(WAD + total * GOLD_UNIT) * self.wrong // total,
        )


@dataclass(frozen=True)
class Known:
    """What is known of an account now: its score, praise and blame in wad, and the bond in percent of a small submission."""

    score_wad: int
    praise: int
    blame: int
    verified: int
    bond_percent: int


def score_of(praise: int, blame: int) -> int:
    """Return the score of an account, from 0 to 1 in wad."""
    return praise * WAD // (praise + BLAME * blame + PRIOR_WAD)


@dataclass
class StandingTwin:
    """The rules of Standing.vy in plain integers; whoever drives it sets `now` and names who may feed it."""

    feeders: set[str] = field(default_factory=set)
    now: int = 0
    records: dict[str, Record] = field(default_factory=lambda: defaultdict(Record))
    golds: dict[str, Gold] = field(default_factory=lambda: defaultdict(Gold))
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
        ).kept

    def forfeit(self, sender: str, account: str) -> None:
        """Take all standing from an account."""
        _require(sender in self.feeders, "standing: not a feeder")
        record = self.records[account].at(self.now)
        self.records[account] = replace(record, praise=0, blame=record.blame + record.praise, verified=0)

    def refresh(self, account: str, hits: int, misses: int) -> int:
        """Take in what gold has shown, given all hits and misses that Scores has counted so far; return the score in wad."""
        gold = self.golds[account]
        if (hits, misses) != (gold.hits, gold.misses):
            faded_now = gold.at(self.now)
            self.golds[account] = Gold(
                hits,
                misses,
                min(faded_now.right + (hits - gold.hits) * GOLD_UNIT, GOLD_LIMIT - 1),
                min(faded_now.wrong + (misses - gold.misses) * GOLD_UNIT, GOLD_LIMIT - 1),
                self.now,
            )
        return self.score_wad(account)

    def score_wad(self, account: str) -> int:
        """Return the score of an account, from 0 to 1 in wad."""
        record, (praise, blame) = self.records[account].at(self.now), self.golds[account].at(self.now).weights
        return score_of(record.praise + praise, record.blame + blame)

    def credit(self, account: str, value: int) -> int:
        """Return the score as far as it counts for a submission worth `value`."""
        return 0 if value > JUMP * self.records[account].verified else self.score_wad(account)

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


@dataclass(frozen=True)
class Dealings:
    """An account's record of now, praise and blame from gold in wad, and what was found right for one counterparty (`volume`)."""

    record: Record
    gold: tuple[int, int]
    volume: int

    @property
    def score_wad(self) -> int:
        """The score of now, from 0 to 1 in wad."""
        return score_of(self.record.praise + self.gold[0], self.record.blame + self.gold[1])

    def noted(self, seen: tuple[int, int], value: int) -> int:
        """Return the score after a note on `seen` = (right, wrong) records for that counterparty, worth `value` in all."""
        twin = StandingTwin({"feeder"}, self.record.noted_at)
        twin.records["account"], twin.volume["account", "other"] = self.record, self.volume
        twin.note("feeder", "account", "other", seen, value)
        return replace(self, record=twin.records["account"]).score_wad


def dealings(chain: Chain, account: Address, counterparty: Address) -> Dealings:
    """Return what the chain knows of an account, and of its dealings with a counterparty."""
    record = Record(*map(int, chain.call(CONTRACT, "record_of", account)))
    praise, blame = map(int, chain.call(CONTRACT, "gold_of", account))
    return Dealings(record, (praise, blame), int(chain.call(CONTRACT, "volume", account, counterparty)))


def refresh(chain: Chain, signer: Signer, account: Address) -> Receipt:
    """Take in what gold has shown of an account, and let its stake weigh by its score from the next period on."""
    return chain.send(signer, CONTRACT, "refresh", account)


def known(chain: Chain, account: Address) -> Known:
    """Return what is known of an account now."""
    record = tuple(map(int, chain.call(CONTRACT, "record_of", account)))
    praise, blame = map(int, chain.call(CONTRACT, "gold_of", account))
    return Known(
        score_wad(chain, account),
        record[0] + praise,
        record[1] + blame,
        record[3],
        bond_percent(chain, account, JUMP * record[3]),
    )


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
