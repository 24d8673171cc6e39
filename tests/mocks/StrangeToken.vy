# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title StrangeToken
@license AGPL-3.0-only
@notice A payment token that is sound, but whose symbol and places are whatever its maker chose.
"""

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
symbol: public(String[64])
decimals: public(uint8)


@deploy
def __init__(symbol: String[64], decimals: uint8, supply: uint256):
    self.symbol = symbol
    self.decimals = decimals
    self.balanceOf[msg.sender] = supply


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    return True
