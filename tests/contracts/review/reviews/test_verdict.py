"""The count itself: bit-sliced verdicts of random votes beside a naive count, record by record."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from sheaf.review import openings
from tests.contracts.market_world import TOKEN, World

SIZES = (1, 50, 255, 256, 257, 1024, 16_384)
ROUNDS = ((5, 4), (7, 5), (11, 8))


def drawn(world: World, records: int, size: int, quorum: int) -> int:
    """Return a submission whose committee has `size` seats."""
    world.parameters.set_round(0, size, quorum, sender=world.deployer)
    price = TOKEN // 1000
    submission = world.submit(world.open(price=price, amount=2 * records * price), records)
    assert world.draw(submission).size == size
    return submission


def votes(
    dice: random.Random, records: int, seats: int, rejection: Callable[[int], float]
) -> list[list[bool]]:
    """Return a vote for each seat; record i is rejected with probability `rejection(i)`."""
    return [[dice.random() < rejection(i) for i in range(records)] for _ in range(seats)]


def naive(cast: list[list[bool]], quorum: int) -> tuple[list[bool], list[bool]]:
    """Count votes one by one: rejected and hung."""
    counts = [sum(column) for column in zip(*cast, strict=True)]
    rejected = [n >= quorum for n in counts]
    hung = [n < quorum and len(cast) - n < quorum for n in counts]
    return rejected, hung


def verdict(world: World) -> tuple[bytes, bytes, int, int, int]:
    """Return bitmaps and counts of the last transaction's verdict."""
    event = next(e for e in world.reviews.get_logs() if type(e).__name__ == "Tallied")
    return event.rejected_bitmap, event.hung_bitmap, event.approved, event.rejected, event.hung


@pytest.mark.parametrize("records", SIZES)
@pytest.mark.parametrize(("size", "quorum"), ROUNDS)
def test_verdicts_are_those_of_a_naive_count(world: World, records: int, size: int, quorum: int) -> None:
    """For every committee and length, both rounds decide each record as counting votes one by one does."""
    dice = random.Random(records * size)
    submission = drawn(world, records, size, quorum)
    # Every fourth record is contested, so that round 2 has work to do at every length.
    cast = votes(dice, records, size, lambda i: (0.5, 0.02, 0.98, 0.2)[i % 4])
    world.review_jointly(submission, [openings.pack(vote) for vote in cast])
    rejected, hung = naive(cast, quorum)
    expected = (
        openings.pack(rejected),
        openings.pack(hung),
        records - sum(rejected) - sum(hung),
        sum(rejected),
        sum(hung),
    )
    assert verdict(world) == expected
    if not any(hung):
        return
    carried = next(list(e.carried) for e in world.reviews.get_logs() if type(e).__name__ == "RoundHung")
    world.draw(submission)
    more = votes(dice, records, size + 1, lambda i: (0.5, 0.9, 0.1, 0.4)[i % 4])
    world.review_jointly(submission, [openings.pack(vote) for vote in more], size, carried)
    counts = [sum(column) for column in zip(*cast, *more, strict=True)]
    total = 2 * size + 1
    after = [was or (open_ and 2 * n > total) for was, open_, n in zip(rejected, hung, counts, strict=True)]
    assert verdict(world) == (
        openings.pack(after),
        openings.pack([False] * records),
        records - sum(after),
        sum(after),
        0,
    )


@pytest.mark.parametrize("seed", range(4))
def test_absent_seats_change_the_quorum_not_the_rule(world: World, seed: int) -> None:
    """With some seats missing, a record still needs the quorum, then the majority of those who opened and no less than it."""
    dice = random.Random(seed)
    records, size, quorum = 300, 5, 4
    submission = drawn(world, records, size, quorum)
    present = sorted(dice.sample(range(size), dice.randint(1, size)))
    cast = votes(dice, records, len(present), lambda i: (0.5, 0.1, 0.9)[i % 3])
    made = {
        seat: world.commit(submission, seat, openings.pack(vote))
        for seat, vote in zip(present, cast, strict=True)
    }
    world.wait(3600)
    world.tally(submission, world.openings(submission, present, made))
    rejected, hung = naive(cast, quorum)
    assert verdict(world)[:2] == (openings.pack(rejected), openings.pack(hung))
    if not any(hung):
        return
    carried = next(list(e.carried) for e in world.reviews.get_logs() if type(e).__name__ == "RoundHung")
    world.draw(submission)
    late = sorted(dice.sample(range(size, 2 * size + 1), dice.randint(0, size)))
    more = votes(dice, records, len(late), lambda i: 0.5)
    made = {
        seat: world.commit(submission, seat, openings.pack(vote), 2)
        for seat, vote in zip(late, more, strict=True)
    }
    world.wait(3600)
    world.tally(submission, world.openings(submission, late, made, size, carried))
    total = len(present) + len(late)
    counts = [sum(column) for column in zip(*cast, *more, strict=True)]
    least = max(quorum, total // 2 + 1)
    after = [was or (open_ and n >= least) for was, open_, n in zip(rejected, hung, counts, strict=True)]
    still = [open_ and n < least and total - n < least for open_, n in zip(hung, counts, strict=True)]
    assert verdict(world)[:2] == (openings.pack(after), openings.pack(still))


def test_what_a_tally_was_shown_can_be_shown_again(world: World) -> None:
    """A tally leaves keccak256(mask, accounts, hash of each bitmap) of those who opened: nothing before it, another one for each round."""
    submission = drawn(world, 2, 3, 3)
    assert world.reviews.openings(submission, 1) == bytes(32)
    votes_of = {0: openings.pack([True, False]), 2: openings.pack([False, True])}
    made = {seat: world.commit(submission, seat, bitmap) for seat, bitmap in votes_of.items()}
    world.wait(3600)
    world.tally(submission, world.openings(submission, [0, 2], made))
    accounts = [world.committees.seat_account(submission, seat) for seat in (0, 2)]
    hashes = [openings.keccak(bitmap) for bitmap in votes_of.values()]
    expected = openings.keccak(openings.encode(["uint256", "address[]", "bytes32[]"], [5, accounts, hashes]))
    assert world.reviews.openings(submission, 1) == expected
    assert openings.shown(5, accounts, list(votes_of.values())) == expected
    assert world.reviews.openings(submission, 2) == bytes(32)
