"""`sheaf account`: keys in an encrypted keystore, balances, and the local faucet."""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli.frame.paper import Paper, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

app = typer.Typer(no_args_is_help=True, help="Accounts: create, import, fund, look at balances.")

Name = Annotated[str, typer.Argument(help="A name for the account.", metavar="NAME")]
Token = Annotated[str | None, typer.Option(help="Payment token (ERC-20); left out: SHEAF.")]
Whose = Annotated[
    str | None, typer.Argument(help="An address, or an account's name; left out: the acting account.")
]


@verb(app, "create")
def create(session: Session, name: Name) -> None:
    """Create an account and keep its key, encrypted, in the keystore.

    Example: sheaf account create buyer
    """
    from sheaf import actions

    address = actions.create_account(
        session.settings.keystore_directory, name, session.ask_password(is_new=True)
    )
    session.answer({"name": name, "address": address})


@verb(app, "import")
def import_key(session: Session, name: Name) -> None:
    """Import a private key: it is asked for, or read from standard input, never from the arguments.

    Example: sheaf account import buyer < key.txt
    """
    import sys

    from sheaf import actions

    password = session.ask_password(is_new=True)
    key = (
        typer.prompt("Private key", hide_input=True, err=True)
        if session.is_interactive
        else sys.stdin.readline()
    )
    key = session.keep_secret(key.strip())
    address = actions.import_account(session.settings.keystore_directory, name, key, password)
    session.answer({"name": name, "address": address})


@verb(app, "list")
def list_all(session: Session) -> None:
    """List the accounts of the keystore.

    Example: sheaf account list --json
    """
    from sheaf.chain import keystore

    found = keystore.accounts(session.settings.keystore_directory)

    def show(out: Paper) -> None:
        if found:
            out.pairs(found)
        else:
            out.line("no accounts yet: make one with `sheaf account create NAME`")

    session.answer(found, show)


@verb(app, "show")
def show(session: Session, address: Whose = None, token: Token = None) -> None:
    """Show what an account has: gas money, tokens, what it is owed, its stake, its standing.

    Example: sheaf account show --account buyer
    """
    from sheaf import actions

    whose = session.address(address or session.settings.account or "none named", "account")
    paid_in = session.address(token, "token") if token else None
    balances = actions.balances(session.market, whose, paid_in)
    money, stake = session.currency(paid_in), session.currency()

    def show_all(out: Paper) -> None:
        rows = {
            "account": balances.account,
            "gas money": f"{stake.write(balances.wei).split()[0]} coins",
            "tokens": money.write(balances.tokens),
            "owed": money.write(balances.owed),
        }
        if balances.validator is not None:
            rows |= {
                "validator": f"number {balances.validator}",
                "staked": stake.write(balances.staked),
                "of it locked": stake.write(balances.locked),
                "unbonding": stake.write(balances.unbonding),
            }
        if balances.release_at:
            rows["released"] = when(balances.release_at, session.market.chain.block().timestamp)
        known = balances.standing
        rows |= {
            "standing": f"{known.score_wad / 10**18:.2f} of 1 (praise {known.praise / 10**18:.1f}, blame {known.blame / 10**18:.1f})",
            "bond": f"{known.bond_percent} % of a submission worth up to {stake.write(4 * known.verified)}",
        }
        out.pairs(rows)

    session.answer(balances, show_all)


@verb(app, "fund")
def fund(
    session: Session,
    address: Whose = None,
    amount: Annotated[str, typer.Option("--tokens", help="How many SHEAF.")] = "1000",
) -> None:
    """Fund an account from the faucet of a local market.

    Example: sheaf account fund --account buyer --tokens 500
    """
    from sheaf import actions

    units = session.amount(amount, "tokens")
    target = session.address(address or session.settings.account or "none named", "account")
    with session.working("funding"):
        actions.fund_account(session.market, target, tokens=units)
    session.answer(
        {"account": target, "tokens": units},
        lambda out: out.line(f"{session.currency().write(units)} to {target}"),
    )


@verb(app, "register")
def register(session: Session) -> None:
    """Publish the account's reading key, to which data keys are sealed.

    Example: sheaf account register --account buyer
    """
    from sheaf import actions

    me = session.acting
    sent = actions.register_key(me)
    session.answer(
        {"account": me.account, "transaction": sent},
        lambda out: out.line(
            f"reading key of {me.account} " + (f"published in {sent}" if sent else "is published already")
        ),
    )


@verb(app, "withdraw")
def withdraw(session: Session, token: Token = None) -> None:
    """Withdraw everything the market owes the account.

    Example: sheaf account withdraw --account contributor
    """
    from sheaf import actions

    chosen = session.address(token, "token") if token else None
    money, me = session.currency(chosen), session.acting
    paid = actions.withdraw(me, chosen)
    session.answer(
        {"account": me.account, "amount": paid}, lambda out: out.line(f"{money.write(paid)} withdrawn")
    )
