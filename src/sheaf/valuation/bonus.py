"""A pool of money split by value: linear in what is positive, in whole units, to the last one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sheaf.domain.errors import InputError

BITS = 32
"""Values are rounded to this many binary places below the largest: what a library's last bits could move moves no unit."""


def bonus_shares(values: Sequence[float], pool: int) -> list[int]:
    """Split `pool` whole units in proportion to the positive among `values`; who is worth nothing or less gets 0.

    Rounded by largest remainder: everyone gets the whole part of its exact share, and what is left over goes one unit each to the
    largest remainders, the earlier of equal ones first. The shares sum to `pool`; where no value is positive all are 0 and the
    pool stays with the buyer. Only whole numbers are computed with, so equal values give equal shares on every machine.
    Raises InputError for a pool that is no whole number from 0, or a value that is not finite.
    """
    if isinstance(pool, bool) or not isinstance(pool, int) or pool < 0:
        raise InputError("pool", pool, "give a whole number of units from 0")
    weights = _weights(values)
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    shares = [pool * weight // total for weight in weights]
    left = pool - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(pool * weights[i] % total), i))
    for i in by_remainder[:left]:
        shares[i] += 1
    return shares


def _weights(values: Sequence[float]) -> list[int]:
    """Return values on a grid of 2⁻³² of the power of two above the largest, negative ones as 0."""
    given = [float(value) for value in values]
    bad = [value for value in given if not math.isfinite(value)]
    if bad:
        raise InputError("values", bad[0], "give finite numbers")
    largest = max(given, default=0.0)
    if largest <= 0:
        return [0] * len(given)
    _, exponent = math.frexp(largest)
    return [round(math.ldexp(value, BITS - exponent)) if value > 0 else 0 for value in given]
