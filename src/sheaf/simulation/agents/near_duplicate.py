"""Sells again what others sold, moved by so little that no fingerprint shows it and nobody learns from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.recycler import Recycler
from sheaf.simulation.world import table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.simulation.world import World

SHIFT = 1e-9


class NearDuplicate(Recycler):
    """Moves every point by a billionth."""

    def altered(self, world: World, copied: pa.Table) -> pa.Table:
        """Return near copies."""
        x = copied.column("x").to_numpy()
        return table_of(np.abs(x - SHIFT), copied.column("side").to_numpy().astype(np.bool_))


def make(number: int) -> list[Agent]:
    """Return a seller of near duplicates."""
    return [NearDuplicate(f"near-duplicator {number}")]
