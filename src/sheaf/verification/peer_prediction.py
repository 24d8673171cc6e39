"""What a review is worth where no answer is known: agreement with peers on the same record beyond that on different ones.

Dasgupta and Ghosh, WWW 2013; Shnayder, Agarwal, Frongillo and Parkes, EC 2016. Whoever answers without looking agrees with
peers on the same record as often as on different ones, and scores 0 on the mean, whatever the answers are; a uniform answer
scores exactly 0. For labels of more classes see `aggregation.correlated`.

Everything is a whole number: Scores.vy computes the same. Of two members with r and s rejections and x in common among n
records, the score over all pairs of the same and of different records is 2 (n x − r s) / (n (n − 1)): twice their
covariance. Its expectation for independent members who are right at rate q is 2 (2q − 1)² ρ (1 − ρ), where ρ is the share
of bad records.
"""

from __future__ import annotations

from collections.abc import Sequence

from sheaf.domain.amounts import BPS, WAD
from sheaf.domain.errors import InputError

WORD_BITS = 256
BATCHES = 20
"""Batches that a validator's averages remember: each new one weighs 1/20."""
LEAST_BPS, EARNED_BPS = 7_000, 3_000
"""Share of the fee that is paid for any review, and that which agreement earns."""


def agreement(bitmaps: Sequence[bytes], records: int) -> list[int]:
    """Return each member's mean correlated agreement with the others, in wad, rounded towards zero; 0 where there is nothing to compare.

    `bitmaps` has one bitmap a member, big-endian words of 256 bits, those beyond `records` zero. Raises InputError for other lengths
    and stray bits.
    """
    rows = [_votes(bitmap, records) for bitmap in bitmaps]
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


def _votes(bitmap: bytes, records: int) -> int:
    """Return the bitmap as one number, the order of whose bits means nothing."""
    words = -(-records // WORD_BITS)
    if records < 0 or len(bitmap) != words * WORD_BITS // 8:
        raise InputError("bitmap", f"{len(bitmap)} bytes", f"give {max(words, 0)} words of 32 bytes")
    used = (records - 1) % WORD_BITS + 1
    if words and int.from_bytes(bitmap[-WORD_BITS // 8 :], "big") >> used:
        raise InputError("bitmap", "bits beyond the records", f"clear all bits from {records} on")
    return int.from_bytes(bitmap, "big")


def _towards_zero(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)
