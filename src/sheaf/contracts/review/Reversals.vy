# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Reversals
@license AGPL-3.0-only
@notice What members of a committee lose whose votes a jury reversed. The votes are shown again, as a tally of Reviews was shown them;
        of each member's lock min(1, 6 * max(0, share wrong - 6 %)) is at stake. Nothing is taken while chance explains it:
        what an audit finds adds to the evidence against a member, and what is at stake is suspended. It is taken, all of it, when
        the evidence is beyond chance, and forgotten when nothing is left of the evidence. Two sums are kept, never below 0:
        *joint*, among records on which at least half of the others erred: 1 for each error, less 2 for each right vote (proven
        at 8); and *alone*, among all: 5 for each error, less 1 for each right vote (proven at 48). Who is right in 95 %, each time
        anew, is proven guilty in 10,000 audited records with a chance below .004 %, whatever the others do.

        A challenger chooses what is named, so that proves a member's guilt only by itself, with what is not named as right.
        What was found is told to Standing.
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
# Where evidence is beyond chance.
JOINT: constant(uint256) = 8
ALONE: constant(uint256) = 48

disputes: public(immutable(IDisputes))
stakes: public(immutable(IStakes))
committees: public(immutable(ICommittees))
reviews: public(immutable(IReviews))
requests: public(immutable(IRequests))
standing: public(immutable(IStanding))

# What is held against an account: joint 8 | alone 8 | due 240.
_suspended: HashMap[address, uint256]


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
    # Of each member, in all and in the sample: errors, errors with half of the others, and right votes against them; and all records.
    everything: uint256[4][SEATS] = empty(uint256[4][SEATS])
    sample: uint256[4][SEATS] = empty(uint256[4][SEATS])
    asked: uint256 = 0
    sampled: uint256 = 0
    judged: uint256 = 0
    rejected: uint256 = 0
    sample_approved: uint256 = 0
    half: uint256[5] = bitmaps.spread((max(count, 1) - 1) // 2)
    beyond_half: uint256[5] = bitmaps.spread((max(count, 1) + 1) // 2)
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
            # Where a part of the sample got no ruling, challenges chose the rest: what is not ruled upon counts as right.
            sampled = bitmaps.ones(scope & ~entry[3])
            judged = bitmaps.ones(ruled)
            sample_approved = bitmaps.ones(ruled & ~entry[2])
        errors: uint256[SEATS] = empty(uint256[SEATS])
        for i: uint256 in range(count, bound=SEATS):
            vote: uint256 = extract32(all_bitmaps, 32 * (words * i + w), output_type=uint256)
            errors[i] = (vote ^ entry[2]) & ruled
        erring: uint256[5] = bitmaps.add(errors, count, empty(uint256[5]))
        # Where at least half of the others erred, if the member did not, and if it did.
        many: uint256 = ruled & ~bitmaps.below(erring, half)
        more: uint256 = ~bitmaps.below(erring, beyond_half)
        for i: uint256 in range(count, bound=SEATS):
            found: uint256[4] = [
                bitmaps.ones(errors[i]), bitmaps.ones(errors[i] & more), bitmaps.ones(many & ~errors[i]), 0
            ]
            for kind: uint256 in range(3):
                everything[i][kind] += found[kind]
            # Whoever challenges chooses what is ruled upon: only what an audit found right is praise.
            if is_sample:
                sample[i] = found
    if staticcall standing.is_feeder(self):
        case: IRequests.Case = staticcall requests.case_of(submission)
        if round == 1:
            self._note(case, case.contributor, case.buyer, sample_approved, rejected)
        for i: uint256 in range(count, bound=SEATS):
            self._note(case, accounts[i], case.contributor, judged - sample[i][0], everything[i][0])
    panel: ICommittees.Committee = staticcall committees.committee(submission)
    gained: uint256 = 0
    i: uint256 = 0
    for seat: uint256 in range(23):
        if (seats_mask >> seat) & 1 == 1:
            everything[i][3] = asked
            sample[i][3] = sampled
            gained += self._take(
                submission, panel.members[seat], accounts[i], panel.lock, everything[i], sample[i]
            )
            i += 1
    extcall disputes.note(submission, round, gained)
    log IReversals.RoundShown(submission=submission, round=round, gained=gained)


@view
@external
def suspended(account: address) -> IReversals.Suspended:
    """
    @notice What is held against a validator: how far it is proven, and what it loses when it is.
    """
    return self._held(account)


@internal
def _note(case: IRequests.Case, account: address, counterparty: address, right: uint256, wrong: uint256):
    if right + wrong != 0:
        worth: uint256 = case.value_stake * (right + wrong) // case.records
        extcall standing.note(account, counterparty, right, wrong, worth)


@internal
def _take(
    submission: uint256, id: uint256, account: address, lock: uint256, named: uint256[4], sample: uint256[4]
) -> uint256:
    """
    @dev Weigh what was found of a member, and take what is due if that is beyond chance; return the half that Disputes was sent.
    """
    held: IReversals.Suspended = self._held(account)
    loss: uint256 = 0
    errors: uint256[4] = sample
    if sample[3] != 0:
        held.joint = self._less(held.joint + sample[1], 2 * sample[2])
        held.alone = self._less(held.alone + 6 * sample[0], sample[3])
        loss = juries.reversal(lock, sample[0], sample[3])
    is_proven: bool = held.joint >= JOINT or held.alone >= ALONE
    if named[1] >= JOINT + 2 * named[2] or 6 * named[0] >= ALONE + named[3]:
        is_proven = True
        other: uint256 = juries.reversal(lock, named[0], named[3])
        if other > loss:
            loss = other
            errors = named
    amount: uint256 = 0
    if is_proven:
        amount = held.due + loss
        held = empty(IReversals.Suspended)
    elif held.joint | held.alone == 0:
        held.due = 0
    else:
        held.due += loss
    self._hold(submission, account, held)
    if amount == 0:
        return 0
    taken: uint256 = extcall stakes.slash(id, amount, disputes.address)
    log IReversals.MemberSlashed(submission=submission, id=id, wrong=errors[0], total=errors[3], amount=taken)
    return taken // 2


@view
@internal
def _held(account: address) -> IReversals.Suspended:
    packed: uint256 = self._suspended[account]
    return IReversals.Suspended(joint=packed & 255, alone=(packed >> 8) & 255, due=packed >> 16)


@internal
def _hold(submission: uint256, account: address, held: IReversals.Suspended):
    # What is not proven lies below 8 and 48.
    packed: uint256 = held.joint | (held.alone << 8) | (held.due << 16)
    if packed != self._suspended[account]:
        self._suspended[account] = packed
        log IReversals.EvidenceWeighed(
            submission=submission, account=account, joint=held.joint, alone=held.alone, due=held.due
        )


@pure
@internal
def _less(sum: uint256, part: uint256) -> uint256:
    return sum - min(sum, part)
