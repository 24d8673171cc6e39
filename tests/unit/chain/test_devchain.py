"""The embedded chain keeps Ethereum's rules and repeats itself."""

from __future__ import annotations

import pytest
from eth_account import Account

from sheaf.chain.devchain import GENESIS_AT, Devchain
from sheaf.chain.endpoint import RpcError
from sheaf.chain.signer import Signer
from sheaf.domain.errors import InputError


def _transfer(signer: Signer, nonce: int, to: str, **changes: int) -> bytes:
    fields = {
        "chainId": 31_337, "type": 2, "nonce": nonce, "to": to, "value": 5, "gas": 21_000, "data": b"",
        "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 1, **changes,
    }  # fmt: skip
    return signer.sign_transaction(fields)


def _latest(engine: Devchain) -> dict[str, str]:
    return dict(engine.request("eth_getBlockByNumber", ["latest"]))


def _wei(engine: Devchain, address: str) -> int:
    return int(engine.request("eth_getBalance", [address]), 16)


def test_same_seed_same_hashes() -> None:
    """A seed decides every block hash; another seed gives other hashes."""

    def run(seed: int) -> str:
        engine = Devchain(seed)
        engine.fund("0x" + "22" * 20, 10**18)
        engine.advance(100)
        return _latest(engine)["hash"]

    assert run(3) == run(3) != run(4)


def test_blockhash_is_real(engine: Devchain) -> None:
    """BLOCKHASH gives the hashes of the last 256 blocks, and zero for this block and older ones."""

    def blockhash(number: int) -> str:
        code = "0x63" + number.to_bytes(4, "big").hex() + "405f5260205ff3"
        return str(engine.request("eth_call", [{"data": code}, "latest"]))

    engine.mine(300)
    for number in (299, 290, 44):
        assert blockhash(number) == engine.request("eth_getBlockByNumber", [hex(number)])["hash"]
    assert int(blockhash(300), 16) == int(blockhash(43), 16) == 0


def test_header_hash_is_ethereums(engine: Devchain) -> None:
    """A block's hash is the Keccak of its RLP, linked to its parent."""
    engine.mine(2)
    two, one = _latest(engine), engine.request("eth_getBlockByNumber", ["0x1"])
    assert two["parentHash"] == one["hash"]
    assert engine.request("eth_getBlockByHash", [one["hash"]]) == one


def test_time_moves_when_told(engine: Devchain) -> None:
    """A block is a second after the one before; `advance` moves as far as it says; evm_increaseTime holds for the next block."""
    assert int(_latest(engine)["timestamp"], 16) == GENESIS_AT
    engine.mine(3)
    assert int(_latest(engine)["timestamp"], 16) == GENESIS_AT + 3
    assert engine.advance(100) == GENESIS_AT + 103
    engine.request("evm_increaseTime", [50])
    engine.request("evm_mine", [])
    assert int(_latest(engine)["timestamp"], 16) == GENESIS_AT + 154


def test_money_moves(engine: Devchain, sender: Signer) -> None:
    """A transfer takes value and fee from the sender, gives the value, and leaves a receipt with the price paid."""
    to = "0x" + "22" * 20
    before = _wei(engine, sender.address)
    name = engine.send(_transfer(sender, 0, to))
    receipt = engine.request("eth_getTransactionReceipt", [name])
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert _wei(engine, to) == 5
    assert _wei(engine, sender.address) == before - 5 - fee
    assert receipt["status"] == "0x1"
    assert engine.request("eth_getTransactionByHash", [name])["from"] == sender.address.lower()


@pytest.mark.parametrize(
    ("nonce", "changes", "words"),
    [
        (1, {}, "nonce too high"),
        (0, {"value": 10**30}, "insufficient funds"),
        (0, {"chainId": 1}, "invalid chain id"),
        (0, {"maxFeePerGas": 1}, "lower than block's base fee"),
        (0, {"gas": 20_000}, "gas"),
    ],
)
def test_refused_transactions(
    engine: Devchain, sender: Signer, nonce: int, changes: dict[str, int], words: str
) -> None:
    """What Ethereum does not accept makes no block and leaves no trace."""
    before = _latest(engine)["hash"]
    with pytest.raises(RpcError, match=words):
        engine.send(_transfer(sender, nonce, "0x" + "22" * 20, **changes))
    assert _latest(engine)["hash"] == before


def test_repeated_transaction(engine: Devchain, sender: Signer) -> None:
    """The same bytes are known, another transaction with a used nonce is too late."""
    raw = _transfer(sender, 0, "0x" + "22" * 20)
    engine.send(raw)
    with pytest.raises(RpcError, match="already known"):
        engine.send(raw)
    with pytest.raises(RpcError, match="nonce too low"):
        engine.send(_transfer(sender, 0, "0x" + "33" * 20))


def test_malformed_requests(engine: Devchain) -> None:
    """Unknown methods and wrong parameters are refused in JSON-RPC's words."""
    with pytest.raises(RpcError, match="does not exist"):
        engine.request("eth_mystery", [])
    with pytest.raises(RpcError, match="invalid params"):
        engine.request("eth_getBalance", [])
    with pytest.raises(RpcError, match="cannot be decoded"):
        engine.request("eth_sendRawTransaction", ["0x02ff"])
    with pytest.raises(InputError, match="address"):
        engine.request("eth_getBalance", ["0x1234"])
    assert engine.request("eth_getBlockByNumber", ["0x999"]) is None
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByHash"):
        assert engine.request(method, ["0x" + "00" * 32]) is None
    with pytest.raises(RpcError, match="unknown block"):
        engine.request("eth_getBalance", ["0x" + "22" * 20, "0x999"])


def test_past_states_can_be_read(engine: Devchain) -> None:
    """Balances of earlier blocks are what they were."""
    to = "0x" + "22" * 20
    engine.fund(to, 7)
    engine.fund(to, 8)
    assert [int(engine.request("eth_getBalance", [to, hex(block)]), 16) for block in (0, 1, 2)] == [0, 7, 15]


def test_waiting_transactions(sender: Signer) -> None:
    """A chain that is not automatic keeps transactions until a block is mined, and counts them as pending."""
    engine = Devchain(seed=7, is_automatic=False)
    engine.fund(sender.address, 10**20)
    engine.fund(sender.address, 10**20)
    engine.mine()
    name = engine.send(_transfer(sender, 0, "0x" + "22" * 20))
    assert engine.request("eth_getTransactionByHash", [name])["blockHash"] is None
    assert engine.request("eth_getTransactionReceipt", [name]) is None
    assert [
        engine.request("eth_getTransactionCount", [sender.address, tag]) for tag in ("latest", "pending")
    ] == ["0x0", "0x1"]
    engine.mine()
    assert engine.request("eth_getTransactionReceipt", [name])["status"] == "0x1"


def test_rollback_undoes(engine: Devchain, sender: Signer) -> None:
    """After a rollback the transaction is unknown, the money is back, and the new branch has other hashes."""
    height = int(_latest(engine)["number"], 16)
    name = engine.send(_transfer(sender, 0, "0x" + "22" * 20))
    gone = _latest(engine)["hash"]
    engine.rollback(height)
    assert engine.request("eth_getTransactionReceipt", [name]) is None
    assert _wei(engine, "0x" + "22" * 20) == 0
    engine.send(_transfer(sender, 0, "0x" + "22" * 20))
    assert _latest(engine)["hash"] != gone


def test_dump_and_restore(engine: Devchain, sender: Signer) -> None:
    """A restored chain goes on exactly as the original does."""
    engine.send(_transfer(sender, 0, "0x" + "22" * 20))
    copy = Devchain(seed=7)
    copy.restore(engine.dump())
    raw = _transfer(sender, 1, "0x" + "33" * 20)
    assert copy.send(raw) == engine.send(raw)
    assert _latest(copy) == _latest(engine)
    with pytest.raises(ValueError, match="not a dump"):
        copy.restore(b"\x93junk")


def test_provider_of_web3(engine: Devchain) -> None:
    """web3.py reads the chain through its provider, errors included."""
    from web3 import Web3
    from web3.exceptions import Web3RPCError

    engine.fund(Account.from_key(b"\x01" * 32).address, 9)
    web3 = Web3(engine.provider)
    assert web3.is_connected()
    assert web3.eth.get_balance(Account.from_key(b"\x01" * 32).address) == 9
    assert web3.eth.get_block("latest", full_transactions=True)["transactions"][0]["value"] == 9
    assert web3.eth.gas_price > 0
    with pytest.raises(Web3RPCError):
        web3.eth.send_raw_transaction(b"\x02")
