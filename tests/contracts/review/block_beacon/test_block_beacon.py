"""Block beacon: a block's hash is known after it and for 255 blocks, and nobody can say otherwise."""

from __future__ import annotations

from typing import Any

import boa
from eth_utils.crypto import keccak

from sheaf.review import block_beacon
from tests.contracts.conftest import load


def test_a_hash_is_known_after_its_block_and_within_reach(monkeypatch: Any) -> None:
    """Neither the current block nor one 256 back has a value; all between have theirs; slots count blocks."""
    beacon = load("review/BlockBeacon.vy").deploy()
    boa.env.time_travel(blocks=300)
    now = boa.env.evm.patch.block_number
    recent = [keccak(i.to_bytes(2, "big")) for i in range(256)]
    monkeypatch.setattr(boa.env.evm.vm.state.execution_context, "_prev_hashes", recent)
    assert beacon.slot_ahead(7) == now + 7
    hashes = {now - 1 - i: value for i, value in enumerate(recent)}
    for slot in (now + 1, now, now - 1, now - 2, now - 255, now - 256, 0, 2**255):
        assert beacon.value_of(slot) == block_beacon.known(hashes, slot, now)
    assert beacon.is_of_blocks()
    assert beacon.value_after(now - 257, 0, 2) == beacon.value_of(now - 255) == hashes[now - 255]
    with boa.reverts("block_beacon: too early"):
        beacon.value_after(now - 2, 0, 2)
    with boa.reverts("block_beacon: block out of reach"):
        beacon.value_after(now - 258, 0, 2)
