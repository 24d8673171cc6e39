"""`sheaf review`: review by hand what the account is drawn for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sheaf.cli.frame.paper import Paper, clean, when
from sheaf.cli.session import Session, plain
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sheaf.actions import Assignment

LONGEST_LINE = 2_000

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
        out.quoted(_instructions(work))
        for row in rows:
            finding = f"  {row['finding']}" if row["finding"] else ""
            out.line((f"{row['position']}: ", "dim"), _line(row["record"]), (finding, "yellow"))

    session.answer({"submission": number, "instructions": _instructions(work), "records": rows}, show)


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

    work = actions.open_records(session.acting, number)
    if decisions is not None:
        approved = _from_file(decisions, work.records.num_rows)
    elif reject is not None:
        approved = _from_positions(reject, work.records.num_rows)
    else:
        decided = _ask(session, work)
        if decided is None:
            session.talk.line("nothing was sent; what is decided is kept: go on with the same command")
            return
        approved = decided
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


def _from_positions(text: str, count: int) -> NDArray[np.bool_]:
    import numpy as np

    approved = np.ones(count, dtype=np.bool_)
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, _, last = part.partition("-")
        if not _is_number(first) or (last and not _is_number(last)):
            raise InputError("reject", part, "give positions such as 3,7,12-15")
        low, high = int(first), int(last or first)
        if not low <= high < count:
            raise InputError("reject", part, f"give positions from 0 to {count - 1}")
        approved[low : high + 1] = False
    return approved


def _from_file(path: Path, count: int) -> NDArray[np.bool_]:
    import numpy as np

    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "decisions", path, f"cannot be read ({type(error).__name__}); give a text file"
        ) from None
    if len(lines) != count or set(lines) - {"0", "1"}:
        raise InputError("decisions", f"{len(lines)} lines", f"give {count} lines of 0 or 1")
    return np.array([line == "1" for line in lines], dtype=np.bool_)


def _ask(session: Session, work: Assignment) -> NDArray[np.bool_] | None:
    """Let a person decide record by record; None if the screen was left before all were decided."""
    import numpy as np

    from sheaf import actions
    from sheaf.cli.frame.viewer import APPROVED, Viewer, keys, leaf_through

    if not session.is_interactive:
        raise InputError("decisions", "none", "give --reject or --decisions, or run in a terminal")
    me, notes = session.acting, _notes(work)
    case = me.docket.case(work.submission)
    viewer = Viewer(
        lambda place: work.records.slice(place, 1).to_pylist()[0],
        lambda place: notes.get(int(work.order[place]), ""),
        actions.find_marks(me, case),
        _instructions(work),
        work.specification.label if work.specification else None,
    )
    with keys() as read_key:
        is_done = leaf_through(
            viewer, session.screen, read_key, lambda marks: actions.keep_marks(me, case, marks)
        )
    if not is_done:
        return None
    return np.array([mark == APPROVED for mark in viewer.marks], dtype=np.bool_)


def _notes(work: Assignment) -> dict[int, str]:
    """Return what the checks say of records, by number in the submission."""
    notes: dict[int, str] = {}
    for one in work.findings:
        said = f"{'refused whatever you decide' if one.is_refusal else 'look twice'}: {one.code} {one.detail}"
        notes[one.record] = f"{notes[one.record]}; {said}" if one.record in notes else said
    return notes


def _instructions(work: Assignment) -> str:
    """Return what the buyer asks reviewers to do."""
    if work.specification is None:
        return "The buyer's specification cannot be read."
    return work.specification.instructions or work.specification.title


def _is_number(text: str) -> bool:
    """Whether `text` is a whole number of a sensible length, in ASCII: int() takes other scripts' digits and endless ones."""
    return text.isascii() and text.isdigit() and len(text) < 10


def _line(row: dict[str, Any]) -> str:
    """Write a record, which is a stranger's, as one line."""
    short = {name: f"{len(part)} bytes" if isinstance(part, bytes) else part for name, part in row.items()}
    text = clean(json.dumps(plain(short), ensure_ascii=False))
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}… (--json gives all)"
