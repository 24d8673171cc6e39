"""Watches the mempool and sends the same submission first, byte by byte, in its own name: root, content, key commitment and custodian."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sheaf.chain.contracts import artifact
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import SheafError
from sheaf.simulation.agents import Agent

if TYPE_CHECKING:
    from sheaf.chain.devchain import Pending
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World

ALLOWANCE = 10**6 * WAD


class FrontRunner(Agent):
    """Copies the first submission of others that it sees in each round."""

    def join(self, world: World) -> None:
        """Open one account, let the escrow take its bonds, and watch."""
        self.accounts = [world.account(self.name)]
        self._world, self._copied = world, True
        account = self.accounts[0]
        escrow = account.chain.address_of("Escrow")
        account.chain.send(account.sender, "MarketToken", "approve", escrow, ALLOWANCE)
        assert world.market.engine is not None
        world.market.engine.watchers.append(self._race)

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Begin to wait for something to copy; name what was copied before."""
        self._copied = False
        return []

    def _race(self, pending: Pending) -> None:
        chain, account = self._world.market.chain, self.accounts[0]
        data, book = bytes(pending.decoded.data), chain.address_of("Requests")
        if self._copied or pending.sender == account.account.lower() or not self._is_submission(pending):
            return
        self._copied = True
        with contextlib.suppress(SheafError):
            chain.execute(account.sender, {"to": book, "data": data})

    def _is_submission(self, pending: Pending) -> bool:
        book = self._world.market.chain.address_of("Requests")
        selector = artifact("Requests").function("submit", 0).selector
        to, data = bytes(pending.decoded.to), bytes(pending.decoded.data)
        return "0x" + to.hex() == book.lower() and data[:4] == selector


def make(number: int) -> list[Agent]:
    """Return a front-runner."""
    return [FrontRunner(f"front-runner {number}")]
