"""The one way to make a command: a function that takes a Session becomes a verb with the shared options and plain errors."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sheaf.cli.session import Session
from sheaf.domain.errors import ChainError, InputError, IntegrityError, SheafError, StoreError, Unreachable

EXIT_CODES = {InputError: 2, Unreachable: 4, ChainError: 3, StoreError: 5, IntegrityError: 6, SheafError: 1}
"""Exit code by kind of error, most special first: 2 input, 3 refused by the chain, 4 unreachable, 5 store, 6 integrity."""

SHARED: dict[str, Any] = {
    "rpc": Annotated[str | None, typer.Option(help="Endpoint of the network.", rich_help_panel="Market")],
    "home": Annotated[
        Path | None, typer.Option(help="Folder of keys, store and journals.", rich_help_panel="Market")
    ],
    "account": Annotated[
        str | None, typer.Option("--account", "-a", help="Act as this account.", rich_help_panel="Market")
    ],
    "password_file": Annotated[
        Path | None,
        typer.Option(
            help="File with the account's password, else SHEAF_PASSWORD or a prompt.",
            rich_help_panel="Market",
        ),
    ],
    "as_json": Annotated[
        bool, typer.Option("--json", help="Answer with one JSON object.", rich_help_panel="Market")
    ],
}


def verb(
    app: typer.Typer, name: str, **settings: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function `f(session, …)` as command `name` of `app`; its docstring is the help, examples included."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            session = Session(**{option: given.pop(option) for option in SHARED})
            guarded(session, lambda: function(session, **given))

        own = [part for part in inspect.signature(function).parameters.values() if part.name != "session"]
        shared = [
            inspect.Parameter(
                option,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if option == "as_json" else None,
                annotation=kind,
            )
            for option, kind in SHARED.items()
        ]
        hints = get_type_hints(function, include_extras=True)
        hints.pop("session", None)
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__annotations__ = {**hints, **SHARED}
        kept = [
            part.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[part.name]) for part in own
        ]
        run.__signature__ = inspect.Signature([*kept, *shared])  # type: ignore[attr-defined]
        app.command(name, **settings)(run)
        return function

    return register


def guarded(session: Session, work: Callable[[], None]) -> None:
    """Run `work`; an error of ours ends the command with one line and its exit code, never with a traceback."""
    try:
        work()
    except SheafError as error:
        code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
        _complain(session, error)
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        session.talk.print("stopped")
        raise typer.Exit(130) from None


def _complain(session: Session, error: SheafError) -> None:
    if session.as_json:
        parts = {
            name: getattr(error, name) for name in ("field", "value", "fix", "reason") if hasattr(error, name)
        }
        sys.stdout.write(
            json.dumps({"error": {"kind": type(error).__name__, "message": str(error), **parts}}) + "\n"
        )
    else:
        from rich.text import Text

        session.talk.print(Text.assemble(("refused ", "red"), str(error)), soft_wrap=True)
