"""A market with bonus pools and the Disputes that judge their shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boa

from sheaf.market.bonus_pools import Share, tree_of
from tests.contracts.market_world import CID, TOKEN, key_of, source
from tests.contracts.review.disputes.court import Court

TERM = 30 * 86_400
STANDING = (bytes(32), bytes(32))


@dataclass
class Bursary:
    """A court whose Disputes judge postings; `valuator`, `contributor` and `rival` act beside the buyer."""

    court: Court = field(default_factory=Court)

    def __post_init__(self) -> None:
        court, world = self.court, self.court.world
        self.world = world
        self.buyer, self.valuator, self.rival = (
            world.buyer,
            key_of("valuator").address,
            key_of("rival").address,
        )
        self.accounts = [key_of("account", i).address for i in range(5)]
        with boa.env.prank(world.deployer):
            self.contract = source("market/BonusPools.vy").deploy(
                world.token, world.parameters, world.escrow, world.requests, world.committees, TERM
            )
            self.disputes = source("review/Disputes.vy").deploy(
                world.token,
                world.parameters,
                world.stakes,
                self.contract,
                self.contract,
                self.contract,
                world.lots,
            )
            self.contract.wire(self.disputes)
            self.disputes.wire(self.contract)
            world.stakes.appoint(self.disputes.address, 7)
        court.disputes = self.disputes
        for account in (self.buyer, self.valuator, self.rival, world.outsider):
            world.give(account, 10**6 * TOKEN, self.contract)
        for account in (court.challenger, court.appellant, world.outsider):
            world.token.approve(self.disputes, 2**255, sender=account)
        boa.env.time_travel(seconds=15 * 86_400)
        boa.env.evm.patch.block_number += 200

    def open(self, amount: int = 100 * TOKEN, **changes: Any) -> int:
        """Open a request with a pool."""
        request = self.world.open(**changes)
        self.contract.fund(request, amount, sender=self.buyer)
        return request

    def ended(self, amount: int = 100 * TOKEN) -> int:
        """Open a request with a pool and end it."""
        request = self.open(amount)
        self.world.requests.cancel(request, sender=self.buyer)
        return request

    def shares(self, *amounts: int) -> list[Share]:
        """Return shares of the first accounts."""
        return [Share(*one) for one in zip(self.accounts, amounts, strict=False)]

    def post(self, request: int, shares: Sequence[Share], sender: str = "", total: int | None = None) -> int:
        """Post shares as the buyer."""
        given = sum(share.amount for share in shares) if total is None else total
        root = tree_of(request, shares).root
        return int(self.contract.post(request, root, len(shares), given, CID, sender=sender or self.buyer))

    def claim(self, request: int, shares: Sequence[Share], index: int) -> int:
        """Claim a share for its account."""
        path = tree_of(request, shares).proof(index)
        return int(self.contract.claim(request, *shares[index], index, path, sender=self.world.outsider))

    def challenge(self, posting: int, sender: str = "") -> int:
        """Challenge a posting."""
        return self.court.challenge(posting, 1, STANDING, sender=sender)

    def rule(self, posting: int, votes: Sequence[int | None]) -> int:
        """Challenge a posting, let a jury vote, and conclude; return the case."""
        case = self.challenge(posting)
        self.court.draw(case)
        self.court.vote(case, votes)
        self.court.conclude(case)
        until = self.disputes.trial_of(posting).challenge_until
        self.world.wait(max(0, until - self.world.now))
        return case

    def execute(self, posting: int) -> None:
        """Put the ruling into effect."""
        self.disputes.execute(posting, *STANDING, sender=self.world.outsider)

    def past_challenge(self) -> None:
        """Let the challenge window pass."""
        self.world.past_challenge()

    def balance(self) -> int:
        """What the pools hold."""
        return int(self.world.token.balanceOf(self.contract))
