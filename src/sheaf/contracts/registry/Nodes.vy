# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Nodes
@license AGPL-3.0-only
@notice The reading key (X25519 public key) of an account: content keys are sealed to it.
@custom:stop Nothing here can be stopped and nobody governs it: an account alone sets its own key.
"""

from ..interfaces import INodes

implements: INodes

reading_key: public(HashMap[address, bytes32])


@external
def register(key: bytes32):
    """
    @notice Set the caller's reading key; letters sealed to an earlier key stay readable with that one only.
    """
    assert key != empty(bytes32), "nodes: empty key"
    self.reading_key[msg.sender] = key
    log INodes.KeyRegistered(account=msg.sender, key=key)
