"""`sheaf dataset`, the part about orders: buy uses, order, look, have money back, take what is owed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.frame.listing import (
    address_of,
    ordered,
    write_claimed,
    write_order,
    write_provider,
    write_uses,
)
from sheaf.cli.frame.paper import short, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

app = typer.Typer()

Number = Annotated[int, typer.Argument(help="The dataset's number.", metavar="DATASET", min=1)]
OrderNumber = Annotated[int, typer.Argument(help="The order's number.", metavar="ORDER", min=1)]
Use = Annotated[
    str, typer.Option(help="download, statistics, trusted-train, approved-code or open.", metavar="USE")
]


@verb(app, "buy")
def buy(
    session: Session,
    number: Number,
    use: Use,
    uses: Annotated[int, typer.Option(help="How many uses.", min=1)] = 1,
) -> None:
    """Buy uses ahead, as datatokens, at the price of now; an order pays with one by --ticket.

    Example: sheaf dataset buy 1 --use statistics --uses 10 --account buyer
    """
    from sheaf.actions.datasets.find import show_dataset
    from sheaf.actions.datasets.order import buy_uses, uses_left

    me = session.acting
    paid = buy_uses(me, number, use, uses)
    left, token = uses_left(me, number, use), show_dataset(me, number).offers[use].token
    session.answer(
        {"dataset": number, "paid": paid, "uses_left": left},
        lambda out: out.line(
            f"{session.currency(address_of(token)).write(paid)} paid; {left} uses left: order with --ticket"
        ),
    )


@verb(app, "order")
def order(
    session: Session,
    number: Number,
    use: Use,
    job: Annotated[Path, typer.Option(help="The job's file; its SHA-256 goes on chain, its bytes do not.")],
    provider: Annotated[
        str | None, typer.Option(help="Who is to compute; left out: the first with free stake.")
    ] = None,
    ticket: Annotated[bool, typer.Option("--ticket", help="Pay with a use that was bought ahead.")] = False,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="The job gives the same bytes every time: it can be disputed."),
    ] = False,
) -> None:
    """Order one use of a dataset: the money waits in escrow until there is a result, or comes back.

    Example: sheaf dataset order 1 --use statistics --job query.json --account buyer
    """
    from sheaf.actions.datasets.order import Wish, order_use, show_order

    try:
        data = job.read_bytes()
    except OSError as error:
        raise InputError("job", job.name, f"give a file that can be read: {error.strerror}") from None
    named = session.address(provider, "provider") if provider else None
    made = order_use(session.acting, number, Wish(use, data, named, ticket, deterministic))
    found = show_order(session.market, made)
    session.answer(ordered(made, found), lambda out: write_order(out, session, made, found))


@verb(app, "orders")
def orders(
    session: Session,
    number: Annotated[
        int | None, typer.Argument(help="One order; left out: a list.", metavar="ORDER")
    ] = None,
    dataset: Annotated[int | None, typer.Option(help="Only those of this dataset.")] = None,
    buyer: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
) -> None:
    """List orders, or show one: where it stands and until when.

    Example: sheaf dataset orders --dataset 1
    """
    from sheaf.actions.datasets.order import list_orders, show_order

    if number is not None:
        found = show_order(session.market, number)
        session.answer(ordered(number, found), lambda out: write_order(out, session, number, found))
        return
    account = session.address(buyer, "buyer") if buyer else None
    known = list_orders(session.market, buyer=account, dataset=dataset)
    rows = [
        (
            str(n), str(one.dataset), one.use_name, one.state, short(one.buyer),
            session.currency(address_of(one.token)).write(one.price + one.fee),
            when(one.until) if one.until else "",
        )
        for n, one in known.items()
    ]  # fmt: skip
    heads = ("order", "dataset", "use", "state", "buyer", "paid", "until")
    session.answer(
        {"orders": [ordered(n, one) for n, one in known.items()]},
        lambda out: out.table(heads, rows, right=("order", "dataset")),
    )


@verb(app, "uses")
def uses(session: Session, number: Number) -> None:
    """Show every use of one's dataset: who, what for, what it cost of the budget, and the money earned.

    Example: sheaf dataset uses 1 --account owner
    """
    from sheaf.actions.datasets.uses import uses_of

    found = uses_of(session.acting, number)
    session.answer(found, lambda out: write_uses(out, session, found))


@verb(app, "refund")
def refund(session: Session, number: OrderNumber) -> None:
    """Have one's money back: cancel what nobody accepted, refund what was not delivered in time, and take it.

    Example: sheaf dataset refund 3 --account buyer
    """
    from sheaf.actions.datasets.order import refund_order, show_order

    came = refund_order(session.acting, number)
    money = session.currency(address_of(show_order(session.market, number).token))
    words = (
        f"{money.write(came)} came back" if came else f"order {number} was refunded, its money has been taken"
    )
    session.answer({"order": number, "returned": came}, lambda out: out.line(words))


@verb(app, "dispute")
def dispute(session: Session, number: OrderNumber) -> None:
    """Have a deterministic job repeated by a second provider, drawn by the beacon, for another fee.

    Example: sheaf dataset dispute 3 --account buyer
    """
    from sheaf.actions.datasets.order import dispute_order, show_order

    transaction = dispute_order(session.acting, number)
    until = show_order(session.market, number).until
    session.answer(
        {"order": number, "transaction": transaction, "until": until},
        lambda out: out.line(
            f"order {number} is disputed: if nobody repeats it by {when(until)}, `sheaf dataset refund {number}` brings all back"
        ),
    )


@verb(app, "settle")
def settle(session: Session, number: OrderNumber) -> None:
    """Pay dataset and provider of a delivered order that can be disputed no more; anyone may.

    Example: sheaf dataset settle 3 --account owner
    """
    from sheaf.actions.datasets.order import settle_order

    found = settle_order(session.acting, number)
    session.answer(ordered(number, found), lambda out: write_order(out, session, number, found))


@verb(app, "provide")
def provide(
    session: Session,
    amount: Annotated[
        str | None, typer.Argument(help="Whole SHEAF to stake; left out: show one's stake.", metavar="AMOUNT")
    ] = None,
) -> None:
    """Stake so as to compute on data of others for a fee, or show what one has at stake, is owed and works on.

    Example: sheaf dataset provide 1000 --account clinic-node
    """
    from sheaf.actions.account import register_key
    from sheaf.actions.datasets.earnings import position_of
    from sheaf.actions.datasets.terms import provide as stake

    if amount is not None:
        units, me = session.amount(amount), session.acting
        stake(me, units)
        register_key(me)
        whose = me.account
    else:
        whose = session.address(session.settings.account or "none named", "account")
    found = position_of(session.market, whose)
    session.answer(found, lambda out: write_provider(out, session, found))


@verb(app, "unbond")
def unbond(
    session: Session,
    amount: Annotated[str, typer.Argument(help="Whole SHEAF to take out.", metavar="AMOUNT")],
) -> None:
    """Begin to take a provider's stake out; it stays at risk until `sheaf dataset claim` takes it.

    Example: sheaf dataset unbond 500 --account clinic-node
    """
    from sheaf.actions.datasets.earnings import unbond as begun

    found = begun(session.acting, session.amount(amount))
    session.answer(found, lambda out: write_provider(out, session, found))


@verb(app, "claim")
def claim(
    session: Session,
    token: Annotated[
        str | None, typer.Option(help="Address of the payment token; the market token if left out.")
    ] = None,
) -> None:
    """Take all that is owed to the account: a provider's fees, a buyer's refunds, an owner's income, stake whose unbonding is over.

    Example: sheaf dataset claim --account clinic-node
    """
    from sheaf.actions.datasets.earnings import claim as taken

    paid_in = session.address(token, "token") if token else None
    found = taken(session.acting, paid_in)
    session.answer(found, lambda out: write_claimed(out, session, found, paid_in))
