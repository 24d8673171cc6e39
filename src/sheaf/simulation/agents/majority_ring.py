"""A ring of two validators in three: nearly every committee is its own."""

from __future__ import annotations

from typing import ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.ring import Ring


class MajorityRing(Ring):
    """Twelve of eighteen validators, all garbage."""

    seats: ClassVar[int] = 12


def make(number: int) -> list[Agent]:
    """Return a ring of most validators."""
    return [MajorityRing(f"majority ring {number}")]
