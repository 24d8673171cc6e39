"""A court with proofs, offers whose leaves are known, and the arguments of a proof."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boa

from sheaf.domain.canonical import json_bytes
from sheaf.domain.merkle import MerkleTree, leaves
from sheaf.review import openings, proofs
from sheaf.review.proofs import Opened, Place
from tests.contracts.market_world import GOLD, KEY, TOKEN, key_of, source
from tests.contracts.review.disputes.court import Court

RAW = bytes.fromhex("01551220")


def specification(scope: str | None = "market", title: str = "Points", *, is_golden: bool = False) -> bytes:
    """Return a specification's canonical JSON; no check of duplicates if `scope` is None."""
    checks: list[dict[str, Any]] = [{"name": "commitment", "parameters": {"note": '],"{"'}, "version": 1}]
    if scope is not None:
        checks.append({"name": "duplicates", "parameters": {"scope": scope}, "version": 1})
    return json_bytes(
        {"checks": checks, "gold": {} if is_golden else None, "licence": "CC0-1.0", "title": title}
    )


def digest(name: str) -> bytes:
    """Return the digest of a record of that name."""
    return hashlib.sha256(name.encode()).digest()


@dataclass
class Offered:
    """A submission whose records are known by name, and how it was decided."""

    submission: int
    request: int
    contributor: str
    names: list[str]
    tree: MerkleTree
    rejected: list[bool]

    def salt(self, record: int) -> bytes:
        return salt(self.contributor, record)

    def opened(self, record: int) -> Opened:
        """Open a record."""
        path = self.tree.proof(record) if 0 <= record < len(self.names) else []
        return Opened(Place(self.submission, record), self.salt(record), tuple(path))


def salt(contributor: str, record: int) -> bytes:
    """Return the salt of a record."""
    return hashlib.sha256(f"{contributor} {record}".encode()).digest()[:16]


@dataclass
class Bench:
    """The court with Proofs joined to it."""

    court: Court = field(default_factory=Court)

    def __post_init__(self) -> None:
        self.world = world = self.court.world
        with boa.env.prank(world.deployer):
            self.contract = source("review/Proofs.vy").deploy(
                world.token, world.parameters, world.escrow, world.requests, world.reviews, self.court.disputes,
                self.court.standing,
            )  # fmt: skip
            world.reviews.propose_proofs(self.contract)
            self.court.standing.propose_feeder(self.contract)
        self.other = key_of("other contributor").address
        world.give(self.other, 10**6 * TOKEN, world.escrow)
        boa.env.time_travel(seconds=15 * 86_400)

    def request(
        self, scope: str | None = "market", *, is_read: bool = True, is_golden: bool = False, **changes: Any
    ) -> int:
        """Open a request, and read its specification."""
        text = specification(scope, is_golden=is_golden)
        number = self.world.open(spec=RAW + hashlib.sha256(text).digest(), **changes)
        if is_read and scope is not None:
            places = proofs.forbids(text)[1], proofs.without_gold(text)
            self.contract.read(number, text, *places, sender=self.world.outsider)
        return number

    def offer(
        self, request: int, names: Sequence[str], sender: str = "", rejected: Sequence[int] = ()
    ) -> Offered:
        """Submit records of these names and decide them."""
        contributor = sender or self.world.contributor
        salts = b"".join(salt(contributor, i) for i in range(len(names)))
        joined = leaves(request, contributor, salts, b"".join(map(digest, names)))  # type: ignore[arg-type]
        tree = MerkleTree(joined)
        submission = self.world.submit(request, len(names), root=tree.root, sender=contributor)
        votes = [i in rejected for i in range(len(names))]
        made = Offered(submission, request, contributor, list(names), tree, votes)
        self.decide(made)
        return made

    def decide(self, made: Offered) -> None:
        """Take a submission through a unanimous review."""
        seats = self.world.draw(made.submission).size
        self.court.bitmaps = [openings.pack(made.rejected)] * seats
        self.world.review_jointly(made.submission, self.court.bitmaps)

    def past_challenge(self) -> None:
        """Let the challenge window pass."""
        self.world.past_challenge()

    def verdict(self, made: Offered) -> tuple[bytes, bytes]:
        """Return the verdict as it stands; nothing hangs."""
        return openings.pack(made.rejected), openings.pack([False] * len(made.names))

    def sealed(self, made: Offered) -> proofs.Sealed:
        """Return what a submission committed to."""
        from tests.contracts.market_world import CID

        return proofs.sealed(made.tree.root, CID, KEY, self.world.contributor, GOLD)

    def arguments(self, copy: Offered, record: int, earlier: Offered, of: int) -> list[Any]:
        """Return the arguments of a proof that `record` of `copy` is record `of` of `earlier`."""
        one, other = copy.opened(record), earlier.opened(of)
        return [
            digest(copy.names[record]), (*one.place, one.salt, list(one.path)),
            (*other.place, other.salt, list(other.path)), self.sealed(copy), self.sealed(earlier),
            self.verdict(copy), self.verdict(earlier),
        ]  # fmt: skip

    def prove(self, copy: Offered, record: int, earlier: Offered, of: int, sender: str = "") -> None:
        """Prove a copy as the challenger."""
        self.contract.prove(
            *self.arguments(copy, record, earlier, of), sender=sender or self.court.challenger
        )
        copy.rejected[record] = True
