"""Attacks on the ledgers: tokens that misbehave, doors in the wrong order, amounts at the edges. None may move a unit that is not due."""

from __future__ import annotations

from itertools import product
from typing import Any

import boa
import pytest

from tests.contracts.market.desk import BUYER, CONTRIBUTOR, OUTSIDER, SEATS, TREASURY, Desk, deploy_desk
from tests.contracts.market_world import CID, GOLD, KEY, MOCKS, ROOT, TOKEN, World

ZERO = "0x" + "00" * 20
PEOPLE = (BUYER, CONTRIBUTOR, OUTSIDER, TREASURY, *SEATS)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def hooked() -> Any:
    token = boa.load_partial(str(MOCKS / "HookedToken.vy")).deploy()
    for account in (token.address, BUYER, CONTRIBUTOR, OUTSIDER):
        token.set_balance(account, 10**6)
    return token


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Requests and Escrow that pay in the stake token."""
    return deploy_desk()


@pytest.fixture(scope="module")
def trap(hooked: Any) -> Desk:
    """Requests and Escrow that pay in a token of the attacker's."""
    return deploy_desk(hooked)


def cover(desk: Desk, *others: str) -> int:
    """Return what the escrow holds beyond its ledgers and what it owes: zero, if every unit is accounted for."""
    ledgers = [desk.escrow.ledger(i + 1) for i in range(desk.requests.request_count())]
    held = sum(sum(tuple(one)[1:]) for one in ledgers if one.token == desk.token.address)
    return int(desk.token.balanceOf(desk.escrow)) - held - sum(desk.owed(one) for one in (*PEOPLE, *others))


def test_a_token_with_rights_of_its_own_cannot_come_in_again(trap: Desk, hooked: Any) -> None:
    """A token that is buyer, contributor and creditor calls back before and after each transfer: no call moves money twice."""
    desk, me = trap, hooked.address
    own = int(desk.requests.open(desk.terms(record_limit=500), sender=me))
    request = desk.open()
    pending, decided, paid = (desk.submit(request, 10, sender=me) for _ in range(3))
    for submission in (decided, paid):
        desk.decide(submission, 5, 5)
    desk.requests.settle(paid, sender=me)
    desk.requests.cancel(own, sender=me)
    offer = (request, 1, ROOT, CID, KEY, me, GOLD)
    calls = {
        "reclaim": (desk.requests, desk.requests.reclaim.prepare_calldata(own)),
        "claim": (desk.requests, desk.requests.claim.prepare_calldata(decided)),
        "settle": (desk.requests, desk.requests.settle.prepare_calldata(decided)),
        "void": (desk.requests, desk.requests.void.prepare_calldata(pending)),
        "fund": (desk.requests, desk.requests.fund.prepare_calldata(request, 1)),
        "submit": (desk.requests, desk.requests.submit.prepare_calldata(*offer)),
        "withdraw": (desk.escrow, desk.escrow.withdraw.prepare_calldata(hooked)),
    }
    outer = {
        "open": lambda: desk.open(),
        "fund": lambda: desk.requests.fund(request, 7, sender=BUYER),
        "submit": lambda: desk.submit(request, 2),
        "reclaim": lambda: desk.requests.reclaim(own, sender=me),
        "claim": lambda: desk.requests.claim(paid, sender=me),
        "withdraw": lambda: desk.escrow.withdraw(hooked, sender=me),
    }
    for door, inner in product(outer, calls):
        with boa.env.anchor():
            hooked.hook(*calls[inner])
            outer[door]()
            assert hooked.calls() == hooked.refusals() == 2, (door, inner)
            assert cover(desk, me) == 0, (door, inner)


def test_a_rebasing_token_hurts_its_own_creditors_alone(desk: Desk, hooked: Any) -> None:
    """What a token takes away is missing to whoever asks last for that token; requests in another token are whole."""
    sound = desk.open()
    rotten = desk.open(token=hooked.address)
    hooked.set_balance(desk.escrow, 100)
    for request in (sound, rotten):
        desk.requests.cancel(request, sender=BUYER)
    with boa.reverts():
        desk.requests.reclaim(rotten, sender=BUYER)
    assert tuple(desk.requests.reclaim(sound, sender=BUYER)) == (500, 13)


def test_a_token_that_is_gone_pays_nobody_and_forgets_nothing(trap: Desk, hooked: Any) -> None:
    """Where the token's code is no more, taking is refused: what is owed stays owed."""
    desk = trap
    submission = desk.submit(desk.open())
    desk.decide(submission, 50, 0)
    desk.requests.settle(submission, sender=OUTSIDER)
    owed = desk.owed(CONTRIBUTOR)
    boa.env.set_code(hooked.address, b"")
    with boa.reverts():
        desk.escrow.withdraw(hooked, sender=CONTRIBUTOR)
    assert desk.owed(CONTRIBUTOR) == owed > 0


@pytest.mark.parametrize("name", ["escrow", "requests", "parameters", "stakes", "committees", "reviews"])
def test_the_markets_own_contracts_are_no_tokens(world: World, name: str) -> None:
    """A request cannot pay in a contract of the market."""
    with boa.reverts():
        world.open(token=getattr(world, name).address)
    with boa.reverts("requests: token is not a contract"):
        world.open(token=ZERO)


def test_a_worthless_token_cannot_lock_the_market(world: World, hooked: Any) -> None:
    """Once the governor has closed the list, foreign tokens need a rate of their own and stay within ten times of it.

    Without a list a buyer is taken at his word: a coin of his own making would lock as much stake as he says it is worth.
    """
    hooked.set_balance(world.buyer, 10**30)
    claims = {"token": hooked.address, "price": 100, "amount": 1000}
    with boa.env.anchor():
        hooked.set_balance(world.contributor, 10**30)
        submission = world.submit(world.open(lock_rate_wad=125 * 10**35, **claims), 4)
        assert world.draw(submission).lock > 9000 * TOKEN
    set_floor = world.parameters.set_lock_rate_floor
    set_floor(ZERO, 2**128, sender=world.deployer)
    with boa.reverts("requests: lock rate below the floor"):
        world.open(lock_rate_wad=2**128 - 1, **claims)
    set_floor(hooked, 10**6, sender=world.deployer)
    with boa.reverts("requests: lock rate below the floor"):
        world.open(lock_rate_wad=10**6 - 1, **claims)
    with boa.reverts("requests: lock rate too far above the floor"):
        world.open(lock_rate_wad=11 * 10**6, **claims)
    assert world.open(lock_rate_wad=10**7, **claims)
    assert world.open(), "the stake token needs no rate"


def test_no_floor_stops_the_stake_token(world: World) -> None:
    """The stake token counts one for one, whatever floor is set."""
    for floor in (1, 2**200):
        world.parameters.set_lock_rate_floor(world.token, floor, sender=world.deployer)
        assert world.open()
    with boa.reverts("requests: the stake token counts one for one"):
        world.open(lock_rate_wad=1)


def test_a_submission_ends_once(world: World) -> None:
    """Drawn, it cannot be voided; void, neither drawn nor settled; settled, neither voided nor drawn nor settled again."""
    request = world.open()
    drawn, voided = world.submit(request), world.submit(request)
    world.draw(drawn)
    boa.env.time_travel(blocks=7300)
    with boa.reverts("requests: committee is drawn"):
        world.requests.void(drawn, sender=world.contributor)
    world.requests.void(voided, sender=world.outsider)
    for attempt in (world.committees.draw, world.committees.redraw):
        with boa.reverts("committees: not pending"):
            attempt(voided, sender=world.outsider)
    with boa.reverts("requests: not pending"):
        world.requests.settle(voided, sender=world.outsider)
    world.wait(3600 * 3)
    world.tally(drawn, world.openings(drawn, [], {}))
    with boa.reverts("reviews: not decided"):
        world.requests.settle(drawn, sender=world.outsider)
    boa.env.time_travel(blocks=7300)
    world.reviews.finalise(drawn, sender=world.outsider)
    world.past_challenge()
    world.requests.settle(drawn, sender=world.outsider)
    for attempt, reason in (
        (world.requests.settle, "requests: not pending"),
        (world.requests.void, "requests: not pending"),
        (world.committees.draw, "committees: drawn already"),
        (world.reviews.finalise, "reviews: not hung"),
    ):
        with boa.reverts(reason):
            attempt(drawn, sender=world.outsider)
    ledger = world.escrow.ledger(request)
    assert (ledger.reserved, ledger.fee_reserved, ledger.bonds) == (0, 0, 0)
    assert world.requests.request(request).records_left == 10**6


@pytest.mark.parametrize("records", [1, 2, 24, 25, 39, 40])
def test_dust_gains_nothing(desk: Desk, records: int) -> None:
    """However small the submissions that a batch is split into: rounding gives no contributor more than is due, and costs reviewers
    less than a unit each time."""
    request = desk.open(amount=5000, record_limit=2000)
    for approved in (records, 0, records // 2):
        submission = desk.submit(request, records)
        before = {one: desk.owed(one) for one in PEOPLE}
        desk.decide(submission, approved, records - approved)
        desk.requests.settle(submission, sender=OUTSIDER)
        gained = {one: desk.owed(one) - before[one] for one in PEOPLE}
        reviewers = sum(gained[seat] for seat in SEATS)
        assert records * 400 // 10_000 - 1 <= reviewers <= records * 400 // 10_000
        assert gained[TREASURY] >= approved * 250 // 10_000 + (records - approved) * 20 // 100
        assert gained[CONTRIBUTOR] - approved <= -(-records * 20 // 100) + -(-records * 400 // 10_000)
    assert cover(desk) == 0


def test_the_largest_amounts_settle_to_the_unit(trap: Desk, hooked: Any) -> None:
    """At the greatest price that the bonds' field holds, every split of approved and rejected records adds up."""
    desk = trap
    for account in (BUYER, CONTRIBUTOR):
        hooked.set_balance(account, 2**200)
    request = desk.open(price=2**96 - 1, amount=2**127, fee_bps=2000, lock_rate_wad=2**128 - 1)
    with boa.reverts("escrow: bonds too large"):
        desk.submit(request, 3)
    submission = desk.submit(request, 2)
    with boa.reverts("escrow: bonds too large"):
        desk.submit(request, 1)
    assert desk.requests.case_of(submission).value_stake > 2**88
    desk.decide(submission, 1, 1)
    desk.requests.settle(submission, sender=OUTSIDER)
    assert cover(desk) == 0
    assert desk.owed(CONTRIBUTOR) + desk.owed(TREASURY) + sum(map(desk.owed, SEATS)) < 2**98


def test_a_vote_cannot_reach_back_into_money(world: World) -> None:
    """Rates moved to their ends after a submission was made change nothing of what it pays, and a penalty stays within a tenth."""
    request = world.open()
    submission = world.submit(request, 50)
    panel = world.draw(submission)
    for name, value in {
        "protocol_fee_bps": 1000,
        "bond_percent": 50,
        "missing_reveal_bps": 1000,
        "paused": 1,
    }.items():
        world.set(name, value)
    votes = {seat: world.commit(submission, seat, bytes(32)) for seat in range(4)}
    world.wait(3600)
    world.tally(submission, world.openings(submission, list(votes), votes))
    world.past_challenge()
    held = [world.stakes.position(one).amount for one in panel.members]
    before = world.token.balanceOf(world.contributor)
    world.requests.claim(submission, sender=world.contributor)
    assert world.token.balanceOf(world.contributor) - before == 50 * TOKEN + 12 * TOKEN
    assert world.escrow.owed(world.token, world.deployer) == 50 * TOKEN * 250 // 10_000 + 2 * TOKEN // 5
    lost = [was - world.stakes.position(one).amount for was, one in zip(held, panel.members, strict=True)]
    assert lost == [0, 0, 0, 0, panel.lock // 10]


def test_a_pause_locks_nobody_in(world: World) -> None:
    """Paused, a drawn case is reviewed, settled and paid, the buyer gets back what is free, and stake leaves."""
    request = world.open()
    submission = world.submit(request)
    world.set("paused", 1)
    seats = world.draw(submission).size
    world.review_jointly(submission, [bytes(32)] * seats)
    world.requests.cancel(request, sender=world.buyer)
    assert world.requests.reclaim(request, sender=world.buyer)[0] == 448 * TOKEN
    world.past_challenge()
    world.requests.claim(submission, sender=world.contributor)
    member = world.committees.seat_account(submission, 0)
    assert world.escrow.withdraw(world.token, sender=member) == 2 * TOKEN // 5
    world.stakes.unbond(world.stake, sender=member)
    world.wait(7 * 86_400)
    assert world.stakes.withdraw(sender=member) == world.stake


def test_wiring_cannot_be_taken_over(world: World) -> None:
    """Nobody but the deployer wires, and nothing twice, so no contract can be slipped in beneath the money."""
    for call in (
        lambda: world.escrow.wire(world.outsider, sender=world.outsider),
        lambda: world.requests.wire(world.outsider, world.outsider, world.outsider, sender=world.deployer),
        lambda: world.committees.wire(world.outsider, world.outsider, sender=world.deployer),
        lambda: world.reviews.wire(world.outsider, world.outsider, sender=world.deployer),
        lambda: world.escrow.wire(world.outsider, sender=world.deployer),
    ):
        with boa.reverts():
            call()
