# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Holdings
@license AGPL-3.0-only
@notice Stands where Requests, Committees and Reviews stand, so that Custody can be tested on submissions in every state.
"""

from sheaf.contracts.interfaces import ICommittees
from sheaf.contracts.interfaces import IRequests
from sheaf.contracts.interfaces import IReviews

case_of: public(HashMap[uint256, IRequests.Case])
submission: public(HashMap[uint256, IRequests.Submission])
review: public(HashMap[uint256, IReviews.Review])
quorum: uint256
seats: HashMap[uint256, address]


@external
def put(id: uint256, made: IRequests.Submission, case: IRequests.Case):
    """@notice Let a submission be this one."""
    self.submission[id] = made
    self.case_of[id] = case


@external
def seat(accounts: DynArray[address, 12], quorum: uint256):
    """@notice Let every committee be this one."""
    self.quorum = quorum
    for i: uint256 in range(len(accounts), bound=12):
        self.seats[i] = accounts[i]


@external
def move(id: uint256, phase: uint256, review_phase: uint256, round: uint256, approved: uint256):
    """@notice Let a submission be in this state."""
    self.submission[id].phase = phase
    self.case_of[id].phase = phase
    self.review[id].phase = review_phase
    self.review[id].round = round
    self.review[id].approved = approved


@external
def excuse(id: uint256):
    """@notice What Reviews does."""
    self.review[id].phase = 3


@view
@external
def seat_account(id: uint256, seat: uint256) -> address:
    """@notice Who sits there."""
    return self.seats[seat]


@view
@external
def committee(id: uint256) -> ICommittees.Committee:
    """@notice A committee with a quorum."""
    panel: ICommittees.Committee = empty(ICommittees.Committee)
    panel.quorum = self.quorum
    return panel
