"""What a review is worth where no answer is known: agreement with peers on the same record beyond that on different ones.

Dasgupta and Ghosh, WWW 2013, for two answers; correlated agreement by Shnayder, Agarwal, Frongillo and Parkes, EC 2016,
for more. Whoever answers without looking agrees with peers on the same record as often as on different ones, and scores
0 on the mean, whatever the answers are; a uniform answer scores exactly 0.

For bitmaps everything is a whole number, so that a contract can compute the same. Of two members with r and s
rejections and x in common among n records, the score over all pairs of the same and of different records is
2 (n x − r s) / (n (n − 1)): twice their covariance. Its expectation for independent members who are right at rate q is
2 (2q − 1)² ρ (1 − ρ), where ρ is the share of bad records.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sheaf.domain.amounts import BPS, WAD
from sheaf.domain.errors import InputError
from sheaf.verification.aggregation.exact import Floats, Integers
from sheaf.verification.aggregation.labels import Labels

SHARE_GRID = 10**12
"""Steps to the unit of the share of an item's other labels that agree."""
BATCHES = 20
"""Batches that a validator's averages remember: each new one weighs 1/20."""
LEAST_BPS, EARNED_BPS = 7_000, 3_000
"""Share of the fee that is paid for any review, and that which agreement earns."""


def agreement(bitmaps: Sequence[Sequence[int]], records: int) -> list[int]:
    """Return each member's mean correlated agreement with the others, in wad, rounded towards zero; 0 where there is nothing to compare.

    `bitmaps` has one list of 256-bit words a member, bits beyond `records` zero. Raises InputError for other lengths and stray bits.
    """
    rows = [_joined(words, records) for words in bitmaps]
    others = len(rows) - 1
    if others < 1 or records < 2:
        return [0] * len(rows)
    counts = [row.bit_count() for row in rows]
    shared = [
        sum((row & peer).bit_count() for peer in rows) - count
        for row, count in zip(rows, counts, strict=True)
    ]
    everyone = sum(counts)
    scale = others * records * (records - 1)
    return [
        _towards_zero(2 * WAD * (records * both - count * (everyone - count)), scale)
        for both, count in zip(shared, counts, strict=True)
    ]


def reference(records: int, rejected: int, accuracy_bps: int) -> int:
    """Return the agreement expected of members right at rate `accuracy_bps` where `rejected` of `records` are bad; in wad, rounded down.

    2 (2q − 1)² r (n − r) / (n (n − 1)): as in `agreement` over pairs of different records. Raises InputError for impossible numbers.
    """
    if not 0 <= rejected <= records:
        raise InputError("rejected", rejected, f"give 0 to {records}, the number of records")
    if not BPS // 2 <= accuracy_bps <= BPS:
        raise InputError("accuracy_bps", accuracy_bps, "give 5000 (a coin) to 10000 (always right)")
    if records < 2:
        return 0
    skill = 2 * accuracy_bps - BPS
    return 2 * WAD * skill * skill * rejected * (records - rejected) // (BPS * BPS * records * (records - 1))


def averaged(former: int, found: int) -> int:
    """Return an average with forgetting after one more batch, which weighs 1 / BATCHES; any unit, rounded towards zero."""
    return _towards_zero(former * (BATCHES - 1) + found, BATCHES)


def fee_factor_bps(score: int, expected: int) -> int:
    """Return the share of the fee that is paid: 0.7 + 0.3 · clip(score / expected, 0, 1), in bps, rounded down.

    Both are averages in one unit, of `agreement` and of `reference`. Where 0 is expected there was nothing to tell apart: all is paid.
    Raises InputError where less is expected.
    """
    if expected < 0:
        raise InputError("expected", expected, "give 0 or more")
    if expected == 0:
        return LEAST_BPS + EARNED_BPS
    return LEAST_BPS + EARNED_BPS * min(max(score, 0), expected) // expected


def correlated_agreement(labels: Labels) -> Floats:
    """Return each worker's score from labels alone: agreement on shared items less agreement on others' other items; shape (workers,).

    Two classes agree where they fall together more often than by chance, over all pairs of workers (so near classes may count as one).
    0 for a worker with no item or no class in common with anybody. Gold is not looked at.
    """
    votes = labels.votes.astype(np.int64)
    alike = _alike(labels, votes)
    liking = votes @ alike
    met = labels.votes.sum(axis=1).astype(np.int64)[labels.item] - 1
    same = liking[labels.item, labels.label] - alike[labels.label, labels.label]
    share = np.zeros(len(labels), dtype=np.int64)
    np.floor_divide(same * SHARE_GRID, met, out=share, where=met > 0)
    joint, paired = _by_worker(labels, share), _by_worker(labels, (met > 0).astype(np.int64))
    own = _cells(labels, np.ones(len(labels), dtype=np.int64))
    elsewhere = votes.sum(axis=0) - np.stack(
        [_cells_of(labels, votes[:, k]) for k in range(labels.classes)], axis=1
    )
    elsewhere = np.maximum(elsewhere, 0)  # who labelled an item twice
    chance = ((own @ alike) * elsewhere).sum(axis=1)
    pairs = own.sum(axis=1) * elsewhere.sum(axis=1)
    score = np.zeros(labels.workers)
    is_known = (paired > 0) & (pairs > 0)
    score[is_known] = joint[is_known] / paired[is_known] / SHARE_GRID - chance[is_known] / pairs[is_known]
    return score


def _joined(words: Sequence[int], records: int) -> int:
    if records < 0 or len(words) != -(-records // 256) or any(not 0 <= word < 1 << 256 for word in words):
        raise InputError(
            "bitmap", f"{len(words)} words", f"give {-(-max(records, 0) // 256)} words of 256 bits"
        )
    joined = sum(word << (256 * place) for place, word in enumerate(words))
    if joined >> records:
        raise InputError("bitmap", "bits beyond the records", f"clear all bits from {records} on")
    return joined


def _towards_zero(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)


def _alike(labels: Labels, votes: Integers) -> Integers:
    """Which classes fall together on an item more often than by chance; shape (classes, classes), 0 or 1."""
    each = votes.sum(axis=1)
    joint = votes.T @ votes - np.diag(votes.sum(axis=0))
    of_class = votes.T @ np.maximum(each - 1, 0)
    pairs = int((each * (each - 1)).sum())
    chance = np.array([[int(one) * int(other) for other in of_class] for one in of_class], dtype=object)
    found: Integers = (joint.astype(object) * pairs > chance).astype(np.int64)
    return found


def _by_worker(labels: Labels, values: Integers) -> Integers:
    summed = np.zeros(labels.workers, dtype=np.int64)
    np.add.at(summed, labels.worker, values)
    return summed


def _cells(labels: Labels, values: Integers) -> Integers:
    """Sum by worker and own label; shape (workers, classes)."""
    summed = np.zeros((labels.workers, labels.classes), dtype=np.int64)
    np.add.at(summed, (labels.worker, labels.label), values)
    return summed


def _cells_of(labels: Labels, of_item: Integers) -> Integers:
    """Sum a number of each item over the items that a worker labelled; shape (workers,)."""
    return _by_worker(labels, of_item[labels.item])
