"""Who lives in a world, one habit a file: what it sells, how it reviews, and what that costs it.

A new habit is one new file here that defines `make(number) -> Agent`, with the name of the file as the name of the habit.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.domain.ids import SubmissionId
    from sheaf.domain.request import Request
    from sheaf.simulation.world import Opinionated, World


@dataclass
class Agent:
    """One interest, with as many accounts as it likes; `made` counts records it has paid to produce.

    A habit overrides what it does otherwise than nothing: `join` (once, before stakes weigh), `act` (once a round).
    """

    name: str
    is_honest: bool = False
    accounts: list[Context] = field(default_factory=list)
    judges: list[Opinionated] = field(default_factory=list)
    made: int = 0
    at_stake: float = 0.0

    def join(self, world: World) -> None:
        """Come into the world: make accounts, stake."""

    def act(self, world: World, request: Request, before: list[pa.Table]) -> list[SubmissionId]:
        """Sell something in this round, knowing what was sold in the rounds before; return the submissions."""
        return []

    def leave(self, world: World) -> None:
        """Take out what is its own, after the last round."""

    def effort(self, world: World) -> float:
        """Return what it has spent on making and looking, in whole tokens."""
        looked = sum(judge.looked for judge in self.judges)
        return self.made * world.economy.make_cost + looked * world.economy.look_cost


@cache
def habits() -> dict[str, Callable[[int], Agent]]:
    """Return the maker of every habit by its name."""
    return {
        module.name.replace("_", "-"): importlib.import_module(f"{__name__}.{module.name}").make
        for module in pkgutil.iter_modules(__path__)
    }


def find(name: str) -> Callable[[int], Agent]:
    """Return the maker of a habit. Raises InputError for one that nobody has."""
    if name not in habits():
        raise InputError("habit", name, f"use one of {', '.join(habits())}")
    return habits()[name]
