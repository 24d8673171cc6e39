"""The contracts in titanoboa, deployed and joined as on a network, and actors named by role.

Each test runs between two anchors: what it does to the chain is undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

CONTRACTS = Path(__file__).resolve().parents[2] / "src" / "sheaf" / "contracts"
MOCKS = Path(__file__).resolve().parents[1] / "mocks"
TOKEN = 10**18
SUPPLY = 10**9 * TOKEN
PERIOD_BLOCKS = 100
UNBONDING_SECONDS = 7 * 86_400
MIN_STAKE = 10 * TOKEN
MAX_STAKE = 1_000_000 * TOKEN
RELEASE, SLASH, DRAW, WEIGH = 1, 2, 4, 8

# A contract that reverts is described by all that it has stored, which is slow, and fails where another lay at its address
# before the chain was rolled back.
boa.contracts.vyper.vyper_contract.VyperContract.__repr__ = lambda self: (
    f"<{self.contract_name} at {self.address}>"
)


class _Ancestors(Sequence[bytes]):
    """A hash for each block before the current one, the same whenever it is asked for; the engine itself knows the parent's only."""

    def __len__(self) -> int:
        return int(boa.env.evm.patch.block_number)

    def __getitem__(self, depth: Any) -> Any:
        return keccak((len(self) - 1 - depth).to_bytes(32, "big"))


boa.env.evm.patch.prev_hashes = _Ancestors()


@cache
def load(path: str) -> Any:
    """Return the compiled contract at `path` under the contracts' folder, ready to be deployed."""
    return boa.load_partial(str(CONTRACTS / path))


def mine_to(block: int) -> None:
    """Let the current block be `block`."""
    assert block >= boa.env.evm.patch.block_number
    boa.env.time_travel(blocks=block - boa.env.evm.patch.block_number)


def next_period(period_blocks: int = PERIOD_BLOCKS) -> int:
    """Go to the first block of the next period and return that period."""
    period = int(boa.env.evm.patch.block_number) // period_blocks + 1
    mine_to(period * period_blocks)
    return period


@pytest.fixture(autouse=True)
def _anchored(core: Any) -> Iterator[None]:
    with boa.env.anchor():
        yield


@pytest.fixture(scope="session")
def deployer() -> str:
    return str(boa.env.generate_address("deployer"))


@pytest.fixture(scope="session")
def validators() -> list[str]:
    """Accounts of twelve validators, none of them staked."""
    return [str(boa.env.generate_address(f"validator {i}")) for i in range(12)]


@pytest.fixture(scope="session")
def core(deployer: str) -> SimpleNamespace:
    """Token, parameters (of a test network), nodes, stakes and committees; the governor is the deployer."""
    with boa.env.prank(deployer):
        token = load("rewards/MarketToken.vy").deploy(deployer, SUPPLY)
        parameters = load("governance/Parameters.vy").deploy(deployer, True)
        nodes = load("registry/Nodes.vy").deploy()
        stakes = load("review/Stakes.vy").deploy(
            token.address, parameters.address, PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE
        )
        committees = load("review/Committees.vy").deploy(
            parameters.address, stakes.address, load("review/BlockBeacon.vy").deploy()
        )
    return SimpleNamespace(
        token=token, parameters=parameters, nodes=nodes, stakes=stakes, committees=committees
    )


@pytest.fixture
def token(core: SimpleNamespace) -> Any:
    return core.token


@pytest.fixture
def parameters(core: SimpleNamespace) -> Any:
    return core.parameters


@pytest.fixture
def nodes(core: SimpleNamespace) -> Any:
    return core.nodes


@pytest.fixture
def stakes(core: SimpleNamespace) -> Any:
    return core.stakes


@pytest.fixture
def committees(core: SimpleNamespace) -> Any:
    return core.committees


@pytest.fixture
def bond(core: SimpleNamespace, deployer: str) -> Any:
    """Give an account tokens and let it stake them; returns its id."""

    def stake(account: str, amount: int) -> int:
        core.token.transfer(account, amount, sender=deployer)
        core.token.approve(core.stakes.address, amount, sender=account)
        return int(core.stakes.stake(amount, sender=account))

    return stake
