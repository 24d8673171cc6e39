"""What the nearest records are labelled: votes of neighbours, weighted by nearness and by trust."""

from __future__ import annotations

import numpy as np

from sheaf.verification.scoring.shape import Floats

NEAREST = 10
CHUNK = 2_000


def distances(rows: Floats, to: Floats) -> Floats:
    """Return squared Euclidean distances, shape (rows, to)."""
    found: Floats = (rows**2).sum(axis=1)[:, None] + (to**2).sum(axis=1)[None, :] - 2.0 * rows @ to.T
    return np.maximum(found, 0.0)


def votes(distance: Floats, target: Floats) -> Floats:
    """Return the log share of each label among the nearest, shape (rows, classes).

    `distance` (rows, known) is squared; `target` (known, classes) is how much each known record stands for each label. A
    neighbour counts exp(-d / d of the farthest that counts), and one vote is spread over all labels.
    """
    count = min(NEAREST, distance.shape[1])
    near = np.argpartition(distance, count - 1, axis=1)[:, :count]
    far = np.take_along_axis(distance, near, axis=1)
    weight = np.exp(-far / np.maximum(far.max(axis=1, keepdims=True), 1e-12))
    found = (weight[:, :, None] * target[near]).sum(axis=1) + 1.0 / target.shape[1]
    share: Floats = np.log(found / found.sum(axis=1, keepdims=True))
    return share


def neighbours(known: Floats, target: Floats, rows: Floats) -> Floats:
    """Score every label of `rows` (n, width) by `known` (m, width) with `target` (m, classes); shape (n, classes)."""
    parts = [votes(distances(rows[i : i + CHUNK], known), target) for i in range(0, max(1, len(rows)), CHUNK)]
    return np.concatenate(parts)
