"""`sheaf custody`: what a custodian answers with for the keys entrusted to it."""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli.frame.paper import Paper, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

app = typer.Typer(
    no_args_is_help=True, help="Custody: deposit for the keys that one holds, pledge, report, conclude."
)

Amount = Annotated[str, typer.Argument(help="How many SHEAF, such as 500.", metavar="AMOUNT")]
Number = Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION")]


@verb(app, "show")
def show(
    session: Session,
    address: Annotated[
        str | None, typer.Argument(help="An address, or an account's name; left out: the acting account.")
    ] = None,
) -> None:
    """Show what a custodian can still pledge, and what of its deposit is leaving: look before you entrust a key.

    Example: sheaf custody show custodian
    """
    from sheaf import actions

    whose = session.address(address or session.settings.account or "none named", "account")
    held = actions.deposited(session.market, whose)

    def show_all(out: Paper) -> None:
        coin = session.currency()
        out.pairs(
            {"account": whose, "can pledge": coin.write(held.free), "leaving": coin.write(held.leaving)}
        )
        if held.leaving:
            out.line(f"to be withdrawn from {when(held.release_at, session.market.chain.block().timestamp)}")

    session.answer(
        {"account": whose, "free": held.free, "leaving": held.leaving, "release_at": held.release_at},
        show_all,
    )


@verb(app, "deposit")
def deposit(session: Session, amount: Amount) -> None:
    """Deposit SHEAF: `sheaf custodian run` pledges it for the keys that come to the account.

    Example: sheaf custody deposit 500 --account custodian
    """
    from sheaf import actions

    units = session.amount(amount)
    held = actions.deposit_for_keys(session.acting, units)
    session.answer(
        {"deposited": units, "free": held.free},
        lambda out: out.line(f"{session.currency().write(held.free)} can be pledged"),
    )


@verb(app, "leave")
def leave(session: Session, amount: Amount) -> None:
    """Let a part of the deposit that is not pledged leave; it can be withdrawn two days later.

    Example: sheaf custody leave 500 --account custodian
    """
    from sheaf import actions

    units = session.amount(amount)
    held = actions.leave_custody(session.acting, units)
    session.answer(
        {"leaving": held.leaving, "release_at": held.release_at},
        lambda out: out.line(f"{session.currency().write(held.leaving)} leaving"),
    )


@verb(app, "withdraw")
def withdraw(session: Session) -> None:
    """Withdraw what has been leaving long enough.

    Example: sheaf custody withdraw --account custodian
    """
    from sheaf import actions

    paid = actions.withdraw_deposit(session.acting)
    session.answer({"withdrawn": paid}, lambda out: out.line(f"{session.currency().write(paid)} withdrawn"))


@verb(app, "pledge")
def pledge(session: Session, submission: Number) -> None:
    """Answer for the key of a submission with one and a half times its value, as its custodian, before its committee is drawn.

    Example: sheaf custody pledge 7 --account custodian
    """
    from sheaf import actions

    amount = actions.pledge_key(session.acting, submission)
    session.answer(
        {"submission": submission, "pledged": amount},
        lambda out: out.line(f"{session.currency().write(amount)} pledged for submission {submission}"),
    )


@verb(app, "conclude")
def conclude(session: Session, submission: Number) -> None:
    """End the pledge of a submission that is over: back to its custodian, or lost, half of it to the contributor. Anyone may.

    Example: sheaf custody conclude 7 --account contributor
    """
    from sheaf import actions

    is_done = actions.conclude_pledge(session.acting, submission)
    said = "is concluded" if is_done else "there is none, or its submission is not over"
    session.answer(
        {"submission": submission, "is_concluded": is_done},
        lambda out: out.line(f"pledge of submission {submission}: {said}"),
    )
