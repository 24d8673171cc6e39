"""What a job sees of a table, the folder it finds it in, and the table of no real value that a buyer tries a program on at home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheaf.domain.errors import RecordError
from sheaf.domain.policy import FieldRule, Policy, Showing

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

PROGRAM, DATA = "program.py", "data.parquet"
TWIN_ROWS = 1 << 24
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def project(table: pa.Table, policy: Policy) -> pa.Table:
    """Return what a job sees of `table`: hidden fields gone, generalised ones coarse. A field that the policy does not name is hidden.

    Raises RecordError for a field that the policy names and the table has not, or whose kind does not fit its rule.
    """
    shown = {}
    for name, rule in policy.fields.items():
        if name not in table.column_names:
            raise RecordError(
                f"fields.{name}", "not in the table", f"name one of {', '.join(table.column_names)}"
            )
        if rule.showing is Showing.DISCLOSED:
            shown[name] = table.column(name)
        elif rule.showing is Showing.GENERALISED:
            shown[name] = _coarse(name, table.column(name), rule)
    import pyarrow as pa

    return pa.table({name: shown[name] for name in table.column_names if name in shown})


def lay_out(folder: Path, program: bytes, table: pa.Table) -> None:
    """Make the folder of a job: its program and the records it may see, readable by whom the sandbox runs it as."""
    import pyarrow.parquet as pq

    folder.mkdir()
    (folder / PROGRAM).write_bytes(program)
    pq.write_table(table, folder / DATA, compression="zstd")
    for path in folder.iterdir():
        path.chmod(0o644)
    folder.chmod(0o755)


def twin(schema: pa.Schema, policy: Policy, rows: int, seed: int = 0) -> pa.Table:
    """Return a table of `rows` records that looks like what a job will see, to write and try a program at home.

    It is drawn from the schema alone (field names and Arrow types): no value of the data is looked at, so none is in it. Numbers are
    uniform in 0 to 100, texts are letters, times lie in 2000 to 2020. Raises RecordError for too many rows or a type that is not drawn.
    """
    import pyarrow as pa

    if isinstance(rows, bool) or not isinstance(rows, int) or not 0 <= rows <= TWIN_ROWS:
        raise RecordError("rows", rows, f"give a whole number from 0 to {TWIN_ROWS:,}")
    generator = np.random.default_rng(seed)
    drawn = {
        field.name: _drawn(field.name, field.type, rows, generator)
        for field in schema
        if field.name in policy.fields
    }
    return project(pa.table(drawn), policy)


def _coarse(name: str, column: pa.ChunkedArray, rule: FieldRule) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if rule.step is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        coarse = pc.multiply(pc.floor(pc.divide(pc.cast(column, pa.float64()), rule.step)), rule.step)
        whole = pa.types.is_integer(kind) and rule.step == int(rule.step)
        return pc.cast(coarse, kind) if whole else coarse
    if rule.keep is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pc.utf8_slice_codeunits(column, 0, rule.keep)
    if rule.period is not None and (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        return pc.cast(pc.floor_temporal(column, unit=rule.period), kind)
    way = "step" if rule.step is not None else "keep" if rule.keep is not None else "period"
    raise RecordError(
        f"fields.{name}.{way}",
        kind,
        "it does not fit: step is for numbers, keep for texts, period for dates and times",
    )


def _drawn(name: str, kind: pa.DataType, rows: int, generator: np.random.Generator) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return pa.array(generator.random(rows) < 0.5)
    if pa.types.is_integer(kind):
        return pa.array(generator.integers(0, 100, rows)).cast(kind)
    if pa.types.is_floating(kind):
        return pa.array(generator.random(rows) * 100).cast(kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        letters = generator.integers(0, len(LETTERS), (rows, 8))
        return pa.array(["".join(LETTERS[one] for one in row) for row in letters], kind)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = pa.array(generator.integers(10_957, 18_262, rows).astype(np.int32)).cast(pa.date32())
        return days.cast(kind)
    if pa.types.is_list(kind) and pa.types.is_primitive(kind.value_type):
        inner = _drawn(name, kind.value_type, 4 * rows, generator)
        return pa.ListArray.from_arrays(pa.array(np.arange(0, 4 * rows + 1, 4, dtype=np.int32)), inner)
    raise RecordError(
        f"fields.{name}", kind, "no twin is drawn of this type: hide the field, or give it as numbers or text"
    )
