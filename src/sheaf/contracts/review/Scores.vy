# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Scores
@license AGPL-3.0-only
@notice What validators are worth where nobody knows the answer, and whether they look where somebody does. Anyone shows the votes
        of round 1 again, which Reviews has kept the hash of:
        `score` counts the correlated agreement of each member with the others, and keeps a moving average (weight 1/20) of it
        and of what was to be expected; from both comes the share of the fee that Requests pays: 70 % for any review, the rest
        in proportion. Where it is told which records had a known answer, it runs the sequential test of every seat, and takes
        them out of what the contributor is paid and forfeits. Who fails the test is jailed; the slash waits for
        `ruling_seconds`, in which an arbiter may void the gold.

        Gold is bound before anyone votes, by a commitment in the submission, and counts only with the signature of the
        request's keeper over that commitment, the root and the submission: a contributor cannot invent it, a keeper cannot move
        it, and nobody else can show it for another submission of the same records.
@custom:stop Nothing here can be stopped, and nothing waits for it: a batch that is not scored settles as it stands.
"""

from ..interfaces import IDisputes
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IScores
from ..interfaces import IStakes
from ..modules import bitmaps
from ..modules import juries
from ..modules.ratings import agreement
from ..modules.ratings import sequential_test
from ..modules.ratings import standings
from ..modules import seals

implements: IScores


# A court as Disputes is one.
interface Court:
    def jury_of(case: uint256) -> uint256: view
    def case_of(case: uint256) -> IDisputes.Case: view


SCORED: constant(uint256) = 1
TESTED: constant(uint256) = 2
VOID: constant(uint256) = 4
DECIDED: constant(uint256) = 3
HELD: constant(uint256) = 4
CLOSED: constant(uint256) = 5
# Of a case in a court.
CONCLUDED: constant(uint256) = 4

SEATS: constant(uint256) = 12
BPS: constant(uint256) = 10_000

STATES: constant(uint256) = 6
STATE_BITS: constant(uint256) = 42
STATE: constant(uint256) = 2**42 - 1

# Words and places of Parameters.
CHALLENGE_SECONDS: constant(uint256) = 64
RULING_SECONDS: constant(uint256) = 224
JAIL_SECONDS: constant(uint256) = 160
JAIL_SLASH_BPS: constant(uint256) = 192
SKILL_BPS: constant(uint256) = 224

WORD: constant(uint256) = 2**64 - 1
LONG: constant(uint256) = 2**32 - 1
SHORT: constant(uint256) = 2**16 - 1

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
GOLD_TYPEHASH: constant(bytes32) = keccak256(
    "Gold(uint256 submission,address contributor,bytes32 root,bytes32 commitment)"
)

deployer: immutable(address)
parameters: public(immutable(IParameters))
reviews: public(immutable(IReviews))
stakes: public(immutable(IStakes))

requests: public(IRequests)
_standings: HashMap[address, uint256]
# For each submission 42 bits, six to a word: marks 4 | gold approved 9 | gold rejected 9 | the highest 20 bits of the hash of the
# verdict that the gold was counted for.
_states: HashMap[uint256, uint256]
_keepers: HashMap[uint256, address]
# Due at 64 | submission 64, twice: where gold of a second submission jails while the first sentence waits, it is the next.
_sentences: HashMap[address, uint256]


@deploy
def __init__(parameters_: address, reviews_: address, stakes_: address):
    """
    @notice The deployer names Requests once, by `wire`, and has no rights after that.
    """
    deployer = msg.sender
    parameters = IParameters(parameters_)
    reviews = IReviews(reviews_)
    stakes = IStakes(stakes_)


@external
def wire(requests_: address):
    """
    @notice Name the contract of the submissions. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "scores: not the deployer"
    assert self.requests.address == empty(address), "scores: already wired"
    assert requests_ != empty(address), "scores: no requests"
    self.requests = IRequests(requests_)


@external
def name_keeper(request: uint256, keeper_: address):
    """
    @notice Name who vouches for the gold of a request in the buyer's place. Buyer only, once.
    """
    found: IRequests.Request = staticcall self.requests.request(request)
    assert msg.sender == found.buyer, "scores: not the buyer"
    assert self._keepers[request] == empty(address), "scores: keeper is named"
    assert keeper_ != empty(address), "scores: no keeper"
    self._keepers[request] = keeper_
    log IScores.KeeperNamed(request=request, keeper=keeper_)


@external
def score(
    submission: uint256,
    seats_mask: uint256,
    accounts: DynArray[address, SEATS],
    all_bitmaps: Bytes[24576],
    gold: Bytes[4096],
    verdict: Bytes[4096],
    offer: IScores.Offer,
    signature: Bytes[65],
    opening: IScores.Opening,
):
    """
    @notice Rate those who opened in round 1, once the verdict stands: count their agreement (once), and, if gold is shown before the
            settlement, test them on it (once) and take it out of what is paid. Anyone may. Gold may be shown again if the
            verdict was ruled upon since. It tests nobody when less than half of the challenge window is left, since nobody could
            bring it before a court any more (but on test networks), and it may be shown while a court holds the verdict.
    @param seats_mask What the tally of round 1 was shown: the seats that opened, their accounts and bitmaps, in seat order.
    @param gold Two bitmaps, one after the other: the records whose answer is known, and those of them that had to be rejected.
           Empty where no gold is shown; then the rest does not matter.
    @param verdict The verdict's bitmaps, rejected ‖ hung, as Tallied or Ruled gave them.
    @param offer What the contributor committed to beside the gold.
    @param signature The keeper's, r ‖ s ‖ v over the typed data Gold(submission, contributor, root, commitment) of this contract.
    @param opening Where round 1 is not counted yet, what counts it first; without salts it has been counted.
    """
    is_counted: bool = len(opening.salts) == 0
    if not is_counted:
        # Without anything carried over this counts round 1, or nothing. An ordinary call would send the most that the arguments can
        # hold, and pay for the memory.
        raw_call(
            reviews.address,
            abi_encode(
                submission,
                seats_mask,
                accounts,
                opening.salts,
                all_bitmaps,
                opening.order,
                opening.joint,
                empty(DynArray[uint256, 1]),
                method_id=method_id(
                    "tally(uint256,uint256,address[],bytes32[],bytes,uint256,bytes32[],uint256[])"
                ),
            ),
        )
    state: uint256 = self._state(submission)
    review: IReviews.Review = staticcall reviews.review(submission)
    records: uint256 = staticcall self.requests.records_of(submission)
    count: uint256 = len(accounts)
    size: uint256 = 32 * ((records + 255) // 256)
    todo: uint256 = SCORED & ~state
    if len(gold) == 0:
        assert todo != 0, "scores: already scored"
        assert review.phase == DECIDED or review.phase == CLOSED, "scores: not decided"
    else:
        assert state & VOID == 0, "scores: gold is void"
        is_contestable: bool = self._is_contestable(submission, review)
        assert state >> 22 != self._tag(review.verdict), "scores: gold is counted"
        assert keccak256(verdict) == review.verdict, "scores: not the verdict"
        assert len(gold) == 2 * size, "scores: wrong length"
        found: uint256 = sequential_test.count_gold(gold, verdict, size, records)
        commitment: bytes32 = keccak256(
            abi_encode(keccak256(slice(gold, 0, size)), keccak256(slice(gold, size, size)), offer.salt)
        )
        self._check_offer(submission, offer, commitment, signature)
        state = (state & 15) | (found << 4) | (self._tag(review.verdict) << 22)
        if is_contestable:
            todo |= TESTED & ~state
        log IScores.GoldOpened(submission=submission, approved=found & 511, rejected=found >> 9, gold=gold)
    self._keep(submission, state | todo)

    assert count != 0, "scores: nobody opened"
    if is_counted:
        assert len(all_bitmaps) == size * count, "scores: not what the tally was shown"
        hashes: DynArray[bytes32, SEATS] = []
        for i: uint256 in range(count, bound=SEATS):
            hashes.append(keccak256(slice(all_bitmaps, unsafe_mul(size, i), size)))
        left: bytes32 = staticcall reviews.openings(submission, 1)
        assert seals.shown(seats_mask, accounts, hashes) == left, "scores: not what the tally was shown"
    if todo == 0:
        # A ruling's verdict: only the settlement's count of gold is new.
        return

    before: uint256[SEATS] = empty(uint256[SEATS])
    tests: uint256[SEATS] = empty(uint256[SEATS])
    for i: uint256 in range(count, bound=SEATS):
        packed: uint256 = self._standings[accounts[i]]
        before[i] = packed
        tests[i] = sequential_test.begun(packed >> 128)
    sums: uint256[SEATS] = empty(uint256[SEATS])
    rank: uint256 = 0
    for w: uint256 in range(unsafe_div(size, 32), bound=64):
        votes: uint256[SEATS] = empty(uint256[SEATS])
        place: uint256 = unsafe_mul(32, w)
        for i: uint256 in range(count, bound=SEATS):
            votes[i] = extract32(all_bitmaps, place, output_type=uint256)
            place = unsafe_add(place, size)
        if todo & SCORED != 0:
            sums = agreement.counted(votes, count, sums)
        if todo & TESTED != 0:
            place = unsafe_mul(32, w)
            mask: uint256 = extract32(gold, place, output_type=uint256)
            if mask != 0:
                wrong: uint256 = extract32(gold, unsafe_add(place, size), output_type=uint256)
                for i: uint256 in range(count, bound=SEATS):
                    missed: uint256 = (votes[i] ^ wrong) & mask
                    if missed != 0:
                        tests[i] = sequential_test.tested(tests[i], mask, missed, rank)
                rank = unsafe_add(rank, bitmaps.ones(mask))
    expected: uint256 = 0
    agreed: int256[SEATS] = empty(int256[SEATS])
    if todo & SCORED != 0:
        expected = agreement.reference(records, review.rejected, self._parameter(3, SKILL_BPS))
        agreed = agreement.scores(sums, count, records)
        log IScores.Scored(submission=submission, reference=expected)
    for i: uint256 in range(count, bound=SEATS):
        packed: uint256 = before[i]
        if todo & SCORED != 0:
            packed = standings.averaged(packed, agreed[i], expected)
        if todo & TESTED != 0:
            level: uint256 = 0
            hits: uint256 = 0
            misses: uint256 = 0
            level, hits, misses = sequential_test.ended(tests[i], rank)
            if level >= sequential_test.JAIL:
                level = sequential_test.START
                packed = standings.jailed(packed)
                self._jail(submission, accounts[i])
            packed = standings.tested(packed, unsafe_sub(level, sequential_test.START), hits, misses)
        self._standings[accounts[i]] = packed


@external
def void_gold(submission: uint256, accounts: DynArray[address, 12], case: uint256):
    """
    @notice Let the gold of a submission count for nothing: not in the settlement, not in a slash that still waits; of `accounts` those
            whom it jailed are free again. The arbiter of Reviews; or anyone, where that is a court and has concluded that nobody
            was at fault in `case` about this submission.
    @dev Where the arbiter itself voids, the test of those it had brought nearer to jail begins anew.
    """
    arbiter: address = staticcall reviews.arbiter()
    if msg.sender != arbiter:
        assert arbiter.is_contract, "scores: not the arbiter"
        jury: juries.Jury = juries.unpack(staticcall Court(arbiter).jury_of(case))
        disputed: IDisputes.Case = staticcall Court(arbiter).case_of(case)
        is_ruled: bool = jury.phase >= CONCLUDED and jury.is_faultless == 1
        assert is_ruled and disputed.submission == submission, "scores: no ruling that nobody was at fault"
    self._keep(submission, self._state(submission) & 15 | VOID)
    for account: address in accounts:
        packed: uint256 = self._standings[account]
        # The sign of the test, in two's complement: what is above 0 begins anew.
        if msg.sender == arbiter and (packed >> 159) & 1 == 0:
            self._standings[account] = packed & ~(LONG << 128)
        sentence: uint256 = self._sentences[account]
        if sentence == 0:
            continue
        if (sentence >> 64) & WORD == submission:
            sentence = sentence >> 128
        elif sentence >> 192 == submission:
            sentence &= 2**128 - 1
        else:
            continue
        self._sentences[account] = sentence
        id: uint256 = staticcall stakes.id_of(account)
        # Whom other gold has jailed too stays there.
        if sentence == 0 and staticcall stakes.jailed_until(id) != 0:
            extcall stakes.free(id)
    log IScores.GoldVoided(submission=submission)


@external
def execute(account: address) -> uint256:
    """
    @notice Burn `jail_slash_bps` of what a jailed validator holds, once the time to void the gold is over. Anyone may.
    @return What was burned.
    """
    sentence: uint256 = self._sentences[account]
    assert sentence != 0, "scores: no sentence"
    assert block.timestamp >= sentence & WORD, "scores: sentence is not due"
    self._sentences[account] = 0
    id: uint256 = staticcall stakes.id_of(account)
    position: IStakes.Position = staticcall stakes.position(id)
    amount: uint256 = position.amount * self._parameter(3, JAIL_SLASH_BPS) // BPS
    slashed: uint256 = extcall stakes.slash(id, amount, empty(address))
    log IScores.SentenceExecuted(account=account, slashed=slashed)
    return slashed


@view
@external
def terms(submission: uint256, accounts: DynArray[address, 23]) -> IScores.Terms:
    """
    @notice What the settlement needs to know. Gold that was counted for another verdict than the one that stands counts for nothing.
    """
    state: uint256 = self._state(submission)
    gold: uint256 = (state >> 4) & (2**18 - 1)
    if gold != 0 and state >> 22 != self._tag(staticcall reviews.digest(submission)):
        gold = 0
    return IScores.Terms(gold_approved=gold & 511, gold_rejected=gold >> 9, factors=self._factors(accounts))


@view
@external
def factors(accounts: DynArray[address, 23]) -> DynArray[uint256, 23]:
    """
    @notice The share of its fee that each account earns now, in bps: all of it where there was nothing yet to tell apart.
    """
    return self._factors(accounts)


@view
@external
def standing(account: address) -> IScores.Standing:
    """
    @notice What is known of a validator.
    """
    return standings.unpacked(self._standings[account])


@view
@external
def sentence(account: address) -> IScores.Sentence:
    """
    @notice The slash that waits for an account.
    """
    sentence: uint256 = self._sentences[account]
    return IScores.Sentence(due_at=sentence & WORD, submission=(sentence >> 64) & WORD)


@view
@external
def keeper(request: uint256) -> address:
    """
    @notice Who vouches for the gold of a request: the buyer, if nobody was named.
    """
    named: address = self._keepers[request]
    if named != empty(address):
        return named
    found: IRequests.Request = staticcall self.requests.request(request)
    return found.buyer


@view
@external
def marks(submission: uint256) -> uint256:
    """
    @notice What was done for a submission: 1 scored, 2 gold tested, 4 gold void; or sums of them.
    """
    return self._state(submission) & 7


@internal
def _jail(submission: uint256, account: address):
    id: uint256 = staticcall stakes.id_of(account)
    if id == 0:
        # It has left, and another has its place.
        return
    # Nobody is free, to withdraw, until there was a challenge window's time to execute the sentence.
    due_at: uint256 = block.timestamp + self._parameter(0, RULING_SECONDS)
    least: uint256 = due_at + self._parameter(0, CHALLENGE_SECONDS)
    until: uint256 = max(block.timestamp + self._parameter(3, JAIL_SECONDS), least)
    extcall stakes.jail(id, until)
    waiting: uint256 = self._sentences[account]
    if waiting >> 128 == 0:
        made: uint256 = due_at | (submission << 64)
        if waiting != 0:
            made = waiting | (made << 128)
        self._sentences[account] = made
    log IScores.Jailed(
        account=account, submission=submission, until=until, slash_from=self._sentences[account] & WORD
    )


@internal
def _keep(submission: uint256, state: uint256):
    place: uint256 = STATE_BITS * (submission % STATES)
    word: uint256 = self._states[submission // STATES]
    self._states[submission // STATES] = (word & ~(STATE << place)) | (state << place)


@view
@internal
def _state(submission: uint256) -> uint256:
    return (self._states[submission // STATES] >> (STATE_BITS * (submission % STATES))) & STATE


@pure
@internal
def _tag(verdict: bytes32) -> uint256:
    return convert(verdict, uint256) >> 236


@view
@internal
def _is_contestable(submission: uint256, review: IReviews.Review) -> bool:
    """
    @dev Whether there is time to challenge the verdict, so that a jury can say that its gold is at fault. Reverts where no gold may be
         shown.
    """
    until: uint256 = review.settle_after
    if review.phase == HELD:
        arbiter: address = staticcall reviews.arbiter()
        assert arbiter.is_contract, "scores: not decided"
        until = (staticcall IDisputes(arbiter).trial_of(submission)).challenge_until
    else:
        assert review.phase == DECIDED, "scores: not decided"
    window: uint256 = self._parameter(0, CHALLENGE_SECONDS)
    return block.timestamp + window // 2 <= until or staticcall parameters.is_test()


@internal
def _check_offer(submission: uint256, offer: IScores.Offer, commitment: bytes32, signature: Bytes[65]):
    """
    @dev The contributor committed to this gold when it submitted, and the request's keeper signed it for this submission: a second
         one of the same records is rejected as a whole, and its gold would test the honest on the wrong answers.
    """
    made: IRequests.Submission = staticcall self.requests.submission(submission)
    assert made.commitment == keccak256(
        abi_encode(offer.root, offer.cid_hash, offer.key_commitment, offer.custodian, commitment)
    ), "scores: not the gold that was committed to"
    keeper: address = self._keepers[made.request]
    if keeper == empty(address):
        case: IRequests.Case = staticcall self.requests.case_of(submission)
        keeper = case.buyer
    message: bytes32 = keccak256(
        abi_encode(GOLD_TYPEHASH, submission, made.contributor, offer.root, commitment)
    )
    self._check_signature(keeper, message, signature)


@view
@internal
def _factors(accounts: DynArray[address, 23]) -> DynArray[uint256, 23]:
    found: DynArray[uint256, 23] = []
    for account: address in accounts:
        found.append(standings.factor_bps(self._standings[account]))
    return found


@view
@internal
def _check_signature(keeper: address, message: bytes32, signature: Bytes[65]):
    assert len(signature) == 65, "scores: malformed signature"
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Sheaf Scores"), keccak256("1"), chain.id, self)
    )
    signer: address = ecrecover(
        keccak256(concat(x"1901", domain, message)),
        convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0, output_type=uint256),
        extract32(signature, 32, output_type=uint256),
    )
    assert signer != empty(address), "scores: malformed signature"
    assert signer == keeper, "scores: not the keeper's signature"


@view
@internal
def _parameter(word: uint256, place: uint256) -> uint256:
    return ((staticcall parameters.word(word)) >> place) & LONG
