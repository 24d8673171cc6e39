"""Federated training of digits among four owners, each a process, beside training on all records in one place, and beside no secrecy.

The same network (one hidden layer), the same steps, everything over real connections. *Central* takes the steps in one process until
its held-out accuracy reaches 96 %; *federated* is the time from the first round to
the first whose model reaches the same. *Plain* sends changes unmasked over the same connections: secrecy is the ratio of a round's
median time. Starting processes and reading records is not counted on either side.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks import _owners
from benchmarks.report import Figure, Options, main
from sheaf.actions.train import coordinate, show_identity
from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.learner import first_model, read_learner
from sheaf.actions.train.plan import Plan, read_plan
from sheaf.sandbox.federated.connection import Letter
from sheaf.sandbox.federated.hall import Hall

NAMES = ("north", "east", "south", "west")
AIMED, ROUNDS = 0.96, 40
TERMS: dict[str, Any] = {
    "name": "digits", "label": "label", "features": 64, "classes": 10, "hidden": 128, "scale": 16.0, "rounds": ROUNDS, "minimum": 3,
    "local_steps": 20, "rate": 0.5, "clip": 5.0,
}  # fmt: skip


def measure(options: Options) -> list[Figure]:
    """Return ratios, the median and the worst of seeds."""
    over_central, over_plain, accuracies, rounds = [], [], [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            plan, path = written(Path(folder), seed)
            secure, reached, accuracy = federated(plan, path)
            central = centrally(plan, path.parent)
            plain = plainly(plan, path)
        over_central.append(reached / central)
        over_plain.append(secure / plain)
        accuracies.append(accuracy)
        rounds.append(secure * 1e3)
    return [
        Figure("federated over central, median", float(np.median(over_central)), "×", limit=2.0, against="time to the same accuracy"),
        Figure("federated over central, worst", float(np.max(over_central)), "×", limit=2.0, against="time to the same accuracy"),
        Figure("secure over plain round, median", float(np.median(over_plain)), "×", limit=1.3, against="same transport, no masks"),
        Figure("secure over plain round, worst", float(np.max(over_plain)), "×", limit=1.3, against="same transport, no masks"),
        Figure("secure round, median", float(np.median(rounds)), "ms"),
        Figure("final accuracy, median", float(np.median(accuracies)), ""),
    ]  # fmt: skip


def written(folder: Path, seed: int) -> tuple[Plan, Path]:
    """Write each owner's quarter of the training digits, the held-out ones, and the plan; return the plan and its file."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    train, held, of_train, of_held = train_test_split(
        pixels, labels, test_size=0.25, random_state=seed, stratify=labels
    )
    for name, rows in zip(NAMES, np.array_split(np.arange(len(train)), len(NAMES)), strict=True):
        put(folder / f"{name}.csv", train[rows], of_train[rows])
    put(folder / "all.csv", train, of_train)
    put(folder / "held_out.csv", held, of_held)
    keys = {name: show_identity(folder / name) for name in ("coordinator", *NAMES)}
    owners = [{"name": name, "key": keys[name]} for name in NAMES]
    plan = read_plan(TERMS | {"coordinator": keys["coordinator"], "owners": owners})
    lines = [
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
        for name, value in TERMS.items()
    ]
    lines.append(f'coordinator = "{keys["coordinator"]}"')
    for owner in owners:
        lines += ["[[owners]]", f'name = "{owner["name"]}"', f'key = "{owner["key"]}"']
    (folder / "plan.toml").write_text("\n".join(lines) + "\n")
    return plan, folder / "plan.toml"


def put(path: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    """Write records as CSV."""
    columns = {f"p{place:02}": pixels[:, place] for place in range(pixels.shape[1])}
    csv.write_csv(pa.table({**columns, "label": labels}), path)


def federated(plan: Plan, path: Path) -> tuple[float, float, float]:
    """Run the plan with secrecy; return a round's median seconds, the seconds until the accuracy aimed at, and the last accuracy."""
    folder = path.parent
    processes: list[Any] = []
    told: list[tuple[float, dict[str, Any]]] = []

    def heard(event: str, of: dict[str, Any]) -> None:
        if event == "listening":
            processes.extend(_owners.start("secure", path, folder, name, of["port"]) for name in NAMES)
        elif event == "round":
            told.append((time.perf_counter(), of))

    report = coordinate(plan, folder / "coordinator", held_out=folder / "held_out.csv", on_event=heard)
    for process in processes:
        process.wait(60)
    began = told[0][0] - told[0][1]["seconds"]
    reached = next((at - began for at, of in told if of["accuracy"] >= AIMED), float("inf"))
    return float(np.median([of["seconds"] for _, of in told])), reached, float(report.accuracy or 0.0)


def centrally(plan: Plan, folder: Path) -> float:
    """Train on all records in this process, as many steps between looks as a round has; return the seconds to the same accuracy."""
    learner, judge = read_learner(plan, folder / "all.csv"), read_learner(plan, folder / "held_out.csv")
    model, start = first_model(plan), time.perf_counter()
    for _ in range(10 * ROUNDS):
        model = model + learner.change(model)
        if judge.accuracy(model) >= AIMED:
            return time.perf_counter() - start
    raise RuntimeError(f"central training does not reach {AIMED}")


def plainly(plan: Plan, path: Path) -> float:
    """Run as many rounds with nothing masked; return a round's median seconds."""
    folder, spent = path.parent, []
    identity = open_identity(folder / "coordinator")
    with Hall(("127.0.0.1", 0), identity, plan.roster, plan.session, plan.letter_bytes) as hall:
        processes = [_owners.start("plain", path, folder, name, hall.port) for name in NAMES]
        while len(hall.present()) < len(NAMES):
            hall.next(0.1)
        model = first_model(plan)
        for number in range(ROUNDS):
            start = time.perf_counter()
            model = model + _owners.plain_round(hall, number, model)
            spent.append(time.perf_counter() - start)
        for index in hall.present():
            hall.send(index, Letter("done"))
        for process in processes:
            process.wait(60)
    return float(np.median(spent))


if __name__ == "__main__":
    main("federated", measure, seeds=3)
