"""The chain speaks of contracts by name, and refuses the wrong network and wrong values before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sheaf.chain.contracts import Deployment, artifact
from sheaf.chain.deploy import deploy
from sheaf.chain.devchain import Devchain
from sheaf.chain.endpoint import RpcError
from sheaf.chain.events import logs
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.errors import ChainError, InputError, Reverted, WrongNetwork

TO = "0x" + "22" * 20


@pytest.fixture(scope="module")
def governor() -> Signer:
    return Signer(b"\x0a" * 32)


@pytest.fixture(scope="module")
def engine(governor: Signer) -> Devchain:
    engine = Devchain(seed=11)
    engine.fund(governor.address, 10**22)
    return engine


@pytest.fixture(scope="module")
def chain(engine: Devchain, governor: Signer) -> Chain:
    return Chain(engine, deploy(Chain(engine), governor, "local"))


def test_call_gives_named_values(chain: Chain, governor: Signer) -> None:
    """Structs are named tuples, arrays tuples, addresses carry their checksum, several results come as a tuple."""
    ledger = chain.call("Escrow", "ledger", 1)
    assert ledger.free == 0
    assert ledger._asdict()["token"] == "0x" + "0" * 40
    assert chain.call("Parameters", "governor") == governor.address
    assert len(chain.call("Parameters", "words")) == 3
    assert chain.call("Parameters", "bounds", 0) == (1, 86_400)


def test_send_gives_events(chain: Chain, governor: Signer) -> None:
    """A receipt tells the events of the market's contracts; `event` picks one; they are found again by filters."""
    receipt = chain.send(governor, "MarketToken", "transfer", TO, 7)
    event = receipt.event("Transfer")
    assert list(event.args.values()) == [governor.address, TO, 7]
    assert (event.block, event.transaction, event.contract) == (
        receipt.block,
        receipt.transaction,
        "MarketToken",
    )
    assert event in chain.events("MarketToken", "Transfer", 0, receiver=TO)
    assert chain.events("MarketToken", "Transfer", 0, receiver="0x" + "33" * 20) == []
    assert event in chain.events("MarketToken", None, receipt.block, receipt.block)
    assert event in chain.market_events(("Escrow", "MarketToken"), 0)
    with pytest.raises(ChainError, match="no event Approval"):
        receipt.event("Approval")
    assert chain.gas_used(receipt.block, receipt.block) == receipt.gas_used


def test_any_token(chain: Chain, governor: Signer) -> None:
    """A token outside the deployment is used through the market token's ABI, its events are known too."""
    other = chain.create(governor, artifact("MarketToken"), governor.address, 100).contract
    assert other is not None
    token = chain.at("MarketToken", other)
    assert token.send(governor, "transfer", TO, 3).event("Transfer").address == other
    assert token.call("balanceOf", TO) == 3
    assert [event.args["value"] for event in token.events("Transfer", 0, receiver=TO)] == [3]


def test_refusal_in_the_contracts_words(chain: Chain, governor: Signer, engine: Devchain) -> None:
    """A refusal is foreseen, told with what to do, and costs nothing; of a view as of a transaction."""
    before = chain.nonce(governor.address)
    with pytest.raises(Reverted) as caught:
        chain.send(governor, "Escrow", "withdraw", chain.address_of("MarketToken"))
    assert caught.value.reason == "escrow: nothing owed"
    assert "settle" in caught.value.fix
    assert chain.nonce(governor.address) == before
    with pytest.raises(Reverted, match="parameters: unknown"):
        chain.call("Parameters", "get", 99)


def test_refusal_in_the_block(chain: Chain, governor: Signer) -> None:
    """What reverts only when it is mined is told in the same words."""
    with pytest.raises(Reverted, match="escrow: nothing owed"):
        chain.send(governor, "Escrow", "withdraw", chain.address_of("MarketToken"), gas=200_000)


@pytest.mark.parametrize(
    ("contract", "function", "args", "words"),
    [
        ("Nowhere", "x", (), "contract: Nowhere: give one of MarketToken"),
        ("Escrow", "steal", (), "Escrow function: steal: give one of"),
        ("Escrow", "ledger", (), r"Escrow.ledger: 0 arguments: give \(request: uint256\)"),
        ("Escrow", "ledger", (-1,), "Escrow.ledger request: -1: give a value that fits uint256"),
        ("Escrow", "ledger", (2**256,), "fits uint256"),
        ("Escrow", "ledger", ("1",), "fits uint256"),
        ("Escrow", "owed", ("0x12", TO), "Escrow.owed arg0: 0x12: give a value that fits address"),
        ("Nodes", "register", (b"\x01" * 33,), "Nodes.register key.*fits bytes32"),
    ],
)
def test_bad_arguments(
    chain: Chain, governor: Signer, contract: str, function: str, args: tuple[Any, ...], words: str
) -> None:
    """A wrong name, number or value of arguments is told by name before anything is sent."""
    with pytest.raises(InputError, match=words):
        chain.send(governor, contract, function, *args)


def test_bad_filters_and_blocks(chain: Chain) -> None:
    """Events are filtered by what is indexed; blocks are there or refused."""
    with pytest.raises(InputError, match="filter by"):
        chain.events("MarketToken", "Transfer", 0, value=3)
    with pytest.raises(InputError, match="give one of"):
        chain.events("MarketToken", "Nothing", 0)
    with pytest.raises(InputError, match="block: 999"):
        chain.block_at(999)
    with pytest.raises(InputError, match="block: -1"):
        chain.block_at(-1)
    assert chain.hash_at(999) is None
    assert chain.block_at(0).parent == "0x" + "00" * 32


def test_wrong_network(engine: Devchain, chain: Chain) -> None:
    """Another chain id, a chain that was started anew, absent and other contracts: each is told, with what to do."""
    good = chain.deployment
    assert good is not None
    with pytest.raises(WrongNetwork, match="chain id: 1: the deployment is on 31337"):
        Chain(Devchain(chain_id=1), good)
    with pytest.raises(WrongNetwork, match="not the one of the deployment"):
        Chain(Devchain(seed=12), good)
    with pytest.raises(WrongNetwork, match=r"MarketToken: 0x.*: no contract is there"):
        Chain(Devchain(seed=12), replace(good, block_hash=""))
    swapped = {**good.addresses, "Escrow": good.addresses["Nodes"]}
    with pytest.raises(WrongNetwork, match=r"Escrow: 0x.*: another contract is there"):
        Chain(engine, replace(good, addresses=swapped))


def test_no_contract_at_the_address(chain: Chain) -> None:
    """Calling an account that is no contract is told as that, not as a decoding error."""
    with pytest.raises(WrongNetwork, match="no contract is there"):
        chain.at("MarketToken", "0x" + "44" * 20).call("balanceOf", TO)  # type: ignore[arg-type]


def test_nothing_deployed(engine: Devchain) -> None:
    """Without a deployment the contracts have no address, and the history begins at block 0."""
    chain = Chain(engine)
    assert chain.deployment_block == 0
    with pytest.raises(InputError, match="sheaf deploy"):
        chain.call("Escrow", "ledger", 1)


def test_logs_in_pieces(engine: Devchain, chain: Chain) -> None:
    """Where a node limits the range, smaller pieces give the same logs, once each and in order; a real refusal is told."""
    whole = list(logs(engine, {}, 0, chain.block().number))
    asked: list[int] = []

    class Narrow:
        def request(self, method: str, params: list[Any]) -> Any:
            width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            asked.append(width)
            if width > 3:
                raise RpcError(-32005, "query returned more than 10000 results")
            return engine.request(method, params)

    assert list(logs(Narrow(), {}, 0, chain.block().number)) == whole
    assert len(whole) > 5
    assert max(asked) > 3

    class Closed:
        def request(self, method: str, params: list[Any]) -> Any:
            raise RpcError(-32601, "the method eth_getLogs does not exist")

    with pytest.raises(RpcError, match="does not exist"):
        list(logs(Closed(), {}, 0, 40))


def test_deployment_files(tmp_path: Any, chain: Chain) -> None:
    """A deployment is read as it was written; an absent or broken file is told."""
    good = chain.deployment
    assert good is not None
    path = good.save(tmp_path)
    assert Deployment.load(path) == good
    with pytest.raises(InputError, match="deploy the contracts first"):
        Deployment.load(tmp_path / "1.json")
    for text in (
        "",
        "{}",
        "[]",
        '{"chain_id": 1, "block": 0, "addresses": {}, "profile": "local"}',
        path.read_text()[:80],
    ):
        path.write_text(text)
        with pytest.raises(InputError, match="the file is broken"):
            Deployment.load(path)
