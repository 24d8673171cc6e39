"""Coordinate a federated training: rounds until the plan's last, each a secret sum of what the owners changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sheaf.actions.train.contributions import contributions
from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.joining import Joining
from sheaf.actions.train.learner import Array, Learner, first_model, read_learner
from sheaf.actions.train.plan import Plan, load_plan
from sheaf.actions.train.state import CoordinatorState, RoundRecord, as_bytes, load_state, numbers, save_state
from sheaf.domain.errors import InputError, Refused, SheafError, Unreachable, shorten
from sheaf.privacy.secure_aggregation import Server
from sheaf.privacy.secure_aggregation.client import PHASES
from sheaf.sandbox.federated.connection import Letter
from sheaf.sandbox.federated.hall import Hall
from sheaf.store.files import locked, make_directory

STATE = "coordinator.state"
MODEL = "model.npy"


class TrainingReport(msgspec.Struct, frozen=True):
    """What a training has come to: rounds done, the file of the model, its held-out accuracy (None: nothing held out)."""

    name: str
    rounds: int
    repeated: int
    accuracy: float | None
    contributions: dict[str, float]
    model: str
    seconds: float


@dataclass
class _Group:
    """One group in a round: its members by index, and the server of its sum."""

    members: list[int]
    server: Server
    failure: str = ""

    @property
    def is_open(self) -> bool:
        return not self.failure and self.server.phase != "done"


@dataclass
class _Round:
    """One attempt at a round: its groups, whose connections it began with, and who aborted why."""

    number: int
    attempt: int
    groups: list[_Group]
    connections: dict[int, int]
    aborts: dict[int, str] = field(default_factory=dict)


def coordinate(
    plan: Plan | Path | str,
    folder: Path | str,
    *,
    address: tuple[str, int] = ("127.0.0.1", 0),
    held_out: Path | str | None = None,
    wait_seconds: float = 600.0,
    on_event: Callable[[str, dict[str, object]], None] | None = None,
) -> TrainingReport:
    """Run all rounds that are left of `plan`, keeping state, key and model in `folder`, and return the report.

    Killed at any moment it goes on from the last finished round when called again. `on_event` hears of "listening" (port), of each
    "round" (its record), and of each that is "repeated" (reasons). `held_out` are records on which each round and contribution is
    measured. Raises InputError for a plan of another coordinator, Unreachable where fewer owners than the plan's minimum come
    within `wait_seconds`, and Refused where a round fails as often as the plan allows.
    """
    agreed = plan if isinstance(plan, Plan) else load_plan(plan)
    home = Path(folder)
    identity = open_identity(home)
    if identity.public_key().public_bytes_raw().hex() != agreed.coordinator:
        raise InputError(
            "coordinator", agreed.coordinator, "the plan names another key than `sheaf train key` shows here"
        )
    judge = read_learner(agreed, held_out) if held_out is not None else None
    make_directory(home)
    with locked(home):
        state = load_state(home / STATE, agreed, CoordinatorState)
        if state is None:
            state = CoordinatorState(agreed.session, model=as_bytes(first_model(agreed)))
        run = _Run(agreed, home, state, judge, on_event or (lambda *_: None))
        return run.all_rounds(identity, address, wait_seconds)


class _Run:
    """One run of the coordinator, from its state to the last round."""

    def __init__(
        self,
        plan: Plan,
        home: Path,
        state: CoordinatorState,
        judge: Learner | None,
        on_event: Callable[[str, dict[str, object]], None],
    ) -> None:
        self.plan, self.home, self.state, self.judge, self.on_event = plan, home, state, judge, on_event
        self.joining = Joining(plan, state)
        self.started = time.monotonic()
        self.repeated = 0
        self.is_reserved = False
        self.left: dict[int, int] = {}

    def all_rounds(
        self, identity: Ed25519PrivateKey, address: tuple[str, int], wait_seconds: float
    ) -> TrainingReport:
        plan, state = self.plan, self.state
        if state.round_number < plan.rounds:
            with Hall(address, identity, plan.roster, plan.session, plan.letter_bytes) as hall:
                self.on_event("listening", {"port": hall.port, "round": state.round_number})
                while state.round_number < plan.rounds:
                    self._one_round(hall, wait_seconds)
                for index in hall.present():
                    hall.send(index, Letter("done", state.round_number))
        model = numbers(state.model)
        with (self.home / f".{MODEL}").open("wb") as file:
            np.save(file, model)
        (self.home / f".{MODEL}").replace(self.home / MODEL)
        totals = dict.fromkeys((owner.name for owner in plan.owners), 0.0)
        for record in state.rounds:
            for name, value in (record.contributions or {}).items():
                totals[name] += value
        accuracy = self.judge.accuracy(model) if self.judge else None
        spent = time.monotonic() - self.started
        return TrainingReport(
            plan.name,
            state.round_number,
            self.repeated,
            accuracy,
            totals,
            str(self.home / MODEL),
            round(spent, 3),
        )

    def _one_round(self, hall: Hall, wait_seconds: float) -> None:
        """Repeat a round until its sum is whole, at most as often as the plan allows."""
        plan, state = self.plan, self.state
        for _ in range(plan.attempts):
            self._wait(hall, wait_seconds)
            if not self.is_reserved:
                state.attempt += 1
                save_state(self.home / STATE, state)  # before anyone is asked: none is ever used twice
            self.is_reserved = False
            began = time.monotonic()
            at = self._begin(hall)
            for phase in PHASES[:-1]:
                self._collect(hall, at, phase)
                self._close(hall, at, phase)
            if any(group.server.result is not None for group in at.groups):
                self._commit(at, time.monotonic() - began)
                return
            self.repeated += 1
            reasons = [group.failure for group in at.groups] + list(at.aborts.values())
            self.on_event("repeated", {"round": at.number, "attempt": at.attempt, "reasons": reasons})
        raise Refused(
            f"round {state.round_number}: failed {plan.attempts} times: {shorten(reasons[-1], 200)}"
        )

    def _wait(self, hall: Hall, seconds: float) -> None:
        """Wait until the plan's minimum is there, and a little for the others."""
        least, everyone = self.plan.minimum, len(self.plan.owners) - len(self.state.left)
        until, grace = time.monotonic() + seconds, 0.0
        while len(self._present(hall)) < max(everyone, least):
            now = time.monotonic()
            if len(self._present(hall)) >= least:
                grace = grace or now + min(1.0, self.plan.phase_seconds / 4)
                if now >= grace:
                    return
            elif now >= until:
                raise Unreachable(
                    f"owners: {len(self._present(hall))} of the {least} needed came in {seconds:g} s: start `sheaf train join`"
                    + "".join(f"; {name} {reason}" for name, reason in self.state.left.items())
                )
            hall.next(0.05)

    def _present(self, hall: Hall) -> dict[int, int]:
        """Return who is there, without those whose connection is only not closed yet since they left; who came back has not left."""
        there = {index: number for index, number in hall.present().items() if self.left.get(index) != number}
        for index in there:
            self.state.left.pop(self.plan.owners[index].name, None)
        return there

    def _begin(self, hall: Hall) -> _Round:
        plan, state = self.plan, self.state
        number, attempt = state.round_number, state.attempt
        drawn = plan.groups(number, attempt)
        groups = [_Group(members, Server(plan.terms(number, attempt, members))) for members in drawn]
        at = _Round(number, attempt, groups, self._present(hall))
        for index in list(at.connections):
            if not hall.send(index, Letter("round", number, attempt, PHASES[0], state.model)):
                del at.connections[index]
        return at

    def _collect(self, hall: Hall, at: _Round, phase: str) -> None:
        """Take what owners say in this phase until all have spoken who can, or the phase's time is over."""
        place = {index: (group, spot) for group in at.groups for spot, index in enumerate(group.members)}
        until = time.monotonic() + self.plan.phase_seconds
        while time.monotonic() < until:
            waiting = {
                group.members[spot] for group in at.groups if group.is_open for spot in group.server.missing()
            } & at.connections.keys()
            if not waiting:
                return
            heard = hall.next(until - time.monotonic())
            if heard is None:
                return
            index, generation, letter = heard
            if at.connections.get(index) != generation:
                if letter.kind == "came":  # back by another connection: what it knew of this round is lost
                    at.connections.pop(index, None)
                continue
            if letter.kind == "gone":
                del at.connections[index]
            elif (letter.round_number, letter.attempt) != (at.number, at.attempt):
                continue  # late words of a round that is over
            elif letter.kind in ("abort", "leave"):
                at.aborts[index] = shorten(letter.reason, 300)
                del at.connections[index]
                if letter.kind == "leave":
                    self._part(index, generation, at.aborts[index])
            elif letter.kind == "phase" and letter.phase == phase:
                group, spot = place[index]
                try:
                    group.server.receive(spot, letter.body)
                except SheafError as error:
                    at.aborts[index] = f"refused: {shorten(error, 300)}"
                    del at.connections[index]

    def _part(self, index: int, generation: int, reason: str) -> None:
        """Wait no more for an owner who left; its words are in the record, and it may come back by another connection."""
        self.left[index] = generation
        self.state.left[self.plan.owners[index].name] = reason
        self.on_event("left", {"owner": self.plan.owners[index].name, "reason": reason})

    def _close(self, hall: Hall, at: _Round, phase: str) -> None:
        """End the phase in every group, and send the letters that begin the next."""
        for group in at.groups:
            if not group.is_open:
                continue
            try:
                letters = group.server.close()
            except SheafError as error:
                group.failure = str(error)
                continue
            for spot, body in letters.items():
                index = group.members[spot]
                if index in at.connections and not hall.send(
                    index, Letter("phase", at.number, at.attempt, group.server.phase, body)
                ):
                    del at.connections[index]

    def _commit(self, at: _Round, seconds: float) -> None:
        """Join the groups' means into the next model, and keep it with the round's record."""
        plan, state = self.plan, self.state
        whole = [(group, group.server.result) for group in at.groups if group.server.result is not None]
        survivors = [[group.members[spot] for spot in sorted(group.server.survivors)] for group, _ in whole]
        means = np.stack([total / len(group.server.survivors) for group, total in whole])
        before = numbers(state.model)
        model = self.joining.join(at.number, before, means, survivors)
        measured = contributions(plan, self.judge, before, means, survivors)
        state.model = as_bytes(model)
        record = RoundRecord(
            at.number,
            at.attempt,
            [[plan.owners[index].name for index in group] for group in survivors],
            sorted(plan.owners[index].name for group in survivors for index in group),
            measured,
            round(seconds, 4),
            self.judge.accuracy(model) if self.judge else None,
            {plan.owners[index].name: reason for index, reason in at.aborts.items()},
        )
        state.rounds = [*state.rounds, record]
        # The next round's first attempt is written with this round, for one write less; who starts again begins with its second.
        state.round_number, state.attempt, self.is_reserved = at.number + 1, 0, True
        self.joining.remember(state)
        save_state(self.home / STATE, state)
        self.on_event("round", msgspec.to_builtins(record))


def model_of(folder: Path | str, plan: Plan) -> Array:
    """Return the model that a coordinator keeps in `folder`, as far as it has come. Raises InputError where there is none."""
    state = load_state(Path(folder) / STATE, plan, CoordinatorState)
    if state is None:
        raise InputError("folder", folder, "no training was coordinated here")
    return numbers(state.model)
