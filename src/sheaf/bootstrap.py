"""The one place where real parts are chosen and joined: network, store, mailbox, accounts, judges."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import CredentialError, InputError
from sheaf.domain.job import Tier
from sheaf.settings import Settings, read_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.chain.contracts import Deployment
    from sheaf.chain.rpc import Chain
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address
    from sheaf.domain.ports import Judge, Sandbox
    from sheaf.domain.request import Specification

__all__ = [
    "Snapshot",
    "add_datasets",
    "connect",
    "deploy",
    "judge",
    "keystore_directory",
    "local",
    "password_of",
    "read_settings",
    "sandbox",
    "snapshot",
]

FAUCET_NAME = "faucet"
CHECKS_ONLY = "checks-only"


class LocalFaucet:
    """Gives play money away from an account that has plenty of it."""

    def __init__(self, chain: Chain, signer: Signer) -> None:
        self._chain, self.signer = chain, signer

    def give(self, account: Address, wei: int, tokens: int) -> None:
        """Send `wei` and `tokens` (smallest unit of the market token) to `account`."""
        if wei:
            self._chain.transfer(self.signer, account, wei)
        if tokens:
            self._chain.send(self.signer, "MarketToken", "transfer", account, tokens)


class SeededEntropy:
    """Bytes that follow from a seed, so that a market of play money runs the same twice; never for anything else."""

    def __init__(self, seed: int) -> None:
        self._seed, self._turns = seed, itertools.count()

    def __call__(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return hashlib.shake_256(f"sheaf local entropy {self._seed} {next(self._turns)}".encode()).digest(
            size
        )


class ApproveAll:
    """The judge of who leaves everything to the objective checks."""

    def judge(self, records: pa.Table, specification: Specification) -> Any:
        """Approve every record."""
        import numpy as np

        return np.ones(records.num_rows, dtype=np.bool_)


@dataclass(frozen=True)
class Snapshot:
    """A local market as it stood: its chain, where its contracts are, and the seed that it was made with."""

    chain: bytes
    deployment: Deployment
    seed: int


def snapshot(ctx: Context, seed: int = 0) -> Snapshot:
    """Return a market of this process for `local` to begin from; what lies in store, mailbox and journals is not in it."""
    if ctx.engine is None or ctx.chain.deployment is None:
        raise InputError("market", "remote", "take a snapshot of a market of this process")
    return Snapshot(ctx.engine.dump(), ctx.chain.deployment, seed)


def local(
    *,
    directory: Path | None = None,
    seed: int = 0,
    home: Path | None = None,
    since: Snapshot | None = None,
    fixed_gas: int = 0,
    parameters: Mapping[str, int] | None = None,
) -> Context:
    """Start a market in this process: an embedded chain with the contracts deployed, play money, and time that waits for you.

    What is stored lies in memory, or under `directory` if one is given; `home` is the folder of the journals where it is another.
    `seed` makes a run repeatable. `since` goes on from a snapshot; with `fixed_gas` no transaction's gas is estimated.
    `parameters` are set, in this order, as by a vote. `add_datasets` adds the contracts of datasets.
    """
    from sheaf.chain.deploy import deploy as deploy_contracts
    from sheaf.chain.devchain import Devchain
    from sheaf.chain.rpc import Chain
    from sheaf.chain.signer import Signer
    from sheaf.chain.transactions import Policy
    from sheaf.governance.parameters import set_parameter
    from sheaf.store.local import LocalStore
    from sheaf.store.mailbox import LocalMailbox, MemoryMailbox
    from sheaf.store.memory import MemoryStore

    origin = seed if since is None else since.seed
    engine, policy = Devchain(origin), Policy(fixed_gas=fixed_gas)
    deployer = Signer(hashlib.sha256(f"sheaf local deployer {origin}".encode()).digest())
    if since is None:
        engine.fund(deployer.address, 10**24)
        deployment = deploy_contracts(Chain(engine, policy=policy), deployer, "process")
    else:
        engine.restore(since.chain)
        deployment = since.deployment
    chain = Chain(engine, deployment, policy=policy)
    for name, value in (parameters or {}).items():
        set_parameter(chain, deployer, name, value)
    home = home or directory or Path(tempfile.mkdtemp(prefix="sheaf-"))
    store = LocalStore(directory / "store") if directory else MemoryStore()
    mailbox = LocalMailbox(directory / "mailbox") if directory else MemoryMailbox()
    return _context(
        chain,
        store,
        mailbox,
        home,
        faucet=LocalFaucet(chain, deployer),
        engine=engine,
        entropy=SeededEntropy(seed),
    )


def add_datasets(ctx: Context) -> None:
    """Deploy the contracts of datasets in a local market, where they are not there yet. Raises InputError where it is not one's own."""
    from sheaf.chain.deploy import deploy_data

    if not isinstance(ctx.faucet, LocalFaucet):
        raise InputError("market", "remote", "whoever governs it adds them: `sheaf deploy`")
    ctx.chain.deployment = deploy_data(ctx.chain, ctx.faucet.signer)


def connect(settings: Settings | None = None, *, password: str | None = None, **given: Any) -> Context:
    """Open the market that the settings lead to, acting as `account` if one is named.

    `given` are settings by name, over all others. Raises Unreachable, WrongNetwork, InputError where nothing is deployed,
    CredentialError where the account cannot be unlocked.
    """
    from sheaf.chain.contracts import Deployment
    from sheaf.chain.rpc import Chain
    from sheaf.store.local import LocalStore
    from sheaf.store.mailbox import LocalMailbox

    if settings is None or given:
        before = settings.model_dump(exclude_unset=True) if settings else {}
        settings = read_settings(**{**before, **given})
    locks = settings.home / "locks"
    number = Chain(settings.rpc).chain_id
    found = Deployment.load(deployment_path(settings, number))
    chain = Chain(settings.rpc, found, locks=locks)
    ctx = _context(
        chain, LocalStore(settings.store_directory), LocalMailbox(settings.mailbox_directory), settings.home,
        faucet=_faucet(settings, chain, found), confirmations=settings.confirmations,
    )  # fmt: skip
    if settings.account is None:
        return ctx
    return ctx.acting_as(_unlocked(settings, password if password is not None else password_of(settings)))


def deploy(settings: Settings, profile: str = "public", *, password: str | None = None) -> Deployment:
    """Deploy the contracts, those of datasets too, to the network of the settings, as `account`, and keep their addresses.

    Repeated after an interruption it goes on where it stopped. Raises InputError if they are there already, CredentialError,
    ChainError.
    """
    from sheaf.chain.deploy import deploy as deploy_contracts
    from sheaf.chain.deploy import deploy_data
    from sheaf.chain.rpc import Chain

    if settings.account is None:
        raise CredentialError("account", "none", "name the account that deploys")
    signer = _unlocked(settings, password if password is not None else password_of(settings))
    locks, directory = settings.home / "locks", deployments_directory(settings)
    found = deploy_contracts(Chain(settings.rpc, locks=locks), signer, profile, directory=directory)
    return deploy_data(Chain(settings.rpc, found, locks=locks), signer, directory=directory)


def keystore_directory(settings: Settings) -> Path:
    """Return where accounts lie, encrypted."""
    return settings.keystore_directory


def deployments_directory(settings: Settings) -> Path:
    """Return where the addresses of new deployments are kept."""
    return settings.deployments or settings.home / "deployments"


def deployment_path(settings: Settings, chain_id: int) -> Path:
    """Return the file that says where the contracts are: of the settings' folder, the home folder, or the working directory."""
    from sheaf.chain.contracts import Deployment

    own = Deployment.path(deployments_directory(settings), chain_id)
    here = Deployment.path(Path("deployments"), chain_id)
    return here if settings.deployments is None and not own.exists() and here.exists() else own


def password_of(settings: Settings) -> str:
    """Return the keystore's password from the file they name, else from themselves. Raises CredentialError if there is none."""
    if settings.password_file is None:
        if settings.password is not None:
            return settings.password.get_secret_value()
        raise CredentialError("password", "none", "set SHEAF_PASSWORD or give a password file")
    try:
        if settings.password_file.stat().st_mode & 0o077:
            raise CredentialError("password file", settings.password_file, "others may read it: chmod 600")
        text = settings.password_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CredentialError(
            "password file", settings.password_file, "give a text file that can be read"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def judge(name: str, seed: int = 0) -> Callable[[Specification, pa.Table | None], Judge]:
    """Return the maker of the judge that `name` describes: a kind of classifier, `program:COMMAND`, or "checks-only".

    The maker takes a specification and its sample. Raises InputError for an unknown name.
    """
    from sheaf.verification.judges import KINDS, named

    if name != CHECKS_ONLY and name not in KINDS and not name.startswith("program:"):
        raise InputError("judge", name, f"use one of {', '.join(KINDS)}, {CHECKS_ONLY}, or program:COMMAND")

    def make(wanted: Specification, sample: pa.Table | None) -> Judge:
        return ApproveAll() if name == CHECKS_ONLY else named(name, sample, wanted, seed)

    return make


def sandbox(tier: str = Tier.BUBBLEWRAP) -> tuple[Sandbox, str]:
    """Return what runs jobs on this machine, and the hash of their environment; `unconfined` is for one's own programs alone.

    Raises InputError for a tier that there is not.
    """
    from sheaf.sandbox import runtime
    from sheaf.sandbox.bubblewrap import Bubblewrap
    from sheaf.sandbox.gvisor import Gvisor
    from sheaf.sandbox.unconfined import Unconfined

    for kind in (Bubblewrap, Gvisor, Unconfined):
        if kind.name == tier:
            return kind(), runtime.environment_hash(tier)
    raise InputError("tier", tier, f"give one of {', '.join(Tier)}")


def _unlocked(settings: Settings, password: str) -> Signer:
    from sheaf.chain import keystore

    assert settings.account is not None
    return keystore.load(settings.keystore_directory, settings.account, password)


def _faucet(settings: Settings, chain: Chain, found: Deployment) -> LocalFaucet | None:
    """Return the faucet of a local market: its key lies in the home folder of whoever runs that market."""
    from sheaf.chain import keystore

    directory = settings.home / "network"
    if found.profile != "local" or FAUCET_NAME not in keystore.accounts(directory):
        return None
    # The password is no secret: it guards play money, and whoever can read the folder owns that market anyway.
    return LocalFaucet(chain, keystore.load(directory, FAUCET_NAME, FAUCET_NAME))


def _context(chain: Chain, store: Any, mailbox: Any, home: Path, **more: Any) -> Context:
    from sheaf.actions.cases.docket import Docket
    from sheaf.actions.context import Context

    return Context(chain=chain, store=store, mailbox=mailbox, home=home, docket=Docket(chain), **more)
