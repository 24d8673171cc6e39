# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Reversals
@license AGPL-3.0-only
@notice What members of a committee lose whose votes a jury reversed. The votes are shown again, as a tally of Reviews was shown them;
        of each member's lock goes min(1, 6 * max(0, share wrong - 6 %)). The share is counted in two ways, and the larger one
        holds: errors among all records that the member was asked for (a challenger chooses what is named, so what is not named
        counts as right), and errors among the records of an audit, which nobody chose. What was
        found is told to Standing.
@custom:stop Nothing here can be stopped but by taking its power to slash in Stakes; disputes then end without it.
"""

from ..interfaces import ICommittees
from ..interfaces import IDisputes
from ..interfaces import IRequests
from ..interfaces import IReversals
from ..interfaces import IReviews
from ..interfaces import IStakes
from ..interfaces import IStanding
from ..modules import bitmaps
from ..modules import juries

implements: IReversals

SEATS: constant(uint256) = 12
WORDS: constant(uint256) = 64

disputes: public(immutable(IDisputes))
stakes: public(immutable(IStakes))
committees: public(immutable(ICommittees))
reviews: public(immutable(IReviews))
requests: public(immutable(IRequests))
standing: public(immutable(IStanding))


@deploy
def __init__(
    disputes_: address,
    stakes_: address,
    committees_: address,
    reviews_: address,
    requests_: address,
    standing_: address,
):
    """
    @notice Join the contracts that were there before. It needs the power to slash, and to feed standing.
    """
    disputes = IDisputes(disputes_)
    stakes = IStakes(stakes_)
    committees = ICommittees(committees_)
    reviews = IReviews(reviews_)
    requests = IRequests(requests_)
    standing = IStanding(standing_)


@external
@nonreentrant
def slash(
    submission: uint256,
    round: uint256,
    seats_mask: uint256,
    accounts: DynArray[address, SEATS],
    all_bitmaps: Bytes[24576],
    carried: DynArray[uint256, 384],
):
    """
    @notice Show a round's votes. Anyone may, once all cases of the submission are concluded and no more can be opened, before the
            ruling is executed.
    @param all_bitmaps The votes of the seats of `seats_mask` in seat order, one after the other, as in the tally.
    @param carried In round 2, what RoundHung said at the end of round 1; else none.
    """
    records: uint256 = staticcall requests.records_of(submission)
    words: uint256 = (records + 255) // 256
    count: uint256 = len(accounts)
    assert len(all_bitmaps) == 32 * words * count, "reversals: wrong length"
    hashes: DynArray[bytes32, SEATS] = []
    for i: uint256 in range(count, bound=SEATS):
        hashes.append(keccak256(slice(all_bitmaps, 32 * words * i, 32 * words)))
    shown: bytes32 = keccak256(abi_encode(seats_mask, accounts, hashes))
    assert shown == staticcall reviews.openings(submission, round), "reversals: not what was tallied"
    if round == 1:
        assert len(carried) == 0, "reversals: not what round 1 left"
    else:
        assert (
            keccak256(abi_encode(carried)) == staticcall reviews.left(submission)
        ), "reversals: not what round 1 left"
    trial: IDisputes.Trial = staticcall disputes.trial_of(submission)
    wrong: uint256[SEATS] = empty(uint256[SEATS])
    sample_wrong: uint256[SEATS] = empty(uint256[SEATS])
    asked: uint256 = 0
    sampled: uint256 = 0
    rejected: uint256 = 0
    sample_approved: uint256 = 0
    for w: uint256 in range(words, bound=WORDS):
        # Members of round 2 were asked only for what hung after round 1.
        scope: uint256 = max_value(uint256)
        if round == 2:
            scope = carried[6 * w + 1]
        elif w + 1 == words:
            scope = bitmaps.last_mask(records)
        asked += bitmaps.ones(scope)
        if (trial.touched >> w) & 1 == 0:
            continue
        entry: uint256[4] = staticcall disputes.ruled_words(submission, w)
        ruled: uint256 = entry[1] & ~entry[3] & scope
        is_sample: bool = trial.sample == w + 1
        rejected += bitmaps.ones(ruled & entry[2])
        if is_sample:
            sampled = bitmaps.ones(ruled)
            sample_approved = bitmaps.ones(ruled & ~entry[2])
        for i: uint256 in range(count, bound=SEATS):
            vote: uint256 = extract32(all_bitmaps, 32 * (words * i + w), output_type=uint256)
            errors: uint256 = bitmaps.ones((vote ^ entry[2]) & ruled)
            wrong[i] += errors
            if is_sample:
                sample_wrong[i] = errors
            # Whoever challenges chooses what is ruled upon: only what an audit found right is praise.


    if staticcall standing.is_feeder(self):
        case: IRequests.Case = staticcall requests.case_of(submission)
        if round == 1:
            self._note(case, case.contributor, case.buyer, sample_approved, rejected)
        for i: uint256 in range(count, bound=SEATS):
            self._note(case, accounts[i], case.contributor, sampled - sample_wrong[i], wrong[i])
    panel: ICommittees.Committee = staticcall committees.committee(submission)
    gained: uint256 = 0
    i: uint256 = 0
    for seat: uint256 in range(23):
        if (seats_mask >> seat) & 1 == 1:
            gained += self._take(
                submission, panel.members[seat], panel.lock, [wrong[i], asked], [sample_wrong[i], sampled]
            )
            i += 1
    extcall disputes.note(submission, round, gained)
    log IReversals.RoundShown(submission=submission, round=round, gained=gained)


@internal
def _note(case: IRequests.Case, account: address, counterparty: address, right: uint256, wrong: uint256):
    if right + wrong != 0:
        worth: uint256 = case.value_stake * (right + wrong) // case.records
        extcall standing.note(account, counterparty, right, wrong, worth)


@internal
def _take(submission: uint256, id: uint256, lock: uint256, all: uint256[2], sample: uint256[2]) -> uint256:
    """
    @dev Take what a member loses; return the half that Disputes was sent.
    """
    errors: uint256[2] = all
    if sample[0] * all[1] > all[0] * sample[1]:
        errors = sample
    amount: uint256 = juries.reversal(lock, errors[0], errors[1])
    if amount == 0:
        return 0
    taken: uint256 = extcall stakes.slash(id, amount, disputes.address)
    log IReversals.MemberSlashed(submission=submission, id=id, wrong=errors[0], total=errors[1], amount=taken)
    return taken // 2
