"""Checks of what values are: ranges and units, likeness to the sample, series of sensors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf.domain.errors import InputError, SpecificationError
from sheaf.domain.verdict import Finding
from sheaf.verification import checks
from sheaf.verification.novelty import Manifold
from tests.unit.verification.test_checks import batch

WORDS = [
    "the",
    "road",
    "rain",
    "meadow",
    "window",
    "bread",
    "river",
    "evening",
    "house",
    "garden",
    "small",
    "quiet",
    "bright",
]


def texts(seed: int, n: int) -> list[str]:
    """Sentences of plain words."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(6, 14))) for _ in range(n)]


def find(name: str, table: pa.Table, sample: pa.Table | None = None, **parameters: Any) -> list[Finding]:
    """Return what a check finds in a table."""
    check = checks.find(name)
    made = replace(batch([0] * table.num_rows), records=table, sample=sample, label="label")
    return check.run(made, check.settled(parameters))


def codes(findings: list[Finding]) -> list[tuple[int, str]]:
    return [(finding.record, finding.code.partition(".")[2]) for finding in findings]


def test_no_quantity_is_beyond_its_unit() -> None:
    """Below absolute zero, beyond a hundred per cent, off the globe: refused for certain; at the bound it may be."""
    table = pa.table({"t": [-273.15, -274.0, None], "h": [0, 101, 100], "lat": [90.0, -90.1, 0.0]})
    units = {"t": "celsius", "h": "percent", "lat": "latitude", "absent": "kelvin"}
    found = find("ranges", table, units=units)
    assert codes(found) == [(1, "impossible")] * 3 and all(one.is_refusal for one in found)
    assert found[1].detail == "lat: -90.1 latitude"


def test_fahrenheit_for_celsius_is_pointed_at() -> None:
    """A value far from the sample that is at home in it once converted is advice; what fits no unit, or the sample, is not."""
    sample = pa.table({"t": np.linspace(18, 24, 50), "label": [0] * 50})
    table = pa.table({"t": [20.0, 70.0, 1000.0, 294.0, 29.0]})
    found = find("ranges", table, sample, units={"t": "celsius"})
    assert codes(found) == [(1, "unit"), (3, "unit")] and not any(one.is_refusal for one in found)
    assert "fahrenheit, not celsius" in found[0].detail and "kelvin" in found[1].detail


def test_times_run_on_within_each_source() -> None:
    """A record no later than its source's last, or after too long a gap, is refused where the specification asks for it."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    at = [begin + timedelta(seconds=s) for s in (0, 5, 10, 10, 100, 6)]
    table = pa.table({"at": pa.array(at, pa.timestamp("us", "UTC")), "who": ["a", "b", "a", "a", "b", "b"]})
    found = find("ranges", table, time="at", key="who", order="increasing", gap=60)
    assert codes(found) == [(3, "order"), (4, "gap"), (5, "order")] and found[1].detail.startswith("95 s")
    assert find("ranges", table, time="at", key="who") == []
    assert find("ranges", table, time="who", order="increasing") == []
    numbers = pa.table({"at": [1.0, None, 0.5]})
    assert codes(find("ranges", numbers, time="at", order="increasing")) == [(2, "order")]


def test_garbage_is_unlike_text() -> None:
    """Mashed keys, repeated marks, code, emptiness stand out from sentences; other sentences of the kind do not."""
    sample = pa.table({"x": texts(0, 300), "label": ["a"] * 300})
    good = texts(1, 200)
    bad = [
        "asdkjfh qwpeoir zxmcnv lkqjwe",
        "!!!!!!!!!! ??????",
        "",
        "x" * 500,
        '{"a":[1,2,3]}',
        "зима вечер дом",
    ]
    found = find("novelty", pa.table({"x": good + bad, "label": ["a"] * 206}), sample)
    named = {one.record for one in found}
    assert named >= set(range(200, 206)) and len(named & set(range(200))) <= 4
    assert all(0.5 < one.score <= 1 and not one.is_refusal for one in found)


def test_garbage_is_unlike_numbers() -> None:
    """A pair far off the line on which the sample lies is unlike it though each number is usual; a missing one cannot be compared."""
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    sample = pa.table({"x": x, "y": x + random.normal(0, 0.05, 400)})
    table = pa.table({"x": [0.5, 1.5, None, 1e300], "y": [0.52, -1.5, 1.0, 0.0]})
    assert codes(find("novelty", table, sample)) == [(1, "unlike"), (2, "unreadable"), (3, "unlike")]


def test_the_threshold_decides_what_is_refused() -> None:
    """With `refuse_at` what is at least as far has weight 1; nearer findings stay advice."""
    random = np.random.default_rng(1)
    sample = pa.table({"x": random.normal(size=300)})
    table = pa.table({"x": [0.0, 10.0, 1000.0]})
    found = find("novelty", table, sample, refuse_at=100)
    assert [(one.record, one.is_refusal) for one in found] == [(1, False), (2, True)]
    assert [one.is_refusal for one in find("novelty", table, sample, refuse_at=1)] == [True, True]


def test_a_manifold_is_the_same_in_any_order_and_company() -> None:
    """A record's distance does not depend on the records beside it."""
    sample, table = pa.table({"x": texts(0, 100)}), pa.table({"x": texts(2, 50)})
    manifold = Manifold(sample)
    order = np.random.default_rng(3).permutation(50)
    assert np.allclose(manifold(table.take(order)), manifold(table)[order], atol=1e-5)
    assert np.array_equal(Manifold(sample)(table), manifold(table))


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (pa.table({"x": [1.0] * 9}), "9 records: publish at least 10"),
        (pa.table({"x": pa.nulls(20)}), "no usable column"),
        (pa.table({"x": pa.array([None] * 15 + ["a"] * 5)}), "5 readable records"),
    ],
)
def test_a_sample_that_nothing_is_learnt_from_is_refused(sample: pa.Table, message: str) -> None:
    """Too few records, or none that can be compared: the check says nothing then, rather than anything."""
    with pytest.raises(InputError, match=message):
        Manifold(sample)
    assert find("novelty", pa.table({"x": [1.0]}), sample) == []


def test_without_a_sample_nothing_is_said() -> None:
    """Checks that compare say what they need, and find nothing without it."""
    table = pa.table({"t": [1.0, 2.0], "x": [5.0, 5.0]})
    for name in ("novelty", "series"):
        check = checks.find(name)
        assert check.reads_sample and "sample" in check.needs(batch([1]))
        assert not check.needs(replace(batch([1]), sample=table))
        assert find(name, table) == [] == find(name, table, table)


def readings(seed: int, n: int, source: str) -> pa.Table:
    """Readings every two seconds of two meters of one quantity."""
    random = np.random.default_rng(seed)
    true = np.convolve(random.normal(size=n + 19), np.ones(20) / 5, "valid")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    columns = {
        "at": pa.array([begin + timedelta(seconds=2 * i) for i in range(n)], pa.timestamp("us", "UTC")),
        "a": true + random.normal(0, 0.02, n),
        "b": 3 - 2 * true + random.normal(0, 0.02, n),
        "who": [source] * n,
    }
    return pa.table(columns)


def test_a_stuck_sensor_is_found_in_its_source() -> None:
    """Readings of windows in which one source's sensor stood are pointed at, by row; the other source's are not."""
    sample = pa.concat_tables([readings(0, 1500, "p"), readings(1, 1500, "q")])
    one, two = readings(2, 320, "p"), readings(3, 320, "q")
    stuck = two.column("b").to_numpy().copy()
    stuck[64:128] = stuck[64]
    table = pa.concat_tables([one, two.set_column(2, "b", pa.array(stuck))])
    found = find("series", table, sample, time="at", key="who")
    named = {one.record for one in found}
    assert named >= set(range(320 + 64, 320 + 128)) and len(named - set(range(320 + 60, 320 + 140))) <= 32
    assert {one.weight for one in found} == {0.5} and all(one.detail[1:3] == ": " for one in found)
    refused = find("series", table, sample, time="at", key="who", refuse_at=1)
    assert {one.weight for one in refused} == {1.0} and {one.record for one in refused} == named
    shuffled = table.take(np.random.default_rng(4).permutation(640))
    assert len(find("series", shuffled, sample, time="at", key="who")) == len(found)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"time": "absent"}, {"time": "who"}, {"time": "at", "channels": ["z"]}, {"time": "at", "key": "z"}],
)
def test_a_series_that_is_none_is_left_alone(parameters: dict[str, Any]) -> None:
    """Where time, channel or source are not what the specification names, nothing is found, and nothing fails."""
    table = readings(0, 400, "p")
    assert find("series", table, table, **parameters) == []


def test_windows_shorter_than_a_minute_are_refused() -> None:
    """Over ten seconds forgeries cannot be told from chance: no specification may ask for it."""
    with pytest.raises(SpecificationError, match=r"checks\.series\.seconds: 10: give a number, 60 to 86400"):
        checks.find("series").settled({"seconds": 10})
