"""Reviews: commits, reveals, counts, rulings and their refusals, on a whole market."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boa
import pytest

from sheaf.review import openings, reviews
from tests.contracts.market_world import TOKEN, World, source

ZERO = "0x" + "00" * 20
N = 50
YES, NO = openings.pack([False] * N), openings.pack([True] * N)
HALF = openings.pack([i < 25 for i in range(N)])


def seat_of(world: World, case: int, seat: int) -> str:
    return str(world.committees.seat_account(case, seat))


def commit_all(world: World, case: int, bitmaps: list[bytes]) -> dict[int, bytes]:
    return {seat: world.commit(case, seat, bitmap) for seat, bitmap in enumerate(bitmaps)}


def reveal(world: World, case: int, seat: int, made: dict[int, bytes], **changes: Any) -> None:
    opening = world.secrets[case, seat]._replace(**changes)
    members = world.committees.accounts(case)
    order = openings.order_of(list(made), 0)
    joint = openings.seals(made, members, 0)
    world.reviews.reveal(case, *opening, order, joint, sender=world.outsider)


def tally(world: World, case: int, seats: list[int], made: dict[int, bytes], **changes: Any) -> None:
    world.tally(case, replace(world.openings(case, seats, made), **changes))


def hang(world: World, case: int) -> list[int]:
    """Let round 1 leave 25 records hung; return what it carries."""
    world.review_jointly(case, [HALF, HALF, HALF, YES, YES])
    return left_by(world)


def left_by(world: World) -> list[int]:
    """Return what the count of the last transaction left to the second round."""
    return next(list(e.carried) for e in world.reviews.get_logs() if type(e).__name__ == "RoundHung")


def test_alone_and_jointly_come_to_the_same(world: World, case: int) -> None:
    """The verdict does not depend on how members committed, nor on whether they revealed on chain."""
    votes = [HALF, HALF, HALF, HALF, YES]
    verdicts = []
    for way in ("jointly", "alone", "revealed", "mixed"):
        with boa.env.anchor():
            if way == "jointly":
                made = world.commit_jointly(case, dict(enumerate(votes)))
            elif way == "mixed":
                made = {3: world.commit(case, 3, votes[3])}
                made |= world.commit_jointly(case, {0: votes[0], 4: votes[4]})
                made |= {2: world.commit(case, 2, votes[2]), 1: world.commit(case, 1, votes[1])}
            else:
                made = commit_all(world, case, votes)
            if way in ("revealed", "mixed"):
                for seat in (4, 1):
                    reveal(world, case, seat, made)
            tally(world, case, [0, 1, 2, 3, 4], made)
            verdicts.append(tuple(world.reviews.review(case))[3:])
    assert len(set(verdicts)) == 1
    assert verdicts[0][2:5] == (25, 25, 50)


def test_a_verdict_is_announced_whole(world: World, case: int) -> None:
    """The event has both bitmaps, and the contract keeps their hash."""
    world.review_jointly(case, [NO] * 4 + [HALF])
    event = next(e for e in world.reviews.get_logs() if type(e).__name__ == "Tallied")
    assert (event.round, event.opened, event.approved, event.rejected, event.hung) == (1, 31, 0, 50, 0)
    assert event.rejected_bitmap == NO
    assert event.hung_bitmap == bytes(32)
    verdict = openings.keccak(NO + bytes(32))
    assert world.reviews.review(case).verdict == verdict == world.reviews.digest(case)


def test_commits_are_refused_to_whoever_does_not_sit(world: World, case: int) -> None:
    """A seat's commitment comes from the account that sits there: not another member, the buyer, the contributor or an outsider."""
    commitment = world.vote(case, 0, YES)
    for account in (seat_of(world, case, 1), world.buyer, world.contributor, world.outsider):
        with boa.reverts("reviews: not this seat's validator"):
            world.reviews.commit(case, 0, commitment, sender=account)


@pytest.mark.parametrize("seat", [5, 22, 23, 255, 256, 2**255])
def test_commits_need_a_seat_of_the_round(world: World, case: int, seat: int) -> None:
    """Seats that are not there, however large their number, are refused."""
    with boa.reverts("reviews: no such seat in this round"):
        world.reviews.commit(case, seat, b"\x01" * 32, sender=world.outsider)


def test_commits_need_a_committee_and_their_time(world: World, case: int) -> None:
    """No commits before the draw, twice, or after the window."""
    undrawn = world.submit(world.open())
    with boa.reverts("reviews: no committee"):
        world.reviews.commit(undrawn, 0, YES, sender=world.outsider)
    with boa.reverts("reviews: no committee"):
        world.reviews.commit(999, 0, YES, sender=world.outsider)
    world.commit(case, 0, YES)
    with boa.reverts("reviews: already committed"):
        world.commit(case, 0, NO)
    world.wait(3600)
    with boa.reverts("reviews: commit window closed"):
        world.commit(case, 1, YES)


def test_signatures_bind_seat_submission_and_commitment(world: World, case: int) -> None:
    """A signature of another seat, submission, commitment, contract or account does not commit a seat."""
    other = world.submit(world.open())
    world.draw(other)
    made = [world.vote(case, seat, YES) for seat in range(5)]
    good = [world.signature(case, seat, commitment) for seat, commitment in enumerate(made)]
    foreign = openings.typed_data(boa.env.evm.patch.chain_id, world.escrow.address, case, 0, made[0])
    elsewhere = openings.typed_data(boa.env.evm.patch.chain_id + 1, world.reviews.address, case, 0, made[0])
    key = world.keys[seat_of(world, case, 0)]
    wrong = {
        "another seat's": good[1],
        "another submission's": world.signature(other, 0, made[0]),
        "another commitment's": world.signature(case, 0, made[1]),
        "another contract's": bytes(key.sign_typed_data(*foreign).signature),
        "another chain's": bytes(key.sign_typed_data(*elsewhere).signature),
    }
    for signature in wrong.values():
        with boa.reverts("reviews: not the signature of this seat's validator"):
            world.reviews.commit_jointly(case, 31, made, [signature, *good[1:]], sender=world.outsider)
    for malformed in (b"", good[0][:64], good[0][:64] + b"\x05", bytes(64) + b"\x1b"):
        with boa.reverts("reviews: malformed signature"):
            world.reviews.commit_jointly(case, 31, made, [malformed, *good[1:]], sender=world.outsider)
    world.reviews.commit_jointly(case, 31, made, good, sender=world.outsider)
    with boa.reverts("reviews: already committed"):
        world.reviews.commit_jointly(case, 31, made, good, sender=world.outsider)


def test_a_group_needs_its_commitments(world: World, case: int) -> None:
    """A group has a commitment and a signature for each of its seats, and at least one seat of the round."""
    made = [world.vote(case, seat, YES) for seat in range(5)]
    signed = [world.signature(case, seat, commitment) for seat, commitment in enumerate(made)]
    for group in (0, 32, 63, 2**255):
        with boa.reverts("reviews: no such seat in this round"):
            world.reviews.commit_jointly(case, group, made, signed, sender=world.outsider)
    with boa.reverts("reviews: one commitment per seat"):
        world.reviews.commit_jointly(case, 31, made[:4], signed[:4], sender=world.outsider)
    with boa.reverts("reviews: one signature per commitment"):
        world.reviews.commit_jointly(case, 31, made, signed[:4], sender=world.outsider)
    with boa.reverts("reviews: no committee"):
        world.reviews.commit_jointly(999, 31, made, signed, sender=world.outsider)


def test_reveals_wait_for_the_commits(world: World, case: int) -> None:
    """A seat opens after all have committed or the time for it is over, in the window, once, with its own opening."""
    made = {0: world.commit(case, 0, HALF)}
    with boa.reverts("reviews: still committing"):
        reveal(world, case, 0, made)
    made |= {seat: world.commit(case, seat, YES) for seat in (1, 2, 3)}
    world.wait(3600)
    with boa.reverts("reviews: not committed"):
        world.reviews.reveal(case, 4, world.outsider, bytes(32), YES, 0, [], sender=world.outsider)
    for seat in (5, 256, 2**255):
        with boa.reverts("reviews: not committed"):
            world.reviews.reveal(case, seat, world.outsider, bytes(32), YES, 0, [], sender=world.outsider)
    for changes in ({"salt": bytes(32)}, {"bitmap": YES}, {"account": seat_of(world, case, 1)}):
        with boa.reverts("reviews: opening does not match"):
            reveal(world, case, 0, made, **changes)
    with boa.reverts("reviews: wrong length"):
        reveal(world, case, 0, made, bitmap=HALF + bytes(32))
    with boa.reverts("reviews: wrong length"):
        reveal(world, case, 0, made, bitmap=b"")
    with boa.reverts("reviews: bits beyond the last record"):
        reveal(world, case, 0, made, bitmap=openings.pack([False] * 50 + [True]))
    reveal(world, case, 0, made)
    with boa.reverts("reviews: already revealed"):
        reveal(world, case, 0, made)
    world.wait(3600)
    with boa.reverts("reviews: reveal window closed"):
        reveal(world, case, 1, made)
    undrawn = world.submit(world.open())
    with boa.reverts("reviews: no committee"):
        world.reviews.reveal(undrawn, 0, world.outsider, bytes(32), YES, 0, [], sender=world.outsider)


def test_the_order_of_commits_must_be_true(world: World, case: int) -> None:
    """An order that is not that of the commits, or names seats that are not there, opens nothing."""
    made = {seat: world.commit(case, seat, YES) for seat in (4, 0, 3, 1, 2)}
    members = world.committees.accounts(case)
    joint = openings.seals(made, members, 0)
    opening = world.secrets[case, 0]
    for order in (0, openings.order_of([0, 4, 3, 1, 2], 0), 12, 2**256 - 1):
        with boa.reverts("reviews: opening does not match"):
            world.reviews.reveal(case, *opening, order, joint, sender=world.outsider)
    reveal(world, case, 0, made)


def test_a_copied_commitment_cannot_be_opened(world: World, case: int) -> None:
    """Who copies a commitment commits to nothing: the opening carries its maker's account."""
    made = {seat: world.commit(case, seat, HALF) for seat in range(4)}
    world.reviews.commit(case, 4, made[0], sender=seat_of(world, case, 4))
    made[4] = made[0]
    thief = world.secrets[case, 0]._replace(seat=4)
    world.secrets[case, 4] = thief
    for account in (thief.account, seat_of(world, case, 4)):
        with boa.reverts("reviews: opening does not match"):
            reveal(world, case, 4, made, account=account)
        with boa.reverts("reviews: opening does not match"):
            accounts = [*world.committees.accounts(case)[:4], account]
            tally(world, case, [0, 1, 2, 3, 4], made, accounts=tuple(accounts))


def test_a_count_needs_all_that_committed(world: World, case: int) -> None:
    """Before the time to reveal is over nobody can be left out; after it, nobody who opened on chain."""
    made = commit_all(world, case, [HALF] * 5)
    with boa.reverts("reviews: still open to votes"):
        tally(world, case, [0, 1, 2, 3], made)
    reveal(world, case, 4, made)
    world.wait(7200)
    with boa.reverts("reviews: leaves out a revealed seat"):
        tally(world, case, [0, 1, 2, 3], made)
    tally(world, case, [1, 2, 3, 4], made)
    assert world.reviews.review(case).opened_mask == 0b11110


def test_a_count_waits_for_the_commits(world: World, case: int) -> None:
    """Before all have committed and before the time for it is over there is nothing to count."""
    made = {seat: world.commit(case, seat, YES) for seat in range(4)}
    with boa.reverts("reviews: still open to votes"):
        tally(world, case, [0, 1, 2, 3], made)
    with boa.reverts("reviews: seat without a commitment"):
        world.secrets[case, 4] = world.secrets[case, 0]
        tally(world, case, [0, 1, 2, 3, 4], made | {4: bytes(32)})
    world.wait(3600)
    tally(world, case, [0, 1, 2, 3], made)
    assert world.reviews.review(case).phase == reviews.DECIDED


@pytest.mark.parametrize("way", ["jointly", "alone"])
def test_forged_openings_are_not_counted(world: World, case: int, way: str) -> None:
    """Another bitmap, salt or account, bitmaps of the wrong length, or bits beyond the records: nothing of it is counted."""
    made = (
        world.commit_jointly(case, dict.fromkeys(range(5), HALF))
        if way == "jointly"
        else commit_all(world, case, [HALF] * 5)
    )
    good = world.openings(case, [0, 1, 2, 3, 4], made)
    beyond = openings.pack([True] * 51)
    for changes, reason in (
        ({"bitmaps": YES + good.bitmaps[32:]}, "reviews: opening does not match"),
        ({"bitmaps": good.bitmaps[32:]}, "reviews: wrong length"),
        ({"bitmaps": good.bitmaps + HALF}, "reviews: wrong length"),
        ({"salts": (bytes(32), *good.salts[1:])}, "reviews: opening does not match"),
        ({"salts": good.salts[1:]}, "reviews: one account and salt per seat"),
        ({"accounts": good.accounts[1:]}, "reviews: one account and salt per seat"),
        ({"accounts": (world.outsider, *good.accounts[1:])}, "reviews: opening does not match"),
        (
            {"accounts": (good.accounts[1], good.accounts[0], *good.accounts[2:])},
            "reviews: opening does not match",
        ),
        ({"bitmaps": beyond + good.bitmaps[32:]}, "reviews: opening does not match"),
        ({"carried": (1,)}, "reviews: not what round 1 left"),
    ):
        with boa.reverts(reason):
            tally(world, case, [0, 1, 2, 3, 4], made, **changes)
    tally(world, case, [0, 1, 2, 3, 4], made)
    with boa.reverts("reviews: not open to votes"):
        tally(world, case, [0, 1, 2, 3, 4], made)


def test_a_malformed_vote_harms_its_maker_alone(world: World, case: int) -> None:
    """Who commits to bits beyond the records cannot be counted, and cannot keep the others from being counted in the end."""
    made = commit_all(world, case, [YES] * 4 + [openings.pack([True] * 51)])
    with boa.reverts("reviews: bits beyond the last record"):
        tally(world, case, [0, 1, 2, 3, 4], made)
    world.wait(7200)
    tally(world, case, [0, 1, 2, 3], made)
    assert tuple(world.reviews.review(case))[3:7][2:] == (50, 0)


def test_a_joint_round_counts_without_who_withholds(world: World, case: int) -> None:
    """A member that signed and then withholds its opening cannot stop the count after the time to reveal."""
    made = world.commit_jointly(case, dict.fromkeys(range(5), YES))
    reveal(world, case, 2, made)
    world.wait(7200)
    with boa.reverts("reviews: opening does not match"):
        tally(world, case, [0, 1, 2, 3], made, joint=())
    tally(world, case, [0, 1, 2, 3], made)
    assert world.reviews.review(case).approved == 50


def test_missing_reveals_cost_a_part_of_the_lock(world: World, case: int) -> None:
    """Who did not open earns nothing and loses one hundredth of the lock; the others' stakes are free again."""
    made = commit_all(world, case, [YES] * 5)
    world.wait(7200)
    tally(world, case, [0, 1, 2, 3], made)
    world.past_challenge()
    panel = world.committees.committee(case)
    before = [world.stakes.position(member) for member in panel.members]
    assert all(position.locked == panel.lock for position in before)
    world.requests.settle(case, sender=world.outsider)
    after = [world.stakes.position(member) for member in panel.members]
    lost = [former.amount - latter.amount for former, latter in zip(before, after, strict=True)]
    assert lost == [0, 0, 0, 0, panel.lock // 100]
    assert all(position.locked == 0 for position in after)
    owed = [world.escrow.owed(world.token, account) for account in world.committees.accounts(case)]
    assert owed == [4 * TOKEN // 10] * 4 + [0]


def test_nobody_voting_is_nobodys_verdict(world: World, case: int) -> None:
    """A committee that stays silent leaves all records hung: enlarged, and silent again, all is returned and no fee is paid."""
    world.wait(3600)
    world.tally(case, reviews.Openings((), (), (), b""))
    carried = left_by(world)
    assert world.reviews.review(case).phase == reviews.HUNG
    world.draw(case)
    world.wait(3600)
    world.tally(case, reviews.Openings((), (), (), b"", carried=tuple(carried)))
    assert tuple(world.reviews.review(case))[:8] == (reviews.DECIDED, 2, 0, 0, world.now + 172_800, 0, 0, 0)
    world.past_challenge()
    assert world.requests.claim(case, sender=world.contributor) == 12 * TOKEN
    assert world.escrow.ledger(world.requests.submission(case).request).free == 500 * TOKEN


def test_hung_records_go_to_a_larger_committee(world: World, case: int) -> None:
    """A round without a quorum is enlarged to 2m+1 seats: the majority decides what was hung, and nothing that was decided."""
    carried = hang(world, case)
    view = world.reviews.review(case)
    assert (view.phase, view.approved, view.rejected, view.decided_first) == (reviews.HUNG, 25, 0, 25)
    assert world.reviews.hung_block(case) == boa.env.evm.patch.block_number
    panel = world.draw(case)
    assert panel.size == 11
    assert len(set(panel.members)) == 11
    assert world.reviews.review(case).phase == reviews.COMMITTING
    assert world.reviews.hung_block(case) != 0
    with boa.reverts("reviews: no such seat in this round"):
        world.reviews.commit(case, 0, YES, sender=seat_of(world, case, 0))
    made = world.commit_jointly(case, dict.fromkeys(range(5, 11), NO), 2)
    assert world.reviews.hung_block(case) == 0
    opened = world.openings(case, list(made), made, 5, carried)
    for wrong in ((), tuple(carried[:-1]), (1, *carried[1:]), (*carried, 0)):
        with boa.reverts("reviews: not what round 1 left"):
            world.tally(case, replace(opened, carried=wrong))
    world.tally(case, opened)
    view = world.reviews.review(case)
    assert (view.phase, view.round, view.approved, view.rejected) == (reviews.DECIDED, 2, 25, 25)
    assert (view.decided_first, view.opened_mask) == (25, 2**11 - 1)


def test_a_tie_in_the_second_round_stays_hung(world: World, case: int) -> None:
    """Where as many approve as reject after both rounds, nobody is at fault: the records return and pay no fee."""
    carried = hang(world, case)
    world.draw(case)
    made = world.commit_jointly(case, {5: YES, 6: YES, 7: YES, 8: HALF, 9: HALF, 10: HALF}, 2)
    world.wait(7200)
    world.tally(case, world.openings(case, [5, 6, 7, 8, 9], made, 5, carried))
    view = world.reviews.review(case)
    assert (view.approved, view.rejected, view.opened_mask) == (25, 0, 2**10 - 1)
    world.past_challenge()
    request = world.requests.submission(case).request
    left = world.requests.request(request).records_left
    world.requests.settle(case, sender=world.outsider)
    assert world.requests.request(request).records_left == left + 25


def test_who_is_not_enlarged_in_time_is_decided(world: World, case: int) -> None:
    """After `draw_blocks` without a second committee anyone may finalise; a committee that comes first prevents it."""
    with boa.reverts("reviews: not hung"):
        world.reviews.finalise(case, sender=world.outsider)
    hang(world, case)
    with boa.reverts("reviews: may still be enlarged"):
        world.reviews.finalise(case, sender=world.outsider)
    with boa.env.anchor():
        world.draw(case)
        boa.env.time_travel(blocks=8000)
        with boa.reverts("reviews: not hung"):
            world.reviews.finalise(case, sender=world.outsider)
    boa.env.time_travel(blocks=7201)
    world.reviews.finalise(case, sender=world.outsider)
    view = world.reviews.review(case)
    assert (view.phase, view.approved, view.rejected) == (reviews.DECIDED, 25, 0)
    with boa.reverts("reviews: no committee"):
        world.reviews.finalise(999, sender=world.outsider)


def test_closing_is_requests_alone_and_in_time(world: World, case: int) -> None:
    """Only Requests closes a review, once, after the challenge window of a decision."""
    with boa.reverts("reviews: not requests"):
        world.reviews.close(case, sender=world.deployer)
    with boa.reverts("reviews: not decided"):
        world.requests.settle(case, sender=world.outsider)
    world.review_jointly(case, [YES] * 5)
    with boa.reverts("reviews: still in the challenge window"):
        world.requests.settle(case, sender=world.outsider)
    world.past_challenge()
    world.requests.settle(case, sender=world.outsider)
    assert world.reviews.review(case).phase == reviews.CLOSED


def test_wiring_is_the_deployers_once(world: World) -> None:
    """Requests is named by the deployer, once, and cannot be nobody."""
    with boa.env.prank(world.deployer):
        fresh = source("review/Reviews.vy").deploy(world.parameters, world.committees, world.stakes)
    with boa.reverts("reviews: not the deployer"):
        fresh.wire(world.outsider, world.custody, sender=world.outsider)
    with boa.reverts("reviews: no requests"):
        fresh.wire(ZERO, world.custody, sender=world.deployer)
    fresh.wire(world.requests, world.custody, sender=world.deployer)
    with boa.reverts("reviews: already wired"):
        fresh.wire(world.requests, world.custody, sender=world.deployer)


def test_a_review_that_is_not_there_is_empty(world: World) -> None:
    """Views of what never was give zeros."""
    assert tuple(world.reviews.review(999)) == (0, 0, 0, 0, 0, 0, 0, 0, bytes(32))
    assert world.reviews.hung_block(999) == 0
    assert world.reviews.digest(999) == bytes(32)
