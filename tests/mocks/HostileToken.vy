# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title HostileToken
@license AGPL-3.0-only
@notice A token that misbehaves as it is told to: takes a fee on transfer, answers false, blocks an account, or calls back.
"""

balanceOf: public(HashMap[address, uint256])
tax_bps: public(uint256)
is_false: public(bool)
blocked: public(HashMap[address, bool])
target: public(address)
message: public(Bytes[1024])
was_refused: public(bool)


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def set_tax(bps: uint256):
    self.tax_bps = bps


@external
def set_false(is_false: bool):
    self.is_false = is_false


@external
def block(account: address, is_blocked: bool):
    self.blocked[account] = is_blocked


@external
def call_back(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    assert not self.blocked[owner] and not self.blocked[to], "hostile token: blocked"
    if self.target != empty(address):
        # What it does in the midst of a transfer must fail without failing the transfer: so it would go unseen.
        self.was_refused = not raw_call(self.target, self.message, revert_on_failure=False)
    if self.is_false:
        return False
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - amount * self.tax_bps // 10_000
    return True
