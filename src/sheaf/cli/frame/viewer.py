"""Records one by one on the whole terminal, decided by single keys: text, numbers, lists, and images in half blocks."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.paper import clean

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

UNDECIDED, APPROVED, REJECTED = b" yn"
LONGEST_VALUE = 4_000
MAX_PIXELS = 1 << 26
RAMP = " .:-=+*#%@"
"""From dark to light, where the terminal has no colours."""

HELP = "y approve   n reject   ← → back, on   u next undecided   g go to   s send   q leave, keep what is decided"
KEY = re.compile(r"\x1b[\[O].|.", re.DOTALL)
MOVES = {"\x1b[C": 1, "\x1b[D": -1, "\x1bOC": 1, "\x1bOD": -1, "j": 1, "k": -1, " ": 1, "b": -1}


class Viewer:
    """A place among `len(marks)` records, and what has been decided of each.

    `row` gives a record by its position, `note` what the checks say of it ("" for nothing). `marks` holds one byte a record: space, y
    or n; it is changed in place.
    """

    def __init__(
        self,
        row: Callable[[int], Mapping[str, Any]],
        note: Callable[[int], str],
        marks: bytearray,
        intro: str = "",
        label: str | None = None,
    ) -> None:
        self._row, self._note, self._intro, self._label = row, note, intro, label
        self.marks, self.place, self._said, self._typed = marks, 0, "", ""
        self._seek(0)

    def press(self, key: str) -> bool | None:
        """Do what a key says. True: all is decided and may be sent; False: leave; None: go on."""
        self._said = ""
        if self._typed:
            self._type(key)
        elif key in ("y", "n"):
            self.marks[self.place] = ord(key)
            self._move(1)
        elif key in MOVES:
            self._move(MOVES[key])
        elif key == "u":
            self._seek(self.place + 1)
        elif key == "g":
            self._typed = "g"
        elif key == "s":
            if UNDECIDED not in self.marks:
                return True
            self._seek(self.place)
            self._said = f"{self.marks.count(UNDECIDED)} are not decided yet: this is one"
        elif key == "q":
            return False
        return None

    def page(self, console: Console) -> RenderableType:
        """Return what the terminal shows now."""
        from rich.console import Group
        from rich.text import Text

        done, count = len(self.marks) - self.marks.count(UNDECIDED), len(self.marks)
        decided = {APPROVED: ("approved", "green"), REJECTED: ("rejected", "red")}.get(
            self.marks[self.place], ("undecided", "dim")
        )
        head = Text.assemble(
            (f"record {self.place + 1} of {count}  ", "bold"), decided,
            (f"   {done} decided, {self.marks.count(REJECTED)} rejected", "dim"),
        )  # fmt: skip
        quoted = [Text.assemble(("│ ", "dim"), clean(line)) for line in self._intro.splitlines()]
        note = self._note(self.place)
        parts: list[RenderableType] = [head, *quoted, Text()]
        for name, value in self._row(self.place).items():
            parts.append(_field(name, value, console, is_label=name == self._label))
        if note:
            parts += [Text(), Text(clean(note), "yellow")]
        foot = f"go to record: {self._typed[1:]}▏ (Enter)" if self._typed else self._said or HELP
        return Group(*parts, Text(), Text(foot, "dim" if foot is HELP else "bold"))

    def _type(self, key: str) -> None:
        if key in ("\r", "\n"):
            number, self._typed = int(self._typed[1:] or 0), ""
            if 1 <= number <= len(self.marks):
                self.place = number - 1
            else:
                self._said = f"there are records 1 to {len(self.marks)}"
        elif key in ("\x7f", "\b"):
            self._typed = self._typed[:-1]
        elif key.isascii() and key.isdigit() and len(self._typed) < 8:
            self._typed += key
        else:
            self._typed = ""

    def _move(self, by: int) -> None:
        self.place = min(max(self.place + by, 0), len(self.marks) - 1)

    def _seek(self, start: int) -> None:
        """Go to the first undecided record from `start` on, and round to the beginning; stay where there is none."""
        found = self.marks.find(UNDECIDED, start)
        found = self.marks.find(UNDECIDED) if found < 0 else found
        self.place = found if found >= 0 else self.place


def leaf_through(
    viewer: Viewer, console: Console, read_key: Callable[[], str], keep: Callable[[bytes], None]
) -> bool:
    """Show page after page until the viewer is done; True if all is decided and to be sent. `keep` is given every decision at once."""
    with console.screen(hide_cursor=True) as screen:
        while True:
            screen.update(viewer.page(console))
            # Keys pressed quickly come together.
            for key in KEY.findall(read_key()):
                before = bytes(viewer.marks)
                done = viewer.press(key)
                if bytes(viewer.marks) != before:
                    keep(bytes(viewer.marks))
                if done is not None:
                    return done


@contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """Give single keys from the terminal on standard input, none lost however fast they come; at its end there is only q."""
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSADRAIN)
    try:
        yield lambda: os.read(terminal, 1024).decode(errors="ignore") or "q"
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _field(name: str, value: Any, console: Console, *, is_label: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    head = Text(f"{clean(name)}: ", "bold cyan" if is_label else "dim")
    if isinstance(value, bytes):
        picture = _picture(value, console)
        return Group(head, picture) if picture is not None else head + Text(f"{len(value)} bytes")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    cut = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    lines = cut.splitlines() or [""]
    if len(lines) == 1:
        return head + Text(clean(cut), "bold" if is_label else "")
    return Group(head, *(Text("  " + clean(line)) for line in lines))


def _picture(data: bytes, console: Console) -> Text | None:
    """Return an image as lines of half blocks, two pixels a cell, or None if it is no image that can be shown."""
    from PIL import Image
    from rich.text import Text

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            shown = image.convert("RGB")
    except Exception:
        return None  # a stranger's bytes: whatever Pillow makes of them, they are no picture
    room = (max(8, min(console.width - 2, 96)), max(8, 2 * (console.height - 12)))
    scale = min(room[0] / shown.width, room[1] / shown.height, 8)
    size = max(1, int(shown.width * scale)), max(2, int(shown.height * scale) // 2 * 2)
    small = shown.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
    if console.color_system is None:
        width, height = size[0], size[1] // 2
        grey = small.convert("L").resize((width, height), Image.Resampling.BOX).tobytes()
        drawn = "".join(RAMP[level * len(RAMP) // 256] for level in grey)
        lines = [drawn[width * y : width * y + width] for y in range(height)]
        return Text("\n".join(lines))
    text = Text()
    for y in range(0, size[1], 2):
        for x in range(size[0]):
            above, below = small.getpixel((x, y)), small.getpixel((x, y + 1))
            text.append("▀", f"rgb{_rgb(above)} on rgb{_rgb(below)}")
        text.append("\n")
    return text


def _rgb(pixel: Any) -> str:
    red, green, blue = pixel
    return f"({red},{green},{blue})"
