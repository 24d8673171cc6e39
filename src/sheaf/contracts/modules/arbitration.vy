# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Arbitration
@license AGPL-3.0-only
@notice Who may hold and rule: named by the governor, two days ahead (one second on test networks), so that all see it coming.
"""

from ..interfaces import IParameters
from ..interfaces import IReviews

DELAY: constant(uint256) = 172800

arbiter_parameters: immutable(IParameters)

pending_arbiter: public(address)
arbiter_from: public(uint256)
_arbiter: address


@deploy
def __init__(parameters_: address):
    arbiter_parameters = IParameters(parameters_)


@external
def propose_arbiter(arbiter_: address):
    """
    @notice Name who may hold and rule, from two days on (one second on test networks); zero for nobody. Governor only.
    """
    assert msg.sender == staticcall arbiter_parameters.governor(), "reviews: not the governor"
    self._arbiter = self.current()
    self.pending_arbiter = arbiter_
    delay: uint256 = DELAY
    if staticcall arbiter_parameters.is_test():
        delay = 1
    self.arbiter_from = block.timestamp + delay
    log IReviews.ArbiterProposed(arbiter=arbiter_, effective_at=self.arbiter_from)


@view
@external
def arbiter() -> address:
    """
    @notice Who may hold and rule now; zero if nobody.
    """
    return self.current()


@view
@internal
def current() -> address:
    if self.arbiter_from != 0 and block.timestamp >= self.arbiter_from:
        return self.pending_arbiter
    return self._arbiter
