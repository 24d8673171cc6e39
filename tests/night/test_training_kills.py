"""Coordinator and owners of a federated training, each a process, killed at random moments and started again.

`SHEAF_KILLS`, `SHEAF_ROUNDS` and `SHEAF_KILLS_SEED` say how often, over how many rounds, and when.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sheaf.actions.train import training_status
from sheaf.actions.train.coordinate import model_of
from sheaf.actions.train.learner import read_learner
from sheaf.domain.errors import InputError
from sheaf.privacy.ledger import Ledger
from tests.mocks.training import Field

KILLS = int(os.environ.get("SHEAF_KILLS", "200"))
ROUNDS = int(os.environ.get("SHEAF_ROUNDS", "400"))
SEED = int(os.environ.get("SHEAF_KILLS_SEED", "1"))
EPSILON = 100.0

pytestmark = [pytest.mark.night, pytest.mark.timeout(3600)]


PROTECTED = ("north", "south")


class Processes:
    """Everyone of a training as a process of `sheaf train`."""

    def __init__(self, held: Field) -> None:
        self.held, self.plan = held, held.write_plan()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.running = {name: self.start(name) for name in ("coordinator", *held.names)}

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start one of them."""
        folder = self.held.folder
        if name == "coordinator":
            words = [
                "coordinate",
                self.plan,
                "--port",
                self.port,
                "--held-out",
                folder / "held_out.csv",
                "--wait-seconds",
                120,
            ]
        else:
            words = [
                "join",
                self.plan,
                folder / f"{name}.csv",
                "--at",
                f"127.0.0.1:{self.port}",
                "--patience-seconds",
                120,
            ]
            if name in PROTECTED:
                words += ["--epsilon", EPSILON, "--delta", 1e-5, "--dataset", name]
        command = [
            sys.executable,
            "-m",
            "sheaf.cli.main",
            "train",
            *words,
            "--folder",
            folder / name,
            "--json",
        ]
        return subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def let_pass(self, rounds: int, seconds: float) -> None:
        """Wait until so many more rounds are done, or the training is, and then a moment."""
        goal = self.rounds_done() + rounds
        coordinator = self.running["coordinator"]
        while coordinator.poll() is None and self.rounds_done() < goal:
            with contextlib.suppress(subprocess.TimeoutExpired):
                coordinator.wait(0.02)
        with contextlib.suppress(subprocess.TimeoutExpired):
            coordinator.wait(seconds)

    def rounds_done(self) -> int:
        """Read from the coordinator's files how many rounds are done."""
        try:
            return training_status(self.held.plan, self.held.folder / "coordinator").round_number
        except InputError:
            return 0

    def kill(self, name: str) -> None:
        """Kill one with no warning, and start it again."""
        self.running[name].kill()
        self.running[name].communicate()
        self.running[name] = self.start(name)


def test_killed_at_random_moments_nothing_is_lost(tmp_path: Path) -> None:
    """However often anyone is killed, every round is done once, in order, the model is as good as without kills, and each round that an
    owner's update is in was charged to its ledger, once."""
    held = Field(tmp_path, owners=5, rounds=ROUNDS, minimum=4, phase_seconds=5.0, attempts=20)
    drawn, killed = random.Random(SEED), 0
    processes = Processes(held)
    try:
        while processes.running["coordinator"].poll() is None:
            processes.let_pass(drawn.randint(0, 2), drawn.uniform(0.0, 0.1))
            if killed < KILLS and processes.running["coordinator"].poll() is None:
                processes.kill(drawn.choice(list(processes.running)))
                killed += 1
        printed, complaint = processes.running["coordinator"].communicate()
        report = json.loads(printed)
        assert processes.running["coordinator"].returncode == 0, complaint
    finally:
        for process in processes.running.values():
            process.kill()
            process.communicate()
    status = training_status(held.plan, tmp_path / "coordinator")
    print(f"{killed} kills, {status.round_number} rounds, accuracy {report['accuracy']}")
    assert [record.round_number for record in status.history] == list(range(ROUNDS))
    assert report["rounds"] == ROUNDS and status.is_done
    assert (
        read_learner(held.plan, tmp_path / "held_out.csv").accuracy(
            model_of(tmp_path / "coordinator", held.plan)
        )
        >= 0.93
    )
    for name in held.names:
        own = training_status(held.plan, tmp_path / name)
        counted = next(one.rounds for one in status.owners if one.name == name)
        assert own.owners[0].rounds <= ROUNDS and counted <= ROUNDS
        assert (own.spent is not None) == (name in PROTECTED)
        if own.spent is not None:
            charges = Ledger(tmp_path / name / "budgets.sqlite").history(name)
            paid = [int(entry.job.rpartition(" ")[2]) for entry in charges]
            summed = {record.round_number for record in status.history if name in record.survivors}
            assert len(set(paid)) == len(paid) == own.spent.rounds and summed <= set(paid)
            assert own.spent.epsilon <= EPSILON
            print(f"{name}: {len(paid)} rounds charged, in {len(summed)} sums, ε = {own.spent.epsilon:.1f}")
