"""Who gets what of a submission's money, in integers (twin of settlement.vy): what it sets aside, and how its settlement splits that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sheaf.domain.amounts import BPS, divide_up, share_bps
from sheaf.domain.ids import ZERO_ADDRESS


class Reservation(NamedTuple):
    """What a submission sets aside, in the token's smallest unit: pay with the reviewers' fee, protocol fee, and bond."""

    amount: int
    fee: int
    bond: int


class Verdict(NamedTuple):
    """What the settlement needs of a review: `decided_first` records were decided by the `first_size` seats of round 1.

    `forfeit_to` gets the whole bond but the reviewers' fee of rejected records; the zero address where it is not forfeit.
    """

    approved: int
    rejected: int
    decided_first: int
    first_size: int
    size: int
    opened_mask: int
    accounts: Sequence[str]
    forfeit_to: str = ZERO_ADDRESS


class Ratings(NamedTuple):
    """What the settlement needs of Scores: gold records by verdict, and in bps what share of its fee each account has earned."""

    gold_approved: int = 0
    gold_rejected: int = 0
    factors: Sequence[int] = (BPS,) * 23


UNRATED = Ratings()
"""Nothing is gold, and every account earns its whole fee."""


class Split(NamedTuple):
    """Who gets what of a submission, in the token's smallest unit; `from_bond` is the part of the fees that the bond pays."""

    paid: int
    seat_pays: tuple[int, ...]
    from_bond: int
    bond_back: int
    forfeited: int
    protocol_fee: int
    unearned: int

    @property
    def validators_paid(self) -> int:
        """What all seats together earn."""
        return sum(self.seat_pays)


def fee_on(amount: int, protocol_fee_bps: int) -> int:
    """Return the protocol's fee that is locked on top of `amount` (rounded up)."""
    return divide_up(amount * protocol_fee_bps, BPS)


def reserved_by(
    records: int, price: int, fee_bps: int, protocol_fee_bps: int, bond_percent: int
) -> Reservation:
    """Return what `records` records set aside.

    Fee and bond are rounded up, the protocol's fee down as it is charged: so the fee ledger always suffices.
    """
    value = records * price
    fee = divide_up(value * fee_bps, BPS)
    bond = divide_up(value * bond_percent, 100) + fee
    return Reservation(value + fee, share_bps(value, protocol_fee_bps), bond)


class Prices(NamedTuple):
    """What a submission's split is computed with: a request's price and fees, and what its contributor has bonded."""

    price: int
    fee_bps: int
    protocol_fee_bps: int
    bond_percent: int
    bond: int


def split(verdict: Verdict, prices: Prices, ratings: Ratings = UNRATED) -> Split:
    """Return who gets what. Each decided record pays the reviewers the same, however it was decided.

    Records decided in round 1 pay its seats, the others all seats; shares are differences of a running total, so together they
    are the pool to the last unit. What seats that did not open would have earned, and what others miss by their factor, is unearned.
    Gold is neither paid nor forfeited, and its reviewers are paid from the reserve.
    """
    price, fee_bps, protocol_fee_bps, bond_percent, bond = prices
    bought = verdict.approved - min(ratings.gold_approved, verdict.approved)
    refused = verdict.rejected - min(ratings.gold_rejected, verdict.rejected)
    decided = verdict.approved + verdict.rejected
    first_pool = share_bps(price * verdict.decided_first, fee_bps)
    last_pool = share_bps(price * (decided - verdict.decided_first), fee_bps)
    pool = first_pool + last_pool
    from_bond = min(pool, share_bps(price * refused, fee_bps))
    seats = []
    for seat in range(verdict.size):
        share = _running(last_pool, seat, verdict.size)
        if seat < verdict.first_size:
            share += _running(first_pool, seat, verdict.first_size)
        seats.append(share_bps(share, ratings.factors[seat]) if verdict.opened_mask >> seat & 1 else 0)
    paid = bought * price
    forfeited = refused * price * bond_percent // 100
    if verdict.forfeit_to != ZERO_ADDRESS:
        forfeited = bond - from_bond
    return Split(
        paid=paid,
        seat_pays=tuple(seats),
        from_bond=from_bond,
        bond_back=bond - from_bond - forfeited,
        forfeited=forfeited,
        protocol_fee=share_bps(paid, protocol_fee_bps),
        unearned=pool - sum(seats),
    )


def _running(pool: int, seat: int, size: int) -> int:
    return pool * (seat + 1) // size - pool * seat // size
