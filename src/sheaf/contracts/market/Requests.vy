# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Requests
@license AGPL-3.0-only
@notice The request book and the submissions. A buyer freezes price, fee, limits and specification and locks an escrow; a
        contributor submits a root with a bond, which reserves its pay; review decides; settlement splits the money. The
        buyer has no veto, and what is reserved cannot be reclaimed.
@custom:stop Parameters' `paused` = 1 stops `open`, `fund` and `submit`; `cancel`, `reclaim`, `void`, `settle` and `claim` go on.
"""

from ethereum.ercs import IERC20
from ..interfaces import ICommittees
from ..interfaces import IEscrow
from ..interfaces import IParameters
from ..interfaces import IProofs
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IScores
from ..interfaces import IStanding
from ..modules import books
from ..modules import settlement

implements: IRequests

PENDING: constant(uint256) = 1
SETTLED: constant(uint256) = 2
VOID: constant(uint256) = 3

BPS: constant(uint256) = 10_000
WAD: constant(uint256) = 10**18
PRICE_LIMIT: constant(uint256) = 2**96
HALF: constant(uint256) = 2**128
RATE_SPAN: constant(uint256) = 10
# Words of Parameters: the first holds the draw's times, the second the terms of requests.
DRAW_WORD: constant(uint256) = 0
TERMS_WORD: constant(uint256) = 1
DRAW_BLOCKS: constant(uint256) = 128
PROTOCOL_FEE_BPS: constant(uint256) = 0
FEE_MIN_BPS: constant(uint256) = 64
FEE_MAX_BPS: constant(uint256) = 96
REQUEST_MAX_SECONDS: constant(uint256) = 128
PAUSED: constant(uint256) = 160
RECORD_MAX: constant(uint256) = 224

deployer: immutable(address)
parameters: public(immutable(IParameters))
escrow: public(immutable(IEscrow))
stake_token: public(immutable(address))
standing: public(immutable(IStanding))

committees: public(ICommittees)
reviews: public(IReviews)
scores: public(IScores)
request_count: public(uint256)
submission_count: public(uint256)

# Packed, from the lowest bit. Ids count up from 1 and stay below 2**32.
# Books as in books.vy, prices and submissions as in settlement.vy.
_books: HashMap[uint256, uint256]
_prices: HashMap[uint256, uint256]
_specs: HashMap[uint256, bytes32]
_submissions: HashMap[uint256, uint256]
_commitments: HashMap[uint256, bytes32]


@deploy
def __init__(parameters_: address, escrow_: address, stake_token_: address, standing_: address):
    """
    @notice The deployer joins the parts once, by `wire`, and has no rights after that.
    @param stake_token_ The token of the stakes: requests paid in it count their value one for one.
    @param standing_ Says what bond a contributor's submission calls for.
    """
    deployer = msg.sender
    parameters = IParameters(parameters_)
    escrow = IEscrow(escrow_)
    stake_token = stake_token_
    standing = IStanding(standing_)


@external
def wire(committees_: address, reviews_: address, scores_: address):
    """
    @notice Name the contracts that draw, judge and rate the judges. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "requests: not the deployer"
    assert self.reviews.address == empty(address), "requests: already wired"
    assert committees_ != empty(address) and reviews_ != empty(address), "requests: no committees or reviews"
    assert scores_ != empty(address), "requests: no scores"
    self.committees = ICommittees(committees_)
    self.reviews = IReviews(reviews_)
    self.scores = IScores(scores_)


@external
@nonreentrant
def open(terms: IRequests.Terms) -> uint256:
    """
    @notice Open a request and lock its escrow, with the protocol's fee (rounded up) on top in a ledger of its own.
    @param terms What is asked and paid; `spec` is the binary CIDv1 (sha2-256) of the specification.
    @return The request's id.
    """
    word: uint256 = self._open_for_business()
    assert terms.token.is_contract, "requests: token is not a contract"
    assert terms.price > 0, "requests: no price"
    assert terms.price < PRICE_LIMIT, "requests: price too large"
    assert terms.fee_bps >= books.at(word, FEE_MIN_BPS), "requests: fee below the minimum"
    assert terms.fee_bps <= books.at(word, FEE_MAX_BPS), "requests: fee above the maximum"
    assert (
        terms.record_limit > 0 and terms.record_limit < books.RECORD_LIMIT
    ), "requests: record limit out of bounds"
    assert terms.deadline > block.timestamp, "requests: deadline is past"
    assert terms.deadline <= block.timestamp + books.at(
        word, REQUEST_MAX_SECONDS
    ), "requests: deadline too far"
    self._check_rate(terms.token, terms.lock_rate_wad)
    books.check_cid(terms.spec)
    assert terms.amount < HALF, "requests: amount too large"
    assert terms.amount >= terms.price + settlement.up(
        terms.price * terms.fee_bps, BPS
    ), "requests: escrow below one record"

    id: uint256 = self.request_count + 1
    self.request_count = id
    protocol_fee_bps: uint256 = books.at(word, PROTOCOL_FEE_BPS)
    self._books[id] = (
        convert(msg.sender, uint256)
        | (terms.deadline << 160)
        | (terms.record_limit << 200)
        | (convert(slice(terms.spec, 1, 1), uint256) << 248)
    )
    self._prices[id] = (
        terms.price | (terms.lock_rate_wad << 96) | (terms.fee_bps << 224) | (protocol_fee_bps << 240)
    )
    self._specs[id] = convert(slice(terms.spec, 4, 32), bytes32)
    fee: uint256 = settlement.up(terms.amount * protocol_fee_bps, BPS)
    extcall escrow.deposit(id, terms.token, msg.sender, terms.amount, fee)
    log IRequests.RequestOpened(
        request=id,
        buyer=msg.sender,
        token=terms.token,
        price=terms.price,
        fee_bps=terms.fee_bps,
        protocol_fee_bps=protocol_fee_bps,
        record_limit=terms.record_limit,
        deadline=terms.deadline,
        lock_rate_wad=terms.lock_rate_wad,
        spec=terms.spec,
        amount=terms.amount,
        fee=fee,
    )
    return id


@external
@nonreentrant
def fund(request: uint256, amount: uint256):
    """
    @notice Add to a request's escrow. Anyone may; what is not used goes to the buyer.
    """
    self._open_for_business()
    self._running(request)
    assert amount > 0, "requests: nothing to add"
    assert amount < HALF, "requests: amount too large"
    fee: uint256 = settlement.up(amount * (self._prices[request] >> 240), BPS)
    extcall escrow.deposit(request, staticcall escrow.token_of(request), msg.sender, amount, fee)
    log IRequests.RequestFunded(request=request, amount=amount, fee=fee)


@external
@nonreentrant
def cancel(request: uint256):
    """
    @notice Take no more submissions. Those already made are reviewed and paid. Buyer only.
    """
    book: uint256 = self._book(request)
    assert msg.sender == settlement.account(book), "requests: not the buyer"
    assert not books.is_cancelled(book), "requests: already cancelled"
    self._books[request] = book | books.CANCELLED
    log IRequests.RequestCancelled(request=request)


@external
def ask_standing(request: uint256, percent: uint256):
    """
    @notice Take submissions only from contributors whose score in Standing is at least `percent` of one, from now on. Buyer only, once.
    """
    book: uint256 = self._running(request)
    assert msg.sender == settlement.account(book), "requests: not the buyer"
    assert books.asked(book) == 0, "requests: standing is asked already"
    assert percent > 0 and percent < 100, "requests: standing out of bounds"
    self._books[request] = book | (percent << books.ASKED_PLACE)
    log IRequests.StandingAsked(request=request, percent=percent)


@external
@nonreentrant
def reclaim(request: uint256) -> (uint256, uint256):
    """
    @notice Take out all that is free, of both ledgers, once the request is cancelled or its deadline is over. Buyer only.
    @dev May be called again as reservations come back.
    @return What was free of the payment ledger, and of the fee ledger.
    """
    book: uint256 = self._book(request)
    assert msg.sender == settlement.account(book), "requests: not the buyer"
    assert books.is_cancelled(book) or block.timestamp >= books.deadline(book), "requests: still running"
    amount: uint256 = 0
    fee: uint256 = 0
    amount, fee = extcall escrow.refund(request, msg.sender)
    log IRequests.RequestReclaimed(request=request, amount=amount, fee=fee)
    return amount, fee


@external
@nonreentrant
def submit(
    request: uint256,
    records: uint256,
    root: bytes32,
    cid: Bytes[36],
    key_commitment: bytes32,
    custodian: address,
    gold: bytes32,
) -> uint256:
    """
    @notice Offer `records` records under a Merkle root, with a bond; their pay is reserved from now on.
    @param cid Binary CIDv1 (sha2-256) of the encrypted records.
    @param key_commitment Commitment to the content key.
    @param custodian Who hands the key to the committee.
    @param gold Commitment to the records whose answers are known, by position; any random value where there are none.
    @return The submission's id.
    """
    word: uint256 = self._open_for_business()
    book: uint256 = self._running(request)
    assert msg.sender != settlement.account(book), "requests: the buyer cannot contribute"
    left: uint256 = books.left(book)
    assert records > 0, "requests: no records"
    assert records <= books.at(word, RECORD_MAX), "requests: too many records for one submission"
    assert records <= left, "requests: more records than are left"
    assert root != empty(bytes32), "requests: no root"
    assert key_commitment != empty(bytes32), "requests: no key commitment"
    assert custodian != empty(address), "requests: no custodian"
    assert gold != empty(bytes32), "requests: no gold commitment"
    books.check_cid(cid)
    asked: uint256 = books.asked(book)
    assert (
        asked == 0 or staticcall standing.score_wad(msg.sender) >= asked * WAD // 100
    ), "requests: too little standing"

    self._books[request] = book - (records << 200)
    id: uint256 = self.submission_count + 1
    self.submission_count = id
    prices: uint256 = self._prices[request]
    rates: uint256[2] = staticcall standing.rates(msg.sender, books.value(records, prices))
    packed: uint256 = (
        convert(msg.sender, uint256)
        | (request << 160)
        | (records << 192)
        | (block.number << 208)
        | (PENDING << 240)
        | settlement.packed_rates(rates)
    )
    self._submissions[id] = packed
    self._commitments[id] = keccak256(abi_encode(root, keccak256(cid), key_commitment, custodian, gold))
    amount: uint256 = 0
    fee: uint256 = 0
    bond: uint256 = 0
    amount, fee, bond = settlement.reservation(packed, prices)
    extcall escrow.reserve(request, amount, fee, msg.sender, bond)
    log IRequests.SubmissionMade(
        submission=id,
        request=request,
        contributor=msg.sender,
        records=records,
        root=root,
        cid=cid,
        key_commitment=key_commitment,
        custodian=custodian,
        gold=gold,
        bond=bond,
    )
    return id


@external
@nonreentrant
def void(submission: uint256):
    """
    @notice End a submission that got no committee in time: the reservation is undone, the bond owed to the contributor.
    """
    packed: uint256 = self._pending(submission)
    assert not staticcall self.committees.is_drawn(submission), "requests: committee is drawn"
    draw_blocks: uint256 = books.at(staticcall parameters.word(DRAW_WORD), DRAW_BLOCKS)
    assert block.number > settlement.block(packed) + draw_blocks, "requests: may still be drawn"
    request: uint256 = settlement.request(packed)
    self._end(submission, packed, VOID)
    self._books[request] += settlement.records(packed) << 200
    amount: uint256 = 0
    fee: uint256 = 0
    bond: uint256 = 0
    amount, fee, bond = settlement.reservation(packed, self._prices[request])
    extcall escrow.release(request, amount, fee, settlement.account(packed), bond)
    log IRequests.SubmissionVoided(submission=submission)


@external
@nonreentrant
def settle(submission: uint256):
    """
    @notice Split the money of a decided submission, once its challenge window is over. Anyone may call it.
    """
    self._settle(submission)


@external
@nonreentrant
def claim(submission: uint256) -> uint256:
    """
    @notice Settle if that is still to be done, and pay the caller all that it is owed in the request's token.
    @return What was paid.
    """
    packed: uint256 = self._submissions[submission]
    assert packed != 0, "requests: no such submission"
    token: address = empty(address)
    if settlement.phase(packed) == PENDING:
        token = self._settle(submission)
    else:
        token = staticcall escrow.token_of(settlement.request(packed))
    return extcall escrow.withdraw_for(token, msg.sender)


@view
@external
def request(id: uint256) -> IRequests.Request:
    """
    @notice The terms and the state of a request; its money is in Escrow.
    """
    book: uint256 = self._book(id)
    prices: uint256 = self._prices[id]
    return IRequests.Request(
        buyer=settlement.account(book),
        deadline=books.deadline(book),
        records_left=books.left(book),
        is_cancelled=books.is_cancelled(book),
        price=prices % PRICE_LIMIT,
        lock_rate_wad=(prices >> 96) % HALF,
        fee_bps=(prices >> 224) % 2**16,
        protocol_fee_bps=prices >> 240,
        spec=books.cid(book, self._specs[id]),
    )


@view
@external
def submission(id: uint256) -> IRequests.Submission:
    """
    @notice The state of a submission.
    """
    packed: uint256 = self._submissions[id]
    assert packed != 0, "requests: no such submission"
    return IRequests.Submission(
        request=settlement.request(packed),
        contributor=settlement.account(packed),
        records=settlement.records(packed),
        block_number=settlement.block(packed),
        phase=settlement.phase(packed),
        bond_percent=settlement.bond_percent(packed),
        commitment=self._commitments[id],
    )


@view
@external
def case_of(submission: uint256) -> IRequests.Case:
    """
    @notice What the draw needs to know of a submission; all zero if there is none.
    """
    packed: uint256 = self._submissions[submission]
    request: uint256 = settlement.request(packed)
    prices: uint256 = self._prices[request]
    records: uint256 = settlement.records(packed)
    return IRequests.Case(
        phase=settlement.phase(packed),
        buyer=settlement.account(self._books[request]),
        contributor=settlement.account(packed),
        records=records,
        value_stake=books.value(records, prices),
        fee_bps=(prices >> 224) % 2**16,
        block_number=settlement.block(packed),
        audit_bps=settlement.audit_bps(packed),
    )


@view
@external
def records_of(submission: uint256) -> uint256:
    """
    @notice How many records a submission has; 0 if there is none.
    """
    return settlement.records(self._submissions[submission])


@view
@external
def asked_standing(request: uint256) -> uint256:
    """
    @notice The least score in Standing that a contributor needs, in percent.
    """
    return books.asked(self._book(request))


@internal
def _settle(submission: uint256) -> address:
    packed: uint256 = self._pending(submission)
    request: uint256 = settlement.request(packed)
    outcome: IReviews.Outcome = extcall self.reviews.close(submission)
    self._end(submission, packed, SETTLED)
    terms: IScores.Terms = staticcall self.scores.terms(submission, outcome.accounts)
    returned: uint256 = (
        settlement.records(packed) - outcome.approved + min(terms.gold_approved, outcome.approved)
    )
    if returned > 0:
        self._books[request] += returned << 200
    parts: settlement.Split = settlement.split(
        packed, self._prices[request], outcome, terms, staticcall parameters.treasury()
    )
    token: address = extcall escrow.settle(request, parts.settlement)
    if outcome.forfeit_to != empty(address):
        extcall IProofs(outcome.forfeit_to).credit(submission, token, parts.forfeited)
    log IRequests.SubmissionSettled(
        submission=submission,
        request=request,
        contributor=settlement.account(packed),
        approved=outcome.approved,
        rejected=outcome.rejected,
        paid=parts.paid,
        validators_paid=parts.validators_paid,
        bond_back=parts.bond_back,
        forfeited=parts.forfeited,
        protocol_fee=parts.protocol_fee,
        unearned=parts.unearned,
    )
    return token


@internal
def _end(submission: uint256, packed: uint256, phase: uint256):
    self._submissions[submission] = packed ^ ((PENDING ^ phase) << 240)


@view
@internal
def _open_for_business() -> uint256:
    word: uint256 = staticcall parameters.word(TERMS_WORD)
    assert books.at(word, PAUSED) == 0, "requests: paused"
    return word


@view
@internal
def _book(request: uint256) -> uint256:
    book: uint256 = self._books[request]
    assert book != 0, "requests: no such request"
    return book


@view
@internal
def _running(request: uint256) -> uint256:
    book: uint256 = self._book(request)
    assert not books.is_cancelled(book), "requests: cancelled"
    assert block.timestamp < books.deadline(book), "requests: past its deadline"
    return book


@view
@internal
def _pending(submission: uint256) -> uint256:
    packed: uint256 = self._submissions[submission]
    assert packed != 0, "requests: no such submission"
    assert settlement.phase(packed) == PENDING, "requests: not pending"
    return packed


@view
@internal
def _check_rate(token: address, rate_wad: uint256):
    assert rate_wad > 0, "requests: no lock rate"
    assert rate_wad < HALF, "requests: lock rate too large"
    if token == stake_token:
        assert rate_wad == WAD, "requests: the stake token counts one for one"
        return
    least: uint256 = staticcall parameters.lock_rate_floor_wad(token)
    if least == 0:
        # The floor of the zero address is that of all tokens without one of their own.
        least = staticcall parameters.lock_rate_floor_wad(empty(address))
    assert rate_wad >= least, "requests: lock rate below the floor"
    # A rate without bound would let a worthless amount lock the whole stake of the market.
    assert least == 0 or rate_wad // RATE_SPAN <= least, "requests: lock rate too far above the floor"
