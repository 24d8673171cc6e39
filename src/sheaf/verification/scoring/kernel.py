"""Kernel ridge regression on labels (least-squares support vector machine, Suykens and Vandewalle 1999), each record with its trust."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheaf.verification.scoring.neighbours import distances
from sheaf.verification.scoring.shape import Floats

RIDGE = 0.1
CHUNK = 2_000


def solved(gram: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return (coefficients (m, classes), offset (classes,)) for `gram` (m, m) and `target` (m, classes), whose rows add up to
    the trust in a record.
    """
    trust = np.maximum(target.sum(axis=1), 1e-3)
    wanted = target / trust[:, None]
    offset = (target.sum(axis=0) / trust.sum()).astype(np.float64)
    system = gram + np.diag(RIDGE / trust)
    return np.linalg.solve(system, wanted - offset), offset


def radial(known: Floats, target: Floats, rows: Floats) -> Floats:
    """Score labels with the kernel exp(-d² / width), width the mean squared distance of known records; shape (n, classes)."""
    own = distances(known, known)
    width = float(own.mean()) or 1.0
    coefficients, offset = solved(np.exp(-own / width), target)
    return _by_chunks(rows, lambda part: np.exp(-distances(part, known) / width), coefficients, offset)


def linear(own: Floats, target: Floats, cosines: Floats) -> Floats:
    """Score labels with the kernel itself given: `own` (m, m) among known records, `cosines` (n, m) to them; shape (n, classes)."""
    coefficients, offset = solved(own, target)
    return _by_chunks(cosines, lambda part: part, coefficients, offset)


def _by_chunks(
    rows: Floats, gram: Callable[[Floats], Floats], coefficients: Floats, offset: Floats
) -> Floats:
    count = len(rows)
    parts = [gram(rows[i : i + CHUNK]) @ coefficients + offset for i in range(0, max(1, count), CHUNK)]
    return np.concatenate(parts)
