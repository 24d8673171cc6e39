"""Plays the traffic of the kill test on a stage, with or without somebody who kills."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import SheafError
from tests.flows.stage import PASSWORD, Stage, kill, wait_until
from tests.night import traffic
from tests.night.traffic import Step

STEP_SECONDS = 600
"""A step that is not done by then, however often it was tried, never will be."""
AHEAD = 3
"""So many kills may come before the story has got so far."""


def forks() -> Any:
    """Return where traffic's processes come from: forks of a process that has imported all and run nothing."""
    # The fork server finds the tests by the environment alone.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(
        ["tests.night.traffic", "sheaf.formats.parquet", "sheaf.verification.pipeline"]
    )
    return found


@dataclass
class Lane:
    """One person's steps, and the process that is at the first of them."""

    steps: list[Step]
    process: Any = None
    tries: int = 0
    since: float = 0.0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.code is None else None

    @property
    def code(self) -> int | None:
        return self.process.poll() if isinstance(self.process, subprocess.Popen) else self.process.exitcode


@dataclass
class Killer:
    """Kills at random: a node mostly, often somebody at work, sometimes the supervisor, sometimes everything.

    Each start costs seconds of computing, so the kills are spread over the story, or else it would stand still.
    """

    stage: Stage
    dice: random.Random
    wanted: int
    counts: Counter[str] = field(default_factory=Counter)
    strokes: int = 0
    next_at: float = 0.0

    def tend(self, lanes: list[Lane], progress: float) -> None:
        """Kill if it is time, and as often as the progress of the story (0 to 1) asks for."""
        now = time.monotonic()
        if now < self.next_at or self.strokes >= min(self.wanted, self.wanted * progress + AHEAD):
            return
        self.next_at = now + self.dice.uniform(0.2, 5.0)
        self.strike([lane for lane in lanes if lane.pid is not None])

    def strike(self, busy: list[Lane]) -> None:
        """Kill one target."""
        chance, nodes = self.dice.random(), self.stage.nodes()
        if self.stage.up is None:
            return
        if chance < 0.06:
            self._end("everything", self.stage.kill_everything)
        elif chance < 0.09:
            self._end("supervisor", self.stage.kill_supervisor)
        elif chance < 0.5 and busy:
            lane = self.dice.choice(busy)
            if lane.pid is not None and kill(lane.pid):
                self._count(f"{'command' if isinstance(lane.process, subprocess.Popen) else 'step'}")
        elif nodes:
            name = self.dice.choice(sorted(nodes))
            if kill(nodes[name]):
                self._count("custodian" if name == "custodian" else "validator")

    def _end(self, what: str, blow: Any) -> None:
        blow()
        self._count(what)
        self.stage.start()

    def _count(self, what: str) -> None:
        self.counts[what] += 1
        self.strokes += 1


@dataclass
class Play:
    """One run of the story."""

    stage: Stage
    folder: Path
    forks: Any
    killer: Killer | None = None
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        kills = f" {self.killer.strokes} kills {dict(self.killer.counts)}" if self.killer else ""
        print(f"[{time.monotonic() - self.started:5.0f} s] {self.stage.home.name}:{kills} {text}", flush=True)

    def prepare(self) -> None:
        """Start the market and give everybody an account, money and a reading key."""
        traffic.write_files(self.folder)
        self.stage.start()
        self.stage.wait_ready()
        home, rpc = str(self.stage.home), self.stage.rpc
        for name in traffic.PEOPLE:
            at = actions.create_account(Path(home) / "keystore", name, PASSWORD)
            actions.fund_account(traffic.connect(home, rpc), at, tokens=2_000 * WAD)
            actions.register_key(traffic.connect(home, rpc, name))
        self.say("ready")

    def perform(self) -> None:
        """Play the story to its end."""
        story = list(traffic.phases(self.folder))
        for number, (name, lists) in enumerate(story):
            lanes = [Lane(list(steps)) for steps in lists]
            self._work(lanes, (number + 0.5) / len(story))
            if name.startswith("wave"):
                self._settle(int(name.split()[1]), (number + 1) / len(story))
            self.say(name)

    def finish(self) -> dict[str, Any]:
        """Wait until the market is whole again, and return what became of everything."""
        if self.killer:
            while self.killer.strokes < self.killer.wanted:
                self.killer.tend([], 1.0)
                threading.Event().wait(0.05)
        self.stage.wait_ready()
        return traffic.snapshot(self.stage.home, self.stage.rpc, self.folder)

    def _work(self, lanes: list[Lane], progress: float) -> None:
        pause = threading.Event()
        while any(lane.steps for lane in lanes):
            for lane in lanes:
                self._tend(lane)
            if self.killer:
                self.killer.tend(lanes, progress)
            pause.wait(0.02)

    def _tend(self, lane: Lane) -> None:
        if not lane.steps:
            return
        if lane.process is None:
            lane.since = lane.since or time.monotonic()
            lane.process = self._start(lane)
            lane.tries += 1
            return
        if lane.code is None:
            return
        is_done = lane.code == 0 and not self._is_resuming(lane, lane.tries - 1)
        if isinstance(lane.process, subprocess.Popen):
            lane.process.communicate()
        lane.process = None
        if is_done:
            lane.steps.pop(0)
            lane.tries, lane.since = 0, 0.0
            return
        log = self.stage.home / "traffic.log"
        assert time.monotonic() - lane.since < STEP_SECONDS, (
            f"never done in {lane.tries} tries: {lane.steps[0]}: {log.read_text()[-3000:] if log.exists() else ''}"
        )

    def _is_resuming(self, lane: Lane, attempt: int) -> bool:
        step = lane.steps[0]
        return step.is_command and step.what == "offer" and attempt % 3 == 1

    def _start(self, lane: Lane) -> Any:
        """Start the first step: as a command, after a failed one as what a person would do next, or as a function."""
        step, stage = lane.steps[0], self.stage
        if self._is_resuming(lane, lane.tries):
            return stage.command("submission", "resume", "--account", step.who)
        if step.is_command and (lane.tries == 0 or step.what == "offer"):
            return stage.command(*traffic.command_of(step))
        process = self.forks.Process(target=traffic.act, args=(str(stage.home), stage.rpc, step))
        process.start()
        return process

    def _settle(self, wave: int, progress: float) -> None:
        """Wait until what was offered is settled, with kills all the while."""
        asked_at, ctx = 0.0, None

        def is_settled() -> bool:
            nonlocal asked_at, ctx
            if self.killer:
                self.killer.tend([], progress)
            if time.monotonic() < asked_at:
                return False
            asked_at = time.monotonic() + 1.0
            try:
                ctx = ctx or traffic.connect(str(self.stage.home), self.stage.rpc)
                return traffic.settled(ctx, wave)
            except SheafError:
                return False

        def phases() -> str:
            found = actions.list_submissions(traffic.connect(str(self.stage.home), self.stage.rpc))
            return f"{[(one.submission, one.phase, one.committed, one.opened, one.is_due) for one in found[-4:]]}"

        wait_until(is_settled, STEP_SECONDS, f"wave {wave} settled", phases)
