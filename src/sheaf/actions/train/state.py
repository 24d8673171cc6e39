"""What outlives a crash: the coordinator's rounds, and how far each owner has gone, each replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sheaf.actions.train.plan import Plan
from sheaf.domain.errors import StoreError
from sheaf.store.files import flush_directory, refusing

T = TypeVar("T")


class RoundRecord(msgspec.Struct, frozen=True):
    """One finished round: its groups by name, who survived, what each contributed (None: not measured), seconds, accuracy if held out."""

    round_number: int
    attempt: int
    groups: list[list[str]]
    survivors: list[str]
    contributions: dict[str, float] | None
    seconds: float
    accuracy: float | None
    aborts: dict[str, str]


class CoordinatorState(msgspec.Struct):
    """The next round, the attempt it has come to (written before anyone is asked), the model after the last, and what is remembered.

    `left` are the owners who left the training, and why.
    """

    session: bytes
    round_number: int = 0
    attempt: int = -1
    model: bytes = b""
    agreements: bytes = b""
    seen: bytes = b""
    rounds: list[RoundRecord] = []
    left: dict[str, str] = {}


class OwnerState(msgspec.Struct):
    """The last round and attempt that an owner took part in; nothing at or before it is answered again.

    `opened` counts the attempts of that round in which it let the sum be opened, `finished` the rounds in which it did.
    """

    session: bytes
    round_number: int = -1
    attempt: int = -1
    opened: int = 0
    finished: int = 0
    aborts: list[str] = []


def numbers(data: bytes) -> NDArray[np.float64]:
    """Return what `as_bytes` wrote."""
    return np.frombuffer(data, "<f8").copy()


def as_bytes(values: NDArray[np.float64]) -> bytes:
    """Return numbers as bytes, eight each."""
    return np.ascontiguousarray(values, "<f8").tobytes()


def load_state(path: Path, plan: Plan, kind: type[T]) -> T | None:
    """Return the state in `path`, None if there is none yet. Raises StoreError for one of another plan, or that cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        state = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise StoreError(f"{path}: not the state of a training: move it away to begin anew") from None
    if getattr(state, "session", b"") != plan.session:
        raise StoreError(f"{path}: of another plan: choose another folder, or move it away to begin anew")
    return state


def save_state(path: Path, state: msgspec.Struct, *, is_flushed: bool = True) -> None:
    """Replace the state in `path`. When this returns it outlives this process, and a power cut too; unless it `is_flushed` a power cut
    may bring the one before back, whole. Raises StoreError.
    """
    temporary = path.with_name(f".{path.name}")  # one writer: who saves holds the folder's lock
    with refusing(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.msgpack.encode(state))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        if is_flushed:
            flush_directory(path.parent)
