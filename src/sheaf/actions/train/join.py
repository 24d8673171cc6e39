"""Take part in a federated training with records that stay where they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.learner import Array, Learner, read_learner
from sheaf.actions.train.plan import Plan, load_plan
from sheaf.actions.train.protection import Protected, Spending, Spent
from sheaf.actions.train.state import OwnerState, load_state, numbers, save_state
from sheaf.actions.train.updates import bare, guarded
from sheaf.domain.errors import InputError, IntegrityError, Refused, SheafError, Unreachable, shorten
from sheaf.privacy.secure_aggregation import Client
from sheaf.sandbox.federated.connection import Connection, Letter, connect
from sheaf.sandbox.federated.hall import pause
from sheaf.store.files import locked, make_directory

STATE = "owner.state"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class JoinReport(msgspec.Struct, frozen=True):
    """What an owner took part in: rounds whose sums it opened, the reasons of those that it left, and of leaving before the end.

    `spent` is what the training cost its ledger; None where its records were not protected.
    """

    name: str
    owner: str
    rounds: int
    aborts: list[str]
    seconds: float
    spent: Spent | None = None
    left: str = ""


def join(
    plan: Plan | Path | str,
    records: Path | str | Protected,
    folder: Path | str,
    *,
    address: tuple[str, int],
    patience_seconds: float = 600.0,
    on_event: Callable[[str, dict[str, object]], None] | None = None,
) -> JoinReport:
    """Train by `plan` on `records` until the coordinator at `address` says that it is done; key and progress are kept in `folder`.

    Killed at any moment and called again it goes on with the next round; no round and attempt is ever answered twice. Whatever
    the coordinator does that is not as agreed ends the round for this owner, with the reason. Records that are `Protected` are
    charged to their ledger round by round, and once the next round has no budget the owner leaves: the report says why, and the
    others go on. Raises InputError where the plan does not name this folder's key, RecordError for records that do not fit, Unreachable
    where the coordinator stays away for `patience_seconds`, and IntegrityError after as many rounds aborted in a row as the plan
    allows attempts.
    """
    agreed = plan if isinstance(plan, Plan) else load_plan(plan)
    home = Path(folder)
    identity = open_identity(home)
    own = identity.public_key().public_bytes_raw()
    if own not in agreed.roster:
        raise InputError(
            "owners", own.hex(), "the plan does not name the key that `sheaf train key` shows here"
        )
    held = (records.records, records.person) if isinstance(records, Protected) else (records, None)
    learner = read_learner(agreed, *held)
    make_directory(home)
    with locked(home):
        state = load_state(home / STATE, agreed, OwnerState) or OwnerState(agreed.session)
        part = _Part(agreed, home, identity, learner, state)
        if isinstance(records, Protected):
            part.spending = Spending(agreed, own.hex(), records, home)
            part.spending.remember()
        try:
            return part.play(address, patience_seconds, on_event or (lambda *_: None))
        finally:
            part.worker.shutdown(cancel_futures=True)


class _Part:
    """One owner's part in a training, over as many connections as it takes."""

    def __init__(
        self, plan: Plan, home: Path, identity: Ed25519PrivateKey, learner: Learner, state: OwnerState
    ) -> None:
        self.plan, self.home, self.identity, self.learner, self.state = plan, home, identity, learner, state
        self.index = plan.roster.index(identity.public_key().public_bytes_raw())
        self.client: Client | None = None
        self.spending: Spending | None = None
        self.worker = ThreadPoolExecutor(1)
        self.update: Future[Array] | None = None
        self.left = ""
        self.in_a_row = 0

    def play(
        self,
        address: tuple[str, int],
        patience_seconds: float,
        on_event: Callable[[str, dict[str, object]], None],
    ) -> JoinReport:
        started = heard = time.monotonic()
        wait = FIRST_PAUSE
        while True:
            try:
                coordinator = bytes.fromhex(self.plan.coordinator)
                connection = connect(
                    address, self.identity, coordinator, self.plan.session, self.plan.letter_bytes
                )
            except Unreachable:
                if time.monotonic() - heard > patience_seconds:
                    raise
                pause(wait * (0.5 + secrets.randbelow(1000) / 1000))
                wait = min(2 * wait, LONGEST_PAUSE)
                continue
            wait = FIRST_PAUSE
            try:
                if self._listen(connection, on_event):
                    return self._report(round(time.monotonic() - started, 3))
            except (EOFError, OSError) as error:
                on_event("lost", {"reason": shorten(error)})
            finally:
                connection.close()
            heard = time.monotonic()

    def _report(self, seconds: float) -> JoinReport:
        plan, state = self.plan, self.state
        spent = self.spending.spent() if self.spending else None
        name = plan.owners[self.index].name
        return JoinReport(plan.name, name, state.finished, state.aborts, seconds, spent, self.left)

    def _listen(self, connection: Connection, on_event: Callable[[str, dict[str, object]], None]) -> bool:
        """Answer letters until the training is done or this owner leaves it (True), or the connection ends (raises)."""
        while True:
            letter = connection.receive()
            if letter.kind == "done":
                return True
            try:
                answer = self._answer(letter)
            except (IntegrityError, InputError, Refused) as error:
                self._abort(connection, letter, error, on_event)
                continue
            if answer is not None:
                connection.send(answer)
                if answer.kind == "leave":
                    self.left = answer.reason
                    on_event("left", {"reason": answer.reason})
                    return True
            if self.client is not None and self.client.phase == "done":
                self.client, self.in_a_row = None, 0
                on_event("round", {"round": letter.round_number, "attempt": letter.attempt})

    def _answer(self, letter: Letter) -> Letter | None:
        if letter.kind == "round":
            return self._begin(letter)
        client, state = self.client, self.state
        if client is None or (letter.round_number, letter.attempt) != (state.round_number, state.attempt):
            return None  # of a round that this owner has left
        steps = {"share": client.share, "endorse": client.endorse, "reveal": client.reveal}
        if letter.phase == "mask":
            assert self.update is not None
            try:
                update = self.update.result()
            except Refused as error:
                return _leaving(letter, error)  # somebody else was faster to spend what was left
            body = client.mask(letter.body, update)
        elif letter.phase in steps:
            body = steps[letter.phase](letter.body)
            if (
                letter.phase == "reveal"
            ):  # counted before it is said: a coordinator that "forgets" sums gets no more of them
                state.finished += not state.opened
                state.opened += 1
                save_state(self.home / STATE, state, is_flushed=False)
        else:
            return None
        return Letter("phase", letter.round_number, letter.attempt, letter.phase, body)

    def _begin(self, letter: Letter) -> Letter:
        """Enter a round that was never entered before, and remember that before anything is said."""
        plan, state = self.plan, self.state
        number, attempt = letter.round_number, letter.attempt
        if (number, attempt) <= (state.round_number, state.attempt):
            raise Refused(
                f"round {number}, attempt {attempt}: asked again: I am at {state.round_number}, {state.attempt}"
            )
        if number == state.round_number and state.opened >= plan.attempts:
            raise Refused(
                f"round {number}: its sum was opened {state.opened} times already: each opening tells more of me"
            )
        if not 0 <= number < plan.rounds or attempt < 0:
            raise Refused(f"round {number}: the plan has {plan.rounds}")
        if len(letter.body) != 8 * plan.length or not np.isfinite(model := numbers(letter.body)).all():
            raise IntegrityError(f"round {number}: the model sent is not {plan.length} finite numbers")
        if self.spending and not self.spending.lasts(number):
            return _leaving(letter, "the budget has no further round in it")
        state.opened = state.opened if number == state.round_number else 0
        state.round_number, state.attempt = number, attempt
        group = next(group for group in plan.groups(number, attempt) if self.index in group)
        terms = plan.terms(number, attempt, group)
        # Trained while keys are agreed on and files are written: nothing of it is said before the masks are there.
        if self.update is not None:
            self.update.cancel()  # of an attempt that is over: however many are begun, one waits
        self.update = self.worker.submit(self._update, number, model, terms.minimum - plan.corrupt)
        save_state(self.home / STATE, state)
        self.client = Client(terms, self.identity)
        return Letter("phase", number, attempt, "advertise", self.client.advertise())

    def _update(self, number: int, model: Array, sure: int) -> Array:
        """Return this owner's update; without protection the noise is new for every attempt, with it a round has one update."""
        plan, learner, spending = self.plan, self.learner, self.spending
        if spending is None:
            return bare(plan, learner, model, sure)

        def make(people: list[str] | None) -> Array:
            return guarded(plan, learner if people is None else learner.of(people), model, sure, spending)

        return spending.release(number, model, learner.people, make)

    def _abort(
        self,
        connection: Connection,
        letter: Letter,
        error: SheafError,
        on_event: Callable[[str, dict[str, object]], None],
    ) -> None:
        """Leave the round and say why; after too many in a row leave the training."""
        reason = f"round {letter.round_number}, attempt {letter.attempt}: {error}"
        self.client = None
        self.state.aborts = [*self.state.aborts, reason][-100:]
        save_state(self.home / STATE, self.state)
        on_event("abort", {"reason": reason})
        connection.send(Letter("abort", letter.round_number, letter.attempt, letter.phase, b"", str(error)))
        self.in_a_row += 1
        if self.in_a_row >= self.plan.attempts:
            raise IntegrityError(f"training left after {self.in_a_row} rounds aborted in a row: {error}")


def _leaving(letter: Letter, reason: object) -> Letter:
    """Return the letter by which an owner leaves the training."""
    return Letter(
        "leave",
        letter.round_number,
        letter.attempt,
        letter.phase,
        b"",
        f"left the training: {shorten(reason, 200)}",
    )
