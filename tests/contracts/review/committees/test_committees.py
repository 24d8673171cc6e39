"""Committees: terms by the law, which block draws, who sits."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import Refused
from sheaf.governance.parameters import ParametersTwin
from sheaf.review.committees import Case, CommitteesTwin, seed_of, target_of, terms
from sheaf.review.stakes import DRAW as DRAW_POWER
from sheaf.review.stakes import StakesTwin
from tests.contracts.conftest import (
    DRAW,
    MAX_STAKE,
    MIN_STAKE,
    MOCKS,
    PERIOD_BLOCKS,
    TOKEN,
    UNBONDING_SECONDS,
    load,
    mine_to,
    next_period,
)

NOBODY = "0x" + "0" * 40


@pytest.fixture
def cases(committees: Any, stakes: Any, deployer: str) -> Any:
    """Stand-in for Requests and Reviews, wired; Committees may draw."""
    cases = boa.load(str(MOCKS / "Cases.vy"))
    committees.wire(cases, cases, sender=deployer)
    stakes.appoint(committees, DRAW, sender=deployer)
    return cases


@pytest.fixture
def twins(committees: Any, stakes: Any, deployer: str) -> CommitteesTwin:
    twin = StakesTwin(deployer, PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE)
    twin.appoint(deployer, "committees", DRAW_POWER)
    return CommitteesTwin(twin, ParametersTwin(deployer, True).words())


def _staked(bond: Any, twins: CommitteesTwin, amounts: list[int]) -> list[str]:
    accounts = [str(boa.env.generate_address()) for _ in amounts]
    for account, amount in zip(accounts, amounts, strict=True):
        _clock(twins)
        bond(account, amount)
        twins.stakes.stake(account, amount)
    next_period()
    _clock(twins)
    return accounts


def _clock(twins: CommitteesTwin) -> None:
    twins.stakes.block = boa.env.evm.patch.block_number
    twins.stakes.now = boa.env.evm.patch.timestamp


def _put(cases: Any, submission: int, case: Case) -> None:
    cases.put(
        submission,
        (
            case.phase,
            case.buyer,
            case.contributor,
            case.records,
            case.value_stake,
            case.fee_bps,
            case.block_number,
            2000,
        ),
    )
    cases.hang(submission, case.hung_block)


def _case(buyer: str, contributor: str, value: int = 50 * TOKEN, **changes: int) -> Case:
    fields = {"phase": 1, "block_number": boa.env.evm.patch.block_number} | changes
    return Case(buyer=buyer, contributor=contributor, records=50, value_stake=value, fee_bps=400, **fields)


def _same(committees: Any, twins: CommitteesTwin, submission: int) -> None:
    expected, panel = twins.committees[submission], committees.committee(submission)
    assert (panel.size, panel.first_size, panel.quorum) == (
        expected.size,
        expected.first_size,
        expected.quorum,
    )
    assert (panel.lock, panel.commit_until, panel.reveal_until) == (
        expected.lock,
        expected.commit_until,
        expected.reveal_until,
    )
    assert tuple(panel.members) == expected.members
    accounts = [twins.stakes.validators[number - 1].account for number in expected.members]
    assert committees.accounts(submission) == accounts
    assert committees.sitting(submission)[1] == accounts
    assert [committees.seat_account(submission, seat) for seat in range(expected.size)] == accounts
    with boa.reverts("committees: no such seat"):
        committees.seat_account(submission, expected.size)


def _hash(block: int) -> bytes:
    return bytes(boa.eval(f"blockhash({block})"))


@pytest.mark.parametrize(
    ("value", "seats", "quorum", "rate"),
    [
        (50 * TOKEN, 5, 4, "2.31"),
        (1000 * TOKEN - 1, 5, 4, "2.31"),
        (1000 * TOKEN, 7, 5, "1.84"),
        (9999 * TOKEN, 7, 5, "1.84"),
        (10_000 * TOKEN, 11, 8, "1.15"),
    ],
)
def test_terms_of_the_law(committees: Any, value: int, seats: int, quorum: int, rate: str) -> None:
    """Seats, quorum and lock by value are those of the law at its defaults: 5 of 4 at 2.31, 7 of 5 at 1.84, 11 of 8 at 1.15."""
    m, k, lock = committees.terms(value, 400)
    assert (m, k) == (seats, quorum)
    assert abs(lock / value - float(rate)) < 0.006


def test_terms_equal_their_twin(committees: Any, parameters: Any, deployer: str) -> None:
    """For random parameters, values and fees the contract's terms are the twin's."""
    rng = random.Random(8)
    twin = ParametersTwin(deployer, True)
    for _ in range(40):
        changes = {
            "audit_bps": rng.randint(300, 5000),
            "bond_percent": rng.randint(20, 50),
            "bond_floor_percent": rng.randint(1, 20),
        }
        for name, value in changes.items():
            twin.set(deployer, name, value)
            parameters.set(
                {"audit_bps": 5, "bond_percent": 9, "bond_floor_percent": 14}[name], value, sender=deployer
            )
        value, fee = rng.randint(0, 2 ** rng.randint(1, 88)), rng.randint(0, 5000)
        assert tuple(committees.terms(value, fee)) == tuple(terms(twin.words(), value, fee))


def test_terms_refusals(committees: Any) -> None:
    """Values and fees beyond all reason are refused by name."""
    with boa.reverts("committees: value too large"):
        committees.terms(2**88 + 1, 400)
    with boa.reverts("committees: fee too large"):
        committees.terms(1, 10_001)
    assert committees.terms(2**88, 10_000)[2] < 2**96


@given(
    audit_bps=st.integers(300, 5000),
    floor_percent=st.integers(1, 20),
    fee_bps=st.integers(0, 10_000),
    tier=st.tuples(st.integers(0, 5).map(lambda n: 2 * n + 1), st.data()),
    value=st.integers(0, 2**88),
)
def test_lock_is_always_above_the_law(
    audit_bps: int, floor_percent: int, fee_bps: int, tier: tuple[int, st.DataObject], value: int
) -> None:
    """The lock exceeds V·[((1 - a)/a)(1 + fee k/m) - bond]/k for all parameters within bounds, exactly, and by at most V/10,000 and 1."""
    m, data = tier
    k = data.draw(st.integers(m // 2 + 1, m))
    parameters = ParametersTwin("governor", True)
    changes = {
        "audit_bps": audit_bps,
        "bond_percent": 50,
        "bond_floor_percent": floor_percent,
        "small_value": 1,
        "large_value": 1,
    }
    for name, number in changes.items():
        parameters.set("governor", name, number)
    for place in range(3):
        parameters.set_round("governor", place, m, k)
    size, quorum, lock = terms(parameters.words(), value, fee_bps)
    assert (size, quorum) == (m, k)
    a = Fraction(audit_bps, 10_000)
    least = ((1 - a) / a * (1 + Fraction(fee_bps * k, 10_000 * m)) - Fraction(floor_percent, 100)) / k
    assert lock >= value * least and (value == 0 or lock > value * least)
    assert lock <= value * (least + Fraction(1, 10_000)) + 1


@given(anchor=st.integers(0, 10**9), delay=st.integers(1, 64), period_blocks=st.integers(4, 10**6))
def test_target_leaves_time_to_draw(anchor: int, delay: int, period_blocks: int) -> None:
    """The target comes at least the delay after its anchor, and leaves a block of its period in which the draw can be called."""
    target = target_of(anchor, delay, period_blocks)
    assert anchor + delay <= target <= anchor + delay + period_blocks
    assert (target + 1) // period_blocks == target // period_blocks
    assert 4 * (target % period_blocks) < 3 * period_blocks


def test_draw_seats_a_committee_and_locks_its_stake(
    committees: Any,
    cases: Any,
    stakes: Any,
    bond: Any,
    twins: CommitteesTwin,
    buyer: str,
    contributor: str,
    outsider: str,
) -> None:
    """Anyone may draw once the target block has passed; members, locks and times are those of the twin."""
    _staked(bond, twins, [(100 + 50 * i) * TOKEN for i in range(12)])
    case = _case(buyer, contributor)
    _put(cases, 1, case)
    assert not committees.is_drawn(1) and committees.committee(1).size == 0
    with boa.reverts("committees: no such seat"):
        committees.seat_account(1, 0)
    target = committees.target_block(1)
    assert target == twins.target_block(1, case) == case.block_number + 2
    for block in (target - 1, target):
        mine_to(block)
        with boa.reverts("committees: too early"):
            committees.draw(1, sender=outsider)
    mine_to(target + 1)
    _clock(twins)
    committees.draw(1, sender=outsider)
    drawn = twins.draw(1, case, _hash(target))
    _same(committees, twins, 1)
    assert committees.is_drawn(1)
    assert all(stakes.position(number).locked == drawn.lock for number in drawn.members)
    assert drawn.commit_until == twins.stakes.now + 3600 and drawn.reveal_until == drawn.commit_until + 3600
    for call in (committees.draw, committees.redraw, committees.target_block):
        with boa.reverts("committees: drawn already"):
            call(1)


@pytest.mark.parametrize(("value", "size"), [(50 * TOKEN, 5), (2000 * TOKEN, 7), (20_000 * TOKEN, 11)])
def test_enlargement_seats_one_more_than_there_are(
    committees: Any,
    cases: Any,
    bond: Any,
    twins: CommitteesTwin,
    buyer: str,
    contributor: str,
    value: int,
    size: int,
) -> None:
    """A hung case gets m + 1 more members with the same lock, none of whom sits already; then it is never drawn again."""
    accounts = _staked(bond, twins, [MAX_STAKE // 2 + i * TOKEN for i in range(25)])
    case = _case(accounts[0], contributor, value)
    _put(cases, 7, case)
    mine_to(committees.target_block(7) + 1)
    _clock(twins)
    committees.draw(7)
    first = twins.draw(7, case, _hash(twins.stakes.block - 1))
    _same(committees, twins, 7)
    hung = _case(
        accounts[0], contributor, value, hung_block=twins.stakes.block, block_number=case.block_number
    )
    _put(cases, 7, hung)
    target = committees.target_block(7)
    assert target == twins.target_block(7, hung)
    mine_to(target + 1)
    _clock(twins)
    committees.draw(7)
    both = twins.draw(7, hung, _hash(target))
    _same(committees, twins, 7)
    assert both.size == 2 * size + 1 and both.first_size == size and both.lock == first.lock
    assert len(set(both.members)) == both.size and 1 not in both.members
    with boa.reverts("committees: drawn already"):
        committees.draw(7)


def test_target_moves_out_of_the_last_quarter(
    committees: Any, cases: Any, bond: Any, twins: CommitteesTwin, buyer: str, contributor: str
) -> None:
    """What would be drawn in the last quarter of a period is drawn in the next, from its weights."""
    _staked(bond, twins, [100 * TOKEN] * 3 + [200 * TOKEN] * 3)
    start = boa.env.evm.patch.block_number
    mine_to(start + 72)
    _put(cases, 1, _case(buyer, contributor))
    assert committees.target_block(1) == start + 74
    mine_to(start + 73)
    _put(cases, 2, _case(buyer, contributor))
    assert committees.target_block(2) == start + PERIOD_BLOCKS + 2


def test_missed_draws_are_anchored_anew(
    committees: Any,
    cases: Any,
    bond: Any,
    twins: CommitteesTwin,
    buyer: str,
    contributor: str,
    outsider: str,
) -> None:
    """When the period has passed the draw is refused, anyone may anchor it anew, and then it draws; before, nobody may."""
    _staked(bond, twins, [400 * TOKEN] * 12)
    case = _case(buyer, contributor)
    _put(cases, 1, case)
    target = committees.target_block(1)
    for block in (target, target + 1):
        mine_to(block)
        with boa.reverts("committees: block within reach"):
            committees.redraw(1, sender=outsider)
    next_period()
    _clock(twins)
    with boa.reverts("committees: block out of reach"):
        committees.draw(1)
    with pytest.raises(Refused, match="out of reach"):
        twins.draw(1, case, bytes(32))
    committees.redraw(1, sender=outsider)
    moved = twins.redraw(1, case)
    assert committees.target_block(1) == moved > target
    assert not committees.is_drawn(1) and committees.committee(1).size == 0
    with boa.reverts("committees: block within reach"):
        committees.redraw(1)
    mine_to(moved + 1)
    _clock(twins)
    committees.draw(1)
    twins.draw(1, case, _hash(moved))
    _same(committees, twins, 1)


def test_missed_enlargements_are_anchored_anew(
    committees: Any, cases: Any, bond: Any, twins: CommitteesTwin, buyer: str, contributor: str
) -> None:
    """The second draw can be missed and anchored anew like the first, and the first committee stays meanwhile."""
    _staked(bond, twins, [400 * TOKEN] * 12)
    case = _case(buyer, contributor)
    _put(cases, 1, case)
    mine_to(committees.target_block(1) + 1)
    _clock(twins)
    committees.draw(1)
    twins.draw(1, case, _hash(twins.stakes.block - 1))
    hung = _case(buyer, contributor, hung_block=twins.stakes.block)
    _put(cases, 1, hung)
    next_period()
    _clock(twins)
    committees.redraw(1)
    moved = twins.redraw(1, hung)
    assert committees.target_block(1) == moved
    _same(committees, twins, 1)
    mine_to(moved + 1)
    _clock(twins)
    committees.draw(1)
    twins.draw(1, hung, _hash(moved))
    _same(committees, twins, 1)


def test_a_block_hash_is_out_of_reach_after_255_blocks(
    token: Any, parameters: Any, buyer: str, contributor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a long period a draw can be called for 255 blocks after its target, and not in the 256th."""
    stakes = load("review/Stakes.vy").deploy(
        token.address, parameters.address, 10_000, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE
    )
    committees = load("review/Committees.vy").deploy(
        parameters.address, stakes.address, load("review/BlockBeacon.vy").deploy()
    )
    cases = boa.load(str(MOCKS / "Cases.vy"))
    committees.wire(cases, cases)
    mine_to(10_000)
    _put(cases, 1, _case(buyer, contributor))
    mine_to(committees.target_block(1) + 255)
    with boa.reverts("committees: block within reach"):
        committees.redraw(1)
    hashes = [b"\x01" * 32] * 256
    monkeypatch.setattr(boa.env.evm.vm.state.execution_context, "_prev_hashes", hashes)
    with boa.reverts("appointments: not appointed"):
        committees.draw(1)
    boa.env.time_travel(blocks=1)
    with boa.reverts("committees: block out of reach"):
        committees.draw(1)


@pytest.mark.parametrize("phase", [0, 2, 3])
def test_only_pending_submissions_are_drawn(
    committees: Any, cases: Any, buyer: str, contributor: str, phase: int
) -> None:
    """What does not exist, is settled or void gets no committee."""
    _put(cases, 1, _case(buyer, contributor, phase=phase))
    for call in (committees.draw, committees.redraw, committees.target_block):
        with boa.reverts("committees: not pending"):
            call(1)


def test_too_few_validators_wait(
    committees: Any, cases: Any, bond: Any, twins: CommitteesTwin, buyer: str, contributor: str
) -> None:
    """Where fewer can sit than the round needs, nothing is drawn and nothing is locked."""
    accounts = _staked(bond, twins, [400 * TOKEN] * 5)
    _put(cases, 1, _case(accounts[0], contributor))
    mine_to(committees.target_block(1) + 1)
    with boa.reverts("stakes: too few validators"):
        committees.draw(1)
    assert not committees.is_drawn(1)


def test_wired_once_by_the_deployer(committees: Any, deployer: str, outsider: str) -> None:
    """Nobody else can wire, nothing empty can be wired, and it cannot be done again."""
    with boa.reverts("committees: not the deployer"):
        committees.wire(outsider, outsider, sender=outsider)
    for requests, reviews in ((NOBODY, outsider), (outsider, NOBODY)):
        with boa.reverts("committees: nothing to wire"):
            committees.wire(requests, reviews, sender=deployer)
    committees.wire(outsider, outsider, sender=deployer)
    with boa.reverts("committees: wired already"):
        committees.wire(deployer, deployer, sender=deployer)


def test_seed_binds_block_submission_and_round() -> None:
    """Another block, submission or round gives another seed."""
    seeds = {seed_of(bytes([b]) * 32, s, r) for b in range(3) for s in range(3) for r in (1, 2)}
    assert len(seeds) == 18
