"""From a question to what will be computed and what it costs, before any record is read."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from sheaf.domain.errors import InputError
from sheaf.privacy.accountant import Loss, gaussian_rho
from sheaf.privacy.statistics import mechanisms
from sheaf.privacy.statistics.columns import Column, Population, Value
from sheaf.privacy.statistics.mechanisms import Grid
from sheaf.privacy.statistics.sql import Condition, Item, Join, Query, parse

MOST_CELLS = 10_000
MOST_BINS = 1_000
ORDERED = ("<", "<=", ">", ">=", "between")


@dataclass(frozen=True, order=True)
class Part:
    """One noisy thing, computed for every group: `count`, `sum` or `centred` sum, `quantile`, `histogram` of `column`."""

    kind: str
    column: str = ""
    parameter: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A question that can be answered: checked against the population, its parts, and the share of ρ that each of them gets."""

    query: Query
    population: Population
    parts: tuple[Part, ...]
    rho: float

    @cached_property
    def loss(self) -> Loss:
        """What answering costs, whatever the data are."""
        return sum((self.cost(part) for part in self.parts), Loss())

    @cached_property
    def cells(self) -> int:
        """How many groups there are: every combination of categories, whether anybody is in it or not."""
        return math.prod(len(self.population.columns[name].categories) for name in self.query.groups)

    @cached_property
    def fingerprint(self) -> bytes:
        """The digest of all that decides what is asked, with the population's rules and the budget: 32 bytes."""
        return hashlib.sha256(
            msgspec.json.encode((self.query, self.population, self.rho), order="sorted")
        ).digest()

    def grid(self, part: Part) -> Grid:
        """Return the steps in which a sum is taken."""
        column = self.population.columns[part.column]
        lower, upper = bounds(column)
        middle = (lower + upper) / 2
        centre = (
            0.0 if part.kind == "sum" else float(math.floor(middle)) if column.kind == "integer" else middle
        )
        return Grid(lower, upper, centre, column.kind == "integer")

    def sensitivity(self, part: Part) -> int:
        """Return how far one person moves the numbers of a part: all that person's records may lie in one place."""
        rows = self.population.rows_per_person
        return rows * self.grid(part).most if part.kind in ("sum", "centred") else rows

    def values(self, part: Part) -> tuple[float, ...]:
        """Return what a quantile chooses among."""
        column = self.population.columns[part.column]
        return mechanisms.candidates(*bounds(column), column.kind == "integer")

    def cost(self, part: Part) -> Loss:
        """Return what one part costs; its groups are different records, so together they cost no more than one."""
        if part.kind == "quantile":
            rows = self.population.rows_per_person
            return mechanisms.quantile_cost(self.values(part), part.parameter, rows, self.rho)
        return mechanisms.noise_cost(self.sensitivity(part), self.rho)


def plan(sql: str, population: Population, epsilon: float, delta: float) -> Plan:
    """Compile a question that may cost (ε, δ) by itself. Raises InputError naming what cannot be asked, and what can.

    The parts share equally. Questions together cost less than the sum of their ε: what counts is their loss.
    """
    query = parse(sql)
    rho = gaussian_rho(epsilon, delta)
    for name in query.groups:
        if not population.column(name).categories:
            raise InputError(
                "sql", name, "has no declared categories: give it an enum in the schema, or use histogram"
            )
    if query.where is not None:
        _check(query.where, population)
    found = dict.fromkeys(part for item in query.items for part in parts_of(item, population))
    if population.least_rows:
        found[Part("count")] = None
    made = Plan(query, population, tuple(found), rho / len(found))
    bins = sum(int(part.parameter) for part in made.parts if part.kind == "histogram")
    if made.cells * max(1, bins) > MOST_CELLS:
        raise InputError("sql", f"{made.cells * max(1, bins)} cells", f"group into at most {MOST_CELLS}")
    return made


def parts_of(item: Item, population: Population) -> tuple[Part, ...]:
    """Return the noisy things that a selected item is made of. Raises InputError for a column that does not fit the function."""
    if item.column is None:
        return (Part("count"),)
    column = population.column(item.column)
    if item.function != "count" and not column.is_number:
        raise InputError(
            "sql", item.name, f"{column.name} is {column.kind}: use a number, or count and GROUP BY"
        )
    if item.function in ("count", "sum", "mean") and item.parameter is not None:
        raise InputError("sql", item.name, f"{item.function} takes a column alone")
    if item.function != "count" and not column.has_bounds:
        raise InputError(
            "sql", item.name, f"{column.name} has no declared bounds: give minimum and maximum in the schema"
        )
    if item.function == "sum":
        return (Part("sum", column.name),)
    if item.function == "mean":
        return (Part("centred", column.name), Part("count", column.name))
    if item.function == "quantile":
        share = item.parameter
        if share is None or not 0 < share < 1:
            raise InputError("sql", item.name, "say which quantile between 0 and 1: quantile(column, 0.9)")
        return (Part("quantile", column.name, share),)
    if item.function == "histogram":
        bins = item.parameter
        if bins is None or bins != int(bins) or not 2 <= bins <= MOST_BINS:
            raise InputError("sql", item.name, f"say how many bins, 2 to {MOST_BINS}: histogram(column, 10)")
        return (Part("histogram", column.name, bins),)
    return (Part("count", column.name),)


def bounds(column: Column) -> tuple[float, float]:
    """Return the declared bounds of a column that has them."""
    assert column.lower is not None and column.upper is not None
    return float(column.lower), float(column.upper)


def edges(column: Column, bins: int) -> list[float]:
    """Return the borders of equal bins between a column's bounds, `bins` + 1 of them."""
    return [float(edge) for edge in np.linspace(*bounds(column), bins + 1)]


def _check(condition: Condition, population: Population) -> None:
    """Raise InputError where a condition compares a column with what it can never be."""
    if isinstance(condition, Join):
        for part in condition.parts:
            _check(part, population)
        return
    column = population.column(condition.column)
    if condition.operator in ORDERED and not column.is_number:
        raise InputError("sql", column.name, f"is {column.kind} and has no order: use = or IN")
    for value in condition.values:
        if not _fits(value, column):
            raise InputError(
                "sql",
                f"{column.name} {condition.operator} {value!r}",
                f"compare {column.name} with {_example(column)}",
            )


def _fits(value: Value, column: Column) -> bool:
    if column.kind == "boolean":
        return isinstance(value, bool)
    if column.kind == "text":
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _example(column: Column) -> str:
    return {"boolean": "TRUE or FALSE", "text": "a text in single quotes"}.get(column.kind, "a number")
