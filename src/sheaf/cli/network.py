"""The market one is connected to, its contracts, its nodes, and a network of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import CredentialError, InputError

if TYPE_CHECKING:
    from sheaf.nodes.loop import Role

PROFILES = ("public", "verifiable", "local")

app = typer.Typer()
validator = typer.Typer(no_args_is_help=True, help="Validator: review what the account is drawn for.")
custodian = typer.Typer(no_args_is_help=True, help="Custodian: hand content keys to drawn committees.")

Health = Annotated[Path | None, typer.Option(help="Write health as JSON to this file.")]
WithParent = Annotated[
    bool, typer.Option("--stop-with-parent", hidden=True, help="Stop when standard input closes.")
]


@verb(app, "status")
def status(session: Session) -> None:
    """Show the market one is connected to: network, newest block, how much there is of everything, accounts here.

    Example: sheaf status --json
    """
    from sheaf import actions
    from sheaf.chain.endpoint import public
    from sheaf.review import stakes

    market = session.market
    head = market.docket.refresh()
    accounts = actions.list_accounts(session.settings.keystore_directory)
    data = {
        "rpc": public(session.settings.rpc),
        "chain_id": market.chain.chain_id,
        "profile": market.chain.deployment.profile if market.chain.deployment else "",
        "block": head.number,
        "time": head.timestamp,
        "home": str(session.settings.home),
        "requests": len(market.docket.requests),
        "submissions": len(market.docket.cases),
        "validators": stakes.count(market.chain),
        "accounts": accounts,
    }
    told = {
        **data,
        "time": when(head.timestamp),
        "accounts": ", ".join(accounts) or "none: make one with `sheaf account create NAME`",
    }
    session.answer(data, lambda out: out.pairs(told))


@verb(app, "deploy")
def deploy(
    session: Session,
    profile: Annotated[
        str,
        typer.Option(help="public; verifiable: drawn by drand; local: short windows for play money."),
    ] = "public",
) -> None:
    """Deploy the contracts with the acting account; repeated after an interruption it goes on where it stopped.

    Example: sheaf deploy --rpc https://… --account deployer
    """
    from sheaf.bootstrap import deploy as deploy_contracts

    if profile not in PROFILES:
        raise InputError("profile", profile, f"give one of {', '.join(PROFILES)}")
    if session.settings.account is None:
        raise CredentialError("account", "none", "name the account that deploys with --account NAME")
    password = session.ask_password()
    with session.working("deploying"):
        found = deploy_contracts(session.settings, profile, password=password)
    session.answer(
        {"chain_id": found.chain_id, "profile": found.profile, "addresses": found.addresses},
        lambda out: out.pairs({"network": found.chain_id, "profile": found.profile, **found.addresses}),
    )


@verb(app, "up")
def up(
    session: Session,
    validators: Annotated[int, typer.Option(help="How many local validators.", min=1, max=64)] = 11,
    judge: Annotated[
        str | None, typer.Option(help="One judge for all; left out: each validator gets another kind.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the network on 127.0.0.1.", min=1, max=65535)] = 8545,
    challenge_seconds: Annotated[
        int,
        typer.Option(help="How long a verdict can be challenged before it is paid.", min=1, max=604_800),
    ] = 60,
    use_anvil: Annotated[
        bool, typer.Option("--anvil", help="Let anvil make the blocks (make setup-node).")
    ] = False,
) -> None:
    """Keep a local market running: network, contracts, store, custodian, validators. Start it again after any death.

    Other terminals use it with the same --home. Example: sheaf up --validators 5 --judge checks-only
    """
    import signal

    from sheaf.nodes import local_market
    from sheaf.verification.judges import KINDS

    # Until the nodes are supervised, SIGTERM is Ctrl-C: what was started is ended in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    judges = [judge or KINDS[number % len(KINDS)] for number in range(validators)]
    anvil = local_market.find_anvil(session.settings) if use_anvil else None
    with (
        local_market.only_one(session.settings),
        local_market.network(session.settings, port, anvil) as settings,
    ):
        with session.working("starting") as report:
            local_market.set_challenge_window(settings, challenge_seconds)
            local_market.prepare(settings, validators, report)
        session.answer(
            {"rpc": settings.rpc, "home": str(settings.home), "validators": validators, "judges": judges},
            lambda out: out.line(
                f"market at {settings.rpc}, folder {settings.home}, {validators} validators; stop with Ctrl-C"
            ),
        )
        local_market.supervise(settings, judges)


@verb(validator, "run")
def run_validator(
    session: Session,
    judge: Annotated[
        str, typer.Option(help="A judge by name, or program:COMMAND (docs/verification.md).")
    ] = "logistic",
    seed: Annotated[int, typer.Option(help="The judge's seed.", min=0)] = 0,
    scoring: Annotated[
        bool,
        typer.Option(
            "--scoring", help="Rate the reviewers of every decided batch: it costs gas and earns nothing."
        ),
    ] = False,
    health: Health = None,
    with_parent: WithParent = False,
) -> None:
    """Run a validator until it is stopped: draw, review, tally, settle, deliver.

    Example: sheaf validator run --judge random-forest --account validator
    """
    from sheaf.bootstrap import judge as find
    from sheaf.nodes.validator import Validator

    role = Validator(session.acting, find(judge, seed), is_scoring=scoring)
    session.talk.line(f"validator {session.acting.account} judging by {judge}; stop with Ctrl-C")
    run_roles(session, [role], health, with_parent)


@verb(custodian, "run")
def run_custodian(session: Session, health: Health = None, with_parent: WithParent = False) -> None:
    """Run a custodian until it is stopped. Where a request names it as keeper it mixes gold in, opens and rates it too.

    Example: sheaf custodian run --account custodian
    """
    from sheaf.nodes.custodian import Custodian
    from sheaf.nodes.keeper import Keeper

    session.talk.line(f"custodian {session.acting.account}; stop with Ctrl-C")
    run_roles(session, [Keeper(session.acting), Custodian(session.acting)], health, with_parent)


def run_roles(session: Session, roles: list[Role], health: Path | None, with_parent: bool) -> None:
    """Run a node's roles, once per account: a second process for the same account would only get in the first one's way."""
    import asyncio

    from filelock import FileLock, Timeout

    from sheaf.nodes.loop import run
    from sheaf.nodes.supervisor import stop_with_parent

    folder = session.settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{roles[-1].name}-{session.acting.market}-{session.acting.account}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            "account", session.acting.account, f"its {roles[-1].name} runs already on this machine"
        ) from None
    with lock:
        if with_parent:
            stop_with_parent()
        asyncio.run(run(roles, session.settings.tick_seconds, health))
