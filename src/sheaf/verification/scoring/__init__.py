"""Which records are worth buying? Gold and what was submitted in; for every record a chance, a decision and a reason out.

`score` is the whole way: methods learn from gold, then from gold and from one another's records; gold calibrates them; what each
contributor did as a whole is weighed in; what is unlike gold is looked for; the threshold follows from the chances alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.verification.scoring import decision, ensemble, novelty
from sheaf.verification.scoring.contributors import Hierarchy, pooled
from sheaf.verification.scoring.shape import Flags, Floats, Integers, Task
from sheaf.verification.scoring.tables import task

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PRECISION", "Scores", "score"]

PRECISION = 0.99
REASONS = ("good", "label", "unlike", "contributor", "unreadable", "unknown")


@dataclass(frozen=True)
class Scores:
    """What was found of n submitted records from `senders`, in their order.

    `good` (n,) is the chance that a record is of the wanted kind and its label right; `states` (n, 3) the chances to be good,
    wrong, strange; `chance` (n, classes) of each label of `names` by the input alone; `is_taken` (n,); `limit` the least chance
    at which records are taken (above 1: none are); `reason` (n,), one of REASONS. Of contributors, in the order of `senders`:
    `shares` (m, 3) good, wrong, strange, `deviation` (m,) of the good share, and `sent` (m,).
    """

    good: Floats
    states: Floats
    chance: Floats
    is_taken: Flags
    limit: float
    reason: list[str]
    names: list[Any]
    sender: Integers
    senders: list[Any]
    shares: Floats
    deviation: Floats
    sent: Integers


def score(
    gold: pa.Table,
    records: pa.Table,
    label: str,
    contributor: str | None = None,
    *,
    precision: float = PRECISION,
    seed: int = 0,
) -> Scores:
    """Score `records` by `gold`, whose `label` is known to be right; both have the same columns, and records may name their
    `contributor`.

    The same input and seed give the same scores on the same machine. Raises InputError for a precision outside (0, 1), and
    RecordError for tables that cannot be used: see `task`.
    """
    if not 0.0 < precision < 1.0:
        raise InputError("precision", precision, "give a share between 0 and 1, such as 0.99")
    with _one_thread():
        made = task(gold, records, label, contributor, seed)
        return _scores(made, *_inferred(made, seed), precision)


def _inferred(made: Task, seed: int) -> tuple[Floats, Hierarchy]:
    """Return the chance of every label of the records by the input alone (n, classes), and what contributors are."""
    fold = ensemble.folds(made, seed)
    strange = novelty.strangeness(made, fold, seed)
    parts = ensemble.calibrated(made, ensemble.from_gold(made, fold, seed))
    found = _pooled(made, np.mean(parts, axis=0), strange)
    second = ensemble.from_all(made, fold, [_targets(made, part, found) for part in parts], seed)
    chance = ensemble.held_out(ensemble.calibrated(made, second), fold)
    found = _pooled(made, chance, strange)
    return chance[made.gold :], found


def _pooled(made: Task, chance: Floats, strange: Floats) -> Hierarchy:
    """Fit the hierarchy to what can be judged; `states` has a row for every submitted record, none of them good where it cannot be."""
    use = made.is_usable[made.gold :]
    at = np.flatnonzero(use) + made.gold
    found = pooled(chance[at], made.label[at], strange[at], made.sender[at], len(made.senders))
    states = np.zeros((len(use), 3))
    states[use] = found.states
    states[~use, 2] = 1.0
    return replace(found, states=states)


def _targets(made: Task, chance: Floats, found: Hierarchy) -> Floats:
    """Return how much each row stands for each label (n, classes): gold for its own, a record by its chances and by what its
    sender is.
    """
    target = np.zeros((len(made.label), made.classes))
    target[np.arange(made.gold), made.label[: made.gold]] = 1.0
    at = np.flatnonzero(made.is_usable[made.gold :]) + made.gold
    label, sender = made.label[at], made.sender[at]
    share = found.shares[sender]
    honest = share[:, 0] / np.maximum(share[:, 0] + share[:, 1], 1e-12)
    likely = (1.0 - honest)[:, None] * found.confusion[found.group, :, label]
    likely[np.arange(len(at)), label] = honest
    likely *= chance[at]
    kind = 1.0 - found.states[at - made.gold, 2]
    target[at] = likely / likely.sum(axis=1, keepdims=True) * kind[:, None]
    return target


def _scores(made: Task, chance: Floats, found: Hierarchy, precision: float) -> Scores:
    sender = made.sender[made.gold :]
    states, use = found.states, made.is_usable[made.gold :]
    good = states[:, 0]
    odds = found.shares[sender, 0]
    doubt = found.deviation[sender] * good * (1.0 - good) / np.maximum(odds * (1.0 - odds), 1e-6)
    limit = decision.threshold(1.0 - good[use], sender[use], doubt[use], precision)
    is_taken = decision.taken(1.0 - good, limit, use)
    return Scores(
        good,
        states,
        chance,
        is_taken,
        1.0 - limit,
        _reasons(made, states, is_taken),
        made.names,
        sender,
        made.senders,
        found.shares,
        found.deviation,
        np.bincount(sender, minlength=len(made.senders)),
    )


def _reasons(made: Task, states: Floats, is_taken: Flags) -> list[str]:
    label, readable = made.label[made.gold :], made.readable[made.gold :]
    worse = np.where(states[:, 1] >= states[:, 2], "label", "unlike")
    unsure = np.where(states[:, 0] >= 0.5, "contributor", worse)
    told = np.select([is_taken, ~readable, label < 0], ["good", "unreadable", "unknown"], unsure)
    return [str(value) for value in told]


def _one_thread() -> AbstractContextManager[Any]:
    """Keep linear algebra on one thread: the same sums in the same order."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1)  # type: ignore[no-any-return]
