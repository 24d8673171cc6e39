"""Stakes: what validators put in, who is drawn by it, and what is locked and lost (twin of Stakes.vy)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address, ValidatorId
from sheaf.review.draw import order, running_sums

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Stakes"
RELEASE, SLASH, DRAW, WEIGH = 1, 2, 4, 8
CAPACITY = 7**5
WEIGHT_LIMIT = 2**31
AMOUNT_LIMIT = 2**96
PATIENCE = 32


@dataclass(frozen=True)
class Position:
    """What a validator holds, in the stake token's smallest unit: all of it, and of it what is locked and what is leaving."""

    amount: int
    locked: int
    unbonding: int
    release_at: int


@dataclass(frozen=True)
class Draw:
    """What a draw is a function of, beside the weights: how many seats, what each member locks, and who may not sit.

    `excluded` are accounts (and those who declared to be affiliated with them), `seated` ids that sit already.
    """

    seed: bytes
    count: int
    lock: int
    excluded: tuple[str, ...] = ()
    seated: tuple[int, ...] = ()


@dataclass
class _Validator:
    account: str
    amount: int = 0
    locked: int = 0
    unbonding: int = 0
    release_at: int = 0
    tag: int = 0
    jailed_until: int = 0
    score_wad: int = 0
    before: int = 0
    after: int = 0
    since: int = 0

    @property
    def free(self) -> int:
        return max(self.amount - self.locked, 0)

    @property
    def bonded(self) -> int:
        return self.amount - self.unbonding

    def weight(self, period: int) -> int:
        return self.after if self.since <= period else self.before

    def due(self, more: int, cap: int) -> int:
        """The weight with `more` bonded, from the next period on."""
        bonded = self.bonded + more
        return 0 if self.jailed_until else min(bonded * (WAD + self.score_wad) // WAD, cap) // WAD

    def weigh(self, period: int, cap: int) -> None:
        weight = self.due(0, cap)
        if weight == self.after:
            return
        if self.since <= period:
            self.before, self.since = self.after, period + 1
        self.after = weight


@dataclass
class StakesTwin:
    """The rules of Stakes.vy in plain integers; refuses with the contract's own words.

    `block` and `now` are the current block's number and time; whoever drives the twin sets them.
    """

    governor: str
    period_blocks: int
    unbonding_seconds: int
    min_stake: int
    max_stake: int
    block: int = 0
    now: int = 0
    burned: int = 0
    capacity: int = CAPACITY
    validators: list[_Validator] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    appointments: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(4 <= self.period_blocks < 2**32, "stakes: period out of range")
        _require(0 < self.unbonding_seconds < 2**32, "stakes: unbonding out of range")
        _require(WAD <= self.min_stake <= self.max_stake, "stakes: least stake out of range")
        _require(self.max_stake // WAD < WEIGHT_LIMIT, "stakes: cap out of range")

    @property
    def period(self) -> int:
        """The period that the current block lies in."""
        return self.block // self.period_blocks

    @property
    def held(self) -> int:
        """All that is held for validators: the contract's balance."""
        return sum(validator.amount for validator in self.validators)

    def weights(self) -> list[int]:
        """Return the weights of all validators in the current period, that of id 1 first."""
        return [validator.weight(self.period) for validator in self.validators]

    def position(self, number: int) -> Position:
        """Return what `number` holds."""
        validator = self._at(number) if 0 < number <= len(self.validators) else _Validator("")
        return Position(validator.amount, validator.locked, validator.unbonding, validator.release_at)

    def stake(self, account: str, amount: int) -> int:
        """Bond `amount`; return the account's id, given at the first stake."""
        number = self.ids.get(account)
        _require(number is not None or len(self.validators) < self.capacity, "stakes: no place left")
        validator = self._at(number) if number is not None else _Validator(account)
        self._bond(validator, amount)
        if number is None:
            self.validators.append(validator)
            number = self.ids[account] = len(self.validators)
        return number

    def succeed(self, account: str, number: int, amount: int) -> None:
        """Take the place of a validator who has left with everything, where all places are given."""
        _require(len(self.validators) == self.capacity, "stakes: there are free places")
        _require(account not in self.ids, "stakes: has a place")
        _require(0 < number <= self.capacity, "stakes: unknown validator")
        former = self._at(number)
        is_empty = former.amount == former.locked == former.weight(self.period) == 0
        _require(is_empty, "stakes: the place is taken")
        successor = _Validator(account, before=former.before, after=former.after, since=former.since)
        self._bond(successor, amount)
        del self.ids[former.account]
        self.validators[number - 1] = successor
        self.ids[account] = number

    def unbond(self, account: str, amount: int) -> None:
        """Let `amount` leave; the clock starts again for all that is leaving."""
        validator = self._own(account)
        _require(amount > 0, "stakes: nothing to unbond")
        _require(amount <= validator.bonded, "stakes: more than is bonded")
        rest = validator.bonded - amount
        _require(rest == 0 or rest >= self.min_stake, "stakes: below the least stake")
        validator.unbonding += amount
        validator.release_at = self.now + self.unbonding_seconds
        self._weigh(validator)

    def withdraw(self, account: str) -> int:
        """Pay out what has been unbonding long enough and covers no lock; nothing while jailed."""
        validator = self._own(account)
        _require(validator.jailed_until == 0, "stakes: jailed")
        _require(self.now >= validator.release_at, "stakes: still unbonding")
        amount = min(validator.unbonding, validator.free)
        _require(amount > 0, "stakes: nothing to withdraw")
        validator.amount -= amount
        validator.unbonding -= amount
        return amount

    def declare(self, account: str, affiliate: str) -> None:
        """Name the account that a validator is affiliated with."""
        self._own(account).tag = _tag(affiliate)

    def appoint(self, sender: str, contract: str, powers: int) -> None:
        """Give a contract powers: at once while nobody has ever staked, otherwise after twice the unbonding time."""
        _require(sender == self.governor, "stakes: not the governor")
        _require(0 < powers <= 15, "appointments: unknown powers")
        effective_at = self.now + (2 * self.unbonding_seconds if self.validators else 0)
        for power in (RELEASE, SLASH, DRAW, WEIGH):
            if powers & power:
                self.appointments.setdefault((contract, power), effective_at)

    def dismiss(self, sender: str, contract: str, powers: int) -> None:
        """Take the powers to slash, to draw or to weigh at once; that to release stays."""
        _require(sender == self.governor, "stakes: not the governor")
        _require(powers != 0 and powers & ~(SLASH | DRAW | WEIGH) == 0, "appointments: cannot be dismissed")
        for power in (SLASH, DRAW, WEIGH):
            if powers & power:
                self.appointments.pop((contract, power), None)

    def powers(self, contract: str) -> int:
        """Return the powers of a contract that are in effect now."""
        return sum(power for power in (RELEASE, SLASH, DRAW, WEIGH) if self._has(contract, power))

    def pick(self, draw: Draw, period: int) -> list[int]:
        """Return the ids that would be seated now, in the order in which they are drawn."""
        _require(period == self.period, "stakes: not this period")
        _require(draw.count <= 12, "stakes: too many seats")
        _require(draw.lock < AMOUNT_LIMIT, "stakes: lock too large")
        barred = [*draw.seated, *(self.ids[account] for account in draw.excluded if account in self.ids)]
        tags = {_tag(account) for account in draw.excluded} - {0}
        attempts = draw.count + len(barred) + PATIENCE
        picked: list[int] = []
        for index in islice(order(self._sums(), draw.seed), attempts):
            if len(picked) == draw.count:
                break
            validator = self.validators[index]
            if index + 1 not in barred and validator.tag not in tags and validator.free >= draw.lock:
                picked.append(index + 1)
        _require(len(picked) == draw.count, "stakes: too few validators")
        return picked

    def pick_and_lock(self, sender: str, draw: Draw, period: int) -> list[int]:
        """Draw, and lock `draw.lock` of each who is seated."""
        self._only(sender, DRAW)
        picked = self.pick(draw, period)
        for number in picked:
            self._at(number).locked += draw.lock
        return picked

    def lock(self, sender: str, number: int, amount: int) -> None:
        """Lock part of what a validator holds free."""
        self._only(sender, DRAW)
        is_known = 0 < number <= len(self.validators)
        _require(amount <= (self._at(number).free if is_known else 0), "stakes: too little is free")
        if is_known:
            self._at(number).locked += amount

    def release(self, sender: str, ids: Sequence[int], amount: int, missing_mask: int, penalty: int) -> None:
        """Unlock `amount` of each; those whose bit is set lose `penalty`."""
        self._only(sender, RELEASE)
        for number, times in Counter(ids).items():
            _require(self.position(number).locked >= amount * times, "stakes: not locked")
        for place, number in enumerate(ids):
            self._at(number).locked -= amount
            if missing_mask >> place & 1:
                self._take(number, penalty)

    def slash(self, sender: str, number: int, amount: int, to: str = ZERO_ADDRESS) -> int:
        """Take up to `amount` of what `number` holds: half (rounded down) goes to `to`, if given, the rest is burned."""
        self._only(sender, SLASH)
        taken = self._take(number, amount)
        if to != ZERO_ADDRESS:
            self.burned -= taken // 2
        return taken

    def jail(self, sender: str, number: int, until: int) -> None:
        """Let a validator weigh nothing from the next period on."""
        self._only(sender, SLASH)
        _require(0 < number <= len(self.validators), "stakes: unknown validator")
        _require(until > self.now, "stakes: jail is over already")
        validator = self._at(number)
        validator.jailed_until = max(until, validator.jailed_until)
        self._weigh(validator)

    def free(self, sender: str, number: int) -> None:
        """Let a jailed validator weigh again from the next period on."""
        _require(self.jailed_until(number) != 0, "stakes: not jailed")
        is_over = self._has(sender, SLASH) or self.now >= self.jailed_until(number)
        _require(is_over, "stakes: still jailed")
        validator = self._at(number)
        jailed, validator.jailed_until = validator.jailed_until, 0
        total = sum(other.after for other in self.validators) + validator.due(0, self.max_stake)
        if total >= WEIGHT_LIMIT:
            validator.jailed_until = jailed
        _require(total < WEIGHT_LIMIT, "stakes: the tree is full")
        self._weigh(validator)

    def weigh(self, sender: str, number: int, score_wad: int) -> None:
        """Let the stake of a validator weigh 1 + score times as much from the next period on."""
        self._only(sender, WEIGH)
        _require(0 < number <= len(self.validators), "stakes: unknown validator")
        _require(0 <= score_wad <= WAD, "stakes: score above one")
        validator = self._at(number)
        former, validator.score_wad = validator.score_wad, score_wad
        total = sum(other.after for other in self.validators if other is not validator)
        if total + validator.due(0, self.max_stake) >= WEIGHT_LIMIT:
            validator.score_wad = former
            raise Refused("stakes: the tree is full")
        self._weigh(validator)

    def jailed_until(self, number: int) -> int:
        """Return from when a jailed validator may be freed; 0 for who is not jailed."""
        return self._at(number).jailed_until if 0 < number <= len(self.validators) else 0

    def _sums(self) -> list[int]:
        return running_sums(self.weights())

    def _bond(self, validator: _Validator, amount: int) -> None:
        _require(amount > 0, "stakes: nothing to stake")
        fits = validator.bonded + amount <= self.max_stake and validator.amount + amount < AMOUNT_LIMIT
        _require(fits, "stakes: above the cap")
        _require(validator.bonded + amount >= self.min_stake, "stakes: below the least stake")
        total = sum(other.after for other in self.validators if other is not validator)
        weight = validator.due(amount, self.max_stake)
        _require(total + weight < WEIGHT_LIMIT, "stakes: the tree is full")
        validator.amount += amount
        self._weigh(validator)

    def _weigh(self, validator: _Validator) -> None:
        validator.weigh(self.period, self.max_stake)

    def _take(self, number: int, amount: int) -> int:
        if not 0 < number <= len(self.validators):
            return 0
        validator = self._at(number)
        taken = min(amount, validator.amount)
        validator.amount -= taken
        validator.unbonding = min(validator.unbonding, validator.amount)
        self._weigh(validator)
        self.burned += taken
        return taken

    def _at(self, number: int) -> _Validator:
        return self.validators[number - 1]

    def _own(self, account: str) -> _Validator:
        _require(account in self.ids, "stakes: not a validator")
        return self._at(self.ids[account])

    def _has(self, contract: str, power: int) -> bool:
        effective_at = self.appointments.get((contract, power))
        return effective_at is not None and effective_at <= self.now

    def _only(self, contract: str, power: int) -> None:
        _require(self._has(contract, power), "appointments: not appointed")


def _tag(account: str) -> int:
    return int(account, 16) & (2**64 - 1)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def stake(chain: Chain, signer: Signer, amount: int) -> Receipt:
    """Bond `amount`, which the contract must be allowed to take. It weighs from the next period on."""
    return chain.send(signer, CONTRACT, "stake", amount)


def unbond(chain: Chain, signer: Signer, amount: int) -> Receipt:
    """Let `amount` of what is bonded leave. Raises Reverted if that is more, or would leave less than the least stake."""
    return chain.send(signer, CONTRACT, "unbond", amount)


def withdraw(chain: Chain, signer: Signer) -> Receipt:
    """Take out what has unbonded and covers no lock. Raises Reverted if it is too early or there is nothing."""
    return chain.send(signer, CONTRACT, "withdraw")


def declare(chain: Chain, signer: Signer, affiliate: Address) -> Receipt:
    """Name the account in whose cases the signer is not to sit; the zero address takes the declaration back."""
    return chain.send(signer, CONTRACT, "declare", affiliate)


def appoint(chain: Chain, signer: Signer, contract: Address, powers: int) -> Receipt:
    """Give a contract powers over stakes, as governor: sums of RELEASE, SLASH, DRAW."""
    return chain.send(signer, CONTRACT, "appoint", contract, powers)


def dismiss(chain: Chain, signer: Signer, contract: Address, powers: int) -> Receipt:
    """Take the power to slash or to draw from a contract, as governor."""
    return chain.send(signer, CONTRACT, "dismiss", contract, powers)


def free(chain: Chain, signer: Signer, number: ValidatorId | int) -> Receipt:
    """Let a jailed validator weigh again from the next period on. Raises Reverted before its time is over."""
    return chain.send(signer, CONTRACT, "free", int(number))


def jailed_until(chain: Chain, number: ValidatorId | int) -> int:
    """Return from when a jailed validator may be freed, in Unix seconds; 0 for who is not jailed."""
    return int(chain.call(CONTRACT, "jailed_until", int(number)))


def id_of(chain: Chain, account: Address) -> ValidatorId:
    """Return an account's validator id, 0 if it never staked."""
    return ValidatorId(int(chain.call(CONTRACT, "id_of", account)))


def account_of(chain: Chain, number: ValidatorId | int) -> Address:
    """Return the account of a validator."""
    return Address(chain.call(CONTRACT, "account_of", int(number)))


def accounts_of(chain: Chain, ids: Sequence[int]) -> list[Address]:
    """Return the accounts of at most 23 validators, in their order."""
    return [Address(account) for account in chain.call(CONTRACT, "accounts_of", list(ids))]


def position(chain: Chain, number: ValidatorId | int) -> Position:
    """Return what a validator holds; all zero for an id that is not given."""
    value = chain.call(CONTRACT, "position", int(number))
    return Position(*(value.values() if isinstance(value, Mapping) else value))


def weight(chain: Chain, number: ValidatorId | int) -> int:
    """Return a validator's weight in the current period, in whole tokens."""
    return int(chain.call(CONTRACT, "weight", int(number)))


def total_weight(chain: Chain) -> int:
    """Return the sum of all weights in the current period."""
    return int(chain.call(CONTRACT, "total_weight"))


def count(chain: Chain) -> int:
    """Return how many ids have been given; ids run from 1."""
    return int(chain.call(CONTRACT, "count"))
