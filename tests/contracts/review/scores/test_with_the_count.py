"""Rating with the count: one transaction that counts round 1 and rates its members, as two would, or does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import boa
import pytest

from sheaf.review import openings, scores
from sheaf.review.reviews import Openings
from sheaf.review.scores import Gold
from tests.contracts.market_world import World
from tests.contracts.review.scores.conftest import Batch, committed

N = 300
BAD = [i % 3 == 0 for i in range(N)]
LOOKS = [BAD, [b or i % 23 == 0 for i, b in enumerate(BAD)], BAD, BAD, [False] * N]
GOLD = [i % 20 < 3 for i in range(N)]


def open_to_votes(world: World, cast: Sequence[Sequence[bool]] = LOOKS) -> tuple[Batch, Openings]:
    """Return a batch to whose votes all have committed, with its gold, and what opens them."""
    return committed(world, cast, GOLD, [b and g for b, g in zip(BAD, GOLD, strict=True)])


def show(made: Batch, opened: Openings, gold: Gold | None = None) -> None:
    """Count and rate."""
    shown = scores.arguments(made.submission, scores.votes_in(opened), gold, opened)
    made.world.scores.score(*shown, sender=made.world.outsider)


def left_by(made: Batch) -> tuple[object, ...]:
    """Return all that the batch has left behind."""
    world, members = made.world, made.votes.accounts
    return (
        world.reviews.review(made.submission),
        world.reviews.openings(made.submission, 1),
        world.scores.marks(made.submission),
        world.scores.terms(made.submission, members),
        [world.scores.standing(member) for member in members],
        [world.stakes.jailed_until(world.stakes.id_of(member)) for member in members],
    )


@pytest.mark.parametrize("has_gold", [False, True])
def test_rating_with_the_count_is_counting_and_then_rating(world: World, has_gold: bool) -> None:
    """One transaction leaves the verdict, standings, fees and jail that two leave."""
    made, opened = open_to_votes(world)
    gold = made.gold if has_gold else None
    with boa.env.anchor():
        world.tally(made.submission, opened)
        shown = scores.arguments(made.submission, made.votes, gold)
        world.scores.score(*shown, sender=world.outsider)
        expected = left_by(made)
    show(made, opened, gold)
    assert left_by(made) == expected
    assert world.scores.marks(made.submission) == scores.SCORED | scores.TESTED * has_gold
    standings = [world.scores.standing(member) for member in made.votes.accounts]
    assert [one.misses > 0 for one in standings] == [False, has_gold, False, False, has_gold]


def test_what_cannot_be_rated_is_not_counted(world: World) -> None:
    """Votes that leave records hung, gold that does not fit, forged openings, and a round that is counted: nothing happens at all."""
    made, opened = open_to_votes(world)
    forged = replace(opened, salts=(b"\1" * 32, *opened.salts[1:]))
    for reason, other, gold in (
        ("reviews: opening does not match", forged, None),
        ("scores: not the verdict", opened, replace(made.gold, rejected=made.gold.hung)),
        ("scores: not the keeper's signature", opened, replace(made.gold, signature=made.signed("outsider"))),
    ):
        with boa.reverts(reason):
            show(made, other, gold)
    assert world.reviews.review(made.submission).phase == 1
    show(made, opened, made.gold)
    with boa.reverts("reviews: not open to votes"):
        show(made, opened, made.gold)
    hung, its = open_to_votes(world, [BAD, BAD, BAD, [False] * N, [False] * N])
    with boa.reverts("scores: not decided"):
        show(hung, its)
    world.tally(hung.submission, its)
    assert world.reviews.review(hung.submission).phase == 2


def test_round_2_is_not_counted_by_rating(world: World) -> None:
    """What round 1 left hung is counted by Reviews alone: only members of round 1 are rated."""
    made, opened = open_to_votes(world, [BAD, BAD, BAD, [False] * N, [False] * N])
    world.tally(made.submission, opened)
    world.draw(made.submission)
    seats = world.commit_jointly(made.submission, {5 + i: openings.pack(BAD) for i in range(6)}, 2)
    second = world.openings(made.submission, list(seats), seats, 5)
    with boa.reverts("reviews: not what round 1 left"):
        show(made, second)
