"""Answering a planned question: records are chosen, bounded per person, added up, and only noisy numbers come out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from itertools import product
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sheaf.domain.errors import InputError
from sheaf.privacy.accountant import Loss
from sheaf.privacy.ledger import Job, Ledger
from sheaf.privacy.statistics import mechanisms
from sheaf.privacy.statistics.columns import Population, conform
from sheaf.privacy.statistics.plan import Part, Plan, bounds, edges
from sheaf.privacy.statistics.sql import Condition, Item, Join

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

CELL = "\0cell"  # no name of a field: those are printable

Cell = str | int | float | bool | list[int] | None


class Answer(msgspec.Struct, frozen=True):
    """What a question returns: `rows` under `columns`, and `loss`, which is all that anybody can learn of one person from it.

    `errors` has the standard deviation of the noise in each value of `rows`, None where it is no such number (groups, quantiles).
    Counts may be below zero: noise is not hidden. `edges` are the borders of each histogram's bins.
    """

    columns: list[str]
    rows: list[list[Cell]]
    errors: list[list[float | None]]
    loss: Loss
    edges: dict[str, list[float]] = {}

    @property
    def value(self) -> Cell:
        """The one value of a question that asks for one. Raises InputError if there are more."""
        if len(self.rows) != 1 or len(self.columns) != 1:
            raise InputError(
                "value",
                f"{len(self.rows)} rows of {len(self.columns)}",
                "read rows: there is more than one value",
            )
        return self.rows[0][0]

    def encode(self) -> bytes:
        """Return the answer as JSON: what a ledger keeps."""
        return msgspec.json.encode(self)


def decode(data: bytes) -> Answer:
    """Read an answer back from JSON."""
    return msgspec.json.decode(data, type=Answer)


class Charge(msgspec.Struct, frozen=True):
    """Who pays for an answer: the dataset's account, who asks, and the account of each contributor by the value of the person field."""

    dataset: str
    buyer: str = ""
    contributors: dict[str, str] = {}


def ask(ledger: Ledger, job: str, charge: Charge, planned: Plan, read: Callable[[], pl.DataFrame]) -> Answer:
    """Answer a question under a budget: spend, then `read` and compute, keep, and only then give the answer out.

    The same job returns the same answer for ever. Raises Refused, reading nothing, where budget is lacking.
    """
    if charge.contributors and planned.population.person is None:
        raise InputError(
            "contributors", f"{len(charge.contributors)} accounts", "name the field that tells people apart"
        )
    identity = Job(job, planned.fingerprint, charge.buyer)
    grant = ledger.spend(identity, planned.loss, [charge.dataset], list(charge.contributors.values()))
    if grant.answer is not None:
        return decode(grant.answer)
    paid = set(grant.people)
    counted = {person for person, account in charge.contributors.items() if account in paid}
    found = run(planned, read(), counted if charge.contributors else None)
    return decode(ledger.keep(job, found.encode()))


def run(planned: Plan, frame: pl.DataFrame, people: Collection[str] | None = None) -> Answer:
    """Compute the noisy answer over `frame`, counting in only `people` where they are named.

    Every call draws fresh noise and costs `planned.loss` again: who answers strangers goes by `ask`.
    """
    rows = _chosen(planned, conform(frame, planned.population), people)
    noisy = {part: _noisy(planned, part, rows) for part in planned.parts}
    groups = product(*(planned.population.columns[name].categories for name in planned.query.groups))
    counted = noisy.get(Part("count"), ([], Loss(), None))[0]
    values: list[list[Cell]] = []
    errors: list[list[float | None]] = []
    for cell, group in enumerate(groups):
        is_shown = not planned.population.least_rows or counted[cell] >= planned.population.least_rows
        found = [
            _value(planned, item, noisy, cell) if is_shown else (None, None) for item in planned.query.items
        ]
        values.append([*group, *(value for value, _ in found)])
        errors.append([*(None for _ in group), *(error for _, error in found)])
    spent = sum((loss for _, loss, _ in noisy.values()), Loss())
    columns = [*planned.query.groups, *(item.name for item in planned.query.items)]
    borders = {
        item.name: edges(planned.population.columns[item.column], int(item.parameter))
        for item in planned.query.items
        if item.function == "histogram" and item.column and item.parameter
    }
    return Answer(columns, values, errors, spent, borders)


def _chosen(planned: Plan, frame: pl.DataFrame, people: Collection[str] | None) -> pl.DataFrame:
    """Return the records that are asked about, a bounded number for each person, with the number of their group in CELL."""
    import polars as pl

    described = planned.population
    if planned.query.where is not None:
        frame = frame.filter(_expression(planned.query.where, described))
    cell = pl.lit(0, pl.Int64)
    for name in planned.query.groups:
        options = described.columns[name].categories
        places = {option: place for place, option in enumerate(options)}
        place = pl.col(name).replace_strict(places, default=None, return_dtype=pl.Int64)
        cell = cell * len(options) + place
    frame = frame.with_columns(cell.alias(CELL)).filter(pl.col(CELL).is_not_null())
    if described.person is None:
        return frame
    frame = frame.filter(pl.col(described.person).is_not_null())
    if people is not None:
        frame = frame.filter(pl.col(described.person).is_in(list(people)))
    return frame.filter(pl.int_range(pl.len()).over(described.person) < described.rows_per_person)


def _expression(condition: Condition, described: Population) -> pl.Expr:
    import polars as pl

    if isinstance(condition, Join):
        parts = [_expression(part, described) for part in condition.parts]
        if condition.operator == "not":
            return ~parts[0]
        joined = parts[0]
        for part in parts[1:]:
            joined = joined & part if condition.operator == "and" else joined | part
        return joined
    column = pl.col(condition.column)
    if condition.operator == "null":
        return column.is_null()
    if described.columns[condition.column].kind == "integer":
        column = column.cast(pl.Float64) if any(isinstance(v, float) for v in condition.values) else column
    values = [pl.lit(value) for value in condition.values]
    if condition.operator == "between":
        return (column >= values[0]) & (column <= values[1])
    if condition.operator == "in":
        found = column == values[0]
        for value in values[1:]:
            found = found | (column == value)
        return found
    comparisons: dict[str, Callable[[Any, Any], pl.Expr]] = {
        "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    }  # fmt: skip
    return comparisons[condition.operator](column, values[0])


def _noisy(planned: Plan, part: Part, rows: pl.DataFrame) -> tuple[Any, Loss, float | None]:
    """Return the noisy numbers of a part by group, what they cost, and the deviation of their noise."""
    if part.kind == "quantile":
        return _quantiles(planned, part, rows)
    exact = _histogram(planned, part, rows) if part.kind == "histogram" else _sums(planned, part, rows)
    return mechanisms.noisy(exact, planned.sensitivity(part), planned.rho)


def _sums(planned: Plan, part: Part, rows: pl.DataFrame) -> NDArray[np.int64]:
    import polars as pl

    if part.column:
        rows = rows.filter(pl.col(part.column).is_not_null())
    added = pl.len().cast(pl.Int64)
    if part.kind != "count":
        grid = planned.grid(part)
        clipped = pl.col(part.column).cast(pl.Float64).clip(grid.lower, grid.upper)
        steps = ((clipped - grid.centre) / grid.step).round().clip(-grid.most, grid.most).cast(pl.Int64)
        added = steps.sum()
    totals = rows.group_by(CELL).agg(added.alias("total"))
    found = np.zeros(planned.cells, np.int64)
    found[totals[CELL].to_numpy()] = totals["total"].to_numpy()
    return found


def _histogram(planned: Plan, part: Part, rows: pl.DataFrame) -> NDArray[np.int64]:
    import polars as pl

    rows = rows.filter(pl.col(part.column).is_not_null())
    lower, upper = bounds(planned.population.columns[part.column])
    bins = int(part.parameter)
    values = rows[part.column].cast(pl.Float64).clip(lower, upper).to_numpy()
    inner = edges(planned.population.columns[part.column], bins)[1:-1]
    places = rows[CELL].to_numpy() * bins + np.searchsorted(inner, values, side="right")
    return np.bincount(places, minlength=planned.cells * bins).astype(np.int64)


def _quantiles(planned: Plan, part: Part, rows: pl.DataFrame) -> tuple[list[float], Loss, None]:
    import polars as pl

    rows = rows.filter(pl.col(part.column).is_not_null()).with_columns(pl.col(part.column).cast(pl.Float64))
    found = []
    for cell in range(planned.cells):
        values = rows.filter(pl.col(CELL) == cell)[part.column].to_numpy()
        options, limit = planned.values(part), planned.population.rows_per_person
        found.append(mechanisms.quantile(values, options, part.parameter, limit, planned.rho)[0])
    return found, planned.cost(part), None


def _value(planned: Plan, item: Item, noisy: dict[Part, Any], cell: int) -> tuple[Cell, float | None]:
    """Return one value of the answer and the deviation of its noise, from the noisy parts alone."""
    if item.function == "mean":
        return _mean(planned, item, noisy, cell)
    part = Part(item.function, item.column or "", item.parameter or 0.0)
    numbers, _, deviation = noisy[part]
    if item.function == "histogram":
        bins = int(part.parameter)
        return [int(count) for count in numbers[cell * bins : (cell + 1) * bins]], deviation
    if item.function == "sum":
        step = planned.grid(part).step
        return float(numbers[cell] * step), deviation * step
    if item.function == "quantile":
        return float(numbers[cell]), None
    return int(numbers[cell]), deviation


def _mean(planned: Plan, item: Item, noisy: dict[Part, Any], cell: int) -> tuple[float, float]:
    centred, count = Part("centred", str(item.column)), Part("count", str(item.column))
    grid = planned.grid(centred)
    (sums, _, sum_deviation), (counts, _, count_deviation) = noisy[centred], noisy[count]
    people = max(1, int(counts[cell]))
    offset = float(sums[cell]) * grid.step / people
    value = min(max(grid.centre + offset, grid.lower), grid.upper)
    error = math.hypot(sum_deviation * grid.step, offset * count_deviation) / people
    return value, min(error, grid.upper - grid.lower)
