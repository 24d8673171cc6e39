"""Reversals: what is shown is believed only if it is what was tallied, and costs each member by its share."""

from __future__ import annotations

import boa
import pytest

from sheaf.review import openings, reversals
from tests.contracts.market_world import TOKEN
from tests.contracts.review.disputes.court import Court

N = 50
ALL = [False] * N
NAMED = (1 << 10) - 1


@pytest.fixture
def approved(court: Court) -> tuple[int, tuple[bytes, bytes]]:
    """A submission of 50 records, all approved by all five, and its verdict."""
    submission, rejected, hung = court.decide([ALL] * 5)
    return submission, (rejected, hung)


@pytest.mark.parametrize(
    ("wrong", "total", "lost"),
    [
        (0, 0, 0),
        (0, 50, 0),
        (3, 50, 0),
        (4, 50, 120),
        (10, 50, 840),
        (12, 50, 1000),
        (50, 50, 1000),
        (7, 100, 60),
    ],
)
def test_the_law(wrong: int, total: int, lost: int) -> None:
    """Of a lock of 1,000: nothing up to 6 % of errors, 6 times what is above, all from 22.7 % on."""
    assert reversals.reversal(1000, wrong, total) == lost


def test_members_of_round_two_answer_for_what_hung(court: Court) -> None:
    """Round 2 was asked only for what hung after round 1: of that share its errors count, with the counts of round 1 shown again."""
    world = court.world
    half = [[i < 10 for i in range(N)]] * 2 + [ALL] * 3
    submission, _, _ = court.decide(half)
    first = list(court.bitmaps)
    carried = world.events(world.reviews, "RoundHung")[0].carried
    world.draw(submission)
    votes = [openings.pack(ALL)] * 6
    world.review_jointly(submission, votes, first=5, carried=carried)
    verdict = (openings.pack(ALL), openings.pack(ALL))
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    court.bitmaps = first
    court.slash(submission)
    accounts = world.committees.accounts(submission)[5:]
    mask, shown = ((1 << 11) - 1) & ~31, b"".join(votes)
    for left, reason in (
        ([], "reversals: not what round 1 left"),
        (carried[:-1], "reversals: not what round 1 left"),
    ):
        with boa.reverts(reason):
            court.reversals.slash(submission, 2, mask, accounts, shown, left, sender=world.outsider)
    court.reversals.slash(submission, 2, mask, accounts, shown, carried, sender=world.outsider)
    panel = world.committees.committee(submission)
    lost = [10_000 * TOKEN - world.stakes.position(member).amount for member in panel.members]
    assert lost == [0, 0] + [panel.lock * 84 // 100] * 3 + [panel.lock] * 6
    court.execute(submission, verdict)
    assert world.reviews.review(submission).rejected == 10


def test_what_is_shown_is_what_was_tallied(court: Court, approved: tuple[int, tuple[bytes, bytes]]) -> None:
    """Other seats, accounts, votes, counts or rounds are not believed, and only Reversals reports them."""
    submission, verdict = approved
    case = court.challenge(submission, NAMED, verdict)
    court.draw(case)
    court.vote(case, [NAMED] * 5)
    court.conclude(case)
    court.world.past_challenge()
    accounts, shown = court.world.committees.accounts(submission), b"".join(court.bitmaps)
    for arguments, reason in (
        ((1, 15, accounts, shown, []), "reversals: not what was tallied"),
        ((1, 31, accounts[::-1], shown, []), "reversals: not what was tallied"),
        ((1, 31, accounts, shown[:-1] + b"\x01", []), "reversals: not what was tallied"),
        ((2, 31, accounts, shown, []), "reversals: not what was tallied"),
        ((1, 31, accounts, shown[:-32], []), "reversals: wrong length"),
        ((1, 31, accounts, shown, [0]), "reversals: not what round 1 left"),
    ):
        with boa.reverts(reason):
            court.reversals.slash(submission, *arguments, sender=court.world.outsider)
    with boa.reverts("disputes: not reversals"):
        court.disputes.note(submission, 1, 5, sender=court.world.deployer)
