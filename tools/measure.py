"""Run the benchmarks and write down what they say.

    python -m tools.measure all           every benchmark, few seeds: benchmarks/results.json and the tables of docs/benchmarks.md
    python -m tools.measure NAME [NAME…]  some of them: their part of the results, and the table again
    python -m tools.measure gas           the same; what it and registry_gas say of gas is kept in snapshots/

Each benchmark runs in a process of its own, so that the memory and the caches of one do not colour the next.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
SNAPSHOTS = ROOT / "snapshots"
FEW = 1
SEEDS = {
    "attacks": 2,
    "calibration": 3,
    "fingerprints": 3,
    "judges": 3,
    "labels": 2,
    "rings": 2,
    "spammers": 2,
    "valuation": 2,
}
"""Seeds of those that repeat themselves, else FEW: so that all end in well under an hour. docs/quality.md has the runs of ten."""
TAKES_SEEDS = re.compile(r"^    main\(.*seeds=", re.MULTILINE)
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"


def names() -> list[str]:
    """Return the benchmarks: the modules of the folder that are neither private nor the report."""
    return sorted(
        p.stem for p in (ROOT / "benchmarks").glob("*.py") if p.stem != "report" and p.stem[0] != "_"
    )


def seeds_of(name: str) -> int | None:
    """Return how many seeds a benchmark is run with; None for one that takes none."""
    source = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    return SEEDS.get(name, FEW) if TAKES_SEEDS.search(source) else None


def run(name: str) -> dict[str, Any]:
    """Run one benchmark and return its report. Raises CalledProcessError if it fails."""
    print(f"benchmarks.{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    if seeds := seeds_of(name):
        command += ["--seeds", str(seeds)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"seeds": seeds_of(name)}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the Markdown tables: of all figures, and of how long each benchmark took with how many seeds."""
    lines = ["| figure | value | held against | ratio | target | holds |", "|---|---:|---|---:|---:|---|"]
    for name, result in sorted(results.items()):
        lines += [_row(f"{name}: {figure}", stated) for figure, stated in result["figures"].items()]
    lines += ["", "| benchmark | seeds | seconds |", "|---|---:|---:|"]
    lines += [
        f"| {name} | {result.get('seeds') or ''} | {round(result['seconds'])} |"
        for name, result in sorted(results.items())
    ]
    machine = next(iter(results.values()))["machine"] if results else {}
    lines += ["", "Taken on " + ", ".join(f"{value} {key}" for key, value in machine.items()) + "."]
    return "\n".join(lines)


def write_page(results: dict[str, dict[str, Any]]) -> None:
    """Put the table between its marks in docs/benchmarks.md. Raises ValueError if the marks are not there."""
    before, mark, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{PAGE}: the marks of the table are gone")
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n\n{END}{after}")


def write_gas(name: str, result: dict[str, Any]) -> None:
    """Write what each call and each record costs to the benchmark's snapshot."""
    kept = {figure: said["value"] for figure, said in result["figures"].items() if "gas" in said["unit"]}
    SNAPSHOTS.mkdir(exist_ok=True)
    (SNAPSHOTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def main(arguments: list[str]) -> int:
    """Run the tool; return the exit status: 1 if a benchmark failed, whether its figures hold or not."""
    wanted = names() if arguments == ["all"] else arguments
    if not wanted or set(wanted) - set(names()):
        print(f"usage: python -m tools.measure all | NAME…, of {', '.join(names())}", file=sys.stderr)
        return 2
    former = json.loads(RESULTS.read_text()) if RESULTS.exists() and arguments != ["all"] else {}
    results = {name: result for name, result in former.items() if name in names()}
    failed = []
    for name in wanted:
        try:
            results[name] = run(name)
        except subprocess.CalledProcessError as error:
            failed.append(f"benchmarks.{name}: ended with {error.returncode}")
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    write_page(results)
    for name in {"gas", "registry_gas"} & set(results):
        write_gas(name, results[name])
    for sentence in failed:
        print(sentence, file=sys.stderr)
    return 1 if failed else 0


def _row(name: str, stated: dict[str, Any]) -> str:
    kind = "peer" if stated.get("peer") is not None else "limit"
    reference = stated.get(kind)
    value = f"{stated['value']:,} {stated['unit']}"
    if reference is None:
        return f"| {name} | {value} | | | | |"
    sign = "≤" if stated["better"] == "lower" else "≥"
    verdict = {True: "yes", False: "**no**", None: ""}[stated["holds"]]
    target = "" if stated["target"] is None else f"{sign} {stated['target']}"
    return f"| {name} | {value} | {kind} {reference:,} ({stated['against']}) | {stated['ratio']} | {target} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
