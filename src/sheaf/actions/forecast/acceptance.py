"""How many records are likely to be taken, by the buyer's own sample: what honest reviewers would say, not what they will."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

DOUBTFUL = 0.5
"""Below this chance to be good a record is named."""


@dataclass(frozen=True)
class Doubt:
    """A record that is more likely refused than not: its chance to be good, and what speaks against it (`label`, `unlike`, …)."""

    record: int
    chance: float
    reason: str


@dataclass(frozen=True)
class Acceptance:
    """How many of the records that no check refuses are good, as far as `sample` answers of the buyer show it.

    `expected` is their number, None where it cannot be said; `why` then says why. `doubtful` are those more likely refused than not.
    """

    sample: int
    expected: float | None
    doubtful: tuple[Doubt, ...]
    why: str


def accepted(sample: pa.Table | None, table: pa.Table, label: str | None, falling: set[int]) -> Acceptance:
    """Score `table`, less the records that are `falling` already, by the buyer's `sample` with answers in the field `label`."""
    if sample is None or label is None:
        lacks = "it ships no sample that can be read" if label else "no field is judged in it"
        return Acceptance(0, None, (), lacks)
    left = [record for record in range(table.num_rows) if record not in falling]
    if not left:
        return Acceptance(sample.num_rows, 0.0, (), "")
    from sheaf.verification.scoring import score

    try:
        found = score(sample, table.take(left), label)
    except InputError as error:
        return Acceptance(sample.num_rows, None, (), str(error))
    doubtful = tuple(
        Doubt(record, float(good), _worse(states))
        for record, good, states in zip(left, found.good.tolist(), found.states.tolist(), strict=True)
        if good < DOUBTFUL
    )
    return Acceptance(sample.num_rows, float(found.good.sum()), doubtful, "")


def _worse(states: list[float]) -> str:
    return "label" if states[1] >= states[2] else "unlike"
