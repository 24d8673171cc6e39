"""Attacks on the draw and the vote: replays, omissions, races, absent members, members who run. None may change what was voted."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_account import Account

from sheaf.review import openings
from tests.contracts.market_world import TOKEN, World

YES, NO = bytes(32), openings.pack([True] * 50)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def case(world: World) -> int:
    """A drawn submission of 50 records."""
    submission = world.submit(world.open())
    world.draw(submission)
    return submission


def carried(world: World) -> list[int]:
    return next(list(e.carried) for e in world.reviews.get_logs() if type(e).__name__ == "RoundHung")


def signed(world: World, case: int, seat: int, made: bytes, change: dict[str, Any] | None = None) -> bytes:
    """Return a seat's signature over `made`, in another domain or for another seat where told."""
    said = {
        "chain": boa.env.evm.patch.chain_id,
        "contract": world.reviews.address,
        "case": case,
        "seat": seat,
    }
    key = world.keys[world.committees.seat_account(case, seat)]
    data = openings.typed_data(*(said | (change or {})).values(), made)
    return bytes(Account.sign_typed_data(key.key, *data).signature)


def test_one_voice_does_not_decide(world: World, case: int) -> None:
    """A key kept from all members but one, or members driven off the net, give the last one no verdict: a quorum must have opened."""
    world.wait(7200)
    world.tally(case, world.openings(case, [], {}))
    left = carried(world)
    world.draw(case)
    voices = {seat: world.commit(case, seat, YES, 2) for seat in (5, 6, 7)}
    world.wait(7200)
    world.tally(case, world.openings(case, list(voices), voices, 5, left))
    view = world.reviews.review(case)
    assert (view.approved, view.rejected) == (0, 0)
    world.past_challenge()
    before = world.token.balanceOf(world.contributor)
    world.requests.claim(case, sender=world.contributor)
    assert world.token.balanceOf(world.contributor) - before == 12 * TOKEN, "the bond, and nothing else"


def test_a_quorum_decides_a_second_round(world: World, case: int) -> None:
    """As many as the quorum decide a hung record alone, if all who opened agree."""
    world.wait(7200)
    world.tally(case, world.openings(case, [], {}))
    left = carried(world)
    world.draw(case)
    voices = {seat: world.commit(case, seat, YES, 2) for seat in (5, 6, 7, 8)}
    world.wait(7200)
    world.tally(case, world.openings(case, list(voices), voices, 5, left))
    assert world.reviews.review(case).approved == 50


@pytest.mark.parametrize(
    "change", [{"chain": 31_337}, {"contract": "0x" + "11" * 20}, {"case": 99}, {"seat": 1}]
)
def test_signatures_hold_in_one_place(world: World, case: int, change: dict[str, Any]) -> None:
    """A signature from another chain, contract, submission or seat commits nobody."""
    made = world.vote(case, 0, YES)
    with boa.reverts("reviews: not the signature of this seat's validator"):
        world.reviews.commit_jointly(
            case, 1, [made], [signed(world, case, 0, made, change)], sender=world.outsider
        )


def test_the_twin_of_a_signature_commits_to_the_same(world: World, case: int) -> None:
    """A malleable copy of a signature can be posted, but commits to the same, and neither of them twice."""
    made = world.vote(case, 0, YES)
    real = signed(world, case, 0, made)
    s = int.from_bytes(real[32:64], "big")
    twin = real[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - real[64]])
    world.reviews.commit_jointly(case, 1, [made], [twin], sender=world.outsider)
    assert world.reviews.review(case).committed_mask == 1
    for copy in (real, twin):
        with boa.reverts("reviews: already committed"):
            world.reviews.commit_jointly(case, 1, [made], [copy], sender=world.outsider)


def test_who_runs_ahead_of_a_joint_commitment_delays_it_only(world: World, case: int) -> None:
    """A member that commits alone first makes the group's transaction fail; the others post without it and lose nothing."""
    made = {seat: world.vote(case, seat, YES) for seat in range(5)}
    signatures = [signed(world, case, seat, one) for seat, one in made.items()]
    runner = world.committees.seat_account(case, 2)
    world.reviews.commit(case, 2, made[2], sender=runner)
    with boa.reverts("reviews: already committed"):
        world.reviews.commit_jointly(case, 31, list(made.values()), signatures, sender=world.outsider)
    rest = [seat for seat in made if seat != 2]
    world.reviews.commit_jointly(
        case, 27, [made[seat] for seat in rest], [signatures[seat] for seat in rest], sender=world.outsider
    )
    shown = {seat: made[seat] for seat in (2, *rest)}
    world.tally(case, world.openings(case, range(5), shown))
    assert world.reviews.review(case).approved == 50


def test_a_count_cannot_leave_out_whoever_has_opened(world: World, case: int) -> None:
    """While openings are awaited all that committed must be counted; afterwards all that opened on chain."""
    made = world.commit_jointly(case, {0: NO, 1: YES, 2: YES, 3: YES, 4: YES})
    without = world.openings(case, [1, 2, 3, 4], made)
    with boa.reverts("reviews: still open to votes"):
        world.tally(case, without)
    own = world.secrets[case, 0]
    joint = world.openings(case, [0], made)
    world.reviews.reveal(
        case, 0, own.account, own.salt, own.bitmap, joint.order, joint.joint, sender=world.outsider
    )
    world.wait(7200)
    for partial in (without, world.openings(case, [], made)):
        with boa.reverts("reviews: leaves out a revealed seat"):
            world.tally(case, partial)
    world.tally(case, world.openings(case, range(5), made))
    assert world.reviews.review(case).opened_mask == 31


def test_openings_of_one_round_are_worthless_in_the_next(world: World, case: int) -> None:
    """What was opened in round 1 opens nothing in round 2, by the same or another seat."""
    first = world.commit_jointly(case, {0: YES, 1: YES, 2: NO, 3: NO, 4: NO})
    world.tally(case, world.openings(case, range(5), first))
    left = carried(world)
    world.draw(case)
    for seat in (5, 6):
        world.commit(case, seat, YES, 1 if seat == 5 else 2)
    world.wait(3600)
    with boa.reverts("reviews: not committed"):
        world.reviews.reveal(
            case,
            0,
            world.secrets[case, 0].account,
            world.secrets[case, 0].salt,
            YES,
            0,
            [],
            sender=world.outsider,
        )
    shown = {5: world.vote(case, 5, YES, 2), 6: world.vote(case, 6, YES, 2)}
    with boa.reverts("reviews: opening does not match"):
        world.tally(case, world.openings(case, [5, 6], shown, 5, left))


def test_who_runs_after_being_drawn_is_caught(world: World, case: int) -> None:
    """Unbonding after the draw neither frees what is locked nor escapes the penalty for staying away."""
    panel = world.committees.committee(case)
    runner, number = world.committees.seat_account(case, 0), panel.members[0]
    world.stakes.unbond(world.stake, sender=runner)
    world.wait(8 * 86_400)
    assert world.stakes.withdraw(sender=runner) == world.stake - panel.lock
    with boa.reverts("stakes: nothing to withdraw"):
        world.stakes.withdraw(sender=runner)
    world.tally(case, world.openings(case, [], {}))
    boa.env.time_travel(blocks=7300)
    world.reviews.finalise(case, sender=world.outsider)
    world.past_challenge()
    world.requests.settle(case, sender=world.outsider)
    assert world.stakes.withdraw(sender=runner) == panel.lock - panel.lock // 100
    assert world.stakes.position(number).amount == 0


def test_declaring_and_unbonding_after_the_seed_reroll_nobody(world: World) -> None:
    """Once the block is known, members who make themselves unfit are replaced one by one; the other seats stay."""
    submission = world.submit(world.open())
    target = world.committees.target_block(submission)
    boa.env.time_travel(blocks=target + 1 - boa.env.evm.patch.block_number)
    with boa.env.anchor():
        world.committees.draw(submission, sender=world.outsider)
        before = list(world.committees.committee(submission).members)
    world.stakes.declare(world.contributor, sender=world.stakes.account_of(before[1]))
    world.stakes.unbond(world.stake, sender=world.stakes.account_of(before[3]))
    with boa.reverts("committees: block within reach"):
        world.committees.redraw(submission, sender=world.outsider)
    world.committees.draw(submission, sender=world.outsider)
    after = list(world.committees.committee(submission).members)
    assert after[:4] == [before[0], *before[2:]]
    assert before[1] not in after


def test_a_draw_that_cannot_be_made_is_tried_a_bounded_number_of_times(world: World) -> None:
    """Too great a value seats nobody. Each window gives one new seed, never sooner, and after `draw_blocks` anyone ends it."""
    submission = world.submit(world.open(price=9000 * TOKEN, amount=10_000 * TOKEN), 1)
    tries, start = 0, boa.env.evm.patch.block_number
    while boa.env.evm.patch.block_number <= start + 300:
        target = world.committees.target_block(submission)
        boa.env.time_travel(blocks=max(0, target + 1 - boa.env.evm.patch.block_number))
        with boa.reverts("stakes: too few validators"):
            world.committees.draw(submission, sender=world.outsider)
        with boa.reverts("committees: block within reach"):
            world.committees.redraw(submission, sender=world.outsider)
        boa.env.time_travel(blocks=100 - boa.env.evm.patch.block_number % 100)
        world.committees.redraw(submission, sender=world.outsider)
        tries += 1
    assert tries <= 4
    boa.env.time_travel(blocks=7200)
    world.requests.void(submission, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == 9000 * TOKEN * 24 // 100


def test_all_absent_members_cost_only_themselves(world: World, case: int) -> None:
    """Where nobody votes in either round, bond and reservation return, each seat loses its penalty, and nothing stays locked."""
    world.wait(7200)
    world.tally(case, world.openings(case, [], {}))
    left = carried(world)
    panel = world.draw(case)
    world.wait(7200)
    world.tally(case, world.openings(case, [], {}, 5, left))
    world.past_challenge()
    world.requests.settle(case, sender=world.outsider)
    for number in panel.members:
        position = world.stakes.position(number)
        assert (position.amount, position.locked) == (world.stake - panel.lock // 100, 0)
    assert world.escrow.owed(world.token, world.contributor) == 12 * TOKEN
    assert world.escrow.ledger(world.requests.submission(case).request).free == 500 * TOKEN


def test_an_arbiter_can_only_move_bitmaps(world: World, case: int) -> None:
    """A ruling cannot give more records than there are, hold twice, or come after its time; what it pays is what records pay."""
    world.reviews.propose_arbiter(world.outsider, sender=world.deployer)
    world.wait(2)
    world.review_jointly(case, [NO] * 5)
    world.reviews.hold(case, sender=world.outsider)
    with boa.reverts("reviews: bits beyond the last record"):
        world.reviews.rule(case, b"\xff" * 32, bytes(32), sender=world.outsider)
    with boa.reverts("reviews: record both rejected and hung"):
        world.reviews.rule(case, NO, NO, sender=world.outsider)
    world.reviews.rule(case, YES, YES, sender=world.outsider)
    for again in (lambda: world.reviews.hold(case, sender=world.outsider),
                  lambda: world.reviews.rule(case, YES, YES, sender=world.outsider)):  # fmt: skip
        with boa.reverts():
            again()
    before = world.token.balanceOf(world.contributor)
    world.requests.claim(case, sender=world.contributor)
    assert world.token.balanceOf(world.contributor) - before == 62 * TOKEN
    assert world.escrow.ledger(world.requests.submission(case).request).free == 448 * TOKEN
