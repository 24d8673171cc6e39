"""Who gets what: the pure arithmetic of a settlement, for every verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sheaf.market.settlement import Prices, Ratings, Verdict, fee_on, reserved_by, split

SEATS = tuple(f"seat {i}" for i in range(23))


@st.composite
def settled(draw: st.DrawFn) -> tuple[Verdict, int, int, int, int, int]:
    """A verdict with the terms that it is settled by: verdict, records, price, fee, protocol fee, bond percent."""
    records = draw(st.integers(1, 16_384))
    approved = draw(st.integers(0, records))
    rejected = draw(st.integers(0, records - approved))
    size = draw(st.sampled_from([1, 3, 5, 7, 11]))
    last = draw(st.sampled_from([size, 2 * size + 1]))
    decided = approved + rejected
    first = decided if last == size else draw(st.integers(0, decided))
    verdict = Verdict(approved, rejected, first, size, last, draw(st.integers(0, 2**last - 1)), SEATS[:last])
    price = draw(st.one_of(st.integers(1, 20), st.integers(1, 2**96 - 1)))
    terms = (draw(st.integers(1, 5000)), draw(st.integers(0, 1000)), draw(st.integers(5, 50)))
    return verdict, records, price, *terms


@given(settled())
def test_every_unit_has_an_owner(case: tuple[Verdict, int, int, int, int, int]) -> None:
    """Each ledger gives exactly what was taken of it, never more than was set aside, and nobody is paid a negative amount."""
    verdict, records, price, fee_bps, protocol_fee_bps, percent = case
    aside = reserved_by(records, price, fee_bps, protocol_fee_bps, percent)
    parts = split(verdict, Prices(price, fee_bps, protocol_fee_bps, percent, aside.bond))
    pool = parts.validators_paid + parts.unearned
    taken = parts.paid + pool - parts.from_bond
    assert 0 <= taken <= aside.amount
    assert 0 <= parts.protocol_fee <= aside.fee
    assert parts.from_bond + parts.forfeited + parts.bond_back == aside.bond
    assert min(*parts.seat_pays, parts.bond_back, parts.unearned, parts.from_bond, parts.forfeited) >= 0
    if verdict.opened_mask == 2**verdict.size - 1:
        assert parts.unearned == 0
    if not verdict.approved:
        assert taken == 0


@given(settled())
def test_a_forfeit_moves_the_bond_and_nothing_else(case: tuple[Verdict, int, int, int, int, int]) -> None:
    """Where the bond is forfeit all of it that pays no reviewer is, and everybody else gets what they would have got."""
    verdict, records, price, fee_bps, protocol_fee_bps, percent = case
    bond = reserved_by(records, price, fee_bps, protocol_fee_bps, percent).bond
    prices = Prices(price, fee_bps, protocol_fee_bps, percent, bond)
    plain, lost = split(verdict, prices), split(verdict._replace(forfeit_to="proofs"), prices)
    assert (lost.bond_back, lost.forfeited) == (0, bond - plain.from_bond)
    assert lost._replace(bond_back=plain.bond_back, forfeited=plain.forfeited) == plain


@given(
    settled(), st.floats(0, 1), st.floats(0, 1), st.lists(st.integers(7000, 10_000), min_size=23, max_size=23)
)
def test_gold_and_factors_move_money_only_to_the_buyer_and_the_treasury(
    case: tuple[Verdict, int, int, int, int, int], yes: float, no: float, factors: list[int]
) -> None:
    """Whatever is gold and whatever reviewers have earned, ledgers balance; no seat gets more, and the difference is unearned."""
    verdict, records, price, fee_bps, protocol_fee_bps, percent = case
    aside = reserved_by(records, price, fee_bps, protocol_fee_bps, percent)
    prices = Prices(price, fee_bps, protocol_fee_bps, percent, aside.bond)
    ratings = Ratings(int(verdict.approved * yes), int(verdict.rejected * no), factors)
    plain, rated = split(verdict, prices), split(verdict, prices, ratings)
    taken = rated.paid + rated.validators_paid + rated.unearned - rated.from_bond
    assert 0 <= taken <= aside.amount and 0 <= rated.protocol_fee <= aside.fee
    assert rated.from_bond + rated.forfeited + rated.bond_back == aside.bond
    assert rated.paid == plain.paid - price * ratings.gold_approved and rated.forfeited <= plain.forfeited
    assert all(7 * a // 10 <= b <= a for a, b in zip(plain.seat_pays, rated.seat_pays, strict=True))
    total = plain.validators_paid + plain.unearned
    assert rated.validators_paid + rated.unearned == total


@given(settled())
def test_approving_and_rejecting_earn_the_same(case: tuple[Verdict, int, int, int, int, int]) -> None:
    """Exchanging approvals and rejections changes no seat's pay."""
    verdict, records, price, fee_bps, protocol_fee_bps, percent = case
    aside = reserved_by(records, price, fee_bps, protocol_fee_bps, percent)
    other = verdict._replace(approved=verdict.rejected, rejected=verdict.approved)
    pays = [
        split(v, Prices(price, fee_bps, protocol_fee_bps, percent, aside.bond)).seat_pays
        for v in (verdict, other)
    ]
    assert pays[0] == pays[1]


@given(
    st.lists(st.integers(1, 500), min_size=1),
    st.integers(1, 10**20),
    st.integers(1, 5000),
    st.integers(0, 1000),
)
def test_the_fee_ledger_suffices(sizes: list[int], price: int, fee_bps: int, protocol_fee_bps: int) -> None:
    """Whatever the payment can reserve, the protocol's fee locked on top of it covers."""
    asides = [reserved_by(n, price, fee_bps, protocol_fee_bps, 20) for n in sizes]
    assert sum(a.fee for a in asides) <= fee_on(sum(a.amount for a in asides), protocol_fee_bps)


def test_the_worked_example() -> None:
    """50 records at 1 with 400 bps: 50 for the contributor and 2 for five validators, of 52 set aside."""
    verdict = Verdict(50, 0, 50, 5, 5, 31, SEATS[:5])
    aside = reserved_by(50, 1, 400, 250, 20)
    parts = split(verdict, Prices(1, 400, 250, 20, aside.bond))
    assert aside == (52, 1, 12)
    assert (parts.paid, parts.validators_paid, parts.bond_back, parts.unearned) == (50, 2, 12, 0)
    assert parts.seat_pays == (0, 0, 1, 0, 1)
