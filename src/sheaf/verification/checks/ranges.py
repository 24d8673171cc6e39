"""Can these values be: within what their unit allows, in the unit that was asked for, in order and without gaps in time?

What no quantity of the unit can be is refused. That a value is in another unit is advice: it lies far outside of the buyer's sample, and
converted from one other unit lies within.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.parameters import Choice, Number, PerField, Text
from sheaf.verification.reasons import Reason
from sheaf.verification.series.table import floats, numeric, seconds_of, sources_of

Floats = NDArray[np.float64]

ADVICE = 0.5
INFINITE = float("inf")
LIGHT = 299_792_458.0
BOUNDS: dict[str, tuple[float, float]] = {
    "celsius": (-273.15, INFINITE), "fahrenheit": (-459.67, INFINITE), "kelvin": (0, INFINITE),
    "percent": (0, 100), "ratio": (0, 1),
    "pascal": (0, INFINITE), "hectopascal": (0, INFINITE), "bar": (0, INFINITE), "psi": (0, INFINITE),
    "metre": (-INFINITE, INFINITE), "kilometre": (-INFINITE, INFINITE), "foot": (-INFINITE, INFINITE), "mile": (-INFINITE, INFINITE),
    "metre_per_second": (-LIGHT, LIGHT), "kilometre_per_hour": (-LIGHT * 3.6, LIGHT * 3.6),
    "mile_per_hour": (-LIGHT / 0.44704, LIGHT / 0.44704),
    "kilogram": (0, INFINITE), "gram": (0, INFINITE), "pound": (0, INFINITE),
    "second": (-INFINITE, INFINITE), "millisecond": (-INFINITE, INFINITE),
    "degree": (-360, 360), "radian": (-2 * np.pi, 2 * np.pi), "latitude": (-90, 90), "longitude": (-180, 180),
    "lux": (0, INFINITE), "hertz": (0, INFINITE), "ohm": (0, INFINITE), "ph": (-2, 16),
}  # fmt: skip
"""What a quantity of a unit can be at all."""
SCALES: tuple[dict[str, tuple[float, float]], ...] = (
    {"celsius": (1, 0), "fahrenheit": (5 / 9, -160 / 9), "kelvin": (1, -273.15)},
    {"percent": (0.01, 0), "ratio": (1, 0)},
    {"pascal": (1, 0), "hectopascal": (100, 0), "bar": (1e5, 0), "psi": (6894.757293168, 0)},
    {"metre": (1, 0), "kilometre": (1000, 0), "foot": (0.3048, 0), "mile": (1609.344, 0)},
    {"metre_per_second": (1, 0), "kilometre_per_hour": (1 / 3.6, 0), "mile_per_hour": (0.44704, 0)},
    {"kilogram": (1, 0), "gram": (0.001, 0), "pound": (0.45359237, 0)},
    {"second": (1, 0), "millisecond": (0.001, 0)},
    {"degree": (np.pi / 180, 0), "radian": (1, 0)},
)
"""Units of one quantity: factor and offset to the first of them that has (1, 0)."""

REASONS = (
    Reason(
        "ranges.impossible",
        "No quantity of this unit has such a value.",
        "Correct the value or leave the record out.",
    ),
    Reason(
        "ranges.unit",
        "The value seems to be in another unit than was asked for.",
        "Convert to the unit that the specification names.",
    ),
    Reason("ranges.order", "The time is not later than that of the record before.", "Sort by time."),
    Reason(
        "ranges.gap",
        "More time than allowed lies between this record and the one before.",
        "Send series without gaps.",
    ),
)


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return what values and times cannot be, by record."""
    if batch.records is None:
        return []
    names = numeric(batch.records)
    findings = []
    for name, unit in parameters["units"].items():
        if name in names:
            findings += _impossible(name, unit, floats(batch.records, name))
            if batch.sample is not None and name in numeric(batch.sample):
                findings += _foreign(name, unit, floats(batch.records, name), floats(batch.sample, name))
    findings += _times(batch, parameters)
    return sorted(findings, key=lambda finding: finding.record)


def _impossible(name: str, unit: str, values: Floats) -> list[Finding]:
    low, high = BOUNDS[unit]
    return [
        _finding(i, "impossible", f"{name}: {values[i]:g} {unit}")
        for i in np.flatnonzero((values < low) | (values > high))
    ]


def _foreign(name: str, unit: str, values: Floats, sample: Floats) -> list[Finding]:
    """Return advice on values beyond the sample's outer fence that converted from exactly one other unit are among its values."""
    known = sample[np.isfinite(sample)]
    group = next((group for group in SCALES if unit in group), None)
    if group is None or not len(known):
        return []
    q1, q3 = np.quantile(known, [0.25, 0.75])
    is_far = (values < q1 - 3 * (q3 - q1)) | (values > q3 + 3 * (q3 - q1))
    factor, offset = group[unit]
    fits = {}
    for other, (by, plus) in group.items():
        converted = (values * by + plus - offset) / factor
        fits[other] = is_far & (converted >= known.min()) & (converted <= known.max()) & (other != unit)
    times = np.sum(list(fits.values()), axis=0)
    return [
        _finding(i, "unit", f"{name}: {values[i]:g} seems to be {other}, not {unit}", ADVICE)
        for other, fit in fits.items()
        for i in np.flatnonzero(fit & (times == 1))
    ]


def _times(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return records out of order, and those after a gap, each within its own source."""
    assert batch.records is not None
    if not parameters["time"]:
        return []
    try:
        at, source = (
            seconds_of(batch.records, parameters["time"]),
            sources_of(batch.records, parameters["key"]),
        )
    except InputError:
        return []
    order = np.argsort(source, kind="stable")
    order = order[np.isfinite(at[order])]
    step = np.where(np.diff(source[order]) == 0, np.diff(at[order]), np.nan)
    found: list[tuple[str, Callable[[float], str], NDArray[np.bool_]]] = []
    if parameters["order"] == "increasing":
        found.append(("order", lambda by: f"{-by:g} s before the record before", step <= 0))
    if parameters["gap"] is not None:
        found.append(("gap", lambda by: f"{by:g} s after the record before", step > parameters["gap"]))
    return [
        _finding(order[i + 1], cause, said(float(step[i])))
        for cause, said, hits in found
        for i in np.flatnonzero(hits)
    ]


def _finding(record: int | np.int64, cause: str, detail: str, weight: float = 1.0) -> Finding:
    return Finding(int(record), "ranges", 1, f"ranges.{cause}", weight=weight, detail=detail)


CHECK = Check(
    "ranges",
    1,
    run,
    REASONS,
    {
        "units": PerField(Choice(tuple(BOUNDS)), "The unit of each field that has one."),
        "time": Text(
            "",
            "The field that holds the time, in seconds if it is a number; empty: times are not looked at.",
            is_field=True,
        ),
        "key": Text(
            "",
            "The field that says whose record it is; order and gaps are looked at within each source.",
            is_field=True,
        ),
        "order": Choice(("any", "increasing"), "Whether every record must be later than the one before it."),
        "gap": Number(
            None, 0, 1e9, "The longest time between two records that is not refused, in seconds; none: any."
        ),
    },
    reads_sample=True,
)
