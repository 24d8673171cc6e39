"""The mechanisms, by OpenDP: noise for counts and sums, quantiles by noisy choice; each says what it costs by its own privacy map.

Sums are taken on a grid of whole numbers before noise is added, so that no rounding of floating point tells anything
(Mironov 2012, doi:10.1145/2382196.2382264). People who join or leave are neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.privacy.accountant import Loss
from sheaf.privacy.extras import need

GRID_BITS = 24
CANDIDATES = 1_000


class Grid:
    """Whole steps in which values between two bounds are added: value ≈ `centre` + steps · `step`, and |steps| ≤ `most`."""

    def __init__(self, lower: float, upper: float, centre: float, is_integer: bool) -> None:
        reach = max(abs(upper - centre), abs(centre - lower))
        step = 2.0 ** (math.ceil(math.log2(reach)) - GRID_BITS)
        self.step = max(1.0, step) if is_integer else step
        self.centre, self.lower, self.upper = centre, lower, upper
        self.most = max(1, math.ceil(reach / self.step))


def noisy(values: NDArray[np.int64], sensitivity: int, rho: float) -> tuple[NDArray[np.int64], Loss, float]:
    """Add discrete Gaussian noise to whole numbers, shape (n,), of which one person moves at most `sensitivity` in Euclidean length.

    Returns the noisy values, what they cost (at most `rho`), and the deviation of the noise (Canonne, Kamath and Steinke 2020).
    """
    measurement, deviation, spent = _gaussian(sensitivity, rho)
    return np.array(measurement(values.tolist()), np.int64), Loss(spent), deviation


def noise_cost(sensitivity: int, rho: float) -> Loss:
    """Return what `noisy` costs, before there are any values."""
    return Loss(_gaussian(sensitivity, rho)[2])


def quantile(
    values: NDArray[np.float64], candidates: Sequence[float], share: float, rows: int, rho: float
) -> tuple[float, Loss]:
    """Choose the candidate that has `share` of `values`, shape (n,), below it, by a noisy maximum; one person has at most `rows` of them.

    Returns it and what it cost, at most `rho` (Smith 2011; OpenDP's make_private_quantile).
    """
    measurement, spent = _chooser(tuple(candidates), share, rows, rho)
    return float(measurement(values.tolist())), Loss(spent)


def quantile_cost(candidates: Sequence[float], share: float, rows: int, rho: float) -> Loss:
    """Return what `quantile` costs, before there are any values."""
    return Loss(_chooser(tuple(candidates), share, rows, rho)[1])


def candidates(lower: float, upper: float, is_integer: bool) -> tuple[float, ...]:
    """Return the values among which a quantile between two bounds is chosen: whole numbers where they are few, else even steps."""
    if is_integer and upper - lower < CANDIDATES:
        return tuple(float(value) for value in range(math.ceil(lower), math.floor(upper) + 1))
    return tuple(dict.fromkeys(float(value) for value in np.linspace(lower, upper, CANDIDATES)))


def _library() -> Any:
    prelude = need("opendp.prelude")
    prelude.enable_features("contrib")
    return prelude


@lru_cache(maxsize=256)
def _gaussian(sensitivity: int, rho: float) -> tuple[Any, float, float]:
    dp = _library()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")

    def build(scale: float) -> tuple[Any, float]:
        made = dp.m.make_gaussian(*space, scale=scale)
        return made, float(made.map(float(sensitivity)))

    deviation = sensitivity / math.sqrt(2 * rho)
    measurement, spent = build(deviation)
    while spent > rho:  # the library rounds its loss up; we round the noise up until that fits
        deviation *= 1 + 2.0**-48
        measurement, spent = build(deviation)
    return measurement, deviation, spent


@lru_cache(maxsize=64)
def _chooser(values: tuple[float, ...], share: float, rows: int, rho: float) -> tuple[Any, float]:
    dp = _library()
    space = dp.vector_domain(dp.atom_domain(T="f64", nan=False)), dp.symmetric_distance()
    measure = dp.zero_concentrated_divergence()

    def build(scale: float) -> tuple[Any, float]:
        made = dp.m.make_private_quantile(*space, measure, list(values), share, scale)
        return made, float(made.map(rows))

    scale = math.sqrt(build(1.0)[1] / rho)  # the loss falls with the square of the scale
    measurement, spent = build(scale)
    while spent > rho:
        scale *= 1 + 2.0**-40
        measurement, spent = build(scale)
    return measurement, spent
