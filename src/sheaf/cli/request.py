"""`sheaf request`: what a buyer asks for and pays for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sheaf.cli.session import Session, tokens
from sheaf.cli.verb import verb
from sheaf.domain.request import Request

app = typer.Typer(no_args_is_help=True, help="Requests: open, list, show, fund, cancel, reclaim.")

Number = Annotated[int, typer.Argument(help="The request's number.", metavar="REQUEST", min=0)]


@verb(app, "open")
def open_request(
    session: Session,
    specification: Annotated[Path, typer.Argument(help="Specification, TOML or JSON (docs/formats.md).")],
    price: Annotated[str, typer.Option(help="SHEAF per validated record.")],
    escrow: Annotated[
        str, typer.Option(help="SHEAF to lock for records and reviews; the protocol fee comes on top.")
    ],
    records: Annotated[int, typer.Option(help="At most so many records are bought.", min=1)],
    sample: Annotated[Path | None, typer.Option(help="Records with answers to publish with it.")] = None,
    days: Annotated[float, typer.Option(help="Open for so many days.", min=0)] = 7.0,
    fee_bps: Annotated[
        int, typer.Option(help="Reviewers' fee in hundredths of a per cent of the price.", min=0)
    ] = 400,
    token: Annotated[str | None, typer.Option(help="Payment token (ERC-20); left out: SHEAF.")] = None,
    lock_rate: Annotated[
        str | None, typer.Option(help="SHEAF of stake per unit of the payment token.")
    ] = None,
) -> None:
    """Open a request and lock its escrow.

    Example: sheaf request open digits.toml --price 1 --escrow 500 --records 400 --account buyer
    """
    import msgspec

    from sheaf import actions
    from sheaf.domain.amounts import parse_amount
    from sheaf.formats.specification import load

    wanted = load(specification)
    if sample is not None:
        with session.working("publishing the sample"):
            wanted = msgspec.structs.replace(
                wanted, sample=actions.publish_sample(session.acting, sample, wanted)
            )
    with session.working("opening the request"):
        request = actions.open_request(
            session.acting,
            wanted,
            price=session.amount(price, "price"),
            escrow=session.amount(escrow, "escrow"),
            record_limit=records,
            deadline_seconds=int(days * 86_400),
            fee_bps=fee_bps,
            token=session.address(token, "token") if token else None,
            lock_rate_wad=parse_amount(lock_rate, field="lock-rate") if lock_rate else None,
        )
    session.answer(request, lambda out: _print(out, request))


@verb(app, "list")
def list_all(
    session: Session, buyer: Annotated[str | None, typer.Option(help="Only this buyer's.")] = None
) -> None:
    """List requests, newest last.

    Example: sheaf request list --json
    """
    from sheaf import actions

    requests = actions.list_requests(session.market, session.address(buyer, "buyer") if buyer else None)

    def show(out: Console) -> None:
        table = Table("request", "title", "price", "left", "records", "state", box=None)
        for one in requests:
            title = actions.specification(session.market, one.id).title
            state = "cancelled" if one.is_cancelled else "open"
            table.add_row(
                str(one.id), title, tokens(one.price), tokens(one.free), str(one.records_left), state
            )
        out.print(table)

    session.answer({"requests": requests}, show)


@verb(app, "show")
def show(session: Session, number: Number) -> None:
    """Show a request: its terms, its ledgers and its specification.

    Example: sheaf request show 1
    """
    from sheaf import actions

    request = actions.show_request(session.market, number)
    wanted = actions.specification(session.market, number)
    session.answer(
        {"request": request, "specification": wanted}, lambda out: _print(out, request, wanted.title)
    )


@verb(app, "fund")
def fund(
    session: Session, number: Number, amount: Annotated[str, typer.Argument(help="SHEAF to add.")]
) -> None:
    """Add to a request's escrow.

    Example: sheaf request fund 1 100 --account buyer
    """
    from sheaf import actions

    receipt = actions.fund_request(session.acting, number, session.amount(amount))
    session.answer({"request": number, "added": amount, "transaction": receipt.transaction})


@verb(app, "cancel")
def cancel(session: Session, number: Number) -> None:
    """Close a request to new submissions; those under review go on.

    Example: sheaf request cancel 1 --account buyer
    """
    from sheaf import actions

    receipt = actions.cancel(session.acting, number)
    session.answer({"request": number, "cancelled": True, "transaction": receipt.transaction})


@verb(app, "reclaim")
def reclaim(session: Session, number: Number) -> None:
    """Take back what is not reserved, after the deadline or a cancellation.

    Example: sheaf request reclaim 1 --account buyer
    """
    from sheaf import actions

    back = actions.reclaim(session.acting, number)
    session.answer(
        back,
        lambda out: out.print(f"{tokens(back.amount)} of escrow and {tokens(back.fee)} of fees are back"),
    )


def _print(out: Console, request: Request, title: str = "") -> None:
    table = Table(box=None, show_header=False)
    rows = {
        "request": f"{request.id} {title}",
        "buyer": request.buyer,
        "price": f"{tokens(request.price)} a record, reviewers {request.fee_bps / 100} %, protocol {request.protocol_fee_bps / 100} %",
        "escrow": f"{tokens(request.free)} free, {tokens(request.reserved)} reserved",
        "fees": f"{tokens(request.fee_free)} free, {tokens(request.fee_reserved)} reserved",
        "bonds": tokens(request.bonds),
        "records left": str(request.records_left),
        "state": "cancelled" if request.is_cancelled else "open",
        "specification": request.spec,
    }
    for name, text in rows.items():
        table.add_row(f"[dim]{name}[/]", text)
    out.print(table)
