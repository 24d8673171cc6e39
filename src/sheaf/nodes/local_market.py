"""A market of one's own: a persistent network, the contracts, a custodian and validators, brought back as they were after any death."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from sheaf import actions
from sheaf.bootstrap import FAUCET_NAME, connect, deployments_directory, read_settings
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError
from sheaf.nodes.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.settings import Settings

STAKE = 50_000 * WAD
CUSTODIAN = "custodian"

Report = Callable[[str], None]


def validator_name(number: int) -> str:
    """Return the account name of local validator `number`, counted from 1."""
    return f"validator-{number}"


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the market's folder. Raises InputError if another process does."""
    folder = network_directory(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            "home", settings.home, "a market runs from this folder already: use it, or name another --home"
        ) from None
    try:
        yield
    finally:
        lock.release()


def network_directory(settings: Settings) -> Path:
    """Return the folder of the local network and of the play-money faucet."""
    return settings.home / "network"


@contextmanager
def network(settings: Settings, port: int, anvil: Path | None = None) -> Iterator[Settings]:
    """Run the local network with the contracts on it, and give settings that lead there.

    The chain lives in the home folder and comes back as it was after any death. `anvil` takes that program as the engine instead of
    the embedded one; a folder stays with the engine it began with.
    """
    from sheaf.chain import keystore
    from sheaf.chain.deploy import deploy, deploy_data
    from sheaf.chain.engines.network import LocalNetwork
    from sheaf.chain.engines.server import Server
    from sheaf.chain.rpc import Chain
    from sheaf.chain.signer import Signer

    folder = network_directory(settings)
    with LocalNetwork(folder / "chain", anvil=anvil) as local, Server(local, port) as server:
        faucet = Signer(local.faucet_key)
        if FAUCET_NAME not in keystore.accounts(folder):
            keystore.import_key(folder, FAUCET_NAME, "0x" + local.faucet_key.hex(), FAUCET_NAME)
        folder = deployments_directory(settings)
        found = deploy(Chain(server.url), faucet, "local", directory=folder)
        deploy_data(Chain(server.url, found), faucet, directory=folder)
        yield read_settings(**{**settings.model_dump(exclude_unset=True), "rpc": server.url})


def set_challenge_window(settings: Settings, seconds: int) -> None:
    """Set how long verdicts of a local market can be challenged; bonds, locks and penalties stay as they are."""
    from sheaf.chain import keystore
    from sheaf.governance import parameters

    chain = connect(settings).chain
    if parameters.get(chain, "challenge_seconds") != seconds:
        governor = keystore.load(network_directory(settings), FAUCET_NAME, FAUCET_NAME)
        if parameters.get(chain, "ruling_seconds") < 2 * seconds:
            parameters.set_parameter(chain, governor, "ruling_seconds", 2 * seconds)
        parameters.set_parameter(chain, governor, "challenge_seconds", seconds)


def find_anvil(settings: Settings) -> Path:
    """Return anvil's binary: from the settings, the working directory, the PATH, or freshly installed from npm. Raises ChainError."""
    from sheaf.chain.engines import anvil

    own = network_directory(settings) / "anvil"
    return anvil.find(settings.anvil, Path.cwd(), own) or anvil.install(own)


def password_file(settings: Settings) -> Path:
    """Return the file with the password of the local custodian and validators, made on first use; only its owner can read it."""
    path = network_directory(settings) / "password"
    if not path.exists():
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(24))
        temporary.replace(path)
    return path


def make_accounts(settings: Settings, validators: int) -> list[str]:
    """Make what is missing of the accounts of custodian and validators; return all their names."""
    names = [CUSTODIAN, *(validator_name(number + 1) for number in range(validators))]
    there = actions.list_accounts(settings.keystore_directory)
    password = password_file(settings).read_text()
    for name in names:
        if name not in there:
            actions.create_account(settings.keystore_directory, name, password)
    return names


def prepare(settings: Settings, validators: int, report: Report) -> None:
    """Make accounts, fund them, publish reading keys and stake: whatever of it is still to be done."""
    for name in make_accounts(settings, validators):
        report(f"preparing {name}")
        given = {
            **settings.model_dump(exclude_unset=True),
            "account": name,
            "password_file": password_file(settings),
        }
        _equip(connect(read_settings(**given)), is_validator=name != CUSTODIAN)


def _equip(member: Context, *, is_validator: bool) -> None:
    held = actions.balances(member)
    if held.wei < WAD:
        actions.fund_account(member, member.account, tokens=0)
    if is_validator and held.staked < STAKE:
        missing = STAKE - held.staked
        if held.tokens < missing:
            actions.fund_account(member, member.account, tokens=missing - held.tokens, wei=0)
        actions.stake(member, missing)
    actions.register_key(member)


def children(settings: Settings, judges: list[str]) -> list[Child]:
    """Return the processes of custodian and validators, one judge each."""
    found = [_child(settings, CUSTODIAN, ["custodian", "run"])]
    for number, judge in enumerate(judges):
        found.append(
            _child(
                settings,
                validator_name(number + 1),
                ["validator", "run", "--judge", judge, "--seed", str(number)],
            )
        )
    return found


def _child(settings: Settings, name: str, words: list[str]) -> Child:
    folder = network_directory(settings) / "nodes"
    options = [
        "--account",
        name,
        "--password-file",
        str(password_file(settings)),
        "--home",
        str(settings.home),
        "--rpc",
        settings.rpc,
    ]
    command = [
        sys.executable,
        "-m",
        "sheaf.cli.main",
        *words,
        "--health",
        str(folder / f"{name}.json"),
        "--stop-with-parent",
        *options,
    ]
    return Child(name, command, folder / f"{name}.log")


def supervise(settings: Settings, judges: list[str]) -> None:
    """Keep the nodes running until SIGTERM or SIGINT, then end them."""
    supervisor = Supervisor(children(settings, judges))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.run()
