"""Recompute a submission from what is public: commitments, openings, verdict and payments, and name the first difference.

It asks the chain for events and for the calls that counted, and takes nothing that a contract has concluded: every conclusion
is made again by the twins and compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sheaf.actions.cases.rating import votes_of
from sheaf.actions.disputes.ruling import ruled
from sheaf.domain.ids import ZERO_ADDRESS, Address, SubmissionId
from sheaf.market import requests, settlement
from sheaf.review import committees, openings, reviews, scores
from sheaf.review.scores import Standing
from sheaf.verification.peer_prediction import agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sheaf.actions.cases.docket import Case, Round, Tally
    from sheaf.actions.context import Context
    from sheaf.chain.events import Event
    from sheaf.review.openings import Count


@dataclass(frozen=True)
class Recomputation:
    """What was made again, in order, and the first thing that came out otherwise than the chain has it (None: nothing did).

    `skipped` says what could not be made again and why. `is_over` tells whether the money has moved.
    """

    submission: SubmissionId
    is_equal: bool
    checked: tuple[str, ...]
    skipped: tuple[str, ...]
    difference: str | None
    is_over: bool


class _Difference(Exception):
    """The chain says otherwise; the text says of what."""


class _Skipped(Exception):
    """Something that cannot be made again from here; the text says why."""


def recompute(ctx: Context, submission: SubmissionId | int) -> Recomputation:
    """Make a submission's commitments, verdict and payments again from public data and compare them with the chain.

    Needs no key and no store. Raises InputError for a number that no submission has.
    """
    case = ctx.docket.case(submission)
    checked: list[str] = []
    skipped: list[str] = []
    difference = None
    try:
        for name, check in _steps(ctx, case):
            try:
                check()
                checked.append(name)
            except _Skipped as reason:
                skipped.append(f"{name}: {reason}")
    except _Difference as found:
        difference = str(found)
    return Recomputation(
        case.submission, difference is None, tuple(checked), tuple(skipped), difference, case.is_over
    )


def _steps(ctx: Context, case: Case) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "bond", partial(_check_bond, ctx, case)
    counts: list[Count] = []
    for drawn, tally in zip(case.rounds, [one for one in case.tallies if one.round], strict=False):
        yield f"round {drawn.number}: openings", partial(_check_openings, ctx, case, drawn, tally)
        yield f"round {drawn.number}: verdict", partial(_check_verdict, ctx, case, (drawn, tally), counts)
    if any(not tally.round for tally in case.tallies):
        yield "ruling", partial(_check_ruling, ctx, case)
    yield "ratings", partial(_check_ratings, ctx, case)
    if case.settlement is not None:
        yield "payments", partial(_check_payments, ctx, case)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise _Difference(f"{what}: the chain says {found}, recomputed {expected}")


def _check_bond(ctx: Context, case: Case) -> None:
    _same("bond", case.bond, _reserved(ctx, case).bond)


def _opened(ctx: Context, case: Case, drawn: Round, tally: Tally) -> list[openings.Opening]:
    call = scores.counting(ctx.chain, tally.transaction)
    if call is None or call["submission"] != case.submission:
        raise _Skipped(f"transaction {tally.transaction} counts through another contract")
    seats = [seat for seat in drawn.seats if call["seats_mask"] >> seat & 1]
    size = openings.bitmap_bytes(case.records)
    bitmaps = [call["all_bitmaps"][size * i : size * i + size] for i in range(len(seats))]
    return [
        openings.Opening(*one)
        for one in zip(seats, call["accounts"], map(bytes, call["salts"]), bitmaps, strict=True)
    ]


def _check_openings(ctx: Context, case: Case, drawn: Round, tally: Tally) -> None:
    shown = _opened(ctx, case, drawn, tally)
    for one in shown:
        what = f"round {drawn.number}, seat {one.seat}"
        _same(f"{what}: account", drawn.members[one.seat - drawn.first], one.account)
        made = openings.commitment(one.bitmap, one.salt, case.submission, one.account, drawn.number)
        _same(f"{what}: commitment", drawn.commitments[one.seat].hex(), made.hex())
    left_out = case.openings.keys() & set(drawn.seats) - {one.seat for one in shown}
    _same(f"round {drawn.number}: seats opened on the chain and not counted", sorted(left_out), [])


def _check_verdict(ctx: Context, case: Case, counting: tuple[Round, Tally], counts: list[Count]) -> None:
    drawn, tally = counting
    quorum = committees.committee(ctx.chain, case.submission).quorum
    bitmaps = [one.bitmap for one in _opened(ctx, case, drawn, tally)]
    if drawn.number == 1:
        count = openings.count_first(bitmaps, quorum, case.records)
    elif not counts:
        raise _Skipped("round 1 was not recomputed")
    else:
        opened = len(bitmaps) + len(_opened(ctx, case, case.rounds[0], case.tallies[0]))
        count = openings.count_second(counts[0], bitmaps, opened, quorum, case.records)
    what = f"round {drawn.number}"
    _same(f"{what}: rejected records", tally.rejected_bitmap.hex(), count.rejected.hex())
    _same(f"{what}: hung records", tally.hung_bitmap.hex(), count.hung.hex())
    rejected, hung = openings.marks(count.rejected), openings.marks(count.hung)
    expected = (case.records - rejected - hung, rejected, hung)
    _same(f"{what}: approved, rejected, hung", (tally.approved, tally.rejected, tally.hung), expected)
    counts.append(count)


def _check_ruling(ctx: Context, case: Case) -> None:
    """Count the jurors' votes again and hold the verdict that they made against the one that took the review's place."""
    before = next(tally for tally in reversed(case.tallies) if tally.round)
    after = case.tallies[-1]
    found = ruled(ctx, case, before)
    if found is None:
        raise _Skipped("an arbiter ruled that shows no votes")
    rejected, hung = found
    _same("ruling: rejected records", after.rejected_bitmap.hex(), rejected.hex())
    _same("ruling: hung records", after.hung_bitmap.hex(), hung.hex())
    counts = openings.marks(rejected), openings.marks(hung)
    _same("ruling: rejected, hung", (after.rejected, after.hung), counts)


def _check_payments(ctx: Context, case: Case) -> None:
    from sheaf.actions.request import show_request

    settled: dict[str, Any] = case.settlement or {}
    last, first = case.tallies[-1], case.tallies[0]
    found, reserved = show_request(ctx, case.request), _reserved(ctx, case)
    state = reviews.review(ctx.chain, case.submission)
    # A ruling may leave more records hung than round 1 did.
    decided_first = min(case.records - first.hung, last.approved + last.rejected)
    verdict = settlement.Verdict(
        last.approved, last.rejected, decided_first, len(case.rounds[0].members), len(case.members),
        state.opened_mask, case.members, _forfeit_to(ctx, case),
    )  # fmt: skip
    made = requests.submission(ctx.chain, case.submission)
    prices = settlement.Prices(
        found.price, found.fee_bps, found.protocol_fee_bps, made.bond_percent, reserved.bond
    )
    parts = settlement.split(verdict, prices, _ratings(ctx, case))
    _same("records approved", settled["approved"], last.approved)
    _same("records rejected", settled["rejected"], last.rejected)
    for name in ("paid", "validators_paid", "bond_back", "forfeited", "protocol_fee", "unearned"):
        _same(name.replace("_", " "), settled[name], getattr(parts, name))


def _forfeit_to(ctx: Context, case: Case) -> str:
    """Return who got the bond because a record was proven to be a copy of one of the same account; the zero address if nobody did."""
    convicted = [one.args for one in _said(ctx) if one.name == "Convicted"]
    is_forfeit = any(one["submission"] == case.submission and one["is_forfeit"] for one in convicted)
    return ctx.chain.address_of("Proofs") if is_forfeit else ZERO_ADDRESS


def _check_ratings(ctx: Context, case: Case) -> None:
    """Count everybody's agreement again and hold that of this submission's reviewers against what Scores has."""
    said = _said(ctx)
    if not any(one.name == "Scored" and one.args["submission"] == case.submission for one in said):
        raise _Skipped("nobody has rated the reviewers")
    standings = _standings(ctx, said)
    for account in votes_of(ctx, case).accounts:
        _same(
            f"agreement of {account}",
            scores.standing(ctx.chain, Address(account)).agreement,
            standings[account].agreement,
        )


def _ratings(ctx: Context, case: Case) -> settlement.Ratings:
    """Return what Scores told the settlement: the gold that counted, and what share of its fee each seat had earned by then."""
    before = list(takewhile(lambda one: not _settles(one, case), _said(ctx)))
    gold = (0, 0)
    for one in before:
        if one.args.get("submission") == case.submission and one.name in (
            "GoldOpened",
            "GoldVoided",
            "Ruled",
        ):
            is_opened = one.name == "GoldOpened"
            gold = (one.args["approved"], one.args["rejected"]) if is_opened else (0, 0)
    standings = _standings(ctx, before)
    factors = [standings.get(account, Standing()).factor_bps for account in case.members]
    return settlement.Ratings(*gold, tuple(factors))


def _standings(ctx: Context, said: list[Event]) -> dict[str, Standing]:
    """Return everybody's agreement after all ratings in `said`, counted again from the votes in their order."""
    standings: dict[str, Standing] = {}
    for one in said:
        if one.name == "Scored":
            case = ctx.docket.case(one.args["submission"])
            votes = votes_of(ctx, case)
            for account, found in zip(votes.accounts, agreement(votes.bitmaps, case.records), strict=True):
                former = standings.get(account, Standing())
                standings[account] = scores.averaged(former, found, one.args["reference"])
    return standings


def _said(ctx: Context) -> list[Event]:
    """Return what Scores, Reviews and Requests have said so far, in order."""
    contracts = ("Scores", "Reviews", "Requests")
    return ctx.chain.market_events(contracts, ctx.chain.deployment_block, ctx.docket.refresh().number)


def _settles(event: Event, case: Case) -> bool:
    return event.name == "SubmissionSettled" and event.args["submission"] == case.submission


def _reserved(ctx: Context, case: Case) -> settlement.Reservation:
    from sheaf.actions.request import show_request

    found = show_request(ctx, case.request)
    made = requests.submission(ctx.chain, case.submission)
    return settlement.reserved_by(
        case.records, found.price, found.fee_bps, found.protocol_fee_bps, made.bond_percent
    )
