"""The outermost command: help, examples, completion, versions, and how whatever goes wrong ends in one line."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sheaf.cli import session as sessions
from sheaf.cli.frame import faults
from sheaf.cli.main import app
from sheaf.domain.errors import (
    ChainError,
    CredentialError,
    IntegrityError,
    Missing,
    Refused,
    Reverted,
    SheafError,
    Unreachable,
    WrongNetwork,
)

EVIL = "\x1b[2J\x1b]0;mine\x07[red]x[/red]\u202e\nsecond line"
HEAVY = ("sklearn", "torch", "polars", "numpy", "pyarrow", "web3", "eth_account", "pydantic", "msgspec")


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command that does something, with the words that lead to it."""
    command = command or get_command(app)
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
    for name, child in (children or {}).items():
        yield from commands(child, (*path, name))


COMMANDS = list(commands())


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def call(*words: str, **env: str) -> Any:
        given = {"SHEAF_HOME": str(tmp_path / "home"), "COLUMNS": "80", **env}
        return CliRunner().invoke(app, list(words), env=given)

    return call


@pytest.fixture
def failing(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command that raises what it is given."""

    def call(error: BaseException, *words: str) -> Any:
        def fail(self: sessions.Session, *_: Any, **__: Any) -> None:
            self.keep_secret("hush hush")
            raise error

        monkeypatch.setattr(sessions.Session, "answer", fail)
        return run("account", "list", *words)

    return call


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_help_has_an_example_that_parses(path: tuple[str, ...], command: Any, run: Any) -> None:
    """The help of every command shows an example of that very command, and the example is taken by the parser."""
    example = re.search(r"Example: sheaf ([^\n]+)", command.help or "")
    assert example, "no example"
    words = shlex.split(example.group(1).partition(" < ")[0])
    assert tuple(words[: len(path)]) == path
    with command.make_context("sheaf", words[len(path) :]) as parsed:
        assert parsed.params.keys() >= {part.name for part in command.params if part.name != "help"}
    shown = run(*path, "--help")
    assert shown.exit_code == 0 and "Example:" in shown.stdout


def test_version_and_help(run: Any) -> None:
    """--version prints a version; no words at all, or a noun without its verb, print help."""
    assert re.fullmatch(r"\d+\.\d+.*\n", run("--version").stdout)
    assert "submission" in run("--help").stdout
    for words in ((), ("account",)):
        found = run(*words)
        assert found.exit_code == 2 and "Usage" in found.stdout + found.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, run: Any) -> None:
    """Each shell gets a script, and the script's question is answered with the commands that begin so."""
    script = run("completion", shell)
    assert script.exit_code == 0 and "_SHEAF_COMPLETE" in script.stdout and "sheaf" in script.stdout
    asked = {
        "_SHEAF_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "sheaf acc",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": "sheaf acc",
        "COMP_CWORD": "1",
    }
    assert "account" in run(**asked).stdout


def test_completion_of_another_shell_is_refused(run: Any) -> None:
    """A shell without a script is refused by name."""
    refused = run("completion", "tcsh")
    assert refused.exit_code == 2 and refused.stderr.startswith("refused ")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("request", "show", "--json"), "REQUEST"),
        (("request", "show", "one", "--json"), "REQUEST"),
        (("request", "show", "-1", "--json"), ""),
        (("request", "open", "x", "--price", "1", "--escrow", "1", "--records", "0", "--json"), "--records"),
        (
            ("request", "open", "x", "--price", "1", "--escrow", "1", "--records", "9" * 30, "--json"),
            "--records",
        ),
        (("request", "open", "x", "--json"), "--price"),
        (("request", "shw", "1", "--json"), "command line"),
        (("up", "--port", "70000", "--json"), "--port"),
        (("up", "--validators", EVIL, "--json"), "--validators"),
        (("status", "--nonsense", "--json"), "command line"),
        (("compute", "check", "--tier", "docker", "--json"), "--tier"),
    ],
)
def test_what_cannot_be_parsed(words: tuple[str, ...], field: str, run: Any) -> None:
    """A word that is wrong or missing is refused in one line with its field and where to look; as one object under --json."""
    found = run(*words)
    assert found.exit_code == 2 and not found.stderr
    error = json.loads(found.stdout)["error"]
    assert field in error["field"] and "--help" in error["fix"] and error["exit_code"] == 2
    told = run(*words[:-1])
    assert told.exit_code == 2 and not told.stdout
    assert told.stderr.startswith("refused ") and told.stderr.count("\n") == 1
    assert "\x1b" not in told.stderr and "Value error" not in told.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CredentialError("password", "…", "try again"), 2),
        (Reverted("escrow: nothing owed"), 3),
        (WrongNetwork("chain id: 1"), 3),
        (ChainError("x"), 3),
        (Unreachable("rpc"), 4),
        (Missing("x"), 5),
        (IntegrityError("x"), 6),
        (Refused("x"), 1),
        (SheafError("x"), 1),
        (PermissionError(13, "Permission denied", "somewhere"), 5),
        (KeyError("x"), 70),
        (RecursionError(), 70),
        (MemoryError(), 70),
        (OSError("no name"), 70),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(32, "Broken pipe"), 141),
    ],
)
def test_exit_codes(error: BaseException, code: int, failing: Any) -> None:
    """Every kind of failure has its code and one line, under --json one object; none shows a traceback."""
    plain, told = failing(error), failing(error, "--json")
    assert plain.exit_code == told.exit_code == code
    if code == faults.BROKEN_PIPE:
        assert not plain.stdout + plain.stderr + told.stdout + told.stderr
        return
    assert not plain.stdout and plain.stderr.count("\n") == 1
    assert not told.stderr and json.loads(told.stdout)["error"]["exit_code"] == code
    assert "Traceback" not in plain.stderr + told.stdout


def test_a_strangers_words_in_an_error_are_only_words(failing: Any) -> None:
    """What a contract, a node or a file says in an error can neither command the terminal nor begin a line of its own."""
    told = failing(Reverted(EVIL, EVIL))
    assert told.stderr.count("\n") == 1
    assert all(mark.isprintable() for mark in told.stderr.rstrip("\n")) and "[red]x[/red]" in told.stderr


def test_a_fault_of_ours(failing: Any, tmp_path: Path) -> None:
    """An error nobody foresaw is owned up to; its trace lies in home/logs for the owner alone, without secrets or keys."""
    told = failing(ValueError(f"hush hush 0x{'ab' * 32} harmless"))
    assert told.exit_code == 70 and "this is a fault of ours: ValueError" in told.stderr
    (trace,) = (tmp_path / "home" / "logs").iterdir()
    assert str(trace) in told.stderr and stat.S_IMODE(trace.stat().st_mode) == 0o600
    text = trace.read_text()
    assert "Traceback" in text and "harmless" in text and "in fail" in text
    assert "hush" not in text and "abab" not in text and "hush" not in told.stderr


def test_a_fault_whose_trace_cannot_be_kept(failing: Any, tmp_path: Path) -> None:
    """Where the trace cannot be written, the line says so."""
    (tmp_path / "home").write_text("a file where the folder should be")
    told = failing(ValueError("x"))
    assert told.exit_code == 70 and "could not be written" in told.stderr and told.stderr.count("\n") == 1


def test_nothing_heavy_is_imported_for_help() -> None:
    """Help and version come without the libraries of data, chain and learning (Typer itself reads options with pydantic)."""
    script = (
        "import sys; from sheaf.cli.main import app; app({words!r}, standalone_mode=False);"
        "print(*[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    for words, allowed in (
        (["--help"], set()),
        (["request", "open", "--help"], {"pydantic"}),
        (["--version"], {"pydantic"}),
        (["completion", "bash"], {"pydantic"}),
        (["account", "list", "--home", "nowhere"], {"pydantic", "msgspec"}),
    ):
        code = script.format(words=words, heavy=HEAVY)
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert found.returncode == 0, found.stderr
        assert set(found.stderr.split()) <= allowed, (words, found.stderr)


def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    """`sheaf … | head -c 1` says nothing on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    found = subprocess.run(
        [sys.executable, "-m", "sheaf.cli.main", "specification", "new"],
        stdout=writing, stderr=subprocess.PIPE, env={**os.environ, "SHEAF_HOME": str(tmp_path)},
    )  # fmt: skip
    os.close(writing)
    assert found.returncode == faults.BROKEN_PIPE and not found.stderr


def test_ctrl_c(tmp_path: Path) -> None:
    """SIGINT ends a command that waits for input with 130 and one word."""
    script = (
        "import os, signal, sys; from sheaf.cli import session; from sheaf.cli.main import app\n"
        "session.Session.answer = lambda *_: (os.kill(os.getpid(), signal.SIGINT), signal.pause())\n"
        "app(['account', 'list'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "SHEAF_HOME": str(tmp_path)},
    )
    assert found.returncode == faults.STOPPED != -signal.SIGINT
    assert found.stderr == "stopped nothing more was done\n"


def test_a_password_at_a_terminal(tmp_path: Path) -> None:
    """In a terminal a new password is asked for twice and not shown; the account it locks opens with it."""
    from sheaf.chain import keystore

    person, terminal = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "sheaf.cli.main", "account", "create", "keeper", "--home", str(tmp_path)],
        stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, text=True, start_new_session=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("SHEAF_")},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    for question in (b"Password: ", b"Repeat for confirmation: "):
        while question not in shown:
            shown += os.read(person, 1024)
        os.write(person, b"a hushed sentence\n")
    told, _ = run.communicate(timeout=120)
    os.close(person)
    assert run.returncode == 0 and "keeper" in told and b"hushed" not in shown
    assert keystore.load(tmp_path / "keystore", "keeper", "a hushed sentence").address in told
