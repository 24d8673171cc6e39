"""Attacks by gold: answers that were used before, that come too late to be contested, or that one pardons to hide another."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from sheaf.review import scores
from tests.contracts.market_world import World
from tests.contracts.review.disputes.court import Court
from tests.contracts.review.scores.conftest import batch

N = 50
GOLD = [i < 8 for i in range(N)]
NOTHING = [False] * N


@pytest.fixture(scope="module")
def _public() -> World:
    return World(members=7, is_test=False)


@pytest.fixture
def public(_public: World) -> Iterator[World]:
    """A small market with the bounds of a public network."""
    with boa.env.anchor():
        yield _public


def jailed(world: World, accounts: tuple[str, ...]) -> list[bool]:
    """Who sits in jail."""
    return [world.stakes.jailed_until(world.stakes.id_of(account)) != 0 for account in accounts]


def test_gold_tests_one_submission_only(world: World) -> None:
    """Whoever submits the same records again has them rejected as duplicates: the opened gold, whose answers are now all wrong, tests
    nobody a second time."""
    first = batch(world, [NOTHING] * 5, GOLD, NOTHING)
    first.open_gold()
    again = batch(world, [[True] * N] * 5, GOLD, NOTHING, request=first.request)
    with boa.reverts("scores: not the keeper's signature"):
        again.open_gold(signature=first.gold.signature)
    assert not any(jailed(world, again.votes.accounts))


def test_gold_that_nobody_can_contest_any_more_jails_nobody(public: World) -> None:
    """False gold shown with less than half of the challenge window left counts as money, but tests nobody: no court could void it."""
    late, early = batch(public, [NOTHING] * 5, GOLD, GOLD), batch(public, [NOTHING] * 5, GOLD, GOLD)
    early.open_gold()
    assert all(jailed(public, early.votes.accounts))
    others = [a for a in late.votes.accounts if a not in early.votes.accounts]
    until = public.reviews.review(late.submission).settle_after
    public.wait(until - 86_400 + 1 - public.now)
    late.open_gold()
    assert public.scores.marks(late.submission) == scores.SCORED
    assert not any(jailed(public, tuple(others)))
    assert all(public.scores.standing(account).jails == 1 for account in early.votes.accounts)
    assert tuple(public.scores.terms(late.submission, []))[:2] == (8, 0)


def test_a_sham_challenge_does_not_keep_gold_away() -> None:
    """Who fears the test has the verdict held at once, and settles it in the transaction that ends the hold: gold is shown meanwhile."""
    court = Court(members=20)
    world = court.world
    made = batch(world, [NOTHING] * 5, GOLD, GOLD)
    court.challenge(made.submission, 1 << 20, (made.gold.rejected, made.gold.hung))
    made.open_gold()
    assert all(jailed(world, made.votes.accounts))
    world.reviews.propose_arbiter(world.outsider, sender=world.deployer)
    world.wait(2)
    other = batch(world, [NOTHING] * 5, GOLD, GOLD)
    world.reviews.hold(other.submission, sender=world.outsider)
    with boa.reverts("scores: not decided"):
        other.open_gold()


def test_pardon_for_one_gold_is_none_for_another(public: World) -> None:
    """Who failed gold of two submissions stays in jail, and the slash for the second waits on, when the first is voided, or the second."""
    arbiter = str(boa.env.generate_address("arbiter of gold"))
    public.reviews.propose_arbiter(arbiter, sender=public.deployer)
    public.wait(172_801)
    made = [batch(public, [NOTHING] * 5, GOLD, GOLD) for _ in range(2)]
    for one in made:
        one.open_gold()
    both = set(made[0].votes.accounts) & set(made[1].votes.accounts)
    assert len(both) >= 3
    account = min(both)
    for voided, left in ((0, 1), (1, 0)):
        with boa.env.anchor():
            public.scores.void_gold(made[voided].submission, list(both), 0, sender=arbiter)
            assert all(jailed(public, tuple(both)))
            assert public.scores.sentence(account).submission == made[left].submission
            public.scores.void_gold(made[left].submission, list(both), 0, sender=arbiter)
            assert not any(jailed(public, tuple(both)))
            with boa.reverts("scores: no sentence"):
                public.scores.execute(account, sender=public.outsider)
    public.wait(604_800)
    assert public.scores.execute(account, sender=public.outsider) == public.stake // 10
    with boa.reverts("scores: no sentence"):
        public.scores.execute(account, sender=public.outsider)
