"""Events: what contracts have told, decoded, and followed through reorganisations."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheaf.chain.abi import EventForm, checksum_of
from sheaf.chain.endpoint import Endpoint, RpcError
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain

FIRST_SPAN = 20_000
MEMORY_BLOCKS = 512


@dataclass(frozen=True)
class Block:
    """A block as far as anyone here cares: `timestamp` in Unix seconds, hashes as 0x…."""

    number: int
    timestamp: int
    hash: str
    parent: str = ""
    base_fee_wei: int = 0
    gas_used: int = 0


@dataclass(frozen=True)
class Event:
    """A decoded log: `args` by name, and its place on the chain."""

    contract: str
    name: str
    args: dict[str, Any]
    block: int
    block_hash: str
    transaction: str
    log_index: int
    address: Address


@dataclass(frozen=True)
class RolledBack:
    """Every block after `number` was replaced: what was told about them is undone."""

    number: int


Forms = Callable[[str], dict[str, EventForm]]
"""From an address (lower case) to the events of the contract there, by topic."""


def decode_log(log: dict[str, Any], forms: Forms) -> Event | None:
    """Return the event in a log, or None if it is not one of a known contract."""
    form = forms(log["address"].lower()).get(log["topics"][0]) if log["topics"] else None
    if form is None:
        return None
    return Event(
        contract=form.contract, name=form.name, args=form.decode(log), block=int(log["blockNumber"], 16),
        block_hash=log["blockHash"], transaction=log["transactionHash"], log_index=int(log["logIndex"], 16),
        address=checksum_of(log["address"].lower()),
    )  # fmt: skip


def logs(
    endpoint: Endpoint, wanted: dict[str, Any], first: int, last: int, span: int = FIRST_SPAN
) -> Iterator[dict[str, Any]]:
    """Yield the logs of blocks `first` to `last`, asking in pieces that shrink when the node finds one too large."""
    while first <= last:
        end = min(last, first + span - 1)
        try:
            found = endpoint.request(
                "eth_getLogs", [{**wanted, "fromBlock": hex(first), "toBlock": hex(end)}]
            )
        except RpcError:
            # Limits differ by node and so do their words: less is worth a try.
            if end == first:
                raise
            span = max(1, (end - first + 1) // 4)
            continue
        yield from found
        first, span = end + 1, min(FIRST_SPAN, span * 2)


class Follower:
    """Reads a deployment's events in order, each once, and tells when some of them were undone.

    It stays `confirmations` blocks behind the newest block and remembers the hashes of what it read. `poll` yields events, and before
    those of a branch that took another's place a RolledBack.
    """

    def __init__(
        self, chain: Chain, contracts: tuple[str, ...], *, confirmations: int = 0, start: int | None = None
    ) -> None:
        self._chain, self._contracts, self._confirmations = chain, contracts, confirmations
        self.next = chain.deployment_block if start is None else start
        self._hashes: OrderedDict[int, str] = OrderedDict()

    def poll(self) -> Iterator[Event | RolledBack]:
        """Yield what has come since the last poll. Raises Unreachable; what was not yielded then comes with the next poll."""
        back_to = self._fork()
        if back_to is not None:
            self._forget_after(back_to)
            yield RolledBack(back_to)
        last = self._chain.block().number - self._confirmations
        if last < self.next:
            return
        top = self._chain.block_at(last)
        events = self._chain.market_events(self._contracts, self.next, last)
        # Were the newest block replaced while we read, these events might be of two branches: read again next time.
        if self._chain.block_at(last).hash != top.hash:
            return
        for event in events:
            self._hashes[event.block] = event.block_hash
        self._hashes[top.number] = top.hash
        self.next = last + 1
        while len(self._hashes) > MEMORY_BLOCKS:
            self._hashes.popitem(last=False)
        yield from events

    def _fork(self) -> int | None:
        """Return the newest remembered block that still stands, if the newest remembered one does not."""
        newest = True
        for number, seen in reversed(self._hashes.items()):
            if self._chain.hash_at(number) == seen:
                return None if newest else number
            newest = False
        # Nothing that is remembered stands any more: all of it is read again.
        return None if newest else self._chain.deployment_block - 1

    def _forget_after(self, number: int) -> None:
        for known in [known for known in self._hashes if known > number]:
            del self._hashes[known]
        self.next = number + 1
