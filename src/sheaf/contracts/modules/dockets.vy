# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Dockets
@license AGPL-3.0-only
@notice The state of a review, packed into one word, and what of it depends on the round.
"""

from . import bitmaps

COMMITTING: constant(uint256) = 1
HUNG: constant(uint256) = 2

# One word in storage, in this order from the lowest bit. The masks have one bit per seat of both rounds.
struct Docket:
    phase: uint256  # 3 bits
    round: uint256  # 2
    records: uint256  # 15
    first_size: uint256  # 4
    size: uint256  # 5
    quorum: uint256  # 4
    committed: uint256  # 23
    opened: uint256  # 23
    commit_until: uint256  # 32
    reveal_until: uint256  # 32
    settle_after: uint256  # 32
    approved: uint256  # 15
    rejected: uint256  # 15
    decided_first: uint256  # 15
    counted_block: uint256  # 32
    convicted: uint256  # 1: some records were proven to be copies


packed: HashMap[uint256, uint256]
# While a round is open: the chain of its commitments, keccak256(chain before, seat, seal); after its tally: the verdict.
digests: HashMap[uint256, bytes32]


@view
@external
def hung_block(submission: uint256) -> uint256:
    """
    @notice The block of round 1's tally while the review is hung; 0 otherwise.
    """
    docket: Docket = self.load(submission)
    if docket.phase != HUNG:
        return 0
    return docket.counted_block


@view
@external
def counted_block(submission: uint256) -> uint256:
    """
    @notice The block in which a review was last counted or finalised; 0 before.
    """
    return self.load(submission).counted_block


@view
@internal
def load(submission: uint256) -> Docket:
    return self.unpack(self.packed[submission])


@internal
def save(submission: uint256, docket: Docket):
    self.packed[submission] = self.pack(docket)


@pure
@internal
def pack(docket: Docket) -> uint256:
    return (
        docket.phase
        | (docket.round << 3)
        | (docket.records << 5)
        | (docket.first_size << 20)
        | (docket.size << 24)
        | (docket.quorum << 29)
        | (docket.committed << 33)
        | (docket.opened << 56)
        | (docket.commit_until << 79)
        | (docket.reveal_until << 111)
        | (docket.settle_after << 143)
        | (docket.approved << 175)
        | (docket.rejected << 190)
        | (docket.decided_first << 205)
        | (docket.counted_block << 220)
        | (docket.convicted << 252)
    )


@pure
@internal
def unpack(packed: uint256) -> Docket:
    return Docket(
        phase=packed & 7,
        round=(packed >> 3) & 3,
        records=(packed >> 5) & 32767,
        first_size=(packed >> 20) & 15,
        size=(packed >> 24) & 31,
        quorum=(packed >> 29) & 15,
        committed=(packed >> 33) & 8388607,
        opened=(packed >> 56) & 8388607,
        commit_until=(packed >> 79) & 4294967295,
        reveal_until=(packed >> 111) & 4294967295,
        settle_after=(packed >> 143) & 4294967295,
        approved=(packed >> 175) & 32767,
        rejected=(packed >> 190) & 32767,
        decided_first=(packed >> 205) & 32767,
        counted_block=(packed >> 220) & 4294967295,
        convicted=packed >> 252,
    )


@pure
@internal
def first_seat(docket: Docket) -> uint256:
    # The lowest seat of the current round.
    if docket.round == 2:
        return docket.first_size
    return 0


@pure
@internal
def round_mask(docket: Docket) -> uint256:
    # The seats of the current round.
    return (1 << docket.size) - (1 << self.first_seat(docket))


@view
@internal
def check_votable(docket: Docket, group: uint256):
    assert docket.phase == COMMITTING, "reviews: not open to votes"
    assert block.timestamp < docket.commit_until, "reviews: commit window closed"
    mask: uint256 = self.round_mask(docket)
    assert group != 0 and group & ~mask == 0, "reviews: no such seat in this round"
    assert group & docket.committed == 0, "reviews: already committed"


@view
@internal
def check_revealable(docket: Docket, seat: uint256):
    mask: uint256 = self.round_mask(docket)
    assert docket.phase == COMMITTING, "reviews: not open to votes"
    assert (docket.committed & mask) >> seat & 1 == 1, "reviews: not committed"
    if docket.committed & mask != mask:
        assert block.timestamp >= docket.commit_until, "reviews: still committing"
    assert block.timestamp < docket.reveal_until, "reviews: reveal window closed"
    assert (docket.opened >> seat) & 1 == 0, "reviews: already revealed"


@view
@internal
def check_countable(docket: Docket, seats_mask: uint256):
    mask: uint256 = self.round_mask(docket)
    committed: uint256 = docket.committed & mask
    assert seats_mask & ~committed == 0, "reviews: seat without a commitment"
    if seats_mask != committed or (committed != mask and block.timestamp < docket.commit_until):
        assert block.timestamp >= docket.reveal_until, "reviews: still open to votes"
        assert docket.opened & mask & ~seats_mask == 0, "reviews: leaves out a revealed seat"


@pure
@internal
def limits(docket: Docket) -> (uint256[5], uint256[5]):
    """
    @dev A record is rejected from the first number of rejections up, and approved below the second. In round 1 the quorum
         decides, in round 2 the majority of all that opened, but never fewer than the quorum.
    """
    opened: uint256 = bitmaps.ones(docket.opened)
    needed: uint256 = docket.quorum
    if docket.round == 2:
        needed = max(needed, opened // 2 + 1)
    if opened < needed:
        return bitmaps.spread(needed), bitmaps.spread(0)
    return bitmaps.spread(needed), bitmaps.spread(opened - needed + 1)
