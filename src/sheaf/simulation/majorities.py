"""How far the law reaches against a ring, exactly: what garbage earns those who hold a share of all stake.

    python -m sheaf.simulation.majorities

A batch of garbage worth 1 passes where the ring has the quorum of the committee, and else loses bond and fee. One honest member
challenges what passed, through all three rounds; what no honest member sees is found by an audit only. Who loses before the last jury
loses the lock of each of its seats. Seats are drawn by stake, as if from a large market (binomial); the ring answers with one voice.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

QUORUM, SEATS = 4, 5
LOCK = 2.31
"""What a seat locks, in parts of the value: the least that makes a caught fraud a loss."""
REFUSED = 0.24
"""Bond and fee of what is refused."""
LAST_JURY, AUDIT, AUDIT_RATE = 23, 15, 0.2
SHARES = (0.2, 0.25, 0.3333, 0.4, 0.5, 0.6, 0.6667, 0.75, 0.8)


class Reach(NamedTuple):
    """Of a ring with a `share` of stake: how often its garbage passes, and how often it has the last jury; what a batch earns it."""

    share: float
    passes: float
    prevails: float
    returns: float


def at_least(seats: int, needed: int, share: float) -> float:
    """Return the probability that `needed` or more of `seats` fall to whoever holds a share of the stake."""
    return sum(comb(seats, i) * share**i * (1 - share) ** (seats - i) for i in range(needed, seats + 1))


def reach(share: float, last: int = LAST_JURY) -> Reach:
    """Return what a ring with this share gets out of garbage worth 1, where the last jury has `last` seats."""
    passes, unseen = at_least(SEATS, QUORUM, share), share**SEATS
    prevails, audited = at_least(last, last // 2 + 1, share), at_least(AUDIT, AUDIT // 2 + 1, share)
    challenged = (passes - unseen) * (prevails - (1 - prevails) * QUORUM * LOCK)
    quiet = unseen * (1 - AUDIT_RATE * (1 - audited) * (1 + SEATS * LOCK))
    return Reach(share, passes, prevails, challenged + quiet - (1 - passes) * REFUSED)


def threshold(last: int = LAST_JURY) -> float:
    """Return the share from which garbage pays, to a thousandth."""
    return next(i / 1000 for i in range(1, 1001) if reach(i / 1000, last).returns > 0)


def table() -> str:
    """Return what `reach` says of `SHARES`, and from where garbage pays, as lines of text."""
    lines = ["share  passes  has the last jury  a batch worth 1 returns"]
    for one in map(reach, SHARES):
        lines.append(f"{one.share:5.0%}  {one.passes:6.1%}  {one.prevails:17.1%}  {one.returns:+23.2f}")
    lines.append(f"pays from {threshold():.1%} on; with no jury above 5 seats from {threshold(SEATS):.1%}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
