"""The demo's data: real handwritten digits (UCI, shipped in scikit-learn), and the people who bring them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SCHEMA = {
    "type": "object",
    "properties": {
        "pixels": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 16},
            "minItems": 64,
            "maxItems": 64,
        },
        "digit": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["pixels", "digit"],
    "additionalProperties": False,
}

SAMPLE = 300


@dataclass(frozen=True)
class Offer:
    """What one contributor brings: its habit, its records, and which of them are good (right label, new, real)."""

    habit: str
    records: pa.Table
    is_good: NDArray[np.bool_]


def table(pixels: NDArray[np.int64], digits: NDArray[np.int64]) -> pa.Table:
    """Return records of shape (n, 64) pixels in 0..16 and (n,) labels as a table."""
    flat = pa.array(pixels.reshape(-1), pa.int64())
    offsets = pa.array(np.arange(0, pixels.size + 1, 64), pa.int32())
    return pa.table(
        {"pixels": pa.ListArray.from_arrays(offsets, flat), "digit": pa.array(digits, pa.int64())}
    )


def load(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the 1,797 digits in an order drawn from `seed`: pixels (n, 64) and true labels (n,)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    return data.data[order].astype(np.int64), data.target[order].astype(np.int64)


def offers(seed: int, size: int = 120) -> tuple[pa.Table, list[Offer]]:
    """Return the buyer's sample and the offers of nine contributors: six honest, one mislabels 30 %, one recycles, one sends garbage."""
    pixels, digits = load(seed)
    draw = np.random.default_rng([seed, 1])
    sample = table(pixels[:SAMPLE], digits[:SAMPLE])
    found = []
    for turn in range(7):
        part = slice(SAMPLE + turn * size, SAMPLE + (turn + 1) * size)
        given = digits[part].copy()
        good = np.ones(size, dtype=np.bool_)
        if turn == 6:
            wrong = draw.permutation(size)[: size * 3 // 10]
            given[wrong] = (given[wrong] + draw.integers(1, 10, len(wrong))) % 10
            good[wrong] = False
        habit = "mislabels 30 %" if turn == 6 else "honest"
        found.append(Offer(habit, table(pixels[part], given), good))
    none = np.zeros(size, dtype=np.bool_)
    found.append(Offer("recycles another's", found[0].records, none))
    noise = table(draw.integers(0, 17, (size, 64)), draw.integers(0, 10, size))
    found.append(Offer("garbage", noise, none))
    return sample, found


def truth(seed: int) -> dict[bytes, int]:
    """Return the true label of every real image, by its pixels as 64 bytes."""
    pixels, digits = load(seed)
    return {row.astype(np.uint8).tobytes(): int(digit) for row, digit in zip(pixels, digits, strict=True)}
