"""What the tests of Scores share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from sheaf.review import openings, scores
from sheaf.review.reviews import Openings
from sheaf.review.scores import Gold, Votes
from tests.contracts.market_world import CID, KEY, ROOT, World, key_of


@dataclass
class Batch:
    """A submission with a committee of five, what its members voted and what of it is gold."""

    world: World
    submission: int
    request: int
    votes: Votes
    gold: Gold

    def score(self, votes: Votes | None = None) -> None:
        """Count the agreement."""
        shown = scores.arguments(self.submission, votes or self.votes)
        self.world.scores.score(*shown, sender=self.world.outsider)

    def open_gold(self, **changes: Any) -> None:
        """Show the gold, with some of it changed."""
        votes = changes.pop("votes", self.votes)
        shown = scores.arguments(self.submission, votes, replace(self.gold, **changes))
        self.world.scores.score(*shown, sender=self.world.outsider)

    def signed(self, signer: str = "buyer", **changes: Any) -> bytes:
        """Return the signature of an actor over the gold, with some of what it signs changed."""
        world = self.world
        fields = {
            "submission": self.submission,
            "contributor": world.contributor,
            "gold": self.gold,
        } | changes
        data = scores.typed_data(boa.env.evm.patch.chain_id, world.scores.address, **fields)
        return bytes(key_of(signer).sign_typed_data(*data).signature)


def committed(
    world: World,
    cast: Sequence[Sequence[bool]],
    gold: Sequence[bool],
    wrong: Sequence[bool],
    request: int = 0,
) -> tuple[Batch, Openings]:
    """Take a submission, in which some records are gold, to where all seats have committed to rejecting what `cast` marks.

    Its gold is shown for the verdict that the openings, returned beside it, will lead to.
    """
    request = request or world.open()
    positions, answers = openings.pack(gold), openings.pack(wrong)
    made = Gold(positions, answers, b"\x05" * 32, ROOT, keccak(CID), KEY, world.contributor)
    submission = world.submit(request, len(gold), gold=made.commitment)
    quorum = world.draw(submission).quorum
    bitmaps = tuple(openings.pack(vote) for vote in cast)
    seats = world.commit_jointly(submission, dict(enumerate(bitmaps)))
    count = openings.count_first(bitmaps, quorum, len(gold))
    accounts = tuple(world.committees.accounts(submission))
    made = replace(made, rejected=count.rejected, hung=count.hung)
    found = Batch(world, submission, request, Votes(2 ** len(cast) - 1, accounts, bitmaps), made)
    found.gold = replace(made, signature=found.signed())
    return found, world.openings(submission, list(seats), seats)


def batch(
    world: World,
    cast: Sequence[Sequence[bool]],
    gold: Sequence[bool],
    wrong: Sequence[bool],
    request: int = 0,
) -> Batch:
    """Take a submission, in which some records are gold, through a review in which each seat rejects what `cast` marks."""
    made, opened = committed(world, cast, gold, wrong, request)
    world.tally(made.submission, opened)
    (tallied,) = world.events(world.reviews, "Tallied")
    assert (tallied.rejected_bitmap, tallied.hung_bitmap) == (made.gold.rejected, made.gold.hung)
    return made


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()


@pytest.fixture(autouse=True)
def _anchored_world(world: World) -> Iterator[None]:
    with boa.env.anchor():
        yield
