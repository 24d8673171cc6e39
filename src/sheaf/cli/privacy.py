"""`sheaf privacy`: questions about people with a known privacy loss; no market needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.computed import cell_of
from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.actions.ask import Asked
    from sheaf.privacy.ledger import Balance

app = typer.Typer(
    no_args_is_help=True, help="Statistics about people under a privacy budget; no market needed."
)


@verb(app, "query")
def query(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines or Parquet.")],
    sql: Annotated[str, typer.Option(help="SELECT count(*), mean(age) FROM data WHERE … GROUP BY …")],
    budget: Annotated[float, typer.Option(help="ε that this answer may cost.")],
    delta: Annotated[float, typer.Option(help="δ, well below 1 over the number of people.")] = 1e-6,
    schema: Annotated[
        Path | None, typer.Option(help="JSON Schema of a record: bounds and categories.")
    ] = None,
    bounds: Annotated[list[str] | None, typer.Option(help="FIELD=LOW:HIGH; may be repeated.")] = None,
    categories: Annotated[list[str] | None, typer.Option(help="FIELD=A,B,C; may be repeated.")] = None,
    hide: Annotated[
        list[str] | None, typer.Option(help="Field that cannot be asked about; may be repeated.")
    ] = None,
    person: Annotated[
        str | None, typer.Option(help="Field that tells people apart, else each record is one.")
    ] = None,
    rows_per_person: Annotated[int, typer.Option(help="How many records of a person count.")] = 1,
    least_rows: Annotated[int, typer.Option(help="Show no group that seems smaller.")] = 0,
    ledger: Annotated[
        Path | None, typer.Option(help="File that keeps the budget; made where there is none.")
    ] = None,
    total: Annotated[
        float | None, typer.Option(help="ε in all, with --ledger: fixed by the first question.")
    ] = None,
    person_total: Annotated[
        float, typer.Option(help="ε of each person, across all datasets of the ledger.")
    ] = 0.0,
    dataset: Annotated[str | None, typer.Option(help="Account in the ledger, else the file's name.")] = None,
    job: Annotated[str, typer.Option(help="Name of this question; the same name has the same answer.")] = "",
) -> None:
    """Answer a question about people with noise, and say what the answer tells about any one of them.

    Bounds and categories are declared, never read from the data. With --ledger the same question costs nothing twice, and
    once the total is spent nothing is answered any more.

    Example: sheaf privacy query patients.csv --sql "SELECT count(*), mean(age) FROM data" --budget 0.5 --bounds age=0:120
    """
    from sheaf.actions.ask import Promise, ask, described_by, with_person

    promise = None
    if ledger is not None:
        if total is None:
            raise InputError("total", "missing", "give --total with --ledger: how much ε there is in all")
        promise = Promise(ledger, dataset or file.name, total, person_total)
    elif total is not None or person_total:
        raise InputError("ledger", "missing", "give --ledger FILE: a total is kept in it")
    described = described_by(None if schema is None else _document(schema), bounds or (), categories or ())
    limits = {"rows_per_person": rows_per_person, "least_rows": least_rows}
    people = with_person(described, person, limits, hide or ())
    found = ask(file, sql, people, (budget, delta), promise, job)
    session.answer(found, lambda out: _show(out, found))


def _show(out: Paper, found: Asked) -> None:
    rows = []
    for values, errors in zip(found.answer.rows, found.answer.errors, strict=True):
        rows.append([cell_of(value, error) for value, error in zip(values, errors, strict=True)])
    out.table(found.answer.columns, rows, right=found.answer.columns)
    out.line(f"ε = {found.epsilon:.3g} at δ = {found.delta:g}; ± is the noise's standard deviation")
    if found.spent_epsilon is None:
        out.line("not entered in a ledger: each run costs again")
    else:
        out.line(f"all answers so far: ε = {found.spent_epsilon:.3g} of {found.budget_epsilon:g}")


@verb(app, "spent")
def spent(
    session: Session,
    ledger: Annotated[Path, typer.Argument(help="File that keeps the budget.")],
    dataset: Annotated[str, typer.Argument(help="Account in the ledger: a dataset, or `person NAME`.")],
) -> None:
    """Show what an account of a ledger has spent, and what is left.

    Example: sheaf privacy spent budget.sqlite patients.csv
    """
    from sheaf.actions.ask import spent as spent_by

    found = spent_by(ledger, dataset)
    session.answer(found, lambda out: _show_balance(out, found))


def _show_balance(out: Paper, found: Balance) -> None:
    share = found.left_nanonats / found.budget_nanonats if found.budget_nanonats else 0.0
    out.line(
        f"{found.account}: {found.jobs:,} answers, ε = {found.spent_epsilon:.3g} of {found.budget.epsilon:g} "
        f"at δ = {found.budget.delta:g}; {share:.1%} of the budget is left"
    )


def _document(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise InputError("schema", path, "give a JSON Schema: a JSON object") from None
    if not isinstance(found, dict):
        raise InputError("schema", path, "give a JSON Schema: a JSON object")
    return found
