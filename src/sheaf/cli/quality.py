"""`sheaf quality`: judge what is in files, without a market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

if TYPE_CHECKING:
    from sheaf.actions.quality.labels import LabelQuality

app = typer.Typer(
    no_args_is_help=True, help="Quality: many labels to one answer, workers, rings; no market needed."
)

SHOWN = 10


@verb(app, "labels")
def labels(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(help="Folder with label.csv: item,worker,label, whole numbers from 0.")
    ],
    gold: Annotated[
        Path | None,
        typer.Option(help="CSV with item,truth: known answers. Needed to find rings and to calibrate."),
    ] = None,
) -> None:
    """Infer one label for each item, with its chance to be right; rate workers; find rings that vote together.

    Example: sheaf quality labels crowd/dog --gold crowd/dog/gold.csv --json
    """
    from sheaf.actions.quality.labels import label_quality

    found = label_quality(directory, gold)
    session.answer(found, lambda out: _show(out, found))


def _show(out: Paper, found: LabelQuality) -> None:
    sure = sum(item.chance >= 0.95 for item in found.items)
    out.line(
        f"{len(found.items):,} items, {len(found.workers):,} workers, {found.labels:,} labels, "
        f"{found.classes} classes, {found.gold:,} known answers"
    )
    mean = sum(item.chance for item in found.items) / len(found.items)
    behind = (
        "calibrated on gold" if found.is_calibrated else "what is usual for crowds: give --gold to calibrate"
    )
    out.line(f"expected right {mean:.1%}; at least 95 % sure of {sure:,} items ({behind})")
    for number, ring in enumerate(found.rings):
        out.line(
            f"ring {number}: {len(ring.members)} workers agree {ring.agreement:.2f} beyond chance, "
            f"right {ring.accuracy:.2f} ± {ring.error:.2f} on {ring.gold} known answers"
        )
    if not found.gold:
        out.line("rings: not looked for without --gold")
    rows = [
        (one.worker, one.labels, f"{one.skill:.2f}", f"{one.spammer:.2f}", one.ring if one.ring >= 0 else "")
        for one in sorted(found.workers, key=lambda one: -one.spammer)[:SHOWN]
    ]
    heads = ("worker", "labels", "skill", "spammer", "ring")
    out.head("most like spammers")
    out.table(heads, rows, right=heads)
    out.line("--json gives every item and worker")
