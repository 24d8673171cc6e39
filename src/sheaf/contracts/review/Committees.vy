# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Committees
@license AGPL-3.0-only
@notice Who judges a submission: how many seats, how much each member locks, which block draws, and who sits.
        The committee is drawn by a value of the beacon that lay ahead when the submission was made, among the weights of the
        period. Anyone may call the draw, and all callers get the same committee. With a beacon of blocks that is the hash of a
        block, and a draw must happen within 255 blocks and within the period; a target in the last quarter of a period moves
        into the next one, so that there is always time. With a beacon of rounds somebody first fixes the round, by `redraw`,
        and the draw must happen in the period of that block. If it is missed, anyone may anchor it anew.
@custom:stop Nothing here can be stopped. What cannot be drawn ends in Requests.void or Reviews.finalise after `draw_blocks`.
"""

from ..interfaces import ICommittees
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IStakes
from ..modules import targets

initializes: targets
implements: ICommittees
exports: targets.beacon

PENDING: constant(uint256) = 1
UNIT: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
# Far below what the locks of 96 bits can cover at any rate that the parameters allow.
VALUE_LIMIT: constant(uint256) = 2**88

# First word: members 11 x 16 | size 4 | quorum 4 | commit_until 32 | reveal_until 32 | enlarged 1. A committee of at most 5 keeps its lock
# in the room of the absent seats; a larger one keeps it in a word of its own. Before the draw: what it is anchored to (as
# targets.vy keeps it), if it was anchored anew. Second word: members 12 x 16 | commit_until 32 | reveal_until 32, and the same before its draw.
SMALL: constant(uint256) = 5
ID: constant(uint256) = 2**16 - 1
TIME: constant(uint256) = 2**32 - 1
LOCK: constant(uint256) = 2**96 - 1
LOCK_PLACE: constant(uint256) = 80
SIZE_PLACE: constant(uint256) = 176
QUORUM_PLACE: constant(uint256) = 180
FIRST_COMMIT_PLACE: constant(uint256) = 184
FIRST_REVEAL_PLACE: constant(uint256) = 216
ENLARGED_PLACE: constant(uint256) = 248
SECOND_COMMIT_PLACE: constant(uint256) = 192
SECOND_REVEAL_PLACE: constant(uint256) = 224

parameters: public(immutable(address))
stakes: public(immutable(address))
DEPLOYER: immutable(address)

requests: public(address)
reviews: public(address)
_first: HashMap[uint256, uint256]
_second: HashMap[uint256, uint256]
_locks: HashMap[uint256, uint256]


@deploy
def __init__(parameters_: address, stakes_: address, beacon_: address):
    """
    @notice Join the contracts that were there before.
    """
    parameters = parameters_
    stakes = stakes_
    targets.__init__(beacon_, staticcall IStakes(stakes_).period_blocks())
    DEPLOYER = msg.sender


@external
def wire(requests: address, reviews: address):
    """
    @notice Join the contracts that were not there before; by the deployer, once and for ever.
    """
    assert msg.sender == DEPLOYER, "committees: not the deployer"
    assert self.requests == empty(address), "committees: wired already"
    assert requests != empty(address) and reviews != empty(address), "committees: nothing to wire"
    self.requests = requests
    self.reviews = reviews


@external
def draw(submission: uint256):
    """
    @notice Draw the committee of a pending submission, or enlarge that of a hung one by one seat more than it has.
    @dev Anyone may call, once the value that draws is known.
    """
    case: IRequests.Case = staticcall IRequests(self.requests).case_of(submission)
    words: uint256[3] = staticcall IParameters(parameters).words()
    first: uint256 = self._first[submission]
    anchor: uint256 = self._anchor(submission, first, case)
    delay: uint256 = (words[0] >> 96) & TIME
    assert not targets.is_missed(anchor, delay), "committees: block out of reach"
    randomness: bytes32 = staticcall targets.beacon.value_of(targets.of_anchor(anchor, delay))
    assert randomness != empty(bytes32), "committees: too early"
    if self._size(first) == 0:
        self._draw_first(submission, case, words, randomness)
    else:
        self._enlarge(submission, case, words, randomness)


@external
def redraw(submission: uint256):
    """
    @notice Anchor a draw to the current block whose own can no longer be reached, or whose round is still to be fixed. Anyone may.
    """
    case: IRequests.Case = staticcall IRequests(self.requests).case_of(submission)
    delay: uint256 = (staticcall IParameters(parameters).word(0) >> 96) & TIME
    first: uint256 = self._first[submission]
    assert targets.is_missed(self._anchor(submission, first, case), delay), "committees: block within reach"
    kept: uint256 = targets.anchored(delay)
    assert kept != 0, "committees: too late in the period"
    if self._size(first) == 0:
        self._first[submission] = kept
    else:
        self._second[submission] = kept
    log ICommittees.DrawMoved(submission=submission, target_block=targets.of_anchor(kept, delay))


@view
@external
def terms(value_stake: uint256, fee_bps: uint256) -> (uint256, uint256, uint256):
    """
    @notice The seats, the quorum, and what each member locks for a value in the stake token's smallest unit.
    """
    return self._terms(staticcall IParameters(parameters).words(), value_stake, fee_bps)


@view
@external
def committee(submission: uint256) -> ICommittees.Committee:
    """
    @notice Who sits, and until when; all zero before the draw.
    """
    return self._committee(submission)


@view
@external
def sitting(submission: uint256) -> (ICommittees.Committee, DynArray[address, 23]):
    """
    @notice The committee and its members' accounts, in seat order.
    """
    panel: ICommittees.Committee = self._committee(submission)
    return panel, staticcall IStakes(stakes).accounts_of(panel.members)


@view
@external
def accounts(submission: uint256) -> DynArray[address, 23]:
    """
    @notice The members' accounts, in seat order.
    """
    return staticcall IStakes(stakes).accounts_of(self._committee(submission).members)


@view
@external
def seat_account(submission: uint256, seat: uint256) -> address:
    """
    @notice The account that sits on `seat`, counted from 0.
    """
    first: uint256 = self._first[submission]
    size: uint256 = self._size(first)
    id: uint256 = 0
    if seat < size:
        id = (first >> (16 * seat)) & ID
    elif size != 0 and seat <= 2 * size and self._is_enlarged(first):
        id = (self._second[submission] >> (16 * (seat - size))) & ID
    assert id != 0, "committees: no such seat"
    return staticcall IStakes(stakes).account_of(id)


@view
@external
def is_drawn(submission: uint256) -> bool:
    """
    @notice Whether a submission has a committee.
    """
    return self._size(self._first[submission]) != 0


@view
@external
def target_block(submission: uint256) -> uint256:
    """
    @notice The block after which the draw may be called: the one whose hash draws, or the one in which a round was fixed.
    """
    case: IRequests.Case = staticcall IRequests(self.requests).case_of(submission)
    delay: uint256 = (staticcall IParameters(parameters).word(0) >> 96) & TIME
    return targets.after_block(self._anchor(submission, self._first[submission], case), delay)


@internal
def _draw_first(submission: uint256, case: IRequests.Case, words: uint256[3], randomness: bytes32):
    size: uint256 = 0
    quorum: uint256 = 0
    lock: uint256 = 0
    size, quorum, lock = self._terms(words, case.value_stake, case.fee_bps)
    members: DynArray[uint256, 12] = extcall IStakes(stakes).pick_and_lock(
        self._seed(randomness, submission, 1),
        targets._period(),
        size,
        lock,
        [case.buyer, case.contributor],
        [],
    )
    commit_until: uint256 = block.timestamp + (words[0] & TIME)
    reveal_until: uint256 = commit_until + ((words[0] >> 32) & TIME)
    word: uint256 = self._pack(members) | (size << SIZE_PLACE) | (quorum << QUORUM_PLACE)
    if size <= SMALL:
        word |= lock << LOCK_PLACE
    else:
        self._locks[submission] = lock
    self._first[submission] = (
        word | (commit_until << FIRST_COMMIT_PLACE) | (reveal_until << FIRST_REVEAL_PLACE)
    )
    log ICommittees.CommitteeDrawn(
        submission=submission,
        round=1,
        members=members,
        commit_until=commit_until,
        reveal_until=reveal_until,
        lock=lock,
    )


@internal
def _enlarge(submission: uint256, case: IRequests.Case, words: uint256[3], randomness: bytes32):
    first: uint256 = self._first[submission]
    size: uint256 = self._size(first)
    lock: uint256 = self._lock(submission, first)
    seated: DynArray[uint256, 11] = []
    for seat: uint256 in range(size, bound=11):
        seated.append((first >> (16 * seat)) & ID)
    members: DynArray[uint256, 12] = extcall IStakes(stakes).pick_and_lock(
        self._seed(randomness, submission, 2),
        targets._period(),
        size + 1,
        lock,
        [case.buyer, case.contributor],
        seated,
    )
    commit_until: uint256 = block.timestamp + (words[0] & TIME)
    reveal_until: uint256 = commit_until + ((words[0] >> 32) & TIME)
    self._first[submission] = first | (1 << ENLARGED_PLACE)
    self._second[submission] = (
        self._pack(members) | (commit_until << SECOND_COMMIT_PLACE) | (reveal_until << SECOND_REVEAL_PLACE)
    )
    log ICommittees.CommitteeDrawn(
        submission=submission,
        round=2,
        members=members,
        commit_until=commit_until,
        reveal_until=reveal_until,
        lock=lock,
    )


@view
@internal
def _anchor(submission: uint256, first: uint256, case: IRequests.Case) -> uint256:
    # The block from which the next draw is counted; reverts where there is none to come.
    if self._size(first) == 0:
        assert case.phase == PENDING, "committees: not pending"
        if first != 0:
            return first
        return case.block_number
    assert not self._is_enlarged(first), "committees: drawn already"
    second: uint256 = self._second[submission]
    hung: uint256 = staticcall IReviews(self.reviews).hung_block(submission)
    assert hung != 0, "committees: drawn already"
    if second != 0:
        return second
    return hung


@pure
@internal
def _seed(randomness: bytes32, submission: uint256, round: uint256) -> bytes32:
    return keccak256(abi_encode(randomness, submission, round))


@pure
@internal
def _terms(words: uint256[3], value_stake: uint256, fee_bps: uint256) -> (uint256, uint256, uint256):
    assert value_stake <= VALUE_LIMIT, "committees: value too large"
    assert fee_bps <= BPS, "committees: fee too large"
    place: uint256 = 0
    if value_stake >= ((words[2] >> 224) & TIME) * UNIT:
        place = 128
    elif value_stake >= ((words[2] >> 192) & TIME) * UNIT:
        place = 64
    m: uint256 = (words[2] >> place) & TIME
    k: uint256 = (words[2] >> (place + 32)) & TIME
    audit_bps: uint256 = (words[0] >> 160) & TIME
    bond_percent: uint256 = (words[1] >> 192) & TIME
    # The least rate that makes corruption lose is [((1 - a) / a)(1 + fee k / m) - bond] / k, written over one denominator;
    # the quotient rounded down, plus one, is above it.
    gain: uint256 = 100 * (BPS - audit_bps) * (BPS * m + fee_bps * k)
    rate_bps: uint256 = (gain - bond_percent * audit_bps * BPS * m) // (100 * audit_bps * m * k) + 1
    return m, k, (value_stake * rate_bps + BPS - 1) // BPS


@view
@internal
def _committee(submission: uint256) -> ICommittees.Committee:
    first: uint256 = self._first[submission]
    size: uint256 = self._size(first)
    panel: ICommittees.Committee = empty(ICommittees.Committee)
    if size == 0:
        return panel
    for seat: uint256 in range(size, bound=11):
        panel.members.append((first >> (16 * seat)) & ID)
    panel.size = size
    panel.first_size = size
    panel.quorum = (first >> QUORUM_PLACE) & 15
    panel.lock = self._lock(submission, first)
    panel.commit_until = (first >> FIRST_COMMIT_PLACE) & TIME
    panel.reveal_until = (first >> FIRST_REVEAL_PLACE) & TIME
    if self._is_enlarged(first):
        second: uint256 = self._second[submission]
        for seat: uint256 in range(size + 1, bound=12):
            panel.members.append((second >> (16 * seat)) & ID)
        panel.size = 2 * size + 1
        panel.commit_until = (second >> SECOND_COMMIT_PLACE) & TIME
        panel.reveal_until = (second >> SECOND_REVEAL_PLACE) & TIME
    return panel


@pure
@internal
def _size(first: uint256) -> uint256:
    return (first >> SIZE_PLACE) & 15


@pure
@internal
def _is_enlarged(first: uint256) -> bool:
    return first >> ENLARGED_PLACE != 0


@view
@internal
def _lock(submission: uint256, first: uint256) -> uint256:
    if self._size(first) <= SMALL:
        return (first >> LOCK_PLACE) & LOCK
    return self._locks[submission]


@pure
@internal
def _pack(members: DynArray[uint256, 12]) -> uint256:
    word: uint256 = 0
    place: uint256 = 0
    for id: uint256 in members:
        word |= id << place
        place += 16
    return word
