"""Figures are held against what they name, and standard output has the report alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import Figure, report


@pytest.mark.parametrize(
    ("figure", "ratio", "holds"),
    [
        (Figure("a", 3, "gas", peer=4, target=0.75), 0.75, True),
        (Figure("a", 3, "gas", peer=4, target=0.74), 0.75, False),
        (Figure("a", 3, "rows/s", limit=4, target=0.75, better="higher"), 0.75, True),
        (Figure("a", 3, "rows/s", limit=4, target=0.76, better="higher"), 0.75, False),
        (Figure("a", 3, "gas"), None, None),
    ],
)
def test_figure_is_held_against_its_reference(
    figure: Figure, ratio: float | None, holds: bool | None
) -> None:
    """The ratio is value over reference, and the side of the target that is better decides whether it holds."""
    assert (figure.ratio, figure.holds) == (ratio, holds)


def test_figure_refuses_two_references() -> None:
    """A figure held against both a peer and a limit says nothing clear, and is refused."""
    with pytest.raises(ValueError, match="not both"):
        Figure("a", 1, "gas", peer=1, limit=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_figure_refuses_what_is_no_number(value: float) -> None:
    """A measurement that is not finite is refused, as JSON could not say it."""
    with pytest.raises(ValueError, match="no measurement"):
        Figure("a", value, "gas")


def test_report_refuses_figures_of_one_name() -> None:
    """Two figures of one name would hide one of them."""
    with pytest.raises(ValueError, match="one name"):
        report("x", [Figure("a", 1, "gas"), Figure("a", 2, "gas")], as_json=True)


def test_report_has_what_readers_ask_for() -> None:
    """Each figure has value, unit, its peer or limit, ratio, target and whether it holds."""
    figures = json.loads(report("x", [Figure("a", 1, "gas", limit=2, against="a rule")], as_json=True))[
        "figures"
    ]
    assert figures["a"] == {
        "value": 1,
        "unit": "gas",
        "limit": 2,
        "against": "a rule",
        "ratio": 0.5,
        "target": 1.0,
        "better": "lower",
        "holds": True,
    }


def test_standard_output_is_one_json_object(tmp_path: Path) -> None:
    """What the measuring itself prints goes elsewhere: standard output parses as one JSON object."""
    program = tmp_path / "noisy.py"
    program.write_text(
        "from benchmarks.report import Figure, main\n"
        "def measure(options):\n"
        "    print('noise')\n"
        "    return [Figure('seeds', options.seeds, 'seeds')]\n"
        "main('noisy', measure, seeds=2)\n"
    )
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, str(program), "--json", "--seeds", "3"]
    done = subprocess.run(command, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["figures"]["seeds"]["value"] == 3
    assert "noise" in done.stderr
