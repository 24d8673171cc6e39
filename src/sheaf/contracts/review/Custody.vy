# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Custody
@license AGPL-3.0-only
@notice Who answers for a key. A custodian pledges one and a half times a submission's value, out of what it has deposited here, that the
        committee will be handed the content key. Where the quorum of the committee reports that no key came, nothing is decided:
        the contributor's bond returns, nobody loses standing, and the pledge is lost, half to the contributor, half burned. The
        report may be challenged like any verdict: what a jury then decides with the key returns the pledge.

        The pledge is more than the records are worth, so that it does not pay to withhold the key and sell them oneself; half is
        burned, so that custodian and contributor who are one do not get rid of a committee that they dislike for nothing. Without a pledge
        no report counts, and whoever named the custodian bears it.
@custom:stop Nothing here can be stopped. A pledge ends with its submission; what is not pledged leaves by `leave` and `withdraw`.
"""

from ethereum.ercs import IERC20
from ..interfaces import ICommittees
from ..interfaces import ICustody
from ..interfaces import IMarketToken
from ..interfaces import IParameters
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..modules import bitmaps

implements: ICustody

PENDING: constant(uint256) = 1
COMMITTING: constant(uint256) = 1
# Of a submission's value in the stake token.
PLEDGE_PERCENT: constant(uint256) = 150
# Time in which a signature that was given can still be used, though its keeper leaves.
LEAVE_SECONDS: constant(uint256) = 172800

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("Sheaf Custody")
VERSION_HASH: constant(bytes32) = keccak256("1")
PLEDGE_TYPEHASH: constant(bytes32) = keccak256(
    "Pledge(uint256 request,address contributor,bytes32 key_commitment)"
)

token: public(immutable(address))
parameters: public(immutable(IParameters))
requests: public(immutable(IRequests))
committees: public(immutable(ICommittees))
reviews: public(immutable(IReviews))

# Which seats have reported, as a mask, and whether they were the quorum.
missing: public(HashMap[uint256, uint256])
is_excused: public(HashMap[uint256, bool])
_accounts: HashMap[address, ICustody.Account]
_pledges: HashMap[uint256, ICustody.Pledge]


@deploy
def __init__(
    token_: address, parameters_: address, requests_: address, committees_: address, reviews_: address
):
    """
    @notice Join the contracts that were there before. It needs to be the one that Reviews was wired with.
    @param token_ The stake token; it must burn what its holder asks it to burn, and take no fee on transfer.
    """
    token = token_
    parameters = IParameters(parameters_)
    requests = IRequests(requests_)
    committees = ICommittees(committees_)
    reviews = IReviews(reviews_)


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Add to what the caller can pledge.
    """
    assert amount > 0, "custody: nothing to deposit"
    self._accounts[msg.sender].free += amount
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "custody: transfer failed"
    log ICustody.Deposited(keeper=msg.sender, amount=amount)


@external
def leave(amount: uint256):
    """
    @notice Let `amount` of what is not pledged leave: it can be withdrawn two days later (one second on test networks). Until then it
            can still be pledged by a signature. The clock starts again for all that is leaving.
    """
    account: ICustody.Account = self._accounts[msg.sender]
    assert amount > 0, "custody: nothing to leave"
    assert amount <= account.free, "custody: more than is free"
    delay: uint256 = LEAVE_SECONDS
    if staticcall parameters.is_test():
        delay = 1
    self._accounts[msg.sender] = ICustody.Account(
        free=account.free - amount, leaving=account.leaving + amount, release_at=block.timestamp + delay
    )
    log ICustody.LeavingStarted(keeper=msg.sender, amount=amount, release_at=block.timestamp + delay)


@external
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Pay out what has been leaving long enough.
    """
    account: ICustody.Account = self._accounts[msg.sender]
    assert account.leaving > 0, "custody: nothing to withdraw"
    assert block.timestamp >= account.release_at, "custody: still leaving"
    self._accounts[msg.sender].leaving = 0
    log ICustody.DepositWithdrawn(keeper=msg.sender, amount=account.leaving)
    self._push(msg.sender, account.leaving)
    return account.leaving


@external
def pledge(submission: uint256, sealed: ICustody.Sealed, signature: Bytes[65]) -> uint256:
    """
    @notice Pledge for the key of a pending submission: its custodian, or anyone with the custodian's signature.
    @param sealed What the submission committed to.
    @param signature r ‖ s ‖ v over the typed data Pledge(request, contributor, key_commitment); empty where the custodian calls.
    @return What is pledged.
    """
    made: IRequests.Submission = staticcall requests.submission(submission)
    assert made.phase == PENDING, "custody: not pending"
    assert self._pledges[submission].amount == 0, "custody: pledged already"
    commitment: bytes32 = keccak256(
        abi_encode(sealed.root, sealed.cid, sealed.key_commitment, sealed.custodian, sealed.gold)
    )
    assert commitment == made.commitment, "custody: not what was committed to"
    assert sealed.custodian != made.contributor, "custody: the contributor's own"
    if msg.sender != sealed.custodian:
        assert (
            self._signer(made.request, made.contributor, sealed.key_commitment, signature) == sealed.custodian
        ), "custody: not the custodian's signature"
    case: IRequests.Case = staticcall requests.case_of(submission)
    amount: uint256 = (case.value_stake * PLEDGE_PERCENT + 99) // 100
    account: ICustody.Account = self._accounts[sealed.custodian]
    assert amount <= account.free + account.leaving, "custody: too little deposited"
    # What is leaving goes last, and shrinks only when nothing else is left.
    from_free: uint256 = min(amount, account.free)
    self._accounts[sealed.custodian].free = account.free - from_free
    self._accounts[sealed.custodian].leaving = account.leaving - (amount - from_free)
    self._pledges[submission] = ICustody.Pledge(keeper=sealed.custodian, amount=amount)
    log ICustody.KeyPledged(submission=submission, keeper=sealed.custodian, amount=amount)
    return amount


@external
def report(submission: uint256, seat: uint256):
    """
    @notice Say that no key came. Only the account that sits on `seat` of the first round, while it is open to votes. The report that
            makes the quorum ends the review: every record is left open, for good, and nobody is penalised.
    """
    assert self._pledges[submission].amount != 0, "custody: nobody answers for the key"
    review: IReviews.Review = staticcall reviews.review(submission)
    assert review.phase == COMMITTING and review.round == 1, "custody: not in its first round"
    account: address = staticcall committees.seat_account(submission, seat)
    assert account == msg.sender, "custody: not this seat's validator"
    mask: uint256 = self.missing[submission]
    assert (mask >> seat) & 1 == 0, "custody: reported already"
    mask |= 1 << seat
    self.missing[submission] = mask
    log ICustody.KeyMissed(submission=submission, seat=seat, account=account)
    if bitmaps.ones(mask) >= (staticcall committees.committee(submission)).quorum:
        self.is_excused[submission] = True
        extcall reviews.excuse(submission)
        log ICustody.SubmissionExcused(submission=submission)


@external
@nonreentrant
def conclude(submission: uint256):
    """
    @notice End a pledge whose submission is over: lost where the key was missed and no jury decided a record after all. Anyone may.
    """
    pledged: ICustody.Pledge = self._pledges[submission]
    assert pledged.amount != 0, "custody: nothing pledged"
    case: IRequests.Case = staticcall requests.case_of(submission)
    assert case.phase != PENDING, "custody: not settled yet"
    self._pledges[submission] = empty(ICustody.Pledge)
    is_lost: bool = self.is_excused[submission]
    if is_lost:
        review: IReviews.Review = staticcall reviews.review(submission)
        is_lost = review.approved + review.rejected == 0
    if not is_lost:
        self._accounts[pledged.keeper].free += pledged.amount
        log ICustody.PledgeReturned(submission=submission, keeper=pledged.keeper, amount=pledged.amount)
        return
    paid: uint256 = pledged.amount // 2
    log ICustody.PledgeForfeited(
        submission=submission,
        keeper=pledged.keeper,
        contributor=case.contributor,
        paid=paid,
        burned=pledged.amount - paid,
    )
    extcall IMarketToken(token).burn(pledged.amount - paid)
    self._push(case.contributor, paid)


@view
@external
def account_of(keeper: address) -> ICustody.Account:
    """
    @notice What a keeper can pledge, and what of its deposit is leaving until when.
    """
    return self._accounts[keeper]


@view
@external
def pledge_of(submission: uint256) -> ICustody.Pledge:
    """
    @notice Who answers for the key of a submission, with how much; all zero if nobody does, or it is over.
    """
    return self._pledges[submission]


@view
@internal
def _signer(request: uint256, contributor: address, key_commitment: bytes32, signature: Bytes[65]) -> address:
    assert len(signature) == 65, "custody: malformed signature"
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))
    message: bytes32 = keccak256(abi_encode(PLEDGE_TYPEHASH, request, contributor, key_commitment))
    account: address = ecrecover(
        keccak256(concat(x"1901", domain, message)),
        convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0, output_type=uint256),
        extract32(signature, 32, output_type=uint256),
    )
    assert account != empty(address), "custody: malformed signature"
    return account


@internal
def _push(to: address, amount: uint256):
    if amount != 0:
        assert extcall IERC20(token).transfer(to, amount), "custody: transfer failed"
