"""An owner of a federated training as a process of its own, with secrecy or without: `python -m benchmarks._owners KIND …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from sheaf.actions.train import Plan, join, load_plan
from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.learner import read_learner
from sheaf.actions.train.state import as_bytes, numbers
from sheaf.sandbox.federated.connection import Letter, connect
from sheaf.sandbox.federated.hall import Hall


def start(kind: str, plan: Path, folder: Path, name: str, port: int) -> subprocess.Popen[bytes]:
    """Start one owner whose key and records lie in `folder`."""
    command = [
        sys.executable,
        "-m",
        "benchmarks._owners",
        kind,
        plan,
        folder / f"{name}.csv",
        folder / name,
        port,
    ]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)


def plainly(plan: Plan, records: Path, folder: Path, port: int) -> None:
    """Train as asked and send each change as it is: what secrecy is compared with. Same transport, same training."""
    learner = read_learner(plan, records)
    coordinator = bytes.fromhex(plan.coordinator)
    connection = connect(
        ("127.0.0.1", port), open_identity(folder), coordinator, plan.session, plan.letter_bytes
    )
    while (letter := connection.receive()).kind != "done":
        change = learner.change(numbers(letter.body))
        change *= min(1.0, plan.clip / max(float(np.linalg.norm(change)), 1e-300))
        connection.send(Letter("plain", letter.round_number, body=as_bytes(change)))


def plain_round(hall: Hall, number: int, model: np.ndarray) -> np.ndarray:
    """Send the model to all who are there and return their mean change."""
    there = hall.present()
    for index in there:
        hall.send(index, Letter("round", number, body=as_bytes(model)))
    changes: dict[int, np.ndarray] = {}
    while len(changes) < len(there):
        heard = hall.next(60)
        if heard is None or heard[2].kind == "gone":
            raise RuntimeError("an owner is gone")
        if heard[2].kind == "plain":
            changes[heard[0]] = numbers(heard[2].body)
    return np.asarray(np.mean(list(changes.values()), axis=0))


if __name__ == "__main__":
    kind, plan_path, records_path, folder_path, port_text = sys.argv[1:]
    agreed = load_plan(plan_path)
    if kind == "plain":
        plainly(agreed, Path(records_path), Path(folder_path), int(port_text))
    else:
        join(agreed, records_path, folder_path, address=("127.0.0.1", int(port_text)))
