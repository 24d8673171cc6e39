"""`sheaf deploy` and `sheaf up`: the contracts on a network, and a network of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

app = typer.Typer()


@verb(app, "deploy")
def deploy(
    session: Session,
    profile: Annotated[str, typer.Option(help="public, or local: short windows for play money.")] = "public",
) -> None:
    """Deploy the contracts with the acting account; repeated after an interruption it goes on where it stopped.

    Example: sheaf deploy --rpc https://… --account deployer
    """
    from sheaf.bootstrap import deploy as deploy_contracts

    with session.working("deploying"):
        found = deploy_contracts(session.settings, profile, password=session.ask_password())
    session.answer({"chain_id": found.chain_id, "profile": found.profile, "addresses": found.addresses})
