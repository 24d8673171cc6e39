"""What records become so that near ones can be found: band keys that near records share, and signatures that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import IntegrityError
from sheaf.verification.near.sets import Sets

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Sketch:
    """Sketches of n records.

    `present` (n,) tells which records have anything to compare. `keys` (n, bands) is what is stored of them, `signature`
    (n, width) what decides. `probes` are (band, keys of shape (n,)) to be looked up; by default the stored keys themselves.
    `sets`, where there are any, give the similarity without error.
    """

    present: NDArray[np.bool_]
    keys: NDArray[np.uint32]
    signature: NDArray[np.uint8]
    sets: Sets | None = None
    near: tuple[tuple[int, NDArray[np.uint32]], ...] = ()

    def __len__(self) -> int:
        return len(self.present)

    @cached_property
    def probes(self) -> tuple[tuple[int, NDArray[np.uint32]], ...]:
        """Every (band, keys) under which a near record may be stored."""
        return tuple((band, self.keys[:, band]) for band in range(self.keys.shape[1])) + self.near


def packed(sketch: Sketch) -> NDArray[np.uint8]:
    """Return the sketches as they travel, shape (n, 1 + 4 * bands + width): present, keys in little-endian order, signature."""
    rows = np.hstack(
        [
            sketch.present[:, None].astype(np.uint8),
            np.ascontiguousarray(sketch.keys, "<u4").view(np.uint8).reshape(len(sketch), -1),
            sketch.signature,
        ]
    )
    rows[~sketch.present] = 0  # what they mean nothing for is the same everywhere
    return rows


def unpacked(rows: NDArray[np.uint8], bands: int) -> Sketch:
    """Return the sketches that `packed` made, without sets. Raises IntegrityError for rows that it does not make."""
    present = rows[:, 0].astype(np.bool_)
    if (rows[:, 0] > 1).any() or rows[~present].any():
        raise IntegrityError("sketch: a record that is not there has one: ask another member for it")
    keys = np.ascontiguousarray(rows[:, 1 : 1 + 4 * bands]).view("<u4").astype(np.uint32)
    return Sketch(present, keys.reshape(len(rows), bands), np.ascontiguousarray(rows[:, 1 + 4 * bands :]))


def size_of(kind: Kind) -> int:
    """Return the bytes of one record's sketch as it travels."""
    return 1 + 4 * kind.bands + kind.width


class Kind(Protocol):
    """One way to compare records: text, rows, images, series."""

    @property
    def namespace(self) -> str:
        """A name for everything that a stored sketch depends on: sketches of one namespace can be compared."""
        ...

    @property
    def bands(self) -> int:
        """Keys stored of one record."""
        ...

    @property
    def width(self) -> int:
        """Bytes of a signature."""
        ...

    @property
    def threshold(self) -> float:
        """From which similarity, 0 to 1, records count as near."""
        ...

    @property
    def margin(self) -> float:
        """How far a signature's similarity may lie below the true one."""
        ...

    def sketch(self, table: pa.Table) -> Sketch:
        """Return the sketches of all records of `table`."""
        ...

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return shape (m,): the similarity, 0 to 1, of signatures of shape (m, width)."""
        ...
