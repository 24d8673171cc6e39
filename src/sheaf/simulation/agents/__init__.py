"""Who lives in a world, one habit a file: what it sells, how it reviews, and what that costs it.

A new habit is one new file here that defines `make(number)`, which returns its agents, the one whom it is about first. The name of the
file is the name of the habit.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import Opinionated, World


@dataclass
class Agent:
    """One interest, with as many accounts as it likes; `made` counts records it has paid to produce.

    A habit overrides what it does otherwise than nothing: `join` (once), `act` (once a round), `leave` (once). `seats` says how many
    staked validators it brings, unless a `strength` is set, `rounds` how many rounds its attack takes to show. `given` is what it was
    paid past the market, less what it paid, in whole tokens; `received` counts right records that it has bought.
    """

    name: str
    is_honest: bool = False
    accounts: list[Context] = field(default_factory=list)
    judges: list[Opinionated] = field(default_factory=list)
    made: int = 0
    received: int = 0
    given: float = 0.0
    strength: int = 0

    seats: ClassVar[int] = 0
    rounds: ClassVar[int] = 2

    @property
    def brings(self) -> int:
        """How many staked validators act for it."""
        return self.strength if self.strength and self.seats else self.seats

    def join(self, world: World) -> None:
        """Come into the world: take accounts, give judges to validators."""

    def act(self, world: World, request: Request) -> list[SubmissionId]:
        """Sell something in this round; return the submissions. `world.sold` says what was sold before."""
        return []

    def leave(self, world: World) -> None:
        """Take out what is its own, after the last round."""

    def effort(self, world: World) -> float:
        """Return what it has spent on making and looking, less the worth of right records it has bought, in whole tokens."""
        looked = sum(judge.looked for judge in self.judges)
        economy = world.economy
        return (
            self.made * economy.make_cost
            + looked * economy.look_cost
            - self.received * economy.worth
            - self.given
        )


@cache
def habits() -> dict[str, Callable[[int], list[Agent]]]:
    """Return the maker of every habit by its name."""
    return {
        module.name.replace("_", "-"): importlib.import_module(f"{__name__}.{module.name}").make
        for module in pkgutil.iter_modules(__path__)
    }


def find(name: str) -> Callable[[int], list[Agent]]:
    """Return the maker of a habit. Raises InputError for one that nobody has."""
    if name not in habits():
        raise InputError("habit", name, f"use one of {', '.join(habits())}")
    return habits()[name]
