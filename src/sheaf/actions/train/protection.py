"""What a training may tell about an owner's records: a part of a budget that the owner's ledger keeps, charged round by round.

The owner trusts nobody here: it counts the noise that it adds itself, and neither masks nor what others add. Each round's update is
charged before it is made and kept before it is sent. Asked for the same round again, after a crash or for another attempt, the
owner sends the update that it kept: that tells nothing new and costs nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from sheaf.actions.train.learner import Array
from sheaf.actions.train.plan import Plan
from sheaf.actions.train.state import as_bytes, load_state, numbers, save_state
from sheaf.domain.errors import InputError, IntegrityError, SpecificationError
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.ledger import Job, Ledger
from sheaf.privacy.training.descent import Recipe, noise_for

STATE, KEPT = "protection.state", "update.kept"
MOST_NOISE = 1e6


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """Records, and what a training may tell about them: (`epsilon`, `delta`) for all its rounds together.

    `ledger` is the file that keeps the budget, `account` what it is for there, `total` the ε that this account may lose in all, to
    whoever asks (none: `epsilon`). `unit` says about whom it is promised: a `record`, or the whole `dataset`, which any other could
    stand in for. `person` names the field that tells people apart: one record of each is learnt from, so that a record is a person;
    `person_total` is the ε of each across all that the ledger serves, 0 for none. `clip` is the length to which a record's gradient
    (none: 1) or the whole update (none: the plan's) is shortened. `noise` is the deviation of this owner's noise over the furthest
    that one unit can move what it is added to; none: the least with which all rounds of the plan fit.
    """

    records: str
    ledger: str
    account: str
    epsilon: float
    delta: float
    total: float | None = None
    unit: Literal["record", "dataset"] = "record"
    person: str | None = None
    person_total: float = 0.0
    clip: float | None = None
    noise: float | None = None


class _Promised(msgspec.Struct):
    """What an owner trains under, as it said last."""

    session: bytes
    protected: Protected


class _Kept(msgspec.Struct):
    """The update of the last round that was paid for, as it was sent or is to be sent."""

    session: bytes
    round_number: int
    update: bytes


class Spent(msgspec.Struct, frozen=True):
    """What a training has cost an owner: ε at `delta` of this training and of the account, rounds paid, and how many more fit."""

    unit: str
    delta: float
    noise: float
    epsilon: float
    epsilon_allowed: float
    rounds: int
    rounds_left: int
    account: str
    account_epsilon: float
    account_total: float


class Spending:
    """One owner's charges for one training.

    Opens the account. Raises InputError for numbers that promise nothing, Refused where the account is open with another promise.
    """

    def __init__(self, plan: Plan, owner: str, protected: Protected, home: Path) -> None:
        self.plan, self.protected, self._home = plan, protected, home
        self._allowed = Budget(protected.epsilon, protected.delta)
        total = protected.epsilon if protected.total is None else protected.total
        if total < protected.epsilon:
            raise InputError("epsilon", protected.epsilon, f"give at most the account's total, {total:g}")
        if protected.person_total and (protected.person is None or protected.unit == "dataset"):
            raise InputError(
                "person", protected.person, "name the field that tells people apart, and protect records"
            )
        self.is_whole = protected.unit == "dataset"
        self.clip = _clip(plan, protected)
        self.steps = 1 if self.is_whole else plan.local_steps
        self.noise = (
            _positive("noise", protected.noise) if protected.noise is not None else self._least_noise()
        )
        self.loss = self._loss(self.noise)
        self._cost = self.loss.nanonats(self._allowed.order)
        if self._cost > self._allowed.nanonats:
            raise InputError(
                "noise",
                self.noise,
                f"give more: one round costs ε = {self.loss.epsilon(protected.delta):.3g}",
            )
        self._ledger = Ledger(Path(protected.ledger))
        self._ledger.open_accounts([protected.account], Budget(total, protected.delta))
        self._prefix = f"train {plan.session.hex()} {owner[:16]} "
        self._owner = owner
        self._paid = {
            entry.job: entry.loss.nanonats(self._allowed.order)
            for entry in self._ledger.history(protected.account)
            if entry.job.startswith(self._prefix)
        }

    def remember(self) -> None:
        """Keep what was promised beside the owner's state, for who asks what was spent."""
        ledger = str(Path(self.protected.ledger).absolute())
        promised = msgspec.structs.replace(self.protected, ledger=ledger)
        save_state(self._home / STATE, _Promised(self.plan.session, promised))

    def lasts(self, round_number: int) -> bool:
        """Return whether the budget has this round in it, or it is paid for already."""
        return self._job(round_number) in self._paid or self.spent().rounds_left > 0

    def release(
        self,
        round_number: int,
        model: Array,
        people: list[str] | None,
        make: Callable[[list[str] | None], Array],
    ) -> Array:
        """Return this round's update, shape (length,): charged first, then made, then kept, and the same ever after.

        `people` are those whose records could count, if each has a budget; `make` is given those of them who have enough left, none for
        all. Raises Refused where budget is lacking, InputError for another model than this round was paid for, IntegrityError where
        the update that was sent is gone.
        """
        protected = self.protected
        job = Job(self._job(round_number), self._fingerprint(round_number, model), self.plan.coordinator)
        accounts = {}
        if protected.person_total:
            accounts = {f"person {one}": one for one in people or ()}
            self._ledger.open_accounts(accounts, Budget(protected.person_total, protected.delta))
        grant = self._ledger.spend(job, self.loss, [protected.account], list(accounts))
        self._paid.setdefault(job.id, self._cost)
        path = self._home / KEPT
        if grant.answer is not None:
            kept = load_state(path, self.plan, _Kept)
            if kept is None or _digest(kept.update) != grant.answer:
                raise IntegrityError(
                    f"round {round_number}: {path}: not the update that was sent before: this round is left out"
                )
            return numbers(kept.update)
        update = make([accounts[name] for name in grant.people] if accounts else None)
        save_state(path, _Kept(self.plan.session, round_number, as_bytes(update)))
        self._ledger.keep(job.id, _digest(as_bytes(update)))
        return update

    def spent(self) -> Spent:
        """Return what was spent, and for how many more rounds the rest is enough."""
        balance, paid, protected = (
            self._ledger.balance(self.protected.account),
            sum(self._paid.values()),
            self.protected,
        )
        ours = (self._allowed.nanonats - paid) // self._cost
        left = balance.left_nanonats // self.loss.nanonats(balance.budget.order)
        return Spent(
            unit="person" if protected.person and not self.is_whole else protected.unit,
            delta=protected.delta,
            noise=self.noise,
            epsilon=self._allowed.spent_epsilon(paid),
            epsilon_allowed=protected.epsilon,
            rounds=len(self._paid),
            rounds_left=max(0, min(ours, left)),
            account=protected.account,
            account_epsilon=balance.spent_epsilon,
            account_total=balance.budget.epsilon,
        )

    def _loss(self, noise: float) -> Loss:
        """Return what one round costs: as many steps of a Gaussian mechanism, every record in each."""
        return Recipe(self.steps, 1.0).loss(noise)

    def _least_noise(self) -> float:
        rounds, allowed = self.plan.rounds, self._allowed
        noise = noise_for(Recipe(self.steps * rounds, 1.0), allowed.epsilon, allowed.delta, allowed.order)
        while rounds * self._loss(noise).nanonats(allowed.order) > allowed.nanonats:
            noise *= 1 + 1e-6  # each round is rounded up by itself
        return noise

    def _job(self, round_number: int) -> str:
        return f"{self._prefix}round {round_number}"

    def _fingerprint(self, round_number: int, model: Array) -> bytes:
        """Return the digest of all that decides what is released: 32 bytes."""
        parts = msgspec.msgpack.encode(
            (self.plan.session, self._owner, round_number, self.protected.unit, self.clip, self.noise)
        )
        return hashlib.sha256(hashlib.sha256(parts).digest() + _digest(as_bytes(model))).digest()


def protected_by(policy: Path | str, protected: Protected, now: int) -> Protected:
    """Return `protected` with the budget of the owner's policy: an answer's ε for the training, its δ, total, person and person's ε.

    Raises SpecificationError for a policy that cannot be read, or that has no budget for training, and Refused where it forbids training
    on these records at `now`, in Unix seconds.
    """
    from sheaf.formats.records import read
    from sheaf.formats.release.policy import load

    found = load(Path(policy))
    found.admit("train", found.purposes[0], read(protected.records).num_rows, now)
    if found.epsilon is None or not found.delta or found.total is None:
        raise SpecificationError("policy.budget", "none for training", "give epsilon, delta and total")
    return msgspec.structs.replace(
        protected,
        epsilon=found.epsilon,
        delta=found.delta,
        total=found.total,
        person=found.person,
        person_total=found.person_total or 0.0,
    )


def spent_by(plan: Plan, owner: str, home: Path) -> Spent | None:
    """Return what the training has cost the owner whose state is in `home`; None where it promised nothing or its ledger is gone."""
    promised = load_state(home / STATE, plan, _Promised)
    if promised is None or not Path(promised.protected.ledger).is_file():
        return None
    return Spending(plan, owner, promised.protected, home).spent()


def _clip(plan: Plan, protected: Protected) -> float:
    """Return the length that is shortened to, of a record's gradient or of the update, which the plan bounds already."""
    if protected.unit == "record":
        return 1.0 if protected.clip is None else _positive("clip", protected.clip)
    return plan.clip if protected.clip is None else min(plan.clip, _positive("clip", protected.clip))


def _positive(field: str, value: float) -> float:
    if not (math.isfinite(value) and 0 < value <= MOST_NOISE):
        raise InputError(field, value, f"give a number above 0, at most {MOST_NOISE:g}")
    return value


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
