"""Deciding by single keys, as a reviewer sees it."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from sheaf.cli.frame.viewer import HELP, Viewer, leaf_through

ROWS: list[dict[str, Any]] = [
    {"text": "a plain record", "label": 1},
    {"text": "two\nlines \x1b[31m", "label": 0},
    {"text": "x" * 5_000, "label": None},
]


def viewer(marks: bytes = b"   ", notes: tuple[str, ...] = ("", "duplicates.market", "")) -> Viewer:
    return Viewer(ROWS.__getitem__, notes.__getitem__, bytearray(marks), "Approve what is right.", "label")


def console(width: int = 80, colours: Any = None) -> Console:
    return Console(file=io.StringIO(), width=width, height=30, color_system=colours, force_terminal=True)


def shown(made: Viewer, colours: Any = None) -> str:
    paper = console(colours=colours)
    paper.print(made.page(paper))
    assert isinstance(paper.file, io.StringIO)
    return paper.file.getvalue()


def press(made: Viewer, keys: list[str]) -> list[bool | None]:
    return [made.press(key) for key in keys]


def test_every_record_is_decided_and_sent() -> None:
    """y and n decide and go on; s sends only when all is decided."""
    made = viewer()
    assert press(made, ["y", "s", "n", "y", "s"]) == [None, None, None, None, True]
    assert bytes(made.marks) == b"yny"


def test_sending_too_early_shows_what_is_missing() -> None:
    """s before the end goes to the first record that is not decided and says how many there are."""
    made = viewer(b"y y")
    made.place = 2
    assert made.press("s") is None
    assert made.place == 1 and "1 are not decided yet" in shown(made)


def test_moving_about() -> None:
    """Arrows, letters and numbers move; nothing moves beyond the ends; unknown keys do nothing."""
    made = viewer()
    press(made, ["\x1b[D", "k", "\x1b[C", "j", "j", "j"])
    assert made.place == 2
    press(made, ["g", "2", "\r"])
    assert made.place == 1
    press(made, ["g", "9", "\r"])
    assert made.place == 1 and "records 1 to 3" in shown(made)
    press(made, ["g", "1", "\x7f", "3", "\n"])
    assert made.place == 2
    press(made, ["g", "x", "ü", "\x00", "u"])
    assert made.place == 0 and bytes(made.marks) == b"   "
    assert made.press("q") is False


def test_a_review_is_taken_up_where_it_was_left() -> None:
    """It opens at the first undecided record and keeps every decision at once."""
    made, kept = viewer(b"y  "), list[bytes]()
    keys = iter(["n", "k", "j", "y", "s"])
    assert made.place == 1
    assert leaf_through(made, console(), lambda: next(keys), kept.append) is True
    assert kept == [b"yn ", b"yny"]


def test_what_is_shown() -> None:
    """Instructions, fields, what checks say; a stranger's control characters do not reach the terminal, endless values are cut."""
    made = viewer()
    first = shown(made)
    assert "│ Approve what is right." in first and "text: a plain record" in first and "label: 1" in first
    assert HELP[:20] in first
    made.press("j")
    second = shown(made)
    assert "duplicates.market" in second and "\x1b[31m" not in second and "  two" in second
    made.press("j")
    assert "…" in shown(made) and "label: null" in shown(made)


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize("size", [(8, 8), (400, 100), (1, 50)])
def test_images_are_shown(size: tuple[int, int]) -> None:
    """An image fits the terminal: in colour as half blocks, without colours as letters."""
    made = Viewer(lambda _: {"image": png(*size, (255, 0, 0))}, lambda _: "", bytearray(b" "))
    assert "▀" in shown(made, "truecolor") and "38;2;255;0;0" in shown(made, "truecolor")
    grey = shown(made)
    assert "▀" not in grey and ":::::" in grey or size == (1, 50)
    assert max(map(len, grey.splitlines())) <= 80


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", png(9, 9, (0, 0, 0))[:40]])
def test_bytes_that_are_no_image(data: bytes) -> None:
    """What cannot be drawn is named by its length."""
    made = Viewer(lambda _: {"image": data}, lambda _: "", bytearray(b" "))
    assert f"image: {len(data)} bytes" in shown(made)


PLAY = """
from rich.console import Console
from sheaf.cli.frame.viewer import Viewer, keys, leaf_through
made = Viewer(lambda at: {"number": at}, lambda at: "", bytearray(b"   "))
with keys() as read_key:
    leaf_through(made, Console(), read_key, lambda marks: None)
print("decided", bytes(made.marks).decode())
"""


def test_keys_of_a_real_terminal() -> None:
    """On a terminal keys act at once, arrows included, also several at a time; then the screen is given back."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY], stdin=follower, stdout=follower, stderr=follower,
        env={**os.environ, "TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    seen = b""
    for awaited, pressed in (
        (b"record 1 of 3", b"\x1b[Cn"),
        (b"1 rejected", b"u"),
        (b"record 1 of 3", b"yuys"),
    ):
        while awaited not in seen:
            seen += os.read(leader, 4096)
        seen = b""
        os.write(leader, pressed)
    while not re.search(rb"decided \w+", seen[seen.rfind(b"\x1b[?1049l") :]) or not seen.endswith(b"\n"):
        seen += os.read(leader, 4096)
    os.close(follower)
    assert process.wait(10) == 0
    assert b"decided yny" in seen
    assert b"\x1b[?1049l" in seen, "the screen before is shown again"
    os.close(leader)
