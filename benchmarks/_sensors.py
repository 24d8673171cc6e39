"""Made sensors that obey physics, and forgeries of series: what `checks` measures on.

A forged window keeps what a careless forger would keep (mean, spread, rate) and nothing more.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.series.windows import Series

Floats = NDArray[np.float64]
FORGERIES = ("stuck", "replay", "scaled replay", "synthetic noise", "other place", "time shift")


def body(seconds: float, random: np.random.Generator, rate: float = 20.0) -> Series:
    """Return an inertial unit on a moving body: three accelerations (m/s²) and three rates of turn (rad/s), at `rate` Hz.

    Angles and place are low-passed noise whose strength wanders; the accelerometer sees gravity turned by the angles and the body's own
    acceleration, the gyroscope the derivative of the angles; both have noise, a bias and a resolution.
    """
    n, dt = int(seconds * rate), 1 / rate
    angles = _wander(n, 3, 1.2 * rate, random) * 0.15 * _vigour(n, rate, random)
    moves = _wander(n, 3, 0.5 * rate, random) * 0.6 * _vigour(n, rate, random)
    roll, pitch = angles.T[:2]
    turn = np.gradient(angles, dt, axis=0)
    gyro = np.stack(
        [
            turn[:, 0] - np.sin(pitch) * turn[:, 2],
            np.cos(roll) * turn[:, 1] + np.sin(roll) * np.cos(pitch) * turn[:, 2],
            -np.sin(roll) * turn[:, 1] + np.cos(roll) * np.cos(pitch) * turn[:, 2],
        ],
        axis=1,
    )
    gravity = 9.81 * np.stack(
        [-np.sin(pitch), np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch)], axis=1
    )
    accelerometer = _read(gravity + moves, 0.02, 0.0024, random)
    gyroscope = _read(gyro + random.normal(0, 0.01, 3), 0.002, 0.00013, random)
    names = ("ax", "ay", "az", "gx", "gy", "gz")
    return Series(np.arange(n, dtype=np.float64) * dt, np.hstack([accelerometer, gyroscope]), names)


def room(seconds: float, random: np.random.Generator, rate: float = 2.0) -> Series:
    """Return two thermometers of one heated room (°C), the second in heavier housing: Newton's law, a heater that switches, draughts."""
    n, dt = int(seconds * rate), 1 / rate
    outside = 8 + 3 * _wander(n, 1, 1200 * rate, random)[:, 0]
    draught = np.maximum(0, _wander(n, 1, 20 * rate, random)[:, 0])
    air, near, far, heater = 20.0, 20.0, 20.0, False
    shown = np.zeros((n, 2))
    for i in range(n):
        heater = air < 19.5 or (heater and air < 20.5)
        air += dt * ((outside[i] - air) * (1 + 4 * draught[i]) / 1500 + 0.03 * heater)
        near += dt * (air - near) / 8
        far += dt * (air - far) / 30
        shown[i] = near, far
    return Series(np.arange(n, dtype=np.float64) * dt, _read(shown, 0.01, 0.005, random), ("near", "far"))


def meter(seconds: float, random: np.random.Generator, rate: float = 5.0) -> Series:
    """Return voltage (V), current (A) and power (W) of a house: loads that switch, a mains that sags under them, P = V·I."""
    n, dt = int(seconds * rate), 1 / rate
    load = np.full(n, 80.0)
    for watts, mean_on, mean_off in ((150, 300, 700), (1200, 40, 160), (2000, 60, 900), (60, 15, 25)):
        at, is_on = 0, bool(random.integers(2))
        while at < n:
            length = max(1, int(random.exponential(mean_on if is_on else mean_off) * rate))
            load[at : at + length] += watts * is_on
            at, is_on = at + length, not is_on
    load *= 1 + 0.02 * _wander(n, 1, 3 * rate, random)[:, 0]
    grid = 230 + 1.5 * _wander(n, 1, 60 * rate, random)[:, 0]
    voltage = grid - 0.4 * load / grid
    current = load / voltage
    true = np.stack([voltage, current, voltage * current], axis=1)
    noise = np.array([0.05, 0.01, 1.0])
    return Series(
        np.arange(n, dtype=np.float64) * dt,
        _read(true, noise, np.array([0.1, 0.01, 1.0]), random),
        ("V", "A", "W"),
    )


WORLDS: dict[str, Callable[[float, np.random.Generator], Series]] = {
    "inertial": body,
    "thermometers": room,
    "power": meter,
}


def part(series: Series, at: int, samples: int) -> Series:
    """Return the readings from `at`."""
    return replace(series, seconds=series.seconds[at : at + samples], values=series.values[at : at + samples])


def forged(
    kind: str, series: Series, at: NDArray[np.int64], samples: int, other: Series, random: np.random.Generator
) -> Series | None:
    """Return `series` with the windows that begin `at` forged; None where the forgery needs a second channel.

    Stuck and made noise are in one channel, a replay in all; from another place (`other`) or time come half of the channels.
    """
    if series.values.shape[1] < 2 and kind in ("other place", "time shift"):
        return None
    values = series.values.copy()
    for start in map(int, at):
        column, half = int(random.integers(values.shape[1])), slice((values.shape[1] + 1) // 2, None)
        here = slice(start, start + samples)
        if kind in ("replay", "scaled replay"):
            values[here] = _replayed(kind, series.values, start, samples, random)
        elif kind == "stuck":
            values[here, column] = values[start, column]
        elif kind == "synthetic noise":
            true = series.values[here, column]
            values[here, column] = random.normal(true.mean(), true.std(), samples)
        elif kind == "other place":
            values[here, half] = other.values[here, half]
        else:
            shift = int(random.choice([-1, 1]) * random.uniform(0.05, 0.3) * samples)
            values[here, half] = np.roll(series.values[:, half], shift, axis=0)[here]
    return replace(series, values=values)


def _replayed(kind: str, values: Floats, start: int, samples: int, random: np.random.Generator) -> Floats:
    """Return an earlier window, scaled and shifted and brought to the sensors' resolution where `kind` says so."""
    earlier = int(random.integers(0, max(1, start - samples)))
    found = values[earlier : earlier + samples]
    if kind == "replay":
        return found
    found = found * random.uniform(0.8, 1.25) + random.normal(0, values.std(axis=0))
    steps = np.array([_step(one) for one in values.T])
    known = np.where(steps > 0, steps, 1.0)
    return np.asarray(np.where(steps > 0, np.round(found / known) * known, found))


def read_series(path: Path) -> Series:
    """Read a series of `timestamp,value`, sorted by time, of equal times the first."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    at = np.array([datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() for row in rows])
    value = np.array([float(row["value"]) for row in rows])
    _, first = np.unique(at, return_index=True)
    return Series(at[first], value[first, None], (path.stem,))


def labelled(folder: Path) -> dict[str, tuple[Series, list[tuple[float, float]]]]:
    """Return the series of a folder in the Numenta form, with the spans of time that people marked as anomalous."""
    marked = json.loads((folder / "labels" / "combined_windows.json").read_text())
    found = {}
    for path in sorted(folder.glob("*/*.csv")):
        name = f"{path.parent.name}/{path.name}"
        spans = [
            tuple(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() for at in span)
            for span in marked.get(name, [])
        ]
        found[name] = read_series(path), [(span[0], span[1]) for span in spans]
    return found


def _step(values: Floats) -> float:
    steps = np.diff(np.unique(np.round(values, 9)))
    return float(steps.min()) if len(steps) else 0.0


def _read(true: Floats, noise: Floats | float, step: Floats | float, random: np.random.Generator) -> Floats:
    return np.asarray(np.round((true + random.normal(size=true.shape) * noise) / step) * step)


def _wander(n: int, width: int, memory: float, random: np.random.Generator) -> Floats:
    """Return noise of unit spread, low-passed twice with a memory in samples: (n, width)."""
    from scipy.signal import lfilter  # type: ignore[import-untyped]

    fading = float(np.exp(-1 / memory))
    found = random.normal(size=(n + int(8 * memory), width))
    for _ in range(2):
        found = lfilter([1 - fading], [1, -fading], found, axis=0)
    found = found[-n:]
    return np.asarray((found - found.mean(axis=0)) / (found.std(axis=0) + 1e-12))


def _vigour(n: int, rate: float, random: np.random.Generator) -> Floats:
    """Return how strongly the body moves: rest and activity, changing over half a minute."""
    return np.exp(0.6 * _wander(n, 1, 30 * rate, random))
