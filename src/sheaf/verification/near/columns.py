"""Columns of a table as near-duplicate search takes them; every refusal names the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import RecordError

if TYPE_CHECKING:
    import pyarrow as pa


def column(table: pa.Table, name: str) -> Any:
    """Return the column of this name, dictionaries decoded. Raises RecordError if there is none, or several."""
    import pyarrow as pa

    if table.column_names.count(name) != 1:
        known = ", ".join(dict.fromkeys(table.column_names)) or "none"
        raise RecordError(
            "field", name, f"name a field of the records, there {'are' if ',' in known else 'is'}: {known}"
        )
    found = table.column(name)
    return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found


def kind_of(dtype: pa.DataType) -> str:
    """Return what a column holds: `text`, `bytes`, `number`, `series` (lists of numbers), `flag`, or `other`."""
    from pyarrow import types

    if types.is_dictionary(dtype):
        return kind_of(dtype.value_type)
    if types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype):
        return "series" if kind_of(dtype.value_type) == "number" else "other"
    for kind, tests in (
        ("text", (types.is_string, types.is_large_string, types.is_string_view)),
        ("bytes", (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)),
        (
            "number",
            (types.is_integer, types.is_floating, types.is_date, types.is_timestamp, types.is_decimal),
        ),
        ("flag", (types.is_boolean, types.is_null)),
    ):
        if any(test(dtype) for test in tests):
            return kind
    return "other"


def demand(table: pa.Table, name: str, kind: str, fix: str) -> Any:
    """Return the column of this name and kind. Raises RecordError with `fix`."""
    found = column(table, name)
    if kind_of(found.type) != kind:
        raise RecordError("field", f"{name} ({found.type})", fix)
    return found


def strings(table: pa.Table, name: str) -> list[str | None]:
    """Return a column of text. Raises RecordError for anything else."""
    texts: list[str | None] = demand(table, name, "text", "give a field of text").to_pylist()
    return texts


def floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Return a column of numbers; dates are days, times seconds since 1970; null is NaN. Raises RecordError for anything else."""
    import pyarrow as pa

    found = demand(table, name, "number", "give a field of numbers")
    divisor = 1.0
    if pa.types.is_timestamp(found.type):
        divisor = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[found.type.unit]
        found = found.cast(pa.int64())
    elif pa.types.is_date(found.type):
        found = found.cast(pa.date32()).cast(pa.int32())
    numbers = found.cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(numbers, np.float64) / divisor
