"""Custody on the whole market: what a key that never comes costs, and whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from sheaf.review import custody, openings, reviews
from tests.contracts.market_world import CID, GOLD, KEY, MOCKS, ROOT, TOKEN, World, key_of, source

N = 50
PLEDGE = 75 * TOKEN
YES = openings.pack([False] * N)


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()


@pytest.fixture(autouse=True)
def _anchored_world(world: World) -> Iterator[None]:
    with boa.env.anchor():
        yield


@pytest.fixture
def keeper(world: World) -> str:
    """A custodian with 100 tokens deposited."""
    account = str(key_of("keeper").address)
    world.give(account, 1000 * TOKEN, world.custody)
    world.custody.deposit(100 * TOKEN, sender=account)
    return account


def sealed(keeper: str) -> tuple[Any, ...]:
    """Return what the world's submissions commit to."""
    return (ROOT, keccak(CID), KEY, keeper, GOLD)


@pytest.fixture
def case(world: World, keeper: str) -> int:
    """A submission of 50 records at one token for whose key the keeper answers; its committee is drawn."""
    submission = world.submit(world.open(), N, custodian=keeper)
    assert world.custody.pledge(submission, sealed(keeper), b"", sender=keeper) == PLEDGE
    world.draw(submission)
    return submission


def report(world: World, case: int, *seats: int) -> None:
    for seat in seats:
        world.custody.report(case, seat, sender=world.committees.seat_account(case, seat))


def test_a_withheld_key_costs_the_keeper_and_nobody_else(world: World, case: int, keeper: str) -> None:
    """Four of five report: the bond returns, no member is penalised, half the pledge is the contributor's and half is burned."""
    members = [world.committees.seat_account(case, seat) for seat in range(5)]
    held = [tuple(world.stakes.position(world.stakes.id_of(one))) for one in members]
    report(world, case, 0, 1, 3)
    assert world.reviews.review(case).phase == reviews.COMMITTING
    report(world, case, 4)
    view = world.reviews.review(case)
    assert (view.phase, view.approved, view.rejected, view.decided_first) == (reviews.DECIDED, 0, 0, 0)
    assert view.verdict == keccak(YES + openings.pack([True] * N))
    world.past_challenge()
    before, supply = world.token.balanceOf(world.contributor), world.token.totalSupply()
    world.requests.settle(case, sender=world.outsider)
    assert world.requests.submission(case).phase == 2
    assert world.escrow.owed(world.token, world.contributor) == 12 * TOKEN
    for one, (amount, locked, *_) in zip(members, held, strict=True):
        assert world.stakes.position(world.stakes.id_of(one)).amount == amount
        assert world.stakes.position(world.stakes.id_of(one)).locked == 0 < locked
        assert world.escrow.owed(world.token, one) == 0
    world.custody.conclude(case, sender=world.outsider)
    assert world.token.balanceOf(world.contributor) - before == PLEDGE // 2
    assert supply - world.token.totalSupply() == PLEDGE // 2
    assert tuple(world.custody.account_of(keeper)) == (25 * TOKEN, 0, 0)
    with boa.reverts("custody: nothing pledged"):
        world.custody.conclude(case, sender=world.outsider)


def test_fewer_than_the_quorum_excuse_nothing(world: World, case: int, keeper: str) -> None:
    """Three of five who say that no key came change no verdict; the keeper has its pledge back."""
    report(world, case, 0, 1, 2)
    world.review_jointly(case, [YES] * 5)
    with boa.reverts("custody: not in its first round"):
        report(world, case, 3)
    world.past_challenge()
    with boa.reverts("custody: not settled yet"):
        world.custody.conclude(case, sender=world.outsider)
    world.requests.settle(case, sender=world.outsider)
    world.custody.conclude(case, sender=world.outsider)
    assert world.custody.account_of(keeper).free == 100 * TOKEN
    assert world.escrow.owed(world.token, world.contributor) == 62 * TOKEN


def test_what_a_jury_decides_after_all_returns_the_pledge(world: World, case: int, keeper: str) -> None:
    """A quorum that lied, or a key that came late: the ruling pays the contributor, and the keeper loses nothing."""
    world.reviews.propose_arbiter(world.outsider, sender=world.deployer)
    report(world, case, 0, 1, 2, 3)
    world.wait(1)
    world.reviews.hold(case, sender=world.outsider)
    world.reviews.rule(case, YES, openings.pack([i > 9 for i in range(N)]), sender=world.outsider)
    world.requests.settle(case, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == (10 + 12) * TOKEN
    world.custody.conclude(case, sender=world.outsider)
    assert world.custody.account_of(keeper).free == 100 * TOKEN


def test_votes_that_were_cast_count_no_more(world: World, case: int) -> None:
    """Whoever has voted already loses and earns nothing where the quorum had no key."""
    world.commit_jointly(case, {seat: openings.pack([True] * N) for seat in range(5)})
    report(world, case, 0, 1, 2, 3)
    assert world.reviews.review(case).opened_mask == 0
    with boa.reverts("reviews: not open to votes"):
        world.commit(case, 4, YES)
    world.past_challenge()
    world.requests.settle(case, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == 12 * TOKEN


def test_without_a_pledge_no_report_counts(world: World, keeper: str) -> None:
    """Where nobody answers for the key whoever named the custodian bears it: nobody can be excused for what he keeps back himself."""
    submission = world.submit(world.open(), N, custodian=keeper)
    world.draw(submission)
    with boa.reverts("custody: nobody answers for the key"):
        report(world, submission, 0)


def test_only_members_report_in_their_own_name(world: World, case: int) -> None:
    """One seat, one report, by who sits there; nobody but Custody excuses."""
    with boa.reverts("custody: not this seat's validator"):
        world.custody.report(case, 0, sender=world.outsider)
    report(world, case, 0)
    with boa.reverts("custody: reported already"):
        report(world, case, 0)
    with boa.reverts("committees: no such seat"):
        world.custody.report(case, 5, sender=world.outsider)
    for sender in (world.outsider, world.deployer, world.buyer):
        with boa.reverts("reviews: not custody"):
            world.reviews.excuse(case, sender=sender)
    world.review_jointly(case, [YES] * 5)
    with boa.reverts("reviews: not in its first round"):
        world.reviews.excuse(case, sender=world.custody.address)


def test_a_signature_pledges_once_for_one_key(world: World, keeper: str) -> None:
    """Anyone may post what the custodian signed, also while it is leaving; it holds for this contributor and this key alone."""
    submission = world.submit(world.open(), N, custodian=keeper)
    signed = sign(world, 1, world.contributor, KEY)
    for wrong, reason in (
        (b"", "custody: malformed signature"),
        (bytes(65), "custody: malformed signature"),
        (sign(world, 2, world.contributor, KEY), "custody: not the custodian's signature"),
        (sign(world, 1, world.outsider, KEY), "custody: not the custodian's signature"),
        (sign(world, 1, world.contributor, ROOT), "custody: not the custodian's signature"),
    ):
        with boa.reverts(reason):
            world.custody.pledge(submission, sealed(keeper), wrong, sender=world.outsider)
    with boa.reverts("custody: not what was committed to"):
        world.custody.pledge(submission, (ROOT, CID[:32], *sealed(keeper)[2:]), b"", sender=keeper)
    world.custody.leave(100 * TOKEN, sender=keeper)
    world.custody.pledge(submission, sealed(keeper), signed, sender=world.outsider)
    assert tuple(world.custody.pledge_of(submission)) == (keeper, PLEDGE)
    with boa.reverts("custody: pledged already"):
        world.custody.pledge(submission, sealed(keeper), b"", sender=keeper)
    world.wait(1)
    assert world.custody.withdraw(sender=keeper) == 25 * TOKEN
    other = world.submit(1, N, custodian=keeper)
    with boa.reverts("custody: too little deposited"):
        world.custody.pledge(other, sealed(keeper), b"", sender=keeper)


def test_ones_own_key_is_ones_own_risk(world: World) -> None:
    """A contributor that is its own custodian cannot buy itself another committee with a pledge."""
    world.give(world.contributor, 100 * TOKEN, world.custody)
    world.custody.deposit(100 * TOKEN, sender=world.contributor)
    submission = world.submit(world.open(), N)
    with boa.reverts("custody: the contributor's own"):
        world.custody.pledge(submission, sealed(world.contributor), b"", sender=world.contributor)


def test_a_pledge_of_a_void_submission_returns(world: World, keeper: str) -> None:
    """What no committee is drawn for costs nobody; after that there is nothing to pledge for."""
    submission = world.submit(world.open(), N, custodian=keeper)
    world.custody.pledge(submission, sealed(keeper), b"", sender=keeper)
    boa.env.time_travel(blocks=7_201)
    world.requests.void(submission, sender=world.outsider)
    world.custody.conclude(submission, sender=world.outsider)
    assert world.custody.account_of(keeper).free == 100 * TOKEN
    with boa.reverts("custody: not pending"):
        world.custody.pledge(submission, sealed(keeper), b"", sender=keeper)


def test_a_deposit_leaves_after_its_time(world: World, keeper: str) -> None:
    """What is not pledged leaves whole, once, after a second on test networks; nothing else does."""
    for name, arguments, reason in (
        ("deposit", (0,), "custody: nothing to deposit"),
        ("leave", (0,), "custody: nothing to leave"),
        ("leave", (100 * TOKEN + 1,), "custody: more than is free"),
        ("withdraw", (), "custody: nothing to withdraw"),
    ):
        with boa.reverts(reason):
            getattr(world.custody, name)(*arguments, sender=keeper)
    world.custody.leave(40 * TOKEN, sender=keeper)
    with boa.reverts("custody: still leaving"):
        world.custody.withdraw(sender=keeper)
    world.wait(1)
    assert world.custody.withdraw(sender=keeper) == 40 * TOKEN
    assert world.token.balanceOf(keeper) == 940 * TOKEN
    assert world.token.balanceOf(world.custody) == 60 * TOKEN


def sign(world: World, request: int, contributor: str, key_commitment: bytes) -> bytes:
    """Return the keeper's signature."""
    data = custody.typed_data(
        boa.env.evm.patch.chain_id, world.custody.address, request, contributor, key_commitment
    )
    made = bytes(key_of("keeper").sign_typed_data(*data).signature)
    hashed = custody.typed_hash(
        boa.env.evm.patch.chain_id, world.custody.address, request, contributor, key_commitment
    )
    assert openings.recover(hashed, made) == key_of("keeper").address
    return made


def test_a_bent_token_changes_nothing(world: World) -> None:
    """A token that answers False instead of reverting is neither taken for a deposit nor for a payment."""
    bent = boa.load(str(MOCKS / "BentToken.vy"))
    fresh = source("review/Custody.vy").deploy(
        bent, world.parameters, world.requests, world.committees, world.reviews
    )
    bent.give(world.outsider, TOKEN)
    bent.bend(0, True)
    with boa.reverts("custody: transfer failed"):
        fresh.deposit(TOKEN, sender=world.outsider)
    bent.bend(0, False)
    fresh.deposit(TOKEN, sender=world.outsider)
    fresh.leave(TOKEN, sender=world.outsider)
    world.wait(1)
    bent.bend(0, True)
    with boa.reverts("custody: transfer failed"):
        fresh.withdraw(sender=world.outsider)
    assert fresh.account_of(world.outsider).leaving == TOKEN
