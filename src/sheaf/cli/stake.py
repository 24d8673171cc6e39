"""`sheaf stake`: what a validator puts at risk."""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli.frame.paper import Paper, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

app = typer.Typer(no_args_is_help=True, help="Stake: show, add, unbond, withdraw, declare an affiliate.")

Amount = Annotated[str, typer.Argument(help="How many SHEAF, such as 5000.", metavar="AMOUNT")]


@verb(app, "show")
def show(
    session: Session,
    address: Annotated[
        str | None, typer.Argument(help="An address, or an account's name; left out: the acting account.")
    ] = None,
) -> None:
    """Show what a validator's work has shown: gold, agreement, audits, how near it is to jail, its share of the fee.

    Example: sheaf stake show --account validator
    """
    from sheaf import actions
    from sheaf.domain.amounts import WAD

    whose = session.address(address or session.settings.account or "none named", "account")
    record = actions.record_of(session.market, whose)

    def show_all(out: Paper) -> None:
        now = session.market.chain.block().timestamp
        tests = record.hits + record.misses
        right = f"{record.hits} of {tests} right" if tests else "none seen yet"
        agreed, expected = record.agreement / WAD, record.reference / WAD
        rows = {
            "account": record.account,
            "batches rated": record.batches,
            "gold": right,
            "agreement": f"{agreed:.4f}, of {expected:.4f} expected",
            "earns": f"{record.factor_bps / 100:g} % of its fee",
            "on the way to jail": f"{100 * record.to_jail:.0f} % (log-likelihood {record.llr / 1e6:+.3f})",
            "jailed so far": record.jails,
        }
        if record.jailed_until:
            rows["in jail until"] = when(record.jailed_until, now)
        if record.proven:
            lost = session.currency().write(record.suspended)
            rows["errors in audits"] = (
                f"{100 * record.proven:.0f} % of what is beyond chance; then {lost} are lost"
            )
        if record.slash_from:
            rows["slashed from"] = f"{when(record.slash_from, now)}, for submission {record.sentenced_for}"
        out.pairs(rows)

    session.answer(record, show_all)


@verb(app, "add")
def add(session: Session, amount: Amount) -> None:
    """Stake SHEAF; the weight counts from the next period on.

    Example: sheaf stake add 5000 --account validator
    """
    from sheaf import actions

    units = session.amount(amount)
    receipt = actions.stake(session.acting, units)
    session.answer(
        {"staked": units, "transaction": receipt.transaction},
        lambda out: out.line(f"{session.currency().write(units)} staked in {receipt.transaction}"),
    )


@verb(app, "unbond")
def unbond(session: Session, amount: Amount) -> None:
    """Begin to take stake out; it stays at risk until it is released.

    Example: sheaf stake unbond 5000 --account validator
    """
    from sheaf import actions

    units = session.amount(amount)
    receipt = actions.unbond(session.acting, units)
    session.answer(
        {"unbonding": units, "transaction": receipt.transaction},
        lambda out: out.line(f"{session.currency().write(units)} unbonding in {receipt.transaction}"),
    )


@verb(app, "withdraw")
def withdraw(session: Session) -> None:
    """Withdraw stake whose unbonding time is over.

    Example: sheaf stake withdraw --account validator
    """
    from sheaf import actions

    paid = actions.withdraw_stake(session.acting)
    session.answer({"withdrawn": paid}, lambda out: out.line(f"{session.currency().write(paid)} withdrawn"))


@verb(app, "refresh")
def refresh(
    session: Session,
    validator: Annotated[
        str | None,
        typer.Argument(help="Address, or account name, of a validator; left out: the acting account."),
    ] = None,
) -> None:
    """Let a validator's stake weigh by its standing, from the next period on; anyone may.

    Example: sheaf stake refresh 0x… --account outsider
    """
    from sheaf import actions

    whose = session.address(validator, "validator") if validator else session.acting.account
    score = actions.refresh(session.acting, whose)
    session.answer(
        {"validator": whose, "score_wad": score},
        lambda out: out.line(
            f"stake of {whose} weighs {1 + score / 10**18:.2f} times from the next period on"
        ),
    )


@verb(app, "declare")
def declare(
    session: Session,
    affiliate: Annotated[str, typer.Argument(help="Address, or account name, of the affiliate.")],
) -> None:
    """Declare an affiliate: this validator never sits over its requests or submissions.

    Example: sheaf stake declare 0x… --account validator
    """
    from sheaf import actions

    named = session.address(affiliate, "affiliate")
    receipt = actions.declare(session.acting, named)
    session.answer({"affiliate": named, "transaction": receipt.transaction})
