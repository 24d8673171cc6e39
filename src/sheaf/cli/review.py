"""`sheaf review`: review by hand what the account is drawn for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.frame.deciding import decisions_of, instructions, record_line
from sheaf.cli.frame.paper import Paper, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import IntegrityError

app = typer.Typer(no_args_is_help=True, help="Review by hand: what is due, see the records, decide, go on.")

Number = Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)]


@verb(app, "list")
def list_due(session: Session) -> None:
    """List the submissions this account sits over.

    Example: sheaf review list --account validator
    """
    from sheaf import actions

    due = actions.seats(session.acting)

    def show(out: Paper) -> None:
        if not due:
            out.line("nothing to review")
            return
        rows = [
            (
                one.submission, one.round, one.seat, one.records, "yes" if one.is_committed else "no",
                when(one.commit_until), when(one.reveal_until),
            )
            for one in due
        ]  # fmt: skip
        heads = ("no", "round", "seat", "records", "sent", "commit until", "reveal until")
        out.table(heads, rows, right=("no", "round", "seat", "records"))

    session.answer({"seats": due}, show)


@verb(app, "show")
def show_records(session: Session, number: Number) -> None:
    """Show the records to review, in this reviewer's own order, with what the checks found.

    Example: sheaf review show 3 --account validator --json
    """
    from sheaf import actions

    work = actions.open_records(session.acting, number)
    found = {int(finding.record): finding for finding in work.findings}
    rows = [
        {"position": place, "record": row, "finding": found[int(own)].code if int(own) in found else None}
        for place, (own, row) in enumerate(zip(work.order, work.records.to_pylist(), strict=True))
    ]

    def show(out: Paper) -> None:
        out.quoted(instructions(work))
        for row in rows:
            finding = f"  {row['finding']}" if row["finding"] else ""
            out.line((f"{row['position']}: ", "dim"), record_line(row["record"]), (finding, "yellow"))

    session.answer({"submission": number, "instructions": instructions(work), "records": rows}, show)


@verb(app, "decide")
def decide(
    session: Session,
    number: Number,
    reject: Annotated[
        str | None, typer.Option(help="Positions to reject, such as 3,7,12-15; '' approves all.")
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="File with one line of 1 (approve) or 0 per record.")
    ] = None,
) -> None:
    """Record the review, by option, by file, or record by record on the screen by single keys; then take the next step on chain.

    The screen can be left and taken up again: nothing is sent before all is decided.
    Example: sheaf review decide 3 --reject 4,17 --account validator
    """
    from sheaf import actions

    me = session.acting
    work, case = actions.open_records(me, number), me.docket.case(number)
    marks = actions.find_marks(me, case)
    approved = decisions_of(
        session, work, (reject, decisions), marks, lambda done: actions.keep_marks(me, case, done)
    )
    if approved is None:
        session.talk.line("nothing was sent; what is decided is kept: go on with the same command")
        return
    actions.cast(session.acting, number, approved)
    step, count = actions.advance(session.acting, number), int(approved.sum())
    session.answer(
        {"submission": number, "approved": count, "step": step},
        lambda out: out.line(f"{count} of {len(approved)} approved; {step}"),
    )


@verb(app, "advance")
def advance(session: Session, number: Number) -> None:
    """Take the next step that is due for a decided review: commit, open, tally.

    Example: sheaf review advance 3 --account validator
    """
    from sheaf import actions

    step = actions.advance(session.acting, number)
    session.answer({"submission": number, "step": step}, lambda out: out.line(step))


@verb(app, "recompute")
def recompute(session: Session, number: Number) -> None:
    """Make verdict and payments of a submission again from public data, and name the first difference. Needs no account.

    Example: sheaf review recompute 3 --json
    """
    from sheaf import actions
    from sheaf.cli.frame.faults import EXIT_CODES

    with session.working("recomputing"):
        found = actions.recompute(session.market, number)

    def show(out: Paper) -> None:
        for step in found.checked:
            out.line(("holds    ", "green"), step)
        for step in found.skipped:
            out.line(("skipped  ", "yellow"), step)
        if found.difference is not None:
            out.line(("differs  ", "red"), found.difference)
        elif not found.is_over:
            out.line("no money has moved yet")

    session.answer(found, show)
    if not found.is_equal:
        raise typer.Exit(EXIT_CODES[IntegrityError])
