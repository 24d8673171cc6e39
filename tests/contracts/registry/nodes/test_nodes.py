"""Nodes: an account's reading key."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from sheaf.domain.errors import Refused
from sheaf.registry.nodes import NodesTwin


def test_an_account_sets_its_own_key(nodes: Any, buyer: str, outsider: str) -> None:
    """A key is its sender's, can be changed, and is announced."""
    twin = NodesTwin()
    assert nodes.reading_key(buyer) == twin.reading_key(buyer) == bytes(32)
    for key in (b"\1" * 32, b"\2" * 32):
        nodes.register(key, sender=buyer)
        event = nodes.get_logs()[0]
        assert (event.account, event.key) == (buyer, key)
        twin.register(buyer, key)
        assert nodes.reading_key(buyer) == twin.reading_key(buyer) == key
    assert nodes.reading_key(outsider) == bytes(32)


def test_empty_keys_are_refused(nodes: Any, buyer: str) -> None:
    """32 zero bytes are nobody's key."""
    with boa.reverts("nodes: empty key"):
        nodes.register(bytes(32), sender=buyer)
    with pytest.raises(Refused, match="nodes: empty key"):
        NodesTwin().register(buyer, bytes(32))
