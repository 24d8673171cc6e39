"""Reviews: who may hold a verdict and rule on it, when, and what follows."""

from __future__ import annotations

import boa
import pytest

from sheaf.review import openings, reviews
from tests.contracts.market_world import TOKEN, World, source

ZERO = "0x" + "00" * 20
N = 50
YES, NO = openings.pack([False] * N), openings.pack([True] * N)
HALF = openings.pack([i < 25 for i in range(N)])


def test_the_arbiter_is_named_ahead(world: World, case: int) -> None:
    """Only the governor names an arbiter, who can act only after the delay; naming nobody ends the office in the same way."""
    arbiter = world.outsider
    world.review_jointly(case, [YES] * 5)
    with boa.reverts("reviews: not the governor"):
        world.reviews.propose_arbiter(arbiter, sender=arbiter)
    assert world.reviews.arbiter() == ZERO
    world.reviews.propose_arbiter(arbiter, sender=world.deployer)
    assert world.reviews.arbiter() == ZERO
    with boa.reverts("reviews: not the arbiter"):
        world.reviews.hold(case, sender=arbiter)
    world.wait(1)
    assert world.reviews.arbiter() == arbiter
    world.reviews.propose_arbiter(ZERO, sender=world.deployer)
    world.reviews.hold(case, sender=arbiter)
    world.wait(1)
    with boa.reverts("reviews: not the arbiter"):
        world.reviews.rule(case, YES, YES, sender=arbiter)


def test_on_a_public_network_the_delay_is_two_days(world: World) -> None:
    """Where parameters are not those of a test network an arbiter waits two days."""
    with boa.env.prank(world.deployer):
        parameters = source("governance/Parameters.vy").deploy(world.deployer, False)
        fresh = source("review/Reviews.vy").deploy(parameters, world.committees, world.stakes)
        fresh.propose_arbiter(world.outsider)
    world.wait(172_799)
    assert fresh.arbiter() == ZERO
    world.wait(1)
    assert fresh.arbiter() == world.outsider


@pytest.fixture
def held(world: World, case: int) -> int:
    """A review that was unanimous and is held by the outsider."""
    world.review_jointly(case, [YES] * 5)
    world.reviews.propose_arbiter(world.outsider, sender=world.deployer)
    world.wait(1)
    world.reviews.hold(case, sender=world.outsider)
    return case


def test_a_ruling_takes_the_verdicts_place(world: World, held: int) -> None:
    """The arbiter's bitmaps replace the verdict, and the money follows them at once; it cannot be held or ruled again."""
    with boa.reverts("reviews: still in the challenge window"):
        world.requests.settle(held, sender=world.outsider)
    hung = openings.pack([i >= 40 for i in range(N)])
    for rejected, pending, reason in (
        (HALF, HALF, "reviews: record both rejected and hung"),
        (HALF + bytes(32), hung, "reviews: wrong length"),
        (HALF, b"", "reviews: wrong length"),
        (openings.pack([True] * 51), hung, "reviews: bits beyond the last record"),
        (HALF, openings.pack([True] * 51), "reviews: bits beyond the last record"),
    ):
        with boa.reverts(reason):
            world.reviews.rule(held, rejected, pending, sender=world.outsider)
    world.reviews.rule(held, HALF, hung, sender=world.outsider)
    view = world.reviews.review(held)
    assert (view.phase, view.approved, view.rejected, view.decided_first) == (reviews.DECIDED, 15, 25, 40)
    assert view.verdict == openings.keccak(HALF + hung)
    with boa.reverts("reviews: challenge window is over"):
        world.reviews.hold(held, sender=world.outsider)
    with boa.reverts("reviews: not held"):
        world.reviews.rule(held, YES, YES, sender=world.outsider)
    world.requests.settle(held, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == 15 * TOKEN + (12 - 1 - 5) * TOKEN


def test_a_hold_ends_by_itself(world: World, held: int) -> None:
    """Without a ruling the verdict stands after `ruling_seconds`, and the review cannot be held again."""
    world.wait(604_799)
    with boa.reverts("reviews: still in the challenge window"):
        world.requests.settle(held, sender=world.outsider)
    world.wait(1)
    with boa.reverts("reviews: not held"):
        world.reviews.rule(held, NO, YES, sender=world.outsider)
    with boa.reverts("reviews: not decided"):
        world.reviews.hold(held, sender=world.outsider)
    world.requests.settle(held, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == 62 * TOKEN


def test_holds_come_in_the_window(world: World, case: int) -> None:
    """What is not decided, or could be settled already, cannot be held."""
    world.reviews.propose_arbiter(world.outsider, sender=world.deployer)
    world.wait(1)
    with boa.reverts("reviews: not decided"):
        world.reviews.hold(case, sender=world.outsider)
    with boa.reverts("reviews: not the arbiter"):
        world.reviews.hold(case, sender=world.deployer)
    world.review_jointly(case, [YES] * 5)
    world.past_challenge()
    with boa.reverts("reviews: challenge window is over"):
        world.reviews.hold(case, sender=world.outsider)
