"""Nodes: the reading key of an account, to which content keys are sealed (twin of Nodes.vy)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError, Refused

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address

CONTRACT = "Nodes"
EMPTY = bytes(32)


@dataclass
class NodesTwin:
    """The rules of Nodes.vy; refuses with the contract's own words."""

    keys: dict[str, bytes] = field(default_factory=dict)

    def register(self, sender: str, key: bytes) -> None:
        """Set the sender's reading key."""
        if key == EMPTY:
            raise Refused("nodes: empty key")
        self.keys[sender] = key

    def reading_key(self, account: str) -> bytes:
        """Return an account's reading key, 32 zero bytes if it has none."""
        return self.keys.get(account, EMPTY)


def register(chain: Chain, signer: Signer, key: bytes) -> Receipt:
    """Publish the signer's X25519 public key (32 bytes). Raises InputError if that cannot be one."""
    if len(key) != 32 or key == EMPTY:
        raise InputError("reading key", f"{len(key)} bytes", "give the 32 bytes of an X25519 public key")
    return chain.send(signer, CONTRACT, "register", key)


def reading_key(chain: Chain, account: Address) -> bytes | None:
    """Return an account's published X25519 public key, None if it has none."""
    key = bytes(chain.call(CONTRACT, "reading_key", account))
    return None if key == EMPTY else key
