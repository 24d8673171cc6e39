"""The embedded chain: an Ethereum node of one process, no binary, no network, and time that moves when it is told to.

The machine is py-evm under Prague rules (without system contracts); around it this file keeps blocks, receipts and logs and answers
the part of JSON-RPC (https://ethereum.github.io/execution-apis) that Sheaf speaks. Block hashes are real and follow from the seed and
the transactions, so a run can be repeated to the last hash.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from sheaf.chain.abi import keccak
from sheaf.chain.endpoint import RpcError
from sheaf.chain.engines.machine import (
    Machine,
    account_bytes,
    block_json,
    is_wanted,
    receipt_json,
    require_success,
    set_of,
    transaction_json,
)
from sheaf.domain.errors import shorten

CHAIN_ID = 31_337
GENESIS_AT = 1_767_225_600
"""Unix seconds of block 0: 2026-01-01 00:00 UTC."""
TIP_WEI = 10**9
_BLOCKHASH_REACH = 256


@dataclass(frozen=True)
class _Sealed:
    header: Any
    block: dict[str, Any]
    transactions: list[dict[str, Any]]
    receipts: list[dict[str, Any]]


@dataclass(frozen=True)
class Pending:
    """A decoded transaction: who sent it with which nonce, its hash, and the machine's own object."""

    sender: str
    nonce: int
    hash: str
    decoded: Any


class Devchain:
    """A chain in this process that seals a block for every transaction (unless `is_automatic` is False).

    `seed` decides the faucet's key and all block hashes; `started_at` is the time of block 0 in Unix seconds; each block
    is one second later than the one before it. `watchers` are told of every transaction before it is taken, as those who watch a
    public mempool are, and may be quicker.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        chain_id: int = CHAIN_ID,
        started_at: int = GENESIS_AT,
        is_automatic: bool = True,
    ) -> None:
        from eth_keys.datatypes import PrivateKey

        self.chain_id, self.is_automatic = chain_id, is_automatic
        self._lock = threading.RLock()
        self._machine = Machine()
        self._faucet = PrivateKey(keccak(f"sheaf devchain faucet {seed}".encode()))
        self.waiting: list[bytes] = []
        self.watchers: list[Callable[[Pending], None]] = []
        self._shift_seconds = 0
        self._blocks: list[_Sealed] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._numbers: dict[str, int] = {}
        self._add_genesis(seed, started_at)

    # Time and money

    def mine(self, blocks: int = 1) -> int:
        """Seal `blocks` blocks, the first with what is waiting; return the newest block's number."""
        with self._lock:
            for _ in range(blocks):
                waiting, self.waiting = self.waiting, []
                self.seal(waiting)
            return len(self._blocks) - 1

    def advance(self, seconds: int) -> int:
        """Let `seconds` pass and seal a block at that time; return its timestamp."""
        with self._lock:
            self._shift_seconds += max(0, seconds - 1)
            self.mine()
            return int(self._blocks[-1].header.timestamp)

    def fund(self, address: str, wei: int) -> None:
        """Send `wei` to `address` from the faucet."""
        with self._lock:
            raw = self._faucet_transaction(address, wei)
            self.send(raw)

    @property
    def faucet_key(self) -> bytes:
        """The private key of the account that holds all coins at block 0: play money only."""
        return bytes(self._faucet.to_bytes())

    def rollback(self, number: int) -> None:
        """Forget every block after `number`, as a reorganisation does; their transactions are lost unless sent again."""
        with self._lock:
            gone = self._blocks[number + 1 :]
            del self._blocks[number + 1 :]
            for sealed in gone:
                for receipt in sealed.receipts:
                    del self._places[receipt["transactionHash"]]
                del self._numbers[sealed.block["hash"]]
            # Another second for the next block: without it the same transactions would give the same blocks.
            self._shift_seconds += 1

    # Blocks

    def decode(self, raw: bytes) -> Pending:
        """Return the signed transaction in `raw` (EIP-2718). Raises RpcError when it is malformed or for another chain."""
        try:
            decoded = self._machine.vm.get_transaction_builder().decode(raw)
            sender = "0x" + decoded.sender.hex()
            foreign = decoded.chain_id not in (None, self.chain_id)
        except Exception:
            raise RpcError(
                -32602, "invalid transaction: cannot be decoded or its signature is wrong"
            ) from None
        if foreign:
            raise RpcError(
                -32000, f"invalid chain id for signer: have {decoded.chain_id} want {self.chain_id}"
            )
        return Pending(sender, int(decoded.nonce), "0x" + decoded.hash.hex(), decoded)

    def send(self, raw: bytes) -> str:
        """Take a signed transaction and return its hash; it is mined at once where the chain is automatic."""
        with self._lock:
            pending = self.decode(raw)
            if pending.hash in self._places or raw in self.waiting:
                raise RpcError(-32000, "already known")
            for watch in self.watchers:
                watch(pending)
            if not self.is_automatic:
                self.waiting.append(raw)
                return pending.hash
            refused = self.seal([raw], needs_all=True)
            if refused:
                raise RpcError(-32000, next(iter(refused.values())))
            return pending.hash

    def seal(
        self, raws: list[bytes], timestamp: int | None = None, *, needs_all: bool = False
    ) -> dict[str, str]:
        """Seal one block of `raws` in this order; return the reason for each hash that could not be in it.

        With `needs_all` no block is made unless every transaction can be in it.
        """
        with self._lock:
            parent = self._blocks[-1].header
            moment = timestamp if timestamp is not None else parent.timestamp + 1 + self._shift_seconds
            vm = self._vm(self._machine.child(parent, moment))
            header, taken, refused = vm.get_header(), [], {}
            for pending in map(self.decode, raws):
                try:
                    self._require_valid(vm, pending)
                    receipt, computation = vm.apply_transaction(header, pending.decoded)
                except RpcError as refusal:
                    refused[pending.hash] = refusal.message
                    continue
                except self._machine.refusals as fault:
                    refused[pending.hash] = str(fault)
                    continue
                header = vm.add_receipt_to_header(header, receipt)
                taken.append((pending, receipt, computation))
            if refused and needs_all:
                return refused
            self._shift_seconds = 0
            self._append(self._machine.close(vm, header, [(p.decoded, r) for p, r, _ in taken]), taken)
            return refused

    def _require_valid(self, vm: Any, pending: Pending) -> None:
        sender = bytes.fromhex(pending.sender[2:])
        expected, held = vm.state.get_nonce(sender), vm.state.get_balance(sender)
        if pending.nonce != expected:
            word = "low" if pending.nonce < expected else "high"
            raise RpcError(-32000, f"nonce too {word}: next nonce {expected}, tx nonce {pending.nonce}")
        cost = pending.decoded.gas * pending.decoded.max_fee_per_gas + pending.decoded.value
        if held < cost:
            raise RpcError(
                -32000, f"insufficient funds for gas * price + value: balance {held}, tx cost {cost}"
            )

    def _append(self, header: Any, taken: list[tuple[Pending, Any, Any]]) -> None:
        position = {"blockHash": "0x" + header.hash.hex(), "blockNumber": hex(header.block_number)}
        receipts: list[dict[str, Any]] = []
        used = logged = 0
        for index, (pending, receipt, computation) in enumerate(taken):
            place = {**position, "transactionHash": pending.hash, "transactionIndex": hex(index)}
            entry = receipt_json(
                place, pending, receipt, computation, (used, logged), header.base_fee_per_gas
            )
            used, logged = int(receipt.gas_used), logged + len(entry["logs"])
            receipts.append(entry)
            self._places[pending.hash] = (header.block_number, index)
        transactions = [
            transaction_json(position, index, pending) for index, (pending, _, _) in enumerate(taken)
        ]
        block = block_json(header, [entry["transactionHash"] for entry in receipts])
        self._blocks.append(_Sealed(header, block, transactions, receipts))
        self._numbers[block["hash"]] = header.block_number

    # JSON-RPC

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer one JSON-RPC request. Raises RpcError."""
        answer: Callable[..., Any] | None = getattr(self, f"_do_{method}", None)
        if answer is None:
            raise RpcError(-32601, f"the method {shorten(method)} does not exist")
        with self._lock:
            try:
                return answer(*params)
            except self._machine.refusals as fault:
                raise RpcError(-32000, str(fault)) from None
            except (TypeError, ValueError, AttributeError, KeyError) as fault:
                raise RpcError(-32602, f"invalid params: {fault}") from None

    @cached_property
    def provider(self) -> Any:
        """This chain as a provider of web3.py: `Web3(devchain.provider)`."""
        from web3.providers import BaseProvider

        chain = self

        class InProcess(BaseProvider):
            def make_request(self, method: Any, params: Any) -> Any:
                try:
                    return {"jsonrpc": "2.0", "id": 1, "result": chain.request(method, list(params))}
                except RpcError as refusal:
                    error = {"code": refusal.code, "message": refusal.message, "data": refusal.data}
                    return {"jsonrpc": "2.0", "id": 1, "error": error}

            def is_connected(self, show_traceback: bool = False) -> bool:
                return True

        return InProcess()

    def _do_eth_chainId(self) -> str:
        return hex(self.chain_id)

    def _do_net_version(self) -> str:
        return str(self.chain_id)

    def _do_web3_clientVersion(self) -> str:
        return "sheaf-devchain"

    def _do_eth_blockNumber(self) -> str:
        return hex(len(self._blocks) - 1)

    def _do_eth_gasPrice(self) -> str:
        return hex(int(self._blocks[-1].header.base_fee_per_gas) + TIP_WEI)

    def _do_eth_maxPriorityFeePerGas(self) -> str:
        return hex(TIP_WEI)

    def _do_eth_getBlockByNumber(self, tag: str, is_full: bool = False) -> dict[str, Any] | None:
        sealed = self._block(tag)
        if sealed is None:
            return None
        return {**sealed.block, "transactions": sealed.transactions} if is_full else sealed.block

    def _do_eth_getBlockByHash(self, block_hash: str, is_full: bool = False) -> dict[str, Any] | None:
        number = self._numbers.get(block_hash.lower())
        return None if number is None else self._do_eth_getBlockByNumber(hex(number), is_full)

    def _do_eth_getBalance(self, address: str, tag: str = "latest") -> str:
        return hex(self._state(tag).get_balance(account_bytes(address)))

    def _do_eth_getTransactionCount(self, address: str, tag: str = "latest") -> str:
        nonce = self._state(tag).get_nonce(account_bytes(address))
        if tag == "pending":
            waiting = {p.nonce for p in map(self.decode, self.waiting) if p.sender == address.lower()}
            nonce = next(n for n in itertools.count(nonce) if n not in waiting)
        return hex(nonce)

    def _do_eth_getCode(self, address: str, tag: str = "latest") -> str:
        return "0x" + bytes(self._state(tag).get_code(account_bytes(address))).hex()

    def _do_eth_getStorageAt(self, address: str, slot: str, tag: str = "latest") -> str:
        return f"0x{self._state(tag).get_storage(account_bytes(address), int(slot, 16)):064x}"

    def _do_eth_sendRawTransaction(self, raw: str) -> str:
        return self.send(bytes.fromhex(raw.removeprefix("0x")))

    def _do_eth_getTransactionByHash(self, transaction: str) -> dict[str, Any] | None:
        place = self._places.get(transaction.lower())
        if place is not None:
            return self._blocks[place[0]].transactions[place[1]]
        nowhere = {"blockHash": None, "blockNumber": None}
        waiting = (p for p in map(self.decode, self.waiting) if p.hash == transaction.lower())
        return next((transaction_json(nowhere, 0, p) for p in waiting), None)

    def _do_eth_getTransactionReceipt(self, transaction: str) -> dict[str, Any] | None:
        place = self._places.get(transaction.lower())
        return None if place is None else self._blocks[place[0]].receipts[place[1]]

    def _do_eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in wanted:
            first = last = self._numbers.get(wanted["blockHash"].lower(), len(self._blocks))
        else:
            first = self._number(wanted.get("fromBlock", "latest"))
            last = self._number(wanted.get("toBlock", "latest"))
        addresses = set_of(wanted.get("address"))
        topics = [set_of(topic) for topic in wanted.get("topics") or []]
        logs = (
            log
            for sealed in self._blocks[first : last + 1]
            for receipt in sealed.receipts
            for log in receipt["logs"]
        )
        return [log for log in logs if is_wanted(log, addresses, topics)]

    def _do_eth_call(self, call: dict[str, Any], tag: str = "latest") -> str:
        sealed = self._block(tag)
        if sealed is None:
            raise RpcError(-32000, "unknown block")
        computation, _ = self._machine.execute(self._vm(sealed.header.copy(base_fee_per_gas=0)), call)
        require_success(computation)
        return "0x" + bytes(computation.output).hex()

    def _do_eth_estimateGas(self, call: dict[str, Any], tag: str = "pending") -> str:
        parent = self._blocks[-1].header
        header = self._machine.child(parent, parent.timestamp + 1 + self._shift_seconds)
        computation, used = self._machine.execute(self._vm(header.copy(base_fee_per_gas=0)), call)
        require_success(computation)
        return hex(used)

    def _do_evm_mine(self, *_: Any) -> str:
        return hex(self.mine())

    def _do_evm_increaseTime(self, seconds: int | str) -> str:
        self._shift_seconds += int(seconds, 16) if isinstance(seconds, str) else seconds
        return hex(self._shift_seconds)

    # Keeping

    def dump(self) -> bytes:
        """Return all of the chain but what is waiting, for `restore`."""
        import rlp  # type: ignore[import-untyped]

        with self._lock:
            blocks = [(rlp.encode(b.header), b.block, b.transactions, b.receipts) for b in self._blocks]
            return msgspec.msgpack.encode({"state": dict(self._machine.records), "blocks": blocks})

    def restore(self, dumped: bytes) -> None:
        """Become the chain that `dump` gave. Raises ValueError if the bytes are not whole."""
        import rlp

        try:
            found = msgspec.msgpack.decode(dumped)
            sedes = type(self._blocks[0].header)
            blocks = [_Sealed(rlp.decode(header, sedes), *rest) for header, *rest in found["blocks"]]
            state = found["state"]
        except (msgspec.DecodeError, KeyError, TypeError, rlp.DecodingError) as fault:
            raise ValueError(f"not a dump of this chain: {fault}") from None
        with self._lock:
            self._machine.records.update(state)
            self._blocks, self._places, self._numbers = blocks, {}, {}
            for sealed in blocks:
                self._numbers[sealed.block["hash"]] = sealed.header.block_number
                for index, receipt in enumerate(sealed.receipts):
                    self._places[receipt["transactionHash"]] = (sealed.header.block_number, index)

    # Inside

    def _add_genesis(self, seed: int, started_at: int) -> None:
        header = self._machine.genesis(self._faucet.public_key.to_canonical_address(), seed, started_at)
        self._append(header, [])

    def _faucet_transaction(self, address: str, wei: int) -> bytes:
        sender = self._faucet.public_key.to_canonical_address()
        waiting = sum(1 for p in map(self.decode, self.waiting) if p.sender == "0x" + sender.hex())
        nonce = self._state("latest").get_nonce(sender) + waiting
        builder: Any = self._machine.vm.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            self.chain_id, nonce, TIP_WEI, 10**12, 100_000, account_bytes(address), wei, b"", []
        )
        return bytes(unsigned.as_signed_transaction(self._faucet).encode())

    def _vm(self, header: Any) -> Any:
        return self._machine.at(header, self.chain_id, self._ancestors(header.block_number))

    def _ancestors(self, number: int) -> Iterator[bytes]:
        for sealed in reversed(self._blocks[max(0, number - _BLOCKHASH_REACH) : number]):
            yield sealed.header.hash

    def _number(self, tag: str | int) -> int:
        if isinstance(tag, int):
            return tag
        if tag == "earliest":
            return 0
        return int(tag, 16) if tag.startswith("0x") else len(self._blocks) - 1

    def _block(self, tag: str | int) -> _Sealed | None:
        number = self._number(tag)
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def _state(self, tag: str) -> Any:
        sealed = self._block(tag)
        if sealed is None:
            raise RpcError(-32000, "unknown block")
        return self._vm(sealed.header).state
