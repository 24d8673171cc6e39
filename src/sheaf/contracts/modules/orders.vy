# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Orders
@license AGPL-3.0-only
@notice An order in four words, read and written whole. Part of ComputeOrders.
"""

from ..interfaces import IComputeOrders

# First word: buyer 160 | dataset 32 | provider 16 | until 32 | phase 4 | use 4 | is_ticket 1 | is_deterministic 1.
# Second: token 160 | price 96. Third: fee 96 | lock 80 | second 16 | seconds 24 | slot 40. Fourth: the result.
ACCOUNT: constant(uint256) = 2**160 - 1
AMOUNT: constant(uint256) = 2**96 - 1
LOCK: constant(uint256) = 2**80 - 1
TIME: constant(uint256) = 2**32 - 1
SLOT: constant(uint256) = 2**40 - 1
SECONDS: constant(uint256) = 2**24 - 1
ID: constant(uint256) = 2**16 - 1

_words: HashMap[uint256, uint256[3]]
_results: HashMap[uint256, bytes32]


@view
@internal
def _load(number: uint256) -> IComputeOrders.Order:
    first: uint256 = self._words[number][0]
    second: uint256 = self._words[number][1]
    third: uint256 = self._words[number][2]
    return IComputeOrders.Order(
        phase=(first >> 240) & 15,
        buyer=convert(first & ACCOUNT, address),
        dataset=(first >> 160) & TIME,
        use=(first >> 244) & 15,
        provider=(first >> 192) & ID,
        until=(first >> 208) & TIME,
        is_ticket=(first >> 248) & 1 == 1,
        is_deterministic=(first >> 249) & 1 == 1,
        token=convert(second & ACCOUNT, address),
        price=second >> 160,
        fee=third & AMOUNT,
        lock=(third >> 96) & LOCK,
        seconds=(third >> 192) & SECONDS,
        second=(third >> 176) & ID,
        slot=third >> 216,
        result=self._results[number],
    )


@internal
def _make(number: uint256, one: IComputeOrders.Order):
    self._keep(number, one)
    self._words[number][1] = convert(one.token, uint256) | (one.price << 160)
    self._keep_terms(number, one)


@internal
def _keep(number: uint256, one: IComputeOrders.Order):
    """
    @notice Write what changes with the phase.
    """
    self._words[number][0] = (
        convert(one.buyer, uint256)
        | (one.dataset << 160)
        | (one.provider << 192)
        | (one.until << 208)
        | (one.phase << 240)
        | (one.use << 244)
        | (convert(one.is_ticket, uint256) << 248)
        | (convert(one.is_deterministic, uint256) << 249)
    )


@internal
def _keep_terms(number: uint256, one: IComputeOrders.Order):
    """
    @notice Write the terms, and who repeats the job.
    """
    self._words[number][2] = (
        one.fee | (one.lock << 96) | (one.second << 176) | (one.seconds << 192) | (one.slot << 216)
    )
