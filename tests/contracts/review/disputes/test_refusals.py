"""Disputes: what is refused, by whom and when."""

from __future__ import annotations

import boa
import pytest

from sheaf.review import juries, openings
from tests.contracts.market_world import MOCKS, TOKEN, key_of, source
from tests.contracts.review.disputes.court import Court

N = 50
NAMED = (1 << 10) - 1
BOND = 11 * TOKEN


@pytest.fixture
def approved(court: Court) -> tuple[int, tuple[bytes, bytes]]:
    """A submission of 50 records, all approved by all five, and its verdict."""
    submission, rejected, hung = court.decide([[False] * N] * 5)
    return submission, (rejected, hung)


def test_challenges_that_name_nothing_or_too_much(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """A challenge names records that are there, that no other case names, of the verdict as it stands, in time and with a bond."""
    submission, verdict = approved
    for mask, word, shown, reason in (
        (0, 0, verdict, "disputes: no records named"),
        (1 << N, 0, verdict, "disputes: no such records"),
        (1, 1, verdict, "disputes: no such records"),
        (1, 0, (openings.pack([True] * N), verdict[1]), "disputes: not the verdict"),
        (1, 0, (b"", b""), "disputes: not the verdict"),
    ):
        with boa.reverts(reason):
            court.challenge(submission, mask, shown, word=word)
    pauper = key_of("pauper").address
    with boa.reverts("erc20: insufficient allowance"):
        court.challenge(submission, NAMED, verdict, sender=pauper)
    court.challenge(submission, NAMED, verdict)
    with boa.reverts("disputes: disputed already"):
        court.challenge(submission, 1 << 9, verdict)
    court.world.past_challenge()
    with boa.reverts("disputes: challenge window is over"):
        court.challenge(submission, 1 << 20, verdict)


def test_what_is_settled_cannot_be_challenged(
    court: Court, approved: tuple[int, tuple[bytes, bytes]]
) -> None:
    """After the challenge window nothing is held any more, and what is not decided was never."""
    submission, verdict = approved
    undecided = court.world.submit(court.world.open(), N)
    with boa.reverts("reviews: not decided"):
        court.challenge(undecided, 1, verdict)
    court.world.past_challenge()
    with boa.reverts("reviews: challenge window is over"):
        court.challenge(submission, NAMED, verdict)


def test_votes_out_of_turn(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """Each step has its time and its actor; a vote once made or opened stays, and a copied commitment cannot be opened."""
    submission, verdict = approved
    case, disputes, outsider = (
        court.challenge(submission, NAMED, verdict),
        court.disputes,
        court.world.outsider,
    )
    for call in (
        lambda: disputes.commit(case, 0, bytes(32), sender=outsider),
        lambda: disputes.reveal(case, 0, 0, False, bytes(32), sender=outsider),
        lambda: disputes.tally(case, sender=outsider),
        lambda: disputes.appeal(case, True, sender=outsider),
        lambda: disputes.collect(case, sender=outsider),
        lambda: disputes.draw(case + 1, sender=outsider),
    ):
        with boa.reverts("disputes: not in that phase"):
            call()
    court.draw(case)
    with boa.reverts("disputes: not in that phase"):
        disputes.draw(case, sender=outsider)
    with boa.reverts("disputes: not ruled"):
        disputes.conclude(case, sender=outsider)
    with boa.reverts("disputes: not this seat's juror"):
        disputes.commit(case, 0, bytes(32), sender=outsider)
    for seat in (5, 2**200):
        with boa.reverts("disputes: no seat in this round"):
            disputes.commit(case, seat, bytes(32), sender=outsider)
        with boa.reverts("disputes: not committed"):
            disputes.reveal(case, seat, 0, False, bytes(32), sender=outsider)
    court.commit(case, 0, NAMED)
    with boa.reverts("disputes: already committed"):
        court.commit(case, 0, 0)
    with boa.reverts("disputes: still committing"):
        court.reveal(case, 0)
    first = juries.Vote(NAMED, False, openings.keccak(f"{case} 0".encode()))
    copied = juries.commitment(first, case, court.account(case, 0), 1)
    disputes.commit(case, 1, copied, sender=court.account(case, 1))
    court.secrets[case, 1] = court.secrets[case, 0]
    for seat in (2, 3):
        court.commit(case, seat, 1 << 20 if seat == 2 else 0)
    court.world.wait(3600)
    with boa.reverts("disputes: commit window closed"):
        court.commit(case, 4, 0)
    with boa.reverts("disputes: opening does not match"):
        court.reveal(case, 1)
    with boa.reverts("disputes: a record is not named"):
        court.reveal(case, 2)
    court.secrets[case, 0] = (NAMED, False, first.salt)
    court.reveal(case, 0)
    with boa.reverts("disputes: already revealed"):
        court.reveal(case, 0)
    with boa.reverts("disputes: still open to votes"):
        disputes.tally(case, sender=outsider)
    court.world.wait(3600)
    with boa.reverts("disputes: reveal window closed"):
        court.reveal(case, 3)
    disputes.tally(case, sender=outsider)
    assert not court.world.events(disputes, "CaseRuled")[0].is_ruled


def test_an_appeal_needs_time(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """A ruling can be appealed for a day; with too little time left to rule it is final at once, and a late draw is refused."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [0] * 5)
    with boa.reverts("disputes: may still be appealed"):
        court.disputes.conclude(case, sender=court.world.outsider)
    court.world.wait(86_399)
    court.disputes.appeal(case, True, sender=court.appellant)
    until = court.disputes.trial_of(submission).until
    court.world.wait(until - court.world.now - 3 * 3600)
    with boa.reverts("disputes: no time left"):
        court.draw(case)
    court.disputes.conclude(case, sender=court.world.outsider)
    court.slash(submission)
    court.execute(submission, verdict)
    paid = court.collect(case)
    assert (paid.burned, paid.returned) == (BOND - BOND // 2, 2 * BOND)


def test_a_late_ruling_is_final(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """A round that ends less than another round before the end of the hold is not appealed."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.world.wait(604_800 - 90_000)
    court.draw(case)
    court.vote(case, [0] * 5)
    with boa.reverts("disputes: no appeal any more"):
        court.disputes.appeal(case, True, sender=court.appellant)
    court.disputes.conclude(case, sender=court.world.outsider)


def test_money_refusals(court: Court) -> None:
    """Nothing is added or withdrawn where there is nothing; what is funded pays jurors only."""
    with boa.reverts("disputes: nothing to add"):
        court.disputes.fund(0, sender=court.challenger)
    with boa.reverts("disputes: nothing owed"):
        court.disputes.withdraw(sender=court.challenger)
    court.disputes.fund(TOKEN, sender=court.challenger)
    assert court.disputes.fund_left() == court.balance() == TOKEN


def test_a_bent_token_moves_no_ledger(court: Court) -> None:
    """A token that answers False instead of reverting adds nothing to the fund."""
    world = court.world
    bent = boa.load(str(MOCKS / "BentToken.vy"))
    parts = (bent, world.parameters, world.stakes, world.committees, world.reviews, world.requests)
    fresh = source("review/Disputes.vy").deploy(*parts, court.world.lots)
    bent.give(world.outsider, TOKEN)
    bent.bend(0, True)
    with boa.reverts("disputes: transfer failed"):
        fresh.fund(TOKEN, sender=world.outsider)
    assert fresh.fund_left() == 0
