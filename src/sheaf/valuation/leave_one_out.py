"""Leave-one-out: what a player adds to all the others. Cheap, and blind to whatever two players share."""

from __future__ import annotations

import numpy as np

from sheaf.valuation.semivalues import Valuation
from sheaf.valuation.utility import Floats, Utility


def largest(players: int) -> Floats:
    """Return the coefficient that counts the coalition of all others alone, shape (players,)."""
    sizes = np.zeros(players)
    sizes[-1] = 1.0
    return sizes


def leave_one_out(utility: Utility) -> Valuation:
    """Return each player's value by players + 1 evaluations."""
    n = utility.players
    coalitions = np.vstack([np.ones(n, dtype=np.bool_), ~np.eye(n, dtype=np.bool_)])
    worth = utility(coalitions)
    return Valuation(worth[0] - worth[1:], np.zeros(n), n + 1, 0, True)
