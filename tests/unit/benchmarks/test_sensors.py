"""Made sensors obey physics, and forgeries change what they say they change and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _sensors as sensors
from benchmarks.checks import _auc, _pointed_at
from sheaf.verification.series.windows import Series


def test_power_is_voltage_times_current() -> None:
    """The meter's channels keep the law within noise and resolution."""
    volt, ampere, watt = sensors.meter(300, np.random.default_rng(0)).values.T
    assert np.abs(volt * ampere - watt).max() < 20 and 200 < volt.min() < volt.max() < 250


def test_gravity_and_turning_belong_to_one_body() -> None:
    """The acceleration of a body near rest is about 9.81 m/s² on the mean; its rates of turn add up to its tilt."""
    series = sensors.body(120, np.random.default_rng(1))
    force = np.linalg.norm(series.values[:, :3], axis=1)
    assert abs(float(np.median(force)) - 9.81) < 0.3
    rates = series.values[:, 3] - series.values[:, 3].mean()
    tilt = np.cumsum(rates) / 20
    assert (
        np.corrcoef(tilt[40:] - tilt[:-40], 9.81 * (series.values[40:, 1] - series.values[:-40, 1]))[0, 1]
        > 0.5
    )


def test_thermometers_stand_in_one_room() -> None:
    """Both stay near the set point, and the heavy one lags: it moves less."""
    near, far = sensors.room(1800, np.random.default_rng(2)).values.T
    assert min(near.min(), far.min()) > 15 and max(near.max(), far.max()) < 23
    assert (far[20:] - far[:-20]).std() < (near[20:] - near[:-20]).std()


@pytest.mark.parametrize("kind", sensors.FORGERIES)
def test_a_forgery_stays_in_its_windows(kind: str) -> None:
    """Outside of the windows named nothing changes; inside something does; a single channel has no other to contradict."""
    random = np.random.default_rng(3)
    series, other = sensors.meter(120, random), sensors.meter(120, random)
    forged = sensors.forged(kind, series, np.array([300, 500]), 50, other, random)
    assert forged is not None
    rows = np.flatnonzero((forged.values != series.values).any(axis=1))
    assert len(rows) and set(rows) <= {*range(300, 350), *range(500, 550)}
    single = Series(series.seconds, series.values[:, :1], ("V",))
    is_none = sensors.forged(kind, single, np.array([300]), 50, single, random) is None
    assert is_none is (kind in ("other place", "time shift"))


def test_folders_of_labelled_series_are_read(tmp_path: Path) -> None:
    """Times are sorted, doubled ones taken once, spans come as seconds."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text(
        "timestamp,value\n2026-01-01 00:05:00,2\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,3\n"
    )
    span = [["2026-01-01 00:00:00", "2026-01-01 00:01:00"]]
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps({"real/a.csv": span}))
    ((series, spans),) = sensors.labelled(tmp_path).values()
    assert np.diff(series.seconds).tolist() == [300.0] and series.values[:, 0].tolist() == [1.0, 2.0]
    assert spans[0][1] - spans[0][0] == 60


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    """By counting all pairs, ties as half."""
    clean, forged = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    pairs = [(1.0 if f > c else 0.5 if f == c else 0.0) for f in forged for c in clean]
    assert _auc(clean, forged) == sum(pairs) / len(pairs)


def test_a_marked_span_is_hit_by_a_window_that_stands_out() -> None:
    """A leap within a marked span counts as pointed at, and not as an alarm outside."""
    random = np.random.default_rng(4)
    values = random.normal(size=(3200, 1))
    values[1600:1610] += 60
    series = Series(np.arange(3200, dtype=np.float64) * 300.0, values, ("x",))
    hits, alarms, outside = _pointed_at(series, [(1590 * 300.0, 1620 * 300.0), (0.0, 600.0)])
    assert hits == 1 and alarms <= 2 and 90 <= outside <= 99
