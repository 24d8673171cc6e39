"""How datasets and orders are shown: as JSON and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.paper import short, when
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from sheaf.actions.datasets.find import Dataset
    from sheaf.cli.frame.paper import Paper
    from sheaf.cli.session import Session
    from sheaf.market.compute_orders import Order


def answer_of(one: Dataset) -> dict[str, Any]:
    """Return a dataset as JSON has it."""
    known = one.manifest
    return {
        **offers_of(one), "title": known.title if known else None, "licence": one.chain.licence,
        "owner": one.chain.owner, "version": one.chain.versions, "manifest": one.cid,
        "records": known.records if known else None,
        "fields": [{"name": field.name, "type": field.type, "root": field.root} for field in known.fields] if known else None,
        "royalty_bps": one.chain.royalty_bps, "is_withdrawn": one.chain.is_withdrawn,
        "service": one.service._asdict() if one.service else None, "providers": one.providers,
        "parents": [parent._asdict() for parent in one.parents], "income": one.income,
        "datasheet": known.datasheet if known else None,
    }  # fmt: skip


def offers_of(one: Dataset) -> dict[str, Any]:
    """Return a dataset's prices as JSON has them."""
    return {"dataset": one.number, "prices": {use: offer._asdict() for use, offer in one.offers.items()}}


def ordered(number: int, one: Order) -> dict[str, Any]:
    """Return an order as JSON has it."""
    return {"order": number, "state": one.state, **vars(one), "use": one.use_name}


def priced(session: Session, one: Dataset) -> dict[str, str]:
    """Return prices in words, by use."""
    return {
        use: session.currency(address_of(offer.token)).write(offer.price) for use, offer in one.offers.items()
    } or {"offers": "none"}


def table_of(out: Paper, session: Session, found: list[Dataset]) -> None:
    """Print a table of datasets."""
    rows = [
        (
            str(one.number), one.manifest.title if one.manifest else "(manifest not in the store)",
            str(one.manifest.records) if one.manifest else "", one.chain.licence,
            ", ".join(f"{use} {price}" for use, price in priced(session, one).items()),
        )
        for one in found
    ]  # fmt: skip
    out.table(("dataset", "title", "records", "licence", "prices"), rows, right=("dataset", "records"))


def write_dataset(out: Paper, session: Session, one: Dataset) -> None:
    """Print a dataset."""
    known = one.manifest
    out.head(f"dataset {one.number}" + (f" · {known.title}" if known else ""))
    out.pairs(
        {
            "owner": one.chain.owner,
            "licence": one.chain.licence,
            "version": one.chain.versions,
            "manifest": one.cid,
            **priced(session, one),
        }
    )
    if one.chain.is_withdrawn:
        out.line("withdrawn: it takes no new orders")
    if one.service:
        fee, lock, seconds = one.service
        out.line(
            f"providers {', '.join(map(short, one.providers.values())) or 'none'}: fee {fee}, lock {lock}, {seconds} s"
        )
    for parent in one.parents:
        out.line(
            f"made from dataset {parent.dataset}, which is due {parent.weight_bps / 100:g} % of its income"
        )
    if known:
        out.table(
            ("field", "type", "root"),
            [(field.name, field.type, field.root[:16] + "…") for field in known.fields],
        )
        out.quoted(known.datasheet or known.description)


def write_order(out: Paper, session: Session, number: int, one: Order) -> None:
    """Print an order."""
    money = session.currency(address_of(one.token))
    out.pairs(
        {
            "order": number, "dataset": one.dataset, "use": one.use_name, "state": one.state,
            "price": money.write(one.price), "fee": money.write(one.fee),
            "until": when(one.until) if one.until else "", "result": one.result.hex() if any(one.result) else "",
        }
    )  # fmt: skip


def address_of(token: str) -> Address:
    """Take an address that came from the chain."""
    return Address(token)
