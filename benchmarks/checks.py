"""How fast is the whole check path, and how well are forged series of sensors told from clean ones?

`--data DIR`: series in the form of the Numenta anomaly benchmark, `DIR/*/*.csv` with timestamp,value and
`DIR/labels/combined_windows.json`; without it only made sensors are measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import _sensors as sensors
from benchmarks.report import Figure, Options, main
from sheaf.domain.canonical import record_digests
from sheaf.domain.request import CheckUse
from sheaf.formats import schema
from sheaf.verification.batch import Batch, Commitment, Earlier, Standing
from sheaf.verification.checks.near_duplicates import travelling_of
from sheaf.verification.fingerprints import ExactIndex
from sheaf.verification.near import NearIndex, Sketch
from sheaf.verification.novelty import Manifold
from sheaf.verification.pipeline import Pipeline
from sheaf.verification.series import profile
from sheaf.verification.series.windows import Series, samples_in, starts

RECORDS = 16_384
SECONDS = (10.0, 60.0)
LENGTH = 2400.0
NUMERIC: dict[str, dict[str, object]] = {
    "ranges": {"units": {"x0": "celsius"}},
    "near_duplicates": {"kind": "table", "scales": {f"x{i}": 1.0 for i in range(7)}},
}
TEXT: dict[str, dict[str, object]] = {"near_duplicates": {"kind": "text"}, "personal_data": {}}
BASELINE = 0.989
EARLIER, EARLIER_RECORDS = 2_000, 128
"""Submissions with sketches that were given before, and records of each."""
LIMITS = {"numeric": 150_000.0, "text": 25_000.0}


def measure(options: Options) -> list[Figure]:
    """Measure speed on made records, then detection over `seeds` made worlds, then the series of `--data`."""
    figures = [*_speed("numeric", _numbers(), NUMERIC), *_speed("text", _texts(), TEXT)]
    figures += _novelty(options.seeds)
    figures += _detection(options.seeds)
    if options.data is not None:
        figures += _real(options.data, options.seeds)
    return figures


def _numbers() -> tuple[pa.Table, dict[str, object]]:
    """Return records of seven numbers and a label with their schema: none breaks it, one in a hundred is a copy."""
    random = np.random.default_rng(1)
    names = [f"x{i}" for i in range(7)]
    columns = {name: np.round(random.normal(20, 5, RECORDS), 3) for name in names}
    for column in columns.values():
        column[::100] = column[0]
    properties: dict[str, object] = {
        name: {"type": "number", "minimum": -273.15, "maximum": 1000} for name in names
    }
    properties["y"] = {"type": "integer", "minimum": 0, "maximum": 9}
    table = pa.table({**columns, "y": np.arange(RECORDS) % 10})
    return table, {"type": "object", "required": [*names, "y"], "properties": properties}


def _texts() -> tuple[pa.Table, dict[str, object]]:
    """Return sentences of about 100 characters, of made words as frequent as Zipf 1935 has it, with a label."""
    random = np.random.default_rng(2)
    parts = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(random.choice(parts, random.integers(1, 5))) for _ in range(5000)]
    shares = 1 / np.arange(1, 5001)
    drawn = random.choice(5000, (RECORDS, 18), p=shares / shares.sum())
    rows = [" ".join(words[i] for i in row) + "." for row in drawn.tolist()]
    properties = {
        "x": {"type": "string", "minLength": 1, "maxLength": 1000},
        "y": {"type": "string", "enum": ["a", "b"]},
    }
    return pa.table({"x": rows, "y": ["a", "b"] * (RECORDS // 2)}), {
        "type": "object",
        "required": ["x", "y"],
        "properties": properties,
    }


def _speed(
    kind: str, made: tuple[pa.Table, dict[str, object]], extra: Mapping[str, Mapping[str, object]]
) -> Iterator[Figure]:
    """Yield records a second of one core: digests, schema, exact duplicates against a million records, and the checks in `extra`."""
    table, document = made
    compiled, index = schema.compile(document), ExactIndex()
    random = np.random.default_rng(3)
    for number in range(1, 62):
        index.add(random.bytes(32 * RECORDS), number)
    everything = Standing(1, np.ones(RECORDS, dtype=np.bool_))
    uses = {name: CheckUse(name, parameters=dict(given)) for name, given in extra.items()}
    wide = CheckUse("near_duplicates", parameters={**extra["near_duplicates"], "scope": "market"})
    before = _sketches(wide, table)

    def path(names: tuple[str, ...], is_wide: bool = False) -> float:
        asked = {**uses, "near_duplicates": wide} if is_wide else uses
        pipeline = Pipeline((CheckUse("duplicates"), *(asked[name] for name in names)))
        start = time.process_time()
        digests = record_digests(table)
        committed = Commitment(b"", "", b"")
        batch = Batch(
            100,
            1,
            RECORDS,
            table,
            digests,
            compiled,
            committed,
            committed,
            Earlier(index, lambda n: everything, lambda kind: before),
        )
        pipeline.run(batch)
        return time.process_time() - start

    def rate(names: tuple[str, ...], is_wide: bool = False) -> float:
        path(names, is_wide)
        return RECORDS / min(path(names, is_wide) for _ in range(3))

    against = "aim, records a second and core"
    yield Figure(
        f"{kind}: whole path",
        rate(tuple(extra)),
        "records/s",
        limit=LIMITS[kind],
        against=against,
        better="higher",
    )
    yield Figure(
        f"{kind}: whole path, near copies of {EARLIER * EARLIER_RECORDS:,} records of {EARLIER:,} earlier submissions too",
        rate(tuple(extra), is_wide=True),
        "records/s",
        limit=LIMITS[kind],
        against=against,
        better="higher",
    )
    yield Figure(f"{kind}: digests, schema, exact duplicates", rate(()), "records/s")
    for name in extra:
        yield Figure(f"{kind}: the same and {name}", rate((name,)), "records/s")


def _sketches(use: CheckUse, table: pa.Table) -> NearIndex:
    """Return an index of sketches of many submissions: the first holds some of `table`, the others are random."""
    kind = travelling_of((use,), table)
    assert kind is not None
    random, index = np.random.default_rng(4), NearIndex(kind)
    index.add(kind.sketch(table.slice(0, EARLIER_RECORDS)), 1)
    for number in range(2, EARLIER + 1):
        keys = random.integers(0, 2**32, (EARLIER_RECORDS, kind.bands), np.uint32)
        signature = random.integers(0, 256, (EARLIER_RECORDS, kind.width), np.uint8)
        index.add(Sketch(np.ones(EARLIER_RECORDS, np.bool_), keys, signature), number)
    return index


def _novelty(seeds: int) -> Iterator[Figure]:
    """Yield how records whose fields were shuffled each by itself, so that every value is usual, are told from real ones."""
    from sklearn.datasets import load_breast_cancer, load_digits

    for name, load in (("cancer", load_breast_cancer), ("digits", load_digits)):
        values = load().data
        areas, found, false = [], [], []
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            order = random.permutation(len(values))[:750]
            shuffled = random.permuted(values[order[250:]], axis=0)
            manifold = Manifold(_table(values[order[:250]]))
            clean, garbage = manifold(_table(values[order[250:]])), manifold(_table(shuffled))
            areas.append(_auc(clean, garbage))
            found.append(float((garbage > 1).mean()))
            false.append(float((clean > 1).mean()))
        yield Figure(f"novelty, {name}: shuffled fields, AUC, median", median(areas), "AUC")
        yield Figure(f"novelty, {name}: shuffled fields, AUC, worst", min(areas), "AUC")
        yield Figure(f"novelty, {name}: pointed at", median(found), "share")
        yield Figure(f"novelty, {name}: false alarms, worst", max(false), "share")


def _table(values: NDArray[np.float64]) -> pa.Table:
    return pa.table({f"x{i}": column for i, column in enumerate(values.T)})


def _auc(clean: NDArray[np.float64], forged: NDArray[np.float64]) -> float:
    """Return the chance that a forged window is farther off than a clean one, ties counting half (Mann and Whitney 1947)."""
    order = np.sort(clean)
    below = np.searchsorted(order, forged, "left") + np.searchsorted(order, forged, "right")
    return float(below.mean() / (2 * len(clean)))


def _forge(
    clean: Series, test: Series, other: Series, seconds: float, random: np.random.Generator
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return the distances of the clean windows of `test`, and of every third of its later windows forged in each way."""
    learnt = profile.learn(clean, seconds)
    samples = samples_in(test, seconds)
    at = starts(test, samples)
    some = np.arange(len(at) // 3, len(at) - 1, 3)
    found = {}
    for kind in sensors.FORGERIES:
        forged = sensors.forged(kind, test, at[some], samples, other, random)
        if forged is not None:
            found[kind] = learnt.score(forged).worst[some]
    return learnt.score(test).worst, found


def _detection(seeds: int) -> Iterator[Figure]:
    """Yield for each made world and length of window the area under the curve of every forgery, and false positives."""
    for name, world in sensors.WORLDS.items():
        for seconds in SECONDS:
            areas: dict[str, list[float]] = {}
            recalls: dict[str, list[float]] = {}
            false = []
            for seed in range(seeds):
                random = np.random.default_rng(seed)
                given, test, other = (world(LENGTH, random) for _ in range(3))
                clean, forged = _forge(given, test, other, seconds, random)
                false.append(float((clean > 1).mean()))
                for kind, worst in forged.items():
                    areas.setdefault(kind, []).append(_auc(clean, worst))
                    recalls.setdefault(kind, []).append(float((worst > 1).mean()))
            yield from _figures(f"{name}, {seconds:g} s", areas, recalls, false)


def _figures(
    where: str, areas: dict[str, list[float]], recalls: dict[str, list[float]], false: list[float]
) -> Iterator[Figure]:
    for kind, found in areas.items():
        limit = BASELINE if kind == "other place" and where.endswith(" 60 s") else None
        against = "known baseline of cross-sensor forgery over 60 s" if limit else ""
        yield Figure(
            f"{where}: {kind}, AUC, median",
            median(found),
            "AUC",
            limit=limit,
            against=against,
            better="higher",
        )
        yield Figure(f"{where}: {kind}, AUC, worst", min(found), "AUC")
        yield Figure(f"{where}: {kind}, found at the level of alarm", median(recalls[kind]), "share")
    yield Figure(f"{where}: false alarms, median", median(false), "share")
    yield Figure(f"{where}: false alarms, worst", max(false), "share")


def _real(folder: Path, seeds: int) -> Iterator[Figure]:
    """Yield detection on real series, and how many of the windows that people marked are pointed at."""
    areas: dict[str, list[float]] = {}
    recalls: dict[str, list[float]] = {}
    false, marked, hit, alarms, outside = [], 0, 0, 0, 0
    for series, spans in sensors.labelled(folder).values():
        quiet = _without(series, spans)
        if (halves := _halves(quiet)) is not None:
            for seed in range(seeds):
                random = np.random.default_rng(seed)
                clean, forged = _forge(halves[0], halves[1], halves[1], 60.0, random)
                false.append(float((clean > 1).mean()))
                for kind, worst in forged.items():
                    areas.setdefault(kind, []).append(_auc(clean, worst))
                    recalls.setdefault(kind, []).append(float((worst > 1).mean()))
        found = _pointed_at(series, spans)
        marked, hit, alarms, outside = (
            marked + len(spans),
            hit + found[0],
            alarms + found[1],
            outside + found[2],
        )
    yield from _figures(f"real, {len(false) // seeds} series", areas, recalls, false)
    yield Figure("real: spans that people marked, pointed at", hit, f"of {marked}")
    yield Figure("real: windows outside of them pointed at", alarms / max(1, outside), "share")


def _without(series: Series, spans: list[tuple[float, float]]) -> Series:
    """Return a series with the marked spans missing."""
    within = np.zeros(len(series), dtype=np.bool_)
    for begin, end in spans:
        within |= (series.seconds >= begin) & (series.seconds <= end)
    return Series(series.seconds[~within], series.values[~within], series.names)


def _halves(series: Series) -> tuple[Series, Series] | None:
    """Return the first and the second half, None where they are too short to learn and to be scored."""
    samples, middle = samples_in(series, 60.0), len(series) // 2
    if middle < 12 * samples:
        return None
    return sensors.part(series, 0, middle), sensors.part(series, middle, len(series) - middle)


def _pointed_at(series: Series, spans: list[tuple[float, float]]) -> tuple[int, int, int]:
    """Return how many spans hold a window that stands out among all of the series, and of the windows outside how many do, and all."""
    found = profile.learn(series, 60.0, is_clean=False).score(series)
    begins, ends = series.seconds[found.starts], series.seconds[found.starts + found.samples - 1]
    is_alarm, is_outside = found.worst > 1, np.ones(len(begins), dtype=np.bool_)
    hits = 0
    for begin, end in spans:
        touches = (ends >= begin) & (begins <= end)
        is_outside &= ~touches
        hits += bool((is_alarm & touches).any())
    return hits, int((is_alarm & is_outside).sum()), int(is_outside.sum())


if __name__ == "__main__":
    main("checks", measure, seeds=10, data=None)
