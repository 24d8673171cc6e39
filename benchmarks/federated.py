"""Federated training of digits among four owners, each a process, beside training on all records in one place, and beside no secrecy.

The same network (one hidden layer), the same steps, everything over real connections. *Central* takes the steps in one process, as
many between two looks at its held-out accuracy as a round has; *federated* does rounds. Either side's time is how many of them it
takes to 96 %, times their median time over as many as the plan has: both come to 96 % within three or four, which are too few to
time by themselves where other work shares the machine. A round is counted whole, from the end of the one before, with what is
written to the disk. *Plain* sends changes unmasked over the same connections: secrecy is the ratio of a round's median time. The
three take turns, a round or look each, so that other work on the machine meets all alike. Starting processes and reading records is
not counted anywhere.

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
    measured, promised = [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            plan, path = written(Path(folder), seed)
            measured.append(in_turns(plan, path))
        promised.append([accuracy_with(seed, None), accuracy_with(seed, EPSILON)])
    over_central, over_plain, rounds, accuracies = np.array(measured).T
    return [
        Figure("federated over central, median", float(np.median(over_central)), "×", limit=2.0, against="time to the same accuracy"),
        Figure("federated over central, worst", float(np.max(over_central)), "×", limit=2.0, against="time to the same accuracy"),
        Figure("secure over plain round, median", float(np.median(over_plain)), "×", limit=1.3, against="same transport, no masks"),
        Figure("secure over plain round, worst", float(np.max(over_plain)), "×", limit=1.3, against="same transport, no masks"),
        Figure("secure round, median", float(np.median(rounds)) * 1e3, "ms"),
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


class Central:
    """Training on all records in this process, as many steps between two looks at the accuracy as a round has."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.learner = read_learner(plan, folder / "all.csv")
        self.judge = read_learner(plan, folder / "held_out.csv")
        self.model = first_model(plan)
        self.spent: list[float] = []
        self.accuracies: list[float] = []

    def look(self) -> None:
        """Take the steps of one round and look."""
        start = time.perf_counter()
        self.model = self.model + self.learner.change(self.model)
        self.accuracies.append(self.judge.accuracy(self.model))
        self.spent.append(time.perf_counter() - start)


class Plain:
    """The same owners as other processes, over the same connections, with nothing masked."""

    def __init__(self, plan: Plan, path: Path) -> None:
        folder = path.parent
        identity = open_identity(folder / "coordinator")
        self.hall = Hall(("127.0.0.1", 0), identity, plan.roster, plan.session, plan.letter_bytes)
        self.hall.__enter__()
        self.processes = [_owners.start("plain", path, folder, name, self.hall.port) for name in NAMES]
        while len(self.hall.present()) < len(NAMES):
            self.hall.next(0.1)
        self.model, self.spent = first_model(plan), list[float]()

    def round(self) -> None:
        """Do one round."""
        start = time.perf_counter()
        self.model = self.model + _owners.plain_round(self.hall, len(self.spent), self.model)
        self.spent.append(time.perf_counter() - start)

    def close(self) -> None:
        """Let the owners go."""
        for index in self.hall.present():
            self.hall.send(index, Letter("done"))
        for process in self.processes:
            process.wait(60)
        self.hall.__exit__()


def in_turns(plan: Plan, path: Path) -> tuple[float, float, float, float]:
    """Train in all three ways, a round each at a time.

    Returns the time to the accuracy aimed at over that of central training, a secure round over a plain one, a secure round's
    median seconds, and the last accuracy.
    """
    folder, central, plain = path.parent, Central(plan, path.parent), Plain(plan, path)
    processes: list[Any] = []
    told: list[tuple[float, dict[str, Any]]] = []
    went_on = 0.0

    def heard(event: str, of: dict[str, Any]) -> None:
        nonlocal went_on
        if event == "listening":
            processes.extend(_owners.start("secure", path, folder, name, of["port"]) for name in NAMES)
        elif event == "round":
            told.append((time.perf_counter() - went_on, of))
            central.look()
            plain.round()
            went_on = time.perf_counter()

    report = coordinate(plan, folder / "coordinator", held_out=folder / "held_out.csv", on_event=heard)
    for process in processes:
        process.wait(60)
    plain.close()
    whole = np.median([spent for spent, _ in told[1:]])  # before the first, owners come
    federated = whole * until([of["accuracy"] for _, of in told])
    alone = np.median(central.spent) * until(central.accuracies)
    secure = np.median([of["seconds"] for _, of in told])
    return federated / alone, secure / np.median(plain.spent), secure, float(report.accuracy or 0.0)


def until(accuracies: list[float]) -> int:
    """Return how many rounds it took to the accuracy aimed at."""
    reached = [place for place, one in enumerate(accuracies, 1) if one >= AIMED]
    if not reached:
        raise RuntimeError(f"training does not reach {AIMED}")
    return reached[0]


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


if __name__ == "__main__":
    main("federated", measure, seeds=3)
