"""The local network: a chain that lives in a folder, is spoken to by JSON-RPC, and loses nothing when it is killed.

One thread seals. It takes every transaction that waits, writes the block to the log, lets the engine make it, and only then answers: what
anybody was told is on disk. After a crash the log makes the same chain again, down to the hashes that draws depend on.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sheaf.chain.contracts import write_whole
from sheaf.chain.devchain import CHAIN_ID, Devchain
from sheaf.chain.endpoint import RpcError
from sheaf.chain.engines.anvil import Anvil
from sheaf.chain.engines.blocklog import BlockLog, Entry
from sheaf.domain.errors import ChainError, InputError, IntegrityError, SheafError

MAX_HELD = 1_000
"""Transactions that may wait for one with a lower nonce."""


class Engine(Protocol):
    """What makes blocks. `replay_blocks` is how many must be made again after a restored dump for BLOCKHASH to be right."""

    replay_blocks: int
    chain_id: int
    faucet_key: bytes

    def start(self) -> None:
        """Begin with an empty chain."""

    def stop(self) -> None:
        """End."""

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer JSON-RPC."""

    def seal(self, raws: list[bytes], timestamp: int | None = None) -> dict[str, str]:
        """Make one block; return why transactions are not in it, by hash."""
        ...

    def dump(self) -> bytes:
        """Return the chain for `restore`."""
        ...

    def restore(self, dumped: bytes) -> None:
        """Take up a dump."""


class Embedded:
    """The embedded chain as an engine. Its dumps hold every header, so nothing has to be made again for BLOCKHASH."""

    replay_blocks = 0

    def __init__(self, *, started_at: int, chain_id: int = CHAIN_ID) -> None:
        self.chain_id, self._started_at = chain_id, started_at
        self._chain = self._fresh()
        self.faucet_key = self._chain.faucet_key

    def _fresh(self) -> Devchain:
        return Devchain(chain_id=self.chain_id, started_at=self._started_at)

    def start(self) -> None:
        """Begin with an empty chain."""
        self._chain = self._fresh()

    def stop(self) -> None:
        """Nothing runs."""

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer JSON-RPC."""
        return self._chain.request(method, params)

    def seal(self, raws: list[bytes], timestamp: int | None = None) -> dict[str, str]:
        """Make one block."""
        return self._chain.seal(raws, timestamp)

    def dump(self) -> bytes:
        """Return the chain."""
        return self._chain.dump()

    def restore(self, dumped: bytes) -> None:
        """Take up a dump."""
        self._chain.restore(dumped)


@dataclass(frozen=True)
class Pace:
    """How time passes: seconds between blocks without transactions while there is life and at rest, and blocks between dumps.

    A network counts as alive for `lively_seconds` after a transaction: committees wait for blocks then. At rest it does not fill its disk.
    """

    heartbeat_seconds: float = 1.0
    idle_seconds: float = 60.0
    lively_seconds: float = 120.0
    dump_blocks: int = 2_000


DEFAULT_PACE = Pace()


class LocalNetwork:
    """A chain in `directory`. `start` brings it up as it was when it went down; `request` is its JSON-RPC, safe from any thread."""

    def __init__(
        self,
        directory: Path,
        *,
        anvil: Path | None = None,
        pace: Pace = DEFAULT_PACE,
        now: Callable[[], float] = time.time,
        chain_id: int = CHAIN_ID,
    ) -> None:
        self._directory, self._pace, self._now = directory, pace, now
        self._lock_file: Any = None
        self._queue: queue.Queue[_Order] = queue.Queue()
        self._held: dict[tuple[str, int], bytes] = {}
        self._thread: threading.Thread | None = None
        self._shift_seconds = 0
        self._last_at = self._lively_until = 0.0
        self._number = self._dumped = 0
        self._hash = ""
        self._wanted: dict[str, Any] = {"engine": "anvil" if anvil else "embedded", "chain_id": chain_id}
        self._anvil = anvil
        self.engine: Engine | None = None

    @property
    def faucet_key(self) -> bytes:
        """The private key that holds all coins at block 0."""
        return self._running().faucet_key

    def start(self) -> None:
        """Take the folder, bring the chain back, and begin to seal. Raises InputError, IntegrityError, ChainError."""
        from filelock import FileLock, Timeout

        self._directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._directory / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                "network", self._directory, "it is running already: stop that one, or use another folder"
            ) from None
        self._lock_file = lock
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sealer", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._release()
            raise

    def stop(self) -> None:
        """Seal what waits, keep a dump, and end."""
        if self._thread is not None:
            order = _Order("stop")
            self._queue.put(order)
            self._thread.join()
        self._release()

    def __enter__(self) -> LocalNetwork:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer JSON-RPC: reads go to the engine, transactions and time through the log. Raises RpcError."""
        if method == "eth_sendRawTransaction":
            return self._order("send", _raw(params)).result()
        if method == "evm_mine":
            return self._order("mine").result()
        if method == "evm_increaseTime":
            seconds = int(params[0], 0) if isinstance(params[0], str) else int(params[0])
            if seconds < 0:
                raise RpcError(-32602, "time does not go back")
            return self._order("advance", seconds=seconds).result()
        if method == "eth_accounts":
            return []
        if not method.startswith(("eth_", "net_", "web3_", "debug_trace")) or method.startswith(
            ("eth_send", "eth_sign")
        ):
            # Whatever changes the chain past the log would be gone after a restart, and make another chain of it.
            raise RpcError(-32601, f"the method {method[:40]} is not offered here")
        return self._running().request(method, params)

    # The sealing thread

    def _run(self, ready: Future[None]) -> None:
        try:
            self._recover()
        except BaseException as fault:
            if self.engine is not None:
                self.engine.stop()
            ready.set_exception(fault)
            return
        ready.set_result(None)
        is_over = False
        while not is_over:
            orders = self._next_orders()
            is_over = any(order.kind == "stop" for order in orders)
            try:
                self._carry_out([order for order in orders if order.kind != "stop"], is_idle=not orders)
            except Exception as fault:
                self._get_up(orders, fault)
        with contextlib.suppress(SheafError, OSError, ValueError):
            self._keep_dump()
        if self.engine is not None:
            self.engine.stop()
        self._log.close()

    def _get_up(self, orders: list[_Order], fault: Exception) -> None:
        """Make the chain again from the log, and only then answer: what was logged counts, whatever became of the engine."""
        with contextlib.suppress(SheafError, OSError):
            self._recover()
        for order in orders:
            with contextlib.suppress(SheafError, OSError):
                if order.hash and self._running().request("eth_getTransactionReceipt", [order.hash]):
                    order.done(order.hash)
            order.fail(RpcError(-32603, f"the network stumbled: {fault}: try again"))

    def _next_orders(self) -> list[_Order]:
        is_lively = self._now() < self._lively_until
        pause = self._pace.heartbeat_seconds if is_lively else self._pace.idle_seconds
        try:
            orders = [self._queue.get(timeout=pause)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(orders) < 500:
                orders.append(self._queue.get_nowait())
        return orders

    def _carry_out(self, orders: list[_Order], *, is_idle: bool) -> None:
        for order in orders:
            if order.kind == "advance":
                self._shift_seconds += order.seconds
        admitted = self._admit([order for order in orders if order.kind == "send"])
        refused: dict[str, str] = {}
        if admitted or is_idle or any(order.kind in ("mine", "advance") for order in orders):
            refused = self._seal([raw for _, raw in admitted])
        if admitted:
            self._lively_until = self._now() + self._pace.lively_seconds
        for order in orders:
            if order.kind != "send":
                order.done(hex(self._number if order.kind == "mine" else self._shift_seconds))
            elif order.hash in refused:
                order.fail(RpcError(-32000, refused[order.hash]))
            else:
                order.done(order.hash)
        if self._number - self._dumped >= max(self._pace.dump_blocks, self._dumped // 2):
            self._keep_dump()

    def _admit(self, orders: list[_Order]) -> list[tuple[str, bytes]]:
        """Return what can be in the next block, by hash; what has too high a nonce is held until the ones before it have come."""
        engine = self._running()
        nonces: dict[str, int] = {}
        admitted: list[tuple[str, bytes]] = []

        def expected(sender: str) -> int:
            if sender not in nonces:
                nonces[sender] = int(engine.request("eth_getTransactionCount", [sender, "latest"]), 16)
            return nonces[sender]

        for order in orders:
            try:
                order.hash, sender, nonce = _parse(order.raw, engine.chain_id)
            except RpcError as refusal:
                order.fail(refusal)
                continue
            if any(name == order.hash for name, _ in admitted) or engine.request(
                "eth_getTransactionByHash", [order.hash]
            ):
                order.fail(RpcError(-32000, "already known"))
            elif nonce < expected(sender):
                order.fail(
                    RpcError(-32000, f"nonce too low: next nonce {expected(sender)}, tx nonce {nonce}")
                )
            elif nonce > expected(sender):
                self._hold(order, sender, nonce)
            else:
                admitted.append((order.hash, order.raw))
                nonces[sender] = nonce + 1
                while (raw := self._held.pop((sender, nonces[sender]), None)) is not None:
                    admitted.append((_parse(raw, engine.chain_id)[0], raw))
                    nonces[sender] += 1
        return admitted

    def _hold(self, order: _Order, sender: str, nonce: int) -> None:
        if len(self._held) >= MAX_HELD:
            order.fail(RpcError(-32000, "too many transactions wait for ones with a lower nonce"))
            return
        self._held[sender, nonce] = order.raw
        order.done(order.hash)

    def _seal(self, raws: list[bytes]) -> dict[str, str]:
        timestamp = int(max(self._now() + self._shift_seconds, self._last_at))
        self._log.append(Entry(self._number + 1, timestamp, self._hash, raws))
        refused = self._running().seal(raws, timestamp)
        self._see_head()
        return refused

    # Coming back

    def _recover(self) -> None:
        settings = self._settings()
        if self.engine is None:
            self.engine = self._engine(settings["started_at"])
        self._log = BlockLog(self._directory)
        head = max((entry.number for entry in self._log.entries()), default=0)
        floor = head - self.engine.replay_blocks
        for number in [number for number in self._log.dumps() if number <= floor] + [0]:
            if self._replay_from(number):
                break
        else:
            raise IntegrityError(
                f"block log: {self._directory}: its blocks cannot be made again: restore the folder from a backup"
            )
        self._dumped = number
        self._shift_seconds = max(0, int(self._last_at - self._now()))
        self._lively_until = self._now() + self._pace.lively_seconds

    def _replay_from(self, number: int) -> bool:
        """Bring the engine to the end of the log from a dump (0: from nothing); tell whether every block came out as it was."""
        engine = self._running()
        engine.start()
        if number:
            kept = self._log.dump(number)
            if kept is None:
                return False
            try:
                engine.restore(kept[1])
            except ValueError:
                return False
            if _hash_at(engine, number) != kept[0]:
                return False
        self._see_head()
        for entry in self._log.entries(after=number):
            if entry.parent != self._hash or entry.number != self._number + 1:
                return False
            engine.seal(entry.raws, entry.timestamp)
            self._see_head()
        return True

    def _keep_dump(self) -> None:
        if self._number > self._dumped:
            self._log.keep(self._number, self._hash, self._running().dump())
            self._dumped = self._number

    def _see_head(self) -> None:
        head = self._running().request("eth_getBlockByNumber", ["latest", False])
        self._number, self._hash, self._last_at = (
            int(head["number"], 16),
            head["hash"],
            int(head["timestamp"], 16),
        )

    def _settings(self) -> dict[str, Any]:
        path = self._directory / "network.json"
        if not path.exists():
            settings = {**self._wanted, "started_at": int(self._now())}
            write_whole(path, json.dumps(settings).encode(), mode=0o644)
            return settings
        try:
            found: dict[str, Any] = json.loads(path.read_text())
            started_at, engine, chain_id = int(found["started_at"]), found["engine"], found["chain_id"]
        except (ValueError, KeyError, TypeError):
            raise IntegrityError(
                f"network: {path}: it is broken: restore it from a backup, or remove the folder to start anew"
            ) from None
        if engine != self._wanted["engine"]:
            raise InputError(
                "engine",
                self._wanted["engine"],
                f"this folder's network was begun with {engine}: use that, or another folder",
            )
        if chain_id != self._wanted["chain_id"]:
            raise InputError(
                "chain id",
                self._wanted["chain_id"],
                f"this folder's network is {chain_id}: use that, or another folder",
            )
        return {**found, "started_at": started_at}

    def _engine(self, started_at: int) -> Engine:
        if self._anvil is not None:
            return Anvil(
                self._anvil,
                self._directory / "anvil",
                started_at=started_at,
                chain_id=self._wanted["chain_id"],
            )
        return Embedded(started_at=started_at, chain_id=self._wanted["chain_id"])

    def _order(self, kind: str, raw: bytes = b"", seconds: int = 0) -> Future[str]:
        if self._thread is None or not self._thread.is_alive():
            raise RpcError(-32603, "the network is not running")
        order = _Order(kind, raw, seconds)
        self._queue.put(order)
        return order.answer

    def _running(self) -> Engine:
        if self.engine is None:
            raise ChainError("network: it is not running: start it first")
        return self.engine

    def _release(self) -> None:
        self._thread = None
        if self._lock_file is not None:
            self._lock_file.release()
            self._lock_file = None


class _Order:
    """Something for the sealing thread to do, and where its answer goes."""

    def __init__(self, kind: str, raw: bytes = b"", seconds: int = 0) -> None:
        self.kind, self.raw, self.seconds, self.hash = kind, raw, seconds, ""
        self.answer: Future[str] = Future()

    def done(self, answer: str) -> None:
        """Answer, unless it was answered before."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, refusal: RpcError) -> None:
        """Refuse, unless it was answered before."""
        if not self.answer.done():
            self.answer.set_exception(refusal)


def _raw(params: list[Any]) -> bytes:
    try:
        return bytes.fromhex(params[0].removeprefix("0x"))
    except (IndexError, AttributeError, ValueError):
        raise RpcError(-32602, "invalid params: give one signed transaction as 0x…") from None


def _parse(raw: bytes, chain_id: int) -> tuple[str, str, int]:
    """Return hash, sender (lower case) and nonce of a signed transaction. Raises RpcError."""
    import rlp  # type: ignore[import-untyped]
    from eth_account import Account

    from sheaf.chain.abi import keccak

    try:
        fields = rlp.decode(raw[1:] if raw[0] < 0xC0 else raw)
        nonce = int.from_bytes(fields[1 if raw[0] < 0xC0 else 0], "big")
        given = (
            int.from_bytes(fields[0], "big")
            if raw[0] < 0xC0
            else (int.from_bytes(fields[6], "big") - 35) // 2
        )
        sender = Account.recover_transaction(raw).lower()
    except Exception:
        raise RpcError(-32602, "invalid transaction: cannot be decoded or its signature is wrong") from None
    if given != chain_id:
        raise RpcError(-32000, f"invalid chain id for signer: have {given} want {chain_id}")
    return "0x" + keccak(raw).hex(), sender, nonce


def _hash_at(engine: Engine, number: int) -> str:
    found = engine.request("eth_getBlockByNumber", [hex(number), False])
    return str(found["hash"]) if found else ""
