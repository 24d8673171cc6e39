"""The order of a draw: exact successive sampling by weight, without replacement."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import accumulate

from eth_utils.crypto import keccak


def order(sums: Sequence[int], seed: bytes) -> Iterator[int]:
    """Yield indices of weights whose running sums are `sums`, each at most once, those of weight zero never.

    Attempt i takes keccak256(seed ‖ i) modulo the weight that is left as a point of the running sum from which the intervals
    of those already taken are cut out. So the first index is i with probability w_i / W, the next one j with w_j / (W - w_i),
    and so on (Plackett-Luce; restricted to a subset it is the same law on that subset).
    """
    left = sums[-1] if sums else 0
    gone: list[tuple[int, int]] = []
    attempt = 0
    while left > 0:
        mark = int.from_bytes(keccak(seed + attempt.to_bytes(32, "big")), "big") % left
        for start, weight in gone:
            if mark < start:
                break
            mark += weight
        index = bisect_right(sums, mark)
        start = sums[index - 1] if index else 0
        insort(gone, (start, sums[index] - start))
        left -= sums[index] - start
        attempt += 1
        yield index


def running_sums(weights: Sequence[int]) -> list[int]:
    """Return the running sums of `weights`."""
    return list(accumulate(weights))
