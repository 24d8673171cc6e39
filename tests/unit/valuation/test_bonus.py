"""A pool splits to the last unit, in proportion, and alike on every machine."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError
from sheaf.valuation.bonus import bonus_shares

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20)
POOLS = st.integers(0, 10**30)


@given(VALUES, POOLS)
def test_shares_sum_to_the_pool(values: list[float], pool: int) -> None:
    """To the unit, for any values and any pool; nobody is paid below 0, and who is worth nothing gets nothing."""
    shares = bonus_shares(values, pool)
    assert len(shares) == len(values) and all(share >= 0 for share in shares)
    assert all(share == 0 for share, value in zip(shares, values, strict=True) if value <= 0)
    assert sum(shares) == (pool if any(value > 0 for value in values) else 0)


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=12).filter(any), POOLS)
def test_shares_are_linear(values: list[int], pool: int) -> None:
    """Within one unit of the exact share, for values that are whole."""
    total = sum(values)
    for share, value in zip(bonus_shares([float(v) for v in values], pool), values, strict=True):
        assert abs(share - Fraction(pool * value, total)) < 1


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=12), POOLS, st.integers(-900, 900))
def test_the_unit_of_values_does_not_matter(values: list[int], pool: int, exponent: int) -> None:
    """Values in other units, by a power of two, give the same shares to the unit."""
    scaled = [math.ldexp(value, exponent) for value in values]
    assert bonus_shares(scaled, pool) == bonus_shares([float(v) for v in values], pool)


def test_last_bits_move_no_unit() -> None:
    """Values that differ by a few units in the last place, as libraries do, give the same shares."""
    values = [0.1, 0.25, 0.7, 0.123456789]
    nudged = [math.nextafter(math.nextafter(value, 2), 2) for value in values]
    assert bonus_shares(values, 10**18) == bonus_shares(nudged, 10**18)


@pytest.mark.parametrize(
    ("values", "pool", "shares"),
    [
        ([1.0, 1.0, 1.0], 100, [34, 33, 33]),
        ([1.0, 2.0, -5.0], 10, [3, 7, 0]),
        ([0.5, 0.5], 1, [1, 0]),
        ([0.0, -1.0], 10, [0, 0]),
        ([], 10, []),
        ([3.0], 0, [0]),
        ([5e-324], 7, [7]),
        ([1.7e308, 1.7e308], 4, [2, 2]),
        ([1.0, 1e-12], 10**18, [10**18, 0]),
    ],
)
def test_worked_examples(values: list[float], pool: int, shares: list[int]) -> None:
    """Largest remainder, the earlier first; dust below 2⁻³² of the largest is nothing."""
    assert bonus_shares(values, pool) == shares
    assert bonus_shares(np.array(values), pool) == shares


@pytest.mark.parametrize(
    ("values", "pool", "message"),
    [
        ([math.nan], 1, "values: nan"),
        ([1.0, math.inf], 1, "values: inf"),
        ([1.0], -1, "pool: -1"),
        ([1.0], 1.0, "pool: 1.0"),
        ([1.0], True, "pool: True"),
    ],
)
def test_what_is_no_money_is_refused(values: list[float], pool: int, message: str) -> None:
    """Values that are not finite and pools that are no whole number from 0 are refused."""
    with pytest.raises(InputError, match=message):
        bonus_shares(values, pool)
