# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Reviews
@license AGPL-3.0-only
@notice Members of a committee commit to a bitmap (a set bit means: rejected), open it, and the contract counts all bitmaps
        record by record. Round 1: approved or rejected by the quorum, else hung. Round 2, with one seat more than twice as
        many: hung records are decided by the majority of all who opened, and never by fewer than the quorum; else they stay hung
        and are nobody's fault.

        Members commit alone, or one transaction posts the signed commitments of several. A seal ties a commitment to who made
        it: a copier cannot open his copy. The seals of a round are kept as one chain of hashes, in the order of their
        coming, so whoever opens a seat gives the seals of all.
@custom:stop Nothing here can be stopped. An arbiter, if the governor names one, may hold a decided review once, for
        `ruling_seconds` at most.
"""

from ..interfaces import ICommittees
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IStakes
from ..modules import arbitration
from ..modules import bitmaps
from ..modules import dockets
from ..modules import seals

implements: IReviews
initializes: dockets
initializes: arbitration[dockets := dockets]
exports: (
    arbitration.propose_arbiter,
    arbitration.arbiter,
    arbitration.pending_arbiter,
    arbitration.arbiter_from,
    arbitration.propose_proofs,
    arbitration.proofs,
    arbitration.convicted,
    arbitration.hold,
    arbitration.rule,
    arbitration.convict,
    dockets.hung_block,
    dockets.counted_block,
)

COMMITTING: constant(uint256) = 1
HUNG: constant(uint256) = 2
DECIDED: constant(uint256) = 3
HELD: constant(uint256) = 4
CLOSED: constant(uint256) = 5

BPS: constant(uint256) = 10_000
# A round has at most 12 seats, a submission 64 words of records; 6 words are carried to round 2 for each of them.
SEATS: constant(uint256) = 12
WORDS: constant(uint256) = 64
CARRIED: constant(uint256) = 384

CHALLENGE_SECONDS: constant(uint256) = 64
DRAW_BLOCKS: constant(uint256) = 128
MISSING_REVEAL_BPS: constant(uint256) = 192

deployer: immutable(address)
parameters: public(immutable(IParameters))
committees: public(immutable(ICommittees))
stakes: public(immutable(IStakes))

requests: public(IRequests)
custody: public(address)
# By submission and round, what its tally was shown: keccak256(abi_encode(mask, accounts, hash of each bitmap)).
openings: public(HashMap[uint256, HashMap[uint256, bytes32]])
left: public(HashMap[uint256, bytes32])


@deploy
def __init__(parameters_: address, committees_: address, stakes_: address):
    """
    @notice The deployer joins the parts once, by `wire`, and has no rights after that.
    """
    deployer = msg.sender
    parameters = IParameters(parameters_)
    arbitration.__init__(parameters_)
    committees = ICommittees(committees_)
    stakes = IStakes(stakes_)


@external
def wire(requests_: address, custody_: address):
    """
    @notice Name the contract that settles, and the one that hears of missing keys. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "reviews: not the deployer"
    assert self.requests.address == empty(address), "reviews: already wired"
    assert requests_ != empty(address), "reviews: no requests"
    self.requests = IRequests(requests_)
    self.custody = custody_


@external
def commit(submission: uint256, seat: uint256, commitment: bytes32):
    """
    @notice Commit alone to a bitmap. Only the account that sits on `seat`, once.
    @param commitment keccak256(abi_encode(keccak256(bitmap), salt, submission, account, round)).
    """
    docket: dockets.Docket = self._load(submission)
    dockets.check_votable(docket, 1 << seat)
    assert (
        staticcall committees.seat_account(submission, seat) == msg.sender
    ), "reviews: not this seat's validator"
    seal: bytes32 = seals.of_commitment(commitment, msg.sender)
    dockets.digests[submission] = seals.chained(self._link(submission, docket), seat, seal)
    docket.committed |= 1 << seat
    dockets.save(submission, docket)
    log IReviews.Committed(submission=submission, seat=seat, commitment=commitment)


@external
def commit_jointly(
    submission: uint256,
    group: uint256,
    commitments: DynArray[bytes32, SEATS],
    signatures: DynArray[Bytes[65], SEATS],
):
    """
    @notice Commit for a group of seats whose validators have signed. Anyone may post it.
    @param group Mask of the seats; `commitments` and `signatures` are in seat order.
    @param signatures r ‖ s ‖ v over the typed data Review(submission, seat, commitment) of this contract.
    """
    panel: ICommittees.Committee = empty(ICommittees.Committee)
    accounts: DynArray[address, 23] = []
    panel, accounts = staticcall committees.sitting(submission)
    docket: dockets.Docket = self._begun(submission, dockets.load(submission), panel)
    dockets.check_votable(docket, group)
    assert len(commitments) == bitmaps.ones(group), "reviews: one commitment per seat"
    assert len(signatures) == len(commitments), "reviews: one signature per commitment"
    domain: bytes32 = seals.domain()
    link: bytes32 = self._link(submission, docket)
    i: uint256 = 0
    for seat: uint256 in range(dockets.first_seat(docket), docket.size, bound=SEATS):
        if (group >> seat) & 1 == 1:
            signer: address = seals.signer(domain, submission, seat, commitments[i], signatures[i])
            assert signer == accounts[seat], "reviews: not the signature of this seat's validator"
            link = seals.chained(link, seat, seals.of_commitment(commitments[i], signer))
            i += 1
    dockets.digests[submission] = link
    docket.committed |= group
    dockets.save(submission, docket)
    log IReviews.CommittedJointly(
        submission=submission, round=docket.round, group=group, commitments=commitments
    )


@external
def reveal(
    submission: uint256,
    seat: uint256,
    account: address,
    salt: bytes32,
    bitmap: Bytes[2048],
    order: uint256,
    joint: DynArray[bytes32, SEATS],
):
    """
    @notice Open one seat on chain, after all have committed or the time to commit is over. Anyone who holds the opening may.
            A seat opened so is never counted missing.
    @param order The seats, counted from the round's lowest, in the order in which they committed: 8 bits each from the lowest
           bit; 0 for the order of seats.
    @param joint The seals of all seats of the round; zero for a seat that did not commit, anything for the seat itself.
    """
    docket: dockets.Docket = self._load(submission)
    dockets.check_revealable(docket, seat)
    bitmaps.check_shape(bitmap, docket.records)
    first: uint256 = dockets.first_seat(docket)
    sealed: bytes32[SEATS] = seals.given(joint)
    sealed[seat - first] = seals.of_opening(keccak256(bitmap), salt, submission, account, docket.round)
    self._check_chain(submission, docket, order, sealed)
    docket.opened |= 1 << seat
    dockets.save(submission, docket)
    log IReviews.Revealed(submission=submission, seat=seat, salt=salt, bitmap=bitmap)


@external
def tally(
    submission: uint256,
    seats_mask: uint256,
    accounts: DynArray[address, SEATS],
    salts: DynArray[bytes32, SEATS],
    all_bitmaps: Bytes[24576],
    order: uint256,
    joint: DynArray[bytes32, SEATS],
    carried: DynArray[uint256, CARRIED],
):
    """
    @notice Open the seats of `seats_mask` and count the round. Anyone may, with the openings of all that committed (once all
            have, or the time to commit is over), or when the time to reveal is over with at least those opened on chain.
    @param accounts The accounts of those seats, in seat order, as `salts` and `all_bitmaps` (one after the other).
    @param order The seats, counted from the round's lowest, in the order in which they committed: 8 bits each from the lowest
           bit; 0 for the order of seats.
    @param joint Where a seat that committed is not opened: the seals of all seats of the round, as for `reveal`; else none.
    @param carried In round 2, what RoundHung said at the end of round 1; else none.
    """
    docket: dockets.Docket = self._load(submission)
    assert docket.phase == COMMITTING, "reviews: not open to votes"
    first: uint256 = dockets.first_seat(docket)
    dockets.check_countable(docket, seats_mask)
    words: uint256 = (docket.records + 255) // 256
    size: uint256 = 32 * words
    count: uint256 = bitmaps.ones(seats_mask)
    assert len(accounts) == count and len(salts) == count, "reviews: one account and salt per seat"
    assert len(all_bitmaps) == size * count, "reviews: wrong length"
    if docket.round == 1:
        assert len(carried) == 0, "reviews: not what round 1 left"
    else:
        assert keccak256(abi_encode(carried)) == self.left[submission], "reviews: not what round 1 left"
    hashes: DynArray[bytes32, SEATS] = []
    for i: uint256 in range(count, bound=SEATS):
        hashes.append(keccak256(slice(all_bitmaps, unsafe_mul(size, i), size)))
    sealed: bytes32[SEATS] = seals.reopened(
        submission, docket.round, seats_mask >> first, accounts, salts, hashes, joint
    )
    if seats_mask != 0:
        self._check_chain(submission, docket, order, sealed)
    self.openings[submission][docket.round] = seals.shown(seats_mask, accounts, hashes)
    docket.opened = seats_mask | (docket.opened % (1 << first))
    rejects_from: uint256[5] = empty(uint256[5])
    approves_below: uint256[5] = empty(uint256[5])
    rejects_from, approves_below = dockets.limits(docket)
    valid: uint256 = max_value(uint256)
    rejected_map: uint256[WORDS] = empty(uint256[WORDS])
    hung_map: uint256[WORDS] = empty(uint256[WORDS])
    for w: uint256 in range(words, bound=WORDS):
        if w + 1 == words:
            valid = bitmaps.last_mask(docket.records)
        # What was counted before: rejected, hung, and four slices. Round 1 begins with all records hung.
        counted: uint256[6] = [0, valid, 0, 0, 0, 0]
        if docket.round == 2:
            for i: uint256 in range(6):
                counted[i] = carried[6 * w + i]
        votes: uint256[SEATS] = empty(uint256[SEATS])
        seen: uint256 = 0
        place: uint256 = unsafe_mul(32, w)
        for i: uint256 in range(count, bound=SEATS):
            vote: uint256 = extract32(all_bitmaps, place, output_type=uint256)
            votes[i] = vote
            seen |= vote
            place = unsafe_add(place, size)
        assert seen & ~valid == 0, "reviews: bits beyond the last record"
        rejected_map[w], hung_map[w] = bitmaps.judge(votes, count, counted, rejects_from, approves_below)
    hung: uint256 = 0
    docket.rejected, hung = self._publish(submission, docket, rejected_map, hung_map)
    docket.approved = docket.records - docket.rejected - hung
    if docket.round == 1:
        docket.decided_first = docket.records - hung
    if docket.round == 1 and hung > 0:
        docket.phase = HUNG
        docket.counted_block = block.number
        # Counted once more, so that a round that leaves nothing hung pays for no memory to hold the counts.
        left: DynArray[uint256, CARRIED] = []
        for w: uint256 in range(words, bound=WORDS):
            votes: uint256[SEATS] = empty(uint256[SEATS])
            for i: uint256 in range(count, bound=SEATS):
                votes[i] = extract32(all_bitmaps, size * i + 32 * w, output_type=uint256)
            s: uint256[5] = bitmaps.add(votes, count, empty(uint256[5]))
            left.append(rejected_map[w])
            left.append(hung_map[w])
            for i: uint256 in range(4):
                left.append(s[i])
        self.left[submission] = keccak256(abi_encode(left))
        log IReviews.RoundHung(submission=submission, carried=left)
    else:
        docket = self._decided(docket)
    dockets.save(submission, docket)


@external
def finalise(submission: uint256):
    """
    @notice Decide a hung review that was not enlarged in time: its hung records stay hung and are nobody's fault.
    """
    docket: dockets.Docket = self._load(submission)
    assert docket.phase == HUNG, "reviews: not hung"
    last: uint256 = docket.counted_block + self._parameter(DRAW_BLOCKS)
    assert block.number > last, "reviews: may still be enlarged"
    docket = self._decided(docket)
    dockets.save(submission, docket)
    log IReviews.Finalised(submission=submission)


@external
def excuse(submission: uint256):
    """
    @notice Decide that nobody is at fault for any record, whatever was voted: the key did not come. Custody only, in round 1.
    """
    assert msg.sender == self.custody, "reviews: not custody"
    docket: dockets.Docket = self._load(submission)
    assert docket.phase == COMMITTING and docket.round == 1, "reviews: not in its first round"
    docket.opened = 0
    words: uint256 = (docket.records + 255) // 256
    hung_map: uint256[WORDS] = empty(uint256[WORDS])
    for w: uint256 in range(words, bound=WORDS):
        hung_map[w] = max_value(uint256)
        if w + 1 == words:
            hung_map[w] = bitmaps.last_mask(docket.records)
    self._publish(submission, docket, empty(uint256[WORDS]), hung_map)
    dockets.save(submission, self._decided(docket))
    log IReviews.Finalised(submission=submission)


@external
def close(submission: uint256) -> IReviews.Outcome:
    """
    @notice End a review: unlock the members' stakes, less the penalty of those who did not open. Requests only.
    """
    assert msg.sender == self.requests.address, "reviews: not requests"
    packed: uint256 = dockets.packed[submission]
    docket: dockets.Docket = dockets.unpack(packed)
    assert docket.phase == DECIDED or docket.phase == HELD, "reviews: not decided"
    assert block.timestamp >= docket.settle_after, "reviews: still in the challenge window"
    dockets.packed[submission] = packed - docket.phase + CLOSED
    panel: ICommittees.Committee = empty(ICommittees.Committee)
    accounts: DynArray[address, 23] = []
    panel, accounts = staticcall committees.sitting(submission)
    missing: uint256 = ((1 << docket.size) - 1) & ~docket.opened
    penalty: uint256 = 0
    # A round that was never counted was excused: then nobody had anything to open.
    if missing != 0 and self.openings[submission][docket.round] != empty(bytes32):
        penalty = panel.lock * self._parameter(MISSING_REVEAL_BPS) // BPS
    extcall stakes.release(panel.members, panel.lock, missing, penalty)
    forfeit_to: address = empty(address)
    if docket.convicted == 1:
        forfeit_to = arbitration.forfeit_to(submission)
    return IReviews.Outcome(
        approved=docket.approved,
        rejected=docket.rejected,
        decided_first=docket.decided_first,
        first_size=docket.first_size,
        size=docket.size,
        opened_mask=docket.opened,
        accounts=accounts,
        forfeit_to=forfeit_to,
    )


@view
@external
def review(submission: uint256) -> IReviews.Review:
    """
    @notice The state of a review, as the next transaction would find it.
    """
    docket: dockets.Docket = dockets.load(submission)
    if docket.phase == HUNG or (docket.phase == 0 and staticcall committees.is_drawn(submission)):
        docket = self._load(submission)
    verdict: bytes32 = empty(bytes32)
    if docket.phase >= DECIDED:
        verdict = dockets.digests[submission]
    return IReviews.Review(
        phase=docket.phase,
        round=docket.round,
        committed_mask=docket.committed,
        opened_mask=docket.opened,
        settle_after=docket.settle_after,
        approved=docket.approved,
        rejected=docket.rejected,
        decided_first=docket.decided_first,
        verdict=verdict,
    )


@view
@external
def digest(submission: uint256) -> bytes32:
    """
    @notice The chain of the current round's commitments while it is open; after its tally keccak256(rejected ‖ hung bitmap).
    """
    return dockets.digests[submission]


@view
@internal
def _load(submission: uint256) -> dockets.Docket:
    """
    @dev The docket; where a committee has been drawn since it was saved, the round it opens.
    """
    docket: dockets.Docket = dockets.load(submission)
    if docket.phase != 0 and docket.phase != HUNG:
        return docket
    return self._begun(submission, docket, staticcall committees.committee(submission))


@view
@internal
def _begun(submission: uint256, former: dockets.Docket, panel: ICommittees.Committee) -> dockets.Docket:
    docket: dockets.Docket = former
    if docket.phase != 0 and docket.phase != HUNG:
        return docket
    assert panel.size != 0, "reviews: no committee"
    if docket.phase == 0:
        docket.records = staticcall self.requests.records_of(submission)
        docket.first_size = panel.size
        docket.quorum = panel.quorum
    elif panel.size == docket.size:
        return docket
    docket.phase = COMMITTING
    docket.round += 1
    docket.size = panel.size
    docket.commit_until = panel.commit_until
    docket.reveal_until = panel.reveal_until
    return docket


@view
@internal
def _check_chain(submission: uint256, docket: dockets.Docket, order: uint256, sealed: bytes32[SEATS]):
    """
    @dev The order and the seals are those that were kept: then they cover every seat that has committed.
    """
    first: uint256 = dockets.first_seat(docket)
    link: bytes32 = seals.of_round(order, docket.committed, first, sealed)
    assert link == dockets.digests[submission], "reviews: opening does not match"


@view
@internal
def _link(submission: uint256, docket: dockets.Docket) -> bytes32:
    # The first commitment of a round begins a new chain: what was kept before belongs to the round before.
    if docket.committed & dockets.round_mask(docket) == 0:
        return empty(bytes32)
    return dockets.digests[submission]


@internal
def _publish(
    submission: uint256,
    docket: dockets.Docket,
    rejected_map: uint256[WORDS],
    hung_map: uint256[WORDS],
) -> (uint256, uint256):
    """
    @dev Keep the verdict's hash, tell the world, and return how many records are rejected and hung.
    """
    words: uint256 = (docket.records + 255) // 256
    rejected: uint256 = bitmaps.total(rejected_map, words)
    hung: uint256 = bitmaps.total(hung_map, words)
    rejected_bitmap: Bytes[2048] = slice(abi_encode(rejected_map), 0, 32 * words)
    hung_bitmap: Bytes[2048] = slice(abi_encode(hung_map), 0, 32 * words)
    dockets.digests[submission] = keccak256(concat(rejected_bitmap, hung_bitmap))
    log IReviews.Tallied(
        submission=submission,
        round=docket.round,
        opened=docket.opened,
        approved=docket.records - rejected - hung,
        rejected=rejected,
        hung=hung,
        rejected_bitmap=rejected_bitmap,
        hung_bitmap=hung_bitmap,
    )
    return rejected, hung


@view
@internal
def _decided(docket: dockets.Docket) -> dockets.Docket:
    decided: dockets.Docket = docket
    decided.phase = DECIDED
    decided.counted_block = block.number
    decided.settle_after = block.timestamp + self._parameter(CHALLENGE_SECONDS)
    return decided


@view
@internal
def _parameter(place: uint256) -> uint256:
    # One of those that stand in the first word of Parameters.
    return (staticcall parameters.word(0) >> place) & 4294967295
