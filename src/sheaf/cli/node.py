"""`sheaf validator run` and `sheaf custodian run`: the long-running roles."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

validator = typer.Typer(no_args_is_help=True, help="Validator: review what the account is drawn for.")
custodian = typer.Typer(no_args_is_help=True, help="Custodian: hand content keys to drawn committees.")

Health = Annotated[Path | None, typer.Option(help="Write health as JSON to this file.")]


@verb(validator, "run")
def run_validator(
    session: Session,
    judge: Annotated[
        str, typer.Option(help="A judge by name, or program:COMMAND (docs/verification.md).")
    ] = "logistic",
    seed: Annotated[int, typer.Option(help="The judge's seed.", min=0)] = 0,
    health: Health = None,
) -> None:
    """Run a validator until it is stopped: draw, review, tally, settle, deliver.

    Example: sheaf validator run --judge random-forest --account validator
    """
    from sheaf.bootstrap import judge as find
    from sheaf.nodes.loop import run
    from sheaf.nodes.validator import Validator

    role = Validator(session.acting, find(judge, seed))
    session.talk.print(f"validator {session.acting.account} judging by {judge}; stop with Ctrl-C")
    asyncio.run(run([role], session.settings.tick_seconds, health))


@verb(custodian, "run")
def run_custodian(session: Session, health: Health = None) -> None:
    """Run a custodian until it is stopped.

    Example: sheaf custodian run --account custodian
    """
    from sheaf.nodes.custodian import Custodian
    from sheaf.nodes.loop import run

    role = Custodian(session.acting)
    session.talk.print(f"custodian {session.acting.account}; stop with Ctrl-C")
    asyncio.run(run([role], session.settings.tick_seconds, health))
