"""The demo's story: the worked example to the last unit, then a market of digits, on the embedded chain with the real contracts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf import actions
from sheaf.actions.ledgers import Ledger, ledgers
from sheaf.actions.status import Status
from sheaf.bootstrap import judge, local
from sheaf.cli.demo import digits
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import SheafError
from sheaf.domain.ids import SubmissionId
from sheaf.domain.request import CheckUse, Request, Specification
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.validator import Validator
from sheaf.verification.judges import KINDS

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.chain.devchain import Devchain
    from sheaf.nodes.loop import Role

JUDGES = KINDS
"""The validators' judges: as many different classifiers, each trained by its validator on the buyer's sample. A hung record needs 11."""

STAKE = 20_000 * WAD
PATIENCE = 600


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one contributor: amounts in smallest units, refused records with their reasons."""

    habit: str
    submission: int
    records: int
    approved: int
    rejected: int
    hung: int
    paid: int
    forfeited: int
    refused: list[tuple[int, str]]
    blocks_to_payment: int
    seconds_to_payment: int


class WorkedExample(msgspec.Struct, frozen=True, kw_only=True):
    """The worked example's outcome in smallest units, and its ledgers."""

    contributor: int
    validators: int
    left: int
    ledgers: tuple[Ledger, ...]


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """The digits market's outcome: who was paid and why, how good the bought set is, what it cost."""

    sellers: list[Seller]
    reviewers: dict[str, int]
    ledgers: tuple[Ledger, ...]
    bought: int
    precision: float
    recall: float
    gas: int
    gas_per_record: float
    blocks: int
    wall_seconds: float
    bundle_is_valid: bool
    licence: str

    @property
    def conserved(self) -> bool:
        """Whether no ledger lost or gained a unit."""
        return all(ledger.is_conserved for ledger in self.ledgers)


@dataclass
class World:
    """The embedded market and its validators, with a word for whoever watches."""

    market: Context
    members: list[Context]
    custodian: Context
    watch: Callable[[str], None]
    seed: int

    @classmethod
    def build(cls, seed: int, watch: Callable[[str], None]) -> World:
        """Start the embedded chain, deploy the contracts, stake the validators and wait until their weight counts."""
        watch("starting the embedded chain and deploying the contracts")
        market = local(seed=seed)
        members = []
        for number, name in enumerate(JUDGES):
            watch(f"staking validator {number + 1} of {len(JUDGES)}")
            member = actions.local_account(market, f"validator {name}", tokens=2 * STAKE, seed=seed)
            actions.stake(member, STAKE)
            members.append(member)
        custodian = actions.local_account(market, "custodian", seed=seed)
        _engine(market).mine(market.chain.call("Stakes", "period_blocks"))
        return cls(market, members, custodian, watch, seed)

    def account(self, name: str, whole_tokens: int) -> Context:
        """Return a new funded account."""
        return actions.local_account(self.market, name, tokens=whole_tokens * WAD, seed=self.seed)

    def roles(self, judges: tuple[str, ...]) -> list[Role]:
        """Return the running parts: the custodian and one validator per account, judge by judge."""
        found: list[Role] = [Custodian(self.custodian)]
        for member, name in zip(self.members, judges, strict=True):
            found.append(Validator(member, judge(name, self.seed)))
        return found

    def play(self, roles: list[Role], submissions: list[SubmissionId]) -> None:
        """Let every role take its turns, block by block, until all submissions are settled and delivered."""
        engine = _engine(self.market)
        for _ in range(PATIENCE):
            done = sum(role.tick() for role in roles)
            states = [actions.status(self.market, number) for number in submissions]
            ended = sum(state.phase in ("settled", "void") for state in states)
            self.watch(f"block {self.market.chain.block().number}: {_phases(states)}")
            if ended == len(states) and not done:
                return
            engine.mine(1)
            if not done:
                _advance(self.market, states)
        raise SheafError(f"the market did not settle within {PATIENCE} rounds: {_phases(states)}")


def worked_example(world: World) -> WorkedExample:
    """Replay the worked example: 500 escrowed, 50 labelled records at 1 each, reviewed by objective checks, all approved."""
    buyer, contributor = world.account("first buyer", 1_000), world.account("first contributor", 1_000)
    wanted = Specification(
        title="Fifty labelled digits", schema=digits.SCHEMA, licence="CC0-1.0", checks=_checks("request")
    )
    request = actions.open_request(buyer, wanted, price=WAD, escrow=500 * WAD, record_limit=50)
    pixels, labels = digits.load(world.seed)
    number = actions.submit(
        contributor, request.id, digits.table(pixels[:50], labels[:50]), custodian=world.custodian.account
    )
    before = actions.balances(contributor).tokens
    world.play(world.roles(("checks-only",) * len(world.members)), [number])
    state = actions.status(world.market, number)
    bond = world.market.chain.events("Requests", "SubmissionMade", 0, submission=number)[0].args["bond"]
    actions.claim(contributor, number)
    received = actions.balances(contributor).tokens - before - bond
    if received != state.paid:
        raise SheafError(f"worked example: the contributor received {received}, the ledger says {state.paid}")
    reviewers = sum(actions.owed(world.market, member.account) for member in world.members)
    left = actions.show_request(world.market, request.id).free
    return WorkedExample(
        contributor=received, validators=reviewers, left=left, ledgers=ledgers(world.market, request.id)
    )


def digits_market(world: World) -> Market:
    """Buy labelled digits from nine contributors, of whom three are not honest; nothing of the outcome is scripted."""
    sample, offers = digits.offers(world.seed)
    total = sum(offer.records.num_rows for offer in offers)
    buyer = world.account("buyer", 3_000)
    people = [world.account(f"contributor {number}", 1_000) for number in range(len(offers))]
    started, first_block = time.perf_counter(), world.market.chain.block().number
    wanted = Specification(
        title="Handwritten digits with labels",
        description="Images of 8 × 8 pixels, 0 (white) to 16 (black), with the digit they show.",
        instructions="Approve a record when its label is the digit that the image shows.",
        schema=digits.SCHEMA,
        label="digit",
        licence="CC-BY-4.0",
        checks=_checks("market"),
    )
    wanted = msgspec.structs.replace(wanted, sample=actions.publish_sample(buyer, sample, wanted))
    request = actions.open_request(buyer, wanted, price=WAD, escrow=1_500 * WAD, record_limit=total)
    owed_before = {member.account: actions.owed(world.market, member.account) for member in world.members}
    roles, submissions = world.roles(JUDGES), []
    pairs = list(zip(people, offers, strict=True))
    for wave in (pairs[:7], pairs[7:]):
        keeper = world.custodian.account
        sent = [
            actions.submit(person, request.id, offer.records, custodian=keeper, is_forced=True)
            for person, offer in wave
        ]
        world.play(roles, sent)
        submissions += sent
    for person, number in zip(people, submissions, strict=True):
        if actions.owed(world.market, person.account):
            actions.claim(person, number)
    last_block = world.market.chain.block().number
    bought, right, licence, is_valid = _inspect(world, buyer, request)
    good = sum(int(offer.is_good.sum()) for offer in offers)
    gas = world.market.chain.gas_used(first_block + 1, last_block)
    return Market(
        sellers=[_seller(world, *row) for row in zip(offers, people, submissions, strict=True)],
        reviewers={
            name: actions.owed(world.market, member.account) - owed_before[member.account]
            for name, member in zip(JUDGES, world.members, strict=True)
        },
        ledgers=ledgers(world.market, request.id),
        bought=bought,
        precision=right / bought if bought else 0.0,
        recall=right / good,
        gas=gas,
        gas_per_record=gas / bought if bought else 0.0,
        blocks=last_block - first_block,
        wall_seconds=time.perf_counter() - started,
        bundle_is_valid=is_valid,
        licence=licence,
    )


def _inspect(world: World, buyer: Context, request: Request) -> tuple[int, int, str, bool]:
    """Download and verify the bought set; count its records, and those that are new, real and rightly labelled."""
    world.watch("downloading and verifying the bought set")
    answers = digits.truth(world.seed)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = actions.download(buyer, request.id, Path(scratch) / "digits")
        is_valid = actions.verify(world.market, bundle).is_valid
        rows = bundle.to_arrow()
        images = np.array(rows["pixels"].to_pylist(), dtype=np.uint8).reshape(-1, 64)
        seen: set[bytes] = set()
        right = 0
        for image, label in zip(images, rows["digit"].to_pylist(), strict=True):
            right += image.tobytes() not in seen and answers.get(image.tobytes()) == label
            seen.add(image.tobytes())
        return rows.num_rows, right, bundle.licence, is_valid


def _seller(world: World, offer: digits.Offer, person: Context, number: SubmissionId) -> Seller:
    state = actions.status(world.market, number)
    reasons = [(finding.record, finding.code) for finding in actions.explain(person, number).findings]
    made = world.market.chain.events("Requests", "SubmissionMade", 0, submission=number)[0]
    done = world.market.chain.events("Requests", "SubmissionSettled", 0, submission=number)[0]
    times = [world.market.chain.block_at(event.block).timestamp for event in (made, done)]
    return Seller(
        habit=offer.habit,
        submission=number,
        records=offer.records.num_rows,
        approved=state.approved,
        rejected=state.rejected,
        hung=offer.records.num_rows - state.approved - state.rejected,
        paid=state.paid,
        forfeited=done.args["forfeited"],
        refused=reasons,
        blocks_to_payment=done.block - made.block,
        seconds_to_payment=times[1] - times[0],
    )


def _checks(scope: str) -> tuple[CheckUse, ...]:
    return CheckUse("commitment"), CheckUse("schema"), CheckUse("duplicates", parameters={"scope": scope})


def _advance(market: Context, states: list[Status]) -> None:
    """Nobody can act: move the embedded chain's clock to the next deadline."""
    now = market.chain.block().timestamp
    waits = [
        at
        for state in states
        for at in (state.commit_until, state.reveal_until, state.settle_after)
        if at and at >= now
    ]
    if waits:
        _engine(market).advance(min(waits) - now + 1)


def _phases(states: list[Status]) -> str:
    counted = {
        phase: sum(state.phase == phase for state in states)
        for phase in dict.fromkeys(state.phase for state in states)
    }
    return ", ".join(f"{count} {phase}" for phase, count in counted.items())


def _engine(market: Context) -> Devchain:
    if market.engine is None:
        raise SheafError("the demo runs on the embedded chain only")
    return market.engine
