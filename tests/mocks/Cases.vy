# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Cases
@license AGPL-3.0-only
@notice Stands where Requests and Reviews stand, so that Committees can be tested on cases of every kind.
"""

from sheaf.contracts.interfaces import IRequests

cases: HashMap[uint256, IRequests.Case]
hung_block: public(HashMap[uint256, uint256])


@external
def put(submission: uint256, case: IRequests.Case):
    """@notice Let `submission` be this case."""
    self.cases[submission] = case


@external
def hang(submission: uint256, block_number: uint256):
    """@notice Let `submission` be hung since `block_number`, or no longer if 0."""
    self.hung_block[submission] = block_number


@view
@external
def case_of(submission: uint256) -> IRequests.Case:
    """@notice The case of a submission."""
    return self.cases[submission]
