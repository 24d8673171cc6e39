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

        Gold is taken in by `refresh` from the counts of Scores, and weighs as one counterparty, each known answer as a
        whole token: praise is the logarithm of one plus the hits, blame the logarithm of one plus all answers times the share of
        misses. Hits and misses are forgotten like the rest. `refresh` also lets the stake of a validator weigh by its score.
        Standing cannot be transferred, and anyone can recompute it from the events.
@custom:stop Nothing here can be stopped. The governor may dismiss at once who feeds it, and in Stakes its power to weigh; it only ever
        lowers bonds and audit rates to the floors of Parameters, and raises a weight to twice the stake.
"""

from ..interfaces import IParameters
from ..interfaces import IScores
from ..interfaces import IStakes
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

# Records are one word: praise 72 | blame 72 | noted_at 40 | verified 72, that in units of 10**9. Praise and blame stop where their
# room ends, at more than 4,700 in wad.
SUM: constant(uint256) = 2**72 - 1
VERIFIED_UNIT: constant(uint256) = 10**9
# Gold is one word: hits counted 32 | misses counted 32 | hits 64 | misses 64, both as they weigh, in units of 10**-9 | noted_at 40.
COUNT: constant(uint256) = 2**32 - 1
WEIGHED: constant(uint256) = 2**64 - 1
GOLD_UNIT: constant(uint256) = 10**9

parameters: public(immutable(IParameters))
deployer: immutable(address)

scores: public(IScores)
stakes: public(IStakes)
_feeders: HashMap[address, uint256]
_records: HashMap[address, uint256]
_golds: HashMap[address, uint256]
# What was found right for a counterparty, in the stake token's smallest unit, over all time.
volume: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(parameters_: address):
    """
    @notice Join the contract that was there before. The deployer names the others once, by `wire`, and has no rights after that.
    """
    parameters = IParameters(parameters_)
    deployer = msg.sender


@external
def wire(scores_: address, stakes_: address):
    """
    @notice Name the contracts that count gold and weigh stakes. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "standing: not the deployer"
    assert self.stakes.address == empty(address), "standing: already wired"
    assert scores_ != empty(address) and stakes_ != empty(address), "standing: no scores or stakes"
    self.scores = IScores(scores_)
    self.stakes = IStakes(stakes_)


@external
def refresh(account: address) -> uint256:
    """
    @notice Take in what gold has shown of an account since, and let its stake weigh by its score from the next period on. Anyone may.
    @return The score, in wad.
    """
    assert self.stakes.address != empty(address), "standing: not wired"
    known: IScores.Standing = staticcall self.scores.standing(account)
    gold: uint256 = self._golds[account]
    # What is counted there never falls.
    hits: uint256 = known.hits - (gold & COUNT)
    misses: uint256 = known.misses - ((gold >> 32) & COUNT)
    if hits + misses != 0:
        right: uint256 = 0
        wrong: uint256 = 0
        right, wrong = self._gold(account)
        right = min(right + hits * GOLD_UNIT, WEIGHED)
        wrong = min(wrong + misses * GOLD_UNIT, WEIGHED)
        self._golds[account] = (
            known.hits | (known.misses << 32) | (right << 64) | (wrong << 128) | (block.timestamp << 192)
        )
        log IStanding.GoldNoted(account=account, hits=hits, misses=misses)
    score: uint256 = self._score(account, self._now(account))
    id: uint256 = staticcall self.stakes.id_of(account)
    if id != 0 and staticcall self.stakes.score_of(id) != score:
        extcall self.stakes.weigh(id, score)
    return score


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
    self._keep(account, record)
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
    self._keep(account, record)
    log IStanding.StandingForfeited(account=account)


@view
@external
def record_of(account: address) -> IStanding.Record:
    """
    @notice What audits and appeals have shown of an account, as it weighs now.
    """
    return self._now(account)


@view
@external
def gold_of(account: address) -> (uint256, uint256):
    """
    @notice The praise and the blame from gold that was taken in, in wad, as they weigh now.
    """
    return self._gold_weights(account)


@view
@external
def score_wad(account: address) -> uint256:
    """
    @notice The score of an account, from 0 to 1 in wad.
    """
    return self._score(account, self._now(account))


@view
@external
def bond_percent(account: address, worth: uint256) -> uint256:
    """
    @notice The bond that a submission of that worth in the stake token calls for, in percent: from `bond_percent` falling to
            `bond_floor_percent`, rounded up.
    """
    return self._bond_percent(self._credit(account, worth))


@view
@external
def audit_bps(account: address, worth: uint256) -> uint256:
    """
    @notice The audit rate of a submission of that worth: from twice `audit_bps` falling to it, rounded up. The locks of committees
            are computed from `audit_bps`, so it is never lower.
    """
    return self._audit_bps(self._credit(account, worth))


@view
@external
def rates(account: address, worth: uint256) -> uint256[2]:
    """
    @notice `bond_percent` and `audit_bps` of a submission of that worth at once: what it keeps to, whatever is found out later.
    """
    credit: uint256 = self._credit(account, worth)
    return [self._bond_percent(credit), self._audit_bps(credit)]


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
def _bond_percent(credit: uint256) -> uint256:
    word: uint256 = staticcall parameters.word(1)
    most: uint256 = (word >> 32) & 4294967295
    least: uint256 = (word >> 192) & 4294967295
    return most - (most - least) * credit // WAD


@view
@internal
def _audit_bps(credit: uint256) -> uint256:
    least: uint256 = (staticcall parameters.word(0) >> 160) & 4294967295
    return least + least - least * credit // WAD


@view
@internal
def _credit(account: address, worth: uint256) -> uint256:
    record: IStanding.Record = self._now(account)
    if worth > JUMP * record.verified:
        return 0
    return self._score(account, record)


@view
@internal
def _score(account: address, record: IStanding.Record) -> uint256:
    praise: uint256 = 0
    blame: uint256 = 0
    praise, blame = self._gold_weights(account)
    praise += record.praise
    blame += record.blame
    return praise * WAD // (praise + BLAME * blame + PRIOR_WAD)


@view
@internal
def _gold_weights(account: address) -> (uint256, uint256):
    right: uint256 = 0
    wrong: uint256 = 0
    right, wrong = self._gold(account)
    total: uint256 = right + wrong
    if total == 0:
        return 0, 0
    # From units of 10**-9 to wad.
    return (
        self._log2(WAD + right * GOLD_UNIT),
        self._log2(WAD + total * GOLD_UNIT) * wrong // total,
    )


@view
@internal
def _gold(account: address) -> (uint256, uint256):
    """
    @dev Hits and misses as they weigh now.
    """
    gold: uint256 = self._golds[account]
    if gold == 0:
        return 0, 0
    passed: uint256 = block.timestamp - (gold >> 192)
    return self._faded((gold >> 64) & WEIGHED, passed), self._faded((gold >> 128) & WEIGHED, passed)


@view
@internal
def _now(account: address) -> IStanding.Record:
    packed: uint256 = self._records[account]
    passed: uint256 = block.timestamp - ((packed >> 144) & (2**40 - 1))
    return IStanding.Record(
        praise=self._faded(packed & SUM, passed),
        blame=self._faded((packed >> 72) & SUM, passed),
        noted_at=block.timestamp,
        verified=(packed >> 184) * VERIFIED_UNIT,
    )


@internal
def _keep(account: address, record: IStanding.Record):
    self._records[account] = (
        min(record.praise, SUM)
        | (min(record.blame, SUM) << 72)
        | (record.noted_at << 144)
        | (record.verified // VERIFIED_UNIT << 184)
    )


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
