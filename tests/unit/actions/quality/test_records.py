"""Files of records and readings, judged without a market."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from sheaf.actions.quality.records import record_quality
from sheaf.actions.quality.series import series_quality
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError
from sheaf.domain.request import CheckUse, Specification
from sheaf.verification import checks

SCHEMA = {
    "type": "object",
    "required": ["t", "label"],
    "properties": {"t": {"type": "number", "maximum": 500}, "label": {"type": "string"}},
}


def wanted(*uses: CheckUse) -> Specification:
    return Specification(title="heat", schema=SCHEMA, licence="CC0-1.0", label="label", checks=uses)


def write(path: Path, t: list[float], label: str = "a") -> Path:
    pl.DataFrame({"t": t, "label": [label] * len(t)}).write_csv(path)
    return path


def test_a_file_gets_the_evidence_a_submission_would(tmp_path: Path) -> None:
    """What refuses and what only points are told apart, reason by reason, and every finding is kept."""
    sample = write(tmp_path / "good.csv", np.linspace(15, 25, 60).round(2).tolist())
    file = write(tmp_path / "offer.csv", [20.5, 20.5, 70.0, -300.0, 900.0, 19.0])
    uses = (
        CheckUse("duplicates"),
        CheckUse("ranges", parameters={"units": {"t": "celsius"}}),
        CheckUse("novelty"),
    )
    found = record_quality(file, wanted(*uses), sample)
    assert (found.records, found.refused, found.advised) == (6, 3, 1)
    counts = {row.code: (row.records, row.refused) for row in found.reasons}
    assert counts == {
        "duplicates.submission": (1, 1),
        "schema.maximum": (1, 1),
        "ranges.impossible": (1, 1),
        "ranges.unit": (1, 0),
        "novelty.unlike": (3, 0),
    }
    assert [row.refused for row in found.reasons] == sorted((r.refused for r in found.reasons), reverse=True)
    assert [run.name for run in found.checks] == ["duplicates", "ranges", "novelty"]
    assert sum(run.findings for run in found.checks) == len(found.findings) - 1  # and one of the schema


def test_without_a_specification_every_check_is_run(tmp_path: Path) -> None:
    """All checks of the registry take part by their defaults; those that lack something say so."""
    found = record_quality(write(tmp_path / "offer.csv", [1.0, 2.0, 2.0]))
    assert [run.name for run in found.checks] == [check.name for check in checks.known()]
    assert {run.name for run in found.checks if run.needs} >= {"novelty", "series"}
    assert "duplicates.submission" in {row.code for row in found.reasons}


def test_an_index_remembers_files(tmp_path: Path) -> None:
    """What was in a file before is a duplicate in the next; the same file again is none of itself."""
    index = tmp_path / "index"
    one, two = write(tmp_path / "one.csv", [1.0, 2.0]), write(tmp_path / "two.csv", [2.0, 3.0])
    uses = wanted(CheckUse("duplicates"))
    assert record_quality(one, uses, index=index).refused == 0
    found = record_quality(two, uses, index=index)
    assert [(f.record, f.code) for f in found.findings] == [(0, "duplicates.request")]
    assert record_quality(one, uses, index=index).refused <= 1
    assert record_quality(two, uses).refused == 0


def test_an_index_remembers_what_is_almost_the_same(tmp_path: Path) -> None:
    """A row within the tolerance of one in an earlier file, or a text with a word more, falls by the whole check path."""
    index, scales = tmp_path / "index", {"kind": "table", "scales": {"t": 100.0}, "fields": ["t"]}
    one, two = write(tmp_path / "one.csv", [1.0, 20.0]), write(tmp_path / "two.csv", [20.5, 300.0])
    uses = wanted(CheckUse("near_duplicates", parameters=scales))
    assert record_quality(one, uses, index=index).refused == 0
    found = record_quality(two, uses, index=index)
    assert [(f.record, f.code) for f in found.findings] == [(0, "near_duplicates.request")]
    assert record_quality(two, uses, index=index).refused == 1  # of the other file, and none of itself
    assert record_quality(two, uses).refused == 0
    said = "the quick brown fox jumps over the lazy dog by the river bank at dawn"
    for name, text, refused in (("a", said, 0), ("b", said + " today", 1)):
        file = tmp_path / f"{name}.jsonl"
        file.write_text(json.dumps({"said": text}) + "\n")
        assert record_quality(file, index=tmp_path / "texts").refused == refused


def meters(path: Path, seed: int, n: int = 1200) -> tuple[Path, pl.DataFrame]:
    random = np.random.default_rng(seed)
    true = np.convolve(random.normal(size=n + 19), np.ones(20) / 5, "valid")
    frame = pl.DataFrame(
        {
            "at": np.arange(n) * 2.0,
            "a": true + random.normal(0, 0.02, n),
            "b": 3 - 2 * true + random.normal(0, 0.02, n),
        }
    )
    frame.write_parquet(path)
    return path, frame


def test_a_stuck_stretch_is_found_in_a_file(tmp_path: Path) -> None:
    """The windows named are those that were forged, by rows of the file, with their channel."""
    clean, _ = meters(tmp_path / "clean.parquet", 0)
    file, frame = meters(tmp_path / "given.parquet", 1)
    stuck = frame["b"].to_numpy().copy()
    stuck[640:704] = stuck[640]
    frame.with_columns(pl.Series("b", stuck)).write_parquet(file)
    found = series_quality(file, clean, "at")
    assert found.is_calibrated and found.related == ["a", "b"] and found.looked_at == 38
    assert {(one.first, one.last) for one in found.windows[:2]} == {(640, 671), (672, 703)}
    assert found.windows[0].channel == "b" and found.windows[0].ratio > 1
    alone = series_quality(file, time="at")
    assert not alone.is_calibrated and {640, 672} & {one.first for one in alone.windows}


def test_files_that_are_no_series_are_refused(tmp_path: Path) -> None:
    """No column of time, none of that name, too few readings, windows of no length, nothing to read."""
    file, _ = meters(tmp_path / "given.parquet", 1, 100)
    for arguments, message in (
        ({}, "time: 0 columns of times"),
        ({"time": "z"}, "time: z: name one of at, a, b"),
        ({"time": "at"}, "give at least 10 windows"),
        ({"time": "at", "channels": ["z"]}, "channels: z"),
        ({"time": "at", "seconds": 0.0}, "seconds: 0.0"),
        ({"time": "at", "seconds": float("nan")}, "seconds: nan"),
    ):
        with pytest.raises(InputError, match=message):
            series_quality(file, **arguments)
    with pytest.raises(RecordError):
        series_quality(tmp_path / "absent.csv")


def test_the_commands_say_it_in_words_and_as_json(tmp_path: Path) -> None:
    """`sheaf quality records` and `sheaf quality series` print a summary, and everything under --json."""
    runner = CliRunner()
    offer = write(tmp_path / "offer.csv", [1.0, 1.0])
    told = runner.invoke(app, ["quality", "records", str(offer)], catch_exceptions=False)
    assert "2 records: 1 refused" in told.output and "says nothing without a sample" in told.output
    told = runner.invoke(app, ["quality", "records", str(offer), "--json"], catch_exceptions=False)
    assert json.loads(told.stdout)["refused"] == 1
    file, _ = meters(tmp_path / "given.parquet", 1)
    told = runner.invoke(app, ["quality", "series", str(file), "--time", "at"], catch_exceptions=False)
    assert "1,200 readings of 2 channels, 38 windows of 32 readings" in told.output
    told = runner.invoke(
        app, ["quality", "series", str(file), "--time", "at", "--json"], catch_exceptions=False
    )
    assert json.loads(told.stdout)["related"] == ["a", "b"]
