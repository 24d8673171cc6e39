"""Gas of one request with one submission, all in: every transaction from opening to claiming, as receipts state it.

Each figure is the sum over open, submit, draw, commits, reveals, tally, settle and claim, divided by the records that are paid. Gas is
that of real transactions on the embedded chain under Prague rules: base fee of 21,000, calldata with its floor (EIP-7623), refunds.

    joint       one transaction commits for all five seats, one opens and counts
    separate    five commits, five reveals on chain, one tally
    first       nobody has been here before: all balances and credits begin at zero
    warmed      buyer, contributor and validators have done this before, and what validators and treasury are owed is not withdrawn

Votes are those of five honest reviewers of a good batch: no record is rejected. `noisy` has one seat in five reject every record at
random with probability 1/2: the dearest calldata there is, with the same verdict.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks.report import Figure, Options, main
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.review.openings import Opening
    from sheaf.review.reviews import Openings
    from sheaf.review.scores import Gold

WAD = 10**18
SEATS = 5
SIZES = (1, 50, 1024, 16_384)
LIMITS = {1024: (900, 1200), 16_384: (90, 110)}
"""Records: gas per record to aim at, and not to exceed."""
PLAIN = {1024: 909.322, 16_384: 84.105}
"""Gas per record of the plain loop (no votes kept, no gold committed to, no fee factors read) and votes of `looking`; joint, warmed."""
ADDED = 0.25
VANA_CONTRIBUTION = 1_712_138
OCEAN_PURCHASE = 356_660
"""Peers' gas, from receipts of their own contracts: one contributed file of a repeat contributor; a first purchase of one access."""


@dataclass
class Steps:
    """Gas by step."""

    gas: dict[str, int] = field(default_factory=dict)

    def add(self, step: str, receipt: Receipt) -> Receipt:
        """Add a transaction's gas to a step."""
        self.gas[step] = self.gas.get(step, 0) + receipt.gas_used
        return receipt

    @property
    def total(self) -> int:
        """All steps together."""
        return sum(self.gas.values())


class Market:
    """A market on the embedded chain with just the validators that a committee needs, all in one place."""

    def __init__(self) -> None:
        from sheaf.chain.deploy import deploy
        from sheaf.chain.devchain import Devchain
        from sheaf.chain.rpc import Chain

        self.engine = Devchain()
        chain = Chain(self.engine)
        self.governor = self._signer(1)
        self.chain: Chain = Chain(self.engine, deploy(chain, self.governor, "process"))
        self.token = self.chain.address_of("MarketToken")
        self.buyer, self.contributor = self._funded(2), self._funded(3)
        validators = [self._funded(10 + i) for i in range(SEATS)]
        self.validators = {signer.address: signer for signer in validators}
        for signer in self.validators.values():
            self.chain.send(signer, "Stakes", "stake", 10_000 * WAD)
        self.engine.mine(20)

    def _signer(self, number: int) -> Signer:
        from sheaf.chain.signer import Signer

        signer = Signer(number.to_bytes(32, "big"))
        self.engine.fund(signer.address, 10**20)
        return signer

    def _funded(self, number: int) -> Signer:
        signer = self._signer(number)
        self.chain.send(self.governor, "MarketToken", "transfer", signer.address, 100_000 * WAD)
        for spender in ("Escrow", "Stakes"):
            self.chain.send(signer, "MarketToken", "approve", self.chain.address_of(spender), 2**256 - 1)
        return signer

    def run(
        self, records: int, bitmaps: Sequence[bytes], *, is_joint: bool, price: int, rating: str = ""
    ) -> Steps:
        """Take one request with one submission from opening to the contributor's claim.

        `rating` is "score" or "gold", which on the joint path are one transaction with the count; "score apart" or "gold apart" where
        the votes are shown again after it.
        """
        from sheaf.review import scores

        steps = Steps()
        gold = _gold(records, self.contributor.address)
        submission = self._offer(steps, records, price, gold)
        self._draw(steps, submission)
        members = [Address(one) for one in self.chain.call("Committees", "accounts", submission)]
        kind, _, is_apart = rating.partition(" ")
        rated = self._rated(submission, bitmaps, gold) if kind == "gold" else None
        if is_joint:
            opened = self._commit_jointly(steps, submission, members, bitmaps)
        else:
            opened = self._reveal_alone(steps, submission, members, bitmaps)
        self._count(steps, submission, opened, ("" if is_apart else kind, rated))
        if is_apart:
            votes = scores.votes_in(opened)
            poster = self.validators[members[0]]
            steps.add(kind, scores.score(self.chain, poster, submission, votes, rated))
        self.engine.advance(10)
        steps.add("claim", self.chain.send(self.contributor, "Requests", "claim", submission))
        return steps

    def _rated(self, submission: int, bitmaps: Sequence[bytes], gold: Gold) -> Gold:
        """Return gold with the keeper's signature and the verdict that it is shown for."""
        from sheaf.review import openings, scores

        signed = scores.sign_gold(self.chain, self.buyer, submission, self.contributor.address, gold)
        count = openings.count_first(bitmaps, 4, 8 * len(gold.positions))
        return replace(gold, signature=signed, rejected=count.rejected, hung=bytes(len(count.hung)))

    def _count(
        self, steps: Steps, submission: int, opened: Openings, rating: tuple[str, Gold | None]
    ) -> None:
        from sheaf.review import reviews, scores

        poster, (kind, gold) = self.validators[Address(opened.accounts[0])], rating
        if not kind:
            steps.add("tally", reviews.tally(self.chain, poster, submission, opened))
            return
        votes = scores.votes_in(opened)
        steps.add(kind, scores.score(self.chain, poster, submission, votes, gold, opened))

    def _offer(self, steps: Steps, records: int, price: int, gold: Gold) -> int:
        deadline = self.chain.block().timestamp + 100_000
        cid = _cid(records)
        amount = records * price * 105 // 100 + price
        terms = (self.token, price, 400, records, deadline, WAD, cid, amount)
        opened = steps.add("open", self.chain.send(self.buyer, "Requests", "open", terms))
        request = int(opened.event("RequestOpened").args["request"])
        offer = (request, records, cid[4:], cid, cid[4:], self.contributor.address, gold.commitment)
        made = steps.add("submit", self.chain.send(self.contributor, "Requests", "submit", *offer))
        return int(made.event("SubmissionMade").args["submission"])

    def _draw(self, steps: Steps, submission: int) -> None:
        target = self.chain.call("Committees", "target_block", submission)
        self.engine.mine(max(0, target + 1 - self.chain.block().number))
        steps.add("draw", self.chain.send(self.contributor, "Committees", "draw", submission))

    def _commit_jointly(
        self, steps: Steps, submission: int, members: Sequence[Address], bitmaps: Sequence[bytes]
    ) -> Openings:
        from sheaf.review import reviews

        shown, made = self._votes(submission, members, bitmaps)
        poster = self.validators[members[0]]
        signed = {
            seat: (
                committed,
                reviews.sign(self.chain, self.validators[members[seat]], submission, seat, committed),
            )
            for seat, committed in made.items()
        }
        steps.add("commit", reviews.commit_jointly(self.chain, poster, submission, signed))
        return reviews.openings_of(shown, made, members, 0)

    def _reveal_alone(
        self, steps: Steps, submission: int, members: Sequence[Address], bitmaps: Sequence[bytes]
    ) -> Openings:
        from sheaf.review import reviews

        shown, made = self._votes(submission, members, bitmaps)
        for one in shown:
            signer = self.validators[members[one.seat]]
            steps.add("commit", reviews.commit(self.chain, signer, submission, one.seat, made[one.seat]))
        for one in shown:
            signer = self.validators[members[one.seat]]
            steps.add("reveal", reviews.reveal(self.chain, signer, submission, one, made, members))
        return reviews.openings_of(shown, made, members, 0)

    def _votes(
        self, submission: int, members: Sequence[Address], bitmaps: Sequence[bytes]
    ) -> tuple[list[Opening], dict[int, bytes]]:
        from sheaf.review.openings import Opening, commitment

        salt = random.Random(submission).randbytes(32)
        shown = [
            Opening(seat, member, salt, bitmap)
            for seat, (member, bitmap) in enumerate(zip(members, bitmaps, strict=True))
        ]
        made = {one.seat: commitment(one.bitmap, one.salt, submission, one.account, 1) for one in shown}
        return shown, made


def _cid(records: int) -> bytes:
    return bytes.fromhex("01551220") + random.Random(records).randbytes(32)


def _gold(records: int, custodian: Address) -> Gold:
    """Return gold in every seventh record, at most as many as a batch may have, half of it wrong."""
    from eth_utils.crypto import keccak

    from sheaf.review.openings import pack
    from sheaf.review.scores import GOLD_LIMIT, Gold

    cid, step = _cid(records), max(7, -(-records // GOLD_LIMIT))
    positions = pack([i % step == 0 for i in range(records)])
    wrong = pack([i % (2 * step) == 0 for i in range(records)])
    return Gold(positions, wrong, bytes(32), cid[4:], keccak(cid), cid[4:], custodian)


def looking(records: int) -> list[bytes]:
    """Return five bitmaps that reject the wrong gold, each of them with an error in twenty records, no two in the same."""
    from sheaf.review.openings import is_marked, pack

    random_ = random.Random(records)
    wrong = _gold(records, Address("")).wrong
    errs = [random_.randrange(20) for _ in range(records)]
    return [pack([is_marked(wrong, i) != (errs[i] == seat) for i in range(records)]) for seat in range(SEATS)]


def approving(records: int) -> list[bytes]:
    """Return five bitmaps that reject nothing."""
    from sheaf.review.openings import bitmap_bytes

    return [bytes(bitmap_bytes(records))] * SEATS


def noisy(records: int) -> list[bytes]:
    """Return five bitmaps with one rejection in all of every other record, by a seat drawn at random."""
    from sheaf.review.openings import pack

    random_ = random.Random(records)
    owner = [random_.randrange(SEATS) if random_.random() < 0.5 else -1 for _ in range(records)]
    return [pack([seat == who for who in owner]) for seat in range(SEATS)]


def gas_by_step(
    records: int,
    *,
    is_joint: bool,
    is_warmed: bool,
    votes: Callable[[int], list[bytes]] = approving,
    rating: str = "",
) -> Steps:
    """Return the gas of every step for one request with one submission of `records` records and five reviewers."""
    market = Market()
    price = 100 * WAD // records
    if is_warmed:
        for _ in range(2):
            market.run(
                records,
                looking(records) if rating else approving(records),
                is_joint=is_joint,
                price=price,
                rating=rating,
            )
    return market.run(records, votes(records), is_joint=is_joint, price=price, rating=rating)


def measure(options: Options) -> list[Figure]:
    """Measure all sizes and paths."""
    figures = []
    for records in SIZES:
        for path, is_joint in (("joint", True), ("separate", False)):
            for use, is_warmed in (("warmed", True), ("first", False)):
                steps = gas_by_step(records, is_joint=is_joint, is_warmed=is_warmed)
                figures.append(_figure(f"{path}_{use}_{records}", steps.total / records, records, path))
                if is_joint and is_warmed:
                    figures += _beside_peers(steps.total, records)
                    figures += [
                        Figure(f"{step}_{records}", gas, "gas", target=None)
                        for step, gas in steps.gas.items()
                    ]
    for records in (1024, 16_384):
        steps = gas_by_step(records, is_joint=True, is_warmed=True, votes=noisy)
        figures.append(_figure(f"joint_warmed_noisy_{records}", steps.total / records, records, "joint"))
        figures += _rated(records)
    return figures


def _rated(records: int) -> list[Figure]:
    """Return what rating adds to the plain loop: by agreement alone and with gold, with the count or in a transaction of its own."""
    figures = []
    for rating in ("score", "gold", "score apart", "gold apart"):
        steps = gas_by_step(records, is_joint=True, is_warmed=True, votes=looking, rating=rating)
        kind, name = rating.split()[0], rating.replace(" ", "_")
        added = steps.total / records / PLAIN[records] - 1
        figures.append(Figure(f"{name}_{records}", steps.gas[kind], "gas", target=None))
        figures.append(
            Figure(f"joint_warmed_{name}_{records}", steps.total / records, "gas per record", target=None)
        )
        if name == kind:
            against = "the most that rating may add to the plain loop"
            figures.append(Figure(f"added_by_{name}_{records}", added, "share", limit=ADDED, against=against))
        else:
            figures.append(Figure(f"added_by_{name}_{records}", added, "share", target=None))
    return figures


def _figure(name: str, value: float, records: int, path: str) -> Figure:
    unit = "gas per record"
    if records in LIMITS:
        aim, most = LIMITS[records]
        is_joint = path == "joint"
        against = "the aim, all in" if is_joint else "the most, all in"
        return Figure(name, value, unit, limit=aim if is_joint else most, against=against)
    return Figure(name, value, unit, target=None)


def _beside_peers(total: int, records: int) -> list[Figure]:
    """Hold a whole batch against one contribution to Vana, and one paid record against one purchase at Ocean."""
    vana, ocean = "Vana: one contributed file, repeat contributor", "Ocean: a first purchase of one access"
    return [
        Figure(f"batch_{records}", total, "gas", peer=VANA_CONTRIBUTION, against=vana),
        Figure(
            f"record_of_{records}",
            total / records,
            "gas",
            peer=OCEAN_PURCHASE,
            against=ocean,
            target=1.0 if records > 1 else None,
        ),
    ]


if __name__ == "__main__":
    main("gas", measure)
