# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title HookedToken
@license AGPL-3.0-only
@notice A token that calls back in the midst of a transfer, with the rights of whoever it stands for: it may itself be buyer,
        contributor and creditor. Its balances may be moved by its maker at will, as those of a rebasing token.
"""

balanceOf: public(HashMap[address, uint256])
target: public(address)
message: public(Bytes[1024])
calls: public(uint256)
refusals: public(uint256)


@external
def set_balance(account: address, amount: uint256):
    self.balanceOf[account] = amount


@external
def hook(target: address, message: Bytes[1024]):
    """@notice From now on call `target` before and after each transfer; nobody, if it is the zero address."""
    self.target = target
    self.message = message
    self.calls = 0
    self.refusals = 0


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    self._call()
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    self._call()
    return True


@internal
def _call():
    if self.target != empty(address):
        self.calls += 1
        self.refusals += convert(not raw_call(self.target, self.message, revert_on_failure=False), uint256)
