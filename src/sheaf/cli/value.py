"""`sheaf value`: what records and contributors are worth to a held-out task, without a market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

if TYPE_CHECKING:
    from sheaf.actions.value import ValueReport

app = typer.Typer()

SHOWN = 20


@verb(app, "value")
def value(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines, Parquet, or a folder of images.")],
    task: Annotated[
        Path, typer.Option(help="The buyer's held-out records with right labels, of the same columns.")
    ],
    label: Annotated[str, typer.Option(help="Column with the class to predict.")],
    contributor: Annotated[
        str | None, typer.Option(help="Column that names who gave a record; who stands first came first.")
    ] = None,
    pool: Annotated[
        int | None, typer.Option(help="Bonus to split, in whole smallest units of its token.", min=0)
    ] = None,
    model: Annotated[
        Literal["mixed", "nearest", "linear", "logistic"],
        typer.Option(help="What learns from the records; mixed: linear and nearest."),
    ] = "mixed",
) -> None:
    """Value records and contributors by how well what is learnt from them predicts a held-out task; split a bonus pool.

    Example: sheaf value bought.csv --task held_out.csv --label species --contributor account --pool 1000000
    """
    from sheaf.actions.value import value as valued

    with session.working("valuing"):
        found = valued(file, task, label, contributor=contributor, pool=pool, model=model)
    session.answer(found, lambda out: _show(out, found))


def _show(out: Paper, found: ValueReport) -> None:
    how = "all coalitions" if found.is_exact else f"{found.evaluations:,} drawn coalitions"
    if not found.contributors:
        how = "KNN-Shapley, exact"
    out.line(
        f"{found.records:,} records, {len(found.contributors):,} contributors, {found.task:,} held-out records, "
        f"{found.classes} classes; {found.model}, {how}"
    )
    if found.pool is not None:
        out.line(f"pool {found.pool:,}, of which {found.paid:,} is paid")
    if found.contributors:
        _show_contributors(out, found)
    else:
        _show_records(out, found)
    out.line("--json gives every contributor and record")


def _show_contributors(out: Paper, found: ValueReport) -> None:
    heads = ("contributor", "records", "value", "±", "share", "copies")
    ranked = sorted(found.contributors, key=lambda one: -one.value)
    rows = [
        (
            one.contributor,
            one.records,
            f"{one.value:.4f}",
            f"{one.error:.4f}" if one.error else "",
            f"{one.share:,}" if one.share is not None else "",
            one.copies or "",
        )
        for one in ranked[:SHOWN]
    ]
    out.table(heads, rows, right=heads[1:])
    for one in [one for one in ranked if one.reason][:SHOWN]:
        out.line(f"{one.contributor}: {one.reason}")


def _show_records(out: Paper, found: ValueReport) -> None:
    heads = ("record", "value", "share")
    worst = sorted(found.values, key=lambda one: one.value)[:SHOWN]
    rows = [
        (one.record, f"{one.value:.6f}", f"{one.share:,}" if one.share is not None else "") for one in worst
    ]
    out.head("worth least")
    out.table(heads, rows, right=heads)
