"""What the tests of Scores share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import boa
import pytest

from sheaf.review import openings, scores
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
    verdict: tuple[bytes, bytes]

    def score(self, votes: Votes | None = None) -> None:
        """Count the agreement."""
        self.world.scores.score(self.submission, packed(votes or self.votes), sender=self.world.outsider)

    def open_gold(self, **changes: Any) -> None:
        """Show the gold, with some of it changed."""
        votes, verdict = changes.pop("votes", self.votes), changes.pop("verdict", self.verdict)
        gold = replace(self.gold, **changes)
        self.world.scores.open_gold(
            self.submission, packed(votes), shown(gold), *verdict, sender=self.world.outsider
        )

    def signed(self, signer: str = "buyer", **changes: Any) -> bytes:
        """Return the signature of an actor over the gold, with some of what it signs changed."""
        world = self.world
        fields = {"request": self.request, "contributor": world.contributor, "gold": self.gold} | changes
        data = scores.typed_data(boa.env.evm.patch.chain_id, world.scores.address, **fields)
        return bytes(key_of(signer).sign_typed_data(*data).signature)


def packed(votes: Votes) -> tuple[int, list[str], bytes]:
    """Return votes as the contract takes them."""
    return votes.mask, list(votes.accounts), b"".join(votes.bitmaps)


def shown(gold: Gold) -> tuple[Any, ...]:
    """Return gold as the contract takes it."""
    return (gold.positions, gold.wrong, gold.salt, gold.root, gold.cid_hash, gold.key_commitment, gold.custodian,
            gold.signature)  # fmt: skip


def batch(
    world: World,
    cast: Sequence[Sequence[bool]],
    gold: Sequence[bool],
    wrong: Sequence[bool],
    request: int = 0,
) -> Batch:
    """Take a submission, in which some records are gold, through a review in which each seat rejects what `cast` marks."""
    request = request or world.open()
    made = Gold(
        openings.pack(gold),
        openings.pack(wrong),
        b"\x05" * 32,
        ROOT,
        openings.keccak(CID),
        KEY,
        world.contributor,
    )
    submission = world.submit(request, len(gold), gold=made.commitment)
    world.draw(submission)
    bitmaps = tuple(openings.pack(vote) for vote in cast)
    world.review_jointly(submission, bitmaps)
    tallied = next(e for e in world.reviews.get_logs() if type(e).__name__ == "Tallied")
    accounts = tuple(world.committees.accounts(submission))
    made_batch = Batch(
        world,
        submission,
        request,
        Votes(31, accounts, bitmaps),
        made,
        (tallied.rejected_bitmap, tallied.hung_bitmap),
    )
    made_batch.gold = replace(made, signature=made_batch.signed())
    return made_batch


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()


@pytest.fixture(autouse=True)
def _anchored_world(world: World) -> Iterator[None]:
    with boa.env.anchor():
        yield
