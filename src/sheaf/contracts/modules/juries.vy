# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Juries
@license AGPL-3.0-only
@notice The state of a case's jury, packed into one word, how a jury grows, what its votes rule, and what votes that were
        reversed cost. Pure: no storage, no calls.
"""

from . import bitmaps

SEATS: constant(uint256) = 23
ROUNDS: constant(uint256) = 3

# One word in storage, in this order from the lowest bit. The masks have one bit per seat of all rounds.
struct Jury:
    phase: uint256  # 3 bits
    round: uint256  # 2
    size: uint256  # 5, seats of all rounds drawn so far
    first: uint256  # 5, the lowest seat of the last round drawn
    committed: uint256  # 23
    opened: uint256  # 23
    faultless: uint256  # 23, opened as "nobody's fault"
    commit_until: uint256  # 32
    reveal_until: uint256  # 32
    appeal_until: uint256  # 32
    anchor: uint256  # 32, the block that the next draw is counted from
    ruled: uint256  # 2: the last round that ruled
    is_faultless: uint256  # 1: it ruled that nobody is at fault
    failed: uint256  # 2: the round that ruled nothing
    slot: uint256  # 32, of the beacon, where it had to be fixed


@pure
@internal
def pack(jury: Jury) -> uint256:
    return (
        jury.phase
        | (jury.round << 3)
        | (jury.size << 5)
        | (jury.first << 10)
        | (jury.committed << 15)
        | (jury.opened << 38)
        | (jury.faultless << 61)
        | (jury.commit_until << 84)
        | (jury.reveal_until << 116)
        | (jury.appeal_until << 148)
        | (jury.anchor << 180)
        | (jury.ruled << 212)
        | (jury.is_faultless << 214)
        | (jury.failed << 215)
        | (jury.slot << 217)
    )


@pure
@internal
def unpack(packed: uint256) -> Jury:
    return Jury(
        phase=packed & 7,
        round=(packed >> 3) & 3,
        size=(packed >> 5) & 31,
        first=(packed >> 10) & 31,
        committed=(packed >> 15) & 8388607,
        opened=(packed >> 38) & 8388607,
        faultless=(packed >> 61) & 8388607,
        commit_until=(packed >> 84) & 4294967295,
        reveal_until=(packed >> 116) & 4294967295,
        appeal_until=(packed >> 148) & 4294967295,
        anchor=(packed >> 180) & 4294967295,
        ruled=(packed >> 212) & 3,
        is_faultless=(packed >> 214) & 1,
        failed=(packed >> 215) & 3,
        slot=packed >> 217,
    )


@pure
@internal
def enlarged(size: uint256) -> uint256:
    """
    @dev The seats of the next round: one more than twice as many, as far as there is room.
    """
    return min(2 * size + 1, SEATS)


@pure
@internal
def last_round(jury: Jury) -> uint256:
    """
    @dev The seats of the last round that was drawn, as a mask.
    """
    return (1 << jury.size) - (1 << jury.first)


@pure
@internal
def ruling(
    votes: DynArray[uint256, 23], mask: uint256, rejected: uint256, hung: uint256
) -> (uint256, uint256):
    """
    @dev Each record goes with the majority of the votes; at a tie it stays as it was.
    @return Rejected and hung records of the mask.
    """
    s: uint256[5] = empty(uint256[5])
    for batch: uint256 in range(2):
        some: uint256[12] = empty(uint256[12])
        for i: uint256 in range(12):
            if 12 * batch + i < len(votes):
                some[i] = votes[12 * batch + i]
        s = bitmaps.add(some, 12, s)
    count: uint256 = len(votes)
    rejects: uint256 = ~bitmaps.below(s, bitmaps.spread(count // 2 + 1))
    tied: uint256 = ~(rejects | bitmaps.below(s, bitmaps.spread((count + 1) // 2)))
    return (rejects | (tied & rejected)) & mask, tied & hung & mask


@pure
@internal
def is_overturned(
    mask: uint256, rejected: uint256, hung: uint256, ruled_rejected: uint256, ruled_hung: uint256
) -> bool:
    """
    @dev Whether more than half of the named records are decided otherwise than before.
    """
    return 2 * self.changed(mask, rejected, hung, ruled_rejected, ruled_hung) > bitmaps.ones(mask)


@pure
@internal
def changed(
    mask: uint256, rejected: uint256, hung: uint256, ruled_rejected: uint256, ruled_hung: uint256
) -> uint256:
    return bitmaps.ones(((rejected ^ ruled_rejected) | (hung ^ ruled_hung)) & mask)


@pure
@internal
def reversal(lock: uint256, wrong: uint256, total: uint256) -> uint256:
    """
    @dev What of a lock is at stake for `wrong` of `total` votes reversed: lock * min(1, 6 * max(0, wrong / total - 6 %)), rounded
         down. It is taken only where so many are beyond chance.
    """
    # Counts of records, at most 2**14.
    errors: uint256 = unsafe_mul(100, wrong)
    spared: uint256 = unsafe_mul(6, total)
    if errors <= spared:
        return 0
    return min(lock, 6 * lock * unsafe_sub(errors, spared) // unsafe_mul(100, total))


@pure
@internal
def is_beyond_chance(wrong: uint256, total: uint256) -> bool:
    """
    @dev Whether so many errors in one case are more than the mistakes of a juror who is right in 95 %: of up to 256 records he
         makes so many with a chance of at most .0081 %.
    """
    # Both are at most 256.
    return unsafe_mul(6, wrong) >= unsafe_add(total, 20)
