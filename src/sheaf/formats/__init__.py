"""What records look like: readers, schemas, specifications, and the bundle that a buyer receives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sheaf.formats.bundle import Bundle

__all__ = ["load"]


def load(directory: Path | str) -> Bundle:
    """Open a bundle: `load(path).to_polars()`, `.to_arrow()`, `.to_pandas()`, `.to_datasets()`, `.to_torch(batch_size=256)`.

    Raises IntegrityError where a file of it was altered, is missing or does not belong to it.
    """
    from sheaf.formats.bundle import read

    return read(directory)
