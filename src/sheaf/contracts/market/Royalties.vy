# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Royalties
@license AGPL-3.0-only
@notice What datasets earn, and its way up their lineage. Each dataset has one sum of all it ever earned in a token; its parents are
        due their weights of that sum and its owner the rest. Nothing is pushed: anyone passes one parent's part up by one step, which
        adds to that parent's sum, and anyone has an owner paid. A step costs the same however long the lineage is.

        Parents' parts are rounded down from the whole sum, never from single payments, so at most one unit less than there are
        parents waits for the next payment. For each token: the balance here = what is due + what waits.
@custom:stop Nothing here can be stopped.
"""

from ethereum.ercs import IERC20
from ..interfaces import IDatasets
from ..interfaces import IRoyalties

implements: IRoyalties

BPS: constant(uint256) = 10_000
LIMIT: constant(uint256) = 2**128

datasets: public(immutable(IDatasets))
fixed_price: public(immutable(address))
compute_orders: public(immutable(address))

income: public(HashMap[uint256, HashMap[address, uint256]])
claimed: public(HashMap[uint256, HashMap[address, uint256]])
passed: public(HashMap[uint256, HashMap[uint256, HashMap[address, uint256]]])


@deploy
def __init__(datasets_: address, fixed_price_: address, compute_orders_: address):
    """
    @notice Join the contracts that sell.
    """
    datasets = IDatasets(datasets_)
    fixed_price = fixed_price_
    compute_orders = compute_orders_


@external
@nonreentrant
def pay(dataset: uint256, token: address, amount: uint256):
    """
    @notice Pay a dataset, as who sold something made from it, or its token, may owe. Anyone may.
    """
    assert staticcall datasets.owner_of(dataset) != empty(address), "royalties: no such dataset"
    assert amount > 0, "royalties: nothing to pay"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    came: bool = extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert came, "royalties: token refused"
    rise: uint256 = staticcall IERC20(token).balanceOf(self) - before
    assert rise == amount, "royalties: token takes a fee on transfer"
    self._note(dataset, token, amount)


@external
def note(dataset: uint256, token: address, amount: uint256):
    """
    @notice Count what a contract that sells has just transferred here. FixedPrice and ComputeOrders only.
    """
    assert msg.sender == fixed_price or msg.sender == compute_orders, "royalties: not a seller"
    self._note(dataset, token, amount)


@external
def pass_up(dataset: uint256, place: uint256, token: address) -> uint256:
    """
    @notice Add to a parent's sum what it is due of a dataset's, by one step. Anyone may.
    @param place Which of the dataset's parents, counted from 0.
    @return What was passed.
    """
    parent: uint256 = 0
    amount: uint256 = 0
    parent, amount = self._due_to_parent(dataset, place, token)
    assert amount > 0, "royalties: nothing to pass up"
    self.passed[dataset][place][token] += amount
    self.income[parent][token] += amount
    log IRoyalties.PassedUp(dataset=dataset, parent=parent, token=token, amount=amount)
    return amount


@external
@nonreentrant
def claim(dataset: uint256, token: address) -> uint256:
    """
    @notice Pay a dataset's owner what is due. Anyone may call it; the money goes to who owns the dataset now.
    """
    amount: uint256 = self._due(dataset, token)
    assert amount > 0, "royalties: nothing due"
    self.claimed[dataset][token] += amount
    owner: address = staticcall datasets.owner_of(dataset)
    log IRoyalties.IncomeClaimed(dataset=dataset, owner=owner, token=token, amount=amount)
    went: bool = extcall IERC20(token).transfer(owner, amount, default_return_value=True)
    assert went, "royalties: token refused"
    return amount


@view
@external
def due(dataset: uint256, token: address) -> uint256:
    """
    @notice What a dataset's owner could claim now.
    """
    return self._due(dataset, token)


@view
@external
def due_to_parent(dataset: uint256, place: uint256, token: address) -> uint256:
    """
    @notice What could be passed up to one parent now.
    """
    return self._due_to_parent(dataset, place, token)[1]


@internal
def _note(dataset: uint256, token: address, amount: uint256):
    assert amount < LIMIT, "royalties: amount too large"
    self.income[dataset][token] += amount
    log IRoyalties.IncomeNoted(dataset=dataset, token=token, amount=amount)


@view
@internal
def _due(dataset: uint256, token: address) -> uint256:
    # Rounded up, and the parents' parts down: what all are due never shrinks, and never adds up to more than the sum.
    total: uint256 = 0
    for one: IDatasets.Parent in staticcall datasets.parents_of(dataset):
        total += one.weight_bps
    income: uint256 = self.income[dataset][token]
    return income - income * total // BPS - self.claimed[dataset][token]


@view
@internal
def _due_to_parent(dataset: uint256, place: uint256, token: address) -> (uint256, uint256):
    parents: DynArray[IDatasets.Parent, 5] = staticcall datasets.parents_of(dataset)
    assert place < len(parents), "royalties: no such parent"
    one: IDatasets.Parent = parents[place]
    part: uint256 = self.income[dataset][token] * one.weight_bps // BPS
    return one.dataset, part - self.passed[dataset][place][token]
