"""`python -m sheaf.simulation HABIT …`: play worlds in which somebody attacks, and see whether it pays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sheaf.cli.frame.paper import Paper
from sheaf.domain.errors import SheafError
from sheaf.simulation import report
from sheaf.simulation.agents import habits
from sheaf.simulation.run import Outcome, Scenario, Summary, hush, play_all, summarise
from sheaf.simulation.sweep import Sweep, names, parse, sweep

Follow = Callable[[Iterator[Outcome]], Iterator[Outcome]]


def main(
    names: Annotated[
        list[str], typer.Argument(help="Habits that live among honest people.", metavar="HABIT…")
    ],
    seeds: Annotated[int, typer.Option(help="How many worlds.", min=1, max=10_000)] = 20,
    first: Annotated[int, typer.Option(help="The first world's seed.", min=0)] = 0,
    rounds: Annotated[
        int,
        typer.Option(
            help="Rounds of selling in a world; 0: as many as the habits take to show.", min=0, max=100
        ),
    ] = 0,
    vary: Annotated[
        list[str] | None, typer.Option("--sweep", help="Vary one number: NAME=VALUE,VALUE…; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page and charts (PNG) into this folder.")] = None,
    processes: Annotated[
        int, typer.Option(help="How many worlds at a time; 0: one a core.", min=0, max=256)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Play a habit among honest people on the true contracts and say what everybody got out of it, with 95 % intervals.

    Example: python -m sheaf.simulation ring --seeds 20 --sweep attackers=2,4,6,8 --out report
    """
    scenario, numbers = Scenario(names, rounds=rounds), range(first, first + seeds)
    at_once = min(processes or os.cpu_count() or 1, seeds)
    hush()
    try:
        sweeps = [parse(text) for text in vary or []]
        plain = 0 if sweeps else 1
        with _progress(seeds * (plain + sum(len(one.values) for one in sweeps)), as_json) as follow:
            runs = (
                {}
                if sweeps
                else {"as it is": summarise(list(follow(play_all(scenario, numbers, processes=at_once))))}
            )
            swept = [(one, sweep(scenario, one, numbers, processes=at_once, follow=follow)) for one in sweeps]
        _answer(names, runs, swept, out, as_json)
    except SheafError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


class _progress:  # noqa: N801
    """A bar on standard error that moves with every world."""

    def __init__(self, total: int, is_silent: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        self._bar = Progress(
            "worlds", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=Console(stderr=True), disable=is_silent, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("worlds", total=total)

    def __enter__(self) -> Follow:
        self._bar.start()
        return self._follow

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _follow(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self._bar.advance(self._task)
            yield outcome


def _answer(
    names: list[str],
    runs: dict[str, Summary],
    swept: list[tuple[Sweep, list[tuple[float, Summary]]]],
    out: Path | None,
    as_json: bool,
) -> None:
    title = f"Does it pay? {', '.join(names)}"
    every = {**runs, **{f"{one.name} = {value:g}": found for one, points in swept for value, found in points}}
    files: list[Path] = []
    if out is not None:
        charts = {
            name: data for one, points in swept for name, data in report.drawn(one, points, title).items()
        }
        files = report.write(out, report.page(title, every, charts), charts)
    if as_json:
        built = msgspec.to_builtins(every)
        answer = built["as it is"] if runs else {"sweeps": built}
        typer.echo(json.dumps({**answer, "files": [str(file) for file in files]}))
    else:
        _show(every, files)


def _show(every: dict[str, Summary], files: list[Path]) -> None:
    from rich.console import Console

    paper = Paper(Console(highlight=False, markup=False, emoji=False))
    heads = ("who", "return", "from", "to", "better than honest", "from ", "to ")
    for name, found in every.items():
        if len(every) > 1:
            paper.line(name)
        paper.table(heads, list(report.rows(found)), right=heads[1:])
        for fact, value in report.facts(found):
            paper.line(f"{fact}: {value}")
    paper.line("returns and gains in whole tokens, means over worlds with 95 % intervals")
    for file in files:
        paper.line(f"written: {file}")


if __name__ == "__main__":
    main.__doc__ = f"{main.__doc__}\n\nHabits: {', '.join(habits())}.\n\nTo vary: {', '.join(names())}."
    typer.run(main)
