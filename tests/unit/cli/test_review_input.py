"""How a person's decisions are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sheaf.cli.frame.deciding import from_file, from_positions, record_line
from sheaf.domain.errors import InputError


@pytest.mark.parametrize(
    ("text", "approved"),
    [("", "1111"), ("0", "0111"), ("1-2", "1001"), (" 3 , 0,", "0110"), ("0-3", "0000"), ("2,2", "1101")],
)
def test_positions(text: str, approved: str) -> None:
    """Positions and ranges are rejected, the rest is approved."""
    assert "".join("01"[int(bit)] for bit in from_positions(text, 4)) == approved


@pytest.mark.parametrize("text", ["4", "-1", "2-1", "a", "1.5", "٣", "²", "9" * 5_000, "0-99999999999"])
def test_positions_that_are_none(text: str) -> None:
    """What is no position, or one that there is not, is refused by name."""
    with pytest.raises(InputError) as refused:
        from_positions(text, 4)
    assert refused.value.field == "reject"


@pytest.mark.parametrize("text", ["1\n0\n", "1\n0\n1\n1\n1\n", "1\n0\n2\n1\n", "yes\n" * 4, ""])
def test_a_file_of_another_length_or_kind(text: str, tmp_path: Path) -> None:
    """A file needs one line of 0 or 1 for every record."""
    path = tmp_path / "votes"
    path.write_text(text)
    with pytest.raises(InputError, match="give 4 lines"):
        from_file(path, 4)


def test_a_file_of_decisions(tmp_path: Path) -> None:
    """1 approves, 0 rejects, in the reviewer's order."""
    path = tmp_path / "votes"
    path.write_text("1\n0\n0\n1\n")
    assert from_file(path, 4).tolist() == [True, False, False, True]
    path.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="cannot be read"):
        from_file(path, 4)


def test_a_record_is_one_printablerecord_line() -> None:
    """A record of any content is one line without commands; bytes are counted, what is endless is cut, letters stay letters."""
    made = record_line({"a": "\x1b[2J\n\u202e", "b": b"\x00" * 7, "c": "漢", "d": "x" * 9_000})
    assert made.isprintable() and "7 bytes" in made and "漢" in made and made.endswith("(--json gives all)")
    assert len(made) < 2_100
