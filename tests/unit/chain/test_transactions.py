"""Transactions arrive once, whatever the network does to them in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sheaf.chain.devchain import Devchain
from sheaf.chain.endpoint import RpcError
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.errors import ChainError, InputError, Unreachable

TO = "0x" + "22" * 20
Open = Callable[..., Chain]


def _received(engine: Devchain) -> int:
    return int(engine.request("eth_getBalance", [TO]), 16)


def _nonce(engine: Devchain, signer: Signer) -> int:
    return int(engine.request("eth_getTransactionCount", [signer.address]), 16)


def test_transfer(open_chain: Open, engine: Devchain, sender: Signer) -> None:
    """A transfer is mined with the fee of EIP-1559, and no time is slept away."""
    receipt = open_chain().transfer(sender, TO, 5)
    assert _received(engine) == 5
    sent = engine.request("eth_getTransactionByHash", [receipt.transaction])
    assert sent["type"] == "0x2"
    assert receipt.gas_used == 21_000


def test_lost_answer_is_not_a_second_transfer(
    open_chain: Open, faulty: Any, engine: Devchain, sender: Signer
) -> None:
    """If the connection breaks after the node took the transaction, the same bytes are sent again and count once."""
    raws: list[str] = []

    def flaky(params: list[Any]) -> Any:
        # What an URL with retries does: the first answer is lost, the second request says it is old.
        raws.append(params[0])
        engine.request("eth_sendRawTransaction", params)
        raws.append(params[0])
        return engine.request("eth_sendRawTransaction", params)

    faulty.instead["eth_sendRawTransaction"] = flaky
    open_chain().transfer(sender, TO, 5)
    assert raws[0] == raws[1]
    assert _received(engine) == 5


@pytest.mark.parametrize(
    "words", ["already known", "nonce too low", "ALREADY_EXISTS: already exists", "AlreadyKnown"]
)
def test_node_that_knows_it_already(
    open_chain: Open, faulty: Any, engine: Devchain, sender: Signer, words: str
) -> None:
    """However a node says that it has the transaction, it counts as sent."""

    def known(params: list[Any]) -> Any:
        engine.request("eth_sendRawTransaction", params)
        raise RpcError(-32000, words)

    faulty.instead["eth_sendRawTransaction"] = known
    open_chain().transfer(sender, TO, 5)
    assert _received(engine) == 5
    assert _nonce(engine, sender) == 1


def test_unreachable_says_that_it_may_have_been_sent(open_chain: Open, faulty: Any, sender: Signer) -> None:
    """When every try fails the error names the transaction, so that the user can look before repeating."""
    chain = open_chain()
    faulty.lose_answer("eth_sendRawTransaction")
    with pytest.raises(Unreachable, match=r"0x[0-9a-f]{64} may have been sent"):
        chain.transfer(sender, TO, 5)


def test_stale_nonce(open_chain: Open, faulty: Any, engine: Devchain, sender: Signer) -> None:
    """If another program with the same key was quicker, the next nonce is taken: both transactions are mined."""
    chain = open_chain()
    other = Chain(engine)

    def raced(params: list[Any]) -> Any:
        del faulty.instead["eth_sendRawTransaction"]
        other.transfer(sender, TO, 1)
        return engine.request("eth_sendRawTransaction", params)

    faulty.instead["eth_sendRawTransaction"] = raced
    chain.transfer(sender, TO, 5)
    assert _received(engine) == 6
    assert _nonce(engine, sender) == 2


def test_nonce_taken_in_the_mempool(open_chain: Open, faulty: Any, engine: Devchain, sender: Signer) -> None:
    """A node that holds another transaction with the nonce refuses ours as underpriced: we step behind it."""
    chain = open_chain()

    def taken(params: list[Any]) -> Any:
        del faulty.instead["eth_sendRawTransaction"]
        Chain(engine).transfer(sender, TO, 1)
        raise RpcError(-32000, "replacement transaction underpriced")

    faulty.instead["eth_sendRawTransaction"] = taken
    chain.transfer(sender, TO, 5)
    assert _received(engine) == 6


def test_node_that_takes_nothing(open_chain: Open, faulty: Any, sender: Signer) -> None:
    """A node that refuses every nonce ends in an error, not in a loop."""

    def never(params: list[Any]) -> Any:
        raise RpcError(-32000, "nonce too low")

    faulty.instead["eth_sendRawTransaction"] = never
    with pytest.raises(ChainError, match="the node takes none"):
        open_chain().transfer(sender, TO, 5)


def test_rising_base_fee(open_chain: Open, faulty: Any, engine: Devchain, sender: Signer) -> None:
    """If the base fee rose above the offer in between, a new offer is made."""

    def dearer(params: list[Any]) -> Any:
        del faulty.instead["eth_sendRawTransaction"]
        raise RpcError(
            -32000, "max fee per gas less than block base fee: address 0x…, maxFeePerGas: 1, baseFee: 2"
        )

    faulty.instead["eth_sendRawTransaction"] = dearer
    open_chain().transfer(sender, TO, 5)
    assert _received(engine) == 5


def test_fee_cap(open_chain: Open, sender: Signer) -> None:
    """A network dearer than the cap is refused before anything is signed."""
    with pytest.raises(ChainError, match="above the cap of 5"):
        open_chain(max_fee_wei=5).transfer(sender, TO, 5)


def test_poor_account(open_chain: Open, engine: Devchain) -> None:
    """An account without coins is told what it has; nothing is sent."""
    poor = Signer(b"\x06" * 32)
    with pytest.raises(InputError, match="balance: 0 wei"):
        open_chain().transfer(poor, TO, 0)
    with pytest.raises(InputError, match="balance: 0 wei"):
        open_chain().transfer(poor, TO, 5)
    assert _nonce(engine, poor) == 0


def test_dropped_transaction_is_sent_again(
    faulty: Any, patient: Any, open_chain: Open, sender: Signer
) -> None:
    """If the mempool forgets a transaction, the same bytes are sent again until it is mined."""
    engine = Devchain(seed=7, is_automatic=False)
    faulty.inner = engine
    engine.fund(sender.address, 10**20)
    engine.mine()

    def forget_twice_then_mine() -> None:
        if patient.naps in (1, 3):
            engine.waiting.clear()
        elif patient.naps > 4:
            engine.mine()

    patient.on_nap = forget_twice_then_mine
    open_chain().transfer(sender, TO, 5)
    raws = [params[0] for method, params in faulty.seen if method == "eth_sendRawTransaction"]
    assert len(raws) == 3
    assert len(set(raws)) == 1
    assert _received(engine) == 5


def test_stuck_transaction_gets_a_higher_fee(
    faulty: Any, patient: Any, open_chain: Open, sender: Signer
) -> None:
    """After `stuck_seconds` the same call goes out with the same nonce and an eighth more fee at least, and one is mined."""
    engine = Devchain(seed=7, is_automatic=False)
    faulty.inner = engine
    engine.fund(sender.address, 10**20)
    engine.mine()

    def replace_then_mine() -> None:
        if len(engine.waiting) == 2:  # a mempool keeps the dearer one of a nonce
            del engine.waiting[0]
            engine.mine()

    patient.on_nap = replace_then_mine
    receipt = open_chain(stuck_seconds=3.0).transfer(sender, TO, 5)
    first, second = (
        engine.decode(bytes.fromhex(params[0][2:]))
        for method, params in faulty.seen
        if method == "eth_sendRawTransaction"
    )
    assert first.nonce == second.nonce
    assert second.decoded.max_fee_per_gas * 8 >= first.decoded.max_fee_per_gas * 9
    assert second.decoded.max_priority_fee_per_gas * 8 >= first.decoded.max_priority_fee_per_gas * 9
    assert receipt.transaction == second.hash
    assert _received(engine) == 5


def test_fee_is_not_raised_above_the_cap(faulty: Any, patient: Any, open_chain: Open, sender: Signer) -> None:
    """A stuck transaction at the cap waits; after the time-out the error says that it may still come."""
    engine = Devchain(seed=7, is_automatic=False)
    faulty.inner = engine
    engine.fund(sender.address, 10**20)
    engine.mine()
    with pytest.raises(ChainError, match="not mined in 20 s"):
        open_chain(stuck_seconds=1.0, timeout_seconds=20.0, max_fee_wei=2 * 10**9).transfer(sender, TO, 5)
    assert faulty.count("eth_sendRawTransaction") == 1


def test_reorganisation(
    faulty: Any, patient: Any, open_chain: Open, engine: Devchain, sender: Signer
) -> None:
    """A mined transaction that a reorganisation undid is sent again, and counts once on the branch that stays."""
    height = int(engine.request("eth_blockNumber", []), 16)

    def reorganise_once_then_mine() -> None:
        if patient.naps == 2:
            engine.rollback(height)
        engine.mine()

    patient.on_nap = reorganise_once_then_mine
    receipt = open_chain(confirmations=3).transfer(sender, TO, 5)
    assert faulty.count("eth_sendRawTransaction") == 2
    assert _received(engine) == 5
    assert engine.request("eth_getTransactionReceipt", [receipt.transaction])["blockNumber"] == hex(
        receipt.block
    )


def test_replaced_by_another_program(faulty: Any, patient: Any, open_chain: Open, sender: Signer) -> None:
    """If somebody else's transaction takes the nonce, the error says so instead of sending a second one."""
    engine = Devchain(seed=7, is_automatic=False)
    faulty.inner = engine
    engine.fund(sender.address, 10**20)
    engine.mine()
    fields = {"chainId": 31_337, "type": 2, "nonce": 0, "to": TO, "value": 1, "gas": 21_000, "data": b""}
    other = sender.sign_transaction({**fields, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1})

    def replace() -> None:
        engine.waiting[:] = [other]
        engine.mine()

    patient.on_nap = replace
    with pytest.raises(ChainError, match="another one with nonce 0 was mined"):
        open_chain().transfer(sender, TO, 5)
    assert _received(engine) == 1


def test_one_signer_many_threads(engine: Devchain, sender: Signer) -> None:
    """Threads with one key take turns: every transaction has its own nonce and none is lost."""
    chain = Chain(engine)
    start = threading.Barrier(8)

    def transfer(_: int) -> None:
        start.wait()
        chain.transfer(sender, TO, 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(transfer, range(8)))
    assert _received(engine) == 8


def test_lock_files_by_account(engine: Devchain, sender: Signer, tmp_path: Path) -> None:
    """Processes take turns by a lock file for chain and account."""
    Chain(engine, locks=tmp_path / "locks").transfer(sender, TO, 1)
    assert [path.name for path in (tmp_path / "locks").iterdir()] == [f"31337-{sender.address.lower()}.lock"]


def test_waiting_for_others(open_chain: Open, patient: Any, engine: Devchain, sender: Signer) -> None:
    """One can wait for a transaction by hash, and for an account's nonce; waiting ends."""
    chain = open_chain(timeout_seconds=5.0)
    receipt = chain.transfer(sender, TO, 1)
    assert chain.wait_for(receipt.transaction) == receipt
    chain.wait_for_nonce(sender.address, 0)
    patient.on_nap = lambda: Chain(engine).transfer(sender, TO, 1) if patient.naps == 1 else None
    chain.wait_for_nonce(sender.address, 1)
    with pytest.raises(ChainError, match="nonce: 9: not mined in 5 s"):
        chain.wait_for_nonce(sender.address, 9)
    with pytest.raises(ChainError, match="not mined in 5 s"):
        chain.wait_for("0x" + "00" * 32)
