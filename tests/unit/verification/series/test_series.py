"""Series of readings: forged windows are told from clean ones, clean ones are left alone, whatever is broken is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import _sensors as sensors
from sheaf.domain.errors import InputError
from sheaf.verification.series import channels, profile, replay, windows
from sheaf.verification.series.windows import Series

STEP = 2.0


def meters(seed: int, n: int = 2400) -> Series:
    """Two meters of one wandering quantity and one that knows nothing of it, every two seconds."""
    random = np.random.default_rng(seed)
    true = np.cumsum(random.normal(size=n)) * 0.05
    true -= np.linspace(0, true[-1], n)
    alone = np.convolve(random.normal(size=n + 4), np.ones(5) / 5, "valid")
    both = np.stack([alone, true, 2 * true + 3], axis=1) + random.normal(0, 0.02, (n, 3))
    return Series(
        np.arange(n, dtype=np.float64) * STEP,
        np.asarray(np.round(both / 0.01) * 0.01, np.float64),
        ("a", "b", "c"),
    )


@pytest.fixture(scope="module")
def clean() -> profile.Profile:
    return profile.learn(meters(1), 60)


def test_clean_windows_pass(clean: profile.Profile) -> None:
    """Of another clean series of the same sensors hardly a window is pointed at."""
    found = clean.score(meters(2))
    assert found.samples == 32 and len(found.starts) == 75
    assert (found.worst > 1).mean() <= 0.03


@pytest.mark.parametrize("kind", sensors.FORGERIES)
def test_forged_windows_stand_out(clean: profile.Profile, kind: str) -> None:
    """Each way to forge is seen: a forged window is farther off than nine of ten clean ones in most cases."""
    series, random = meters(3), np.random.default_rng(0)
    found = clean.score(series)
    some = np.arange(30, 75, 5)
    forged = sensors.forged(kind, series, found.starts[some], found.samples, meters(4), random)
    assert forged is not None
    above = clean.score(forged).worst[some] > np.quantile(found.worst, 0.9)
    assert above.mean() >= (0.3 if kind == "time shift" else 0.85), above


def test_the_cause_is_named(clean: profile.Profile) -> None:
    """A sensor that stopped is stuck, one that shows another place has lost its relation; one that knew of no other cannot."""
    series = meters(5)
    at = int(clean.score(series).starts[40])

    def causes(change: windows.Floats, column: int) -> set[str]:
        values = series.values.copy()
        values[at : at + 32, column] = change
        ratios = clean.score(replace(series, values=values)).ratios[40, column]
        return {profile.CAUSES[i] for i in np.flatnonzero(ratios > 1)}

    assert clean.related == ("b", "c")
    assert "stuck" in causes(np.full(32, series.values[at, 0]), 0)
    assert "relation" in causes(meters(6).values[at : at + 32, 1], 1)
    assert "relation" not in causes(meters(6).values[at : at + 32, 0], 0)


def test_a_replay_is_found_through_any_affine_map() -> None:
    """The correlation with an earlier window is 1 whatever its scale and sign; independent noise stays at the expected maximum."""
    random = np.random.default_rng(7)
    noise = random.normal(size=4000)
    at = np.arange(0, 4000, 100)
    clean = replay.strongest(noise, at, 100, np.zeros(0))
    assert clean.max() < np.sqrt(2 * np.log(4000)) * 1.35
    noise[3000:3100] = -0.5 * noise[1234:1334] + 0.3
    assert replay.strongest(noise, at, 100, np.zeros(0))[30] > 50
    assert replay.strongest(noise[3000:3100], at[:1], 100, noise[:3000])[0] > 50


def test_windows_lie_within_stretches() -> None:
    """No window spans a gap or misses more than a fifth; stretches shorter than a window have none; a tail is covered."""
    seconds = np.concatenate([np.arange(100.0), 1000 + np.arange(20.0), 2000 + np.arange(50.0)])
    values = np.zeros((170, 1))
    series = Series(seconds, values, ("x",))
    assert windows.starts(series, 40).tolist() == [0, 40, 60, 120, 130]
    values[0:10] = np.nan
    assert windows.starts(Series(seconds, values, ("x",)), 40).tolist() == [40, 60, 120, 130]
    assert windows.samples_in(series, 60) == 60 and windows.samples_in(series, 3) == windows.LEAST_SAMPLES


def test_scores_are_the_same_again(clean: profile.Profile) -> None:
    """The same series gives the same numbers; a profile learnt again is the same."""
    again = profile.learn(meters(1), 60)
    assert np.array_equal(again.score(meters(2)).ratios, clean.score(meters(2)).ratios)


def test_a_series_without_a_clean_one_is_held_against_itself() -> None:
    """Where most windows are clean, one that is not stands out without a sample."""
    series = meters(8)
    values = series.values.copy()
    values[640:704, 1] = values[640, 1]
    found = profile.learn(replace(series, values=values), 60, is_clean=False).score(
        replace(series, values=values)
    )
    assert set(np.flatnonzero(found.worst > 1)) & {20, 21}
    assert (found.worst > 1).mean() < 0.1


def test_readings_know_their_window(clean: profile.Profile) -> None:
    """Each reading is given the worst window it lies in."""
    found = clean.score(meters(2, 100))
    by_reading = found.by_reading(100)
    assert found.starts.tolist() == [0, 32, 64, 68] and by_reading[0] == 0
    assert by_reading[70] == (2 if found.worst[2] > found.worst[3] else 3)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros(400), "constant"),
        (np.full(400, np.nan), "missing"),
        (np.repeat([1e308, -1e308], 200), "huge"),
    ],
)
def test_degenerate_series_have_finite_scores(values: windows.Floats, why: str) -> None:
    """A clean series that never moves, or has one number only, still gives numbers."""
    series = Series(
        np.arange(400.0), np.stack([np.sin(np.arange(400.0)), np.nan_to_num(values)], 1), ("x", "y")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        if why != "huge":
            assert np.isfinite(profile.learn(series, 60).score(series).ratios).all()
    assert channels.measure(
        channels.learn(np.zeros(400), [(0, 400)]), series, 0, np.array([0]), 32
    ).shape == (1, len(channels.FEATURES))


def test_what_is_no_series_is_refused() -> None:
    """Time running backwards, missing times, another number of columns, other channels, too little to learn from."""
    x = np.zeros((3, 1))
    for seconds in ([0.0, 2.0, 1.0], [0.0, np.nan, 1.0]):
        with pytest.raises(InputError, match="sort the readings"):
            Series(np.array(seconds), x, ("x",))
    with pytest.raises(InputError, match="column of values"):
        Series(np.arange(3.0), x, ("x", "y"))
    with pytest.raises(InputError, match="give at least 10 windows"):
        profile.learn(meters(1, 100), 60)
    with pytest.raises(InputError, match="channels: a: give a, b, c"):
        profile.learn(meters(1), 60).score(Series(np.arange(3.0), x, ("a",)))
    with pytest.raises(InputError, match="name some of a, b"):
        windows.channels_of(("a", "b"), ["z"])
    assert windows.channels_of(("a", "b"), []) == ("a", "b")
