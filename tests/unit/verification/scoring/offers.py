"""Small offers with known truth: points in a plane around one centre a label, and who spoils them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KINDS = ("honest",) * 5 + ("flipped", "garbage", "half-honest")
EACH = 25


def table(points: NDArray[np.float64], label: NDArray[np.int64]) -> pa.Table:
    columns = {f"x{i}": column for i, column in enumerate(points.T)}
    return pa.table({**columns, "label": [f"label {i}" for i in label]})


def points(
    count: int, random: np.random.Generator, width: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three clouds with a spread of 1, four apart, on a line of strongly correlated fields."""
    label = np.arange(count) % 3
    centre = 4.0 * np.eye(3, width)[label]
    return centre + random.normal(size=(count, width)), label


def offer(seed: int = 0, gold: int = 60) -> tuple[pa.Table, pa.Table, NDArray[np.bool_], NDArray[np.str_]]:
    """Gold, records of eight contributors, which of these are good, and of which kind each one's contributor is."""
    random = np.random.default_rng(seed)
    known = table(*points(gold, random))
    found, truth = points(EACH * len(KINDS), random)
    kind = np.repeat(KINDS, EACH)
    is_good = np.ones(len(kind), dtype=np.bool_)
    half = random.random(len(kind)) < 0.5
    is_good[(kind == "flipped") | (kind == "garbage") | ((kind == "half-honest") & half)] = False
    label = np.where(is_good, truth, (truth + 1) % 3)
    found[kind == "garbage"] += random.normal(size=(EACH, found.shape[1])) * 20.0
    sender = [f"sender {i // EACH}" for i in range(len(kind))]
    return known, table(found, label).append_column("sender", pa.array(sender)), is_good, kind
