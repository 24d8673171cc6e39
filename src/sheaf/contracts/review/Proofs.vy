# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Proofs
@license AGPL-3.0-only
@notice Disputes that need no jury. Anyone who can open the leaves of two records shows that one which was approved is the same as
        an earlier one, where the request's specification forbids that: the record is rejected at once and for good.

        Where one account submitted both, and nobody mixes gold into what it submits, it knew: its whole bond is forfeit, half to those who proved copies, by their number,
        half burned (of other tokens than the market's, to the treasury), and its standing is gone. Where another account submitted
        the earlier one, the chain cannot tell a copy from a coincidence: the record costs what any rejected record costs, and
        the proof pays nothing, so that nobody gains by submitting beforehand what others are likely to.
@custom:stop Nothing here can be stopped, but the governor may take from it the right to convict, at once (`Reviews.propose_proofs`). What
        it owes can always be withdrawn.
"""

from ethereum.ercs import IERC20
from ..interfaces import IDisputes
from ..interfaces import IEscrow
from ..interfaces import IMarketToken
from ..interfaces import IParameters
from ..interfaces import IProofs
from ..interfaces import IRequests
from ..interfaces import IReviews
from ..interfaces import IStanding
from ..modules.openings import inclusion
from ..modules.openings import specifications

implements: IProofs

DECIDED: constant(uint256) = 3

token: public(immutable(address))
parameters: public(immutable(IParameters))
escrow: public(immutable(IEscrow))
requests: public(immutable(IRequests))
reviews: public(immutable(IReviews))
disputes: public(immutable(IDisputes))
standing: public(immutable(IStanding))

scopes: public(HashMap[uint256, uint256])
is_without_gold: public(HashMap[uint256, bool])
owed: public(HashMap[address, HashMap[address, uint256]])
proven: public(HashMap[uint256, HashMap[address, uint256]])
burning: public(uint256)
_bounties: HashMap[uint256, IProofs.Bounty]


@deploy
def __init__(
    token_: address,
    parameters_: address,
    escrow_: address,
    requests_: address,
    reviews_: address,
    disputes_: address,
    standing_: address,
):
    """
    @notice Join the contracts that were there before. It needs the right to convict, and to feed standing.
    """
    token = token_
    parameters = IParameters(parameters_)
    escrow = IEscrow(escrow_)
    requests = IRequests(requests_)
    reviews = IReviews(reviews_)
    disputes = IDisputes(disputes_)
    standing = IStanding(standing_)


@external
def read(request: uint256, specification: Bytes[8192], place: uint256, gold_place: uint256):
    """
    @notice Show what a request's specification says of duplicates, and that it asks for no gold. Anyone may; without it nothing can
            be proven there.
    @param specification Its bytes: canonical JSON, whose CID is of one raw block.
    @param place Where in them the check of duplicates begins.
    @param gold_place Where `"gold":null` begins; anything where it stands nowhere, and then no bond is forfeit there: whoever mixes
           gold into a submission chooses records that its contributor does not see.
    """
    cid: Bytes[36] = (staticcall requests.request(request)).spec
    assert specifications.is_under(specification, cid), "proofs: not the specification"
    scope: uint256 = specifications.scope_at(specification, place)
    assert scope != specifications.NOTHING, "proofs: no check of duplicates stands there"
    self.scopes[request] = scope
    if specifications.is_without_gold(specification, gold_place):
        self.is_without_gold[request] = True
    log IProofs.SpecificationRead(request=request, scope=scope, is_without_gold=self.is_without_gold[request])


@external
@nonreentrant
def prove(
    digest: bytes32,
    copy: IProofs.Leaf,
    earlier: IProofs.Leaf,
    copy_sealed: IProofs.Sealed,
    earlier_sealed: IProofs.Sealed,
    copy_verdict: IProofs.Verdict,
    earlier_verdict: IProofs.Verdict,
):
    """
    @notice Show that an approved record of a decided submission, not settled yet, is the same as an earlier one. Anyone may.
    @param digest The digest of the record, under both leaves.
    @param earlier A lower record of the same submission, or an approved one of an earlier submission: of the same account with a
           lower number, of another one that was decided before the copy was submitted and can no longer be challenged.
    @param earlier_sealed With `earlier_verdict` read only where that is another submission.
    """
    made: IRequests.Submission = staticcall requests.submission(copy.submission)
    scope: uint256 = self.scopes[made.request]
    assert scope != specifications.NOTHING, "proofs: the specification was not read"
    self._check(digest, copy, copy_sealed, made)
    is_own: bool = True
    if earlier.submission == copy.submission:
        assert earlier.record < copy.record, "proofs: not the earlier one"
        self._check(digest, earlier, copy_sealed, made)
    else:
        before: IRequests.Submission = staticcall requests.submission(earlier.submission)
        assert (
            scope == specifications.MARKET or before.request == made.request
        ), "proofs: given to another request, which is allowed"
        self._check(digest, earlier, earlier_sealed, before)
        is_own = before.contributor == made.contributor
        if is_own:
            assert earlier.submission < copy.submission, "proofs: not the earlier one"
        self._check_accepted(earlier, earlier_verdict, made.block_number, is_own)
    is_forfeit: bool = is_own and self.is_without_gold[made.request]
    extcall reviews.convict(
        copy.submission, copy.record, is_forfeit, copy_verdict.rejected, copy_verdict.hung
    )
    if is_forfeit:
        self.proven[copy.submission][msg.sender] += 1
        self._bounties[copy.submission].proofs += 1
    self._blame(copy.submission, is_forfeit)
    log IProofs.CopyProven(
        submission=copy.submission,
        record=copy.record,
        earlier_submission=earlier.submission,
        earlier_record=earlier.record,
        prover=msg.sender,
        is_own=is_own,
        is_forfeit=is_forfeit,
    )


@external
def credit(submission: uint256, token_: address, amount: uint256):
    """
    @notice Take note of a forfeited bond that Escrow owes this contract. Requests only, when it settles.
    """
    assert msg.sender == requests.address, "proofs: not requests"
    kept: uint256 = amount // 2
    self._bounties[submission].token = token_
    self._bounties[submission].amount = kept
    burned: uint256 = amount - kept
    if token_ == token:
        self.burning += burned
    else:
        self.owed[token_][staticcall parameters.treasury()] += burned
    log IProofs.BondForfeited(submission=submission, token=token_, amount=amount, burned=burned)


@external
@nonreentrant
def collect(submission: uint256) -> uint256:
    """
    @notice Take the caller's part of a forfeited bond, once the submission is settled.
    """
    bounty: IProofs.Bounty = self._bounties[submission]
    count: uint256 = self.proven[submission][msg.sender]
    assert bounty.token != empty(address), "proofs: not settled yet"
    assert count != 0, "proofs: nothing owed"
    # Each takes its share of what is left: together they take all, to the unit.
    amount: uint256 = bounty.amount * count // bounty.proofs
    self.proven[submission][msg.sender] = 0
    self._bounties[submission].amount = bounty.amount - amount
    self._bounties[submission].proofs = bounty.proofs - count
    self._fetch(bounty.token)
    log IProofs.BountyPaid(submission=submission, prover=msg.sender, amount=amount)
    self._push(bounty.token, msg.sender, amount)
    return amount


@external
@nonreentrant
def withdraw(token_: address) -> uint256:
    """
    @notice Take all that the caller is owed in a token: of forfeited bonds in other tokens than the market's the treasury.
    """
    amount: uint256 = self.owed[token_][msg.sender]
    assert amount > 0, "proofs: nothing owed"
    self.owed[token_][msg.sender] = 0
    self._fetch(token_)
    log IProofs.Withdrawn(token=token_, account=msg.sender, amount=amount)
    self._push(token_, msg.sender, amount)
    return amount


@view
@external
def bounty_of(submission: uint256) -> IProofs.Bounty:
    """
    @notice What is left for those who proved copies in a submission; the token is zero before it is settled.
    """
    return self._bounties[submission]


@view
@internal
def _check(digest: bytes32, leaf: IProofs.Leaf, sealed: IProofs.Sealed, made: IRequests.Submission):
    """
    @dev The submission committed to the record of that digest at that place.
    """
    commitment: bytes32 = keccak256(
        abi_encode(sealed.root, sealed.cid, sealed.key_commitment, sealed.custodian, sealed.gold)
    )
    assert commitment == made.commitment, "proofs: not what was committed to"
    assert leaf.record < made.records, "proofs: not a leaf of the submission"
    opened: bytes32 = inclusion.record_leaf(made.request, made.contributor, leaf.record, leaf.salt, digest)
    assert (
        inclusion.root_of(opened, leaf.record, made.records, leaf.path) == sealed.root
    ), "proofs: not a leaf of the submission"


@view
@internal
def _check_accepted(leaf: IProofs.Leaf, verdict: IProofs.Verdict, before: uint256, is_own: bool):
    """
    @dev The record is approved, and not by a ruling, which may have come after it was sent again for good reason. Another's was
         counted before the block `before`, and nothing can change that any more.
    """
    review: IReviews.Review = staticcall reviews.review(leaf.submission)
    assert review.phase >= DECIDED, "proofs: the earlier one is not decided"
    assert keccak256(concat(verdict.rejected, verdict.hung)) == review.verdict, "proofs: not the verdict"
    word: uint256 = leaf.record // 256
    bit: uint256 = 1 << (leaf.record % 256)
    refused: uint256 = extract32(verdict.rejected, 32 * word, output_type=uint256)
    hung: uint256 = extract32(verdict.hung, 32 * word, output_type=uint256)
    assert (refused | hung) & bit == 0, "proofs: the earlier one was not approved"
    ruled: uint256[4] = staticcall disputes.ruled_words(leaf.submission, word)
    assert ruled[1] & bit == 0, "proofs: a jury ruled on the earlier one"
    if not is_own:
        assert (
            staticcall reviews.counted_block(leaf.submission) < before
        ), "proofs: not decided when the copy was submitted"
        assert block.timestamp >= review.settle_after, "proofs: the earlier one may still be challenged"


@internal
def _blame(submission: uint256, is_forfeit: bool):
    if not staticcall standing.is_feeder(self):
        return
    case: IRequests.Case = staticcall requests.case_of(submission)
    if is_forfeit:
        extcall standing.forfeit(case.contributor)
    else:
        extcall standing.note(case.contributor, case.buyer, 0, 1, case.value_stake // case.records)


@internal
def _fetch(token_: address):
    """
    @dev Take in what Escrow owes this contract, and burn what is to be burned.
    """
    if staticcall escrow.owed(token_, self) != 0:
        extcall escrow.withdraw(token_)
    if token_ == token and self.burning != 0:
        amount: uint256 = self.burning
        self.burning = 0
        extcall IMarketToken(token).burn(amount)


@internal
def _push(token_: address, to: address, amount: uint256):
    if amount != 0:
        assert extcall IERC20(token_).transfer(to, amount, default_return_value=True), "proofs: token refused"
