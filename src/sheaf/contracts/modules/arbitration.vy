# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Arbitration
@license AGPL-3.0-only
@notice Who may hold and rule, and who may convict: named by the governor, two days ahead (one second on test networks), so that all
        see it coming. What a record was convicted of stays: no ruling approves it again.
"""

from ..interfaces import IParameters
from ..interfaces import IReviews
from . import bitmaps
from . import dockets

uses: dockets

DELAY: constant(uint256) = 172800
WORDS: constant(uint256) = 64
DECIDED: constant(uint256) = 3
HELD: constant(uint256) = 4
# Its place in the first word of Parameters, the highest.
RULING_SECONDS: constant(uint256) = 224

arbiter_parameters: immutable(IParameters)

pending_arbiter: public(address)
arbiter_from: public(uint256)
_arbiter: address
# Who convicts, from when (0: nobody may now), and to whom the bonds go that it declared forfeit.
proofs_from: public(uint256)
_proofs: address
_convicted: HashMap[uint256, HashMap[uint256, uint256]]
_forfeits: HashMap[uint256, address]


@deploy
def __init__(parameters_: address):
    arbiter_parameters = IParameters(parameters_)


@external
def propose_arbiter(arbiter_: address):
    """
    @notice Name who may hold and rule, from two days on (one second on test networks); zero for nobody. Governor only.
    """
    assert msg.sender == staticcall arbiter_parameters.governor(), "reviews: not the governor"
    self._arbiter = self.current()
    self.pending_arbiter = arbiter_
    delay: uint256 = DELAY
    if staticcall arbiter_parameters.is_test():
        delay = 1
    self.arbiter_from = block.timestamp + delay
    log IReviews.ArbiterProposed(arbiter=arbiter_, effective_at=self.arbiter_from)


@view
@external
def arbiter() -> address:
    """
    @notice Who may hold and rule now; zero if nobody.
    """
    return self.current()


@view
@internal
def current() -> address:
    if self.arbiter_from != 0 and block.timestamp >= self.arbiter_from:
        return self.pending_arbiter
    return self._arbiter


@external
def propose_proofs(proofs_: address):
    """
    @notice Name the contract that may convict, from two days on (one second on test networks), in another's place; zero for nobody,
            at once. Governor only.
    """
    assert msg.sender == staticcall arbiter_parameters.governor(), "reviews: not the governor"
    delay: uint256 = DELAY
    if staticcall arbiter_parameters.is_test():
        delay = 1
    self._proofs = proofs_
    self.proofs_from = block.timestamp + delay
    log IReviews.ProofsProposed(proofs=proofs_, effective_at=self.proofs_from)


@view
@external
def proofs() -> address:
    """
    @notice Who may convict now; zero if nobody.
    """
    return self.convicting()


@view
@external
def convicted(submission: uint256, word: uint256) -> uint256:
    """
    @notice Which of 256 records were convicted, as a mask.
    """
    return self._convicted[submission][word]


@view
@internal
def convicting() -> address:
    if block.timestamp >= self.proofs_from:
        return self._proofs
    return empty(address)


@external
def hold(submission: uint256):
    """
    @notice Keep a decided review from being settled for `ruling_seconds`. Arbiter only, once, within its challenge window.
    """
    assert msg.sender == self.current(), "reviews: not the arbiter"
    docket: dockets.Docket = dockets.load(submission)
    assert docket.phase == DECIDED, "reviews: not decided"
    assert block.timestamp < docket.settle_after, "reviews: challenge window is over"
    docket.phase = HELD
    docket.settle_after = block.timestamp + ((staticcall arbiter_parameters.word(0)) >> RULING_SECONDS)
    dockets.save(submission, docket)
    log IReviews.Held(submission=submission, until=docket.settle_after)


@external
def rule(submission: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]):
    """
    @notice Replace the verdict of a held review; it can be settled at once. Arbiter only.
    """
    assert msg.sender == self.current(), "reviews: not the arbiter"
    docket: dockets.Docket = dockets.load(submission)
    assert docket.phase == HELD and block.timestamp < docket.settle_after, "reviews: not held"
    docket.phase = DECIDED
    docket.settle_after = block.timestamp
    self._replace(submission, docket, rejected_bitmap, hung_bitmap)


@external
def convict(
    submission: uint256,
    record: uint256,
    is_forfeit: bool,
    rejected_bitmap: Bytes[2048],
    hung_bitmap: Bytes[2048],
):
    """
    @notice Reject for good a record that was approved, before the review may be settled. Only the contract that checks proofs.
    @param is_forfeit Whether the whole bond goes to the caller, less the reviewers' fee of rejected records.
    """
    assert msg.sender == self.convicting(), "reviews: not proofs"
    docket: dockets.Docket = dockets.load(submission)
    assert docket.phase == DECIDED or docket.phase == HELD, "reviews: not decided"
    assert block.timestamp < docket.settle_after, "reviews: challenge window is over"
    verdict: bytes32 = keccak256(concat(rejected_bitmap, hung_bitmap))
    assert verdict == dockets.digests[submission], "reviews: not the verdict"
    self._note(submission, record, is_forfeit, rejected_bitmap, hung_bitmap)
    docket.convicted = 1
    self._replace(submission, docket, rejected_bitmap, hung_bitmap)
    log IReviews.Convicted(submission=submission, record=record, is_forfeit=is_forfeit)


@internal
def _note(submission: uint256, record: uint256, is_forfeit: bool, rejected: Bytes[2048], hung: Bytes[2048]):
    """
    @dev Note a record that is approved so far; where the bond is forfeit, it goes to the caller.
    """
    word: uint256 = record // 256
    taken: uint256 = extract32(rejected, 32 * word, output_type=uint256) | extract32(
        hung, 32 * word, output_type=uint256
    )
    assert (taken >> (record % 256)) & 1 == 0, "reviews: not an approved record"
    self._convicted[submission][word] |= 1 << (record % 256)
    if is_forfeit:
        self._forfeits[submission] = msg.sender


@view
@internal
def forfeit_to(submission: uint256) -> address:
    return self._forfeits[submission]


@view
@internal
def _with_convictions(
    submission: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]
) -> (Bytes[2048], Bytes[2048]):
    """
    @dev Two bitmaps of one length, with what was convicted rejected.
    """
    rejected: uint256[WORDS] = empty(uint256[WORDS])
    hung: uint256[WORDS] = empty(uint256[WORDS])
    words: uint256 = len(rejected_bitmap) // 32
    for w: uint256 in range(words, bound=WORDS):
        mask: uint256 = self._convicted[submission][w]
        rejected[w] = extract32(rejected_bitmap, 32 * w, output_type=uint256) | mask
        hung[w] = extract32(hung_bitmap, 32 * w, output_type=uint256) & ~mask
    return slice(abi_encode(rejected), 0, 32 * words), slice(abi_encode(hung), 0, 32 * words)


@internal
def _replace(
    submission: uint256, former: dockets.Docket, given_rejected: Bytes[2048], given_hung: Bytes[2048]
):
    """
    @dev Put another verdict in the verdict's place.
    """
    docket: dockets.Docket = former
    rejected_bitmap: Bytes[2048] = given_rejected
    hung_bitmap: Bytes[2048] = given_hung
    if docket.convicted == 1:
        rejected_bitmap, hung_bitmap = self._with_convictions(submission, given_rejected, given_hung)
    rejected: uint256 = 0
    hung: uint256 = 0
    rejected, hung = bitmaps.tell_apart(rejected_bitmap, hung_bitmap, docket.records)
    docket.rejected = rejected
    docket.approved = docket.records - rejected - hung
    docket.decided_first = min(docket.decided_first, docket.records - hung)
    dockets.digests[submission] = keccak256(concat(rejected_bitmap, hung_bitmap))
    dockets.save(submission, docket)
    log IReviews.Ruled(
        submission=submission,
        approved=docket.approved,
        rejected=rejected,
        rejected_bitmap=rejected_bitmap,
        hung_bitmap=hung_bitmap,
    )
