"""Images: a perceptual hash of 64 bits, found within a number of differing bits without missing any.

The picture in grey, averaged to 32 × 32, its cosine transform, of which the 64 lowest frequencies beside the mean say by a bit each
whether they lie above the median: compression, brightness, contrast and size hardly move them. Hashes that differ in at most r bits
differ in at most r // 4 within one of four parts of 16 bits, so looking up every part with so many bits flipped finds them all
(multi-index hashing, Norouzi, Punjani and Fleet 2012). From the pixels on all arithmetic is in whole numbers.
"""

from __future__ import annotations

import io
import itertools
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import RecordError
from sheaf.verification.near.columns import demand
from sheaf.verification.near.sketch import Sketch

if TYPE_CHECKING:
    import pyarrow as pa

SIDE = 32
LOW = 12
FLAT = 8
"""A picture whose averaged pixels differ by less (of 255) shows nothing to compare."""
MAX_PIXELS = 1 << 26
FORMATS = ("PNG", "JPEG", "WEBP")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")
"""How pixels may be stored: eight bits a channel at most, so that grey means the same everywhere."""


@dataclass(frozen=True)
class Images:
    """Pictures in a field of bytes; similarity is the share of equal bits of 64. `formats` are those that are looked at."""

    field: str
    threshold: float = 0.84
    formats: tuple[str, ...] = FORMATS

    namespace = "image"
    bands = 4
    width = 8
    margin = 0.0

    def __post_init__(self) -> None:
        if not 0.75 <= self.threshold <= 1:
            raise RecordError("threshold", self.threshold, "give a number from 0.75 to 1 for images")

    @property
    def radius(self) -> int:
        """Bits that may differ."""
        return int(64 * (1 - self.threshold) + 1e-9)

    def sketch(self, table: pa.Table) -> Sketch:
        """Return sketches of pictures; what cannot be decoded or is of one colour is not present. Raises RecordError for other fields."""
        images = demand(table, self.field, "bytes", "give a field of images, as bytes")
        hashes = np.zeros(table.num_rows, np.uint64)
        present = np.zeros(table.num_rows, np.bool_)
        for place, data in enumerate(images.to_pylist()):
            pixels = None if data is None else grey(data, self.formats)
            if pixels is not None and int(pixels.max()) - int(pixels.min()) >= FLAT:
                hashes[place], present[place] = perceptual(pixels), True
        return self.sketched(hashes, present)

    def sketched(self, hashes: NDArray[np.uint64], present: NDArray[np.bool_]) -> Sketch:
        """Return sketches of hashes."""
        parts = hashes[:, None] >> np.arange(0, 64, 16, dtype=np.uint64) & np.uint64(0xFFFF)
        keys = parts.astype(np.uint32)
        near = tuple((band, keys[:, band] ^ flip) for band in range(4) for flip in _flips(self.radius // 4))
        return Sketch(present, keys, hashes.view(np.uint8).reshape(-1, 8), near=near)

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the share of equal bits; shapes (m, 8)."""
        return np.asarray(1.0 - np.bitwise_count(one ^ other).sum(axis=1, dtype=np.int64) / 64, np.float64)


@cache
def _flips(count: int) -> tuple[np.uint32, ...]:
    """Return all masks of 16 bits with 1 to `count` set."""
    sets = (bits for size in range(1, count + 1) for bits in itertools.combinations(range(16), size))
    return tuple(np.uint32(sum(1 << bit for bit in bits)) for bits in sets)


def grey(data: bytes, formats: tuple[str, ...] = FORMATS) -> NDArray[np.int64] | None:
    """Return the image in grey, averaged to SIDE × SIDE, 0 to 255; None if it cannot be decoded or is too large."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as picture:
                if picture.width * picture.height > MAX_PIXELS or picture.mode not in MODES:
                    return None
                small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
                return np.asarray(small, np.int64)
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        Image.DecompressionBombError,
        OverflowError,
        KeyError,
    ):
        return None


@cache
def _waves() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cosines as whole numbers, shape (LOW, SIDE), and the places of the 64 lowest frequencies but the mean."""
    angle = np.pi / SIDE * np.outer(np.arange(LOW), np.arange(SIDE) + 0.5)
    down, across = np.divmod(np.arange(LOW * LOW), LOW)
    return np.rint(np.cos(angle) * 2**12).astype(np.int64), np.lexsort((down, down + across))[1:65]


def perceptual(pixels: NDArray[np.int64]) -> np.uint64:
    """Return the hash of a SIDE × SIDE picture: bit i tells whether frequency i lies above the median of all 64."""
    waves, lowest = _waves()
    found = (waves @ pixels @ waves.T).reshape(-1)[lowest]
    ordered = np.sort(found)
    above = 2 * found > ordered[31] + ordered[32]
    return np.packbits(above, bitorder="little").view("<u8")[0]  # type: ignore[no-any-return]
