"""Arithmetic whose results are the same bits on every machine, in every order.

IEEE 754 fixes the results of +, -, *, / and of rounding, so element by element they agree everywhere. Two things do
not: the logarithm and the exponential of a mathematical library or a vector unit, and the order in which a sum is
taken. So both functions are written here with those operations alone, and whatever is summed first lies on a grid of
2⁻³⁰: while a total stays below 2²³, every partial sum is exact in float64, and then the order of rows, of workers, of
threads or of vector lanes cannot change a bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

GRID = 2.0**30
"""Steps to the unit. Totals on the grid are exact while they stay below 2⁵³ / 2³⁰ = 2²³ in size."""

LN2_HIGH = float.fromhex("0x1.62e42feep-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
ROOT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
HALF_LOG_TAU = float.fromhex("0x1.d67f1c864beb5p-1")
EXPONENTIAL = tuple(
    1.0 / f for f in (479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1)
)
"""1/12! … 1/0!: the series of exp, for |x| ≤ ln 2 / 2."""


def on_grid(values: Floats, grid: float = GRID) -> Floats:
    """Round `values` to multiples of 1 / `grid`, a power of two (to even at a tie)."""
    rounded: Floats = np.rint(values * grid) / grid
    return rounded


def log(values: Floats) -> Floats:
    """Return the natural logarithm of positive `values`, within 2 units in the last place."""
    mantissa, exponent = np.frexp(values)
    is_low = mantissa < ROOT_HALF
    mantissa = np.where(is_low, mantissa * 2.0, mantissa)
    exponent = exponent - is_low
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = np.full_like(square, 1.0 / 19.0)
    for odd in (17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0):
        series = series * square + 1.0 / odd
    result: Floats = (exponent * LN2_LOW + 2.0 * s * square * series) + 2.0 * s + exponent * LN2_HIGH
    return result


def exp(values: Floats) -> Floats:
    """Return the exponential of `values` (at most 700; below -700 it is taken as -700), within 2 units in the last place."""
    bounded = np.maximum(values, -700.0)
    turns = np.rint(bounded / (LN2_HIGH + LN2_LOW))
    rest = (bounded - turns * LN2_HIGH) - turns * LN2_LOW
    series = np.full_like(rest, EXPONENTIAL[0])
    for factor in EXPONENTIAL[1:]:
        series = series * rest + factor
    result: Floats = np.ldexp(series, turns.astype(np.int32))
    return result


def digamma(values: Floats) -> Floats:
    """Return the derivative of log Γ at positive `values`, within 1e-11 (Abramowitz and Stegun 6.3.18, after eight steps up)."""
    shift = np.zeros_like(values)
    for step in range(8):
        shift = shift + 1.0 / (values + float(step))
    x = values + 8.0
    inverse = 1.0 / (x * x)
    series = np.full_like(inverse, 1.0 / 132.0)
    for factor in (1.0 / 240.0, 1.0 / 252.0, 1.0 / 120.0, 1.0 / 12.0):
        series = factor - series * inverse
    result: Floats = ((log(x) - 0.5 / x) - series * inverse) - shift
    return result


def log_gamma(values: Floats) -> Floats:
    """Return log Γ at positive `values`, within 1e-12 of its size or of one (Abramowitz and Stegun 6.1.41, after eight steps up)."""
    product = values.copy()
    for step in range(1, 8):
        product = product * (values + float(step))
    x = values + 8.0
    inverse = 1.0 / (x * x)
    series = np.full_like(inverse, 1.0 / 1188.0)
    for factor in (1.0 / 1680.0, 1.0 / 1260.0, 1.0 / 360.0, 1.0 / 12.0):
        series = factor - series * inverse
    result: Floats = (((x - 0.5) * log(x) - x) + HALF_LOG_TAU + series / x) - log(product)
    return result


def totals(group: Integers, values: Floats, groups: int) -> Floats:
    """Sum `values`, which lie on the grid, by `group` (numbers from 0); shape (groups,). Exact, so in any order the same."""
    summed: Floats = np.bincount(group, weights=values, minlength=groups).astype(np.float64, copy=False)
    return summed


def total(values: Floats, axis: int = -1) -> Floats:
    """Sum `values`, which lie on the grid, along `axis`. Exact, so in any order the same."""
    summed: Floats = values.sum(axis=axis)
    return summed


def normalised(scores: Floats) -> Floats:
    """Turn log weights, shape (n, classes), into probabilities on the grid, row by row."""
    odds = on_grid(exp(scores - scores.max(axis=1, keepdims=True)))
    return on_grid(odds / odds.sum(axis=1, keepdims=True))


def solved(matrix: Floats, right: Floats) -> Floats:
    """Solve a symmetric positive system, shapes (n, n) and (n,), by elimination in one fixed order."""
    size = len(right)
    rows = [[float(x) for x in row] + [float(y)] for row, y in zip(matrix, right, strict=True)]
    for pivot in range(size):
        for below in range(pivot + 1, size):
            factor = rows[below][pivot] / rows[pivot][pivot]
            rows[below] = [x - factor * y for x, y in zip(rows[below], rows[pivot], strict=True)]
    solution = [0.0] * size
    for pivot in reversed(range(size)):
        known = 0.0
        for later in range(pivot + 1, size):
            known += rows[pivot][later] * solution[later]
        solution[pivot] = (rows[pivot][size] - known) / rows[pivot][pivot]
    return np.array(solution)
