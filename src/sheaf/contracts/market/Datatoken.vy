# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Datatoken
@license AGPL-3.0-only
@notice One kind of use of one dataset as an ERC-20 token with permit (EIP-2612): a whole token is one use, and there are no parts.
        FixedPrice makes a minimal proxy (EIP-1167) for each and mints what it sells, the dataset's owner mints what it gives away,
        and ComputeOrders burns what is used and mints it again where a use is refunded. All proxies bear one name; `right` tells
        them apart.
@dev The ERC-20 part and its permit are snekmate's; its owner and its minters are appointed to nothing.
@custom:stop Nothing here can be stopped. A withdrawn dataset takes no new orders, and its tokens keep what they are worth.
"""

from ..interfaces import IDatasets
from ..interfaces import IDatatoken
from snekmate.auth import ownable
from snekmate.tokens import erc20

initializes: ownable
initializes: erc20[ownable := ownable]
implements: IDatatoken

exports: (
    erc20.IERC20,
    erc20.IERC20Detailed,
    erc20.IERC20Permit,
    erc20.eip712Domain,
)

datasets: public(immutable(IDatasets))
fixed_price: public(immutable(address))
compute_orders: public(immutable(address))

# use 8 | dataset above it; never zero once it is set.
_right: uint256


@deploy
def __init__(datasets_: address, fixed_price_: address, compute_orders_: address):
    """
    @notice Join the contracts; this one is the code of all proxies and stands for no use itself.
    """
    ownable.__init__()
    erc20.__init__("Sheaf use of data", "USE", 0, "Sheaf use of data", "1")
    erc20.is_minter[msg.sender] = False
    ownable._transfer_ownership(empty(address))
    datasets = IDatasets(datasets_)
    fixed_price = fixed_price_
    compute_orders = compute_orders_


@external
def initialise(dataset: uint256, use: uint256):
    """
    @notice Say what a proxy stands for. FixedPrice only, once.
    """
    assert msg.sender == fixed_price, "datatoken: not fixed price"
    assert self._right == 0, "datatoken: set already"
    self._right = use | (dataset << 8)


@external
def mint(to: address, amount: uint256):
    """
    @notice Make tokens: FixedPrice what it sold, ComputeOrders what it refunds, the dataset's owner what it gives away.
    """
    if msg.sender != fixed_price and msg.sender != compute_orders:
        owner: address = staticcall datasets.owner_of(self._right >> 8)
        assert msg.sender == owner, "datatoken: not the owner"
    erc20._mint(to, amount)


@external
def consume(account: address):
    """
    @notice Burn one token of who uses it. ComputeOrders only.
    """
    assert msg.sender == compute_orders, "datatoken: not compute orders"
    assert erc20.balanceOf[account] > 0, "datatoken: no use left"
    erc20._burn(account, 1)


@view
@external
def right() -> (uint256, uint256):
    """
    @notice The dataset and the kind of use that this token is for.
    """
    return self._right >> 8, self._right & 255
