"""`sheaf demo`: the whole market in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

app = typer.Typer()


@verb(app, "demo-private")
def demo_private(
    session: Session,
    seed: Annotated[int, typer.Option(help="Repeats the market; noise stays random.", min=0)] = 0,
) -> None:
    """Sell answers over data that do not move, train among five owners, and let somebody try to carry the data out.

    Example: sheaf demo-private --json
    """
    _quiet()
    with session.working("loading") as watch:
        from sheaf.cli.demo import private, private_report

        outcome = private.play(seed, watch)
    session.answer(outcome, lambda out: private_report.show(out, outcome))


@verb(app, "demo")
def demo(session: Session, seed: Annotated[int, typer.Option(help="Repeats a run.", min=0)] = 0) -> None:
    """Run the whole market here and now: embedded chain, real contracts, real data, real judges.

    Example: sheaf demo --seed 7 --json
    """
    _quiet()
    with session.working("loading") as watch:
        from sheaf.cli.demo import report, story

        world = story.World.build(seed, watch)
        example = story.worked_example(world)
        market = story.digits_market(world)
    session.answer(report.as_data(seed, example, market), lambda out: report.show(out, example, market))


def _quiet() -> None:
    """Keep the log still: who waits for others to be free says so, and in one process with all of them that is only noise."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
