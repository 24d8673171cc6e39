"""`sheaf account`: keys in an encrypted keystore, balances, and the local faucet."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from sheaf.cli.session import Session, tokens
from sheaf.cli.verb import verb

app = typer.Typer(no_args_is_help=True, help="Accounts: create, import, fund, look at balances.")


@verb(app, "create")
def create(session: Session, name: Annotated[str, typer.Argument(help="A name for the account.")]) -> None:
    """Create an account and keep its key, encrypted, in the keystore.

    Example: sheaf account create buyer
    """
    from sheaf import actions
    from sheaf.bootstrap import keystore_directory

    address = actions.create_account(
        keystore_directory(session.settings), name, session.ask_password(is_new=True)
    )
    session.answer({"name": name, "address": address})


@verb(app, "import")
def import_key(
    session: Session, name: Annotated[str, typer.Argument(help="A name for the account.")]
) -> None:
    """Import a private key: it is asked for, or read from standard input, never from the arguments.

    Example: sheaf account import buyer < key.txt
    """
    import sys

    from sheaf import actions
    from sheaf.bootstrap import keystore_directory

    password = session.ask_password(is_new=True)
    key = (
        typer.prompt("Private key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    )
    address = actions.import_account(keystore_directory(session.settings), name, key.strip(), password)
    session.answer({"name": name, "address": address})


@verb(app, "list")
def list_all(session: Session) -> None:
    """List the accounts of the keystore.

    Example: sheaf account list --json
    """
    from sheaf import actions
    from sheaf.bootstrap import keystore_directory

    session.answer(actions.list_accounts(keystore_directory(session.settings)))


@verb(app, "show")
def show(
    session: Session,
    address: Annotated[str | None, typer.Argument(help="An address; left out: the acting account.")] = None,
) -> None:
    """Show what an account has: gas money, tokens, what it is owed, its stake.

    Example: sheaf account show --account buyer
    """
    from sheaf import actions

    balances = (
        actions.balances(session.market, session.address(address))
        if address
        else actions.balances(session.acting)
    )

    def print_all(out: Console) -> None:
        for name in ("account", "token", "validator"):
            out.print(f"[dim]{name}[/]  {getattr(balances, name)}")
        for name in ("wei", "tokens", "owed", "staked", "unbonding", "locked"):
            out.print(f"[dim]{'gas money' if name == 'wei' else name}[/]  {tokens(getattr(balances, name))}")

    session.answer(balances, print_all)


@verb(app, "fund")
def fund(
    session: Session,
    address: Annotated[str | None, typer.Argument(help="An address; left out: the acting account.")] = None,
    amount: Annotated[str, typer.Option("--tokens", help="How many SHEAF.")] = "1000",
) -> None:
    """Fund an account from the faucet of a local market.

    Example: sheaf account fund --account buyer --tokens 500
    """
    from sheaf import actions

    market = session.market if address else session.acting
    units = session.amount(amount, "tokens")
    target = session.address(address) if address else market.account
    actions.fund_account(market, target, tokens=units)
    session.answer(
        {"account": target, "tokens": units}, lambda out: out.print(f"{tokens(units)} SHEAF to {target}")
    )


@verb(app, "register")
def register(session: Session) -> None:
    """Publish the account's reading key, to which data keys are sealed.

    Example: sheaf account register --account buyer
    """
    from sheaf import actions

    session.answer({"account": session.acting.account, "transaction": actions.register_key(session.acting)})


@verb(app, "withdraw")
def withdraw(
    session: Session,
    token: Annotated[str | None, typer.Option(help="Payment token; left out: SHEAF.")] = None,
) -> None:
    """Withdraw everything the market owes the account.

    Example: sheaf account withdraw --account contributor
    """
    from sheaf import actions

    paid = actions.withdraw(session.acting, session.address(token, "token") if token else None)
    session.answer(
        {"account": session.acting.account, "amount": paid},
        lambda out: out.print(f"{tokens(paid)} withdrawn"),
    )
