"""Which records to take: as many as possible, while the share of good ones among them is, with confidence, what was asked for.

Expected bad records among those taken are the sum of their chances. Their number varies: each record by itself, and all of a
contributor's together, since it is not known exactly how honest he is. The bound is the expectation plus CONFIDENCE standard
deviations of both.
"""

from __future__ import annotations

import numpy as np

from sheaf.verification.scoring.shape import Flags, Floats, Integers

CONFIDENCE = 1.645
"""One-sided 95 %."""
WORST = 10.0
"""No record is taken by itself whose chance to be bad is more than this many times what is asked of all."""


def threshold(bad: Floats, sender: Integers, doubt: Floats, precision: float) -> float:
    """Return the largest chance to be bad at which a record is still taken, -1 for none.

    `bad` (n,) are chances, `doubt` (n,) the standard deviation of each that its sender's records have in common. No record
    counts as certain.
    """
    order = np.argsort(bad, kind="stable")
    count = np.arange(1, len(bad) + 1)
    expected = np.cumsum(bad[order])
    alone = np.cumsum((bad * (1.0 - bad))[order])
    together = _running(doubt[order], sender[order])
    bound = expected + CONFIDENCE * np.sqrt(alone + together)
    fits = np.flatnonzero((bound <= (1.0 - precision) * count) & (bad[order] <= WORST * (1.0 - precision)))
    return float(bad[order[fits[-1]]]) if len(fits) else -1.0


def taken(bad: Floats, limit: float, allowed: Flags) -> Flags:
    """Return which records to take, shape (n,)."""
    return (bad <= limit) & allowed


def _running(doubt: Floats, sender: Integers) -> Floats:
    """Return, for every number of records taken, the sum over senders of the square of what their doubts add up to; shape (n,)."""
    sums = np.zeros(int(sender.max(initial=0)) + 1)
    found = np.empty(len(doubt))
    total = 0.0
    for i, (value, who) in enumerate(zip(doubt.tolist(), sender.tolist(), strict=True)):
        total += value * (2.0 * sums[who] + value)
        sums[who] += value
        found[i] = total
    return found
