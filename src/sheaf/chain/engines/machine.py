"""py-evm as the machine of the embedded chain, and the JSON forms of what it yields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sheaf.chain.endpoint import RpcError
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.chain.devchain import Pending

GAS_LIMIT = 60_000_000
BASE_FEE_WEI = 10**9
FAUCET_WEI = 10**30


class Machine:
    """py-evm, reduced to what a chain of one writer needs: no consensus, no uncles, no second look at its own blocks."""

    def __init__(self) -> None:
        from eth.consensus.context import ConsensusContext
        from eth.consensus.noproof import NoProofConsensus
        from eth.db.atomic import AtomicDB
        from eth.db.backends.memory import MemoryDB
        from eth.db.chain import ChainDB
        from eth.exceptions import PyEVMError
        from eth.vm.forks.prague import PragueVM
        from eth_utils.exceptions import ValidationError

        class Vm(PragueVM):
            consensus_class = NoProofConsensus
            ancestors: Any = ()

            @property
            def previous_hashes(self) -> Any:
                return self.ancestors

        self.vm, self.refusals = Vm, (PyEVMError, ValidationError)
        self.records: dict[bytes, bytes] = {}
        base = AtomicDB(MemoryDB(self.records))
        self._database, self._consensus = ChainDB(base), ConsensusContext(base)

    def at(self, header: Any, chain_id: int, ancestors: Iterator[bytes]) -> Any:
        """Return a machine in the state and surroundings of `header`; `ancestors` are block hashes, the youngest first."""
        from eth.vm.chain_context import ChainContext

        vm = self.vm(header, self._database, ChainContext(chain_id), self._consensus)
        vm.ancestors = ancestors
        return vm

    def genesis(self, rich: bytes, seed: int, timestamp: int) -> Any:
        """Return the header of block 0, where the account `rich` holds all coins."""
        header = self.vm.create_genesis_header(
            difficulty=0,
            gas_limit=GAS_LIMIT,
            timestamp=timestamp,
            coinbase=b"\0" * 20,
            extra_data=f"sheaf {seed}".encode()[:32],
        ).copy(base_fee_per_gas=BASE_FEE_WEI)
        vm = self.at(header, 0, iter(()))
        vm.state.set_balance(rich, FAUCET_WEI)
        vm.state.persist()
        return header.copy(state_root=vm.state.state_root)

    def child(self, parent: Any, timestamp: int) -> Any:
        """Return the open header of the block after `parent`."""
        return self.vm.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=GAS_LIMIT, coinbase=b"\0" * 20, difficulty=0
        )

    def close(self, vm: Any, header: Any, done: list[tuple[Any, Any]]) -> Any:
        """Return `header` with the roots of the (transaction, receipt) pairs that were applied to `vm`."""
        from eth.db.trie import make_trie_root_and_nodes

        vm.state.persist()
        return header.copy(
            state_root=vm.state.state_root,
            transaction_root=make_trie_root_and_nodes(tuple(t for t, _ in done))[0],
            receipt_root=make_trie_root_and_nodes(tuple(r for _, r in done))[0],
        )

    def execute(self, vm: Any, call: dict[str, Any]) -> tuple[Any, int]:
        """Run a call that leaves no trace; return the computation and the gas limit with which it would succeed as a transaction."""
        from eth.vm.spoof import SpoofTransaction
        from eth_typing import Address

        sender = account_bytes(call.get("from") or "0x" + "0" * 40)
        data = bytes.fromhex(str(call.get("data") or call.get("input") or "0x").removeprefix("0x"))
        gas = min(int(call["gas"], 16), GAS_LIMIT) if "gas" in call else GAS_LIMIT
        unsigned = self.vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(sender), gas_price=0, gas=gas, to=Address(account_bytes(call.get("to") or "")),
            value=int(call.get("value") or "0x0", 16), data=data,
        )  # fmt: skip
        transaction = SpoofTransaction(unsigned, from_=sender)
        if transaction.intrinsic_gas > gas:
            raise RpcError(-32000, "intrinsic gas too low")
        executor = vm.state.get_transaction_executor()
        computation = executor.build_computation(executor.build_evm_message(transaction), transaction)
        used = gas - computation.get_gas_remaining()
        floor = executor.calc_data_floor_gas(transaction, used, 0)
        # A call gets 63/64 of what its caller has left (EIP-150): the limit must be above what is used.
        return computation, int(min(GAS_LIMIT, (used + floor) * 64 // 63 + 5_000))


def require_success(computation: Any) -> None:
    """Raise RpcError, with the revert data, where the computation failed."""
    from eth.exceptions import Revert

    if computation.is_success:
        return
    if isinstance(computation.error, Revert):
        raise RpcError(3, "execution reverted", "0x" + computation.output.hex())
    raise RpcError(-32000, f"execution failed: {type(computation.error).__name__}: {computation.error}")


def account_bytes(address: str) -> bytes:
    """Return the 20 bytes of `address`, none for the empty one (a contract's creation). Raises InputError."""
    found = bytes.fromhex(address.removeprefix("0x")) if isinstance(address, str) else b""
    if len(found) not in (0, 20):
        raise InputError("address", address, "give 0x and 40 hexadecimal digits")
    return found


def block_json(header: Any, transactions: list[str]) -> dict[str, Any]:
    """Return a block as JSON-RPC gives it, with the hashes of its transactions."""
    quantities = {
        "number": header.block_number, "timestamp": header.timestamp, "gasLimit": header.gas_limit,
        "gasUsed": header.gas_used, "difficulty": header.difficulty, "baseFeePerGas": header.base_fee_per_gas,
        "blobGasUsed": header.blob_gas_used, "excessBlobGas": header.excess_blob_gas, "totalDifficulty": 0, "size": 0,
    }  # fmt: skip
    digests = {
        "hash": header.hash, "parentHash": header.parent_hash, "sha3Uncles": header.uncles_hash, "miner": header.coinbase,
        "stateRoot": header.state_root, "transactionsRoot": header.transaction_root,
        "receiptsRoot": header.receipt_root, "logsBloom": header.bloom.to_bytes(256, "big"),
        "extraData": header.extra_data, "mixHash": header.mix_hash, "nonce": header.nonce,
        "parentBeaconBlockRoot": header.parent_beacon_block_root, "requestsHash": header.requests_hash,
    }  # fmt: skip
    return {
        **{name: hex(value) for name, value in quantities.items()},
        **{name: "0x" + value.hex() for name, value in digests.items()},
        "transactions": transactions,
        "uncles": [],
    }


def transaction_json(position: dict[str, Any], index: int, pending: Pending) -> dict[str, Any]:
    """Return a transaction as JSON-RPC gives it; `position` names its block, with None for none yet."""
    raw = pending.decoded
    signature = getattr(raw, "y_parity", 0)
    return {
        **position, "transactionIndex": None if position["blockHash"] is None else hex(index), "hash": pending.hash,
        "from": pending.sender, "to": "0x" + raw.to.hex() if raw.to else None, "nonce": hex(raw.nonce),
        "value": hex(raw.value), "gas": hex(raw.gas), "input": "0x" + raw.data.hex(), "type": hex(raw.type_id or 0),
        "maxFeePerGas": hex(raw.max_fee_per_gas), "maxPriorityFeePerGas": hex(raw.max_priority_fee_per_gas),
        "gasPrice": hex(raw.max_fee_per_gas), "v": hex(signature), "r": hex(raw.r), "s": hex(raw.s),
    }  # fmt: skip


def receipt_json(
    place: dict[str, str],
    pending: Pending,
    receipt: Any,
    computation: Any,
    before: tuple[int, int],
    base_fee: int,
) -> dict[str, Any]:
    """Return a receipt as JSON-RPC gives it; `before` is the gas used and the number of logs earlier in the block."""
    raw = pending.decoded
    created = raw.to == b"" and computation.is_success
    logs = [
        {
            **place, "address": "0x" + log.address.hex(), "topics": [f"0x{topic:064x}" for topic in log.topics],
            "data": "0x" + log.data.hex(), "logIndex": hex(before[1] + index), "removed": False,
        }
        for index, log in enumerate(receipt.logs)
    ]  # fmt: skip
    return {
        **place, "from": pending.sender, "to": "0x" + raw.to.hex() if raw.to else None, "type": hex(raw.type_id or 0),
        "contractAddress": "0x" + computation.msg.storage_address.hex() if created else None,
        "cumulativeGasUsed": hex(receipt.gas_used), "gasUsed": hex(receipt.gas_used - before[0]), "logs": logs,
        "logsBloom": f"0x{receipt.bloom:0512x}", "status": hex(int(computation.is_success)),
        "effectiveGasPrice": hex(min(raw.max_fee_per_gas, base_fee + raw.max_priority_fee_per_gas)),
    }  # fmt: skip


def set_of(wanted: Any) -> set[str] | None:
    """Return the alternatives of one position of a log filter in lower case; None where all are wanted."""
    if wanted is None or wanted == []:
        return None
    return {each.lower() for each in ([wanted] if isinstance(wanted, str) else wanted)}


def is_wanted(log: dict[str, Any], addresses: set[str] | None, topics: list[set[str] | None]) -> bool:
    """Tell whether a log passes a filter of addresses and topics by position."""
    if addresses is not None and log["address"] not in addresses or len(log["topics"]) < len(topics):
        return False
    return all(
        wanted is None or topic in wanted for wanted, topic in zip(topics, log["topics"], strict=False)
    )
