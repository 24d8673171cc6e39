"""How a command ends when it cannot go on: one line, a code that says why, and never a traceback on the terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sheaf.cli.frame.paper import clean
from sheaf.domain.errors import ChainError, InputError, IntegrityError, SheafError, StoreError, Unreachable

EXIT_CODES: dict[type[SheafError], int] = {
    InputError: 2,
    Unreachable: 4,
    ChainError: 3,
    StoreError: 5,
    IntegrityError: 6,
    SheafError: 1,
}
"""Exit code by kind of error, most special first."""

USAGE, FILES, FAULT, STOPPED, BROKEN_PIPE = 2, 5, 70, 130, 141

_KEY_LIKE = re.compile(r"(?:0x)?[0-9a-fA-F]{64,}")
_NAMED = ("field", "value", "fix", "reason")


def code_of(error: SheafError) -> int:
    """Return the exit code of an error of ours."""
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def complain(kind: str, message: str, code: int, as_json: bool, **named: Any) -> None:
    """Say in one line why the command ends: under `--json` as an object on standard output, else on standard error."""
    if as_json:
        parts = {"kind": kind, "message": clean(message), "exit_code": code, **named}
        sys.stdout.write(json.dumps({"error": parts}) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    word = {STOPPED: "stopped ", FAULT: "fault "}.get(code, "refused ")
    out = Console(stderr=True, highlight=False, markup=False, emoji=False)
    out.print(Text.assemble((word, "red"), clean(message)), soft_wrap=True)


def complain_of(error: SheafError, as_json: bool) -> int:
    """Tell of an error of ours and return its exit code."""
    named = {name: getattr(error, name) for name in _NAMED if hasattr(error, name)}
    code = code_of(error)
    complain(type(error).__name__, str(error), code, as_json, **named)
    return code


_FILE_FIXES: dict[type[OSError], str] = {
    FileNotFoundError: "give a path that there is",
    IsADirectoryError: "give a file, not a folder",
    NotADirectoryError: "give a path all of whose folders are folders",
}


def complain_of_file(error: OSError, as_json: bool) -> int:
    """Tell of a file that the system does not let us use, and return the exit code."""
    name = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else "?"
    reason = error.strerror or type(error).__name__
    fix = _FILE_FIXES.get(type(error), "see to its permissions and to space on the disk")
    complain(
        "FileError", f"file: {name}: {reason}: {fix}", FILES, as_json,
        field="file", value=clean(str(name)), reason=reason, fix=fix,
    )  # fmt: skip
    return FILES


def complain_of_fault(error: Exception, home: Path, secrets: Iterable[str], as_json: bool) -> int:
    """Own up to an error that nobody foresaw, write its trace (without secrets) to a file, and return the exit code."""
    kind = type(error).__name__
    try:
        place = f"the trace is in {write_trace(error, home / 'logs', secrets)}"
    except OSError as problem:
        place = f"its trace could not be written ({problem.strerror})"
    complain(kind, f"this is a fault of ours: {kind}: {place}: please report it", FAULT, as_json)
    return FAULT


def write_trace(error: Exception, folder: Path, secrets: Iterable[str]) -> Path:
    """Write an error's trace to a file of its own that only the owner can read; anything like a key is left out. Raises OSError."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "(secret)") if secret else text
    text = _KEY_LIKE.sub("(left out)", text)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"{stamp}-{type(error).__name__}-{os.getpid()}.log"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def let_go_of_output() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not fail too."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        pass
