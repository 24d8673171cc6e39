"""A whole market in titanoboa: contracts joined as on a network, validators staked, and a driver for each step of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boa
from eth_account import Account

from sheaf.review import openings, reviews
from sheaf.review.openings import Opening

CONTRACTS = Path(__file__).resolve().parents[2] / "src" / "sheaf" / "contracts"
MOCKS = Path(__file__).resolve().parents[1] / "mocks"
TOKEN = 10**18
CID = bytes.fromhex("01551220") + bytes(range(32))
ROOT, KEY, GOLD = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
FOREVER = 2**255
PARAMETERS = {"commit_seconds": 0, "reveal_seconds": 1, "challenge_seconds": 2, "draw_delay_blocks": 3, "draw_blocks": 4,
              "missing_reveal_bps": 6, "ruling_seconds": 7, "protocol_fee_bps": 8, "bond_percent": 9, "paused": 13,
              "record_max": 15, "jail_seconds": 29, "jail_slash_bps": 30, "skill_bps": 31}  # fmt: skip


def source(path: str) -> Any:
    """Return the compiled contract at `path` under the contracts' folder."""
    return boa.load_partial(str(CONTRACTS / path))


def key_of(role: str, number: int = 0) -> Any:
    """Return the key pair of an actor: the same for the same role and number."""
    return Account.from_key(openings.keccak(f"{role} {number}".encode()))


@dataclass
class World:
    """The deployed contracts, the actors, and what each seat knows of its own vote."""

    members: int = 24
    stake: int = 10_000 * TOKEN
    beacon: str = "BlockBeacon"
    is_test: bool = True
    secrets: dict[tuple[int, int], Opening] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployer, self.buyer, self.contributor, self.outsider = (
            key_of(role).address for role in ("deployer", "buyer", "contributor", "outsider")
        )
        self.keys = {key.address: key for key in (key_of("validator", i) for i in range(self.members))}
        with boa.env.prank(self.deployer):
            self.token = source("rewards/MarketToken.vy").deploy(self.deployer, 10**9 * TOKEN)
            self.parameters = source("governance/Parameters.vy").deploy(self.deployer, self.is_test)
            self.stakes = source("review/Stakes.vy").deploy(
                self.token, self.parameters, 100, 7 * 86_400, TOKEN, 10**6 * TOKEN
            )
            self.lots = source(f"review/{self.beacon}.vy").deploy()
            self.committees = source("review/Committees.vy").deploy(self.parameters, self.stakes, self.lots)
            self.reviews = source("review/Reviews.vy").deploy(self.parameters, self.committees, self.stakes)
            self.escrow = source("market/Escrow.vy").deploy()
            self.standing = source("review/Standing.vy").deploy(self.parameters)
            self.requests = source("market/Requests.vy").deploy(
                self.parameters, self.escrow, self.token, self.standing
            )
            self.escrow.wire(self.requests)
            self.scores = source("review/Scores.vy").deploy(self.parameters, self.reviews, self.stakes)
            self.scores.wire(self.requests)
            self.standing.wire(self.scores, self.stakes)
            self.requests.wire(self.committees, self.reviews, self.scores)
            self.custody = source("review/Custody.vy").deploy(
                self.token, self.parameters, self.requests, self.committees, self.reviews
            )
            self.reviews.wire(self.requests, self.custody)
            self.committees.wire(self.requests, self.reviews)
            self.stakes.appoint(self.committees.address, 4)
            self.stakes.appoint(self.reviews.address, 1)
            self.stakes.appoint(self.scores.address, 2)
            self.stakes.appoint(self.standing.address, 8)
        for account in self.keys:
            self.give(account, self.stake, self.stakes)
            self.stakes.stake(self.stake, sender=account)
        for account in (self.buyer, self.contributor, self.outsider):
            self.give(account, 10**6 * TOKEN, self.escrow)
        boa.env.time_travel(blocks=200)

    def give(self, account: str, amount: int, spender: Any) -> None:
        """Give tokens and let `spender` take them."""
        self.token.transfer(account, amount, sender=self.deployer)
        self.token.approve(spender, FOREVER, sender=account)

    def set(self, name: str, value: int) -> None:
        """Set a parameter."""
        self.parameters.set(PARAMETERS[name], value, sender=self.deployer)

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """Return terms of a request that can be opened, with some of them changed."""
        standard = {
            "token": self.token.address, "price": TOKEN, "fee_bps": 400, "record_limit": 10**6, "deadline": self.now + 86_400,
            "lock_rate_wad": TOKEN, "spec": CID, "amount": 500 * TOKEN,
        }  # fmt: skip
        return tuple((standard | changes).values())

    def open(self, **changes: Any) -> int:
        """Open a request as the buyer."""
        return int(self.requests.open(self.terms(**changes), sender=self.buyer))

    def submit(self, request: int, records: int = 50, **changes: Any) -> int:
        """Submit as the contributor."""
        offer = {"root": ROOT, "cid": CID, "key": KEY, "custodian": self.contributor, "gold": GOLD} | changes
        sender = offer.pop("sender", self.contributor)
        return int(self.requests.submit(request, records, *offer.values(), sender=sender))

    def draw(self, submission: int) -> Any:
        """Draw the next committee of a submission, as soon as that is possible."""
        target = self.committees.target_block(submission)
        period = boa.env.evm.patch.block_number // 100
        if boa.env.evm.patch.block_number > target + 255 or period > target // 100:
            self.committees.redraw(submission, sender=self.outsider)
            target = self.committees.target_block(submission)
        boa.env.time_travel(blocks=max(0, target + 1 - boa.env.evm.patch.block_number))
        self.committees.draw(submission, sender=self.outsider)
        return self.committees.committee(submission)

    @property
    def now(self) -> int:
        """The time of the current block."""
        return int(boa.env.evm.patch.timestamp)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        boa.env.time_travel(seconds=seconds)

    def vote(self, submission: int, seat: int, bitmap: bytes, number: int = 1) -> bytes:
        """Fix the vote of a seat and return its commitment."""
        account = self.committees.seat_account(submission, seat)
        salt = openings.keccak(f"salt {submission} {seat}".encode())
        self.secrets[submission, seat] = Opening(seat, account, salt, bitmap)
        return openings.commitment(bitmap, salt, submission, account, number)

    def signature(self, submission: int, seat: int, commitment: bytes) -> bytes:
        """Return the seat's validator's signature over its commitment."""
        key = self.keys[self.committees.seat_account(submission, seat)]
        data = openings.typed_data(
            boa.env.evm.patch.chain_id, self.reviews.address, submission, seat, commitment
        )
        return bytes(key.sign_typed_data(*data).signature)

    def commit(self, submission: int, seat: int, bitmap: bytes, number: int = 1) -> bytes:
        """Commit alone."""
        commitment = self.vote(submission, seat, bitmap, number)
        account = self.committees.seat_account(submission, seat)
        self.reviews.commit(submission, seat, commitment, sender=account)
        return commitment

    def commit_jointly(self, submission: int, bitmaps: dict[int, bytes], number: int = 1) -> dict[int, bytes]:
        """Commit for a group."""
        made = {seat: self.vote(submission, seat, bitmap, number) for seat, bitmap in sorted(bitmaps.items())}
        signatures = [self.signature(submission, seat, commitment) for seat, commitment in made.items()]
        group = sum(1 << seat for seat in made)
        self.reviews.commit_jointly(submission, group, list(made.values()), signatures, sender=self.outsider)
        return made

    def openings(
        self,
        submission: int,
        seats: Sequence[int],
        commitments: dict[int, bytes],
        first: int = 0,
        carried: Sequence[int] = (),
    ) -> reviews.Openings:
        """Return the arguments of a tally; `commitments` in the order in which they were made."""
        shown = [self.secrets[submission, seat] for seat in seats]
        members = self.committees.accounts(submission)[first:]
        return reviews.openings_of(shown, commitments, members, first, carried)

    def tally(self, submission: int, opened: reviews.Openings, sender: str | None = None) -> None:
        """Count."""
        self.reviews.tally(
            submission, opened.mask, opened.accounts, opened.salts, opened.bitmaps, opened.order, opened.joint, opened.carried,
            sender=sender or self.outsider,
        )  # fmt: skip

    def review_jointly(
        self, submission: int, bitmaps: Sequence[bytes], first: int = 0, carried: Sequence[int] = ()
    ) -> None:
        """Commit and count a whole round in two transactions."""
        number = 1 if first == 0 else 2
        made = self.commit_jointly(
            submission, {first + i: bitmap for i, bitmap in enumerate(bitmaps)}, number
        )
        self.tally(submission, self.openings(submission, list(made), made, first, carried))

    def decide(
        self, records: int = 50, rejected: Sequence[bool] | None = None, **changes: Any
    ) -> tuple[int, int]:
        """Take a submission through a unanimous review; return request and submission."""
        request = self.open(**changes)
        submission = self.submit(request, records)
        seats = self.draw(submission).size
        self.review_jointly(submission, [openings.pack(rejected or [False] * records)] * seats)
        return request, submission

    def past_challenge(self) -> None:
        """Let the challenge window pass."""
        self.wait(self.parameters.get(2) + 1)

    def events(self, contract: Any, name: str) -> list[Any]:
        """Return the events of the last transaction."""
        return [event for event in contract.get_logs() if type(event).__name__ == name]
