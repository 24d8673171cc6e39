# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Verdicts
@license AGPL-3.0-only
@notice Stands where Committees and Reviews stand, so that Requests can be tested with verdicts of every kind.
"""

from sheaf.contracts.interfaces import IReviews

is_drawn: public(HashMap[uint256, bool])
outcomes: HashMap[uint256, IReviews.Outcome]


@external
def draw(submission: uint256):
    self.is_drawn[submission] = True


@external
def decide(submission: uint256, outcome: IReviews.Outcome):
    self.outcomes[submission] = outcome


@external
def close(submission: uint256) -> IReviews.Outcome:
    outcome: IReviews.Outcome = self.outcomes[submission]
    assert outcome.size != 0, "verdicts: not decided"
    self.outcomes[submission] = empty(IReviews.Outcome)
    return outcome
