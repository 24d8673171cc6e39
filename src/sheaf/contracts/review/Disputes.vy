# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Disputes
@license AGPL-3.0-only
@notice Second opinions. Anyone with a bond says which records of a verdict are wrong; a jury of validators who had no part in it
        votes in secret; whoever loses may appeal with twice the bond, to a jury of one seat more than twice as many. What the
        last jury rules takes the verdict's place, and members whose votes it reverses lose stake (Reversals). A beacon that nobody knew at
        the vote picks some verdicts to be audited in the same way, without a challenger.

        A case is about at most 256 records that lie in one word of the bitmaps. A submission may have many, of different
        records; the verdict is replaced once, when all of them are concluded and the votes of its members have been shown.
        Money is the stake token: bonds, the pot that slashed members leave, and a fund for jurors; every unit is in one of them,
        or owed, or burned.
@custom:stop Nothing here can be stopped. Reviews holds a verdict for `ruling_seconds` at most: when that time is over the verdict
        stands, every case can be concluded and collected, and every juror's stake is released.
"""

from ..interfaces import ICommittees
from ..interfaces import IDisputes
from ..interfaces import IRequests
from ..interfaces import IStakes
from ..modules import benches
from ..modules import bitmaps
from ..modules import juries
from ..modules import targets
from ..modules import trials

implements: IDisputes
initializes: targets
initializes: trials
initializes: benches[trials := trials]
exports: (
    targets.beacon,
    benches.commit,
    benches.reveal,
    benches.jury_of,
    benches.juror,
    trials.fund,
    trials.withdraw,
    trials.wire,
    trials.note,
    trials.ruled_words,
    trials.reversals,
    trials.owed,
    trials.fund_left,
    trials.bond_of,
    trials.trial_of,
    trials.case_of,
    trials.cases,
)

DRAWING: constant(uint256) = 1
VOTING: constant(uint256) = 2
RULED: constant(uint256) = 3
CONCLUDED: constant(uint256) = 4
COLLECTED: constant(uint256) = 5

BPS: constant(uint256) = 10_000
PICKS: constant(uint256) = 12


@deploy
def __init__(
    token_: address,
    parameters_: address,
    stakes_: address,
    committees_: address,
    reviews_: address,
    requests_: address,
    beacon_: address,
):
    """
    @notice Join the contracts that were there before. It needs the powers to draw, release and slash, and the office of arbiter.
    """
    trials.__init__(token_, parameters_, stakes_, committees_, reviews_, requests_)
    targets.__init__(beacon_, staticcall IStakes(stakes_).period_blocks())


@external
@nonreentrant
def challenge(
    submission: uint256,
    word: uint256,
    mask: uint256,
    rejected_bitmap: Bytes[2048],
    hung_bitmap: Bytes[2048],
) -> uint256:
    """
    @notice Say with a bond that the records of `mask` in the bitmaps' `word` are wrongly decided. Those that another case names are
            left to it.
    @param rejected_bitmap The verdict, as `hung_bitmap`.
    @return The case's number.
    """
    assert mask != 0, "disputes: no records named"
    return self._open(submission, word, mask, rejected_bitmap, hung_bitmap, msg.sender)


@external
@nonreentrant
def audit(submission: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]) -> uint256:
    """
    @notice Open the audit of a verdict that the beacon selected, of the word that it chose. Anyone may.
    @return The case's number; 0 where all of the word is disputed already: then those cases are the audit's sample.
    """
    selected: bool = False
    word: uint256 = 0
    selected, word = self._selected(submission)
    assert selected, "disputes: not selected"
    assert trials.trial(submission).sample == 0, "disputes: audited already"
    return self._open(submission, word, 0, rejected_bitmap, hung_bitmap, empty(address))


@external
@nonreentrant
def draw(case: uint256):
    """
    @notice Draw the jury of a case, or enlarge it after an appeal. Anyone may, once the target block has passed.
    """
    jury: juries.Jury = benches.at(case, DRAWING)
    times: uint256 = staticcall trials.parameters.word(0)
    delay: uint256 = (times >> 96) & 4294967295
    kept: uint256 = self._kept(jury)
    assert not targets.is_missed(kept, delay), "disputes: block out of reach"
    value: bytes32 = staticcall targets.beacon.value_of(targets.of_anchor(kept, delay))
    assert value != empty(bytes32), "disputes: too early"
    facts: IDisputes.Case = trials.facts(case)
    assert self._fits(facts.submission, times, 0), "disputes: no time left"
    more: uint256 = juries.enlarged(jury.size) - jury.size
    if jury.size == 0:
        # The size of audits lies above that of juries.
        place: uint256 = 32 * convert(facts.challenger == empty(address), uint256)
        more = (staticcall trials.parameters.word(3) >> place) & 4294967295
    panel: ICommittees.Committee = staticcall trials.committees.committee(facts.submission)
    seated: DynArray[uint256, 38] = []
    for id: uint256 in panel.members:
        seated.append(id)
    for seat: uint256 in range(jury.size, bound=juries.SEATS):
        seated.append(benches.seated(case, seat))
    excluded: DynArray[address, 5] = self._parties(case, facts)
    seed: bytes32 = keccak256(abi_encode(value, self, case, jury.round + 1))
    drawn: DynArray[uint256, 24] = []
    seat: uint256 = jury.size
    for part: uint256 in range(2):
        count: uint256 = min(more - len(drawn), PICKS)
        if count > 0:
            picked: DynArray[uint256, 12] = extcall trials.stakes.pick_and_lock(
                keccak256(abi_encode(seed, part)),
                targets._period(),
                count,
                facts.lock,
                excluded,
                seated,
            )
            for id: uint256 in picked:
                seated.append(id)
                drawn.append(id)
                benches.seat(case, seat, id)
                seat += 1
    jury.phase = VOTING
    jury.round += 1
    jury.first = jury.size
    jury.size = seat
    jury.commit_until = block.timestamp + (times & 4294967295)
    jury.reveal_until = jury.commit_until + ((times >> 32) & 4294967295)
    benches.save(case, jury)
    log IDisputes.JuryDrawn(
        case=case,
        round=jury.round,
        jurors=drawn,
        commit_until=jury.commit_until,
        reveal_until=jury.reveal_until,
    )


@external
def redraw(case: uint256):
    """
    @notice Anchor a draw to the current block whose own can no longer be reached, or whose round is still to be fixed. Anyone may.
    """
    jury: juries.Jury = benches.at(case, DRAWING)
    delay: uint256 = (staticcall trials.parameters.word(0) >> 96) & 4294967295
    assert targets.is_missed(self._kept(jury), delay), "disputes: block within reach"
    kept: uint256 = targets.anchored(delay)
    assert kept != 0, "disputes: too late in the period"
    jury.anchor = block.number
    jury.slot = kept >> 32
    benches.save(case, jury)
    log IDisputes.DrawMoved(case=case, target_block=targets.of_anchor(kept, delay))


@external
def tally(case: uint256):
    """
    @notice Rule by the majority of all who opened, in whatever round; what stood stands where not more than half of all seats opened.
    """
    jury: juries.Jury = benches.at(case, VOTING)
    last: uint256 = juries.last_round(jury)
    is_over: bool = block.timestamp >= jury.commit_until and jury.opened & last == jury.committed & last
    assert (
        is_over or jury.opened & last == last or block.timestamp >= jury.reveal_until
    ), "disputes: still open to votes"
    facts: IDisputes.Case = trials.facts(case)
    opened: uint256 = bitmaps.ones(jury.opened)
    is_ruled: bool = 2 * opened > jury.size
    jury.phase = RULED
    jury.appeal_until = block.timestamp
    if is_ruled:
        jury.ruled = jury.round
        jury.is_faultless = 0
        if 2 * bitmaps.ones(jury.faultless) > opened:
            jury.is_faultless = 1
            facts.ruled_rejected = 0
            facts.ruled_hung = facts.mask
        else:
            facts.ruled_rejected, facts.ruled_hung = juries.ruling(
                benches.votes(case, jury), facts.mask, facts.rejected, facts.hung
            )
        trials.rule(case, facts.ruled_rejected, facts.ruled_hung)
        appeal_seconds: uint256 = (staticcall trials.parameters.word(3) >> 64) & 4294967295
        if (
            jury.round < juries.ROUNDS
            and jury.size < juries.SEATS
            and self._fits(facts.submission, staticcall trials.parameters.word(0), appeal_seconds)
        ):
            jury.appeal_until += appeal_seconds
    else:
        jury.failed = jury.round
    benches.save(case, jury)
    log IDisputes.CaseRuled(
        case=case,
        round=jury.round,
        is_ruled=is_ruled,
        is_faultless=jury.is_faultless == 1,
        rejected=facts.ruled_rejected,
        hung=facts.ruled_hung,
        appeal_until=jury.appeal_until,
    )


@external
@nonreentrant
def appeal(case: uint256, is_for_challenge: bool):
    """
    @notice Ask for a larger jury with twice the bond of the round before. Anyone may, for a side that has lost.
    @param is_for_challenge Whether for the side that wants the verdict changed. Where nobody was at fault, both have lost.
    """
    jury: juries.Jury = benches.at(case, RULED)
    assert block.timestamp < jury.appeal_until, "disputes: no appeal any more"
    assert (
        jury.is_faultless == 1 or trials.overturned(case) != is_for_challenge
    ), "disputes: this side has won"
    jury.phase = DRAWING
    jury.anchor = block.number
    jury.slot = 0
    benches.save(case, jury)
    bond: uint256 = trials.facts(case).bond << jury.round
    trials.post(case, jury.round + 1, bond, is_for_challenge)
    log IDisputes.RulingAppealed(case=case, account=msg.sender, is_for_challenge=is_for_challenge, bond=bond)


@external
@nonreentrant
def conclude(case: uint256):
    """
    @notice End a case: its last ruling holds. Anyone may, when no appeal can come, or no jury was drawn in time.
    @dev Jurors who did not open lose a part of their lock, those whose votes a later round reversed lose by how much. All are free.
    """
    jury: juries.Jury = benches.jury(case)
    facts: IDisputes.Case = trials.facts(case)
    times: uint256 = staticcall trials.parameters.word(0)
    if jury.phase == DRAWING:
        is_stale: bool = block.number > jury.anchor + ((times >> 128) & 4294967295)
        assert is_stale or not self._fits(facts.submission, times, 0), "disputes: may still be drawn"
        jury.failed = jury.round + 1
    else:
        assert jury.phase == RULED, "disputes: not ruled"
        assert block.timestamp >= jury.appeal_until, "disputes: may still be appealed"
    jury.phase = CONCLUDED
    benches.save(case, jury)
    trials.conclude(case, facts, jury)
    benches.dismiss(case, facts, jury, (times >> 192) & 4294967295)
    log IDisputes.CaseConcluded(
        case=case, is_ruled=jury.ruled != 0, rejected=facts.ruled_rejected, hung=facts.ruled_hung
    )


@external
@nonreentrant
def execute(submission: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]):
    """
    @notice Put what was ruled in the verdict's place; the submission can be settled at once. Anyone may, once all cases are
            concluded, the challenge window is over, and all votes were shown or the time to show them is over.
    """
    trials.execute(submission, rejected_bitmap, hung_bitmap)


@external
@nonreentrant
def collect(case: uint256):
    """
    @notice Share out a case's bonds, once the ruling is executed or the time to rule is over. Anyone may.
    """
    jury: juries.Jury = benches.at(case, CONCLUDED)
    jury.phase = COLLECTED
    benches.save(case, jury)
    accounts: DynArray[address, 23] = []
    for seat: uint256 in range(jury.size, bound=juries.SEATS):
        if (jury.opened >> seat) & 1 == 1:
            accounts.append(benches.account(case, seat))
    trials.collect(case, jury, accounts)


@view
@external
def target_block(case: uint256) -> uint256:
    """
    @notice The block after which the next jury may be drawn: the one whose hash draws, or the one in which a round was fixed.
    """
    delay: uint256 = (staticcall trials.parameters.word(0) >> 96) & 4294967295
    return targets.after_block(self._kept(benches.at(case, DRAWING)), delay)


@view
@external
def selected(submission: uint256) -> (bool, uint256):
    """
    @notice Whether the beacon picks a decided submission for an audit, at the rate of its contributor, and of which word.
    """
    return self._selected(submission)


@internal
def _open(
    submission: uint256,
    word: uint256,
    named: uint256,
    rejected_bitmap: Bytes[2048],
    hung_bitmap: Bytes[2048],
    challenger: address,
) -> uint256:
    facts: IDisputes.Case = trials.begin(submission, word, named, rejected_bitmap, hung_bitmap, challenger)
    if facts.mask == 0:
        return 0
    case: uint256 = trials.cases
    jury: juries.Jury = empty(juries.Jury)
    jury.phase = DRAWING
    jury.anchor = block.number
    benches.save(case, jury)
    bond: uint256 = 0
    if challenger != empty(address):
        bond = facts.bond
        trials.post(case, 1, bond, True)
    log IDisputes.CaseOpened(
        case=case, submission=submission, challenger=challenger, word=word, mask=facts.mask, bond=bond
    )
    return case


@view
@internal
def _fits(submission: uint256, times: uint256, before: uint256) -> bool:
    """
    @dev Whether a round that is drawn `before` seconds from now can end, and its ruling be executed, while Reviews holds.
    """
    reveal: uint256 = (times >> 32) & 4294967295
    return block.timestamp + before + (times & 4294967295) + 2 * reveal <= trials.trial(submission).until


@pure
@internal
def _kept(jury: juries.Jury) -> uint256:
    return jury.slot << 32 | jury.anchor


@view
@internal
def _selected(submission: uint256) -> (bool, uint256):
    times: uint256 = staticcall trials.parameters.word(0)
    counted: uint256 = staticcall trials.reviews.counted_block(submission)
    assert counted != 0, "disputes: too early"
    # The time of the count, which a hold has not changed.
    decided: uint256 = trials.trial(submission).challenge_until
    if decided == 0:
        decided = (staticcall trials.reviews.review(submission)).settle_after
    drawn: bytes32 = staticcall targets.beacon.value_after(
        counted, decided - ((times >> 64) & 4294967295), (times >> 96) & 4294967295
    )
    beacon: uint256 = convert(keccak256(abi_encode(drawn, self, submission)), uint256)
    case: IRequests.Case = staticcall trials.requests.case_of(submission)
    return beacon % BPS < case.audit_bps, (beacon >> 128) % case.records // 256


@view
@internal
def _parties(case: uint256, facts: IDisputes.Case) -> DynArray[address, 5]:
    parties: DynArray[address, 5] = trials.sides(facts.submission)
    for round: uint256 in range(1, 4):
        account: address = trials.bond(case, round).account
        if account != empty(address):
            parties.append(account)
    return parties
