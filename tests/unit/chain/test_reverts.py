"""Every refusal of every contract comes with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import snekmate

from sheaf.chain.advice import FIXES, fix_for
from sheaf.chain.contracts import SOURCES
from sheaf.chain.reverts import decode_revert

TEXT = re.compile(r'"([a-z_0-9]+: [^"\n]+)"')
IMPORTED = ("tokens/erc20.vy", "utils/ecdsa.vy", "auth/ownable.vy")


def _spoken() -> set[str]:
    snekmates = Path(next(iter(snekmate.__path__)))
    sources = [*SOURCES.rglob("*.vy"), *(snekmates / name for name in IMPORTED)]
    return {text for source in sources for text in TEXT.findall(source.read_text())}


def test_no_refusal_without_a_fix() -> None:
    """All revert texts in the sources, and in the modules that they import, are in the table."""
    assert sorted(text for text in _spoken() if not fix_for(text)) == []


def test_no_fix_without_a_refusal() -> None:
    """The table holds nothing that no contract says."""
    spoken = _spoken()
    assert (
        sorted(
            f"{room}: {words}"
            for room, table in FIXES.items()
            for words in table
            if f"{room}: {words}" not in spoken
        )
        == []
    )


def _error(text: str) -> str:
    data = text.encode()
    padded = data.ljust(-(-len(data) // 32) * 32, b"\x00")
    return "0x08c379a0" + (32).to_bytes(32, "big").hex() + len(data).to_bytes(32, "big").hex() + padded.hex()


@pytest.mark.parametrize(
    ("data", "message", "reason"),
    [
        (_error("escrow: nothing owed"), "", "escrow: nothing owed"),
        (None, "execution reverted: escrow: nothing owed", "escrow: nothing owed"),
        ("0x4e487b71" + (0x11).to_bytes(32, "big").hex(), "", "contract: arithmetic overflow"),
        ("0x4e487b71" + (0x77).to_bytes(32, "big").hex(), "", "contract: panic 0x77"),
        ("0x", "execution reverted", "contract: reverted without a reason"),
        (None, "execution reverted", "contract: reverted without a reason"),
        ("0xdeadbeef", "execution reverted", "contract: reverted with 0xdeadbeef"),
        ("0x08c379a0ff", "", "contract: unreadable revert data"),
    ],
)
def test_revert_data(data: str | None, message: str, reason: str) -> None:
    """Reasons are read from revert data, or from the message of nodes that give no data; each has a fix."""
    refusal = decode_revert(data, message)
    assert refusal.reason == reason
    assert refusal.fix


def test_foreign_words_have_no_fix() -> None:
    """A refusal of somebody else's contract is told in its words alone."""
    assert str(decode_revert(_error("Dai/insufficient-balance"))) == "Dai/insufficient-balance"
