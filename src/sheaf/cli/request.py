"""`sheaf request`: what a buyer asks for and pays for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import Paper, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError, SheafError

if TYPE_CHECKING:
    from sheaf.actions import Gold
    from sheaf.domain.request import Request

app = typer.Typer(no_args_is_help=True, help="Requests: open, list, show, fund, cancel, reclaim.")

Number = Annotated[int, typer.Argument(help="The request's number.", metavar="REQUEST", min=0)]
GoldFile = Annotated[
    Path | None,
    typer.Option(help="Records that are right, to test reviewers by: half of them are made wrong."),
]
WrongFile = Annotated[
    Path | None, typer.Option(help="Records that have to be refused, instead of making half of them wrong.")
]
GoldShare = Annotated[str, typer.Option(help="How much of every batch is gold, above 0 to 0.5.")]
GoldKeeper = Annotated[
    str | None,
    typer.Option(help="Who mixes the gold in: address or account; else account `custodian` if it is there."),
]

MOST_DAYS = 3_650
MOST_RECORDS = 2**31 - 1


@verb(app, "open")
def open_request(
    session: Session,
    specification: Annotated[Path, typer.Argument(help="Specification, TOML or JSON (docs/formats.md).")],
    price: Annotated[str, typer.Option(help="Tokens per validated record.")],
    escrow: Annotated[
        str, typer.Option(help="Tokens to lock for records and reviews; the protocol fee comes on top.")
    ],
    records: Annotated[
        int, typer.Option(help="At most so many records are bought.", min=1, max=MOST_RECORDS)
    ],
    sample: Annotated[Path | None, typer.Option(help="Records with answers to publish with it.")] = None,
    days: Annotated[str, typer.Option(help="Open for so many days.")] = "7",
    fee_bps: Annotated[
        int, typer.Option(help="Reviewers' fee in hundredths of a per cent of the price.", min=0, max=10_000)
    ] = 400,
    token: Annotated[str | None, typer.Option(help="Payment token (ERC-20); left out: SHEAF.")] = None,
    lock_rate: Annotated[
        str | None, typer.Option(help="What one payment token is worth in SHEAF of stake.")
    ] = None,
    gold: GoldFile = None,
    gold_wrong: WrongFile = None,
    gold_share: GoldShare = "0.15",
    keeper: GoldKeeper = None,
) -> None:
    """Open a request and lock its escrow. Gold comes on top: its reviews are paid from the escrow, it is never bought.

    Example: sheaf request open digits.toml --price 1 --escrow 500 --records 400 --gold known.csv --account buyer
    """
    import msgspec

    from sheaf import actions
    from sheaf.formats.specification import load

    wanted, seconds = load(specification), _seconds(days)
    paid_in = session.address(token, "token") if token else None
    if paid_in and not lock_rate and paid_in != session.market.token:
        raise InputError("lock-rate", "none", "say what one payment token is worth in SHEAF of stake")
    money = session.currency(paid_in)
    terms = {
        "price": money.read(price, "price"),
        "escrow": money.read(escrow, "escrow"),
        "lock_rate_wad": money.read_rate(lock_rate) if lock_rate else None,
    }
    tested = _gold(session, gold, gold_wrong, (gold_share, keeper))
    me = session.acting
    with session.working("publishing the sample and opening the request"):
        if sample is not None:
            wanted = msgspec.structs.replace(wanted, sample=actions.publish_sample(me, sample, wanted))
        request = actions.open_request(
            me,
            wanted,
            record_limit=records,
            deadline_seconds=seconds,
            fee_bps=fee_bps,
            token=paid_in,
            gold=tested,
            **terms,  # type: ignore[arg-type]
        )
    session.answer(request, _shown(session, request, wanted.title))


@verb(app, "list")
def list_all(
    session: Session, buyer: Annotated[str | None, typer.Option(help="Only this buyer's.")] = None
) -> None:
    """List requests, newest last.

    Example: sheaf request list --json
    """
    from sheaf import actions

    requests = actions.list_requests(session.market, session.address(buyer, "buyer") if buyer else None)

    def show(out: Paper) -> None:
        now = session.market.chain.block().timestamp
        rows = []
        for one in requests:
            money = session.currency(one.token)
            price, free = money.brief(one.price), money.brief(one.free)
            state, title = _state(one, now), _title(session, one)
            rows.append((one.id, price, free, money.symbol, one.records_left, state, title))
        heads = ("request", "price", "free", "of", "records", "state", "title")
        out.table(heads, rows, right=("request", "price", "free", "records"))

    session.answer({"requests": requests}, show)


@verb(app, "show")
def show(session: Session, number: Number) -> None:
    """Show a request: its terms, its ledgers and its specification.

    Example: sheaf request show 1
    """
    from sheaf import actions

    request = actions.show_request(session.market, number)
    wanted = actions.specification(session.market, number)

    def show_all(out: Paper) -> None:
        _shown(session, request, wanted.title)(out)
        out.pairs({"licence": wanted.licence, "checks": ", ".join(use.name for use in wanted.checks)})
        if wanted.gold is not None:
            share = wanted.gold.share_bps / 100
            out.pairs({"gold": f"{share:g} % of a batch, mixed in by {wanted.gold.keeper}"})
        for text in (wanted.description, wanted.instructions, wanted.terms):
            out.quoted(text)

    session.answer({"request": request, "specification": wanted}, show_all)


@verb(app, "fund")
def fund(
    session: Session, number: Number, amount: Annotated[str, typer.Argument(help="Tokens to add.")]
) -> None:
    """Add to a request's escrow.

    Example: sheaf request fund 1 100 --account buyer
    """
    from sheaf import actions

    _, money = session.money_of(number)
    units = money.read(amount)
    receipt = actions.fund_request(session.acting, number, units)
    session.answer(
        {"request": number, "added": units, "transaction": receipt.transaction},
        lambda out: out.line(f"{money.write(units)} added to request {number} in {receipt.transaction}"),
    )


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

    _, money = session.money_of(number)
    back = actions.reclaim(session.acting, number)
    session.answer(
        back,
        lambda out: out.line(
            f"{money.write(back.amount)} of escrow and {money.write(back.fee)} of fees are back"
        ),
    )


def _gold(
    session: Session, right: Path | None, wrong: Path | None, terms: tuple[str, str | None]
) -> Gold | None:
    """Return what is given as gold, `terms` being its share and its keeper."""
    from sheaf import actions

    if right is None:
        if wrong is not None:
            raise InputError("gold", "none", "give records that are right too")
        return None
    share, keeper = terms
    try:
        found = float(share)
    except ValueError:
        found = 0.0
    if not 0.0001 <= found <= 0.5:  # NaN is not between them either
        raise InputError("gold-share", share, "give a share above 0, at most 0.5")
    known = actions.list_accounts(session.settings.keystore_directory).get("custodian")
    whose = session.address(keeper, "keeper") if keeper is not None else known
    if whose is None:
        fix = "name an account that runs `sheaf custodian run`, and neither buys nor sells here"
        raise InputError("keeper", "none", fix)
    return actions.Gold(right, whose, round(found * 10_000), wrong)


def _seconds(days: str) -> int:
    try:
        count = float(days)
    except ValueError:
        count = 0.0
    if not 1 / 86_400 <= count <= MOST_DAYS:  # NaN is not between them either
        raise InputError("days", days, f"give a number of days above 0, at most {MOST_DAYS}")
    return int(count * 86_400)


def _title(session: Session, request: Request) -> str:
    """Return a request's title; the document is the buyer's, and need not be there."""
    from sheaf import actions

    try:
        return actions.specification(session.market, request.id).title
    except SheafError:
        return "(specification not to be had)"


def _state(request: Request, now: int) -> str:
    if request.is_cancelled:
        return "cancelled"
    if request.deadline < now:
        return "closed"
    return "open" if request.records_left else "full"


def _shown(session: Session, request: Request, title: str) -> Callable[[Paper], None]:
    def show(out: Paper) -> None:
        money, now = session.currency(request.token), session.market.chain.block().timestamp
        out.pairs(
            {
                "request": f"{request.id} {title}",
                "state": _state(request, now),
                "deadline": when(request.deadline, now),
                "buyer": request.buyer,
                "price": f"{money.write(request.price)} a record",
                "fees": f"reviewers {request.fee_bps / 100} %, protocol {request.protocol_fee_bps / 100} %",
                "escrow": f"{money.write(request.free)} free, {money.write(request.reserved)} reserved",
                "fee ledger": f"{money.write(request.fee_free)} free, {money.write(request.fee_reserved)} reserved",
                "bonds": money.write(request.bonds),
                "records left": request.records_left,
                "specification": request.spec,
            }
        )

    return show
