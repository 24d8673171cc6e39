# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Verdicts
@license AGPL-3.0-only
@notice Stands where Committees, Reviews, Scores and Proofs stand, so that Requests can be tested with verdicts of every kind.
"""

from sheaf.contracts.interfaces import IReviews
from sheaf.contracts.interfaces import IScores

is_drawn: public(HashMap[uint256, bool])
outcomes: HashMap[uint256, IReviews.Outcome]
rated: HashMap[uint256, IScores.Terms]
credited: public(HashMap[uint256, uint256])


@external
def draw(submission: uint256):
    self.is_drawn[submission] = True


@external
def decide(submission: uint256, outcome: IReviews.Outcome):
    self.outcomes[submission] = outcome


@external
def rate(submission: uint256, terms_: IScores.Terms):
    self.rated[submission] = terms_


@view
@external
def terms(submission: uint256, accounts: DynArray[address, 23]) -> IScores.Terms:
    found: IScores.Terms = self.rated[submission]
    if len(found.factors) == 0:
        for account: address in accounts:
            found.factors.append(10_000)
    return found


@external
def close(submission: uint256) -> IReviews.Outcome:
    outcome: IReviews.Outcome = self.outcomes[submission]
    assert outcome.size != 0, "verdicts: not decided"
    self.outcomes[submission] = empty(IReviews.Outcome)
    return outcome


@external
def credit(submission: uint256, token: address, amount: uint256):
    self.credited[submission] = amount
