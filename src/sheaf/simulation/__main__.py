"""`python -m sheaf.simulation HABIT …`: play worlds in which somebody attacks, and see whether it pays."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer

from sheaf.cli.frame.paper import Paper
from sheaf.domain.errors import SheafError
from sheaf.simulation.agents import habits
from sheaf.simulation.run import Interval, Scenario, Summary, play_all


def main(
    names: Annotated[
        list[str], typer.Argument(help="Habits that live among honest people.", metavar="HABIT…")
    ],
    seeds: Annotated[int, typer.Option(help="How many worlds.", min=1, max=10_000)] = 20,
    first: Annotated[int, typer.Option(help="The first world's seed.", min=0)] = 0,
    rounds: Annotated[int, typer.Option(help="Rounds of selling in a world.", min=1, max=100)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Play a habit among honest people on the true contracts and say what everybody got out of it, with 95 % intervals.

    Example: python -m sheaf.simulation garbage-sybil --seeds 20
    """
    from rich.console import Console
    from rich.progress import track

    progress = track(
        range(first, first + seeds), "playing", console=Console(stderr=True), disable=as_json, transient=True
    )
    try:
        found = play_all(Scenario(names, rounds=rounds), progress)
    except SheafError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
    else:
        _show(Paper(Console(highlight=False, markup=False, emoji=False)), found)


def _show(out: Paper, found: Summary) -> None:
    heads = ("who", "return", "from", "to", "better than honest", "from ", "to ")
    rows = [(habit, *_cells(one), *_cells(found.gains[habit])) for habit, one in found.attackers.items()] + [
        (habit, *_cells(one), "", "", "") for habit, one in found.honest.items()
    ]
    out.table(heads, rows, right=heads[1:])
    out.line(f"in whole tokens, means over {found.seeds} worlds with 95 % intervals")
    out.line(f"right among the records bought: {found.precision.mean:.4f}")


def _cells(one: Interval) -> tuple[str, str, str]:
    return f"{one.mean:.2f}", f"{one.low:.2f}", f"{one.high:.2f}"


if __name__ == "__main__":
    main.__doc__ = f"{main.__doc__}\n\nHabits: {', '.join(habits())}."
    typer.run(main)
