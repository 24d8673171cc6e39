"""What a transaction that reverted says, read from its data."""

from __future__ import annotations

from sheaf.chain.advice import fix_for
from sheaf.domain.errors import Reverted

_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x32: "index out of range",
}
_UNSPOKEN = "the contract gave no reason: check amounts, allowances and that the address is a market contract"


def decode_revert(data: str | None, message: str = "") -> Reverted:
    """Return the refusal that revert data (0x…) spells: Error(string), Panic(uint256), or nothing at all."""
    from eth_abi.abi import decode

    raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    try:
        if raw[:4] == bytes.fromhex("08c379a0"):
            reason = str(decode(["string"], raw[4:])[0])
            return Reverted(reason, fix_for(reason))
        if raw[:4] == bytes.fromhex("4e487b71"):
            code = int(decode(["uint256"], raw[4:])[0])
            return Reverted(
                f"contract: {_PANICS.get(code, f'panic {code:#x}')}",
                "use values within the contract's bounds",
            )
    except Exception:
        return Reverted("contract: unreadable revert data", _UNSPOKEN)
    # Some nodes put the reason into the message alone: "execution reverted: escrow: nothing owed".
    spoken = message.split("reverted: ", 1)[1].strip() if "reverted: " in message else ""
    if spoken:
        return Reverted(spoken, fix_for(spoken))
    return Reverted(
        f"contract: reverted{f' with {data[:10]}' if data and len(raw) >= 4 else ' without a reason'}",
        _UNSPOKEN,
    )
