"""Shamir's sharing of secrets of 256 bits (CACM 1979), over the field of the first prime above 2^256."""

from __future__ import annotations

import functools
import itertools
import secrets as randomness
from collections.abc import Callable, Mapping, Sequence

from sheaf.domain.errors import InputError, IntegrityError

PRIME = 2**256 + 297
SECRET_BYTES = 32
SHARE_BYTES = 33
TRIES = 64


def split(secret: bytes, points: Sequence[int], threshold: int) -> list[bytes]:
    """Return the share of `secret` (32 bytes) at each of `points` (distinct, from 1), 33 bytes each; `threshold` of them give it back."""
    if len(secret) != SECRET_BYTES:
        raise InputError("secret", f"{len(secret)} bytes", f"give {SECRET_BYTES} bytes")
    if not 1 <= threshold <= len(points) or len(set(points)) != len(points) or min(points) < 1:
        raise InputError("points", len(points), f"give {threshold} or more distinct points from 1")
    coefficients = [randomness.randbelow(PRIME) for _ in range(threshold - 1)]
    constant = int.from_bytes(secret, "big")
    shares = []
    for point in points:
        value = 0
        for coefficient in coefficients:
            value = (value + coefficient) * point % PRIME
        shares.append(((value + constant) % PRIME).to_bytes(SHARE_BYTES, "big"))
    return shares


def join(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret of exactly `threshold` shares, by point. Raises IntegrityError where they are of no secret of 32 bytes."""
    points = list(shares)
    total = 0
    for point, weight in zip(points, _weights(tuple(points)), strict=True):
        value = int.from_bytes(shares[point], "big")
        if len(shares[point]) != SHARE_BYTES or value >= PRIME:
            raise IntegrityError(f"share at {point}: no number of the field: leave it out")
        total += value * weight
    secret = total % PRIME
    if secret >> 256:
        raise IntegrityError("shares: they are of no secret of 32 bytes: leave out the wrong ones")
    return secret.to_bytes(SECRET_BYTES, "big")


def recover(shares: Mapping[int, bytes], threshold: int, is_right: Callable[[bytes], bool]) -> bytes:
    """Return the secret that `is_right` knows, of `threshold` or more shares of which some may be wrong.

    Tries up to 64 choices of shares. Raises IntegrityError where there are too few, or none of the choices is right.
    """
    if len(shares) < threshold:
        raise IntegrityError(f"shares: {len(shares)} of the {threshold} needed: too many holders dropped out")
    points = sorted(shares)
    windows = [
        tuple(points[(start + place) % len(points)] for place in range(threshold))
        for start in range(len(points))
    ]
    choices = itertools.chain(windows, itertools.combinations(points, threshold))
    for choice in itertools.islice(choices, TRIES):
        try:
            secret = join({point: shares[point] for point in choice})
        except IntegrityError:
            continue
        if is_right(secret):
            return secret
    raise IntegrityError("shares: no choice of them gives the secret: too many holders sent wrong ones")


@functools.lru_cache(maxsize=1024)
def _weights(points: tuple[int, ...]) -> tuple[int, ...]:
    """Return Lagrange's coefficients at 0 of distinct points."""
    weights = []
    for point in points:
        above = below = 1
        for other in points:
            if other != point:
                above = above * other % PRIME
                below = below * (other - point) % PRIME
        weights.append(above * pow(below, -1, PRIME) % PRIME)
    return tuple(weights)
