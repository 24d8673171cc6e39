"""The tool that runs the benchmarks: what it runs, and the page it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import measure

RESULT = {
    "figures": {
        "speed": {
            "value": 1234567.0,
            "unit": "records/s",
            "limit": 1000000,
            "against": "aim",
            "ratio": 1.23457,
            "target": 1.0,
            "better": "higher",
            "holds": True,
        },
        "missed": {
            "value": 3,
            "unit": "points",
            "peer": 2,
            "against": "another",
            "ratio": 1.5,
            "target": 1.0,
            "better": "lower",
            "holds": False,
        },
        "plain": {
            "value": 7,
            "unit": "gas",
            "against": "",
            "ratio": None,
            "target": None,
            "better": "lower",
            "holds": None,
        },
    },
    "seconds": 12.6,
    "seeds": 2,
    "machine": {"python": "3.11"},
}


def test_seeds_are_given_to_benchmarks_that_take_them() -> None:
    """Every benchmark that repeats itself by seeds is run with few of them, no other is given any, and none is named that is not there."""
    assert all((measure.seeds_of(name) or 1) <= 3 for name in measure.names())
    assert set(measure.SEEDS) <= {name for name in measure.names() if measure.seeds_of(name)}
    assert measure.seeds_of("gas") is None and measure.seeds_of("purchase") == measure.FEW


def test_the_table_says_what_holds_and_what_does_not() -> None:
    """A row has the figure, what it is held against, and yes or no; figures held against nothing leave that empty."""
    lines = measure.table({"labels": RESULT}).splitlines()
    assert (
        "| labels: speed | 1,234,567.0 records/s | limit 1,000,000 (aim) | 1.23457 | ≥ 1.0 | yes |" in lines
    )
    assert "| labels: missed | 3 points | peer 2 (another) | 1.5 | ≤ 1.0 | **no** |" in lines
    assert "| labels: plain | 7 gas | | | | |" in lines
    assert "| labels | 2 | 13 |" in lines


def test_the_page_keeps_what_people_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what lies between the marks is written; a page without them is refused."""
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{measure.BEGIN}\nstale\n{measure.END}\nafter\n")
    monkeypatch.setattr(measure, "PAGE", page)
    measure.write_page({"labels": RESULT})
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "stale" not in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        measure.write_page({"labels": RESULT})


def test_only_gas_is_kept_of_gas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot has the figures in gas, by name, and no others."""
    monkeypatch.setattr(measure, "SNAPSHOTS", tmp_path / "deep")
    measure.write_gas("gas", RESULT)
    assert json.loads((tmp_path / "deep" / "gas.json").read_text()) == {"plain": 7}


def test_unknown_benchmarks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no benchmark, or none at all, ends with 2 and the list of names, and runs nothing."""
    assert measure.main(["nothing"]) == measure.main([]) == 2
    assert "labels" in capsys.readouterr().err
