"""Block hashes as a beacon (twin of BlockBeacon.vy, and the call upon it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain

CONTRACT = "BlockBeacon"
REACH = 255
NO_VALUE = bytes(32)


def known(hashes: Mapping[int, bytes], slot: int, block: int) -> bytes:
    """Return what the beacon says of `slot` in `block`: the block's hash, or zero where it is not known or out of reach."""
    return hashes[slot] if block - REACH <= slot < block else NO_VALUE


def value_of(chain: Chain, slot: int) -> bytes:
    """Return the hash of a block as the beacon knows it now."""
    return bytes(chain.call(CONTRACT, "value_of", slot))
