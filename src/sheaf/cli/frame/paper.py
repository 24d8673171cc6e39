"""Printing for people: lines, pairs and tables in which no stranger's text commands the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

Part = str | tuple[str, str]
"""A piece of a line: plain, or with a style."""

GAP = 2
LEAST_WIDTH = 8
SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class Paper:
    """A console on which everything is printed as it is: no markup, no emoji codes, no control characters."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, *parts: Part) -> None:
        """Print one line, whatever its parts contain; the terminal folds it if it is too long."""
        from rich.text import Text

        made = [clean(part) if isinstance(part, str) else (clean(part[0]), part[1]) for part in parts]
        self._console.print(Text.assemble(*made), soft_wrap=True)

    def head(self, title: str, rest: str = "") -> None:
        """Print an empty line and a heading."""
        self.line()
        self.line((title, "bold"), rest)

    def folded(self, text: str, indent: str) -> None:
        """Print a long line, folded between words to the width there is, under an indentation."""
        from textwrap import wrap

        width = max(self._console.width, len(indent) + 20)
        for piece in wrap(clean(text), width, initial_indent=indent, subsequent_indent=indent + "  "):
            self.line(piece)

    def quoted(self, text: str) -> None:
        """Print somebody's text of several lines, each behind a bar: it cannot pass for ours."""
        for piece in text.splitlines():
            self.line(("│ ", "dim"), piece)

    def block(self, text: str) -> None:
        """Print a text of ours as it is, line by line."""
        for piece in text.splitlines():
            self.line(piece)

    def pairs(self, rows: Mapping[str, object]) -> None:
        """Print names and values, one pair a line."""
        width = max((len(name) for name in rows), default=0)
        for name, value in rows.items():
            self.line((f"{name.replace('_', ' '):<{width}}  ", "dim"), str(value))

    def table(
        self, heads: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()
    ) -> None:
        """Print a table that fits the width: long texts are cut, columns named in `right` are aligned to it."""
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        cells, numbers = [[clean(str(cell)) for cell in row] for row in rows], frozenset(right)
        widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
        texts = [place for place, name in enumerate(heads) if name not in numbers]
        spare = self._console.width - sum(widths) - GAP * len(heads)  # Rich counts the last gap too
        while spare < 0 and texts and max(widths[place] for place in texts) > LEAST_WIDTH:
            widest = max(texts, key=lambda place: widths[place])
            widths[widest], spare = widths[widest] - 1, spare + 1
        made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for name, width in zip(heads, widths, strict=True):
            justify: Literal["right", "left"] = "right" if name in numbers else "left"
            made.add_column(
                name, justify=justify, no_wrap=True, overflow="ellipsis", min_width=width, max_width=width
            )
        for row in cells:
            made.add_row(*map(Text, row))
        self._console.print(made)


def clean(text: str) -> str:
    """Return `text` with every control, direction and other invisible mark made visible, and line breaks as spaces."""
    return "".join(
        mark if mark.isprintable() else " " if mark in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for mark in text
    )


def short(address: str) -> str:
    """Return an address as people tell it from others: 0x1234…abcd."""
    return f"{address[:6]}…{address[-4:]}" if len(address) > 12 else address


def when(at: int, now: int = 0) -> str:
    """Write a time in Unix seconds as a date (UTC), with its distance from `now`; 0 is no time."""
    if not at:
        return "—"
    try:
        date = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "after the year 9999"
    if not now:
        return date
    return f"{date} (in {span(at - now)})" if at >= now else f"{date} ({span(now - at)} ago)"


def span(seconds: int) -> str:
    """Write a duration in its largest fitting unit: 90 → 1 min."""
    for size, name in SPANS:
        if seconds >= size:
            return f"{seconds // size} {name}"
    return "0 s"
