"""Disputes: what a case does to the verdict, to stakes and to bonds."""

from __future__ import annotations

import boa
import pytest

from sheaf.review import reversals
from tests.contracts.market_world import TOKEN, source
from tests.contracts.review.disputes.court import Court

N = 50
ALL = [False] * N
NAMED = (1 << 10) - 1
BOND = 11 * TOKEN
FEE = BOND // 20


@pytest.fixture
def approved(court: Court) -> tuple[int, tuple[bytes, bytes]]:
    """A submission of 50 records, all approved by all five, and its verdict."""
    submission, rejected, hung = court.decide([ALL] * 5)
    return submission, (rejected, hung)


def test_a_challenge_overturns_slashes_and_pays(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """Five members approve garbage; the jury rejects it: the verdict changes, each member loses for 10 of 50, the winner is paid."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    assert court.balance() == BOND == court.disputes.bond_of(case, 1).amount
    assert court.draw(case).size == 5
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    panel = court.world.committees.committee(submission)
    before = [court.world.stakes.position(member).amount for member in panel.members]
    court.slash(submission)
    loss = reversals.reversal(panel.lock, 10, N)
    after = [court.world.stakes.position(member).amount for member in panel.members]
    assert loss == panel.lock * 84 // 100
    assert [a - b for a, b in zip(before, after, strict=True)] == [loss] * 5
    assert court.balance() == BOND + 5 * (loss // 2)
    court.execute(submission, verdict)
    assert court.world.reviews.review(submission).rejected == 10
    paid = court.collect(case)
    assert (paid.burned, paid.returned, paid.paid_to_jurors) == (0, BOND, 5 * FEE)
    assert court.disputes.withdraw(sender=court.challenger) == BOND + 5 * (loss // 2) - 5 * FEE
    court.world.requests.settle(submission, sender=court.world.outsider)
    assert all(court.world.stakes.position(member).locked == 0 for member in panel.members)


def test_a_challenge_that_fails_pays_jurors_and_who_was_accused(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """The jury confirms the verdict: half of the bond is burned, jurors are paid, the rest is the contributor's, nobody is slashed."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [0, 0, 0, NAMED, 0])
    court.conclude(case)
    court.slash(submission)
    court.execute(submission, verdict)
    paid = court.collect(case)
    assert (paid.burned, paid.returned, paid.paid_to_jurors) == (BOND - BOND // 2, 0, 5 * FEE)
    assert court.disputes.owed(court.world.contributor) == BOND // 2 - 5 * FEE
    assert court.world.reviews.review(submission).approved == N
    panel = court.world.committees.committee(submission)
    assert all(court.world.stakes.position(member).amount == 10_000 * TOKEN for member in panel.members)


def test_against_a_contributor_the_buyer_is_paid(court: Court) -> None:
    """A contributor who challenges a right rejection and fails pays the buyer."""
    submission, *verdict = court.decide([[True] * N] * 5)
    court.world.give(court.world.contributor, 10**4 * TOKEN, court.disputes)
    case = court.challenge(submission, NAMED, (verdict[0], verdict[1]), sender=court.world.contributor)
    court.draw(case)
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    court.slash(submission)
    court.execute(submission, (verdict[0], verdict[1]))
    court.collect(case)
    assert court.disputes.owed(court.world.buyer) == BOND // 2 - 5 * FEE


def test_appeals_grow_double_and_reverse(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """5, 11, 23 seats for 1, 2, 4 bonds; the last round is final; bribed jurors of the first lose their lock, the honest nothing."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    sizes = [court.draw(case).size]
    court.vote(case, [0, 0, 0, NAMED, NAMED])
    with boa.reverts("disputes: this side has won"):
        court.disputes.appeal(case, False, sender=court.appellant)
    court.disputes.appeal(case, True, sender=court.challenger)
    sizes.append(court.draw(case).size)
    court.vote(case, [NAMED] * 6)
    court.disputes.appeal(case, False, sender=court.appellant)
    sizes.append(court.draw(case).size)
    court.vote(case, [NAMED] * 12)
    assert sizes == [5, 11, 23]
    assert [court.disputes.bond_of(case, i).amount for i in (1, 2, 3)] == [BOND, 2 * BOND, 4 * BOND]
    with boa.reverts("disputes: no appeal any more"):
        court.disputes.appeal(case, False, sender=court.appellant)
    jurors = [court.disputes.juror(case, seat) for seat in range(23)]
    members = court.world.committees.committee(submission).members
    assert len({*jurors, *members}) == 28 and court.disputes.juror(case, 23) == 0
    court.disputes.conclude(case, sender=court.world.outsider)
    lock = court.world.committees.committee(submission).lock
    amounts = [court.world.stakes.position(juror).amount for juror in jurors]
    assert amounts == [10_000 * TOKEN - lock] * 3 + [10_000 * TOKEN] * 20
    assert court.disputes.fund_left() == 3 * (lock // 2)
    court.slash(submission)
    court.execute(submission, verdict)
    pot = court.balance() - 7 * BOND - court.disputes.fund_left()
    paid = court.collect(case)
    assert (paid.burned, paid.returned) == (2 * BOND, 3 * BOND)
    assert paid.paid_to_jurors == 23 * FEE and paid.paid_to_winners == 2 * BOND + pot - 23 * FEE
    assert court.disputes.owed(court.challenger) == 3 * BOND + paid.paid_to_winners


def test_nobodys_fault(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """Where the jury finds nobody at fault the named records hang, every bond goes back, and nobody is slashed."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    for seat in range(5):
        court.commit(case, seat, 0, is_faultless=seat < 3)
    for seat in range(5):
        court.reveal(case, seat)
    court.disputes.tally(case, sender=court.world.outsider)
    court.conclude(case)
    court.slash(submission)
    court.execute(submission, verdict)
    view = court.world.reviews.review(submission)
    assert (view.approved, view.rejected) == (40, 0)
    paid = court.collect(case)
    assert (paid.burned, paid.returned, paid.paid_to_jurors, paid.paid_to_winners) == (0, BOND, 0, 0)
    court.world.requests.settle(submission, sender=court.world.outsider)


def test_a_jury_that_stays_away_changes_nothing(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """Two of five open: the verdict stands, the bond goes back, and the absent lose 1 % of their lock."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [NAMED, NAMED, None, None, None])
    jurors = [court.disputes.juror(case, seat) for seat in range(5)]
    court.conclude(case)
    lock = court.world.committees.committee(submission).lock
    lost = [10_000 * TOKEN - court.world.stakes.position(juror).amount for juror in jurors]
    assert lost == [0, 0] + [lock // 100] * 3
    court.slash(submission)
    court.execute(submission, verdict)
    court.collect(case)
    assert court.disputes.owed(court.challenger) == BOND
    assert court.world.reviews.review(submission).approved == N


def test_without_a_jury_a_case_ends(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """Where too few can be drawn the draw waits; after `draw_blocks` the case ends and the bond goes back."""
    submission, verdict = approved
    court.world.parameters.set_round(0, 11, 8, sender=court.world.deployer)
    court.set("jury_size", 11)
    for account in list(court.world.keys)[:35]:
        court.world.stakes.unbond(10_000 * TOKEN, sender=account)
    boa.env.time_travel(blocks=100)
    case = court.challenge(submission, NAMED, verdict)
    with boa.reverts("stakes: too few validators"):
        court.draw(case)
    with boa.reverts("disputes: may still be drawn"):
        court.disputes.conclude(case, sender=court.world.outsider)
    with boa.reverts("disputes: block within reach"):
        court.disputes.redraw(case, sender=court.world.outsider)
    boa.env.evm.patch.block_number += 300
    with boa.reverts("disputes: block out of reach"):
        court.disputes.draw(case, sender=court.world.outsider)
    court.disputes.redraw(case, sender=court.world.outsider)
    with boa.reverts("disputes: too early"):
        court.disputes.draw(case, sender=court.world.outsider)
    boa.env.evm.patch.block_number += 7201
    court.disputes.conclude(case, sender=court.world.outsider)
    court.slash(submission)
    court.execute(submission, verdict)
    assert court.collect(case).returned == BOND


def test_what_nobody_executes_leaves_the_verdict(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """When the time to rule is over the verdict stands; bonds still follow the ruling, and all is settled and free."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    with boa.reverts("disputes: not executed yet"):
        court.disputes.collect(case, sender=court.world.outsider)
    court.world.wait(604_800)
    with boa.reverts("disputes: the time to rule is over"):
        court.execute(submission, verdict)
    with boa.reverts("disputes: the time to rule is over"):
        court.slash(submission)
    assert court.collect(case).returned == BOND
    court.world.requests.settle(submission, sender=court.world.outsider)
    assert court.world.escrow.owed(court.world.token, court.world.contributor) == 62 * TOKEN


def test_two_cases_are_executed_once(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """A sham challenge of one record keeps nobody from challenging the rest; the pot is shared by the records changed."""
    submission, verdict = approved
    sham = court.challenge(submission, 1 << 49, verdict, sender=court.appellant)
    case = court.challenge(submission, NAMED, verdict)
    for one, votes in ((sham, 0), (case, NAMED)):
        court.draw(one)
        court.vote(one, [votes] * 5)
    court.conclude(sham)
    with boa.reverts("disputes: cases are open"):
        court.execute(submission, verdict)
    court.conclude(case)
    with boa.reverts("disputes: more may be challenged"):
        court.show(submission)
    with boa.reverts("disputes: too early to execute"):
        court.execute(submission, verdict)
    court.slash(submission)
    with boa.reverts("disputes: shown already"):
        court.show(submission)
    court.execute(submission, verdict)
    with boa.reverts("disputes: executed already"):
        court.execute(submission, verdict)
    with boa.reverts("disputes: challenge window is over"):
        court.challenge(submission, 1 << 48, verdict)
    assert court.world.reviews.review(submission).rejected == 10
    assert court.collect(sham).burned == (10 * TOKEN + TOKEN // 10) // 2
    assert court.collect(case).returned == BOND
    for account in (court.challenger, court.appellant):
        if court.disputes.owed(account):
            court.disputes.withdraw(sender=account)


def test_joined_once(court: Court) -> None:
    """Only the deployer names Reversals, once, and not nobody."""
    world = court.world
    parts = (world.token, world.parameters, world.stakes, world.committees, world.reviews, world.requests)
    with boa.env.prank(world.deployer):
        fresh = source("review/Disputes.vy").deploy(*parts, court.world.lots)
    with boa.reverts("disputes: not the deployer"):
        fresh.wire(court.reversals, sender=world.outsider)
    with boa.reverts("disputes: no reversals"):
        fresh.wire("0x" + "00" * 20, sender=world.deployer)
    with boa.reverts("disputes: already wired"):
        court.disputes.wire(court.reversals, sender=world.deployer)
