# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title SilentToken
@license AGPL-3.0-only
@notice A token of the old kind, whose transfers answer nothing.
"""

balanceOf: public(HashMap[address, uint256])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def transfer(to: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount


@external
def transferFrom(owner: address, to: address, amount: uint256):
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
