"""`sheaf validator run` and `sheaf custodian run`: the long-running roles."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.nodes.loop import Role

validator = typer.Typer(no_args_is_help=True, help="Validator: review what the account is drawn for.")
custodian = typer.Typer(no_args_is_help=True, help="Custodian: hand content keys to drawn committees.")

Health = Annotated[Path | None, typer.Option(help="Write health as JSON to this file.")]
WithParent = Annotated[
    bool, typer.Option("--stop-with-parent", hidden=True, help="Stop when standard input closes.")
]


@verb(validator, "run")
def run_validator(
    session: Session,
    judge: Annotated[
        str, typer.Option(help="A judge by name, or program:COMMAND (docs/verification.md).")
    ] = "logistic",
    seed: Annotated[int, typer.Option(help="The judge's seed.", min=0)] = 0,
    health: Health = None,
    with_parent: WithParent = False,
) -> None:
    """Run a validator until it is stopped: draw, review, tally, settle, deliver.

    Example: sheaf validator run --judge random-forest --account validator
    """
    from sheaf.bootstrap import judge as find
    from sheaf.nodes.validator import Validator

    role = Validator(session.acting, find(judge, seed))
    session.talk.print(f"validator {session.acting.account} judging by {judge}; stop with Ctrl-C")
    _run(session, role, health, with_parent)


@verb(custodian, "run")
def run_custodian(session: Session, health: Health = None, with_parent: WithParent = False) -> None:
    """Run a custodian until it is stopped.

    Example: sheaf custodian run --account custodian
    """
    from sheaf.nodes.custodian import Custodian

    session.talk.print(f"custodian {session.acting.account}; stop with Ctrl-C")
    _run(session, Custodian(session.acting), health, with_parent)


def _run(session: Session, role: Role, health: Path | None, with_parent: bool) -> None:
    """Run one role, once per account: a second process for the same account would only get in the first one's way."""
    from filelock import FileLock, Timeout

    from sheaf.nodes.loop import run
    from sheaf.nodes.supervisor import stop_with_parent

    folder = session.settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{role.name}-{session.acting.market}-{session.acting.account}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            "account", session.acting.account, f"its {role.name} runs already on this machine"
        ) from None
    with lock:
        if with_parent:
            stop_with_parent()
        asyncio.run(run([role], session.settings.tick_seconds, health))
