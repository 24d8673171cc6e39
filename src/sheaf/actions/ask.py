"""Ask a question about the people in a file, under a budget that a ledger keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sheaf.domain.errors import InputError
from sheaf.formats import records, schema
from sheaf.privacy.accountant import Budget
from sheaf.privacy.ledger import Balance, Ledger
from sheaf.privacy.statistics.answer import Answer, Charge, run
from sheaf.privacy.statistics.answer import ask as ask_under
from sheaf.privacy.statistics.columns import Population, population
from sheaf.privacy.statistics.plan import plan


class Promise(msgspec.Struct, frozen=True):
    """Where a budget is kept: the ledger's file, the dataset's account and its whole ε, and the ε of each person, 0 for none."""

    ledger: Path
    account: str
    epsilon: float
    person_epsilon: float = 0.0


class Asked(msgspec.Struct, frozen=True):
    """What was answered: ε that this answer costs alone, and what the account has spent and promised, if there is one."""

    answer: Answer
    epsilon: float
    delta: float
    spent_epsilon: float | None = None
    budget_epsilon: float | None = None


def ask(
    file: Path,
    sql: str,
    described: Population,
    cost: tuple[float, float],
    promise: Promise | None = None,
    job: str = "",
) -> Asked:
    """Answer `sql` about the records in `file` for (ε, δ) `cost`; with a `promise` only as far as its budget goes.

    The same question on one ledger is the same `job`, unless another name is given: it returns the same answer, at no cost.
    Raises InputError for what cannot be asked, Refused where budget is lacking, RecordError for a file that cannot be read.
    """
    import polars as pl

    epsilon, delta = cost
    made = plan(sql, described, epsilon, delta)
    frame = pl.DataFrame(pl.from_arrow(records.read(file)))
    if promise is None:
        return Asked(run(made, frame), made.loss.epsilon(delta), delta)
    ledger = Ledger(promise.ledger)
    ledger.open_accounts([promise.account], Budget(promise.epsilon, delta))
    contributors = {}
    if promise.person_epsilon:
        if described.person is None:
            raise InputError(
                "person", "missing", "name the field that tells people apart, to give each a budget"
            )
        people = frame[described.person].cast(pl.String).drop_nulls().unique(maintain_order=True)
        contributors = {person: f"person {person}" for person in people.to_list()}
        ledger.open_accounts(contributors.values(), Budget(promise.person_epsilon, delta))
    identity = job or made.fingerprint.hex()
    answer = ask_under(ledger, identity, Charge(promise.account, "", contributors), made, lambda: frame)
    balance = ledger.balance(promise.account)
    return Asked(answer, answer.loss.epsilon(delta), delta, balance.spent_epsilon, promise.epsilon)


def spent(ledger: Path, account: str) -> Balance:
    """Return what an account of the ledger at `ledger` has spent. Raises InputError where there is no ledger, Refused no account."""
    if not ledger.is_file():
        raise InputError("ledger", ledger, "give a ledger that exists")
    return Ledger(ledger).balance(account)


def described_by(
    document: dict[str, object] | None, bounds: Sequence[str], categories: Sequence[str]
) -> schema.Schema:
    """Make the schema of a table from a document, or from `FIELD=LOW:HIGH` and `FIELD=A,B,C` as they are typed.

    Raises InputError for text that is neither, SpecificationError for a document that is no schema.
    """
    if document is not None:
        if bounds or categories:
            raise InputError(
                "bounds", bounds or categories, "give a schema, or bounds and categories, not both"
            )
        return schema.compile(dict(document))
    properties: dict[str, object] = {}
    for text in bounds:
        found = re.fullmatch(r"([^=]+)=([-+.\deE]+):([-+.\deE]+)", text)
        if found is None:
            raise InputError("bounds", text, "write FIELD=LOW:HIGH, as age=0:120")
        low, high = (_number(text, part) for part in found.groups()[1:])
        kind = "integer" if isinstance(low, int) and isinstance(high, int) else "number"
        properties[found[1]] = {"type": [kind, "null"], "minimum": low, "maximum": high}
    for text in categories:
        name, _, listed = text.partition("=")
        if not name or not listed:
            raise InputError("categories", text, "write FIELD=A,B,C, as sex=f,m")
        properties[name] = {
            "type": ["string", "null"],
            "enum": [value.strip() for value in listed.split(",")],
        }
    if not properties:
        raise InputError(
            "schema",
            "missing",
            "give --schema, or --bounds and --categories: bounds are never read from the data",
        )
    return schema.compile({"type": "object", "properties": properties})


def with_person(
    described: schema.Schema, person: str | None, limits: Mapping[str, int], hidden: Sequence[str]
) -> Population:
    """Make the population of a schema; `person` may be a field beside it. `limits` are rows_per_person and least_rows."""
    names = {field.name for field in described.fields}
    if person is None or person in names:
        return population(described, person, limits["rows_per_person"], hidden, limits["least_rows"])
    open_to_all = population(described, None, 1, hidden, limits["least_rows"])
    rows, least = limits["rows_per_person"], limits["least_rows"]
    return Population(open_to_all.columns, person, rows, least, open_to_all.refused)


def _number(text: str, part: str) -> int | float:
    try:
        return int(part)
    except ValueError:
        pass
    try:
        return float(part)
    except ValueError:
        raise InputError("bounds", text, "write FIELD=LOW:HIGH, as age=0:120") from None
