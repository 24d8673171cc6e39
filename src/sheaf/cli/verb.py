"""The one way to make a command: a function that takes a Session becomes a verb with the shared options and plain errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sheaf.cli.frame import faults
from sheaf.cli.session import Session
from sheaf.domain.errors import SheafError

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
    """Run `work`; whatever goes wrong ends the command with one line and an exit code, never with a traceback."""
    try:
        work()
    except SheafError as error:
        raise typer.Exit(faults.complain_of(error, _as_json(session))) from None
    except KeyboardInterrupt:
        faults.complain("Stopped", "nothing more was done", faults.STOPPED, _as_json(session))
        raise typer.Exit(faults.STOPPED) from None
    except BrokenPipeError:
        faults.let_go_of_output()
        raise typer.Exit(faults.BROKEN_PIPE) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except OSError as error:
        if error.filename is None:
            raise typer.Exit(_fault(session, error)) from None
        raise typer.Exit(faults.complain_of_file(error, _as_json(session))) from None
    except Exception as error:
        raise typer.Exit(_fault(session, error)) from None


def _as_json(session: Session) -> bool:
    """Whether to complain on standard output: not when the one object is there already."""
    return session.as_json and not session.has_answered


def _fault(session: Session, error: Exception) -> int:
    try:
        home, rpc = session.settings.home, session.settings.rpc
    except Exception:  # the settings themselves may be what is broken
        from sheaf.settings import default_home

        home, rpc = session.home or default_home(), ""
    return faults.complain_of_fault(error, home, {*session.secrets, rpc}, _as_json(session))
