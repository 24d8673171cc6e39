"""A market with a court: Disputes and Reversals joined to it, and a driver for each step of a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boa

from sheaf.review import juries, openings
from tests.contracts.market_world import TOKEN, World, key_of, source

PARAMETERS = {
    "jury_size": 24,
    "audit_size": 25,
    "appeal_seconds": 26,
    "dispute_bond": 27,
    "dispute_bond_bps": 28,
}


@dataclass
class Court:
    """The contracts, and what each juror knows of its own vote."""

    members: int = 40
    beacon: str = "BlockBeacon"
    world: World = field(init=False)
    secrets: dict[tuple[int, int], tuple[int, bool, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = world = World(members=self.members, beacon=self.beacon)
        self.challenger, self.appellant = (key_of(role).address for role in ("challenger", "appellant"))
        parts = (world.token, world.parameters, world.stakes, world.committees, world.reviews, world.requests)
        with boa.env.prank(world.deployer):
            self.standing = world.standing
            self.disputes = source("review/Disputes.vy").deploy(*parts, world.lots)
            self.reversals = source("review/Reversals.vy").deploy(self.disputes, *parts[2:], self.standing)
            self.disputes.wire(self.reversals)
            world.stakes.appoint(self.disputes.address, 7)
            world.stakes.appoint(self.reversals.address, 2)
            world.reviews.propose_arbiter(self.disputes)
            self.standing.propose_feeder(self.reversals)
        for account in (self.challenger, self.appellant, world.outsider):
            world.give(account, 10**6 * TOKEN, self.disputes)
        boa.env.time_travel(seconds=15 * 86_400)
        boa.env.evm.patch.block_number += 200

    def set(self, name: str, value: int) -> None:
        """Set a parameter of disputes."""
        self.world.parameters.set(PARAMETERS[name], value, sender=self.world.deployer)

    def decide(self, votes: Sequence[Sequence[bool]], **changes: Any) -> tuple[int, bytes, bytes]:
        """Take a submission through a review with these votes of its five members; return its number and the verdict."""
        world, records = self.world, len(votes[0])
        submission = world.submit(world.open(**changes), records)
        world.draw(submission)
        self.bitmaps = [openings.pack(vote) for vote in votes]
        world.review_jointly(submission, self.bitmaps)
        count = openings.count_first(self.bitmaps, 4, records)
        return submission, count.rejected, count.hung

    def challenge(
        self, submission: int, mask: int, verdict: tuple[bytes, bytes], word: int = 0, sender: str = ""
    ) -> int:
        """Challenge as the challenger."""
        return int(
            self.disputes.challenge(submission, word, mask, *verdict, sender=sender or self.challenger)
        )

    def draw(self, case: int) -> juries.Jury:
        """Draw the next jury as soon as that is possible."""
        target, now = self.disputes.target_block(case), boa.env.evm.patch.block_number
        if now > target + 255 or now // 100 > target // 100:
            self.disputes.redraw(case, sender=self.world.outsider)
        boa.env.time_travel(
            blocks=max(0, self.disputes.target_block(case) + 1 - boa.env.evm.patch.block_number)
        )
        self.disputes.draw(case, sender=self.world.outsider)
        return self.jury(case)

    def jury(self, case: int) -> juries.Jury:
        """The state of the case's jury."""
        return juries.unpack(self.disputes.jury_of(case))

    def account(self, case: int, seat: int) -> str:
        """Who sits there."""
        return str(self.world.stakes.account_of(self.disputes.juror(case, seat)))

    def commit(self, case: int, seat: int, vote: int, is_faultless: bool = False) -> None:
        """Commit to a vote."""
        salt = openings.keccak(f"{case} {seat}".encode())
        self.secrets[case, seat] = vote, is_faultless, salt
        account = self.account(case, seat)
        made = juries.commitment(juries.Vote(vote, is_faultless, salt), case, account, self.jury(case).round)
        self.disputes.commit(case, seat, made, sender=account)

    def reveal(self, case: int, seat: int) -> None:
        """Open a vote."""
        self.disputes.reveal(case, seat, *self.secrets[case, seat], sender=self.world.outsider)

    def vote(self, case: int, votes: Sequence[int | None]) -> None:
        """Let the seats of the current round vote in turn and count them: None stays away."""
        jury = self.jury(case)
        seats = range(jury.first, jury.size)
        for seat, vote in zip(seats, votes, strict=True):
            if vote is not None:
                self.commit(case, seat, vote)
        if None in votes:
            self.world.wait(3600)
        for seat, vote in zip(seats, votes, strict=True):
            if vote is not None:
                self.reveal(case, seat)
        self.disputes.tally(case, sender=self.world.outsider)

    def conclude(self, case: int) -> None:
        """Wait for the appeal window to pass, and conclude."""
        self.world.wait(max(0, self.jury(case).appeal_until - self.world.now))
        self.disputes.conclude(case, sender=self.world.outsider)

    def slash(self, submission: int) -> None:
        """Show the first round's votes, once no more can be challenged."""
        until = self.disputes.trial_of(submission).challenge_until
        self.world.wait(max(0, until - self.world.now))
        self.show(submission)

    def show(self, submission: int) -> None:
        """Show the first round's votes now."""
        seats = len(self.bitmaps)
        accounts = self.world.committees.accounts(submission)[:seats]
        self.reversals.slash(
            submission, 1, (1 << seats) - 1, accounts, b"".join(self.bitmaps), [], sender=self.world.outsider
        )

    def execute(self, submission: int, verdict: tuple[bytes, bytes]) -> None:
        """Put the ruling in the verdict's place."""
        self.disputes.execute(submission, *verdict, sender=self.world.outsider)

    def collect(self, case: int) -> Any:
        """Share out the money; return the event."""
        self.disputes.collect(case, sender=self.world.outsider)
        return self.world.events(self.disputes, "CaseCollected")[0]

    def balance(self) -> int:
        """What Disputes holds."""
        return int(self.world.token.balanceOf(self.disputes))
