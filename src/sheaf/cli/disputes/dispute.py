"""`sheaf dispute`: challenge a verdict, sit on a jury, appeal, and bring cases to their end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sheaf.cli.frame.deciding import decisions_of, instructions, record_line
from sheaf.cli.frame.paper import short, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.actions import Dispute
    from sheaf.cli.frame.paper import Paper

PHASES = ("", "drawing", "voting", "ruled", "concluded", "collected")
REFUSED = "refused"

app = typer.Typer(
    no_args_is_help=True,
    help="Disputes: challenge, list, show; as a juror seats, records, decide, vote, reveal; appeal, proceed, withdraw.",
)

Case = Annotated[int, typer.Argument(help="The case's number.", metavar="CASE", min=1)]
Submission = Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)]
Records = Annotated[
    str, typer.Argument(help="Records, such as 0,3,7-9; none for no record.", metavar="RECORDS")
]
Disputed = Annotated[
    str, typer.Argument(help="Records, such as 0,3,7-9; left out: all that were refused.", metavar="RECORDS")
]
Faultless = Annotated[bool, typer.Option("--nobody", help="Hold that nobody is at fault.")]


@verb(app, "challenge")
def challenge(session: Session, number: Submission, records: Disputed = REFUSED) -> None:
    """Say with a bond that records are wrongly decided; a jury that had no part in the review rules.

    A contributor appeals against all that was refused with the number alone: sheaf dispute challenge 3 --account contributor
    Example: sheaf dispute challenge 3 0,7-9 --account buyer
    """
    from sheaf import actions

    named = None if records == REFUSED else _parsed(records)
    cases = actions.challenge(session.acting, number, named)
    bonds = {case: actions.dispute(session.market, case).bond for case in cases}

    def write(out: Paper) -> None:
        money = session.currency()
        for case, bond in bonds.items():
            out.line(f"case {case} of submission {number}: {money.write(bond)} posted")
        out.line(f"next: sheaf dispute show {cases[0]}")

    session.answer({"cases": cases, "bonds": bonds}, write)


@verb(app, "list")
def list_all(
    session: Session,
    submission: Annotated[int | None, typer.Option(help="Only those of this submission.", min=0)] = None,
) -> None:
    """List disputes and where they stand.

    Example: sheaf dispute list --submission 3
    """
    from sheaf import actions

    found = actions.list_disputes(session.market, submission)

    def write(out: Paper) -> None:
        if not found:
            out.line("no disputes")
            return
        rows = [
            (
                one.case, one.submission, "audit" if one.is_audit else short(one.challenger), len(one.records),
                PHASES[one.jury.phase], one.due or one.awaited,
            )
            for one in found
        ]  # fmt: skip
        out.table(
            ("no", "submission", "by", "records", "phase", "next"),
            rows,
            right={"no", "submission", "records"},
        )

    session.answer({"disputes": [_data(one) for one in found]}, write)


@verb(app, "show")
def show(session: Session, case: Case) -> None:
    """Show a case: what is disputed, how far its jury is, what is ruled, and what to do next (for --account, if one is named).

    Example: sheaf dispute show 1 --account contributor
    """
    from sheaf import actions

    market = session.acting if session.settings.account else session.market
    one = actions.dispute(market, case)
    advice = _advice(session, one, market.chain.block().timestamp)
    session.answer({**_data(one), "advice": advice}, lambda out: _show(session, out, one, advice))


@verb(app, "seats")
def seats(session: Session) -> None:
    """List the juries this account sits in.

    Example: sheaf dispute seats --account validator
    """
    from sheaf import actions

    found = actions.jury_seats(session.acting)

    def write(out: Paper) -> None:
        if not found:
            out.line("no jury seats")
            return
        rows = [
            (
                one.case, one.submission, one.round, one.seat, one.records, "yes" if one.is_committed else "no",
                "yes" if one.is_opened else "no", when(one.commit_until), when(one.reveal_until),
            )
            for one in found
        ]  # fmt: skip
        heads = (
            "case",
            "submission",
            "round",
            "seat",
            "records",
            "sent",
            "opened",
            "commit until",
            "reveal until",
        )
        out.table(heads, rows, right={"case", "submission", "round", "seat", "records"})

    session.answer({"seats": found}, write)


@verb(app, "records")
def records_of(session: Session, case: Case) -> None:
    """Show a juror the records to judge, in its own order, with what the checks found.

    Example: sheaf dispute records 1 --account validator --json
    """
    from sheaf import actions

    work = actions.open_case(session.acting, case)
    found = {int(finding.record): finding.code for finding in work.findings}
    rows = [
        {"position": place, "number": int(own), "record": row, "finding": found.get(int(own))}
        for place, (own, row) in enumerate(zip(work.order, work.records.to_pylist(), strict=True))
    ]

    def write(out: Paper) -> None:
        out.quoted(instructions(work))
        for row in rows:
            finding = f"  {row['finding']}" if row["finding"] else ""
            out.line((f"{row['position']}: ", "dim"), record_line(row["record"]), (finding, "yellow"))

    session.answer({"case": case, "instructions": instructions(work), "records": rows}, write)


@verb(app, "decide")
def decide(
    session: Session,
    case: Case,
    reject: Annotated[
        str | None, typer.Option(help="Positions to reject, such as 3,7,12-15; '' approves all.")
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="File with one line of 1 (approve) or 0 per record.")
    ] = None,
    nobody: Faultless = False,
) -> None:
    """Judge, as a juror, by option, by file, or record by record on the screen by single keys; then commit.

    The screen can be left and taken up again: nothing is sent before all is decided.
    Example: sheaf dispute decide 1 --reject 4,17 --account validator
    """
    from sheaf import actions

    me = session.acting
    if nobody:
        actions.cast_vote(me, case, [], is_faultless=True)
    else:
        work, marks = actions.open_case(me, case), actions.find_case_marks(me, case)
        approved = decisions_of(
            session, work, (reject, decisions), marks, lambda done: actions.keep_case_marks(me, case, done)
        )
        if approved is None:
            session.talk.line("nothing was sent; what is decided is kept: go on with the same command")
            return
        actions.cast_decisions(me, case, approved)
    done = actions.proceed(me, case)
    session.answer(
        {"case": case, "done": done},
        lambda out: out.line(f"{done}; open it with `sheaf dispute proceed {case}` once all have committed"),
    )


@verb(app, "vote")
def vote(session: Session, case: Case, rejected: Records, nobody: Faultless = False) -> None:
    """Commit, as a juror, to which of the named records are to be rejected, by their numbers in the submission.

    Example: sheaf dispute vote 1 0,7 --account validator
    """
    from sheaf import actions

    seat = actions.vote(session.acting, case, _parsed(rejected), is_faultless=nobody)
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"committed on seat {seat}"))


@verb(app, "reveal")
def reveal(session: Session, case: Case) -> None:
    """Open the vote that was committed to.

    Example: sheaf dispute reveal 1 --account validator
    """
    from sheaf import actions

    seat = actions.reveal(session.acting, case)
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"opened on seat {seat}"))


@verb(app, "appeal")
def appeal(
    session: Session,
    case: Case,
    against: Annotated[
        bool, typer.Option("--for-verdict", help="For the verdict; else for the challenge.")
    ] = False,
) -> None:
    """Ask for a larger jury with twice the bond, for the side that lost.

    Example: sheaf dispute appeal 1 --account buyer
    """
    from sheaf import actions

    bond = actions.appeal(session.acting, case, is_for_challenge=not against)
    session.answer({"bond": bond}, lambda out: out.line(f"appealed with {session.currency().write(bond)}"))


@verb(app, "proceed")
def proceed(session: Session, case: Case) -> None:
    """Do what is due in a case: hand the key to jurors, vote, draw, count, conclude, execute or share out. Anyone may.

    Example: sheaf dispute proceed 1 --account anyone
    """
    from sheaf import actions

    done = actions.proceed(session.acting, case)
    awaited = actions.dispute(session.market, case).awaited if done == "wait" else ""
    session.answer(
        {"case": case, "done": done, "awaited": awaited},
        lambda out: out.line(f"{done}: {awaited}" if awaited else done),
    )


@verb(app, "withdraw")
def withdraw(session: Session) -> None:
    """Withdraw what disputes owe this account.

    Example: sheaf dispute withdraw --account buyer
    """
    from sheaf import actions

    if not actions.winnings(session.acting):
        raise InputError(
            "account", session.acting.account, "disputes owe it nothing now: see `sheaf dispute list`"
        )
    paid = actions.collect_winnings(session.acting)
    session.answer({"withdrawn": paid}, lambda out: out.line(f"{session.currency().write(paid)} withdrawn"))


def _data(one: Dispute) -> dict[str, Any]:
    jury = one.jury
    return {
        "case": one.case, "submission": one.submission, "phase": PHASES[jury.phase], "round": jury.round,
        "seats": jury.size, "committed": jury.committed.bit_count(), "opened": jury.opened.bit_count(),
        "records": one.records, "rejected": one.rejected, "hung": one.hung, "is_faultless": bool(jury.is_faultless),
        "challenger": one.challenger, "is_audit": one.is_audit, "bond": one.bond, "appeal_bond": one.appeal_bond,
        "commit_until": jury.commit_until, "reveal_until": jury.reveal_until, "appeal_until": jury.appeal_until,
        "hold_until": one.hold_until, "seat": one.seat, "due": one.due, "awaited": one.awaited,
    }  # fmt: skip


def _show(session: Session, out: Paper, one: Dispute, advice: list[str]) -> None:
    now, jury = session.market.chain.block().timestamp, one.jury
    money, phase = session.currency(), PHASES[jury.phase]
    votes = f"{jury.committed.bit_count()} committed, {jury.opened.bit_count()} opened"
    ruled = f"rejected {_written(one.rejected)}; hung {_written(one.hung)}"
    rows = {
        "case": f"{one.case} of submission {one.submission}",
        "phase": phase,
        "opened by": "the beacon, an audit" if one.is_audit else f"{one.challenger}, {money.write(one.bond)}",
        "named": _written(one.records),
        "jury": f"round {jury.round}, {jury.size} seats, {votes}" if jury.size else "",
        "ruled": f"{ruled}{'; nobody is at fault' if jury.is_faultless else ''}" if jury.ruled else "",
        "commit until": when(jury.commit_until, now) if phase == "voting" else "",
        "reveal until": when(jury.reveal_until, now) if phase == "voting" else "",
        "appeal until": when(jury.appeal_until, now) if one.appeal_bond else "",
        "stands from": when(one.hold_until, now) if phase not in ("collected",) else "",
        "awaits": one.awaited,
    }
    out.pairs({name: value for name, value in rows.items() if value != ""})
    for line in advice:
        out.line(("next  ", "dim"), line)


def _advice(session: Session, one: Dispute, now: int) -> list[str]:
    """Return what can be done next, by whoever looks."""
    jury, lines = one.jury, []
    is_voting = PHASES[jury.phase] == "voting"
    if one.seat is not None and is_voting and not jury.committed >> one.seat & 1 and now < jury.commit_until:
        lines.append(
            f"you sit on seat {one.seat}: `sheaf dispute records {one.case}`, then `sheaf dispute decide {one.case}`"
        )
    elif one.seat is not None and is_voting and not jury.opened >> one.seat & 1 and now < jury.reveal_until:
        lines.append(f"you sit on seat {one.seat}: open your vote with `sheaf dispute proceed {one.case}`")
    if one.due:
        lines.append(f"`sheaf dispute proceed {one.case}` ({one.due}: anyone may)")
    if one.appeal_bond:
        bond = session.currency().write(one.appeal_bond)
        lines.append(
            f"whoever lost may appeal with {bond}: `sheaf dispute appeal {one.case}`, or --for-verdict against the challenge"
        )
    if PHASES[jury.phase] == "collected":
        lines.append("whoever is owed takes it: `sheaf dispute withdraw`")
    return lines


def _parsed(text: str) -> list[int]:
    if text == "none":
        return []
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        is_span = not part.endswith("-") and part.isascii() and len(part) < 16
        if not (is_span and first.isdecimal() and (last or first).isdecimal()):
            raise InputError("records", text, "give numbers and spans, such as 0,3,7-9")
        if int(last or first) - int(first) > 16_384:
            raise InputError("records", text, "a submission has at most 16384 records")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def _written(records: tuple[int, ...]) -> str:
    return ",".join(map(str, records)) or "none"
