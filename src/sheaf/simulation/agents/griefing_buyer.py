"""Opens a request, lets others work for it, and then will not pay: cancels, reclaims, and never takes delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sheaf import actions
from sheaf.domain.errors import SheafError
from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_seller import Seller
from sheaf.simulation.world import is_right

if TYPE_CHECKING:
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import World


class Griefer(Agent):
    """Publishes no reading key, cancels as soon as something was submitted, and reclaims again and again."""

    rounds: ClassVar[int] = 1

    def join(self, world: World) -> None:
        """Open an account to which nobody can write, and see what can be taken back, block by block."""
        self.accounts = [world.unreadable(self.name)]
        self._opened: list[Request] = []
        world.watchers.append(self._refuse)

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Open a request, for whoever comes."""
        self._opened.append(world.open(1, self.accounts[0], is_golden=False))
        return []

    @property
    def newest(self) -> Request | None:
        """The request that it opened last."""
        return self._opened[-1] if self._opened else None

    def leave(self, world: World) -> None:
        """Take back what it can, and the records if they came."""
        self._refuse()
        for own in self._opened:
            try:
                bundle = actions.download(self.accounts[0], own.id, world.home / f"griefer {own.id}")
            except SheafError:
                continue
            self.received += int(is_right(bundle.to_arrow()).sum())

    def _refuse(self) -> int:
        for own in self._opened:
            found = actions.show_request(self.accounts[0], own.id)
            if not found.is_cancelled:
                actions.cancel(self.accounts[0], own.id)
            if found.free:
                actions.reclaim(self.accounts[0], own.id)
        return 0


class Victim(Seller):
    """Sells good records to the griefing buyer."""

    def __init__(self, name: str, griefer: Griefer) -> None:
        super().__init__(name, is_honest=True)
        self._griefer = griefer

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell one batch to it."""
        assert self._griefer.newest is not None
        return super().act(world, self._griefer.newest)


def make(number: int) -> list[Agent]:
    """Return a buyer that will not pay, and somebody who sells to it."""
    griefer = Griefer(f"griefing buyer {number}")
    return [griefer, Victim(f"honest seller-to-griefer {number}", griefer)]
