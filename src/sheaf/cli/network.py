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


@verb(app, "up")
def up(
    session: Session,
    validators: Annotated[int, typer.Option(help="How many local validators.", min=1, max=64)] = 11,
    judge: Annotated[
        str | None, typer.Option(help="One judge for all; left out: each validator gets another kind.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the network on 127.0.0.1.", min=1, max=65535)] = 8545,
    use_anvil: Annotated[
        bool, typer.Option("--anvil", help="Let anvil make the blocks (make setup-node).")
    ] = False,
) -> None:
    """Keep a local market running: network, contracts, store, custodian, validators. Start it again after any death.

    Other terminals use it with the same --home. Example: sheaf up --validators 5 --judge checks-only
    """
    from sheaf.nodes import local_market
    from sheaf.verification.judges import KINDS

    judges = [judge or KINDS[number % len(KINDS)] for number in range(validators)]
    anvil = local_market.find_anvil(session.settings) if use_anvil else None
    with (
        local_market.only_one(session.settings),
        local_market.network(session.settings, port, anvil) as settings,
    ):
        with session.working("starting") as report:
            local_market.prepare(settings, validators, report)
        session.answer(
            {"rpc": settings.rpc, "home": str(settings.home), "validators": validators, "judges": judges},
            lambda out: out.print(
                f"market at {settings.rpc}, folder {settings.home}, {validators} validators; stop with Ctrl-C"
            ),
        )
        local_market.supervise(settings, judges)
