"""Requests: every door and its refusals, by role, by time and by value."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from sheaf.market import requests as twins
from tests.contracts.market.desk import (
    BUYER,
    CONTRIBUTOR,
    DEPLOYER,
    OUTSIDER,
    SEATS,
    TREASURY,
    Desk,
    deploy_desk,
)
from tests.contracts.market_world import CID, GOLD, KEY, MOCKS, ROOT, TOKEN, source

ZERO = "0x" + "00" * 20
NOBODY = b"\x00" * 32


@pytest.fixture(autouse=True)
def _anchored_desk(desk: Desk) -> Any:
    with boa.env.anchor():
        yield


def ledger(desk: Desk, request: int) -> tuple[int, ...]:
    return tuple(desk.escrow.ledger(request))[1:]


def test_the_worked_example_holds_to_the_last_unit(desk: Desk) -> None:
    """500 escrowed at 1 unit a record and 400 bps: 50 approved records pay 50 to the contributor, 2 to the validators, 448 are left."""
    request = desk.open()
    submission = desk.submit(request, 50)
    assert ledger(desk, request) == (448, 52, 12, 1, 12)
    desk.decide(submission, approved=50, rejected=0)
    desk.requests.settle(submission, sender=OUTSIDER)
    assert desk.owed(CONTRIBUTOR) == 50 + 12
    assert sum(desk.owed(seat) for seat in SEATS) == 2
    assert ledger(desk, request) == (448, 0, 12, 0, 0)
    assert desk.owed(TREASURY) == 1
    balance = desk.token.balanceOf(BUYER)
    desk.requests.cancel(request, sender=BUYER)
    assert tuple(desk.requests.reclaim(request, sender=BUYER)) == (448, 12)
    assert desk.token.balanceOf(BUYER) == balance + 460


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": BUYER}, "requests: token is not a contract"),
        ({"price": 0}, "requests: no price"),
        ({"price": 2**96}, "requests: price too large"),
        ({"fee_bps": 99}, "requests: fee below the minimum"),
        ({"fee_bps": 2001}, "requests: fee above the maximum"),
        ({"record_limit": 0}, "requests: record limit out of bounds"),
        ({"record_limit": 2**40}, "requests: record limit out of bounds"),
        ({"deadline": 1}, "requests: deadline is past"),
        ({"deadline": 2**40}, "requests: deadline too far"),
        ({"lock_rate_wad": 0}, "requests: no lock rate"),
        ({"lock_rate_wad": 2**128}, "requests: lock rate too large"),
        ({"lock_rate_wad": TOKEN - 1}, "requests: the stake token counts one for one"),
        ({"spec": b""}, "requests: not a binary CIDv1 with sha2-256"),
        ({"spec": CID[:35]}, "requests: not a binary CIDv1 with sha2-256"),
        ({"spec": b"\x00" + CID[1:]}, "requests: not a binary CIDv1 with sha2-256"),
        ({"spec": b"\x01\x80" + CID[2:]}, "requests: not a binary CIDv1 with sha2-256"),
        ({"spec": CID[:2] + b"\x13" + CID[3:]}, "requests: not a binary CIDv1 with sha2-256"),
        ({"spec": CID[:3] + b"\x21" + CID[4:]}, "requests: not a binary CIDv1 with sha2-256"),
        ({"amount": 1}, "requests: escrow below one record"),
        ({"price": 25, "amount": 25}, "requests: escrow below one record"),
        ({"amount": 2**128}, "requests: amount too large"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    """Each term has its bounds; nothing is opened and nothing is taken where one is passed."""
    balance = desk.token.balanceOf(BUYER)
    with boa.reverts(reason):
        desk.open(**changes)
    assert desk.requests.request_count() == 0
    assert desk.token.balanceOf(BUYER) == balance


def test_terms_are_kept_as_given(desk: Desk) -> None:
    """The request's view gives back every term, the specification's CID whole."""
    node = b"\x01\x70\x12\x20" + bytes(range(32))
    deadline = desk.now + 1000
    request = desk.open(
        price=7, fee_bps=2000, record_limit=2**40 - 1, deadline=deadline, spec=node, amount=1000
    )
    assert tuple(desk.requests.request(request)) == (
        BUYER,
        deadline,
        2**40 - 1,
        False,
        7,
        TOKEN,
        2000,
        250,
        node,
    )
    assert ledger(desk, request) == (1000, 0, 25, 0, 0)
    with boa.reverts("requests: no such request"):
        desk.requests.request(request + 1)


def test_a_lock_rate_has_a_floor_by_token(desk: Desk) -> None:
    """The governor's floor keeps a buyer from counting a foreign token at next to nothing."""
    silent = boa.load_partial(str(MOCKS / "SilentToken.vy")).deploy()
    silent.mint(BUYER, 1000)
    desk.parameters.set_lock_rate_floor(silent, 5, sender=DEPLOYER)
    with boa.reverts("requests: lock rate below the floor"):
        desk.open(token=silent.address, lock_rate_wad=4)
    assert desk.open(token=silent.address, lock_rate_wad=5) == 1


def test_a_pause_stops_new_business_only(desk: Desk) -> None:
    """Paused, nothing is opened, funded or submitted; settling, claiming, cancelling and reclaiming go on."""
    request = desk.open()
    submission = desk.submit(request)
    desk.set("paused", 1)
    for call in (
        desk.open,
        lambda: desk.requests.fund(request, 1, sender=BUYER),
        lambda: desk.submit(request),
    ):
        with boa.reverts("requests: paused"):
            call()
    desk.decide(submission, 50, 0)
    desk.requests.claim(submission, sender=CONTRIBUTOR)
    desk.requests.cancel(request, sender=BUYER)
    desk.requests.reclaim(request, sender=BUYER)


def test_anyone_may_fund(desk: Desk) -> None:
    """Money may be added by anyone, with the protocol's fee rounded up, while the request runs."""
    request = desk.open()
    desk.requests.fund(request, 41, sender=OUTSIDER)
    assert ledger(desk, request) == (541, 0, 15, 0, 0)
    with boa.reverts("requests: nothing to add"):
        desk.requests.fund(request, 0, sender=OUTSIDER)
    with boa.reverts("requests: amount too large"):
        desk.requests.fund(request, 2**128, sender=OUTSIDER)
    with boa.reverts("requests: no such request"):
        desk.requests.fund(request + 1, 1, sender=OUTSIDER)
    desk.requests.cancel(request, sender=BUYER)
    with boa.reverts("requests: cancelled"):
        desk.requests.fund(request, 1, sender=BUYER)


@pytest.mark.parametrize("role", [CONTRIBUTOR, OUTSIDER, DEPLOYER])
def test_only_the_buyer_cancels_and_reclaims(desk: Desk, role: str) -> None:
    """Nobody else can stop a request or take its money, the deployer and governor included."""
    request = desk.open()
    with boa.reverts("requests: not the buyer"):
        desk.requests.cancel(request, sender=role)
    desk.requests.cancel(request, sender=BUYER)
    with boa.reverts("requests: not the buyer"):
        desk.requests.reclaim(request, sender=role)
    with boa.reverts("requests: already cancelled"):
        desk.requests.cancel(request, sender=BUYER)


def test_what_is_reserved_cannot_be_reclaimed(desk: Desk) -> None:
    """Reclaiming needs a cancelled or expired request, and leaves what submissions have reserved; the rest comes when it is free."""
    request = desk.open()
    submission = desk.submit(request)
    with boa.reverts("requests: still running"):
        desk.requests.reclaim(request, sender=BUYER)
    boa.env.time_travel(seconds=86_400)
    assert tuple(desk.requests.reclaim(request, sender=BUYER)) == (448, 12)
    with boa.reverts("escrow: nothing free"):
        desk.requests.reclaim(request, sender=BUYER)
    desk.decide(submission, approved=10, rejected=40)
    desk.requests.settle(submission, sender=OUTSIDER)
    split = twins.split(twins.Verdict(10, 40, 50, 5, 5, 31, SEATS), twins.Prices(1, 400, 250, 20, 12))
    assert tuple(desk.requests.reclaim(request, sender=BUYER)) == (52 - split.paid - 2 + split.from_bond, 1)


@pytest.mark.parametrize(
    ("records", "changes", "reason"),
    [
        (0, {}, "requests: no records"),
        (16_385, {}, "requests: too many records for one submission"),
        (1001, {}, "requests: more records than are left"),
        (1, {"root": NOBODY}, "requests: no root"),
        (1, {"key": NOBODY}, "requests: no key commitment"),
        (1, {"custodian": ZERO}, "requests: no custodian"),
        (1, {"gold": NOBODY}, "requests: no gold commitment"),
        (1, {"cid": CID[:-1]}, "requests: not a binary CIDv1 with sha2-256"),
        (1, {"sender": BUYER}, "requests: the buyer cannot contribute"),
        (481, {}, "escrow: not enough free"),
    ],
)
def test_submissions_that_cannot_be_judged_are_refused(
    desk: Desk, records: int, changes: dict[str, Any], reason: str
) -> None:
    """Each part of a submission has its bounds, and none is taken that the escrow cannot pay."""
    request = desk.open()
    with boa.reverts(reason):
        desk.submit(request, records, **changes)
    assert desk.requests.submission_count() == 0
    assert ledger(desk, request) == (500, 0, 13, 0, 0)


def test_submissions_need_a_running_request(desk: Desk) -> None:
    """Nothing is taken for a request that is not there, cancelled, or over."""
    with boa.reverts("requests: no such request"):
        desk.submit(1)
    cancelled, over = desk.open(), desk.open()
    desk.requests.cancel(cancelled, sender=BUYER)
    with boa.reverts("requests: cancelled"):
        desk.submit(cancelled)
    boa.env.time_travel(seconds=86_400)
    with boa.reverts("requests: past its deadline"):
        desk.submit(over)


def test_a_submission_is_kept_as_made(desk: Desk) -> None:
    """The views give back what was submitted, and what the draw needs of it; later parameters do not reach back."""
    request = desk.open(price=3, amount=10_000)
    submission = desk.submit(request, 100)
    desk.set("bond_percent", 50)
    view = desk.requests.submission(submission)
    block = boa.env.evm.patch.block_number
    assert tuple(view)[:6] == (request, CONTRIBUTOR, 100, block, twins.PENDING, 20)
    assert view.commitment == expected_commitment()
    assert tuple(desk.requests.case_of(submission)) == (1, BUYER, CONTRIBUTOR, 100, 300, 400, block, 2000)
    assert desk.requests.records_of(submission) == 100
    assert tuple(desk.requests.case_of(9)) == (0, ZERO, ZERO, 0, 0, 0, 0, 0)
    with boa.reverts("requests: no such submission"):
        desk.requests.submission(9)


def expected_commitment() -> bytes:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "address", "bytes32"],
            [ROOT, keccak(CID), KEY, CONTRIBUTOR, GOLD],
        )
    )


def test_the_value_in_stake_is_rounded_up(desk: Desk) -> None:
    """A case is never worth less stake than its price says."""
    silent = boa.load_partial(str(MOCKS / "SilentToken.vy")).deploy()
    for account in (BUYER, CONTRIBUTOR):
        silent.mint(account, 10**6)
    request = desk.open(token=silent.address, lock_rate_wad=TOKEN // 3)
    submission = desk.submit(request, 10)
    assert desk.requests.case_of(submission).value_stake == 4


def test_the_fee_ledger_never_runs_dry_first(desk: Desk) -> None:
    """However small the submissions, the protocol's fee that was locked suffices for all that the payment can pay."""
    request = desk.open(amount=60, record_limit=100)
    made = [desk.submit(request, 1) for _ in range(30)]
    assert ledger(desk, request)[0] == 0
    for submission in made:
        desk.decide(submission, 1, 0)
        desk.requests.settle(submission, sender=OUTSIDER)


def test_void_returns_all(desk: Desk) -> None:
    """A submission without a committee ends after `draw_blocks`: bond owed, reservation free, records left again."""
    request = desk.open()
    submission = desk.submit(request)
    with boa.reverts("requests: may still be drawn"):
        desk.requests.void(submission, sender=OUTSIDER)
    boa.env.time_travel(blocks=7200)
    with boa.reverts("requests: may still be drawn"):
        desk.requests.void(submission, sender=OUTSIDER)
    boa.env.time_travel(blocks=1)
    desk.requests.void(submission, sender=OUTSIDER)
    assert ledger(desk, request) == (500, 0, 13, 0, 0)
    assert desk.owed(CONTRIBUTOR) == 12
    assert desk.requests.request(request).records_left == 1000
    assert desk.requests.submission(submission).phase == twins.VOID
    with boa.reverts("requests: not pending"):
        desk.requests.void(submission, sender=OUTSIDER)
    with boa.reverts("requests: not pending"):
        desk.requests.settle(submission, sender=OUTSIDER)
    assert desk.requests.claim(submission, sender=CONTRIBUTOR) == 12


def test_a_drawn_submission_cannot_be_voided(desk: Desk) -> None:
    """Once a committee sits, only a verdict ends the submission."""
    submission = desk.submit(desk.open())
    desk.verdicts.draw(submission)
    boa.env.time_travel(blocks=10_000)
    with boa.reverts("requests: committee is drawn"):
        desk.requests.void(submission, sender=CONTRIBUTOR)
    with boa.reverts("requests: no such submission"):
        desk.requests.void(submission + 1, sender=CONTRIBUTOR)


@pytest.mark.parametrize("approved", [0, 1, 17, 49, 50])
@pytest.mark.parametrize("opened", [0, 0b00001, 0b10110, 0b11111])
def test_approving_and_rejecting_earn_the_same(desk: Desk, approved: int, opened: int) -> None:
    """What validators are paid depends on how many records they decided, not on how."""
    request = desk.open(price=13, fee_bps=777, amount=10_000)
    paid = []
    for says_yes in (approved, 50 - approved):
        submission = desk.submit(request)
        before = [desk.owed(seat) for seat in SEATS]
        desk.decide(submission, says_yes, 50 - says_yes, opened_mask=opened)
        desk.requests.settle(submission, sender=OUTSIDER)
        paid.append([desk.owed(seat) - former for seat, former in zip(SEATS, before, strict=True)])
    assert paid[0] == paid[1]
    assert all((pay == 0) == (not opened >> seat & 1) for seat, pay in enumerate(paid[0][:5]))


def test_a_second_round_shares_by_who_decided(desk: Desk) -> None:
    """Records decided in round 1 pay its five seats, those decided in round 2 all eleven; hung ones pay nobody and return."""
    request = desk.open(price=1000, amount=100_000, record_limit=100)
    submission = desk.submit(request, 50)
    desk.decide(
        submission,
        30,
        10,
        decided_first=33,
        first_size=5,
        size=11,
        opened_mask=2**11 - 1,
        accounts=list(SEATS[:11]),
    )
    desk.requests.settle(submission, sender=OUTSIDER)
    first, last = 33 * 40, 7 * 40
    assert desk.owed(SEATS[0]) == first // 5 + last // 11
    assert sum(desk.owed(seat) for seat in SEATS[:5]) == first + last * 5 // 11
    assert sum(desk.owed(seat) for seat in SEATS[:11]) == first + last
    assert desk.requests.request(request).records_left == 100 - 30


def test_settling_pays_once(desk: Desk) -> None:
    """A settled submission cannot be settled again, and claiming it again finds nothing owed."""
    submission = desk.submit(desk.open())
    with boa.reverts("verdicts: not decided"):
        desk.requests.settle(submission, sender=OUTSIDER)
    desk.decide(submission, 50, 0)
    assert desk.requests.claim(submission, sender=CONTRIBUTOR) == 62
    with boa.reverts("requests: not pending"):
        desk.requests.settle(submission, sender=OUTSIDER)
    with boa.reverts("escrow: nothing owed"):
        desk.requests.claim(submission, sender=CONTRIBUTOR)
    with boa.reverts("requests: no such submission"):
        desk.requests.claim(submission + 1, sender=CONTRIBUTOR)
    with boa.reverts("requests: no such submission"):
        desk.requests.settle(submission + 1, sender=CONTRIBUTOR)
    assert desk.requests.claim(submission, sender=SEATS[4]) == 1


def test_wiring_is_the_deployers_once(desk: Desk) -> None:
    """Committees, Reviews and Scores are named by the deployer, once, and cannot be nobody."""
    with boa.env.prank(DEPLOYER):
        fresh = source("market/Requests.vy").deploy(desk.parameters, desk.escrow, desk.token, desk.standing)
    with boa.reverts("requests: not the deployer"):
        fresh.wire(OUTSIDER, OUTSIDER, OUTSIDER, sender=OUTSIDER)
    with boa.reverts("requests: no committees or reviews"):
        fresh.wire(OUTSIDER, ZERO, OUTSIDER, sender=DEPLOYER)
    with boa.reverts("requests: no scores"):
        fresh.wire(OUTSIDER, OUTSIDER, ZERO, sender=DEPLOYER)
    fresh.wire(OUTSIDER, OUTSIDER, OUTSIDER, sender=DEPLOYER)
    with boa.reverts("requests: already wired"):
        fresh.wire(BUYER, BUYER, BUYER, sender=DEPLOYER)


def test_a_hostile_token_cannot_come_in_again() -> None:
    """A token that calls Requests or Escrow back in the midst of a payment is refused there, and harms nobody."""
    hostile = boa.load_partial(str(MOCKS / "HostileToken.vy")).deploy()
    desk = deploy_desk(hostile)
    for account in (BUYER, CONTRIBUTOR):
        hostile.mint(account, 10**6)
    request = desk.open(token=hostile.address)
    offer = (request, 10, ROOT, CID, KEY, CONTRIBUTOR, GOLD)
    for target, message in (
        (desk.requests, desk.requests.submit.prepare_calldata(*offer)),
        (desk.requests, desk.requests.fund.prepare_calldata(request, 1)),
        (desk.escrow, desk.escrow.withdraw.prepare_calldata(hostile)),
    ):
        hostile.call_back(target, message)
        desk.submit(request, 5)
        assert hostile.was_refused()
    assert ledger(desk, request) == (500 - 18, 18, 13, 0, 6)
    assert hostile.balanceOf(desk.escrow) == 500 + 13 + 6


def test_gold_and_factors_split_as_the_twin_says(desk: Desk) -> None:
    """Gold pays nothing and forfeits nothing, a factor keeps a part of a fee for the treasury, and unpaid records can be bought again."""
    request = desk.open(price=1000, amount=100_000)
    submission = desk.submit(request, 50)
    desk.decide(submission, approved=30, rejected=20)
    desk.rate(submission, [10_000, 7000, 8500, 10_000, 7000], 5, 4)
    bond = 50 * 1000 * 20 // 100 + 50 * 1000 * 400 // 10_000
    ratings = twins.Ratings(5, 4, [10_000, 7000, 8500, 10_000, 7000])
    verdict = twins.Verdict(30, 20, 50, 5, 5, 31, SEATS[:5])
    split = twins.split(verdict, twins.Prices(1000, 400, 250, 20, bond), ratings)
    desk.requests.settle(submission, sender=OUTSIDER)
    assert desk.owed(CONTRIBUTOR) == split.paid + split.bond_back == 25_000 + bond - 16 * 40 - 16 * 200
    assert [desk.owed(seat) for seat in SEATS[:5]] == list(split.seat_pays) == [400, 280, 340, 400, 280]
    assert desk.owed(TREASURY) == split.protocol_fee + split.forfeited + 300
    assert desk.requests.request(request).records_left == 1000 - 25
