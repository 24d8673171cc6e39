"""Reports: what runs and sweeps found, as one HTML page that needs nothing beside it, and the charts as PNG files."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError
from sheaf.simulation.charts import Dot, chart

if TYPE_CHECKING:
    from sheaf.simulation.measures import Interval
    from sheaf.simulation.run import Summary
    from sheaf.simulation.sweep import Sweep

HEADS = ("who", "return", "from", "to", "better than honest", "from", "to")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; } img { max-width: 100%; height: auto; } .bad { color: #b00020; }
"""


def rows(found: Summary) -> Iterator[tuple[str, ...]]:
    """Return the cells of every row about returns and gains: who attacks first, then who is honest."""
    for habit, one in found.attackers.items():
        yield habit, *_cells(one), *_cells(found.gains[habit])
    for habit, one in found.honest.items():
        yield habit, *_cells(one), "", "", ""


def facts(found: Summary) -> Iterator[tuple[str, str]]:
    """Return what is said of the market, by name."""
    yield "worlds", str(found.seeds)
    yield "right and no copies, of what was bought", f"{found.precision.mean:.4f}"
    yield "bought, of what was right and no copy", f"{found.recall.mean:.4f}"
    yield "right records of honest sellers rejected", f"{found.slashed:.6f}"
    yield "honest validators jailed", str(found.jailed)
    yield "honest validators slashed by a ruling", str(found.by_reversal)
    yield "fees paid, tokens a world", f"{found.fees.mean:.2f}"
    yield "locked by validators, tokens a submission", f"{found.at_stake.mean:.0f}"
    yield "taken from the stake of honest validators, tokens a world", f"{found.lost.mean:.2f}"
    yield "gas a world", f"{found.gas.mean:,.0f}"
    yield "from submission to settlement, seconds of a local market", f"{found.seconds.mean:.0f}"


def drawn(what: Sweep, points: Sequence[tuple[float, Summary]], title: str) -> dict[str, bytes]:
    """Return the charts of a sweep as PNG, by file name: what everybody gets, and what was bought."""
    money: dict[str, list[Dot]] = {}
    quality: dict[str, list[Dot]] = {"precision": [], "recall": []}
    for value, found in points:
        for habit, one in found.gains.items():
            money.setdefault(f"{habit}: gain", []).append(_dot(value, one))
        for habit, one in found.honest.items():
            money.setdefault(habit, []).append(_dot(value, one))
        quality["precision"].append(_dot(value, found.precision))
        quality["recall"].append(_dot(value, found.recall))
    name = what.name.replace("_", "-")
    return {
        f"{name}-money.png": chart(title, what.name, "tokens a world, 95 % intervals", money),
        f"{name}-quality.png": chart(title, what.name, "share, 95 % intervals", quality),
    }


def page(title: str, runs: Mapping[str, Summary], charts: Mapping[str, bytes]) -> str:
    """Return one self-contained HTML page about runs by name, with charts inside."""
    parts = [f"<h1>{escape(title)}</h1>"]
    for name, found in runs.items():
        parts.append(f"<h2>{escape(name)}</h2>")
        parts.append(_table(HEADS, rows(found)))
        parts.append(_table(("market", ""), facts(found)))
    for name, data in charts.items():
        source = base64.b64encode(data).decode()
        parts.append(
            f'<h2>{escape(name)}</h2><img alt="{escape(name)}" src="data:image/png;base64,{source}">'
        )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def write(directory: Path, text: str, charts: Mapping[str, bytes]) -> list[Path]:
    """Write `index.html` and the charts into a folder; return the files. Raises InputError where that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        written = [directory / "index.html"]
        written[0].write_text(text, encoding="utf-8")
        for name, data in charts.items():
            written.append(directory / name)
            written[-1].write_bytes(data)
    except OSError as fault:
        raise InputError("out", directory, f"name a folder that can be written ({fault.strerror})") from None
    return written


def _table(heads: Sequence[str], lines: Iterator[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cells(one: Interval) -> tuple[str, str, str]:
    return f"{one.mean:.2f}", f"{one.low:.2f}", f"{one.high:.2f}"


def _dot(value: float, one: Interval) -> Dot:
    return Dot(value, one.mean, one.low, one.high)
