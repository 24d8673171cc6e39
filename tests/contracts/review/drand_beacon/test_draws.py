"""Draws, juries and audits by published rounds of drand: the round is fixed first, anyone posts it, and nobody is stuck without it."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from sheaf.review import drand_beacon, openings
from sheaf.review.committees import seed_of
from tests.contracts.review.disputes.court import Court
from tests.contracts.review.drand_beacon.test_drand_beacon import ROUNDS

FIRST, SECOND = ROUNDS
N = 20
VALID = openings.pack([False] * N)


def _time_of(number: int, delay: int = 2) -> int:
    """Return a time from which a round lies just `delay` rounds, and the margin, ahead."""
    return drand_beacon.GENESIS + drand_beacon.PERIOD * (number - 1 - drand_beacon.MARGIN - delay)


def _go(court: Court, number: int) -> None:
    """Be at the time from which a round is fixed, in the first quarter of the next period."""
    boa.env.evm.patch.timestamp = _time_of(number)
    boa.env.evm.patch.block_number += 110 - boa.env.evm.patch.block_number % 100


def _post(court: Court, number: int, *, is_verified: bool = False) -> bytes:
    """Post a published round; pairings take seconds here, so that only one test has it verified once more."""
    signature = bytes.fromhex(ROUNDS[number])
    value = drand_beacon.randomness(signature)
    if is_verified:
        court.world.lots.post(number, drand_beacon.uncompressed(signature), sender=court.world.outsider)
    else:
        court.world.lots.eval(f"self._values[{number}] = 0x{value.hex()}")
    return value


@pytest.fixture(scope="module")
def _drawn() -> Iterator[Court]:
    with boa.env.anchor():
        boa.env.evm.patch.timestamp = _time_of(FIRST) - 16 * 86_400
        court = Court(beacon="DrandBeacon")
        _go(court, FIRST)
        yield court


@pytest.fixture
def court(_drawn: Court) -> Iterator[Court]:
    """A market with a court that draws by drand, half a minute before the first published round is due."""
    with boa.env.anchor():
        yield _drawn


def test_a_committee_is_drawn_by_a_round_published_after(court: Court) -> None:
    """The round is fixed by a transaction after the submission, once; when it is posted it draws, by the seed that the round gives."""
    world = court.world
    submission = world.submit(world.open(), N)
    with boa.reverts("committees: block out of reach"):
        world.committees.draw(submission)
    world.committees.redraw(submission, sender=world.outsider)
    assert world.committees.target_block(submission) == boa.env.evm.patch.block_number
    with boa.reverts("committees: block within reach"):
        world.committees.redraw(submission)
    with boa.reverts("committees: too early"):
        world.committees.draw(submission)
    value = _post(court, FIRST, is_verified=True)
    period = world.stakes.current_period()
    parties = [world.buyer, world.contributor]
    lock = world.committees.terms(N * 10**18, 400)[2]
    expected = world.stakes.pick(seed_of(value, submission, 1), period, 5, lock, parties, [])
    world.committees.draw(submission, sender=world.outsider)
    assert world.committees.committee(submission).members == expected


def test_a_round_that_nobody_posts_is_replaced_and_void_after_all(court: Court) -> None:
    """When the period is over another round is fixed, and the first, posted late, draws nothing; without any the submission is void."""
    world = court.world
    submission, other = (world.submit(world.open(), N) for _ in range(2))
    for one in (submission, other):
        world.committees.redraw(one, sender=world.outsider)
    _go(court, SECOND)
    _post(court, FIRST)
    with boa.reverts("committees: block out of reach"):
        world.committees.draw(submission)
    world.committees.redraw(submission, sender=world.outsider)
    with boa.reverts("committees: too early"):
        world.committees.draw(submission)
    _post(court, SECOND)
    world.committees.draw(submission, sender=world.outsider)
    assert world.committees.committee(submission).size == 5
    boa.env.time_travel(blocks=world.parameters.get(4) + 1)
    world.requests.void(other, sender=world.outsider)
    assert world.requests.submission(other).phase == 3


def test_no_round_is_fixed_late_in_a_period(court: Court) -> None:
    """In the last quarter of a period nothing is fixed: who would see the round could let the period lapse instead of drawing."""
    world = court.world
    submission = world.submit(world.open(), N)
    boa.env.evm.patch.block_number += 65
    with boa.reverts("committees: too late in the period"):
        world.committees.redraw(submission)


def test_juries_and_audits_are_drawn_by_rounds(court: Court) -> None:
    """An audit is chosen by the round after the count, which a hold does not move; a jury by one fixed after the case was opened."""
    world = court.world
    submission = world.submit(world.open(), N)
    world.committees.redraw(submission, sender=world.outsider)
    _post(court, FIRST)
    world.committees.draw(submission, sender=world.outsider)
    _go(court, SECOND)
    world.committees.committee(submission)
    boa.env.evm.patch.timestamp = world.committees.committee(submission).commit_until - 100
    world.review_jointly(submission, [VALID] * 5)
    with boa.reverts("drand_beacon: round is not posted"):
        court.disputes.selected(submission)
    boa.env.evm.patch.block_number += 160 - boa.env.evm.patch.block_number % 100
    case = court.challenge(submission, 0b11, (VALID, VALID))
    with boa.reverts("disputes: block out of reach"):
        court.disputes.draw(case)
    court.disputes.redraw(case, sender=world.outsider)
    assert court.disputes.target_block(case) == boa.env.evm.patch.block_number
    assert court.jury(case).slot == world.lots.slot_ahead(2)
    with boa.reverts("disputes: block within reach"):
        court.disputes.redraw(case)
    with boa.reverts("disputes: too early"):
        court.disputes.draw(case)
    boa.env.evm.patch.block_number += 130
    with boa.reverts("disputes: too late in the period"):
        court.disputes.redraw(case)
