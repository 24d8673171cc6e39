# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Bonus pools
@license AGPL-3.0-only
@notice Money beside a request's price that is split by what contributors are worth to a held-out task. After the request is closed
        its buyer, or the valuator that the buyer named, posts the Merkle root of all shares with a stake; if they do not in time,
        anyone may. Who computes other shares challenges with a bond, and juries decide by computing them again: a Disputes of its
        own, to which a posting is a submission of one record. Shares that stand are claimed with a proof by those to whom they belong.

        What rounding leaves, or nobody claims in time, is the buyer's. For each token: the balance here = what is left in the
        pools + stakes + what is owed.
@custom:stop Nothing here can be stopped. Every pool ends: with shares that stand, or with the buyer's money back two terms after it
        was closed.
"""

from ethereum.ercs import IERC20
from ..interfaces import IBonusPools
from ..interfaces import ICommittees
from ..interfaces import IDisputes
from ..interfaces import IEscrow
from ..interfaces import IMarketToken
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..modules import settlement
from ..modules.openings import inclusion

implements: IBonusPools

# As in Reviews: to Disputes a posting is a review.
POSTED: constant(uint256) = 3
HELD: constant(uint256) = 4
OVER: constant(uint256) = 5

WAD: constant(uint256) = 10**18
UNIT: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
# A pool holds less than this of its token.
LIMIT: constant(uint256) = 2**96
# What Committees computes locks for, in the stake token.
VALUE_LIMIT: constant(uint256) = 2**88
CHALLENGE_SECONDS: constant(uint256) = 64
RULING_SECONDS: constant(uint256) = 224
AUDIT_BPS: constant(uint256) = 160
# The verdict that Disputes is shown: of one record, neither rejected nor hung.
STANDING: constant(bytes32) = 0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5

deployer: immutable(address)
token: public(immutable(address))
parameters: public(immutable(IParameters))
escrow: public(immutable(IEscrow))
requests: public(immutable(IRequests))
committees: public(immutable(ICommittees))
term_seconds: public(immutable(uint256))

disputes: public(IDisputes)
postings: public(uint256)
owed: public(HashMap[address, HashMap[address, uint256]])
claimed: public(HashMap[uint256, HashMap[address, uint256]])
_pools: HashMap[uint256, IBonusPools.Pool]
_postings: HashMap[uint256, IBonusPools.Posting]


@deploy
def __init__(
    token_: address,
    parameters_: address,
    escrow_: address,
    requests_: address,
    committees_: address,
    term_seconds_: uint256,
):
    """
    @notice Join the contracts that were there before.
    @param token_ The stake token.
    @param term_seconds_ How long only the buyer's side may post, then anyone, and how long shares may be claimed.
    """
    assert term_seconds_ > 0, "bonus_pools: no term"
    deployer = msg.sender
    token = token_
    parameters = IParameters(parameters_)
    escrow = IEscrow(escrow_)
    requests = IRequests(requests_)
    committees = ICommittees(committees_)
    term_seconds = term_seconds_


@external
def wire(bonus_disputes_: address):
    """
    @notice Name the Disputes that judge postings. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "bonus_pools: not the deployer"
    assert self.disputes.address == empty(address), "bonus_pools: already wired"
    assert bonus_disputes_ != empty(address), "bonus_pools: no disputes"
    self.disputes = IDisputes(bonus_disputes_)


@external
@nonreentrant
def fund(request: uint256, amount: uint256):
    """
    @notice Add to a request's pool, in the request's token, before shares are posted. Anyone may; it comes back to the buyer alone.
    """
    pool: IBonusPools.Pool = self._pools[request]
    if pool.token == empty(address):
        pool.buyer = (staticcall requests.request(request)).buyer
        pool.token = staticcall escrow.token_of(request)
    assert pool.open_until == 0, "bonus_pools: closed"
    assert amount > 0, "bonus_pools: nothing to add"
    assert amount < LIMIT and pool.left + amount < LIMIT, "bonus_pools: amount too large"
    pool.left += amount
    self._pools[request] = pool
    assert self._value(request) <= VALUE_LIMIT, "bonus_pools: amount too large"
    self._pull(pool.token, amount)
    log IBonusPools.PoolFunded(request=request, account=msg.sender, amount=amount)


@external
def name_valuator(request: uint256, valuator: address):
    """
    @notice Let an account post shares in the buyer's place; zero for none. Buyer only.
    """
    assert msg.sender == self._pool(request).buyer, "bonus_pools: not the buyer"
    self._pools[request].valuator = valuator
    log IBonusPools.ValuatorNamed(request=request, valuator=valuator)


@external
def close(request: uint256):
    """
    @notice Start the time to post, once the request is cancelled or its deadline is over. Anyone may.
    """
    assert self._pool(request).open_until == 0, "bonus_pools: closed"
    self._close(request)


@external
@nonreentrant
def post(request: uint256, root: bytes32, count: uint256, total: uint256, cid: Bytes[36]) -> uint256:
    """
    @notice Post all shares under a root, with a stake; closes the pool if that is still to be done. The buyer and its valuator, and
            from `open_until` on anyone.
    @param root Of the tree of RFC 9162 over leaves sha256(0x00 ‖ request, 32 bytes ‖ index, 8 ‖ account, 20 ‖ amount, 32).
    @param count How many leaves there are.
    @param total What they add up to.
    @param cid Binary CIDv1 of the evidence from which anyone computes the shares again.
    @return The posting's number: what Disputes calls a submission.
    """
    pool: IBonusPools.Pool = self._pool(request)
    if pool.open_until == 0:
        pool.open_until = self._close(request)
    assert pool.posting == 0 and pool.left > 0, "bonus_pools: shares are posted"
    is_buyers: bool = msg.sender == pool.buyer or msg.sender == pool.valuator
    assert is_buyers or block.timestamp >= pool.open_until, "bonus_pools: the buyer's time to post"
    assert root != empty(bytes32) and count > 0 and count <= 2**16, "bonus_pools: no shares"
    assert total <= pool.left, "bonus_pools: more than the pool holds"
    assert len(cid) == 36, "bonus_pools: no evidence"
    stake: uint256 = self._stake(request)
    self.postings += 1
    number: uint256 = self.postings
    self._postings[number] = IBonusPools.Posting(
        request=request,
        poster=msg.sender,
        root=root,
        count=count,
        total=total,
        paid=0,
        stake=stake,
        settle_after=block.timestamp + self._seconds(CHALLENGE_SECONDS),
        phase=POSTED,
        audit_bps=2 * self._seconds(AUDIT_BPS),
    )
    self._pools[request].posting = number
    self._pull(token, stake)
    log IBonusPools.SharesPosted(
        posting=number,
        request=request,
        poster=msg.sender,
        root=root,
        count=count,
        total=total,
        cid=cid,
        stake=stake,
        settle_after=self._postings[number].settle_after,
    )
    return number


@external
def hold(posting: uint256):
    """
    @notice Keep shares from being accepted for `ruling_seconds`, as Reviews keeps a verdict. Disputes only, once.
    """
    self._only_disputes()
    one: IBonusPools.Posting = self._postings[posting]
    assert one.phase == POSTED, "bonus_pools: not posted"
    assert block.timestamp < one.settle_after, "bonus_pools: challenge window is over"
    self._postings[posting].phase = HELD
    self._postings[posting].settle_after = block.timestamp + self._seconds(RULING_SECONDS)
    log IBonusPools.SharesHeld(posting=posting, until=self._postings[posting].settle_after)


@external
@nonreentrant
def show(posting: uint256):
    """
    @notice Tell Disputes what the poster leaves there, as Reversals does of members, when its case is concluded: half of the stake, if
            the challenge won, whose other half is burned. Anyone may, before the ruling is executed.
    """
    one: IBonusPools.Posting = self._postings[posting]
    assert one.phase == HELD, "bonus_pools: not held"
    kept: uint256 = 0
    if (staticcall self.disputes.trial_of(posting)).weight != 0:
        kept = one.stake // 2
        self._postings[posting].stake = 0
        self._burn(posting, one.stake, one.stake - kept)
        self._push(token, self.disputes.address, kept)
    extcall self.disputes.note(posting, 1, kept)


@external
def rule(posting: uint256, rejected_bitmap: Bytes[2048], hung_bitmap: Bytes[2048]):
    """
    @notice Decide held shares: those that a jury rejected, or held nobody to blame for, do not stand, and others may be posted.
            Disputes only.
    """
    self._only_disputes()
    one: IBonusPools.Posting = self._postings[posting]
    assert one.phase == HELD and block.timestamp < one.settle_after, "bonus_pools: not held"
    is_faultless: bool = extract32(rejected_bitmap, 0) == empty(bytes32)
    if is_faultless and extract32(hung_bitmap, 0) == empty(bytes32):
        self._postings[posting].settle_after = block.timestamp
        return
    self._postings[posting].phase = OVER
    self._postings[posting].stake = 0
    self._pools[one.request].posting = 0
    if is_faultless:
        self.owed[token][one.poster] += one.stake
    elif one.stake != 0:
        # Nobody showed the stake to Disputes in time.
        self._burn(posting, one.stake, one.stake)
    log IBonusPools.SharesRejected(posting=posting, is_faultless=is_faultless)


@external
def accept(request: uint256):
    """
    @notice Let shares stand whose challenge window, or time to be ruled upon, is over. Anyone may; the first claim does it too.
    """
    self._accept(request)


@external
@nonreentrant
def claim(
    request: uint256, account: address, amount: uint256, index: uint256, path: DynArray[bytes32, 16]
) -> uint256:
    """
    @notice Pay an account its share, less what it has had. Anyone may call it; the money goes to the account.
    @param path The leaf's siblings from the bottom up.
    @return What was paid.
    """
    pool: IBonusPools.Pool = self._pool(request)
    if pool.accepted_at == 0:
        self._accept(request)
        pool = self._pools[request]
    one: IBonusPools.Posting = self._postings[pool.posting]
    assert index < one.count, "bonus_pools: not a share"
    leaf: bytes32 = sha256(
        concat(
            b"\x00",
            convert(request, bytes32),
            convert(convert(index, uint64), bytes8),
            convert(account, bytes20),
            convert(amount, bytes32),
        )
    )
    assert inclusion.root_of(leaf, index, one.count, path) == one.root, "bonus_pools: not a share"
    before: uint256 = self.claimed[request][account]
    assert amount > before, "bonus_pools: nothing to claim"
    due: uint256 = amount - before
    assert one.paid + due <= one.total and due <= pool.left, "bonus_pools: more than was posted"
    self.claimed[request][account] = amount
    self._postings[pool.posting].paid = one.paid + due
    self._pools[request].left = pool.left - due
    log IBonusPools.ShareClaimed(request=request, account=account, amount=due)
    self._push(pool.token, account, due)
    return due


@external
@nonreentrant
def reclaim(request: uint256) -> uint256:
    """
    @notice Take out what nobody claimed within a term, or all, where no shares stood two terms after the pool was closed. Buyer only.
    """
    pool: IBonusPools.Pool = self._pool(request)
    assert msg.sender == pool.buyer, "bonus_pools: not the buyer"
    assert pool.left > 0, "bonus_pools: nothing left"
    if pool.accepted_at != 0:
        assert block.timestamp >= pool.accepted_at + term_seconds, "bonus_pools: may still be claimed"
    else:
        assert pool.posting == 0, "bonus_pools: shares are posted"
        is_late: bool = pool.open_until != 0 and block.timestamp >= pool.open_until + term_seconds
        assert is_late, "bonus_pools: may still be posted"
    self._pools[request].left = 0
    log IBonusPools.PoolReclaimed(request=request, amount=pool.left)
    self._push(pool.token, msg.sender, pool.left)
    return pool.left


@external
@nonreentrant
def withdraw(token_: address) -> uint256:
    """
    @notice Take all that the caller is owed in a token: stakes, and what shares left of a pool.
    """
    amount: uint256 = self.owed[token_][msg.sender]
    assert amount > 0, "bonus_pools: nothing owed"
    self.owed[token_][msg.sender] = 0
    log IBonusPools.Withdrawn(token=token_, account=msg.sender, amount=amount)
    self._push(token_, msg.sender, amount)
    return amount


@view
@external
def pool(request: uint256) -> IBonusPools.Pool:
    """
    @notice The state of a request's pool; all zero if there is none.
    """
    return self._pools[request]


@view
@external
def posting(number: uint256) -> IBonusPools.Posting:
    """
    @notice Shares that were posted; all zero if there are none of that number.
    """
    return self._postings[number]


@view
@external
def stake_of(request: uint256) -> uint256:
    """
    @notice What posting shares of a request's pool takes: what a challenger would post.
    """
    return self._stake(request)


@view
@external
def review(posting: uint256) -> IReviews.Review:
    """
    @notice A posting as Disputes reads it: a review of one record that was approved in one round.
    """
    one: IBonusPools.Posting = self._postings[posting]
    review: IReviews.Review = empty(IReviews.Review)
    review.phase = one.phase
    review.round = 1
    review.settle_after = one.settle_after
    review.verdict = STANDING
    return review


@view
@external
def counted_block(posting: uint256) -> uint256:
    """
    @notice Zero: the beacon selects no posting for an audit.
    """
    return 0


@view
@external
def case_of(posting: uint256) -> IRequests.Case:
    """
    @notice A posting as Disputes reads it: a submission of one record, of the poster, worth the pool.
    """
    one: IBonusPools.Posting = self._postings[posting]
    case: IRequests.Case = empty(IRequests.Case)
    case.phase = 1
    case.buyer = self._pools[one.request].buyer
    case.contributor = one.poster
    case.records = 1
    case.value_stake = self._value(one.request)
    # As for an account of which nothing is known: who posts shares has shown nothing by it.
    case.audit_bps = one.audit_bps
    return case


@view
@external
def committee(posting: uint256) -> ICommittees.Committee:
    """
    @notice A posting as Disputes reads it: nobody has reviewed it, and its jurors lock what a committee would for such a value.
    """
    panel: ICommittees.Committee = empty(ICommittees.Committee)
    request: uint256 = self._postings[posting].request
    size: uint256 = 0
    quorum: uint256 = 0
    size, quorum, panel.lock = staticcall committees.terms(
        self._value(request), (staticcall requests.request(request)).fee_bps
    )
    return panel


@internal
def _close(request: uint256) -> uint256:
    facts: IRequests.Request = staticcall requests.request(request)
    assert facts.is_cancelled or block.timestamp >= facts.deadline, "bonus_pools: the request is running"
    until: uint256 = block.timestamp + term_seconds
    self._pools[request].open_until = until
    log IBonusPools.PoolClosed(request=request, open_until=until)
    return until


@internal
def _accept(request: uint256):
    pool: IBonusPools.Pool = self._pool(request)
    assert pool.posting != 0 and pool.accepted_at == 0, "bonus_pools: nothing to accept"
    one: IBonusPools.Posting = self._postings[pool.posting]
    assert block.timestamp >= one.settle_after, "bonus_pools: may still be challenged"
    self._postings[pool.posting].phase = OVER
    self._postings[pool.posting].stake = 0
    self._pools[request].accepted_at = block.timestamp
    self._pools[request].left = one.total
    returned: uint256 = pool.left - one.total
    self.owed[token][one.poster] += one.stake
    self.owed[pool.token][pool.buyer] += returned
    log IBonusPools.SharesAccepted(posting=pool.posting, request=request, total=one.total, returned=returned)


@view
@internal
def _pool(request: uint256) -> IBonusPools.Pool:
    pool: IBonusPools.Pool = self._pools[request]
    assert pool.token != empty(address), "bonus_pools: no pool"
    return pool


@view
@internal
def _value(request: uint256) -> uint256:
    """
    @dev What a pool holds, in the stake token, rounded up.
    """
    return settlement.up(
        self._pools[request].left * (staticcall requests.request(request)).lock_rate_wad, WAD
    )


@view
@internal
def _stake(request: uint256) -> uint256:
    numbers: uint256 = staticcall parameters.word(3)
    value: uint256 = self._value(request)
    return ((numbers >> 96) & 4294967295) * UNIT + value * ((numbers >> 128) & 4294967295) // BPS


@view
@internal
def _seconds(place: uint256) -> uint256:
    return (staticcall parameters.word(0) >> place) & 4294967295


@view
@internal
def _only_disputes():
    assert msg.sender == self.disputes.address, "bonus_pools: not disputes"


@internal
def _burn(posting: uint256, amount: uint256, burned: uint256):
    log IBonusPools.StakeTaken(posting=posting, amount=amount, burned=burned)
    if burned != 0:
        extcall IMarketToken(token).burn(burned)


@internal
def _pull(token_: address, amount: uint256):
    before: uint256 = staticcall IERC20(token_).balanceOf(self)
    assert extcall IERC20(token_).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "bonus_pools: token refused"
    assert (
        staticcall IERC20(token_).balanceOf(self) == before + amount
    ), "bonus_pools: token takes a fee on transfer"


@internal
def _push(token_: address, to: address, amount: uint256):
    assert extcall IERC20(token_).transfer(
        to, amount, default_return_value=True
    ), "bonus_pools: token refused"
