"""A ring that lets only a little garbage through, one record in five, so that few of its members' votes are wrong.

What it lets through in one batch is seldom beyond chance, so it is played for longer than others.
"""

from __future__ import annotations

from typing import ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.ring import Ring


class PartialRing(Ring):
    """A third of the validators; a fifth of what it sells is garbage."""

    wrong: ClassVar[float] = 0.2
    rounds: ClassVar[int] = 8


def make(number: int) -> list[Agent]:
    """Return a ring that hides its garbage among right records."""
    return [PartialRing(f"partial ring {number}")]
