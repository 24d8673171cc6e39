"""`sheaf bonus`: pools that are split by what contributors were worth to a held-out task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

if TYPE_CHECKING:
    from sheaf.actions.bonus import Bonus, Files
    from sheaf.cli.frame.currency import Currency
    from sheaf.cli.frame.paper import Paper

app = typer.Typer(
    no_args_is_help=True,
    help="Bonus pools: fund, settle, check, challenge, claim, show, reclaim, withdraw; case, vote, reveal, appeal, proceed.",
)

Number = Annotated[int, typer.Argument(help="The request's number.", metavar="REQUEST", min=1)]
Records = Annotated[Path, typer.Argument(help="The records that were bought: one file.", metavar="FILE")]
Task = Annotated[Path, typer.Option(help="The held-out records with right labels, of the same columns.")]
Label = Annotated[str, typer.Option(help="Column with the class to predict.")]
Giver = Annotated[str, typer.Option(help="Column with the account that gave a record.")]
Case = Annotated[int, typer.Argument(help="The case's number.", metavar="CASE", min=1)]
Opinion = Annotated[
    Literal["wrong", "right", "nobody"],
    typer.Argument(help="The shares are wrong, right, or nobody is at fault."),
]
PHASES = ("", "drawing", "voting", "ruled", "concluded", "collected")
Utility = Annotated[
    Literal["mixed", "nearest", "linear", "logistic"], typer.Option(help="What learns from the records.")
]


@verb(app, "fund")
def fund(
    session: Session,
    number: Number,
    amount: Annotated[str, typer.Argument(help="How much of the request's token.", metavar="AMOUNT")],
) -> None:
    """Add to the bonus pool of a request; what is not earned comes back to its buyer.

    Example: sheaf bonus fund 1 100 --account buyer
    """
    from sheaf import actions

    money = _currency(session, number)
    units = money.read(amount)
    transaction = actions.fund_pool(session.acting, number, units)
    session.answer(
        {"request": number, "added": units, "transaction": transaction},
        lambda out: out.line(f"{money.write(units)} added in {transaction}"),
    )


@verb(app, "settle")
def settle(
    session: Session,
    number: Number,
    file: Records,
    task: Task,
    label: Label,
    contributor: Giver = "contributor",
    model: Utility = "mixed",
) -> None:
    """Value the records as `sheaf value` does, split the pool, and post the root of all shares with a stake.

    Example: sheaf bonus settle 1 bought.csv --task held_out.csv --label species --contributor account --account buyer
    """
    from sheaf import actions

    with session.working("valuing"):
        found = actions.settle_bonus(session.acting, number, _files(file, task, label, contributor, model))
    session.answer(_answer(found), lambda out: _write(out, found, _currency(session, number)))


@verb(app, "check")
def check(
    session: Session,
    number: Number,
    file: Records,
    task: Task,
    label: Label,
    contributor: Giver = "contributor",
    model: Utility = "mixed",
) -> None:
    """Compute posted shares again and name the first difference; `sheaf bonus challenge` disputes it.

    Example: sheaf bonus check 1 bought.csv --task held_out.csv --label species --contributor account
    """
    from sheaf import actions

    with session.working("valuing"):
        difference = actions.check_bonus(
            session.market, number, _files(file, task, label, contributor, model)
        )
    session.answer(
        {"request": number, "is_equal": difference is None, "difference": difference},
        lambda out: out.line(difference or "the shares are what these files give"),
    )


@verb(app, "challenge")
def challenge(session: Session, number: Number) -> None:
    """Say with a bond that posted shares are wrong; jurors compute them again (`sheaf bonus check`).

    Example: sheaf bonus challenge 1 --account contributor
    """
    from sheaf import actions

    case = actions.challenge_bonus(session.acting, number)
    session.answer({"case": case}, lambda out: out.line(f"case {case}: see `sheaf bonus case {case}`"))


@verb(app, "claim")
def claim(
    session: Session,
    number: Number,
    whose: Annotated[str | None, typer.Option("--for", help="Whose share, if not one's own.")] = None,
) -> None:
    """Have a share paid out to the account that it belongs to.

    Example: sheaf bonus claim 1 --account contributor
    """
    from sheaf import actions

    named = session.address(whose, "for") if whose else None
    paid = actions.claim_bonus(session.acting, number, named)
    session.answer({"paid": paid}, lambda out: out.line(f"{_currency(session, number).write(paid)} paid"))


@verb(app, "show")
def show(session: Session, number: Number) -> None:
    """Show a pool: what it holds, the shares that stand or are judged, and until when.

    Example: sheaf bonus show 1
    """
    from sheaf import actions

    found = actions.show_bonus(session.market, number)
    session.answer(_answer(found), lambda out: _write(out, found, _currency(session, number)))


@verb(app, "reclaim")
def reclaim(session: Session, number: Number) -> None:
    """Take out, as the buyer, what nobody claimed, or all where no shares stood in time.

    Example: sheaf bonus reclaim 1 --account buyer
    """
    from sheaf import actions

    paid = actions.reclaim_bonus(session.acting, number)
    session.answer(
        {"reclaimed": paid}, lambda out: out.line(f"{_currency(session, number).write(paid)} back")
    )


@verb(app, "withdraw")
def withdraw(
    session: Session,
    request: Annotated[
        int | None, typer.Option(help="In the token of this request; else in SHEAF.", min=1)
    ] = None,
    winnings: Annotated[
        bool, typer.Option("--winnings", help="What disputes about shares owe instead.")
    ] = False,
) -> None:
    """Withdraw what pools owe this account: stakes, and what shares left of a pool.

    Example: sheaf bonus withdraw --account buyer
    """
    from sheaf import actions

    if winnings:
        won = actions.bonus_winnings(session.acting)
        session.answer({"withdrawn": won}, lambda out: out.line(f"{session.currency().write(won)} withdrawn"))
        return
    token = actions.show_request(session.market, request).token if request else None
    paid = actions.withdraw_bonus(session.acting, token)
    money = _currency(session, request) if request else session.currency()
    session.answer({"withdrawn": paid}, lambda out: out.line(f"{money.write(paid)} withdrawn"))


@verb(app, "case")
def case_(session: Session, case: Case) -> None:
    """Show a case about posted shares: how far its jury is, and what is ruled.

    Example: sheaf bonus case 1
    """
    from sheaf import actions

    one = actions.share_case(session.market, case)
    phase = PHASES[one.jury.phase]
    ruled = "rejected" if one.is_rejected else "nobody at fault" if one.is_hung else "they stand"
    answer = {
        "case": case, "posting": one.posting, "request": one.request, "phase": phase, "round": one.jury.round,
        "seats": one.jury.size, "ruled": ruled, "challenger": one.challenger, "bond": one.bond,
    }  # fmt: skip

    def write(out: Paper) -> None:
        out.line(f"case {case} about the shares of request {one.request}, posting {one.posting}: {phase}")
        opened = one.jury.opened.bit_count()
        out.line(f"round {one.jury.round}, {one.jury.size} seats, {opened} votes opened; so far {ruled}")

    session.answer(answer, write)


@verb(app, "vote")
def vote(session: Session, case: Case, opinion: Opinion) -> None:
    """Commit, as a juror, to whether the posted shares are wrong; `reveal` opens the vote.

    Example: sheaf bonus vote 1 wrong --account validator
    """
    from sheaf import actions

    seat = actions.vote_on_shares(session.acting, case, **_meant(opinion))
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"committed on seat {seat}"))


@verb(app, "reveal")
def reveal(session: Session, case: Case, opinion: Opinion) -> None:
    """Open the vote, given again as it was committed.

    Example: sheaf bonus reveal 1 wrong --account validator
    """
    from sheaf import actions

    seat = actions.reveal_on_shares(session.acting, case, **_meant(opinion))
    session.answer({"case": case, "seat": seat}, lambda out: out.line(f"opened on seat {seat}"))


@verb(app, "appeal")
def appeal(
    session: Session,
    case: Case,
    for_shares: Annotated[
        bool, typer.Option("--for-shares", help="For the shares; else for the challenge.")
    ] = False,
) -> None:
    """Ask for a larger jury with twice the bond, for the side that lost.

    Example: sheaf bonus appeal 1 --account contributor
    """
    from sheaf import actions

    bond = actions.appeal_on_shares(session.acting, case, is_for_challenge=not for_shares)
    session.answer({"bond": bond}, lambda out: out.line(f"appealed with {session.currency().write(bond)}"))


@verb(app, "proceed")
def proceed(session: Session, case: Case) -> None:
    """Do what is due in a case: draw, count, conclude, show the stake, execute or share out. Anyone may.

    Example: sheaf bonus proceed 1 --account anyone
    """
    from sheaf import actions

    done = actions.proceed_on_shares(session.acting, case)
    session.answer({"case": case, "done": done}, lambda out: out.line(done))


def _meant(opinion: str) -> dict[str, bool]:
    return {"is_rejected": opinion == "wrong", "is_faultless": opinion == "nobody"}


def _files(file: Path, task: Path, label: str, contributor: str, model: str) -> Files:
    from sheaf import actions

    return actions.Files(file, task, label, contributor, model)  # type: ignore[arg-type]


def _currency(session: Session, number: int) -> Currency:
    from sheaf import actions

    return session.currency(actions.show_request(session.market, number).token)


def _answer(found: Bonus) -> dict[str, object]:
    posted = found.posting
    return {
        "request": found.request, "token": found.pool.token, "left": found.pool.left, "buyer": found.pool.buyer,
        "open_until": found.pool.open_until, "accepted_at": found.pool.accepted_at, "posting": found.pool.posting,
        "poster": posted.poster if posted else None, "total": posted.total if posted else None,
        "paid": posted.paid if posted else None, "settle_after": posted.settle_after if posted else None,
        "shares": [
            {"account": account, "share": int(share)}
            for account, share in zip(found.evidence.accounts, found.evidence.shares, strict=True)
        ] if found.evidence else None,
    }  # fmt: skip


def _write(out: Paper, found: Bonus, money: Currency) -> None:
    out.line(f"pool of request {found.request}: {money.write(found.pool.left)}")
    if found.posting is None:
        out.line("no shares are posted")
        return
    state = "they stand" if found.pool.accepted_at else "they may be challenged, or wait to be accepted"
    out.line(
        f"posting {found.pool.posting} by {found.posting.poster}: {money.write(found.posting.total)}; {state}"
    )
    if found.evidence is None:
        out.line("its evidence cannot be read")
        return
    rows = [
        (account, money.brief(int(share)))
        for account, share in zip(found.evidence.accounts, found.evidence.shares, strict=True)
    ]
    out.table(("account", "share"), rows, right=("share",))
