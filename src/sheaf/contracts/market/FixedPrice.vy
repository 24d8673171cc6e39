# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Fixed price
@license AGPL-3.0-only
@notice What one use of a dataset costs, by kind of use, and its sale ahead of use: a buyer pays the price and gets that many of the
        use's datatokens. The money goes to Royalties at once and never rests here.
@dev The first offer of a use makes its datatoken, at an address that follows from dataset and use (EIP-1014, EIP-1167), so that no
     slot keeps it.
@custom:stop The owner takes an offer back, or withdraws the dataset. Nobody else can stop anything, and no money is here.
"""

from ethereum.ercs import IERC20
from ..interfaces import IDatasets
from ..interfaces import IDatatoken
from ..interfaces import IFixedPrice
from ..interfaces import IRoyalties

implements: IFixedPrice

# Kinds of use are 1 to this; Python names them.
USES: constant(uint256) = 15
LIMIT: constant(uint256) = 2**96

datasets: public(immutable(IDatasets))
datatoken: public(immutable(address))
royalties: public(immutable(IRoyalties))
INITCODE_HASH: immutable(bytes32)

# token 160 | price 96.
_offers: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(datasets_: address, datatoken_: address, royalties_: address):
    """
    @notice Join the contracts.
    @param datatoken_ The code of all datatokens.
    """
    datasets = IDatasets(datasets_)
    datatoken = datatoken_
    royalties = IRoyalties(royalties_)
    INITCODE_HASH = keccak256(
        concat(
            x"602d3d8160093d39f3363d3d373d3d3d363d73",
            convert(datatoken_, bytes20),
            x"5af43d82803e903d91602b57fd5bf3",
        )
    )


@external
def offer(dataset: uint256, use: uint256, token: address, price: uint256):
    """
    @notice Set what one use costs, in any ERC-20, or take the offer back with no token. Owner of the dataset only.
    """
    assert msg.sender == staticcall datasets.owner_of(dataset), "fixed_price: not the owner"
    assert use > 0 and use <= USES, "fixed_price: no such use"
    assert price < LIMIT, "fixed_price: price too large"
    assert token != empty(address) or price == 0, "fixed_price: no token"
    made: address = self._datatoken_of(dataset, use)
    if not made.is_contract:
        made = create_minimal_proxy_to(datatoken, salt=self._salt(dataset, use))
        extcall IDatatoken(made).initialise(dataset, use)
    self._offers[dataset][use] = convert(token, uint256) | (price << 160)
    log IFixedPrice.Offered(dataset=dataset, use=use, datatoken=made, token=token, price=price)


@external
@nonreentrant
def buy(dataset: uint256, use: uint256, uses: uint256, most: uint256) -> uint256:
    """
    @notice Buy uses ahead, as datatokens.
    @param most What the buyer pays at most, should the price change before this is mined.
    @return What was paid.
    """
    word: uint256 = self._offers[dataset][use]
    token: address = self._token(word)
    assert token != empty(address), "fixed_price: not offered"
    assert uses > 0 and uses < LIMIT, "fixed_price: no uses"
    version: uint256 = staticcall datasets.admit(dataset, msg.sender)
    total: uint256 = (word >> 160) * uses
    assert total <= most, "fixed_price: dearer than the buyer allows"
    log IFixedPrice.UseSold(dataset=dataset, use=use, buyer=msg.sender, uses=uses, total=total)
    if total != 0:
        before: uint256 = staticcall IERC20(token).balanceOf(royalties.address)
        came: bool = extcall IERC20(token).transferFrom(
            msg.sender, royalties.address, total, default_return_value=True
        )
        assert came, "fixed_price: token refused"
        rise: uint256 = staticcall IERC20(token).balanceOf(royalties.address) - before
        assert rise == total, "fixed_price: token takes a fee on transfer"
        extcall royalties.note(dataset, token, total)
    extcall IDatatoken(self._datatoken_of(dataset, use)).mint(msg.sender, uses)
    return total


@view
@external
def offer_of(dataset: uint256, use: uint256) -> IFixedPrice.Offer:
    """
    @notice What one use costs, and in which token; no token where it is not offered.
    """
    word: uint256 = self._offers[dataset][use]
    return IFixedPrice.Offer(token=self._token(word), price=word >> 160)


@view
@external
def datatoken_of(dataset: uint256, use: uint256) -> address:
    """
    @notice Where the datatoken of a use is, or will be once it was offered.
    """
    return self._datatoken_of(dataset, use)


@pure
@internal
def _token(word: uint256) -> address:
    return convert(word & (2**160 - 1), address)


@pure
@internal
def _salt(dataset: uint256, use: uint256) -> bytes32:
    return keccak256(abi_encode(dataset, use))


@view
@internal
def _datatoken_of(dataset: uint256, use: uint256) -> address:
    return convert(
        convert(
            keccak256(concat(x"ff", convert(self, bytes20), self._salt(dataset, use), INITCODE_HASH)),
            uint256,
        )
        & (2**160 - 1),
        address,
    )
