"""The block log holds what was appended, whatever a crash leaves of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from sheaf.chain.engines.blocklog import KEPT_DUMPS, BlockLog, Entry
from sheaf.domain.errors import IntegrityError


def _entry(number: int) -> Entry:
    return Entry(number, 1_000 + number, f"0x{number:064x}", [bytes([number]) * 40, b""])


def _filled(directory: Path, count: int = 3) -> BlockLog:
    log = BlockLog(directory)
    for number in range(1, count + 1):
        log.append(_entry(number))
    log.close()
    return log


def test_round_trip(tmp_path: Path) -> None:
    """Entries come back in order, all or those after a block, and appending goes on."""
    assert list(BlockLog(tmp_path).entries()) == []
    _filled(tmp_path)
    log = BlockLog(tmp_path)
    assert list(log.entries(after=1)) == [_entry(2), _entry(3)]
    log.append(_entry(4))
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 4]


def test_every_torn_end_is_cut(tmp_path: Path) -> None:
    """Cut at any byte, the log gives the whole entries before it, and can be continued."""
    _filled(tmp_path, 2)
    path = tmp_path / "blocks.log"
    whole = path.read_bytes()
    first = len(whole) // 2
    for size in {*range(0, len(whole), 7), first - 1, first, first + 1, len(whole) - 1}:
        path.write_bytes(whole[:size])
        log = BlockLog(tmp_path)
        assert [entry.number for entry in log.entries()] == ([1] if size >= first else [])
        log.append(_entry(2 if size >= first else 1))
        assert [entry.number for entry in log.entries()][-1] == (2 if size >= first else 1)
        log.close()


@pytest.mark.parametrize("tail", [b"\x00" * 64, b"\xff" * 30, b"\x10\x00\x00\x00abcd" + b"x" * 16])
def test_garbage_at_the_end_is_cut(tmp_path: Path, tail: bytes) -> None:
    """Zeros or noise that a crash left at the end are no entries."""
    _filled(tmp_path)
    with (tmp_path / "blocks.log").open("ab") as file:
        file.write(tail)
    assert [entry.number for entry in BlockLog(tmp_path).entries()] == [1, 2, 3]


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    """A changed byte before the last entry, or a missing block, is an error: nothing after it may be dropped in silence."""
    _filled(tmp_path)
    path = tmp_path / "blocks.log"
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
    with pytest.raises(IntegrityError, match="broken at byte 0"):
        list(BlockLog(tmp_path).entries())
    third = len(whole) // 3
    path.write_bytes(whole[:third] + whole[2 * third :])
    with pytest.raises(IntegrityError, match=f"broken at byte {third}"):
        list(BlockLog(tmp_path).entries())


def test_dumps(tmp_path: Path) -> None:
    """Dumps come back with their block's hash, the newest first; a broken one counts as none; old ones go."""
    log = BlockLog(tmp_path)
    for number in range(1, KEPT_DUMPS + 3):
        log.keep(number, f"0x{number:064x}", b"state" * number)
    assert log.dumps() == [5, 4, 3]
    assert log.dump(4) == (f"0x{4:064x}", b"state" * 4)
    path = tmp_path / "state-5.dump"
    path.write_bytes(path.read_bytes()[:-1])
    assert log.dump(5) is None
    path.write_bytes(b"")
    assert log.dump(5) is None
