"""Disputes: what a case does to the verdict, to stakes and to bonds."""

from __future__ import annotations

from sheaf.review import juries
from tests.contracts.market_world import TOKEN
from tests.contracts.review.disputes.court import Court

N = 50
GARBAGE = [i < 10 for i in range(N)]
NAMED = (1 << 10) - 1


def test_a_challenge_overturns_slashes_and_pays(court: Court) -> None:
    """Five members approve garbage; the jury rejects it: the verdict changes, each member loses for 10 of 50, the winner is paid."""
    submission, *verdict = court.decide([[False] * N] * 5)
    case = court.challenge(submission, NAMED, (verdict[0], verdict[1]))
    bond = 10 * TOKEN + 10 * TOKEN // 10
    assert court.balance() == bond == court.disputes.bond_of(case, 1).amount
    assert court.draw(case).size == 5
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    panel = court.world.committees.committee(submission)
    before = [court.world.stakes.position(member).amount for member in panel.members]
    court.slash(submission)
    loss = juries.reversal(panel.lock, 10, N)
    after = [court.world.stakes.position(member).amount for member in panel.members]
    assert loss == panel.lock * 84 // 100
    assert [a - b for a, b in zip(before, after, strict=True)] == [loss] * 5
    assert court.balance() == bond + 5 * (loss // 2)
    court.execute(submission, (verdict[0], verdict[1]))
    assert court.world.reviews.review(submission).rejected == 10
    paid = court.collect(case)
    fee = bond // 20
    assert (paid.burned, paid.returned, paid.paid_to_jurors) == (0, bond, 5 * fee)
    assert court.disputes.owed(court.challenger) == bond + 5 * (loss // 2) - 5 * fee
    assert court.disputes.withdraw(sender=court.challenger) == bond + 5 * (loss // 2) - 5 * fee
    court.world.requests.settle(submission, sender=court.world.outsider)
    assert all(court.world.stakes.position(member).locked == 0 for member in panel.members)
