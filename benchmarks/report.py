"""What every benchmark says, and how: figures held against a peer or a limit, printed as one JSON object.

A benchmark is a module with `measure(options) -> list[Figure]` that ends with

    if __name__ == "__main__":
        main("loading", measure, seeds=3)

and is run alone by `python -m benchmarks.loading --json`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One measured number, and what it is held against.

    `peer` is what another system or the plain tools need in the same run, `limit` what may not be passed; at most one of them
    is given, in the unit of `value`, and `against` says in words what it is. `ratio` is value / (peer or limit); it holds when
    it lies on the side of `target` that `better` names.
    """

    name: str
    value: float
    unit: str
    peer: float | None = None
    limit: float | None = None
    against: str = ""
    target: float | None = 1.0
    better: Literal["lower", "higher"] = "lower"

    def __post_init__(self) -> None:
        if self.peer is not None and self.limit is not None:
            raise ValueError(f"{self.name}: give a peer or a limit, not both")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name}: {self.value} is no measurement")

    @property
    def ratio(self) -> float | None:
        """value / (peer or limit); None where the figure is held against nothing."""
        reference = self.peer if self.peer is not None else self.limit
        return self.value / reference if reference else None

    @property
    def holds(self) -> bool | None:
        """Whether the ratio meets the target; None where there is nothing to meet."""
        if self.ratio is None or self.target is None:
            return None
        return self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target

    def as_dict(self) -> dict[str, Any]:
        """Return the figure as JSON takes it, floats shortened to six digits."""
        held = {"peer": _short(self.peer)} if self.peer is not None else {"limit": _short(self.limit)}
        target = None if self.ratio is None else self.target
        return {
            "value": _short(self.value),
            "unit": self.unit,
            **held,
            "against": self.against,
            "ratio": _short(self.ratio),
            "target": target,
            "better": self.better,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Options:
    """What a run was asked for: how many seeds, and a folder of data where the benchmark takes one."""

    seeds: int
    data: Path | None


Measure = Callable[[Options], Sequence[Figure]]


def report(name: str, figures: Sequence[Figure], as_json: bool, seconds: float = 0.0) -> str:
    """Return the report of benchmark `name`: one JSON object, or lines to read. Raises ValueError if two figures share a name."""
    by_name = {figure.name: figure.as_dict() for figure in figures}
    if len(by_name) != len(figures):
        raise ValueError(f"{name}: two figures have one name")
    if as_json:
        return json.dumps(
            {"benchmark": name, "figures": by_name, "seconds": round(seconds, 1), "machine": machine()},
            indent=1,
        )
    return "\n".join(f"{name}: {_line(figure)}" for figure in figures)


def machine() -> dict[str, Any]:
    """Say what the figures were taken on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def main(name: str, measure: Measure, *, seeds: int | None = None, data: bool | None = False) -> None:
    """Run `measure` as a program: `--json`, `--seeds N` where `seeds` gives a default, `--data DIR` where `data` is asked for.

    `data` is True where the benchmark needs a folder, None where it can do without.

    Standard output has the report alone; whatever the measuring prints goes to standard error.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if seeds is not None:
        parser.add_argument(
            "--seeds", type=int, default=seeds, metavar="N", help=f"repeat with N seeds (default {seeds})"
        )
    if data is not False:
        parser.add_argument(
            "--data", type=Path, required=bool(data), metavar="DIR", help="folder of the data to measure on"
        )
    given = parser.parse_args()
    options = Options(seeds=getattr(given, "seeds", 1), data=getattr(given, "data", None))
    if options.seeds < 1:
        parser.error("--seeds: give 1 or more")
    if options.data is not None and not options.data.is_dir():
        parser.error(f"--data: {options.data}: give a folder that exists")
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        figures = measure(options)
    print(report(name, figures, given.json, time.perf_counter() - start))


def _line(figure: Figure) -> str:
    verdict = {True: "holds", False: "DOES NOT HOLD", None: ""}[figure.holds]
    if figure.ratio is None:
        return f"{figure.name} = {figure.value:,.6g} {figure.unit}"
    kind, reference = ("peer", figure.peer) if figure.peer is not None else ("limit", figure.limit)
    sign = "≤" if figure.better == "lower" else "≥"
    return (
        f"{figure.name} = {figure.value:,.6g} {figure.unit}, {kind} {reference:,.6g} ({figure.against}), "
        f"ratio {figure.ratio:.3g} (target {sign} {figure.target}) {verdict}"
    )


def _short(value: float | None) -> float | None:
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}")
