"""Transactions: from what is to be called to what was mined, through dropped answers, full mempools and reorganisations.

One rule keeps it safe: for one nonce only transactions that do the same are ever signed, so however often and by whom they are sent,
one of them at most is mined. A repeated send is the same bytes, a raised fee is the same call with the same nonce.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sheaf.chain.abi import keccak
from sheaf.chain.endpoint import Endpoint, RpcError
from sheaf.chain.reverts import decode_revert
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import BPS, divide_up
from sheaf.domain.errors import ChainError, InputError, Reverted, Unreachable
from sheaf.domain.ids import Address

_LOCKS: dict[tuple[int, str], threading.RLock] = {}
_LOCKS_LOCK = threading.Lock()
_KNOWN = ("already known", "known transaction", "already imported", "already exists", "alreadyknown")
_NONCE_USED = (
    "nonce too low",
    "nonce is too low",
    "invalid nonce",
    "oldnonce",
    "nonce has already been used",
)
_NONCE_TAKEN = (
    "replacement transaction underpriced",
    "replacement underpriced",
    "gas price too low to replace",
    "underpriced",
)
_FEE_LOW = ("less than block base fee", "fee cap less", "fee too low", "max fee per gas less")
_POOR = ("insufficient funds", "insufficient balance", "doesn't have enough funds", "insufficientfunds")
_TURNED_DOWN_TRIES = 8


@dataclass(frozen=True)
class Policy:
    """How transactions are paid for and waited for; fees in wei, times in seconds.

    `max_fee_wei` caps the price of one gas. The gas limit is the node's estimate and `gas_margin_bps` more, because an estimate is
    too low where a contract goes on after a failed sub-call; `fixed_gas` takes the estimate's place where gas is play money, and saves
    half of the work of an embedded chain. After `stuck_seconds` without a block the fee is raised by `bump_bps`
    (nodes ask for an eighth at least); after `timeout_seconds` the wait ends with an error, though not the transaction.
    """

    max_fee_wei: int = 500 * 10**9
    gas_margin_bps: int = 2_500
    gas_margin: int = 20_000
    fixed_gas: int = 0
    bump_bps: int = 1_300
    stuck_seconds: float = 45.0
    timeout_seconds: float = 600.0
    poll_seconds: float = 0.02
    slowest_poll_seconds: float = 1.0
    confirmations: int = 0


DEFAULT = Policy()


@dataclass
class Sent:
    """A transaction on its way: all raw forms that were sent for its nonce, by hash, the newest last."""

    sender: Address
    fields: dict[str, Any]
    raws: dict[str, bytes] = field(default_factory=dict)

    @property
    def nonce(self) -> int:
        """The nonce that all forms share."""
        return int(self.fields["nonce"])

    @property
    def hash(self) -> str:
        """The newest form's hash, 0x…."""
        return next(reversed(self.raws))


class Sender:
    """Sends for any number of signers on one chain. `locks` is a folder in which processes with the same accounts take turns."""

    def __init__(
        self,
        endpoint: Endpoint,
        chain_id: int,
        *,
        policy: Policy = DEFAULT,
        locks: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint, self._chain_id, self.policy = endpoint, chain_id, policy
        self._locks, self._sleep, self._clock = locks, sleep, clock

    def send(self, signer: Signer, call: dict[str, Any], gas: int | None = None) -> Sent:
        """Sign `call` (to, data, value) and hand it to the node; it is in the mempool when this returns.

        Raises Reverted if it would fail (nothing is sent), InputError for a balance that does not pay for it, ChainError, Unreachable.
        """
        with self._turn(signer.address):
            limit = gas if gas is not None else self.policy.fixed_gas or self._gas(signer.address, call)
            fields = {
                "chainId": self._chain_id, "type": 2, "value": 0, **call, "gas": limit,
                "nonce": self.nonce(signer.address, is_pending=True), **self._fees(),
            }  # fmt: skip
            for attempt in range(_TURNED_DOWN_TRIES):
                sent = self._signed(signer, fields)
                try:
                    self._broadcast(sent)
                    return sent
                except _TurnedDown as refusal:
                    if refusal.is_fee:
                        fields = {**fields, **self._fees()}
                        continue
                    # Another process with this key was quicker. Its transaction holds the nonce, so ours can never be mined there.
                    nonce = self.nonce(signer.address, is_pending=True)
                    if nonce <= fields["nonce"]:
                        self._sleep(self.policy.poll_seconds * 2**attempt)
                        nonce = max(
                            self.nonce(signer.address, is_pending=True), fields["nonce"] + refusal.is_taken
                        )
                    fields = {**fields, "nonce": nonce}
            raise ChainError(
                f"nonce: {fields['nonce']}: the node takes none of this account: stop other senders with the same key"
            )

    def wait(self, signer: Signer, sent: Sent) -> dict[str, Any]:
        """Return the receipt (JSON-RPC) once `confirmations` blocks are on it. Raises Reverted, or ChainError after the time-out.

        What the node lost, or a reorganisation undid, is sent again as the same bytes; what is stuck gets a higher fee.
        """
        started = bumped = self._clock()
        pause = self.policy.poll_seconds
        while True:
            receipt = self._mined(sent)
            if receipt is not None and self._is_deep(receipt):
                return self._require_success(sent, receipt)
            if receipt is None:
                self._keep_alive(sent)
                if self._clock() - bumped >= self.policy.stuck_seconds:
                    bumped = self._clock()
                    self._bump(signer, sent)
            if self._clock() - started >= self.policy.timeout_seconds:
                raise ChainError(
                    f"transaction: {sent.hash}: not mined in {self.policy.timeout_seconds:.0f} s: look it up before you repeat it"
                )
            self._sleep(pause)
            pause = min(pause * 1.5, self.policy.slowest_poll_seconds)

    def nonce(self, address: Address, *, is_pending: bool = False) -> int:
        """Return how many transactions `address` has made, with those in the mempool if `is_pending`."""
        tag = "pending" if is_pending else "latest"
        return int(self._endpoint.request("eth_getTransactionCount", [address, tag]), 16)

    # Sending

    @contextlib.contextmanager
    def _turn(self, address: Address) -> Iterator[None]:
        """One transaction of an account at a time, among threads and, with a folder for it, processes."""
        from filelock import FileLock

        with _LOCKS_LOCK:
            lock = _LOCKS.setdefault((self._chain_id, address), threading.RLock())
        with contextlib.ExitStack() as stack:
            stack.enter_context(lock)
            if self._locks is not None:
                self._locks.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self._locks / f"{self._chain_id}-{address.lower()}.lock"))
            yield

    def _gas(self, sender: Address, call: dict[str, Any]) -> int:
        wanted = {"from": sender, **_hex_call(call)}
        try:
            estimate = int(self._endpoint.request("eth_estimateGas", [wanted]), 16)
        except RpcError as refusal:
            self._raise_refusal(refusal, sender)
        return estimate + estimate * self.policy.gas_margin_bps // BPS + self.policy.gas_margin

    def _fees(self) -> dict[str, int]:
        base = int(
            self._endpoint.request("eth_getBlockByNumber", ["latest", False]).get("baseFeePerGas") or "0x0",
            16,
        )
        try:
            tip = int(self._endpoint.request("eth_maxPriorityFeePerGas", []), 16)
        except RpcError:
            tip = 10**9
        cap = self.policy.max_fee_wei
        if base >= cap:
            raise ChainError(f"fee: {base} wei per gas: above the cap of {cap}: wait, or raise the cap")
        # Twice the base fee pays for six full blocks of growth (EIP-1559).
        fee = min(cap, 2 * base + tip)
        return {"maxFeePerGas": fee, "maxPriorityFeePerGas": min(tip, fee)}

    def _signed(self, signer: Signer, fields: dict[str, Any]) -> Sent:
        raw = signer.sign_transaction(fields)
        return Sent(signer.address, fields, {"0x" + keccak(raw).hex(): raw})

    def _broadcast(self, sent: Sent) -> None:
        """Hand the newest form to the node. Raises _TurnedDown if another transaction has the nonce or the fee is too low now."""
        try:
            self._endpoint.request("eth_sendRawTransaction", ["0x" + sent.raws[sent.hash].hex()])
        except Unreachable as fault:
            raise Unreachable(
                f"{fault}; transaction {sent.hash} may have been sent: look it up before you repeat it"
            ) from None
        except RpcError as refusal:
            words = refusal.message.lower()
            # A repeated send whose first answer was lost is refused as known, or as old because it is mined already.
            if _has(words, _KNOWN) or self._is_known(sent, patience=3 if _has(words, _NONCE_USED) else 0):
                return
            if _has(words, _FEE_LOW):
                raise _TurnedDown(is_fee=True) from None
            if _has(words, _NONCE_USED):
                raise _TurnedDown() from None
            if _has(words, _NONCE_TAKEN):
                raise _TurnedDown(is_taken=True) from None
            self._raise_refusal(refusal, sent.sender, sent)

    def _raise_refusal(self, refusal: RpcError, sender: Address, sent: Sent | None = None) -> Any:
        words = refusal.message.lower()
        if _has(words, _POOR):
            held = int(self._endpoint.request("eth_getBalance", [sender, "latest"]), 16)
            price = (
                f" of up to {sent.fields['gas'] * sent.fields['maxFeePerGas'] + sent.fields['value']} wei"
                if sent
                else ""
            )
            raise InputError(
                "balance", f"{held} wei", f"account {sender} cannot pay for gas{price}: send it some first"
            ) from None
        if refusal.data or "revert" in words:
            raise decode_revert(refusal.data, refusal.message) from None
        raise refusal

    # Waiting

    def _mined(self, sent: Sent) -> dict[str, Any] | None:
        for known in reversed(sent.raws):
            receipt = self._endpoint.request("eth_getTransactionReceipt", [known])
            if receipt is not None and receipt.get("blockNumber") is not None:
                return dict(receipt)
        return None

    def _is_deep(self, receipt: dict[str, Any]) -> bool:
        if not self.policy.confirmations:
            return True
        number = int(receipt["blockNumber"], 16)
        newest = int(self._endpoint.request("eth_blockNumber", []), 16)
        if newest < number + self.policy.confirmations:
            return False
        block = self._endpoint.request("eth_getBlockByNumber", [hex(number), False])
        return block is not None and block["hash"] == receipt["blockHash"]

    def _is_known(self, sent: Sent, patience: int = 0) -> bool:
        # Behind one URL there may be several nodes, and this answer may come from one that lags.
        for attempt in range(patience + 1):
            if attempt:
                self._sleep(self.policy.poll_seconds * 2**attempt)
            if any(
                self._endpoint.request("eth_getTransactionByHash", [known]) is not None for known in sent.raws
            ):
                return True
        return False

    def _keep_alive(self, sent: Sent) -> None:
        """Send again what the node does not know any more."""
        if self._is_known(sent):
            return
        if self.nonce(sent.sender) > sent.nonce and self._mined(sent) is None and not self._is_known(sent):
            raise ChainError(
                f"transaction: {sent.hash}: another one with nonce {sent.nonce} was mined: do not share a key between programs"
            )
        with contextlib.suppress(_TurnedDown):
            self._broadcast(sent)

    def _bump(self, signer: Signer, sent: Sent) -> None:
        """Replace a stuck transaction by the same one with a higher fee, within the cap."""
        more = BPS + self.policy.bump_bps
        fresh = self._fees()
        old = sent.fields["maxFeePerGas"], sent.fields["maxPriorityFeePerGas"]
        fee = max(fresh["maxFeePerGas"], divide_up(old[0] * more, BPS))
        if fee > self.policy.max_fee_wei:
            return
        tip = min(fee, max(fresh["maxPriorityFeePerGas"], divide_up(old[1] * more, BPS)))
        raised = self._signed(signer, {**sent.fields, "maxFeePerGas": fee, "maxPriorityFeePerGas": tip})
        with contextlib.suppress(_TurnedDown, InputError):
            self._broadcast(raised)
            sent.fields = raised.fields
            sent.raws.update(raised.raws)

    def _require_success(self, sent: Sent, receipt: dict[str, Any]) -> dict[str, Any]:
        if int(receipt["status"], 16):
            return receipt
        call: dict[str, Any] = {
            name: sent.fields[name] for name in ("to", "data", "value", "gas") if name in sent.fields
        }
        mined = int(receipt["blockNumber"], 16)
        # Before its block the call may have been in order: what depends on the block's number or time shows in the block itself.
        for block in (mined - 1, mined):
            try:
                self._endpoint.request("eth_call", [{"from": sent.sender, **_hex_call(call)}, hex(block)])
            except RpcError as refusal:
                raise decode_revert(refusal.data, refusal.message) from None
        raise Reverted(
            "contract: reverted in its block, though it would not before it",
            "another transaction came first: look, then try again",
        )


class _TurnedDown(Exception):
    def __init__(self, *, is_fee: bool = False, is_taken: bool = False) -> None:
        self.is_fee, self.is_taken = is_fee, is_taken
        super().__init__()


def _has(words: str, marks: tuple[str, ...]) -> bool:
    return any(mark in words for mark in marks)


def _hex_call(call: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: hex(value) if isinstance(value, int) else value for name, value in call.items()
    }
    if isinstance(found.get("data"), bytes):
        found["data"] = "0x" + found["data"].hex()
    return found
