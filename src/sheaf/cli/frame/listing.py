"""How datasets and orders are shown: as JSON and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.paper import short, when
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from sheaf.actions.datasets.earnings import Claimed, ProviderPosition
    from sheaf.actions.datasets.find import Dataset
    from sheaf.actions.datasets.publish import Published
    from sheaf.actions.datasets.uses import Uses
    from sheaf.cli.frame.currency import Currency
    from sheaf.cli.frame.paper import Paper
    from sheaf.cli.session import Session
    from sheaf.formats.datasets.manifest import Manifest
    from sheaf.market.compute_orders import Order, Service


def answer_of(one: Dataset) -> dict[str, Any]:
    """Return a dataset as JSON has it."""
    known = one.manifest
    return {
        **offers_of(one), "title": known.title if known else None, "licence": one.chain.licence,
        "owner": one.chain.owner, "version": one.chain.versions, "manifest": one.cid,
        "records": known.records if known else None,
        "fields": _fields(known) if known else None,
        "royalty_bps": one.chain.royalty_bps, "is_withdrawn": one.chain.is_withdrawn,
        "service": one.service._asdict() if one.service else None, "providers": one.providers,
        "parents": [parent._asdict() for parent in one.parents], "income": one.income,
        "datasheet": known.datasheet if known else None,
    }  # fmt: skip


def _fields(known: Manifest) -> list[dict[str, str]]:
    shown = shown_to_jobs(known)
    return [
        {"name": one.name, "type": one.type, "shown": shown.get(one.name, "hidden"), "root": one.root}
        for one in known.fields
    ]


def shown_to_jobs(known: Manifest) -> dict[str, str]:
    """Return how fields are shown to jobs, by name, those hidden left out; empty for a policy that cannot be read."""
    from sheaf.domain.errors import SheafError
    from sheaf.formats.release import policy as policies

    try:
        return {
            name: str(rule.showing) for name, rule in policies.read(known.policy, known.title).fields.items()
        }
    except SheafError:
        return {}


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
        tokens = {offer.token for offer in one.offers.values()}
        money = session.currency(address_of(tokens.pop())) if len(tokens) == 1 else session.currency()
        providers = ", ".join(map(short, one.providers.values())) or "none: `sheaf dataset admit`"
        out.line(f"providers {providers}; {served_words(session, one.service, money)}")
    elif one.offers:
        out.line("nobody computes on it yet: its owner says for what by `sheaf dataset serve`")
    for parent in one.parents:
        out.line(
            f"made from dataset {parent.dataset}, which is due {parent.weight_bps / 100:g} % of its income"
        )
    if known:
        shown = shown_to_jobs(known)
        out.table(
            ("field", "type", "a job sees it", "root"),
            [
                (field.name, field.type, shown.get(field.name, "hidden"), field.root[:16] + "…")
                for field in known.fields
            ],
        )
        out.quoted(known.datasheet or known.description)
        out.line(
            f"what it lets out: `sheaf compute explain {one.number}`; a table to try at home: `sheaf compute twin {one.number} FILE`"
        )


def published(made: Published) -> dict[str, Any]:
    """Return what was published as JSON has it."""
    return {
        "dataset": made.dataset,
        "version": made.version,
        "manifest": made.cid,
        "records": made.manifest.records,
        "warnings": list(made.warnings),
    }


def write_published(out: Paper, session: Session, made: Published) -> None:
    """Print what was published, what its owner should look at, and what comes next."""
    out.pairs({name: value for name, value in published(made).items() if name != "warnings"})
    for one in made.warnings:
        session.talk.line(("! ", "yellow"), one)
    if made.version > 1:
        session.talk.line(
            "orders from now on are under this version; a provider that runs takes it up with the first of them"
        )
    else:
        session.talk.line(
            f"next: `sheaf dataset serve {made.dataset}` and `sheaf dataset admit {made.dataset} PROVIDER` say who computes on it"
        )


def served_words(session: Session, service: Service, money: Currency) -> str:
    """Say in words what an owner gives providers and asks of them; the fee is in the token of the price."""
    return f"fee {money.write(service.fee)}, lock {session.currency().write(service.lock)}, {service.seconds} s for an order"


def write_provider(out: Paper, session: Session, one: ProviderPosition) -> None:
    """Print how a provider stands."""
    money, now = session.currency(), session.market.chain.block().timestamp
    rows = {
        "provider": f"number {one.provider}, {one.account}",
        "staked": money.write(one.staked),
        "of it locked": money.write(one.locked),
    }
    if one.unbonding:
        rows["unbonding"] = f"{money.write(one.unbonding)}, may leave {when(one.release_at, now)}"
    rows["owed"] = f"{money.write(one.owed)}" + (": `sheaf dataset claim`" if one.owed else "")
    rows["seats at"] = (
        ", ".join(map(str, one.datasets)) or "no dataset: an owner gives one by `sheaf dataset admit`"
    )
    rows["orders"] = ", ".join(f"{count} {state}" for state, count in one.orders.items()) or "none yet"
    out.pairs(rows)


def write_claimed(out: Paper, session: Session, one: Claimed, token: Address | None) -> None:
    """Print what came to an account."""
    money = session.currency(token)
    if one.owed:
        out.line(f"{money.write(one.owed)} of fees and refunds")
    for dataset, paid in one.income.items():
        out.line(f"{money.write(paid)} that dataset {dataset} earned")
    if one.stake:
        out.line(f"{session.currency().write(one.stake)} of stake")
    for words in one.waits:
        session.talk.line(("not yet: ", "yellow"), words)
    if not (one.owed or one.income or one.stake):
        out.line("nothing is owed now")


def write_uses(out: Paper, session: Session, found: Uses) -> None:
    """Print what became of a dataset."""
    rows = [
        (
            str(one.order), short(one.buyer), one.use, one.state, one.purpose or "", short(one.algorithm or ""),
            session.currency(address_of(one.token)).write(one.price),
        )
        for one in found.uses
    ]  # fmt: skip
    out.table(("order", "buyer", "use", "state", "purpose", "algorithm", "price"), rows, right=("order",))
    if found.spent_epsilon is not None:
        out.line(f"receipts say: ε = {found.spent_epsilon:.3g} of {found.total_epsilon:g} is spent")
    if found.unseen:
        words = ", ".join(map(str, found.unseen))
        out.line(("no receipt: ", "yellow"), f"order {words}: their providers sealed none to this account")
    money = session.currency()
    due = f", {money.write(found.due)} of it to be claimed: `sheaf dataset claim`" if found.due else ""
    out.line(f"{money.write(found.earned)} earned in all{due}")


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
