# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title BentToken
@license AGPL-3.0-only
@notice A stake token that was chosen badly: it may keep a fee on transfer, or answer False instead of reverting.
"""

balanceOf: public(HashMap[address, uint256])
fee: public(uint256)
is_false: public(bool)


@external
def bend(fee: uint256, is_false: bool):
    """@notice From now on keep `fee` of each transfer, or move nothing and answer False."""
    self.fee = fee
    self.is_false = is_false


@external
def give(account: address, amount: uint256):
    """@notice Make tokens."""
    self.balanceOf[account] += amount


@external
def transfer(to: address, amount: uint256) -> bool:
    """@notice Move tokens, in this token's manner."""
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """@notice Move another's tokens, in this token's manner, without asking for an allowance."""
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    if self.is_false:
        return False
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - self.fee
    return True
