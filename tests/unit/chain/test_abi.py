"""Values go to contracts and come back by name, whatever shape they have in Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sheaf.chain.abi import EventForm, Function, digest
from sheaf.chain.contracts import artifact, read_artifact, write_whole
from sheaf.domain.errors import InputError

POINT = {
    "name": "point",
    "type": "tuple",
    "components": [{"name": "x", "type": "uint256"}, {"name": "at", "type": "address"}],
}
POINTS = {**POINT, "name": "points", "type": "tuple[]"}
TO = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@dataclass
class Point:
    x: int
    at: str


@pytest.fixture
def echo() -> Function:
    inputs = [POINT, POINTS, {"name": "salts", "type": "bytes32[]"}, {"name": "data", "type": "bytes"}]
    return Function("Echo", {"name": "echo", "inputs": inputs, "outputs": inputs})


def test_selector() -> None:
    """The selector is that of the ERC-20 standard."""
    assert artifact("MarketToken").function("transfer", 2).selector == bytes.fromhex("a9059cbb")
    assert digest("Transfer(address,address,uint256)").hex().startswith("ddf252ad")


def test_structs_of_any_shape(echo: Function) -> None:
    """A struct may be a tuple, a mapping or an object; bytes may be hexadecimal text; they come back named."""
    shapes: list[Any] = [(7, TO), {"at": TO, "x": 7}, Point(7, TO)]
    assert echo.signature == "echo((uint256,address),(uint256,address)[],bytes32[],bytes)"
    for shape in shapes:
        data = echo.encode((shape, [shape, shape], ["0x" + "11" * 32], "0xabcd"))
        point, points, salts, raw = echo.decode(data[4:])
        assert point.x == 7
        assert point.at == TO
        assert points == (point, point)
        assert (salts, raw) == ((b"\x11" * 32,), b"\xab\xcd")


def test_event_of_another_form() -> None:
    """A log with the right topic but other parts is not read as something that it is not."""
    form = artifact("MarketToken").event("Transfer")
    with pytest.raises(ValueError, match="1 topics"):
        form.decode({"topics": [form.topic], "data": "0x"})
    words = EventForm("X", {"name": "Said", "inputs": [{"name": "words", "type": "string", "indexed": True}]})
    assert words.decode({"topics": [words.topic, "0x" + "22" * 32], "data": "0x"}) == {"words": b"\x22" * 32}


def test_artifacts(tmp_path: Path) -> None:
    """Every contract of the market has one; unknown names and broken files are told."""
    for name in ("../Escrow", "Nowhere"):
        with pytest.raises(InputError, match="give one of"):
            artifact(name)
    broken = tmp_path / "X.json"
    broken.write_text("{}")
    with pytest.raises(InputError, match="compile the contracts again"):
        read_artifact(broken)


def test_written_whole_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing fails the old file stays, and nothing else is left."""
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == b"old"
