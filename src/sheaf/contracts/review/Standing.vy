# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Standing
@license AGPL-3.0-only
@notice What is known of an account from what was looked at again: gold, audits and appeals, never plain agreement. Praise and
        blame are the weights of a Beta distribution that forgets: both halve every 180 days (linearly in between).
        The score is praise / (praise + 4 * blame + 8), in wad: an account of which nothing is known has 0.

        Praise is capped by counterparty: what was found right for one counterparty weighs the base-2 logarithm of one plus its
        value in whole tokens, over all time, so two who trade with each other gain next to nothing by trading more. Blame
        is not capped. A jump in volume raises no limit: for more than four times the greatest value that was once found
        right as a whole the account counts as one of which nothing is known.
        Standing cannot be transferred, and anyone can recompute it from the events.
@custom:stop Nothing here can be stopped. The governor may dismiss at once who feeds it; it only ever lowers bonds and audit rates to
        the floors of Parameters.
"""

from ..interfaces import IParameters
from ..interfaces import IStanding

implements: IStanding

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
HALF_LIFE: constant(uint256) = 180 * 86_400
DELAY: constant(uint256) = 172_800
BLAME: constant(uint256) = 4
PRIOR_WAD: constant(uint256) = 8 * WAD
JUMP: constant(uint256) = 4
VALUE_LIMIT: constant(uint256) = 2**96
# Binary digits of a logarithm after the point.
DIGITS: constant(uint256) = 20

parameters: public(immutable(IParameters))

_feeders: HashMap[address, uint256]
_records: HashMap[address, IStanding.Record]
# What was found right for a counterparty, in the stake token's smallest unit, over all time.
volume: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(parameters_: address):
    """
    @notice Join the contract that was there before.
    """
    parameters = IParameters(parameters_)


@external
def propose_feeder(feeder: address):
    """
    @notice Let a contract feed standing, from two days on (one second on test networks). Governor only.
    """
    assert msg.sender == staticcall parameters.governor(), "standing: not the governor"
    assert self._feeders[feeder] == 0, "standing: a feeder already"
    delay: uint256 = DELAY
    if staticcall parameters.is_test():
        delay = 1
    self._feeders[feeder] = block.timestamp + delay
    log IStanding.FeederProposed(feeder=feeder, effective_at=block.timestamp + delay)


@external
def dismiss_feeder(feeder: address):
    """
    @notice Let a contract feed standing no more, at once. Governor only.
    """
    assert msg.sender == staticcall parameters.governor(), "standing: not the governor"
    self._feeders[feeder] = 0
    log IStanding.FeederDismissed(feeder=feeder)


@external
def note(account: address, counterparty: address, right: uint256, wrong: uint256, worth: uint256):
    """
    @notice Take note of what was looked at again. Feeders only.
    @param right How many records were right, `wrong` how many were not; `worth` what all of them are worth in the stake token.
    """
    self._only_feeders()
    total: uint256 = right + wrong
    assert total != 0 and total < 2**32, "standing: nothing was looked at"
    assert worth < VALUE_LIMIT, "standing: value too large"
    record: IStanding.Record = self._now(account)
    good: uint256 = worth * right // total
    before: uint256 = self.volume[account][counterparty]
    self.volume[account][counterparty] = before + good
    record.praise += self._log2(WAD + before + good) - self._log2(WAD + before)
    record.blame += self._log2(WAD + worth) * wrong // total
    if wrong == 0:
        record.verified = max(record.verified, worth)
    self._records[account] = record
    log IStanding.StandingNoted(
        account=account, counterparty=counterparty, right=right, wrong=wrong, value=worth
    )


@external
def forfeit(account: address):
    """
    @notice Take all standing from who was proven to have forged or copied. Feeders only.
    """
    self._only_feeders()
    record: IStanding.Record = self._now(account)
    record.blame += record.praise
    record.praise = 0
    record.verified = 0
    self._records[account] = record
    log IStanding.StandingForfeited(account=account)


@view
@external
def record_of(account: address) -> IStanding.Record:
    """
    @notice What is known of an account, as it weighs now.
    """
    return self._now(account)


@view
@external
def score_wad(account: address) -> uint256:
    """
    @notice The score of an account, from 0 to 1 in wad.
    """
    return self._score(self._now(account))


@view
@external
def bond_percent(account: address, worth: uint256) -> uint256:
    """
    @notice The bond that a submission of that worth in the stake token calls for, in percent: from `bond_percent` falling to
            `bond_floor_percent`, rounded up.
    """
    word: uint256 = staticcall parameters.word(1)
    most: uint256 = (word >> 32) & 4294967295
    least: uint256 = (word >> 192) & 4294967295
    return most - (most - least) * self._credit(account, worth) // WAD


@view
@external
def audit_bps(account: address, worth: uint256) -> uint256:
    """
    @notice The audit rate of a submission of that worth: from twice `audit_bps` falling to it, rounded up. The locks of committees
            are computed from `audit_bps`, so it is never lower.
    """
    least: uint256 = (staticcall parameters.word(0) >> 160) & 4294967295
    return least + least - least * self._credit(account, worth) // WAD


@view
@external
def is_feeder(account: address) -> bool:
    """
    @notice Whether an account may feed standing now.
    """
    return self._is_feeder(account)


@view
@internal
def _only_feeders():
    assert self._is_feeder(msg.sender), "standing: not a feeder"


@view
@internal
def _is_feeder(account: address) -> bool:
    effective_at: uint256 = self._feeders[account]
    return effective_at != 0 and block.timestamp >= effective_at


@view
@internal
def _credit(account: address, worth: uint256) -> uint256:
    record: IStanding.Record = self._now(account)
    if worth > JUMP * record.verified:
        return 0
    return self._score(record)


@pure
@internal
def _score(record: IStanding.Record) -> uint256:
    return record.praise * WAD // (record.praise + BLAME * record.blame + PRIOR_WAD)


@view
@internal
def _now(account: address) -> IStanding.Record:
    record: IStanding.Record = self._records[account]
    passed: uint256 = block.timestamp - record.noted_at
    record.praise = self._faded(record.praise, passed)
    record.blame = self._faded(record.blame, passed)
    record.noted_at = block.timestamp
    return record


@pure
@internal
def _faded(amount: uint256, passed: uint256) -> uint256:
    """
    @dev Half for every half-life, and within one as much of the next half as has passed of it.
    """
    halves: uint256 = passed // HALF_LIFE
    if halves > 255:
        return 0
    left: uint256 = amount >> halves
    return left - left * (passed % HALF_LIFE) // (2 * HALF_LIFE)


@pure
@internal
def _log2(x: uint256) -> uint256:
    """
    @dev The base-2 logarithm in wad of `x` in wad, x >= 1, rounded down to 20 binary digits: the whole part by halving, each digit
         of the rest by squaring.
    """
    whole: uint256 = 0
    rest: uint256 = x
    for i: uint256 in range(7):
        step: uint256 = 64 >> i
        if rest // WAD >= 1 << step:
            rest = rest >> step
            whole += step
    result: uint256 = whole * WAD
    for i: uint256 in range(DIGITS):
        rest = rest * rest // WAD
        if rest >= 2 * WAD:
            rest = rest >> 1
            result += WAD >> (i + 1)
    return result
