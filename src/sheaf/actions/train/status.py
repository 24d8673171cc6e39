"""How far a training has come, and what each owner has contributed and is due."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sheaf.actions.train.coordinate import STATE as COORDINATOR_STATE
from sheaf.actions.train.identity import show_identity
from sheaf.actions.train.join import STATE as OWNER_STATE
from sheaf.actions.train.plan import Plan, load_plan
from sheaf.actions.train.protection import Spent, spent_by
from sheaf.actions.train.state import CoordinatorState, OwnerState, RoundRecord, load_state
from sheaf.domain.errors import InputError
from sheaf.valuation.bonus import bonus_shares


class OwnerStatus(msgspec.Struct, frozen=True):
    """One owner: rounds whose sum it is in, its measured contribution in nats (None: nothing held out), its share of the pool.

    `aborts` are the reasons of rounds that it left, `left` that of leaving the training.
    """

    name: str
    rounds: int
    contribution: float | None
    share: int | None
    aborts: list[str]
    left: str = ""


class TrainingStatus(msgspec.Struct, frozen=True):
    """A training as the files of one side tell it; `role` is coordinator or owner, `spent` what it cost an owner's ledger."""

    name: str
    role: str
    session: str
    round_number: int
    rounds: int
    is_done: bool
    accuracy: float | None
    owners: list[OwnerStatus]
    history: list[RoundRecord]
    spent: Spent | None = None


def training_status(
    plan: Plan | Path | str, folder: Path | str, *, pool: int | None = None
) -> TrainingStatus:
    """Return what the state in `folder` says of `plan`; `pool` is split in whole units by what owners contributed.

    Raises InputError where nothing was begun there, and for a pool that is no whole number from 0.
    """
    agreed = plan if isinstance(plan, Plan) else load_plan(plan)
    home = Path(folder)
    if pool is not None:
        bonus_shares([], pool)
    led = load_state(home / COORDINATOR_STATE, agreed, CoordinatorState)
    if led is not None:
        return _led(agreed, led, pool)
    joined = load_state(home / OWNER_STATE, agreed, OwnerState)
    if joined is None:
        raise InputError(
            "folder", home, "no training of this plan was begun here: `sheaf train coordinate` or `join`"
        )
    done = [OwnerStatus("this owner", joined.finished, None, None, joined.aborts)]
    last = joined.round_number + 1
    return TrainingStatus(
        agreed.name,
        "owner",
        agreed.session.hex(),
        last,
        agreed.rounds,
        last >= agreed.rounds,
        None,
        done,
        [],
        spent_by(agreed, show_identity(home), home),
    )


def _led(plan: Plan, state: CoordinatorState, pool: int | None) -> TrainingStatus:
    names = [owner.name for owner in plan.owners]
    rounds = {name: sum(name in record.survivors for record in state.rounds) for name in names}
    is_measured = any(record.contributions is not None for record in state.rounds)
    totals = {
        name: sum((record.contributions or {}).get(name, 0.0) for record in state.rounds) for name in names
    }
    shares = bonus_shares([totals[name] for name in names], pool) if pool is not None else [None] * len(names)
    aborts = {
        name: [record.aborts[name] for record in state.rounds if name in record.aborts] for name in names
    }
    owners = [
        OwnerStatus(
            name,
            rounds[name],
            totals[name] if is_measured else None,
            share,
            aborts[name],
            state.left.get(name, ""),
        )
        for name, share in zip(names, shares, strict=True)
    ]
    last = state.rounds[-1].accuracy if state.rounds else None
    is_done = state.round_number >= plan.rounds
    return TrainingStatus(
        plan.name,
        "coordinator",
        plan.session.hex(),
        state.round_number,
        plan.rounds,
        is_done,
        last,
        owners,
        state.rounds,
    )
