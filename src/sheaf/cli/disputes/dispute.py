"""`sheaf dispute`: challenge a verdict, sit on a jury, appeal, and bring cases to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.cli.frame.paper import Paper

app = typer.Typer(
    no_args_is_help=True,
    help="Disputes: challenge, prove, show, vote, reveal, appeal, proceed, withdraw, bounty.",
)

Case = Annotated[int, typer.Argument(help="The case's number.", metavar="CASE", min=1)]
Records = Annotated[
    str, typer.Argument(help="Records, such as 0,3,7-9; none for no record.", metavar="RECORDS")
]
Faultless = Annotated[bool, typer.Option("--nobody", help="Hold that nobody is at fault.")]
Bonus = Annotated[bool, typer.Option("--bonus", help="A case about shares of a bonus pool: record 0.")]


@verb(app, "challenge")
def challenge(
    session: Session,
    number: Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)],
    records: Records,
) -> None:
    """Say with a bond that records are wrongly decided; a jury that had no part in the review rules.

    Example: sheaf dispute challenge 3 0,7-9 --account buyer
    """
    from sheaf import actions

    cases = actions.challenge(session.acting, number, _parsed(records))
    session.answer(
        {"cases": cases}, lambda out: out.line(f"case {', '.join(map(str, cases))} of submission {number}")
    )


@verb(app, "prove")
def prove(
    session: Session,
    number: Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)],
    find: Annotated[bool, typer.Option("--find", help="Only say what could be proven.")] = False,
) -> None:
    """Prove on chain that approved records are copies of earlier ones: no bond, no jury, and half of a cheat's bond.

    Example: sheaf dispute prove 3 --account validator
    """
    from sheaf import actions

    with session.working("comparing"):
        found = actions.prove(session.acting, number, is_dry=find)

    def write(out: Paper) -> None:
        for one in found.copies:
            whose = "its own" if one.is_own else "another's"
            out.line(
                f"record {one.record}: {whose} record {one.earlier_record} of submission {one.earlier_submission}"
            )
        out.line(f"{len(found.copies)} {'proven' if found.is_sent else 'can be proven'}")

    session.answer(found, write)


@verb(app, "bounty")
def bounty(
    session: Session,
    number: Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)],
) -> None:
    """Take this account's part of a bond that was forfeit, once the submission is settled.

    Example: sheaf dispute bounty 3 --account validator
    """
    from sheaf import actions

    paid = actions.collect_bounty(session.acting, number)
    session.answer({"paid": paid}, lambda out: out.line(f"{paid:,} smallest units of the request's token"))


@verb(app, "show")
def show(session: Session, case: Case, bonus: Bonus = False) -> None:
    """Show a case: what is disputed, how far its jury is, and what is ruled.

    Example: sheaf dispute show 1
    """
    from sheaf import actions

    one = actions.dispute(session.market, case, _court(bonus))
    phases = ("", "drawing", "voting", "ruled", "concluded", "collected")

    def write(out: Paper) -> None:
        out.line(f"case {case} of submission {one.submission}: {phases[one.jury.phase]}")
        out.line(f"round {one.jury.round}, {one.jury.size} seats, {one.jury.opened.bit_count()} votes opened")
        out.line(
            f"named {_written(one.records)}; rejected {_written(one.rejected)}; hung {_written(one.hung)}"
        )

    answer = {
        "case": case, "submission": one.submission, "phase": phases[one.jury.phase], "round": one.jury.round,
        "seats": one.jury.size, "records": one.records, "rejected": one.rejected, "hung": one.hung,
        "challenger": one.challenger, "bond": one.bond,
    }  # fmt: skip
    session.answer(answer, write)


@verb(app, "vote")
def vote(
    session: Session, case: Case, rejected: Records, nobody: Faultless = False, bonus: Bonus = False
) -> None:
    """Commit, as a juror, to which of the named records are to be rejected.

    Example: sheaf dispute vote 1 0,7 --account validator
    """
    from sheaf import actions

    seat = actions.vote(session.acting, case, _parsed(rejected), is_faultless=nobody, court=_court(bonus))
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"committed on seat {seat}"))


@verb(app, "reveal")
def reveal(
    session: Session, case: Case, rejected: Records, nobody: Faultless = False, bonus: Bonus = False
) -> None:
    """Open the vote, given again as it was committed.

    Example: sheaf dispute reveal 1 0,7 --account validator
    """
    from sheaf import actions

    seat = actions.reveal(session.acting, case, _parsed(rejected), is_faultless=nobody, court=_court(bonus))
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"opened on seat {seat}"))


@verb(app, "appeal")
def appeal(
    session: Session,
    case: Case,
    against: Annotated[
        bool, typer.Option("--for-verdict", help="For the verdict; else for the challenge.")
    ] = False,
    bonus: Bonus = False,
) -> None:
    """Ask for a larger jury with twice the bond, for the side that lost.

    Example: sheaf dispute appeal 1 --account buyer
    """
    from sheaf import actions

    bond = actions.appeal(session.acting, case, is_for_challenge=not against, court=_court(bonus))
    session.answer({"bond": bond}, lambda out: out.line(f"appealed with {session.currency().write(bond)}"))


@verb(app, "proceed")
def proceed(session: Session, case: Case, bonus: Bonus = False) -> None:
    """Do what is due in a case: draw, count, conclude, execute or share out. Anyone may.

    Example: sheaf dispute proceed 1 --account anyone
    """
    from sheaf import actions

    done = actions.proceed(session.acting, case, _court(bonus))
    session.answer({"case": case, "done": done}, lambda out: out.line(done))


@verb(app, "withdraw")
def withdraw(session: Session, bonus: Bonus = False) -> None:
    """Withdraw what disputes owe this account.

    Example: sheaf dispute withdraw --account buyer
    """
    from sheaf import actions

    paid = actions.collect_winnings(session.acting, _court(bonus))
    session.answer({"withdrawn": paid}, lambda out: out.line(f"{session.currency().write(paid)} withdrawn"))


def _court(is_bonus: bool) -> str:
    from sheaf.market import bonus_pools
    from sheaf.review import juries

    return bonus_pools.DISPUTES if is_bonus else juries.CONTRACT


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
