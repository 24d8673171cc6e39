"""`sheaf dataset`: data that stay with their owner, and the orders of their uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sheaf.cli.frame.listing import (
    answer_of,
    offers_of,
    priced,
    published,
    served_words,
    table_of,
    write_dataset,
    write_published,
)
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.domain.ids import Address

app = typer.Typer(
    no_args_is_help=True,
    help="Datasets: data that stay where they are, sold by use.",
)

Number = Annotated[int, typer.Argument(help="The dataset's number.", metavar="DATASET", min=1)]
Folder = Annotated[
    Path, typer.Argument(help="The folder with one file of records, or the file.", metavar="DIR")
]
PolicyFile = Annotated[Path, typer.Option(help="The policy of release, a TOML document.")]
Use = Annotated[
    str, typer.Option(help="download, statistics, trusted-train, approved-code or open.", metavar="USE")
]
Prices = Annotated[
    list[str] | None,
    typer.Option(
        "--price",
        help="What one use costs in whole tokens: USE=AMOUNT; may be given again.",
        metavar="USE=AMOUNT",
    ),
]
Parents = Annotated[
    list[str] | None,
    typer.Option(
        "--parent", help="What it was made from: DATASET=PERCENT of its income.", metavar="DATASET=PERCENT"
    ),
]
TokenOption = Annotated[
    str | None, typer.Option(help="Address of the payment token; the market token if left out.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]


@verb(app, "publish")
def publish(
    session: Session,
    directory: Folder,
    policy: PolicyFile,
    title: Annotated[str, typer.Option(help="What it is, in a line.")],
    licence: Annotated[str, typer.Option(help="SPDX identifier of its licence.")],
    description: Annotated[str, typer.Option(help="What it is, in some lines.")] = "",
    price: Prices = None,
    royalty: Annotated[float, typer.Option(help="Royalty on resale, per cent.", min=0, max=100)] = 0.0,
    parent: Parents = None,
    token: TokenOption = None,
) -> None:
    """Publish a dataset: only its manifest leaves this machine (schema, roots over all values, licence, datasheet, policy).

    A datasheet.md in the folder goes into the manifest.

    Example: sheaf dataset publish clinic --policy policy.toml --title "Blood counts" --licence CC-BY-4.0 --account owner
    """
    from sheaf.actions.datasets.publish import About, publish_dataset

    paid_in = session.address(token, "token") if token else None
    about = About(
        title, licence, description, _bps("royalty", royalty), tuple(_parents(parent or [])),
        _prices(session, price or [], paid_in), paid_in,
    )  # fmt: skip
    ctx = session.acting
    with session.working("committing to every value"):
        made = publish_dataset(ctx, directory, policy, about)
    session.answer(published(made), lambda out: write_published(out, session, made))


@verb(app, "list")
def list_(
    session: Session, everything: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False
) -> None:
    """List the datasets that are offered, the newest first.

    Example: sheaf dataset list
    """
    from sheaf.actions.datasets.find import list_datasets

    found = list_datasets(session.market, is_all=everything)
    session.answer({"datasets": [answer_of(one) for one in found]}, lambda out: table_of(out, session, found))


@verb(app, "search")
def search(
    session: Session,
    words: Annotated[list[str], typer.Argument(help="Words that all stand in it.", metavar="WORD…")],
    use: Annotated[str | None, typer.Option(help="Only those that offer this use.")] = None,
    most: Annotated[str | None, typer.Option(help="Only those that cost no more, in whole SHEAF.")] = None,
) -> None:
    """Search titles, descriptions, datasheets, fields and licences of what is offered.

    Example: sheaf dataset search blood counts --use statistics
    """
    from sheaf.actions.datasets.find import search_datasets

    units = session.amount(most, "most") if most else None
    found = search_datasets(session.market, " ".join(words), use, units)
    session.answer({"datasets": [answer_of(one) for one in found]}, lambda out: table_of(out, session, found))


@verb(app, "show")
def show(session: Session, number: Number) -> None:
    """Show a dataset: fields, licence, prices, terms, who may compute on it, what it was made from, its datasheet.

    Example: sheaf dataset show 1
    """
    from sheaf.actions.datasets.find import show_dataset

    found = show_dataset(session.market, number)
    session.answer(answer_of(found), lambda out: write_dataset(out, session, found))


@verb(app, "price")
def price_(
    session: Session,
    number: Number,
    use: Annotated[str | None, typer.Option(help="The use to price; left out: show all prices.")] = None,
    amount: Annotated[
        str | None, typer.Option(help="Whole tokens; 0 is free; left out: take the offer back.")
    ] = None,
    token: TokenOption = None,
) -> None:
    """Show what the uses of a dataset cost, or set what one costs, as its owner.

    Example: sheaf dataset price 1 --use statistics --amount 5 --account owner
    """
    from sheaf.actions.datasets.find import show_dataset
    from sheaf.actions.datasets.terms import set_price

    if use is not None:
        paid_in = session.address(token, "token") if token else None
        set_price(session.acting, number, use, _units(session, amount, paid_in) if amount else None, paid_in)
    found = show_dataset(session.market, number)
    session.answer(offers_of(found), lambda out: out.pairs(priced(session, found)))


@verb(app, "policy")
def policy_(
    session: Session,
    number: Number,
    policy: Annotated[
        Path | None, typer.Argument(help="The new policy; left out: show it.", metavar="FILE")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where the records lie, if they moved or changed.")
    ] = None,
) -> None:
    """Show a dataset's policy of release, or set another one for orders from now on.

    Example: sheaf dataset policy 1 stricter.toml --account owner
    """
    from sheaf.actions.datasets.find import manifest_of
    from sheaf.actions.datasets.publish import change_policy

    if policy is None:
        text = manifest_of(session.market, number).policy
        session.answer({"dataset": number, "policy": text}, lambda out: out.quoted(text))
        return
    made = change_policy(session.acting, number, policy, directory)
    session.answer(published(made), lambda out: write_published(out, session, made))


@verb(app, "serve")
def serve(
    session: Session,
    number: Number,
    fee: Annotated[str, typer.Option(help="What a provider gets for an order, in whole tokens.")],
    lock: Annotated[str, typer.Option(help="What it locks of its stake, in whole SHEAF.")],
    seconds: Annotated[int, typer.Option(help="How long it may take.", min=1, max=2**24 - 1)] = 3600,
    token: TokenOption = None,
) -> None:
    """Set the terms for those who compute on a dataset, as its owner.

    Example: sheaf dataset serve 1 --fee 1 --lock 50 --account owner
    """
    from sheaf.actions.datasets.terms import set_service
    from sheaf.market.compute_orders import Service

    paid_in = session.address(token, "token") if token else None
    service = Service(_units(session, fee, paid_in), session.amount(lock, "lock"), seconds)
    set_service(session.acting, number, service)
    words = served_words(session, service, session.currency(paid_in))
    session.answer(
        {"dataset": number, **service._asdict()}, lambda out: out.line(f"dataset {number}: {words}")
    )


@verb(app, "admit")
def admit(
    session: Session,
    number: Number,
    provider: Annotated[str, typer.Argument(help="Account that has staked to compute.", metavar="PROVIDER")],
    undo: Undo = False,
) -> None:
    """Give a provider a seat at a dataset, so that buyers may choose it, or take the seat away.

    Example: sheaf dataset admit 1 clinic-node --account owner
    """
    from sheaf.actions.datasets.terms import admit_provider

    account = session.address(provider, "provider")
    found = admit_provider(session.acting, number, account, is_admitted=not undo)
    session.answer({"dataset": number, "provider": found, "is_admitted": not undo})


@verb(app, "revoke")
def revoke(
    session: Session,
    number: Number,
    buyer: Annotated[str, typer.Argument(help="Account that may not buy.", metavar="BUYER")],
    undo: Undo = False,
) -> None:
    """Sell nothing more of a dataset to an account.

    Example: sheaf dataset revoke 1 0x… --account owner
    """
    from sheaf.actions.datasets.terms import revoke_buyer

    account = session.address(buyer, "buyer")
    revoke_buyer(session.acting, number, account, is_revoked=not undo)
    session.answer({"dataset": number, "buyer": account, "is_revoked": not undo})


@verb(app, "withdraw")
def withdraw(session: Session, number: Number, undo: Undo = False) -> None:
    """End new purchases and orders of a dataset; open orders end as they would.

    Example: sheaf dataset withdraw 1 --account owner
    """
    from sheaf.actions.datasets.terms import withdraw_dataset

    withdraw_dataset(session.acting, number, is_withdrawn=not undo)
    session.answer({"dataset": number, "is_withdrawn": not undo})


@verb(app, "income")
def income(session: Session, number: Number, token: TokenOption = None) -> None:
    """Pass a dataset's parents their parts and have its owner paid what is left; anyone may call it.

    Example: sheaf dataset income 1 --account owner
    """
    from sheaf.actions.datasets.terms import claim_income

    paid_in = session.address(token, "token") if token else None
    paid = claim_income(session.acting, number, paid_in)
    session.answer(
        {"dataset": number, "paid": paid},
        lambda out: out.line(f"{session.currency(paid_in).write(paid)} paid"),
    )


def _units(session: Session, text: str, token: Address | None) -> int:
    from sheaf.domain.amounts import parse_amount

    return parse_amount(text, session.currency(token).decimals, "amount")


def _bps(field: str, percent: float) -> int:
    bps = round(percent * 100)
    if abs(bps - percent * 100) > 1e-6:
        raise InputError(field, percent, "give at most two places after the point")
    return bps


def _prices(session: Session, given: list[str], token: Address | None) -> dict[str, int]:
    parts = [text.partition("=") for text in given]
    for use, sign, amount in parts:
        if not sign or not amount:
            raise InputError("price", use, "give USE=AMOUNT, such as statistics=5")
    return {use: _units(session, amount, token) for use, _, amount in parts}


def _parents(given: list[str]) -> list[Any]:
    from sheaf.domain.dataset import Parent

    found = []
    for text in given:
        number, _, percent = text.partition("=")
        try:
            found.append(Parent(int(number), _bps("parent", float(percent))))
        except ValueError:
            raise InputError("parent", text, "give DATASET=PERCENT, such as 3=12.5") from None
    return found
