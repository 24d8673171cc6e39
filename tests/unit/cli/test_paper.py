"""Printing for people: nothing that a stranger writes commands the terminal, and everything fits."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sheaf.cli.frame.paper import Paper, clean, short, span, when

EVIL = "\x1b[31mred\x1b]0;title\x07 [bold]b[/bold] [link=https://x]y[/link] :boom: \u202eltr\u200b\x9b2J\r\nnext\x00"


def paper(width: int = 80) -> tuple[Paper, io.StringIO]:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=True,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    return Paper(console), file


def strange(text: str) -> list[str]:
    return [mark for mark in text if unicodedata.category(mark).startswith("C") and mark != "\n"]


@given(st.text())
def test_clean_leaves_nothing_that_commands(text: str) -> None:
    """Whatever goes in, no control, direction or unassigned mark comes out, and the length stays."""
    assert not strange(clean(text)) and "\n" not in clean(text)
    assert len(clean(text)) == len(text)


def test_every_way_of_printing_is_safe() -> None:
    """Lines, headings, folded and quoted text, pairs and tables print a stranger's text as text: no escape, no markup, no emoji."""
    out, file = paper()
    out.line("title ", (EVIL, "dim"))
    out.head(EVIL, EVIL)
    out.folded(EVIL, "  ")
    out.quoted(EVIL)
    out.block(EVIL)
    out.pairs({EVIL: EVIL})
    out.table(("title", "n"), [(EVIL, 1)], right=("n",))
    text = file.getvalue()
    assert not strange(text), strange(text)
    assert "[bold]b[/bold]" in text and ":boom:" in text and "[link=https://x]y[/link]" in text


def test_quoted_text_cannot_pass_for_ours() -> None:
    """Every line of somebody's text stands behind a bar, whatever it uses to break lines."""
    out, file = paper()
    out.quoted("one\ntwo\rrefused x\u2028four\x0bfive")
    assert all(line.startswith("│ ") for line in file.getvalue().splitlines())
    assert len(file.getvalue().splitlines()) == 5


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_fit(width: int) -> None:
    """A table is no wider than the terminal; what is too long is cut with …, numbers are whole."""
    out, file = paper(width)
    out.table(("no", "title"), [(1, "x" * 300), (1_000_000, "漢" * 300)], right=("no",))
    lines = file.getvalue().splitlines()
    assert all(_cells(line) <= width for line in lines) and "…" in lines[1] and "1000000" in lines[2]


def test_long_lines_are_folded_between_words() -> None:
    """A folded line keeps to the width, with what follows further in."""
    out, file = paper(40)
    out.folded("numbers " + ", ".join(map(str, range(60))), "  ")
    lines = file.getvalue().splitlines()
    assert len(lines) > 4 and all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("  n") and lines[1].startswith("    ")


def test_addresses_and_times() -> None:
    """Addresses are shortened with both ends, times are dates with their distance, and no time is too far."""
    assert short("0x1234567890123456789012345678901234567890") == "0x1234…7890"
    assert short("nobody") == "nobody"
    assert when(0) == "—"
    assert when(86_400 * 365) == "1971-01-01 00:00:00 UTC"
    assert when(1_000_000_090, 1_000_000_000).endswith("(in 1 min)")
    assert when(1_000_000_000, 1_000_090_000).endswith("(1 d ago)")
    assert when(2**200) == "after the year 9999"
    assert [span(n) for n in (0, 59, 3_599, 7_200)] == ["0 s", "59 s", "59 min", "2 h"]


def _cells(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in line)
