"""Near duplicates: records that are almost those that were there before.

One kind of sketch a file: `text`, `rows` (`cells` where they travel), `images`, `series`. Each turns records into band keys that near ones
share and signatures that are compared (`sketch`); `pairs` finds near records of one table, `index` those added before, `search` is the
door.
"""

from __future__ import annotations

from sheaf.verification.near.cells import Cells
from sheaf.verification.near.index import Counts, Matches, NearIndex
from sheaf.verification.near.pairs import Pairs, clusters, near_pairs, standing
from sheaf.verification.near.search import KINDS, LEAST, THRESHOLDS, Found, choose, find_near_duplicates
from sheaf.verification.near.sketch import Kind, Sketch, packed, size_of, unpacked

__all__ = [
    "KINDS",
    "LEAST",
    "THRESHOLDS",
    "Cells",
    "Counts",
    "Found",
    "Kind",
    "Matches",
    "NearIndex",
    "Pairs",
    "Sketch",
    "choose",
    "clusters",
    "find_near_duplicates",
    "near_pairs",
    "packed",
    "size_of",
    "standing",
    "unpacked",
]
