"""The chain as everyone here uses it: blocks, calls, transactions and events by the contracts' names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sheaf.chain.abi import EventForm, checksum_of, encode_arguments, keccak
from sheaf.chain.contracts import DATA_NAMES, Artifact, Deployment, artifact
from sheaf.chain.endpoint import Endpoint, RpcError, Url
from sheaf.chain.events import Block, Event, decode_log, logs
from sheaf.chain.reverts import decode_revert
from sheaf.chain.signer import Signer
from sheaf.chain.transactions import DEFAULT, Policy, Sender, Sent
from sheaf.domain.errors import ChainError, InputError, WrongNetwork
from sheaf.domain.ids import Address

__all__ = ["Block", "Chain", "Event", "Handle", "Receipt", "Signer"]


@dataclass(frozen=True)
class Receipt:
    """What a mined transaction did. `contract` is the address that it created, if it did."""

    transaction: str
    block: int
    gas_used: int
    events: tuple[Event, ...]
    contract: Address | None = None

    def event(self, name: str) -> Event:
        """Return the first event called `name`. Raises ChainError if there is none."""
        for event in self.events:
            if event.name == name:
                return event
        raise ChainError(
            f"transaction: {self.transaction}: no event {name}: check that the contracts are the market's"
        )


class Chain:
    """One network and, once they are deployed, the market's contracts on it.

    `endpoint` is a URL or an engine of this process (Devchain). Raises WrongNetwork if `deployment` belongs to another chain or its
    contracts are not there, Unreachable if nobody answers. Errors of all methods: ChainError and below, InputError for bad arguments.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        deployment: Deployment | None = None,
        *,
        policy: Policy = DEFAULT,
        locks: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint: Endpoint = Url(endpoint, sleep=sleep) if isinstance(endpoint, str) else endpoint
        self.chain_id = int(self.request("eth_chainId"), 16)
        self.deployment = deployment
        self.policy, self._sleep, self._clock = policy, sleep, clock
        self._sender = Sender(
            self.endpoint, self.chain_id, policy=policy, locks=locks, sleep=sleep, clock=clock
        )
        self._handles: dict[str, Handle] = {}
        if deployment is not None:
            self.check(deployment)

    def check(self, deployment: Deployment) -> None:
        """Raise WrongNetwork unless `deployment` is on this chain: its number, its history and its contracts' code."""
        if deployment.chain_id != self.chain_id:
            raise WrongNetwork(
                f"chain id: {self.chain_id}: the deployment is on {deployment.chain_id}: give the RPC URL of that network, or deploy here"
            )
        if deployment.block_hash and self.hash_at(deployment.block) != deployment.block_hash:
            raise WrongNetwork(
                f"block {deployment.block}: not the one of the deployment: this network was started anew, or is another one: deploy here"
            )
        for name, address in deployment.addresses.items():
            code = code_hash(self.request("eth_getCode", address, "latest"))
            if code is None or deployment.codes.get(name, code) != code:
                found = "another contract is" if code else "no contract is"
                raise WrongNetwork(
                    f"{name}: {address}: {found} there: give the RPC URL of the network it was deployed on, or deploy here"
                )

    def request(self, method: str, *params: Any) -> Any:
        """Send one JSON-RPC request and return its result."""
        return self.endpoint.request(method, list(params))

    # Blocks and accounts

    def block(self) -> Block:
        """Return the newest block."""
        found = self._block("latest")
        assert found is not None
        return found

    def block_at(self, number: int) -> Block:
        """Return a block by number. Raises InputError if there is none yet."""
        found = self._block(hex(number)) if number >= 0 else None
        if found is None:
            raise InputError("block", number, f"give a number from 0 to {self.block().number}")
        return found

    def hash_at(self, number: int) -> str | None:
        """Return the hash of block `number`, or None if there is none."""
        found = self._block(hex(number)) if number >= 0 else None
        return found.hash if found else None

    def gas_used(self, first: int, last: int) -> int:
        """Return the gas that blocks `first` to `last` used."""
        return sum(self.block_at(number).gas_used for number in range(first, last + 1))

    def balance(self, address: Address | str) -> int:
        """Return an account's coins in wei."""
        return int(self.request("eth_getBalance", address, "latest"), 16)

    def nonce(self, address: Address, pending: bool = False) -> int:
        """Return how many transactions an account has made, with those in the mempool if `pending`."""
        return self._sender.nonce(address, is_pending=pending)

    def wait_for_nonce(self, address: Address, nonce: int) -> None:
        """Wait until the account's transaction with this nonce is mined. Raises ChainError after the policy's time-out."""
        self._wait(lambda: self.nonce(address) > nonce, f"nonce: {nonce}: not mined")

    def wait_for(self, transaction: str) -> Receipt:
        """Wait for a transaction by hash. Raises ChainError after the policy's time-out."""
        found: dict[str, Any] = {}

        def is_mined() -> bool:
            found.update(self.request("eth_getTransactionReceipt", transaction) or {})
            return bool(found)

        self._wait(is_mined, f"transaction: {transaction}: not mined")
        return self._receipt(found)

    def call_of(self, transaction: str, contract: str, function: str) -> dict[str, Any] | None:
        """Return the arguments by name with which a transaction called a contract's function; None if it did something else."""
        found = self.request("eth_getTransactionByHash", transaction) or {}
        handle = self._handle(contract)
        if str(found.get("to")).lower() != handle.address.lower():
            return None
        return handle.artifact.function(function, 0).arguments(bytes.fromhex(found["input"][2:]))

    # Contracts

    def address_of(self, contract: str) -> Address:
        """Return where a contract of the market lives. Raises InputError."""
        if self.deployment is None:
            raise InputError("deployment", "none", "deploy the contracts first: `sheaf deploy`")
        found = self.deployment.addresses.get(contract)
        if found is None and contract in DATA_NAMES:
            raise InputError(
                "contract", contract, "this market has none: its governor adds it by `sheaf deploy`"
            )
        if found is None:
            raise InputError("contract", contract, f"give one of {', '.join(self.deployment.addresses)}")
        return found

    @property
    def deployment_block(self) -> int:
        """The block where the market's history begins; 0 before it is deployed."""
        return self.deployment.block if self.deployment else 0

    def at(self, contract: str, address: Address) -> Handle:
        """Return the contract at `address` with the ABI of `contract`: any ERC-20 with that of MarketToken."""
        return Handle(self, artifact(contract), address)

    def call(self, contract: str, function: str, *args: Any, block: int | None = None) -> Any:
        """Return what a view function returns: a struct as a named tuple, several results as a tuple. Raises Reverted."""
        return self._handle(contract).call(function, *args, block=block)

    def send(
        self,
        signer: Signer,
        contract: str,
        function: str,
        *args: Any,
        value_wei: int = 0,
        gas: int | None = None,
    ) -> Receipt:
        """Send a transaction and wait until it is mined. Raises Reverted if the contract refuses (mostly before it is sent)."""
        return self._handle(contract).send(signer, function, *args, value_wei=value_wei, gas=gas)

    def transfer(self, signer: Signer, to: Address | str, wei: int) -> Receipt:
        """Send coins."""
        return self.execute(signer, {"to": to, "value": wei})

    def create(self, signer: Signer, compiled: Artifact, *args: Any) -> Receipt:
        """Deploy a contract; its address is the receipt's `contract`."""
        return self.execute(signer, {"data": creation(compiled, args)})

    def execute(self, signer: Signer, call: dict[str, Any], gas: int | None = None) -> Receipt:
        """Send a bare call (`to`, `data`, `value`) and wait until it is mined."""
        return self.settle(signer, self._sender.send(signer, call, gas))

    def settle(self, signer: Signer, sent: Sent) -> Receipt:
        """Wait for what was sent. Raises Reverted or ChainError."""
        return self._receipt(self._sender.wait(signer, sent))

    # Events

    def events(
        self, contract: str, event: str | None, from_block: int, to_block: int | None = None, **indexed: Any
    ) -> list[Event]:
        """Return events in order, of one name or (None) all, filtered by values of indexed arguments."""
        return self._handle(contract).events(event, from_block, to_block, **indexed)

    def market_events(
        self, contracts: Iterable[str], from_block: int, to_block: int | None = None
    ) -> list[Event]:
        """Return all events of these contracts of the market, in the order in which they happened."""
        return self._events([self.address_of(name) for name in contracts], [], from_block, to_block)

    # Inside

    def _events(
        self,
        addresses: list[Address],
        topics: list[str | None],
        from_block: int,
        to_block: int | None,
        forms: Any = None,
    ) -> list[Event]:
        last = self.block().number if to_block is None else to_block
        wanted: dict[str, Any] = {"address": addresses, **({"topics": topics} if topics else {})}
        found = (
            decode_log(log, forms or self._forms)
            for log in logs(self.endpoint, wanted, max(0, from_block), last)
        )
        return [event for event in found if event is not None]

    def _handle(self, contract: str) -> Handle:
        address = self.address_of(contract)
        if contract not in self._handles or self._handles[contract].address != address:
            self._handles[contract] = Handle(self, artifact(contract), address)
        return self._handles[contract]

    def _forms(self, address: str) -> dict[str, EventForm]:
        return self._forms_by_address.get(address, {})

    @cached_property
    def _forms_by_address(self) -> dict[str, dict[str, EventForm]]:
        addresses = self.deployment.addresses if self.deployment else {}
        return {address.lower(): artifact(name).by_topic for name, address in addresses.items()}

    def _receipt(self, found: dict[str, Any], forms: Any = None) -> Receipt:
        events = (decode_log(log, forms or self._forms) for log in found["logs"])
        created = found.get("contractAddress")
        return Receipt(
            transaction=found["transactionHash"], block=int(found["blockNumber"], 16), gas_used=int(found["gasUsed"], 16),
            events=tuple(event for event in events if event is not None), contract=checksum_of(created) if created else None,
        )  # fmt: skip

    def _block(self, tag: str) -> Block | None:
        found = self.request("eth_getBlockByNumber", tag, False)
        if found is None:
            return None
        return Block(
            number=int(found["number"], 16), timestamp=int(found["timestamp"], 16), hash=found["hash"],
            parent=found["parentHash"], base_fee_wei=int(found.get("baseFeePerGas") or "0x0", 16), gas_used=int(found["gasUsed"], 16),
        )  # fmt: skip

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        until, pause = self._clock() + self.policy.timeout_seconds, self.policy.poll_seconds
        while not is_done():
            if self._clock() >= until:
                raise ChainError(
                    f"{what} in {self.policy.timeout_seconds:.0f} s: look it up before you repeat it"
                )
            self._sleep(pause)
            pause = min(pause * 1.5, self.policy.slowest_poll_seconds)


class Handle:
    """One contract at one address."""

    def __init__(self, chain: Chain, compiled: Artifact, address: Address) -> None:
        self._chain, self.artifact, self.address = chain, compiled, address

    def call(self, function: str, *args: Any, block: int | None = None, sender: Address | None = None) -> Any:
        """Return what a view function returns; see Chain.call."""
        form = self.artifact.function(function, len(args))
        call = {
            "to": self.address,
            "data": "0x" + form.encode(args).hex(),
            **({"from": sender} if sender else {}),
        }
        try:
            answer = self._chain.request("eth_call", call, "latest" if block is None else hex(block))
        except RpcError as refusal:
            if refusal.data or "revert" in refusal.message.lower():
                raise decode_revert(refusal.data, refusal.message) from None
            raise
        data = bytes.fromhex(answer[2:])
        if not data and form.outputs:
            raise WrongNetwork(
                f"{self.artifact.name}: {self.address}: no contract is there: check the address and the RPC URL"
            )
        return form.decode(data)

    def send(
        self, signer: Signer, function: str, *args: Any, value_wei: int = 0, gas: int | None = None
    ) -> Receipt:
        """Send a transaction and wait until it is mined; see Chain.send."""
        data = self.artifact.function(function, len(args)).encode(args)
        call = {"to": self.address, "data": data, "value": value_wei}
        chain = self._chain
        return chain._receipt(chain._sender.wait(signer, chain._sender.send(signer, call, gas)), self._forms)

    def events(
        self, event: str | None, from_block: int, to_block: int | None = None, **indexed: Any
    ) -> list[Event]:
        """Return this contract's events; see Chain.events."""
        topics = self.artifact.event(event).topics(indexed) if event else []
        return self._chain._events([self.address], topics, from_block, to_block, self._forms)

    def _forms(self, address: str) -> dict[str, EventForm]:
        return self.artifact.by_topic if address == self.address.lower() else self._chain._forms(address)


def creation(compiled: Artifact, args: tuple[Any, ...]) -> bytes:
    """Return the bytes that deploy a contract with these constructor arguments."""
    return bytes.fromhex(compiled.bytecode[2:]) + encode_arguments(compiled.name, compiled.constructor, args)


def code_hash(code: str) -> str | None:
    """Return the Keccak-256 of code (0x…), or None where there is none."""
    raw = bytes.fromhex(code.removeprefix("0x"))
    return "0x" + keccak(raw).hex() if raw else None
