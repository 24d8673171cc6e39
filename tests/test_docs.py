"""What the documentation shows is run, and where it points there is something.

A fenced `python` or `console` block runs if the line before it is `<!-- run -->`. The Python blocks of a page share
their names, and all blocks of a page share an empty folder. In a `console` block lines after `$ ` are commands; what stands
below one is what it prints, where a line `...` stands for any lines and `…` for any characters.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^<!-- run -->\n```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pattern(expected: str) -> re.Pattern[str]:
    """The regular expression of an expected output."""
    lines = [".*" if line == "..." else re.escape(line).replace("…", ".*?") for line in expected.splitlines()]
    return re.compile("\n".join(lines).strip(), re.DOTALL)


def run_console(text: str, folder: Path) -> None:
    """Run each command of a console block in `folder` and compare what it prints."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        printed = (done.stdout + done.stderr).strip()
        assert done.returncode == 0, f"$ {command}\n{printed}"
        if expected.strip():
            plain = "\n".join(line.rstrip() for line in printed.splitlines())
            assert pattern(expected.strip()).fullmatch(plain), f"$ {command}\n{plain}"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", [path for path in pages() if BLOCK.search(path.read_text())], ids=page_id)
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example of the page that says it runs does run, and prints what the page says."""
    monkeypatch.chdir(tmp_path)
    text, names = page.read_text(), {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        if block[1] == "console":
            run_console(block[2], tmp_path)
        else:
            line = text[: block.start(2)].count("\n")
            exec(compile("\n" * line + block[2], str(page), "exec"), names)


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of the page leads to a file or folder of the repository."""
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    broken = [link for link in links if link and not (page.parent / link).exists()]
    assert not broken


def commands_shown() -> list[str]:
    """Every command of the command line that a page shows."""
    shown = re.compile(r"(?:^\$ |`)(sheaf [a-z][^`\n]*)", re.MULTILINE)
    return sorted(
        {
            line
            for page in pages()
            if "reference" not in page.parts
            for line in shown.findall(page.read_text())
        }
    )


@pytest.mark.parametrize("line", commands_shown())
def test_commands_shown_exist(line: str) -> None:
    """Every command that a page shows is one, and takes the options that it is shown with."""
    from typer.main import get_command

    from sheaf.cli.main import app

    command: Any = get_command(app)
    words = shlex.split(line.partition(" #")[0])[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert not getattr(command, "commands", {}) or not words, f"no such command: {line}"
    assert not {word.partition("=")[0] for word in words if word.startswith("--")} - known - {"--help"}


def test_index_lists_every_page() -> None:
    """The front page of the documentation links to every other page."""
    docs = ROOT / "docs"
    linked = {link.partition("#")[0] for link in LINK.findall((docs / "index.md").read_text())}
    assert (
        sorted({path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} - linked - {"index.md"})
        == []
    )


@pytest.mark.parametrize(
    ("expected", "printed", "agrees"),
    [
        ("a\n...\nz", "a\nb\nc\nz", True),
        ("paid … units", "paid 50 units", True),
        ("a.c", "abc", False),
        ("a", "a\nb", False),
    ],
)
def test_pattern_is_strict(expected: str, printed: str, agrees: Any) -> None:
    """An expected output stands for itself but for its ellipses."""
    assert bool(pattern(expected).fullmatch(printed)) is agrees
