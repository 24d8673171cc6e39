"""Contracts as compiled, and where they live on a network."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sheaf.chain.abi import EventForm, Function
from sheaf.domain.errors import InputError
from sheaf.domain.ids import Address

NAMES = (
    "MarketToken",
    "Parameters",
    "Nodes",
    "BlockBeacon",
    "DrandBeacon",
    "Stakes",
    "Committees",
    "Reviews",
    "Scores",
    "Escrow",
    "Requests",
    "Standing",
    "Custody",
    "Disputes",
    "Reversals",
    "Proofs",
    "BonusPools",
    "BonusDisputes",
)
"""The market's contracts, in the order in which they are deployed."""

DATA_NAMES = ("ProviderStakes", "Datasets", "Datatoken", "FixedPrice", "Royalties", "ComputeOrders")
"""The contracts of datasets, in the order in which they are deployed beside a market's."""

INSTANCES = {"BonusDisputes": "Disputes", "ProviderStakes": "Stakes"}
"""Contracts that are deployed from another's code, to judge or to hold something else by the same rules."""

SOURCES = Path(__file__).resolve().parent.parent / "contracts"


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: its ABI and its deployment bytecode (0x…)."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: str

    def function(self, name: str, count: int) -> Function:
        """Return the function `name`, by the number of arguments where several bear it. Raises InputError."""
        found = self._functions.get(name)
        if found is None:
            raise InputError(
                f"{self.name} function", name, f"give one of {', '.join(sorted(self._functions))}"
            )
        return next((each for each in found if len(each.types) == count), found[0])

    def event(self, name: str) -> EventForm:
        """Return the event `name`. Raises InputError."""
        found = self.events.get(name)
        if found is None:
            raise InputError(f"{self.name} event", name, f"give one of {', '.join(sorted(self.events))}")
        return found

    @cached_property
    def constructor(self) -> list[dict[str, Any]]:
        """The constructor's parameters."""
        return next((entry["inputs"] for entry in self.abi if entry["type"] == "constructor"), [])

    @cached_property
    def events(self) -> dict[str, EventForm]:
        """The events by name."""
        return {entry["name"]: EventForm(self.name, entry) for entry in self.abi if entry["type"] == "event"}

    @cached_property
    def by_topic(self) -> dict[str, EventForm]:
        """The events by their topic (0x…)."""
        return {form.topic: form for form in self.events.values()}

    @cached_property
    def _functions(self) -> dict[str, list[Function]]:
        found: dict[str, list[Function]] = {}
        for entry in self.abi:
            if entry["type"] == "function":
                found.setdefault(entry["name"], []).append(Function(self.name, entry))
        return found


@lru_cache(maxsize=64)
def artifact(name: str) -> Artifact:
    """Return the compiled contract `name` as it was committed beside its source. Raises InputError if there is none."""
    name = INSTANCES.get(name, name)
    for path in SOURCES.glob(f"*/artifacts/{name}.json") if name.isidentifier() else ():
        return read_artifact(path)
    known = sorted(path.stem for path in SOURCES.glob("*/artifacts/*.json"))
    raise InputError(
        "contract",
        name,
        f"give one of {', '.join(known)}" if known else "compile the contracts: `make contracts`",
    )


def read_artifact(path: Path) -> Artifact:
    """Return the artifact in a file. Raises InputError if it is not one."""
    try:
        found = json.loads(path.read_text())
        return Artifact(found["name"], found["abi"], found["bytecode"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("artifact", path.name, "compile the contracts again: `make contracts`") from None


@dataclass(frozen=True)
class Deployment:
    """The market's contracts on one network.

    `block` is where their history begins and `block_hash` its hash, so that another chain with the same number and addresses is
    told apart; `codes` are the Keccak hashes of the code at each address.
    """

    chain_id: int
    block: int
    addresses: dict[str, Address]
    profile: str
    block_hash: str = ""
    codes: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def path(directory: Path, chain_id: int) -> Path:
        """Return where the deployment on `chain_id` is kept."""
        return directory / f"{chain_id}.json"

    @staticmethod
    def load(path: Path) -> Deployment:
        """Read a deployment. Raises InputError if the file is absent or broken."""
        try:
            found = json.loads(path.read_text())
            deployment = Deployment(**found)
            whole = isinstance(deployment.chain_id, int) and set(NAMES) <= set(deployment.addresses)
        except FileNotFoundError:
            raise InputError("deployment", path, "deploy the contracts first: `sheaf deploy`") from None
        except (OSError, ValueError, TypeError):
            whole = False
        if not whole:
            raise InputError(
                "deployment", path, "the file is broken: restore it, or deploy again: `sheaf deploy`"
            )
        return replace(deployment, addresses={name: Address(at) for name, at in deployment.addresses.items()})

    def save(self, directory: Path) -> Path:
        """Keep this deployment under `directory`, whole or not at all; return the file."""
        path = Deployment.path(directory, self.chain_id)
        write_whole(path, (json.dumps(asdict(self), indent=2) + "\n").encode(), mode=0o644)
        return path


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one, on disk and not only in memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(directory: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
