"""Every network behaves alike: the embedded chain, the local network on either engine, in this process and over HTTP."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sheaf.chain.deploy import deploy
from sheaf.chain.devchain import Devchain
from sheaf.chain.endpoint import RpcError
from sheaf.chain.engines import anvil
from sheaf.chain.engines.network import LocalNetwork, Pace
from sheaf.chain.engines.server import Server
from sheaf.chain.events import Event, Follower
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.errors import InputError, Reverted

ROOT = Path(__file__).resolve().parents[2]
STILL = Pace(heartbeat_seconds=3600, idle_seconds=3600, lively_seconds=0, dump_blocks=300)
_KEYS = itertools.count(1)


def _anvil() -> Path:
    named = os.environ.get("SHEAF_ANVIL")
    found = anvil.find(Path(named) if named else None, ROOT)
    if found is None:
        pytest.skip("anvil is not installed: `make setup-node`")
    return found


@pytest.fixture(scope="module", params=["devchain", "network", "network over http", "anvil over http"])
def market(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Chain, Signer]]:
    """A network of each kind with the contracts deployed, and who owns all coins and tokens on it."""
    owner = Signer(b"\x41" * 32)
    with ExitStack() as stack:
        if request.param == "devchain":
            engine = Devchain(seed=1)
            engine.fund(owner.address, 10**24)
            endpoint: Any = engine
        else:
            binary = _anvil() if request.param.startswith("anvil") else None
            network = stack.enter_context(
                LocalNetwork(tmp_path_factory.mktemp("network"), anvil=binary, pace=STILL)
            )
            endpoint = (
                stack.enter_context(Server(network, 0)).url if request.param.endswith("http") else network
            )
            Chain(endpoint).transfer(Signer(network.faucet_key), owner.address, 10**24)
        yield Chain(endpoint, deploy(Chain(endpoint), owner, "local")), owner


@pytest.fixture
def chain(market: tuple[Chain, Signer]) -> Chain:
    return market[0]


@pytest.fixture
def owner(market: tuple[Chain, Signer]) -> Signer:
    return market[1]


@pytest.fixture
def buyer(chain: Chain, owner: Signer) -> Signer:
    """A fresh account with gas money and 100 tokens."""
    signer = Signer(next(_KEYS).to_bytes(32, "big"))
    chain.transfer(owner, signer.address, 10**20)
    chain.send(owner, "MarketToken", "transfer", signer.address, 100)
    return signer


def test_coins_and_tokens(chain: Chain, owner: Signer, buyer: Signer) -> None:
    """Coins and tokens arrive to the unit, and the receipt's block is there with its gas."""
    assert chain.balance(buyer.address) == 10**20
    receipt = chain.send(buyer, "MarketToken", "transfer", owner.address, 40)
    assert chain.call("MarketToken", "balanceOf", buyer.address) == 60
    assert chain.nonce(buyer.address) == chain.nonce(buyer.address, pending=True) == 1
    assert chain.block_at(receipt.block).gas_used == receipt.gas_used
    assert chain.wait_for(receipt.transaction) == receipt


def test_blocks_are_linked(chain: Chain, buyer: Signer) -> None:
    """Numbers count up, parents are linked, time does not go back."""
    chain.transfer(buyer, buyer.address, 0)
    newest = chain.block()
    before = chain.block_at(newest.number - 1)
    assert newest.parent == before.hash
    assert newest.timestamp >= before.timestamp


def test_blockhash(chain: Chain) -> None:
    """BLOCKHASH is the hash that the network gives, which is what draws depend on."""
    number = chain.block().number - 1
    code = "0x63" + number.to_bytes(4, "big").hex() + "405f5260205ff3"
    assert chain.request("eth_call", {"data": code}, "latest") == chain.block_at(number).hash


def test_events(chain: Chain, owner: Signer, buyer: Signer) -> None:
    """Events are found by contract, name and indexed value, and followed in order."""
    follower = Follower(chain, ("MarketToken", "Nodes"), start=chain.block().number + 1)
    first = chain.send(buyer, "MarketToken", "transfer", owner.address, 1)
    second = chain.send(buyer, "Nodes", "register", b"\x07" * 32)
    assert [each.name for each in follower.poll() if isinstance(each, Event)] == ["Transfer", "KeyRegistered"]
    found = chain.events("Nodes", "KeyRegistered", first.block, second.block, account=buyer.address)
    assert [dict(each.args) for each in found] == [{"account": buyer.address, "key": b"\x07" * 32}]
    assert found == list(second.events)


def test_reverts(chain: Chain, buyer: Signer) -> None:
    """A refusal is the contract's own, before it is sent and in a block, and a view's too."""
    refused: list[Callable[[], Any]] = [
        lambda: chain.send(buyer, "Escrow", "withdraw", chain.address_of("MarketToken")),
        lambda: chain.send(buyer, "Escrow", "withdraw", chain.address_of("MarketToken"), gas=200_000),
    ]
    for send in refused:
        with pytest.raises(Reverted) as caught:
            send()
        assert caught.value.reason == "escrow: nothing owed"
    with pytest.raises(Reverted, match="parameters: unknown"):
        chain.call("Parameters", "get", 99)


def test_poor_account(chain: Chain) -> None:
    """Who cannot pay for gas is told so."""
    poor = Signer(next(_KEYS).to_bytes(32, "big"))
    with pytest.raises(InputError, match="balance: 0 wei"):
        chain.transfer(poor, poor.address, 0)


def test_the_same_bytes_twice(chain: Chain, buyer: Signer) -> None:
    """A repeated raw transaction is refused and changes nothing."""
    receipt = chain.transfer(buyer, "0x" + "55" * 20, 3)
    sent = chain.request("eth_getTransactionByHash", receipt.transaction)
    again = buyer.sign_transaction(
        {
            "chainId": chain.chain_id, "type": 2, "nonce": int(sent["nonce"], 16), "to": "0x" + "55" * 20, "value": 3, "data": b"",
            "gas": int(sent["gas"], 16), "maxFeePerGas": int(sent["maxFeePerGas"], 16),
            "maxPriorityFeePerGas": int(sent["maxPriorityFeePerGas"], 16),
        }
    )  # fmt: skip
    before = chain.balance("0x" + "55" * 20)
    with pytest.raises(RpcError, match=r"already known|nonce too low"):
        chain.request("eth_sendRawTransaction", "0x" + again.hex())
    assert chain.balance("0x" + "55" * 20) == before


def test_time_and_blocks_on_demand(chain: Chain) -> None:
    """Where time is ours, it moves forward by what is asked."""
    before = chain.block()
    chain.request("evm_increaseTime", 500)
    chain.request("evm_mine")
    assert chain.block().timestamp >= before.timestamp + 500
    assert chain.block().number > before.number


def test_restart_of_anvil(tmp_path: Path) -> None:
    """Anvil's chain is made again hash by hash, from a dump far enough back that BLOCKHASH is right."""
    binary = _anvil()
    with LocalNetwork(tmp_path, anvil=binary, pace=STILL) as network:
        chain, faucet = Chain(network), Signer(network.faucet_key)
        for number in range(620):
            if number % 31 == 0:
                chain.transfer(faucet, "0x" + "55" * 20, 1)
            else:
                network.request("evm_mine", [])
        before = [chain.block_at(number).hash for number in range(chain.block().number + 1)]
    with LocalNetwork(tmp_path, anvil=binary, pace=STILL) as network:
        chain = Chain(network)
        assert [chain.block_at(number).hash for number in range(chain.block().number + 1)] == before
        assert chain.balance("0x" + "55" * 20) == 20
        number = len(before) - 250
        code = "0x63" + number.to_bytes(4, "big").hex() + "405f5260205ff3"
        assert chain.request("eth_call", {"data": code}, "latest") == before[number]
