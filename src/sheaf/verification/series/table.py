"""Tables of readings as series: one row a reading, a column of time, a column for each channel, perhaps one that says whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.verification.series.windows import Floats, Series, channels_of

if TYPE_CHECKING:
    import pyarrow as pa

APART = 1e6
"""Median steps between the series of two sources, so that no window spans both."""


def series_of(
    table: pa.Table, time: str, channels: Sequence[str] = (), key: str = "", label: str | None = None
) -> tuple[Series, NDArray[np.int64]]:
    """Return the readings of a table in the order of source (`key`) and time, and their rows, shape (n,).

    Without `channels` all columns of numbers but time, key and label. Raises InputError where there is no time or no channel.
    """
    rows_time = seconds_of(table, time)
    names = channels_of([name for name in numeric(table) if name not in (time, key, label)], channels)
    if not names:
        raise InputError("channels", "none", "give at least one column of numbers beside the time")
    source = sources_of(table, key)
    known = np.flatnonzero(np.isfinite(rows_time))
    order = known[np.lexsort((rows_time[known], source[known]))]
    at, whose = rows_time[order], source[order]
    steps = np.diff(at)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    change = np.concatenate([[False], whose[1:] != whose[:-1]])
    shifts = np.cumsum(np.where(change, np.concatenate([[0.0], -steps]) + APART * usual, 0.0))
    values = np.stack([floats(table, name)[order] for name in names], axis=1)
    return Series(at + shifts, np.where(np.isfinite(values), values, np.nan), names), order


def numeric(table: pa.Table) -> list[str]:
    """Return the names of the columns that hold numbers."""
    from pyarrow import types

    return [one.name for one in table.schema if types.is_integer(one.type) or types.is_floating(one.type)]


def floats(table: pa.Table, name: str) -> Floats:
    """Return a column of numbers as doubles, NaN where missing."""
    import pyarrow as pa

    column = table.column(name).cast(pa.float64(), safe=False)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def seconds_of(table: pa.Table, time: str) -> Floats:
    """Return a column of times (or of numbers, taken as seconds) in seconds, NaN where missing. Raises InputError if there is none."""
    import pyarrow as pa
    from pyarrow import types

    if time not in table.column_names:
        raise InputError("time", time or "none", f"name one of {', '.join(table.column_names)}")
    column = table.column(time)
    if types.is_timestamp(column.type) or types.is_date(column.type):
        micros = column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
        return np.asarray(micros.to_numpy(zero_copy_only=False), np.float64) / 1e6
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        raise InputError("time", time, "name a column of times, or of numbers of seconds")
    return floats(table, time)


def sources_of(table: pa.Table, key: str) -> NDArray[np.int64]:
    """Return a number for each row that says whose reading it is, shape (n,): equal where the column `key` is. Raises InputError."""
    import pyarrow.compute as pc

    if not key:
        return np.zeros(table.num_rows, dtype=np.int64)
    if key not in table.column_names:
        raise InputError("key", key, f"name one of {', '.join(table.column_names)}")
    coded: Any = pc.dictionary_encode(table.column(key).combine_chunks(), null_encoding="encode")
    indices = coded.indices if hasattr(coded, "indices") else coded.combine_chunks().indices
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)
