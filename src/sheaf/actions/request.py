"""Requests: ask for records and lock the money, look, add money, cancel, take back what is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.account import approve, require_funds
from sheaf.actions.cases.sending import find_sent, send_noted
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, SpecificationError
from sheaf.domain.ids import Address, RequestId
from sheaf.market import requests, settlement
from sheaf.review import scores

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.actions.gold.stock import Gold
    from sheaf.chain.rpc import Receipt
    from sheaf.domain.request import GoldTerms, Request, Sample, Specification

WEEK_SECONDS = 7 * 86400


@dataclass(frozen=True)
class Reclaimed:
    """What came back to the buyer: of the payment ledger and of the fee ledger, in the token's smallest unit."""

    amount: int
    fee: int


def publish_sample(ctx: Context, source: Path | pa.Table, specification: Specification) -> Sample:
    """Put records with answers into the store, in the form of the specification's schema; everyone can read them.

    Raises RecordError where they do not have that form.
    """
    from sheaf.actions.cases.examine import read_records
    from sheaf.domain.request import Sample
    from sheaf.formats import parquet

    table = read_records(source, specification)
    return Sample(cid=ctx.store.put(parquet.write(table)), records=table.num_rows)


def open_request(
    ctx: Context,
    specification: Specification | Path | str,
    *,
    price: int,
    escrow: int,
    record_limit: int,
    deadline_seconds: int = WEEK_SECONDS,
    fee_bps: int = 400,
    token: Address | None = None,
    lock_rate_wad: int | None = None,
    gold: Gold | None = None,
) -> Request:
    """Freeze the specification, lock `escrow` and the protocol fee upon it, and open the request.

    `price` is paid per approved record and `fee_bps` of it to the validators; `lock_rate_wad` says what one unit of the payment
    token is worth in stake tokens (1e18 where they are the same). `gold` is mixed into every submission by its keeper.

    Raises, before anything is sent, SpecificationError if the document is not in order, InputError if the money is not there.
    """
    from sheaf.formats.specification import check, dump, load
    from sheaf.verification.pipeline import Pipeline

    specification = load(specification) if isinstance(specification, str | Path) else check(specification)
    Pipeline(specification.checks)
    token = token or ctx.token
    if lock_rate_wad is None:
        if token != ctx.token:
            raise InputError(
                "lock_rate_wad", "none", f"say what one unit of {token} is worth in stake tokens, times 1e18"
            )
        lock_rate_wad = WAD
    for field, value in (
        ("price", price),
        ("escrow", escrow),
        ("record_limit", record_limit),
        ("deadline", deadline_seconds),
    ):
        if value <= 0:
            raise InputError(field, value, "give more than zero")
    _require_sample(ctx, specification)
    if gold is not None:
        from sheaf.actions.gold.stock import publish_gold

        specification = msgspec.structs.replace(specification, gold=publish_gold(ctx, gold, specification))
    terms = requests.Terms(
        token=token, price=price, fee_bps=fee_bps, record_limit=record_limit,
        deadline=ctx.chain.block().timestamp + deadline_seconds, lock_rate_wad=lock_rate_wad,
        spec=ctx.store.put(dump(specification)), amount=escrow,
    )  # fmt: skip
    return show_request(ctx, _open_once(ctx, terms, deadline_seconds, specification.gold))


def ask_standing(ctx: Context, request: RequestId | int, percent: int) -> Receipt:
    """Take submissions only from contributors whose standing is at least `percent` of 100, from now on. Once for a request.

    Raises InputError for a percentage that is none of 1 to 99, Reverted if this account did not open the request.
    """
    if not 0 < percent < 100:
        raise InputError("percent", percent, "give a whole number from 1 to 99")
    return requests.ask_standing(ctx.chain, ctx.sender, request, percent)


def _open_once(
    ctx: Context, terms: requests.Terms, deadline_seconds: int, gold: GoldTerms | None
) -> RequestId:
    """Open a request and name its gold's keeper, unless a process that died had opened it just so."""
    what = f"open {terms.spec} {terms.token} {terms.price} {terms.fee_bps} {terms.record_limit} {terms.amount} {deadline_seconds}"
    opened = find_sent(ctx, what, lambda block: _named(ctx, _opened_after(ctx, terms, block), gold))
    if opened is not None:
        return opened
    total = terms.amount + requests.protocol_fee(ctx.chain, terms.amount)
    require_funds(ctx, terms.token, total, f"an escrow of {terms.amount} with its fee")
    approve(ctx, terms.token, ctx.chain.address_of("Escrow"), total)
    made = send_noted(
        ctx, what, lambda: _named(ctx, requests.open_request(ctx.chain, ctx.sender, terms), gold)
    )
    assert made is not None
    return made


def _named(ctx: Context, request: RequestId | None, gold: GoldTerms | None) -> RequestId | None:
    """Name the keeper of a request's gold on chain, unless that is done; return the request."""
    if request is not None and gold is not None and scores.keeper(ctx.chain, request) != gold.keeper:
        scores.name_keeper(ctx.chain, ctx.sender, request, gold.keeper)
    return request


def _opened_after(ctx: Context, terms: requests.Terms, block: int) -> RequestId | None:
    from sheaf.store.cid import binary

    ctx.docket.refresh()
    for number, event in ctx.docket.requests.items():
        args = event.args
        same = (args["token"], args["price"], args["amount"]) == (terms.token, terms.price, terms.amount)
        if (
            event.block > block
            and args["buyer"] == ctx.account
            and same
            and bytes(args["spec"]) == binary(terms.spec)
        ):
            return number
    return None


def show_request(ctx: Context, request: RequestId | int) -> Request:
    """Return a request as the chain has it. Raises InputError if there is none of that number."""
    ctx.docket.refresh()
    if RequestId(request) not in ctx.docket.requests:
        raise InputError("request", request, f"give a number from 1 to {len(ctx.docket.requests)}")
    return requests.request(ctx.chain, RequestId(request))


def list_requests(ctx: Context, buyer: Address | None = None) -> list[Request]:
    """Return all requests, or those of one buyer, oldest first."""
    ctx.docket.refresh()
    numbers = [
        number
        for number, event in ctx.docket.requests.items()
        if buyer is None or event.args["buyer"] == buyer
    ]
    return [requests.request(ctx.chain, number) for number in sorted(numbers)]


def specification(ctx: Context, request: RequestId | int) -> Specification:
    """Return what the buyer asks for: the document whose CID is on chain.

    Raises Missing if the store has it not, SpecificationError if it is no specification.
    """
    from sheaf.actions.cases.reading import wanted_of

    found = wanted_of(ctx, show_request(ctx, request).id)
    if found is None:
        raise SpecificationError(
            "specification", f"request {request}", "ask the buyer: what its CID names is no specification"
        )
    return found


def fund_request(ctx: Context, request: RequestId | int, amount: int) -> Receipt:
    """Add `amount`, and the protocol fee upon it, to a request's escrow."""
    found = show_request(ctx, request)
    if amount <= 0:
        raise InputError("amount", amount, "give more than zero")
    what = f"fund {found.id} {amount}"
    done = find_sent(ctx, what, lambda block: _funded_after(ctx, found.id, amount, block))
    if done is not None:
        return ctx.chain.wait_for(done)
    total = amount + settlement.fee_on(amount, found.protocol_fee_bps)
    require_funds(ctx, found.token, total, "adding to the escrow")
    approve(ctx, found.token, ctx.chain.address_of("Escrow"), total)
    return send_noted(ctx, what, lambda: requests.fund(ctx.chain, ctx.sender, found.id, amount))


def _funded_after(ctx: Context, request: RequestId, amount: int, block: int) -> str | None:
    events = ctx.chain.events("Requests", "RequestFunded", block + 1, request=int(request))
    return next((event.transaction for event in events if event.args["amount"] == amount), None)


def cancel(ctx: Context, request: RequestId | int) -> Receipt:
    """Take no more submissions. What is under review is still paid; the rest can be reclaimed at once."""
    return requests.cancel(ctx.chain, ctx.sender, show_request(ctx, request).id)


def reclaim(ctx: Context, request: RequestId | int) -> Reclaimed:
    """Take back what is free on both ledgers, after cancelling or the deadline; may be repeated as reservations return."""
    amount, fee = requests.reclaim(ctx.chain, ctx.sender, show_request(ctx, request).id)
    return Reclaimed(amount, fee)


def _require_sample(ctx: Context, specification: Specification) -> None:
    if specification.sample is not None and not ctx.store.has(specification.sample.cid):
        raise SpecificationError("sample", specification.sample.cid, "publish the sample first")
