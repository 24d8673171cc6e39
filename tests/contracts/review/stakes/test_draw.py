"""The draw: equal to its twin, without the excluded, within its period."""

from __future__ import annotations

import random
from typing import Any

import boa
import pytest

from sheaf.domain.errors import Refused
from sheaf.review.stakes import Draw, StakesTwin
from tests.contracts.conftest import (
    MAX_STAKE,
    MIN_STAKE,
    PERIOD_BLOCKS,
    TOKEN,
    UNBONDING_SECONDS,
    load,
    next_period,
)

SEED = bytes(range(32))


@pytest.fixture
def twin(stakes: Any) -> StakesTwin:
    return StakesTwin("governor", PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE)


def _fill(stakes: Any, bond: Any, twin: StakesTwin, amounts: list[int]) -> list[str]:
    accounts = [str(boa.env.generate_address()) for _ in amounts]
    for account, amount in zip(accounts, amounts, strict=True):
        twin.block = boa.env.evm.patch.block_number
        assert bond(account, amount) == twin.stake(account, amount)
    next_period()
    twin.block, twin.now = boa.env.evm.patch.block_number, boa.env.evm.patch.timestamp
    return accounts


def _compare(stakes: Any, twin: StakesTwin, draw: Draw) -> None:
    period, excluded, seated = twin.period, list(draw.excluded), list(draw.seated)
    try:
        expected = twin.pick(draw, period)
    except Refused as refused:
        with boa.reverts(refused.reason):
            stakes.pick(draw.seed, period, draw.count, draw.lock, excluded, seated)
    else:
        assert list(stakes.pick(draw.seed, period, draw.count, draw.lock, excluded, seated)) == expected


@pytest.mark.parametrize("validators_count", [1, 3, 7, 8, 49, 50, 120])
def test_draw_equals_its_twin(stakes: Any, bond: Any, twin: StakesTwin, validators_count: int) -> None:
    """For trees of one, two and three levels, random stakes and random exclusions, contract and twin draw the same."""
    rng = random.Random(validators_count)
    accounts = _fill(
        stakes,
        bond,
        twin,
        [rng.randint(10, 10 ** rng.randint(2, 6)) * TOKEN for _ in range(validators_count)],
    )
    for i in range(0, validators_count, 5):
        party = rng.choice(accounts)
        stakes.declare(party, sender=accounts[i])
        twin.declare(accounts[i], party)
    for _ in range(25):
        draw = Draw(
            seed=rng.randbytes(32),
            count=rng.randint(0, min(12, validators_count)),
            lock=rng.choice([0, 1, 50 * TOKEN, 500 * TOKEN]),
            excluded=tuple(rng.sample(accounts, min(rng.randint(0, 2), validators_count))),
            seated=tuple(
                rng.sample(range(1, validators_count + 1), min(rng.randint(0, 11), validators_count))
            ),
        )
        _compare(stakes, twin, draw)


def test_locks_make_the_next_draw_pass_over(
    stakes: Any, bond: Any, twin: StakesTwin, judge_power: Any
) -> None:
    """Who is locked up to less than the lock is passed over; the order of the others stays."""
    _fill(stakes, bond, twin, [100 * TOKEN] * 6)
    everyone = judge_power.draw(SEED, 6, 10 * TOKEN)
    judge_power.release(everyone, 10 * TOKEN)
    first_three = judge_power.draw(SEED, 3, 60 * TOKEN)
    assert first_three == everyone[:3]
    assert judge_power.draw(SEED, 3, 60 * TOKEN) == everyone[3:]
    with boa.reverts("stakes: too few validators"):
        judge_power.draw(SEED, 1, 60 * TOKEN)
    assert judge_power.draw(SEED, 6, 40 * TOKEN) == everyone


def test_becoming_ineligible_never_rerolls_the_other_seats(
    stakes: Any, bond: Any, twin: StakesTwin, judge_power: Any, buyer: str
) -> None:
    """One who declares himself out after the seed is known is replaced by the next in order: the other seats stay."""
    accounts = _fill(stakes, bond, twin, [(10 + i) * TOKEN for i in range(20)])
    period = stakes.current_period()
    before = list(stakes.pick(SEED, period, 6, 1, [buyer], []))
    for i in range(5):
        with boa.env.anchor():
            stakes.declare(buyer, sender=accounts[before[i] - 1])
            after = list(stakes.pick(SEED, period, 5, 1, [buyer], []))
            assert after == before[:i] + before[i + 1 :]


def test_parties_affiliates_and_the_seated_are_never_drawn(stakes: Any, bond: Any, twin: StakesTwin) -> None:
    """Over 100 seeds the excluded accounts, who declared for them, and the seated do not appear; the rest all do."""
    accounts = _fill(stakes, bond, twin, [100_000 * TOKEN, *[50 * TOKEN] * 8])
    stakes.declare(accounts[0], sender=accounts[1])
    period = stakes.current_period()
    drawn: set[int] = set()
    for i in range(100):
        drawn |= set(stakes.pick(i.to_bytes(32, "big"), period, 3, 1, [accounts[0], accounts[2]], [4, 5]))
    assert drawn == {6, 7, 8, 9}


def test_draw_belongs_to_its_period(stakes: Any, bond: Any, twin: StakesTwin) -> None:
    """Neither the weights of the past nor those to come can be drawn from."""
    _fill(stakes, bond, twin, [50 * TOKEN] * 3)
    period = stakes.current_period()
    for other in (period - 1, period + 1, 0, 2**255):
        with boa.reverts("stakes: not this period"):
            stakes.pick(SEED, other, 1, 1, [], [])


def test_new_stake_cannot_be_drawn_in_the_period_in_which_it_came(
    stakes: Any, bond: Any, twin: StakesTwin, validators: list[str]
) -> None:
    """A whale that stakes after the period began changes nothing in it, and everything in the next."""
    _fill(stakes, bond, twin, [50 * TOKEN] * 3)
    period = stakes.current_period()
    before = list(stakes.pick(SEED, period, 3, 1, [], []))
    whale = bond(validators[0], MAX_STAKE)
    assert list(stakes.pick(SEED, period, 3, 1, [], [])) == before
    with boa.reverts("stakes: too few validators"):
        stakes.pick(SEED, period, 4, 1, [], [])
    assert whale in stakes.pick(SEED, next_period(), 1, 1, [], [])


def test_who_left_in_this_period_is_passed_over_only_for_want_of_stake(
    stakes: Any, bond: Any, twin: StakesTwin
) -> None:
    """Unbonding does not take one out of the draws of the period: what is leaving can still be locked."""
    accounts = _fill(stakes, bond, twin, [50 * TOKEN] * 3)
    stakes.unbond(50 * TOKEN, sender=accounts[0])
    assert sorted(stakes.pick(SEED, stakes.current_period(), 3, 50 * TOKEN, [], [])) == [1, 2, 3]
    with boa.reverts("stakes: too few validators"):
        stakes.pick(SEED, next_period(), 3, 50 * TOKEN, [], [])


def test_draw_refusals(stakes: Any, bond: Any, twin: StakesTwin) -> None:
    """More than 12 seats, locks beyond 96 bits, and draws from nobody are refused by name."""
    period = stakes.current_period()
    with boa.reverts("stakes: too few validators"):
        stakes.pick(SEED, period, 1, 1, [], [])
    _fill(stakes, bond, twin, [50 * TOKEN] * 3)
    period = stakes.current_period()
    with boa.reverts("stakes: too many seats"):
        stakes.pick(SEED, period, 13, 1, [], [])
    with boa.reverts("stakes: lock too large"):
        stakes.pick(SEED, period, 1, 2**96, [], [])
    assert list(stakes.pick(SEED, period, 0, 1, [], [])) == []


def test_patience_of_a_draw_is_bounded(stakes: Any, bond: Any, twin: StakesTwin, judge_power: Any) -> None:
    """Where more than 32 who cannot lock come first in order, the draw is refused rather than unbounded."""
    _fill(stakes, bond, twin, [1000 * TOKEN] * 40 + [MIN_STAKE])
    locked: set[int] = set()
    while len(locked) < 36:
        locked |= set(judge_power.draw(SEED, 12, 1000 * TOKEN))
    with boa.reverts("stakes: too few validators"):
        judge_power.draw(SEED, 5, 1000 * TOKEN)


def test_big_tree_reads_right_after_many_changes(token: Any, parameters: Any, deployer: str) -> None:
    """With 350 validators (four levels) whose stakes keep changing across periods, every weight equals the twin's."""
    period_blocks = 10
    stakes = load("review/Stakes.vy").deploy(
        token.address, parameters.address, period_blocks, 1, TOKEN, 1000 * TOKEN
    )
    twin = StakesTwin("governor", period_blocks, 1, TOKEN, 1000 * TOKEN)
    rng = random.Random(5)
    accounts = [str(boa.env.generate_address()) for _ in range(350)]
    for account in accounts:
        token.transfer(account, 10_000 * TOKEN, sender=deployer)
        token.approve(stakes, 2**256 - 1, sender=account)
    for step, account in enumerate([*accounts, *rng.choices(accounts, k=100)]):
        if rng.random() < 0.1:
            boa.env.time_travel(blocks=rng.randint(1, 2 * period_blocks))
        twin.block, twin.now = boa.env.evm.patch.block_number, boa.env.evm.patch.timestamp
        amount = rng.randint(1, 20) * TOKEN
        if step < 350 or rng.random() < 0.5:
            assert stakes.stake(amount, sender=account) == twin.stake(account, amount)
        elif twin.position(twin.ids[account]).amount == twin.position(twin.ids[account]).unbonding:
            continue
        else:
            bonded = twin.position(twin.ids[account]).amount - twin.position(twin.ids[account]).unbonding
            stakes.unbond(bonded, sender=account)
            twin.unbond(account, bonded)
        if step % 150 == 149:
            assert [stakes.weight(i + 1) for i in range(len(twin.validators))] == twin.weights()
            assert stakes.total_weight() == sum(twin.weights())
            if sum(w > 0 for w in twin.weights()) >= 20:
                _compare(stakes, twin, Draw(rng.randbytes(32), 12, 1))
