"""What may be asked about: columns with declared bounds and categories, and how many records one person may have.

Bounds and categories come from the schema or from its owner, never from the data: a bound read from the data is an answer nobody paid for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from sheaf.formats.schema import Schema

MOST_CATEGORIES = 10_000
MOST_ROWS_PER_PERSON = 1_000
KINDS = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}

Value = str | int | float | bool


@dataclass(frozen=True)
class Column:
    """One field that may be asked about: its kind, its bounds if it is a number, its categories if they are declared."""

    name: str
    kind: Literal["integer", "number", "boolean", "text"]
    lower: float | None = None
    upper: float | None = None
    categories: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        bounds = (self.lower, self.upper)
        if (self.lower is None) != (self.upper is None):
            raise InputError(self.name, bounds, "give both bounds, or none")
        if self.lower is not None and self.upper is not None:
            if not all(math.isfinite(bound) and abs(bound) <= 2.0**52 for bound in (self.lower, self.upper)):
                raise InputError(self.name, bounds, "give finite bounds, at most 2**52 in size")
            if not self.lower < self.upper:
                raise InputError(self.name, bounds, "give a lower bound below the upper")
        if len(self.categories) > MOST_CATEGORIES or len(set(self.categories)) != len(self.categories):
            raise InputError(
                self.name, f"{len(self.categories)} categories", f"give each once, at most {MOST_CATEGORIES}"
            )

    @property
    def is_number(self) -> bool:
        """Whether its values can be added."""
        return self.kind in ("integer", "number")

    @property
    def has_bounds(self) -> bool:
        """Whether sums of it can be answered."""
        return self.is_number and self.lower is not None


@dataclass(frozen=True)
class Population:
    """A table of people: what may be asked, which field says whose record it is, and how many records count for one person.

    Without `person` every record is a person of its own, and `rows_per_person` is 1. Records beyond it are left out, the later ones in
    the table's order. Groups that seem smaller than `least_rows`, by their noisy count, are answered with nothing.
    """

    columns: Mapping[str, Column]
    person: str | None = None
    rows_per_person: int = 1
    least_rows: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.rows_per_person <= MOST_ROWS_PER_PERSON:
            raise InputError("rows_per_person", self.rows_per_person, f"give 1 to {MOST_ROWS_PER_PERSON}")
        if self.person is None and self.rows_per_person != 1:
            raise InputError(
                "rows_per_person", self.rows_per_person, "name the field that tells people apart, or give 1"
            )
        if self.person in self.columns:
            raise InputError("person", self.person, "cannot be asked about too: it names people")
        if self.least_rows < 0:
            raise InputError("least_rows", self.least_rows, "give 0 or more")

    def column(self, name: str) -> Column:
        """Return a column by name. Raises InputError if there is none, or it may not be asked about."""
        if name in self.refused:
            raise InputError("sql", name, self.refused[name])
        if name not in self.columns:
            known = ", ".join(sorted(self.columns)) or "none"
            raise InputError("sql", name, f"is no column here: ask about {known}")
        return self.columns[name]


def population(
    schema: Schema,
    person: str | None = None,
    rows_per_person: int = 1,
    hidden: Collection[str] = (),
    least_rows: int = 0,
) -> Population:
    """Make the population of a schema: bounds from minimum and maximum, categories from enum; `hidden` fields cannot be asked about.

    Raises InputError for a person or hidden field that the schema does not have.
    """
    names = {one.name for one in schema.fields}
    for given, name in (("person", person), *(("hidden", name) for name in hidden)):
        if name is not None and name not in names:
            raise InputError(given, name, f"name a field of the schema: {', '.join(sorted(names))}")
    columns, refused = {}, {}
    for one in schema.fields:
        if one.name == person:
            refused[one.name] = "tells people apart and cannot be asked about"
        elif one.name in hidden:
            refused[one.name] = "is hidden by the owner's policy: ask about another field"
        elif one.kind not in KINDS:
            refused[one.name] = f"has kind {one.kind}: ask about numbers, texts and booleans"
        else:
            lower, upper = one.rules.get("minimum"), one.rules.get("maximum")
            if lower is None or upper is None or not lower < upper:
                lower, upper = None, None
            kind: Literal["integer", "number", "boolean", "text"] = KINDS[one.kind]  # type: ignore[assignment]
            categories = (False, True) if kind == "boolean" else tuple(one.rules.get("enum", ()))
            columns[one.name] = Column(one.name, kind, lower, upper, categories)
    return Population(columns, person, rows_per_person, least_rows, refused)


def conform(frame: pl.DataFrame, described: Population) -> pl.DataFrame:
    """Return the described columns of `frame` in the types they are declared with; what does not fit its type becomes null.

    It never fails for a value, since a failure would tell that the value is there. Raises InputError for a missing column.
    """
    import polars as pl

    types = {"integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "text": pl.String}
    wanted = [*described.columns, *([described.person] if described.person else [])]
    for name in wanted:
        if name not in frame.columns:
            raise InputError(
                "data", name, "is no column of the data: give the table that the schema describes"
            )
    casts = []
    for name in wanted:
        column = pl.col(name)
        if name == described.person:
            casts.append(column.cast(pl.String, strict=False))
            continue
        kind = described.columns[name].kind
        if kind == "integer" and frame.schema[name].is_float():
            column = pl.when(column == column.round()).then(column)
        cast = column.cast(types[kind], strict=False)
        casts.append(cast.fill_nan(None) if kind == "number" else cast)
    return frame.select(casts)
