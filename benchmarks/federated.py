"""Federated training of digits among four owners, each a process, beside training on all records in one place, and beside no secrecy.

The same network (one hidden layer), the same steps, everything over real connections. *Central* takes the steps in one process, as
many between two looks at its held-out accuracy as a round has; *federated* does rounds. Either side's time is how many of them it
takes to 96 %, times their median time over as many as the plan has: both come to 96 % within three or four, which are too few to
time by themselves where other work shares the machine. A round is counted whole, from the end of the one before, with what is
written to the disk; central training is timed half before and half after the federated one. *Plain* sends changes unmasked over the
same connections: secrecy is the ratio of a round's median time. Starting processes and reading records is not counted on either side.

*Protected*: the accuracy of softmax regression where every owner promises each of its records ε = 3 at δ = 1e-5, by noise of its
own that its own ledger is charged for, beside the same training without a promise.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks import _owners
from benchmarks.report import Figure, Options, main
from sheaf.actions.train import Protected, coordinate, join, show_identity, training_status
from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.learner import first_model, read_learner
from sheaf.actions.train.plan import Plan, read_plan
from sheaf.sandbox.federated.connection import Letter
from sheaf.sandbox.federated.hall import Hall

NAMES = ("north", "east", "south", "west")
AIMED, ROUNDS = 0.96, 40
EPSILON, DELTA = 3.0, 1e-5
TERMS: dict[str, Any] = {
    "name": "digits", "label": "label", "features": 64, "classes": 10, "hidden": 128, "scale": 16.0, "rounds": ROUNDS, "minimum": 3,
    "local_steps": 20, "rate": 0.5, "clip": 5.0,
}  # fmt: skip


SOFTMAX = TERMS | {"hidden": 0, "rounds": 20, "local_steps": 5, "rate": 2.0, "clip": 20.0, "noise": 0.0}


def measure(options: Options) -> list[Figure]:
    """Return ratios, the median and the worst of seeds."""
    over_central, over_plain, accuracies, rounds, promised = [], [], [], [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            plan, path = written(Path(folder), seed)
            before = centrally(plan, path.parent)
            secure, reached, accuracy = federated(plan, path)
            after = centrally(plan, path.parent)
            plain = plainly(plan, path)
        promised.append([accuracy_with(seed, None), accuracy_with(seed, EPSILON)])
        over_central.append(reached / ((before + after) / 2))
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
        Figure("accuracy at ε = 3 for each record, median", float(np.median(promised, axis=0)[1]), "", better="higher",
               peer=float(np.median(promised, axis=0)[0]), target=None, against="the same with no promise"),
        Figure("accuracy at ε = 3 for each record, worst", float(np.min(promised, axis=0)[1]), "", better="higher"),
    ]  # fmt: skip


def written(folder: Path, seed: int, terms: dict[str, Any] = TERMS) -> tuple[Plan, Path]:
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
    plan = read_plan(terms | {"coordinator": keys["coordinator"], "owners": owners})
    lines = [
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
        for name, value in terms.items()
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
    """Run the plan with secrecy; return a round's median seconds, what rounds to the accuracy aimed at take, and the last accuracy.

    The first are the seconds that owners and sums take, the second those of whole rounds, times how many there are.
    """
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
    whole = float(np.median(np.diff([at for at, _ in told])))
    needed = next((place for place, (_, of) in enumerate(told, 1) if of["accuracy"] >= AIMED), None)
    if needed is None:
        raise RuntimeError(f"federated training does not reach {AIMED}")
    return float(np.median([of["seconds"] for _, of in told])), needed * whole, float(report.accuracy or 0.0)


def centrally(plan: Plan, folder: Path) -> float:
    """Train on all records in this process, as many steps between looks as a round has; return what looks to that accuracy take."""
    learner, judge = read_learner(plan, folder / "all.csv"), read_learner(plan, folder / "held_out.csv")
    model, spent, needed = first_model(plan), [], 0
    for number in range(1, ROUNDS + 1):
        start = time.perf_counter()
        model = model + learner.change(model)
        if judge.accuracy(model) >= AIMED and not needed:
            needed = number
        spent.append(time.perf_counter() - start)
    if not needed:
        raise RuntimeError(f"central training does not reach {AIMED}")
    return needed * float(np.median(spent))


def accuracy_with(seed: int, epsilon: float | None) -> float:
    """Train a softmax regression, each owner promising that ε to each of its records; return the held-out accuracy."""
    with tempfile.TemporaryDirectory() as name:
        folder, owners = Path(name), []
        plan, _ = written(folder, seed, SOFTMAX)

        def heard(event: str, of: dict[str, Any]) -> None:
            for owner in NAMES if event == "listening" else ():
                held: Path | Protected = folder / f"{owner}.csv"
                if epsilon is not None:
                    ledger = str(folder / owner / "budgets.sqlite")
                    held = Protected(
                        records=str(held), ledger=ledger, account=owner, epsilon=epsilon, delta=DELTA
                    )
                address = {"address": ("127.0.0.1", of["port"])}
                owners.append(
                    threading.Thread(target=join, args=(plan, held, folder / owner), kwargs=address)
                )
                owners[-1].start()

        report = coordinate(plan, folder / "coordinator", held_out=folder / "held_out.csv", on_event=heard)
        for owner in owners:
            owner.join()
        spent = [training_status(plan, folder / owner).spent for owner in NAMES]
    if epsilon is not None and not all(
        one and one.rounds == plan.rounds and one.epsilon <= epsilon for one in spent
    ):
        raise RuntimeError("an owner left, or was charged more than it promised")
    return float(report.accuracy or 0.0)


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
