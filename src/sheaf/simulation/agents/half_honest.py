"""Sells batches of which half is right and half has the wrong answer, so that the right half may carry the other."""

from __future__ import annotations

from typing import ClassVar

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_seller import Seller


class HalfHonest(Seller):
    """Half of every batch is wrong and costs nothing to make."""

    rounds: ClassVar[int] = 1

    wrong = 0.5


def make(number: int) -> list[Agent]:
    """Return a half-honest contributor."""
    return [HalfHonest(f"half-honest seller {number}")]
