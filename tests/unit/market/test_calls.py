"""A submission by the calls upon Escrow, Requests and Reviews alone, on the chain of one process, beside the twins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sheaf.chain.deploy import deploy
from sheaf.chain.devchain import Devchain
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Reverted
from sheaf.market import escrow, requests
from sheaf.review import committees, openings, reviews
from sheaf.store.cid import binary, cid_of

SEATS = 5


@dataclass
class Place:
    """The market on a chain, and its actors."""

    engine: Devchain
    chain: Chain
    governor: Signer
    buyer: Signer
    contributor: Signer
    validators: dict[str, Signer]


@pytest.fixture(scope="module")
def deployed() -> Place:
    engine = Devchain(seed=5)
    signers = [Signer(bytes([0x30 + i]) * 32) for i in range(3 + 12)]
    for signer in signers:
        engine.fund(signer.address, 10**22)
    governor, buyer, contributor, *rest = signers
    chain = Chain(engine, deploy(Chain(engine), governor, "process"))
    chain.send(governor, "Parameters", "set_round", 0, 5, 4)
    for signer in signers[1:]:
        chain.send(governor, "MarketToken", "transfer", signer.address, 10**4 * WAD)
        for spender in ("Escrow", "Stakes"):
            chain.send(signer, "MarketToken", "approve", chain.address_of(spender), 2**255)
    for signer in rest:
        chain.send(signer, "Stakes", "stake", 1000 * WAD)
    engine.mine(16)
    return Place(engine, chain, governor, buyer, contributor, {signer.address: signer for signer in rest})


@pytest.fixture
def place(deployed: Place) -> Iterator[Place]:
    head = deployed.chain.block().number
    yield deployed
    deployed.engine.rollback(head)


def open_and_submit(place: Place, records: int = 50) -> tuple[int, int]:
    spec = cid_of(b"a specification")
    terms = requests.Terms(
        place.chain.address_of("MarketToken"), WAD, 400, 100, place.chain.block().timestamp + 10_000, WAD, spec, 500 * WAD
    )  # fmt: skip
    request = requests.open_request(place.chain, place.buyer, terms)
    found = requests.request(place.chain, request)
    assert (found.spec, found.free, found.fee_free) == (
        spec,
        500 * WAD,
        requests.protocol_fee(place.chain, 500 * WAD),
    )
    bond, reserve = requests.reservation(place.chain, found, records)
    offer = requests.Offer(
        request,
        records,
        b"\1" * 32,
        binary(cid_of(b"records")),
        b"\2" * 32,
        place.contributor.address,
        b"\3" * 32,
    )
    submission = requests.submit(place.chain, place.contributor, offer)
    held = escrow.ledger(place.chain, request)
    assert (held.reserved, held.bonds) == (reserve, bond)
    assert requests.submission(place.chain, submission).records == records
    return request, submission


def draw(place: Place, submission: int) -> tuple[str, ...]:
    target = committees.target_block(place.chain, submission)
    place.engine.mine(max(1, target + 1 - place.chain.block().number))
    committees.draw(place.chain, place.buyer, submission)
    return committees.accounts(place.chain, submission)


def cast(
    place: Place, submission: int, members: tuple[str, ...], votes: dict[int, list[bool]], number: int = 1
) -> tuple[list[openings.Opening], dict[int, bytes]]:
    shown = [
        openings.Opening(seat, members[seat], bytes([seat]) * 32, openings.pack(vote))
        for seat, vote in votes.items()
    ]
    made = {
        one.seat: openings.commitment(one.bitmap, one.salt, submission, one.account, number) for one in shown
    }
    return shown, made


def test_a_submission_from_opening_to_reclaiming(place: Place) -> None:
    """Every call does what it says: 50 approved records pay 50 and 2, the bond returns, and 448 go back to the buyer."""
    chain = place.chain
    request, submission = open_and_submit(place)
    members = draw(place, submission)
    shown, made = cast(place, submission, members, {seat: [False] * 50 for seat in range(SEATS)})
    signed = {
        seat: (made[seat], reviews.sign(chain, place.validators[members[seat]], submission, seat, made[seat]))
        for seat in (0, 2, 4)
    }
    for seat, (committed, signature) in signed.items():
        assert reviews.signer_of(chain, submission, seat, committed, signature) == members[seat]
    assert reviews.signer_of(chain, submission, 0, made[0], b"short") is None
    assert reviews.signer_of(chain, submission, 0, made[0], bytes(64) + b"\x1b") is None
    reviews.commit(chain, place.validators[members[3]], submission, 3, made[3])
    reviews.commit_jointly(chain, place.buyer, submission, signed)
    reviews.commit(chain, place.validators[members[1]], submission, 1, made[1])
    came = {seat: made[seat] for seat in (3, 0, 2, 4, 1)}
    reviews.reveal(chain, place.buyer, submission, shown[2], came, members)
    assert reviews.review(chain, submission).opened_mask == 0b00100
    reviews.tally(chain, place.buyer, submission, reviews.openings_of(shown, came, members, 0))
    state = reviews.review(chain, submission)
    assert (state.phase, state.approved, state.verdict) == (reviews.DECIDED, 50, openings.keccak(bytes(64)))
    place.engine.advance(10)
    assert requests.claim(chain, place.contributor, submission) == 62 * WAD
    with pytest.raises(Reverted, match="requests: not pending"):
        requests.settle(chain, place.contributor, submission)
    token = chain.address_of("MarketToken")
    owed = [escrow.owed(chain, token, account) for account in members]
    assert owed == [4 * WAD // 10] * 5
    assert escrow.withdraw(chain, place.validators[members[0]], token) == 4 * WAD // 10
    requests.fund(chain, place.contributor, request, 5)
    requests.cancel(chain, place.buyer, request)
    assert requests.reclaim(chain, place.buyer, request)[0] == 448 * WAD + 5


def test_a_hung_submission_is_counted_again(place: Place) -> None:
    """The second round goes on from what the first left, as the event gives it."""
    chain = place.chain
    _, submission = open_and_submit(place)
    members = draw(place, submission)
    torn = {seat: [seat < 2] * 50 for seat in range(SEATS)}
    shown, made = cast(place, submission, members, torn)
    for seat, committed in made.items():
        reviews.commit(chain, place.validators[members[seat]], submission, seat, committed)
    receipt = reviews.tally(chain, place.buyer, submission, reviews.openings_of(shown, made, members, 0))
    carried = receipt.event("RoundHung").args["carried"]
    assert reviews.review(chain, submission).phase == reviews.HUNG
    with pytest.raises(Reverted, match="reviews: may still be enlarged"):
        reviews.finalise(chain, place.buyer, submission)
    members = draw(place, submission)
    more = {seat: [False] * 50 for seat in range(SEATS, 11)}
    shown, made = cast(place, submission, members, more, 2)
    for seat, committed in made.items():
        reviews.commit(chain, place.validators[members[seat]], submission, seat, committed)
    place.engine.advance(601)
    reviews.reveal(chain, place.buyer, submission, shown[0], made, members[SEATS:], SEATS)
    reviews.tally(
        chain, place.buyer, submission, reviews.openings_of(shown, made, members[SEATS:], SEATS, carried)
    )
    assert reviews.review(chain, submission).approved == 50


def test_an_arbiter_holds_and_rules(place: Place) -> None:
    """A held review is settled by the ruling."""
    chain = place.chain
    _, submission = open_and_submit(place)
    members = draw(place, submission)
    shown, made = cast(place, submission, members, {seat: [True] * 50 for seat in range(SEATS)})
    for seat, committed in made.items():
        reviews.commit(chain, place.validators[members[seat]], submission, seat, committed)
    chain.send(place.governor, "Reviews", "propose_arbiter", place.buyer.address)
    place.engine.advance(1)
    reviews.tally(chain, place.buyer, submission, reviews.openings_of(shown, made, members, 0))
    reviews.hold(chain, place.buyer, submission)
    reviews.rule(chain, place.buyer, submission, bytes(32), bytes(32))
    assert requests.claim(chain, place.contributor, submission) == 62 * WAD


def test_a_submission_that_nobody_draws_is_voided(place: Place) -> None:
    """Its bond is owed to the contributor, who withdraws it."""
    _, submission = open_and_submit(place)
    place.engine.mine(301)
    requests.void(place.chain, place.buyer, submission)
    token = place.chain.address_of("MarketToken")
    assert escrow.withdraw(place.chain, place.contributor, token) == 12 * WAD
