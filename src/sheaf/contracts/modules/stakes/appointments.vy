# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Appointments of contracts to powers
@license AGPL-3.0-only
@notice Powers are bits of a mask (1, 2, 4, 8); each keeps the time from which it is in effect in 64 bits of one word.
"""

from ...interfaces import IParameters
from ...interfaces import IStakes

RELEASE: constant(uint256) = 1
SLASH: constant(uint256) = 2
DRAW: constant(uint256) = 4
WEIGH: constant(uint256) = 8
POWERS: constant(uint256) = 15
# All but the first, to release: a lock must always find its way back.
DISMISSIBLE: constant(uint256) = 14
FOREVER: constant(uint256) = 2**64 - 1

appointments_parameters: immutable(IParameters)

_appointments: HashMap[address, uint256]


@deploy
def __init__(parameters_: address):
    appointments_parameters = IParameters(parameters_)


@external
def dismiss(contract: address, powers: uint256):
    """
    @notice Take the powers to slash, to draw or to weigh from a contract at once. Governor only.
    @dev The power to release stays for ever: a lock must always find its way back.
    """
    self._only_governor()
    assert powers != 0 and powers & ~DISMISSIBLE == 0, "appointments: cannot be dismissed"
    word: uint256 = self._appointments[contract]
    for i: uint256 in range(4):
        if powers & (1 << i) != 0:
            word &= ~(FOREVER << (64 * i))
    self._appointments[contract] = word
    log IStakes.Dismissed(contract=contract, powers=powers)


@view
@external
def powers(contract: address) -> uint256:
    """
    @notice The powers of a contract that are in effect now.
    """
    return self._powers(contract)


@internal
def _appoint(contract: address, powers: uint256, effective_at: uint256):
    """
    @notice Give `powers` from `effective_at` on; one that has been given, or is on its way, keeps its time.
    """
    assert powers != 0 and powers <= POWERS, "appointments: unknown powers"
    word: uint256 = self._appointments[contract]
    for i: uint256 in range(4):
        if powers & (1 << i) != 0 and (word >> (64 * i)) & FOREVER == 0:
            word |= effective_at << (64 * i)
    self._appointments[contract] = word


@view
@internal
def _only_governor():
    assert msg.sender == staticcall appointments_parameters.governor(), "stakes: not the governor"


@view
@internal
def _powers(contract: address) -> uint256:
    """
    @notice The powers that are in effect now.
    """
    mask: uint256 = 0
    for i: uint256 in range(4):
        if self._has(contract, 1 << i):
            mask |= 1 << i
    return mask


@view
@internal
def _only(power: uint256):
    """
    @notice Refuse a caller who has not this power now.
    """
    assert self._has(msg.sender, power), "appointments: not appointed"


@view
@internal
def _has(contract: address, power: uint256) -> bool:
    # Powers 1, 2, 4, 8 keep their times at places 0, 1, 2, 3.
    place: uint256 = power // 2 - power // 8
    effective_at: uint256 = (self._appointments[contract] >> (64 * place)) & FOREVER
    return effective_at != 0 and effective_at <= block.timestamp
