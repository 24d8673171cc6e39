# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Trials
@license AGPL-3.0-only
@notice What the disputes of a submission have in common, and their money: how a verdict is held and replaced, what members lose
        whose votes were reversed, and who gets which part of the bonds.
"""

from ethereum.ercs import IERC20
from ..interfaces import ICommittees
from ..interfaces import IDisputes
from ..interfaces import IMarketToken
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IStakes
from . import bitmaps
from . import juries

BPS: constant(uint256) = 10_000
UNIT: constant(uint256) = 10**18
WORDS: constant(uint256) = 64

token: public(immutable(IMarketToken))
parameters: public(immutable(IParameters))
stakes: public(immutable(IStakes))
committees: public(immutable(ICommittees))
reviews: public(immutable(IReviews))
requests: public(immutable(IRequests))

deployer: immutable(address)
reversals: public(address)
cases: public(uint256)
_cases: HashMap[uint256, IDisputes.Case]
_bonds: HashMap[uint256, HashMap[uint256, IDisputes.Bond]]
_trials: HashMap[uint256, IDisputes.Trial]
# What was named, and what was ruled upon it: named, ruled, rejected, hung, by word.
_words: HashMap[uint256, HashMap[uint256, uint256[4]]]
owed: public(HashMap[address, uint256])
fund_left: public(uint256)


@deploy
def __init__(
    token_: address,
    parameters_: address,
    stakes_: address,
    committees_: address,
    reviews_: address,
    requests_: address,
):
    deployer = msg.sender
    token = IMarketToken(token_)
    parameters = IParameters(parameters_)
    stakes = IStakes(stakes_)
    committees = ICommittees(committees_)
    reviews = IReviews(reviews_)
    requests = IRequests(requests_)


@external
@nonreentrant
def fund(amount: uint256):
    """
    @notice Add to what jurors are paid from where no bond was lost. Anyone may; it does not come back.
    """
    assert amount > 0, "disputes: nothing to add"
    self.fund_left += amount
    self.pull(amount)
    log IDisputes.Funded(account=msg.sender, amount=amount)


@external
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Take all that the caller is owed.
    """
    amount: uint256 = self.owed[msg.sender]
    assert amount > 0, "disputes: nothing owed"
    self.owed[msg.sender] = 0
    log IDisputes.Withdrawn(account=msg.sender, amount=amount)
    assert extcall IERC20(token.address).transfer(msg.sender, amount), "disputes: transfer failed"
    return amount


@internal
def pull(amount: uint256):
    assert extcall IERC20(token.address).transferFrom(msg.sender, self, amount), "disputes: transfer failed"


@internal
def begin(
    submission: uint256,
    word: uint256,
    named: uint256,
    rejected_bitmap: Bytes[2048],
    hung_bitmap: Bytes[2048],
    challenger: address,
) -> IDisputes.Case:
    """
    @dev Hold the verdict if that is still to be done, and note what is disputed: of `named`, or for an audit of the whole word, all
         that is not yet. Where an audit finds all of its word disputed already it is noted, and there is no new case (mask 0).
    """
    verdict: IReviews.Review = staticcall reviews.review(submission)
    trial: IDisputes.Trial = self.trial(submission)
    if trial.until == 0:
        trial.challenge_until = verdict.settle_after
        extcall reviews.hold(submission)
        trial.until = (staticcall reviews.review(submission)).settle_after
    assert (
        block.timestamp < trial.challenge_until and not trial.is_executed
    ), "disputes: challenge window is over"
    assert keccak256(concat(rejected_bitmap, hung_bitmap)) == verdict.verdict, "disputes: not the verdict"
    facts: IRequests.Case = staticcall requests.case_of(submission)
    words: uint256 = (facts.records + 255) // 256
    assert word < words, "disputes: no such records"
    valid: uint256 = max_value(uint256)
    if word + 1 == words:
        valid = bitmaps.last_mask(facts.records)
    before: uint256 = self._words[submission][word][0]
    assert named & ~valid == 0, "disputes: no such records"
    mask: uint256 = named & ~before
    if challenger == empty(address):
        mask = valid & ~before
        trial.sample = word + 1
        if mask == 0:
            self._keep(submission, trial)
            return empty(IDisputes.Case)
    assert mask != 0, "disputes: disputed already"
    self._words[submission][word][0] = before | mask
    trial.open += 1
    self._keep(submission, trial)
    self.cases += 1
    case: IDisputes.Case = empty(IDisputes.Case)
    case.submission = submission
    case.word = word
    case.mask = mask
    case.rejected = extract32(rejected_bitmap, 32 * word, output_type=uint256) & mask
    case.hung = extract32(hung_bitmap, 32 * word, output_type=uint256) & mask
    case.ruled_rejected = case.rejected
    case.ruled_hung = case.hung
    case.challenger = challenger
    case.lock = (staticcall committees.committee(submission)).lock
    numbers: uint256 = staticcall parameters.word(3)
    value: uint256 = facts.value_stake * bitmaps.ones(mask) // facts.records
    case.bond = ((numbers >> 96) & 4294967295) * UNIT + value * ((numbers >> 128) & 4294967295) // BPS
    # A quarter of the bond pays a jury; twice the bond pays the larger one of an appeal.
    case.fee = case.bond // (4 * (numbers & 4294967295))
    self._cases[self.cases] = case
    return case


@view
@external
def case_of(case: uint256) -> IDisputes.Case:
    """
    @notice What a case is about, and what is ruled upon it so far.
    """
    return self.facts(case)


@view
@external
def trial_of(submission: uint256) -> IDisputes.Trial:
    """
    @notice The state of a submission's disputes.
    """
    return self.trial(submission)


@view
@external
def bond_of(case: uint256, round: uint256) -> IDisputes.Bond:
    """
    @notice The bond that was posted for a round of a case; all zero if there is none.
    """
    return self.bond(case, round)


@view
@internal
def facts(case: uint256) -> IDisputes.Case:
    return self._cases[case]


@view
@internal
def trial(submission: uint256) -> IDisputes.Trial:
    return self._trials[submission]


@view
@internal
def bond(case: uint256, round: uint256) -> IDisputes.Bond:
    return self._bonds[case][round]


@internal
def _keep(submission: uint256, trial: IDisputes.Trial):
    self._trials[submission] = trial


@internal
def post(case: uint256, round: uint256, amount: uint256, is_for_challenge: bool):
    """
    @dev Take the caller's bond for a round.
    """
    self._bonds[case][round] = IDisputes.Bond(
        account=msg.sender, amount=amount, is_for_challenge=is_for_challenge
    )
    self.pull(amount)


@internal
def rule(case: uint256, rejected: uint256, hung: uint256):
    self._cases[case].ruled_rejected = rejected
    self._cases[case].ruled_hung = hung


@view
@internal
def overturned(case: uint256) -> bool:
    facts: IDisputes.Case = self.facts(case)
    return juries.is_overturned(
        facts.mask, facts.rejected, facts.hung, facts.ruled_rejected, facts.ruled_hung
    )


@internal
def conclude(case: uint256, facts: IDisputes.Case, jury: juries.Jury):
    """
    @dev Note what was ruled. A case without a ruling leaves the verdict as it is.
    """
    trial: IDisputes.Trial = self.trial(facts.submission)
    trial.open -= 1
    trial.concluded_at = block.timestamp
    if jury.ruled != 0:
        trial.touched |= 1 << facts.word
        entry: uint256[4] = self._words[facts.submission][facts.word]
        entry[1] |= facts.mask
        entry[2] |= facts.ruled_rejected
        entry[3] |= facts.ruled_hung
        self._words[facts.submission][facts.word] = entry
        if self.overturned(case) and jury.is_faultless == 0:
            trial.weight += juries.changed(
                facts.mask, facts.rejected, facts.hung, facts.ruled_rejected, facts.ruled_hung
            )
    self._keep(facts.submission, trial)


@external
def wire(reversals_: address):
    """
    @notice Name the contract that slashes members whose votes were reversed. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "disputes: not the deployer"
    assert self.reversals == empty(address), "disputes: already wired"
    assert reversals_ != empty(address), "disputes: no reversals"
    self.reversals = reversals_


@external
def note(submission: uint256, round: uint256, gained: uint256):
    """
    @notice Take note that the votes of a round were shown, and of what its members left here. Reversals only.
    """
    assert msg.sender == self.reversals, "disputes: not reversals"
    trial: IDisputes.Trial = self._concluded(submission, self._reveal_seconds() // 2)
    assert block.timestamp >= trial.challenge_until, "disputes: more may be challenged"
    assert (trial.shown >> round) & 1 == 0, "disputes: shown already"
    trial.shown |= 1 << round
    # Locks are computed so that a fraud that is audited loses all of them: who challenges himself gets none of it back.
    if trial.weight == 0 or trial.sample != 0:
        self.fund_left += gained
    else:
        trial.pot += gained
    self._keep(submission, trial)


@view
@external
def ruled_words(submission: uint256, word: uint256) -> uint256[4]:
    """
    @notice Of 256 records: which are disputed, which are ruled upon, and of those which are rejected and hung.
    """
    return self._words[submission][word]


@internal
def execute(submission: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]):
    reveal: uint256 = self._reveal_seconds()
    trial: IDisputes.Trial = self._concluded(submission, reveal // 4)
    verdict: IReviews.Review = staticcall reviews.review(submission)
    assert keccak256(concat(rejected_bitmap, hung_bitmap)) == verdict.verdict, "disputes: not the verdict"
    # All rounds of the review, as bits 1 and 2.
    rounds: uint256 = (2 << verdict.round) - 2
    ready: uint256 = trial.challenge_until
    if trial.shown != rounds:
        ready = max(ready, trial.concluded_at) + reveal
    assert block.timestamp >= min(ready, trial.until - reveal // 2), "disputes: too early to execute"
    trial.is_executed = True
    self._keep(submission, trial)
    rejected: uint256[WORDS] = empty(uint256[WORDS])
    hung: uint256[WORDS] = empty(uint256[WORDS])
    words: uint256 = len(rejected_bitmap) // 32
    for w: uint256 in range(words, bound=WORDS):
        rejected[w] = extract32(rejected_bitmap, 32 * w, output_type=uint256)
        hung[w] = extract32(hung_bitmap, 32 * w, output_type=uint256)
        if (trial.touched >> w) & 1 == 1:
            entry: uint256[4] = self._words[submission][w]
            rejected[w] = (rejected[w] & ~entry[1]) | entry[2]
            hung[w] = (hung[w] & ~entry[1]) | entry[3]
    extcall reviews.rule(
        submission, slice(abi_encode(rejected), 0, 32 * words), slice(abi_encode(hung), 0, 32 * words)
    )
    log IDisputes.SubmissionRuled(submission=submission)


@internal
def collect(case: uint256, jury: juries.Jury, jurors: DynArray[address, 23]):
    """
    @dev Half of the lost bonds (rounded up) is burned. The other half and the case's share of the pot pay the jurors, as far as it
         goes and then from the fund; what is left goes to the winners by their bonds, or where the defence posted none to the party
         that the challenge was against; that of an audit to the fund.
    """
    facts: IDisputes.Case = self.facts(case)
    trial: IDisputes.Trial = self.trial(facts.submission)
    assert trial.is_executed or block.timestamp >= trial.until, "disputes: not executed yet"
    is_judged: bool = jury.ruled != 0 and jury.is_faultless == 0
    is_won: bool = is_judged and self.overturned(case)
    kept: uint256 = 0
    if is_won:
        weight: uint256 = juries.changed(
            facts.mask, facts.rejected, facts.hung, facts.ruled_rejected, facts.ruled_hung
        )
        kept = trial.pot * weight // trial.weight
        self._trials[facts.submission].pot -= kept
        self._trials[facts.submission].weight -= weight
    lost: uint256 = 0
    returned: uint256 = 0
    won_with: uint256 = 0
    for round: uint256 in range(1, 4):
        bond: IDisputes.Bond = self.bond(case, round)
        if bond.amount == 0:
            continue
        if is_judged and round != jury.failed and bond.is_for_challenge != is_won:
            lost += bond.amount
        else:
            returned += bond.amount
            self.owed[bond.account] += bond.amount
            if is_judged and bond.is_for_challenge == is_won:
                won_with += bond.amount
    burned: uint256 = lost - lost // 2
    kept += lost // 2
    paid: uint256 = self._pay_jurors(facts.fee, kept, jurors)
    rest: uint256 = kept - min(kept, paid)
    self._pay_winners(case, rest, won_with, is_won, is_judged)
    if burned != 0:
        extcall token.burn(burned)
    log IDisputes.CaseCollected(
        case=case, burned=burned, paid_to_jurors=paid, paid_to_winners=rest, returned=returned
    )


@internal
def _pay_jurors(fee: uint256, kept: uint256, jurors: DynArray[address, 23]) -> uint256:
    if len(jurors) == 0:
        return 0
    each: uint256 = min(fee, (kept + self.fund_left) // len(jurors))
    for account: address in jurors:
        self.owed[account] += each
    paid: uint256 = each * len(jurors)
    if paid > kept:
        self.fund_left -= paid - kept
    return paid


@internal
def _pay_winners(case: uint256, rest: uint256, won_with: uint256, is_won: bool, is_judged: bool):
    facts: IDisputes.Case = self.facts(case)
    if won_with != 0:
        left: uint256 = rest
        among: uint256 = won_with
        for round: uint256 in range(1, 4):
            bond: IDisputes.Bond = self.bond(case, round)
            if bond.amount != 0 and bond.is_for_challenge == is_won:
                share: uint256 = left * bond.amount // among
                left -= share
                among -= bond.amount
                self.owed[bond.account] += share
    elif is_judged and not is_won and facts.challenger != empty(address):
        sides: DynArray[address, 5] = self.sides(facts.submission)
        if facts.challenger == sides[1]:
            self.owed[sides[0]] += rest
        else:
            self.owed[sides[1]] += rest
    else:
        self.fund_left += rest


@view
@internal
def sides(submission: uint256) -> DynArray[address, 5]:
    """
    @dev The buyer and the contributor.
    """
    facts: IRequests.Case = staticcall requests.case_of(submission)
    return [facts.buyer, facts.contributor]


@view
@internal
def _concluded(submission: uint256, spare: uint256) -> IDisputes.Trial:
    """
    @dev A trial whose cases are all concluded, or whose hold ends in `spare` seconds: a flood of shams, each of which somebody has to
         bring to its end, must not keep what was ruled from its effect.
    """
    trial: IDisputes.Trial = self.trial(submission)
    is_late: bool = block.timestamp + spare >= trial.until
    assert trial.until != 0 and (trial.open == 0 or is_late), "disputes: cases are open"
    assert not trial.is_executed, "disputes: executed already"
    assert block.timestamp < trial.until, "disputes: the time to rule is over"
    return trial


@view
@internal
def _reveal_seconds() -> uint256:
    return (staticcall parameters.word(0) >> 32) & 4294967295
