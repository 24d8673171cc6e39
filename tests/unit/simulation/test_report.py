"""Sweeps, charts and pages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from sheaf.domain.errors import InputError
from sheaf.simulation.charts import HEIGHT, WIDTH, Dot, chart
from sheaf.simulation.report import drawn, page, write
from sheaf.simulation.run import Scenario, Summary
from sheaf.simulation.sweep import Sweep, parse, sweep, varied
from sheaf.simulation.world import Economy

QUIET = Economy(records=4, validators=5, skill=1.0, gold_share=0.0, parameters=())
SMALL = Scenario(["wash-trader"], rounds=1, honest_sellers=0, economy=QUIET)


@pytest.fixture(scope="module")
def found() -> list[tuple[float, Summary]]:
    return sweep(SMALL, parse("fee-bps=100,800"), [1])


def test_a_sweep_changes_one_number(found: list[tuple[float, Summary]]) -> None:
    """A wash trader's loss grows with the fee, and nothing else does."""
    lost = [summary.attackers["wash trader"].mean for _, summary in found]
    assert lost == pytest.approx([-4 * (0.01 + 0.025), -4 * (0.08 + 0.025)])


def test_parameters_and_strength_can_be_varied() -> None:
    """A parameter of the market replaces an earlier value of it, and attackers have a number."""
    twice = varied(varied(SMALL, "bond_percent", 30), "bond_percent", 40)
    assert twice.economy.parameters == (("bond_percent", 40),)
    assert varied(SMALL, "attackers", 3.0).strength == 3
    assert varied(SMALL, "skill", 0.9).economy.skill == 0.9


@pytest.mark.parametrize(
    "text", ["", "luck=1", "price", "price=", "price=x", "price=nan", "price=-1", "skill=2", "records=1.5", "price=1,,2",
             "attackers=0", "bond_percent=1e400", "price=" + ",".join(["1"] * 51)],
)  # fmt: skip
def test_what_cannot_be_varied_is_refused(text: str) -> None:
    """Unknown names, no values, values that are no numbers or out of bounds."""
    with pytest.raises(InputError):
        parse(text)


def test_a_chart_is_a_png_with_ink() -> None:
    """The picture has its size, and every line's colour is in it; without a dot there is none."""
    lines = {"up": [Dot(1, 1, 0, 2), Dot(2, 3, 2, 4)], "flat": [Dot(1, -1, -1, -1)]}
    picture = Image.open(io.BytesIO(chart("title", "x", "y", lines))).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    colours = {colour for _, colour in picture.getcolors(1 << 20) or []}
    assert {(0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)} <= colours
    with pytest.raises(ValueError, match="no dots"):
        chart("title", "x", "y", {"none": []})


def test_a_page_stands_alone(tmp_path: Path, found: list[tuple[float, Summary]]) -> None:
    """The page names no other file, escapes what it shows, and lies beside its charts; a folder that is a file is refused."""
    charts = drawn(Sweep("fee_bps", (100, 800)), found, "wash")
    text = page("a <b> & c", {"first": found[0][1]}, charts)
    assert "<b>" not in text and "wash trader" in text and "http" not in text
    assert text.count("data:image/png;base64,") == len(charts) == 2
    assert [path.name for path in write(tmp_path / "out", text, charts)] == ["index.html", *charts]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="out"):
        write(tmp_path / "file", text, {})
