"""The outermost command: what cannot even be parsed is refused in one line too, and a reader who leaves is no error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from sheaf.cli.frame.faults import BROKEN_PIPE, STOPPED, USAGE, complain, let_go_of_output

UsageError, ClickException = typer.BadParameter.__mro__[1:3]


class Door(TyperGroup):
    """The group of all commands, with one way out."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and exit; without `standalone_mode` return the exit code."""
        words = list(sys.argv[1:] if args is None else args)
        code = self._run(words, prog_name, complete_var, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(
        self, words: list[str], prog_name: str | None, complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        try:
            done = super().main(words, prog_name or "sheaf", complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
            return done if isinstance(done, int) else 0
        except BrokenPipeError:
            let_go_of_output()
            return BROKEN_PIPE
        except (KeyboardInterrupt, typer.Abort):
            complain("Stopped", "nothing more was done", STOPPED, "--json" in words)
            return STOPPED
        except ClickException as error:  # type: ignore[misc]
            return _misused(error, words)


def _misused(error: Any, words: list[str]) -> int:
    """Tell what of the command line cannot be parsed; a command without its words is answered with its help."""
    if type(error).__name__ == "NoArgsIsHelpError":  # it has printed the help already
        return USAGE
    ctx, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    field = "command line"
    if parameter is not None:
        is_option = parameter.param_type_name == "option"
        field = max(parameter.opts, key=len) if is_option else (parameter.metavar or parameter.name.upper())
    text = (error.message if parameter is not None else error.format_message()) or "it is missing"
    text = text.removeprefix("Value error, ")  # how pydantic, by which options are read, begins
    fix = f"see `{ctx.command_path} --help`" if ctx is not None else "see `sheaf --help`"
    complain(
        "UsageError",
        f"{field}: {text.rstrip('.')}: {fix}",
        USAGE,
        "--json" in words,
        field=field,
        value=text,
        fix=fix,
    )
    return USAGE
