# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Parameters
@license AGPL-3.0-only
@notice Every number that a vote may move, within bounds that no vote can move. 32 bits each, eight to a word, so that
        the contracts read all that they need in one or two storage slots. Submissions freeze what concerns them when they
        are made or drawn. Until its draw a submission follows `draw_delay_blocks` and the numbers that the lock is
        computed from.
@custom:stop Nothing here can be stopped; `paused` = 1 stops new submissions in Requests, never a settlement or a withdrawal.
"""

from ..interfaces import IParameters

implements: IParameters

LAST: constant(uint256) = 31
MASK: constant(uint256) = 2**32 - 1

# Identifiers that the rules between parameters need.
CHALLENGE_SECONDS: constant(uint256) = 2
RULING_SECONDS: constant(uint256) = 7
BOND_PERCENT: constant(uint256) = 9
BOND_FLOOR_PERCENT: constant(uint256) = 14
SMALL_SIZE: constant(uint256) = 16
LARGE_QUORUM: constant(uint256) = 21
SMALL_VALUE: constant(uint256) = 22
LARGE_VALUE: constant(uint256) = 23
JURY_SIZE: constant(uint256) = 24
AUDIT_SIZE: constant(uint256) = 25

# Each name fills 20 characters (Vyper has no arrays of strings); NAME_LENGTHS says how many of them it uses.
NAME_WIDTH: constant(uint256) = 20
NAMES: constant(
    String[640]
) = "commit_seconds......reveal_seconds......challenge_seconds...draw_delay_blocks...draw_blocks.........audit_bps...........missing_reveal_bps..ruling_seconds......protocol_fee_bps....bond_percent........fee_min_bps.........fee_max_bps.........request_max_seconds.paused..............bond_floor_percent..record_max..........small_size..........small_quorum........middle_size.........middle_quorum.......large_size..........large_quorum........small_value.........large_value.........jury_size...........audit_size..........appeal_seconds......dispute_bond........dispute_bond_bps....jail_seconds........jail_slash_bps......skill_bps..........."
NAME_LENGTHS: constant(uint256[32]) = [
    14,
    14,
    17,
    17,
    11,
    9,
    18,
    14,
    16,
    12,
    11,
    11,
    19,
    6,
    18,
    10,
    10,
    12,
    11,
    13,
    10,
    12,
    11,
    11,
    9,
    10,
    14,
    12,
    16,
    12,
    14,
    9,
]
DEFAULTS: constant(uint256[32]) = [
    3600,
    3600,
    172800,
    2,
    7200,
    1000,
    100,
    604800,
    250,
    20,
    100,
    2000,
    31536000,
    0,
    5,
    16384,
    5,
    4,
    7,
    5,
    11,
    8,
    1000,
    10000,
    5,
    15,
    86400,
    10,
    1000,
    604800,
    1000,
    9500,
]
LOWS: constant(uint256[32]) = [
    300,
    300,
    86400,
    1,
    300,
    300,
    0,
    86400,
    0,
    5,
    1,
    400,
    86400,
    0,
    1,
    1,
    3,
    2,
    3,
    2,
    3,
    2,
    1,
    1,
    3,
    3,
    3600,
    1,
    0,
    86400,
    0,
    6000,
]
# Test networks may be fast and small: times from one second, rounds from one seat.
TEST_LOWS: constant(uint256[32]) = [
    1,
    1,
    1,
    1,
    10,
    300,
    0,
    1,
    0,
    5,
    1,
    400,
    1,
    0,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    0,
    1,
    0,
    6000,
]
HIGHS: constant(uint256[32]) = [
    86400,
    86400,
    604800,
    64,
    100000,
    5000,
    1000,
    2592000,
    1000,
    50,
    400,
    5000,
    126144000,
    1,
    20,
    16384,
    11,
    11,
    11,
    11,
    11,
    11,
    100000000,
    1000000000,
    11,
    15,
    259200,
    1000000,
    5000,
    7776000,
    5000,
    10000,
]

is_test: public(immutable(bool))

_words: uint256[4]
governor: public(address)
pending_governor: public(address)
treasury: public(address)
lock_rate_floor_wad: public(HashMap[address, uint256])


@deploy
def __init__(governor_: address, is_test_: bool):
    """
    @notice Set every parameter to its default; `governor_` may move them within bounds.
    @param governor_ Who may set; also the first treasury.
    @param is_test_ Widen the lower bounds of times and sizes, for test networks. Fixed for ever.
    """
    assert governor_ != empty(address), "parameters: no governor"
    self.governor = governor_
    is_test = is_test_
    self.treasury = governor_
    for id: uint256 in range(32):
        self._write(id, DEFAULTS[id])


@external
def set(id: uint256, new_value: uint256):
    """
    @notice Set one parameter, within its bounds and the rules between parameters. Governor only.
    """
    self._only_governor()
    low: uint256 = 0
    high: uint256 = 0
    low, high = self._bounds(id)
    assert low <= new_value and new_value <= high, "parameters: out of bounds"
    self._write(id, new_value)
    self._check_rules(id)
    log IParameters.ParameterSet(id=id, value=new_value)


@external
def set_round(tier: uint256, size: uint256, quorum: uint256):
    """
    @notice Set the seats and the quorum of a tier (0 small, 1 middle, 2 large) at once. Governor only.
    """
    self._only_governor()
    assert tier < 3, "parameters: unknown tier"
    id: uint256 = SMALL_SIZE + 2 * tier
    low: uint256 = 0
    high: uint256 = 0
    low, high = self._bounds(id)
    assert low <= size and size <= high, "parameters: out of bounds"
    assert quorum <= high, "parameters: quorum"
    self._write(id, size)
    self._write(id + 1, quorum)
    self._check_rules(id)
    log IParameters.ParameterSet(id=id, value=size)
    log IParameters.ParameterSet(id=id + 1, value=quorum)


@external
def set_treasury(new_treasury: address):
    """
    @notice Name the account to which protocol fees and forfeited bonds are owed from now on. Governor only.
    """
    self._only_governor()
    assert new_treasury != empty(address), "parameters: no treasury"
    self.treasury = new_treasury
    log IParameters.TreasurySet(treasury=new_treasury)


@external
def set_lock_rate_floor(token: address, rate_wad: uint256):
    """
    @notice Set the least stake, in wad per unit of `token`, that a request may count its value with. 0 is no floor. Governor only.
    @dev The floor of the zero address is that of all tokens without one of their own: 2**128 or more refuses them.
    """
    self._only_governor()
    self.lock_rate_floor_wad[token] = rate_wad
    log IParameters.LockRateFloorSet(token=token, rate_wad=rate_wad)


@external
def propose_governor(candidate: address):
    """
    @notice Offer the office to `candidate`, who must accept it; the zero address takes an offer back. Governor only.
    """
    self._only_governor()
    self.pending_governor = candidate
    log IParameters.GovernorProposed(governor=candidate)


@external
def accept_governor():
    """
    @notice Take the office that was offered to the caller.
    """
    assert msg.sender == self.pending_governor, "parameters: not proposed"
    self.pending_governor = empty(address)
    self.governor = msg.sender
    log IParameters.GovernorChanged(governor=msg.sender)


@view
@external
def word(i: uint256) -> uint256:
    """
    @notice Eight parameters at once: parameter 8·i + j lies in bits 32·j and up.
    """
    assert i < 4, "parameters: unknown word"
    return self._words[i]


@view
@external
def words() -> uint256[3]:
    """
    @notice The first three words at once: all that a draw reads.
    """
    return [self._words[0], self._words[1], self._words[2]]


@view
@external
def get(id: uint256) -> uint256:
    """
    @notice The value of one parameter.
    """
    assert id <= LAST, "parameters: unknown"
    return self._read(id)


@view
@external
def bounds(id: uint256) -> (uint256, uint256):
    """
    @notice The least and the greatest value that a parameter may take here.
    """
    return self._bounds(id)


@view
@external
def name_of(id: uint256) -> String[32]:
    """
    @notice The name of a parameter.
    """
    assert id <= LAST, "parameters: unknown"
    return slice(slice(NAMES, id * NAME_WIDTH, NAME_WIDTH), 0, NAME_LENGTHS[id])


@view
@internal
def _only_governor():
    assert msg.sender == self.governor, "parameters: not the governor"


@view
@internal
def _read(id: uint256) -> uint256:
    return (self._words[id // 8] >> (32 * (id % 8))) & MASK


@internal
def _write(id: uint256, new_value: uint256):
    place: uint256 = 32 * (id % 8)
    self._words[id // 8] = (self._words[id // 8] & ~(MASK << place)) | (new_value << place)


@view
@internal
def _bounds(id: uint256) -> (uint256, uint256):
    assert id <= LAST, "parameters: unknown"
    if is_test:
        return TEST_LOWS[id], HIGHS[id]
    return LOWS[id], HIGHS[id]


@view
@internal
def _check_rules(id: uint256):
    # A quorum above one half makes approval and rejection exclude each other; an odd size leaves no ties when a
    # majority decides; a floor above the true bond would make the lock rate too low. Who challenges when the window is nearly over
    # must leave a jury as long again, or what was challenged late would stand.
    if id >= SMALL_SIZE and id <= LARGE_QUORUM:
        size: uint256 = self._read(id - id % 2)
        quorum: uint256 = self._read(id - id % 2 + 1)
        assert size % 2 == 1, "parameters: size must be odd"
        assert 2 * quorum > size and quorum <= size, "parameters: quorum"
    elif id == JURY_SIZE or id == AUDIT_SIZE:
        assert self._read(id) % 2 == 1, "parameters: size must be odd"
    elif id == SMALL_VALUE or id == LARGE_VALUE:
        assert self._read(SMALL_VALUE) <= self._read(LARGE_VALUE), "parameters: small value above large"
    elif id == CHALLENGE_SECONDS or id == RULING_SECONDS:
        assert (
            self._read(RULING_SECONDS) >= 2 * self._read(CHALLENGE_SECONDS)
        ), "parameters: ruling shorter than two challenge windows"
    elif id == BOND_PERCENT or id == BOND_FLOOR_PERCENT:
        assert self._read(BOND_FLOOR_PERCENT) <= self._read(BOND_PERCENT), "parameters: bond below its floor"
