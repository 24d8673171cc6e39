# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Scores
@license AGPL-3.0-only
@notice What validators are worth where nobody knows the answer, and whether they look where somebody does. Anyone shows the votes
        of round 1 again, which Reviews has kept the hash of:
        `score` counts the correlated agreement of each member with the others, and keeps a moving average (weight 1/20) of it
        and of what was to be expected; from both comes the share of the fee that Requests pays: 70 % for any review, the rest
        in proportion. `open_gold` shows which records had a known answer, runs the sequential test of every seat, and takes
        them out of what the contributor is paid and forfeits. Who fails the test is jailed; the slash waits for
        `ruling_seconds`, in which an arbiter may void the gold.

        Gold is bound before anyone votes, by a commitment in the submission, and counts only with the signature of the
        request's keeper over that commitment and the root: a contributor cannot invent it, and a keeper cannot move it.
@custom:stop Nothing here can be stopped, and nothing waits for it: a batch that is not scored settles as it stands.
"""

from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IScores
from ..interfaces import IStakes
from ..modules import agreement
from ..modules import bitmaps
from ..modules import seals

implements: IScores

SCORED: constant(uint256) = 1
TESTED: constant(uint256) = 2
VOID: constant(uint256) = 4
DECIDED: constant(uint256) = 3
CLOSED: constant(uint256) = 5

BPS: constant(uint256) = 10_000
LEAST_BPS: constant(uint256) = 7_000
EARNED_BPS: constant(uint256) = 3_000
BATCHES: constant(uint256) = 20
# Gold records that a batch may have: they bound the work of testing them.
GOLD_LIMIT: constant(uint256) = 256

# Words and places of Parameters.
RULING_SECONDS: constant(uint256) = 224
JAIL_SECONDS: constant(uint256) = 160
JAIL_SLASH_BPS: constant(uint256) = 192
SKILL_BPS: constant(uint256) = 224

# A standing is one word: agreement 64 (two's complement) | reference 64 | test 32 (less its start) | batches 16 | hits 32 |
# misses 32 | jails 16.
WORD: constant(uint256) = 2**64 - 1
LONG: constant(uint256) = 2**32 - 1
SHORT: constant(uint256) = 2**16 - 1

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
GOLD_TYPEHASH: constant(bytes32) = keccak256(
    "Gold(uint256 request,address contributor,bytes32 root,bytes32 commitment)"
)

deployer: immutable(address)
parameters: public(immutable(IParameters))
reviews: public(immutable(IReviews))
stakes: public(immutable(IStakes))

requests: public(IRequests)
_standings: HashMap[address, uint256]
# Four bits for each submission, 64 to a word.
_marks: HashMap[uint256, uint256]
# Gold approved 16 | gold rejected 16 | the highest 224 bits of the hash of the verdict that they were counted for.
_gold: HashMap[uint256, uint256]
_keepers: HashMap[uint256, address]
# Due at 64 | submission 64.
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
def score(submission: uint256, votes: IScores.Votes):
    """
    @notice Count the agreement of those who opened in round 1, once the verdict stands. Anyone may, once.
    @param votes What the tally of round 1 was shown.
    """
    marks: uint256 = self._marks_of(submission)
    assert marks & SCORED == 0, "scores: already scored"
    review: IReviews.Review = staticcall reviews.review(submission)
    assert review.phase == DECIDED or review.phase == CLOSED, "scores: not decided"
    self._check_votes(submission, votes)
    self._mark(submission, SCORED)
    self._score(submission, votes, review.rejected)


@external
def open_gold(
    submission: uint256,
    votes: IScores.Votes,
    gold: IScores.Gold,
    rejected: Bytes[2048],
    hung: Bytes[2048],
):
    """
    @notice Show the gold of a decided submission: test all seats of round 1 (once), and count it for the settlement. Anyone may,
            before it is settled; again if the verdict was ruled upon since. Counts the agreement too, if that is still to be done.
    @param rejected The verdict's bitmaps, as Tallied or Ruled gave them.
    """
    marks: uint256 = self._marks_of(submission)
    assert marks & VOID == 0, "scores: gold is void"
    review: IReviews.Review = staticcall reviews.review(submission)
    assert review.phase == DECIDED, "scores: not decided"
    assert keccak256(concat(rejected, hung)) == review.verdict, "scores: not the verdict"
    assert self._gold[submission] >> 32 != convert(review.verdict, uint256) >> 32, "scores: gold is counted"
    records: uint256 = staticcall self.requests.records_of(submission)
    self._check_gold(submission, gold, records)
    self._check_votes(submission, votes)
    self._count_gold(submission, gold, rejected, hung, review.verdict)
    self._mark(submission, SCORED | TESTED)
    if marks & TESTED == 0:
        self._test(submission, votes, gold)
    if marks & SCORED == 0:
        self._score(submission, votes, review.rejected)


@external
def void_gold(submission: uint256, accounts: DynArray[address, 12]):
    """
    @notice Let the gold of a submission count for nothing: not in the settlement, not in a slash that still waits; of `accounts` those
            whom it jailed are free again, and the test of the others is no worse than new. The arbiter of Reviews only.
    """
    assert msg.sender == staticcall reviews.arbiter(), "scores: not the arbiter"
    self._mark(submission, VOID)
    self._gold[submission] = 0
    for account: address in accounts:
        standing: IScores.Standing = self._standing(account)
        if standing.llr > 0:
            standing.llr = 0
            self._save(account, standing)
        sentence: uint256 = self._sentences[account]
        if sentence != 0 and sentence >> 64 == submission:
            self._sentences[account] = 0
            id: uint256 = staticcall stakes.id_of(account)
            if staticcall stakes.jailed_until(id) != 0:
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
    gold: uint256 = self._gold[submission]
    if gold != 0 and gold >> 32 != convert(staticcall reviews.digest(submission), uint256) >> 32:
        gold = 0
    return IScores.Terms(
        gold_approved=gold & SHORT, gold_rejected=(gold >> 16) & SHORT, factors=self._factors(accounts)
    )


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
    return self._standing(account)


@view
@external
def sentence(account: address) -> IScores.Sentence:
    """
    @notice The slash that waits for an account.
    """
    sentence: uint256 = self._sentences[account]
    return IScores.Sentence(due_at=sentence & WORD, submission=sentence >> 64)


@view
@external
def keeper(request: uint256) -> address:
    """
    @notice Who vouches for the gold of a request: the buyer, if nobody was named.
    """
    return self._keeper(request)


@view
@external
def marks(submission: uint256) -> uint256:
    """
    @notice What was done for a submission: 1 scored, 2 gold tested, 4 gold void; or sums of them.
    """
    return self._marks_of(submission)


@internal
def _score(submission: uint256, votes: IScores.Votes, rejected: uint256):
    records: uint256 = staticcall self.requests.records_of(submission)
    expected: uint256 = agreement.reference(records, rejected, self._parameter(3, SKILL_BPS))
    found: DynArray[int256, 12] = agreement.scores(votes.bitmaps, len(votes.accounts), records)
    weight: int256 = convert(BATCHES, int256)
    i: uint256 = 0
    for account: address in votes.accounts:
        standing: IScores.Standing = self._standing(account)
        standing.agreement = (standing.agreement * (weight - 1) + found[i]) // weight
        standing.reference = (standing.reference * (BATCHES - 1) + expected) // BATCHES
        standing.batches = min(standing.batches + 1, SHORT)
        self._save(account, standing)
        i += 1
    log IScores.Scored(submission=submission, reference=expected, agreements=found)


@internal
def _test(submission: uint256, votes: IScores.Votes, gold: IScores.Gold):
    i: uint256 = 0
    for account: address in votes.accounts:
        standing: IScores.Standing = self._standing(account)
        level: uint256 = convert(standing.llr + convert(agreement.START, int256), uint256)
        hits: uint256 = 0
        misses: uint256 = 0
        level, hits, misses = agreement.tested(level, gold.positions, gold.wrong, votes.bitmaps, i)
        standing.hits = min(standing.hits + hits, LONG)
        standing.misses = min(standing.misses + misses, LONG)
        if level >= agreement.JAIL:
            level = agreement.START
            standing.jails = min(standing.jails + 1, SHORT)
            self._jail(submission, account)
        standing.llr = convert(level, int256) - convert(agreement.START, int256)
        self._save(account, standing)
        i += 1


@internal
def _jail(submission: uint256, account: address):
    id: uint256 = staticcall stakes.id_of(account)
    if id == 0:
        # It has left, and another has its place.
        return
    until: uint256 = block.timestamp + self._parameter(3, JAIL_SECONDS)
    extcall stakes.jail(id, until)
    if self._sentences[account] == 0:
        due_at: uint256 = block.timestamp + self._parameter(0, RULING_SECONDS)
        self._sentences[account] = due_at | (submission << 64)
    log IScores.Jailed(
        account=account, submission=submission, until=until, slash_from=self._sentences[account] & WORD
    )


@internal
def _count_gold(
    submission: uint256,
    gold: IScores.Gold,
    rejected: Bytes[2048],
    hung: Bytes[2048],
    verdict: bytes32,
):
    # Gold, then gold rejected, then gold hung.
    counts: uint256[3] = empty(uint256[3])
    for w: uint256 in range(len(gold.positions) // 32, bound=64):
        mask: uint256 = extract32(gold.positions, 32 * w, output_type=uint256)
        if mask != 0:
            counts[0] += bitmaps.ones(mask)
            counts[1] += bitmaps.ones(mask & extract32(rejected, 32 * w, output_type=uint256))
            counts[2] += bitmaps.ones(mask & extract32(hung, 32 * w, output_type=uint256))
    assert counts[0] != 0, "scores: no gold"
    assert counts[0] <= GOLD_LIMIT, "scores: too much gold"
    approved: uint256 = counts[0] - counts[1] - counts[2]
    self._gold[submission] = (convert(verdict, uint256) >> 32 << 32) | (counts[1] << 16) | approved
    log IScores.GoldOpened(
        submission=submission,
        approved=approved,
        rejected=counts[1],
        positions=gold.positions,
        wrong=gold.wrong,
    )


@internal
def _mark(submission: uint256, bits: uint256):
    self._marks[submission // 64] |= bits << (4 * (submission % 64))


@internal
def _save(account: address, standing: IScores.Standing):
    llr: uint256 = convert(standing.llr + 2**31, uint256) ^ 2**31
    average: uint256 = convert(standing.agreement + 2**63, uint256) ^ 2**63
    self._standings[account] = (
        average
        | (standing.reference << 64)
        | (llr << 128)
        | (standing.batches << 160)
        | (standing.hits << 176)
        | (standing.misses << 208)
        | (standing.jails << 240)
    )


@view
@internal
def _standing(account: address) -> IScores.Standing:
    packed: uint256 = self._standings[account]
    return IScores.Standing(
        agreement=convert((packed & WORD) ^ 2**63, int256) - 2**63,
        reference=(packed >> 64) & WORD,
        llr=convert(((packed >> 128) & LONG) ^ 2**31, int256) - 2**31,
        batches=(packed >> 160) & SHORT,
        hits=(packed >> 176) & LONG,
        misses=(packed >> 208) & LONG,
        jails=packed >> 240,
    )


@view
@internal
def _factors(accounts: DynArray[address, 23]) -> DynArray[uint256, 23]:
    found: DynArray[uint256, 23] = []
    for account: address in accounts:
        packed: uint256 = self._standings[account]
        expected: uint256 = (packed >> 64) & WORD
        earned: uint256 = packed & WORD
        if expected == 0:
            earned = 1
            expected = 1
        elif earned >= 2**63:
            # Two's complement: below zero.
            earned = 0
        found.append(LEAST_BPS + EARNED_BPS * min(earned, expected) // expected)
    return found


@view
@internal
def _keeper(request: uint256) -> address:
    named: address = self._keepers[request]
    if named != empty(address):
        return named
    found: IRequests.Request = staticcall self.requests.request(request)
    return found.buyer


@view
@internal
def _marks_of(submission: uint256) -> uint256:
    return (self._marks[submission // 64] >> (4 * (submission % 64))) & 15


@view
@internal
def _check_votes(submission: uint256, votes: IScores.Votes):
    """
    @dev The votes are those that the tally of round 1 was shown.
    """
    count: uint256 = len(votes.accounts)
    assert count != 0, "scores: nobody opened"
    size: uint256 = len(votes.bitmaps) // count
    hashes: DynArray[bytes32, 12] = []
    for i: uint256 in range(count, bound=12):
        hashes.append(keccak256(slice(votes.bitmaps, size * i, size)))
    left: bytes32 = staticcall reviews.openings(submission, 1)
    assert seals.shown(votes.mask, votes.accounts, hashes) == left, "scores: not what the tally was shown"
    assert len(votes.bitmaps) == size * count, "scores: not what the tally was shown"


@view
@internal
def _check_gold(submission: uint256, gold: IScores.Gold, records: uint256):
    """
    @dev The contributor committed to this gold when it submitted, and the request's keeper vouches for it.
    """
    bitmaps.check_shape(gold.positions, records)
    bitmaps.check_shape(gold.wrong, records)
    for w: uint256 in range(len(gold.positions) // 32, bound=64):
        outside: uint256 = ~extract32(gold.positions, 32 * w, output_type=uint256)
        assert (
            extract32(gold.wrong, 32 * w, output_type=uint256) & outside == 0
        ), "scores: wrong outside the gold"
    made: IRequests.Submission = staticcall self.requests.submission(submission)
    commitment: bytes32 = keccak256(
        abi_encode(keccak256(gold.positions), keccak256(gold.wrong), gold.salt)
    )
    offer: bytes32 = keccak256(
        abi_encode(gold.root, gold.cid_hash, gold.key_commitment, gold.custodian, commitment)
    )
    assert offer == made.commitment, "scores: not the gold that was committed to"
    assert len(gold.signature) == 65, "scores: malformed signature"
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Sheaf Scores"), keccak256("1"), chain.id, self)
    )
    message: bytes32 = keccak256(
        abi_encode(GOLD_TYPEHASH, made.request, made.contributor, gold.root, commitment)
    )
    signer: address = ecrecover(
        keccak256(concat(x"1901", domain, message)),
        convert(slice(gold.signature, 64, 1), uint256),
        extract32(gold.signature, 0, output_type=uint256),
        extract32(gold.signature, 32, output_type=uint256),
    )
    assert signer != empty(address), "scores: malformed signature"
    assert signer == self._keeper(made.request), "scores: not the keeper's signature"


@view
@internal
def _parameter(word: uint256, place: uint256) -> uint256:
    return ((staticcall parameters.word(word)) >> place) & LONG
