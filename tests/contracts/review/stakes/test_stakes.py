"""Stakes: what goes in, what it weighs and when, what leaves."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.conftest import (
    DRAW,
    MAX_STAKE,
    MIN_STAKE,
    MOCKS,
    PERIOD_BLOCKS,
    RELEASE,
    SLASH,
    TOKEN,
    UNBONDING_SECONDS,
    WEIGH,
    load,
    next_period,
)


def test_stake_gives_an_id_and_takes_the_tokens(
    stakes: Any, token: Any, bond: Any, validators: list[str]
) -> None:
    """The first stake gives ids from 1 on, later ones add to it, and the contract holds exactly what was staked."""
    assert bond(validators[0], 50 * TOKEN) == 1
    assert bond(validators[1], 60 * TOKEN) == 2
    assert bond(validators[0], 5 * TOKEN) == 1
    assert token.balanceOf(stakes) == 115 * TOKEN
    assert tuple(stakes.position(1)) == (55 * TOKEN, 0, 0, 0)
    assert stakes.account_of(2) == validators[1] and stakes.id_of(validators[1]) == 2
    assert stakes.accounts_of([2, 1]) == [validators[1], validators[0]]
    assert stakes.count() == 2


def test_weights_change_only_at_the_border_of_a_period(stakes: Any, bond: Any, validators: list[str]) -> None:
    """Staking, unbonding and staking again within a period show in the next one, whatever their order."""
    bond(validators[0], 50 * TOKEN)
    assert (stakes.weight(1), stakes.total_weight()) == (0, 0)
    next_period()
    assert (stakes.weight(1), stakes.total_weight()) == (50, 50)
    bond(validators[0], 30 * TOKEN)
    stakes.unbond(20 * TOKEN, sender=validators[0])
    bond(validators[1], 11 * TOKEN)
    boa.env.time_travel(blocks=PERIOD_BLOCKS - 1 - boa.env.evm.patch.block_number % PERIOD_BLOCKS)
    assert (stakes.weight(1), stakes.weight(2), stakes.total_weight()) == (50, 0, 50)
    boa.env.time_travel(blocks=1)
    assert (stakes.weight(1), stakes.weight(2), stakes.total_weight()) == (60, 11, 71)
    boa.env.time_travel(blocks=5 * PERIOD_BLOCKS)
    assert stakes.total_weight() == 71


def test_weight_is_in_whole_tokens(stakes: Any, bond: Any, validators: list[str]) -> None:
    """Parts of a token weigh nothing until they make a whole one."""
    bond(validators[0], MIN_STAKE + TOKEN - 1)
    next_period()
    assert stakes.weight(1) == MIN_STAKE // TOKEN
    bond(validators[0], 1)
    next_period()
    assert stakes.weight(1) == MIN_STAKE // TOKEN + 1


def test_weight_of_nobody_is_zero(stakes: Any) -> None:
    """Ids that are not given weigh nothing."""
    assert stakes.weight(0) == stakes.weight(1) == stakes.weight(2**255) == 0


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (0, "stakes: nothing to stake"),
        (MIN_STAKE - 1, "stakes: below the least stake"),
        (MAX_STAKE + 1, "stakes: above the cap"),
        (2**256 - 1, "stakes: above the cap"),
    ],
)
def test_stake_refuses_amounts_out_of_range(
    stakes: Any, token: Any, deployer: str, amount: int, reason: str
) -> None:
    """Nothing, too little and too much are refused by name."""
    token.approve(stakes, 2**256 - 1, sender=deployer)
    with boa.reverts(reason):
        stakes.stake(amount, sender=deployer)


def test_stake_refuses_what_exceeds_the_cap_in_two_steps(
    stakes: Any, bond: Any, token: Any, validators: list[str], deployer: str
) -> None:
    """The cap holds for all that is bonded together, and what leaves makes room."""
    bond(validators[0], MAX_STAKE)
    token.transfer(validators[0], TOKEN, sender=deployer)
    token.approve(stakes, TOKEN, sender=validators[0])
    with boa.reverts("stakes: above the cap"):
        stakes.stake(1, sender=validators[0])
    stakes.unbond(TOKEN, sender=validators[0])
    stakes.stake(TOKEN, sender=validators[0])


def test_stake_without_tokens_or_allowance_is_refused(stakes: Any, outsider: str, deployer: str) -> None:
    """Without an allowance or without tokens nothing is staked."""
    with boa.reverts("erc20: insufficient allowance"):
        stakes.stake(MIN_STAKE, sender=deployer)
    with boa.reverts("erc20: insufficient allowance"):
        stakes.stake(MIN_STAKE, sender=outsider)


def test_unbond_then_withdraw_pays_exactly_once(
    stakes: Any, token: Any, bond: Any, validators: list[str]
) -> None:
    """What was unbonded is paid after the time, once; a further unbonding restarts the clock for all of it."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    stakes.unbond(30 * TOKEN, sender=account)
    with boa.reverts("stakes: still unbonding"):
        stakes.withdraw(sender=account)
    boa.env.time_travel(seconds=UNBONDING_SECONDS - 20)
    stakes.unbond(20 * TOKEN, sender=account)
    boa.env.time_travel(seconds=UNBONDING_SECONDS - 1)
    with boa.reverts("stakes: still unbonding"):
        stakes.withdraw(sender=account)
    boa.env.time_travel(seconds=1)
    assert stakes.withdraw(sender=account) == 50 * TOKEN
    assert token.balanceOf(account) == 50 * TOKEN
    with boa.reverts("stakes: nothing to withdraw"):
        stakes.withdraw(sender=account)
    assert tuple(stakes.position(1))[:3] == (50 * TOKEN, 0, 0)


def test_unbond_refusals(stakes: Any, bond: Any, validators: list[str], outsider: str) -> None:
    """Nothing, more than there is, and a rest below the least stake are refused; strangers have nothing to unbond."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    for amount, reason in (
        (0, "stakes: nothing to unbond"),
        (100 * TOKEN + 1, "stakes: more than is bonded"),
        (100 * TOKEN - MIN_STAKE + 1, "stakes: below the least stake"),
    ):
        with boa.reverts(reason):
            stakes.unbond(amount, sender=account)
    stakes.unbond(100 * TOKEN, sender=account)
    with boa.reverts("stakes: more than is bonded"):
        stakes.unbond(1, sender=account)
    for call in (stakes.unbond, stakes.declare):
        with boa.reverts("stakes: not a validator"):
            call(1 if call is stakes.unbond else outsider, sender=outsider)
    with boa.reverts("stakes: not a validator"):
        stakes.withdraw(sender=outsider)


def test_withdraw_never_cuts_into_locks(
    stakes: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """Locked stake stays, though all of it is unbonding for long; it leaves once it is released."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    next_period()
    judge_power.lock([1], 60 * TOKEN)
    stakes.unbond(100 * TOKEN, sender=account)
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    assert stakes.withdraw(sender=account) == 40 * TOKEN
    with boa.reverts("stakes: nothing to withdraw"):
        stakes.withdraw(sender=account)
    judge_power.release([1], 60 * TOKEN)
    assert stakes.withdraw(sender=account) == 60 * TOKEN


def test_unbonding_stake_is_slashed_last_but_is_slashed(
    stakes: Any, token: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """A slash takes what is bonded first, then what is leaving; nobody escapes by unbonding, and what is taken is burned."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    stakes.unbond(40 * TOKEN, sender=account)
    supply = token.totalSupply()
    assert judge_power.slash(1, 50 * TOKEN) == 50 * TOKEN
    assert tuple(stakes.position(1))[:3] == (50 * TOKEN, 0, 40 * TOKEN)
    assert judge_power.slash(1, 30 * TOKEN) == 30 * TOKEN
    assert tuple(stakes.position(1))[:3] == (20 * TOKEN, 0, 20 * TOKEN)
    assert judge_power.slash(1, 10**30) == 20 * TOKEN
    assert judge_power.slash(1, 10**30) == 0
    assert token.totalSupply() == supply - 100 * TOKEN
    assert token.balanceOf(stakes) == 0
    next_period()
    assert stakes.total_weight() == 0


def test_half_of_a_slash_goes_where_it_is_sent(
    stakes: Any, token: Any, bond: Any, validators: list[str], judge_power: Any, outsider: str
) -> None:
    """Half of what is taken, rounded down, goes to the account named; the rest is burned, and a single unit is burned whole."""
    bond(validators[0], 100 * TOKEN)
    supply, before = token.totalSupply(), token.balanceOf(outsider)
    assert stakes.slash(1, 7, outsider, sender=judge_power.actor) == 7
    assert (token.totalSupply(), token.balanceOf(outsider)) == (supply - 4, before + 3)
    assert stakes.slash(1, 1, outsider, sender=judge_power.actor) == 1
    assert (token.totalSupply(), token.balanceOf(outsider)) == (supply - 5, before + 3)
    assert token.balanceOf(stakes) == stakes.position(1).amount == 100 * TOKEN - 8


def test_who_is_jailed_weighs_nothing_until_it_is_freed(
    stakes: Any, token: Any, bond: Any, validators: list[str], judge_power: Any, outsider: str
) -> None:
    """Jail takes the weight from the next period on, whatever is staked meanwhile, and nothing else; anyone frees once its time is over."""
    bond(validators[0], 100 * TOKEN)
    bond(validators[1], 100 * TOKEN)
    next_period()
    now = int(boa.env.evm.patch.timestamp)
    with boa.reverts("appointments: not appointed"):
        stakes.jail(1, now + 60, sender=outsider)
    for number in (0, 3):
        with boa.reverts("stakes: unknown validator"):
            stakes.jail(number, now + 60, sender=judge_power.actor)
    with boa.reverts("stakes: jail is over already"):
        stakes.jail(1, now, sender=judge_power.actor)
    stakes.jail(1, now + 60, sender=judge_power.actor)
    stakes.jail(1, now + 30, sender=judge_power.actor)
    assert (stakes.weight(1), stakes.jailed_until(1)) == (100, now + 60)
    next_period()
    assert (stakes.weight(1), stakes.total_weight()) == (0, 100)
    bond(validators[0], 50 * TOKEN)
    next_period()
    assert (stakes.weight(1), stakes.position(1).amount) == (0, 150 * TOKEN)
    with boa.reverts("stakes: not jailed"):
        stakes.free(2, sender=outsider)
    boa.env.evm.patch.timestamp = now + 59
    with boa.reverts("stakes: still jailed"):
        stakes.free(1, sender=outsider)
    boa.env.evm.patch.timestamp = now + 60
    stakes.free(1, sender=outsider)
    next_period()
    assert (stakes.weight(1), stakes.total_weight(), stakes.jailed_until(1)) == (150, 250, 0)


def test_who_is_jailed_withdraws_nothing(
    stakes: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """Unbonding begun before jail, and long over: nothing leaves until the account is freed."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    stakes.unbond(100 * TOKEN, sender=account)
    stakes.jail(1, int(boa.env.evm.patch.timestamp) + UNBONDING_SECONDS, sender=judge_power.actor)
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    with boa.reverts("stakes: jailed"):
        stakes.withdraw(sender=account)
    stakes.free(1, sender=account)
    assert stakes.withdraw(sender=account) == 100 * TOKEN


def test_who_jails_can_free_at_any_time(
    stakes: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """The contract that may slash frees before the time is over, for a jailing that was wrong."""
    bond(validators[0], 100 * TOKEN)
    stakes.jail(1, 2**40, sender=judge_power.actor)
    stakes.free(1, sender=judge_power.actor)
    next_period()
    assert stakes.weight(1) == 100


def test_slashed_below_its_locks_nothing_is_free(
    stakes: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """A validator slashed below what is locked can withdraw nothing, and its locks can still be released."""
    account = validators[0]
    bond(account, 100 * TOKEN)
    next_period()
    judge_power.lock([1], 80 * TOKEN)
    judge_power.slash(1, 50 * TOKEN)
    stakes.unbond(50 * TOKEN, sender=account)
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    with boa.reverts("stakes: nothing to withdraw"):
        stakes.withdraw(sender=account)
    judge_power.release([1], 80 * TOKEN)
    assert stakes.withdraw(sender=account) == 50 * TOKEN


def test_release_fines_those_who_are_marked(
    stakes: Any, token: Any, bond: Any, validators: list[str], judge_power: Any
) -> None:
    """Release unlocks all, and burns the penalty of those whose bit is set, at most what they hold."""
    for account in validators[:3]:
        bond(account, 100 * TOKEN)
    next_period()
    judge_power.lock([1, 2, 3], 60 * TOKEN)
    supply = token.totalSupply()
    judge_power.release([3, 1, 2], 60 * TOKEN, 0b101, 7 * TOKEN)
    held = [tuple(stakes.position(i))[:2] for i in (1, 2, 3)]
    assert held == [(100 * TOKEN, 0), (93 * TOKEN, 0), (93 * TOKEN, 0)]
    assert token.totalSupply() == supply - 14 * TOKEN
    next_period()
    assert [stakes.weight(i) for i in (1, 2, 3)] == [100, 93, 93]
    with boa.reverts("stakes: not locked"):
        judge_power.release([1], 1)


def test_powers_are_refused_to_all_others(
    stakes: Any, bond: Any, validators: list[str], outsider: str, deployer: str, buyer: str
) -> None:
    """Neither an outsider, a validator nor the governor can draw, release or slash; only what is appointed, by its power."""
    bond(validators[0], 100 * TOKEN)
    for sender in (outsider, validators[0], deployer, buyer):
        for call, arguments in (
            (stakes.pick_and_lock, (b"\0" * 32, 0, 1, 1, [], [])),
            (stakes.release, ([1], 0, 0, 0)),
            (stakes.slash, (1, 1, outsider)),
        ):
            with boa.reverts("appointments: not appointed"):
                call(*arguments, sender=sender)


def test_one_power_gives_no_other(
    stakes: Any, bond: Any, deployer: str, validators: list[str], outsider: str
) -> None:
    """A contract that may draw may neither release nor slash, and so on around."""
    actors = {power: str(boa.env.generate_address()) for power in (RELEASE, SLASH, DRAW, WEIGH)}
    for power, actor in actors.items():
        stakes.appoint(actor, power, sender=deployer)
    bond(validators[0], 100 * TOKEN)
    period = next_period()
    for power, actor in actors.items():
        assert stakes.powers(actor) == power
        for needed, call, arguments in (
            (DRAW, stakes.pick_and_lock, (b"\0" * 32, period, 1, 1, [], [])),
            (RELEASE, stakes.release, ([1], 0, 0, 0)),
            (SLASH, stakes.slash, (1, 1, outsider)),
            (WEIGH, stakes.weigh, (1, TOKEN // 2)),
        ):
            if needed == power:
                call(*arguments, sender=actor)
            else:
                with boa.reverts("appointments: not appointed"):
                    call(*arguments, sender=actor)


def test_appointing_takes_effect_after_everyone_could_leave(
    stakes: Any, bond: Any, deployer: str, outsider: str, validators: list[str]
) -> None:
    """Once anyone has staked, a power takes effect only after twice the unbonding time; asking again changes no date."""
    bond(validators[0], 100 * TOKEN)
    stakes.appoint(outsider, SLASH, sender=deployer)
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    stakes.appoint(outsider, SLASH | DRAW, sender=deployer)
    boa.env.time_travel(seconds=UNBONDING_SECONDS - 1)
    assert stakes.powers(outsider) == 0
    with boa.reverts("appointments: not appointed"):
        stakes.slash(1, 1, outsider, sender=outsider)
    boa.env.time_travel(seconds=1)
    assert stakes.powers(outsider) == SLASH
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    assert stakes.powers(outsider) == SLASH | DRAW


def test_dismissal_is_immediate_but_releases_stay(stakes: Any, deployer: str, outsider: str) -> None:
    """Slashing and drawing end at once; the power to release can never be taken, so that no lock stays for ever."""
    stakes.appoint(outsider, RELEASE | SLASH | DRAW, sender=deployer)
    assert stakes.powers(outsider) == 7
    for powers in (0, RELEASE, RELEASE | SLASH, 16, 2**255):
        with boa.reverts("appointments: cannot be dismissed"):
            stakes.dismiss(outsider, powers, sender=deployer)
    stakes.dismiss(outsider, SLASH, sender=deployer)
    assert stakes.powers(outsider) == RELEASE | DRAW
    stakes.dismiss(outsider, SLASH | DRAW, sender=deployer)
    assert stakes.powers(outsider) == RELEASE


def test_only_the_governor_appoints(stakes: Any, deployer: str, outsider: str, validator: str) -> None:
    """Appointing and dismissing are the governor's, and unknown powers are refused."""
    for sender in (outsider, validator):
        with boa.reverts("stakes: not the governor"):
            stakes.appoint(sender, SLASH, sender=sender)
        with boa.reverts("stakes: not the governor"):
            stakes.dismiss(deployer, SLASH, sender=sender)
    for powers in (0, 16, 2**256 - 1):
        with boa.reverts("appointments: unknown powers"):
            stakes.appoint(outsider, powers, sender=deployer)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((3, 1, TOKEN, TOKEN), "stakes: period out of range"),
        ((2**32, 1, TOKEN, TOKEN), "stakes: period out of range"),
        ((4, 0, TOKEN, TOKEN), "stakes: unbonding out of range"),
        ((4, 2**32, TOKEN, TOKEN), "stakes: unbonding out of range"),
        ((4, 1, TOKEN - 1, TOKEN), "stakes: least stake out of range"),
        ((4, 1, 2 * TOKEN, TOKEN), "stakes: least stake out of range"),
        ((4, 1, TOKEN, 2**31 * TOKEN), "stakes: cap out of range"),
    ],
)
def test_constructor_refusals(token: Any, parameters: Any, arguments: tuple[int, ...], reason: str) -> None:
    """Numbers with which the rules would not hold are refused when the contract is made."""
    with boa.reverts(reason):
        load("review/Stakes.vy").deploy(token.address, parameters.address, *arguments)


def test_the_tree_takes_at_most_its_sum(token: Any, parameters: Any, deployer: str) -> None:
    """The sum of all weights stays below 2**31 whole tokens."""
    cap = (2**31 - 1) * TOKEN
    stakes = load("review/Stakes.vy").deploy(token.address, parameters.address, 4, 1, TOKEN, cap)
    token.mint(deployer, 2**31 * TOKEN, sender=deployer)
    token.approve(stakes, 2**256 - 1, sender=deployer)
    stakes.stake(cap, sender=deployer)
    other = str(boa.env.generate_address())
    token.transfer(other, TOKEN, sender=deployer)
    token.approve(stakes, TOKEN, sender=other)
    with boa.reverts("stakes: the tree is full"):
        stakes.stake(TOKEN, sender=other)
    next_period(4)
    assert stakes.total_weight() == 2**31 - 1


def test_declaring_an_affiliate(stakes: Any, bond: Any, validators: list[str], buyer: str) -> None:
    """A declaration keeps the lowest 64 bits of the account, touches nothing else, and can be changed and taken back."""
    bond(validators[0], 100 * TOKEN)
    stakes.declare(buyer, sender=validators[0])
    assert stakes.affiliate_tag(1) == int(buyer, 16) & (2**64 - 1)
    assert tuple(stakes.position(1)) == (100 * TOKEN, 0, 0, 0)
    stakes.declare("0x" + "0" * 40, sender=validators[0])
    assert stakes.affiliate_tag(1) == 0


def test_places_of_those_who_left_are_taken_over_when_all_are_given(
    stakes: Any, bond: Any, token: Any, validators: list[str], deployer: str
) -> None:
    """Where all 16,807 places are given, the place of one who left with everything can be taken; others cannot."""
    gone, staying, heir = validators[:3]
    bond(gone, 50 * TOKEN)
    bond(staying, 50 * TOKEN)
    token.transfer(heir, 100 * TOKEN, sender=deployer)
    token.approve(stakes, 100 * TOKEN, sender=heir)
    with boa.reverts("stakes: there are free places"):
        stakes.succeed(1, MIN_STAKE, sender=heir)
    stakes.eval("self.count = 16807")
    with boa.reverts("stakes: no place left"):
        stakes.stake(MIN_STAKE, sender=heir)
    for unknown in (0, 16_808):
        with boa.reverts("stakes: unknown validator"):
            stakes.succeed(unknown, MIN_STAKE, sender=heir)
    with boa.reverts("stakes: has a place"):
        stakes.succeed(1, MIN_STAKE, sender=staying)
    stakes.unbond(50 * TOKEN, sender=gone)
    boa.env.time_travel(seconds=UNBONDING_SECONDS)
    with boa.reverts("stakes: the place is taken"):
        stakes.succeed(1, MIN_STAKE, sender=heir)
    stakes.withdraw(sender=gone)
    next_period()
    stakes.succeed(1, 20 * TOKEN, sender=heir)
    assert stakes.account_of(1) == heir and stakes.id_of(heir) == 1 and stakes.id_of(gone) == 0
    with boa.reverts("stakes: the place is taken"):
        stakes.succeed(2, MIN_STAKE, sender=gone)
    next_period()
    assert (stakes.weight(1), stakes.total_weight()) == (20, 70)


def test_a_place_that_still_weighs_is_not_taken_over(
    token: Any, parameters: Any, validators: list[str], deployer: str
) -> None:
    """A place whose weight counts in the current period cannot be taken over, though its holder has left."""
    stakes = load("review/Stakes.vy").deploy(token.address, parameters.address, 100, 1, TOKEN, TOKEN)
    gone, heir = validators[:2]
    for account in (gone, heir):
        token.transfer(account, TOKEN, sender=deployer)
        token.approve(stakes, TOKEN, sender=account)
    stakes.stake(TOKEN, sender=gone)
    next_period()
    stakes.unbond(TOKEN, sender=gone)
    boa.env.time_travel(seconds=12)
    stakes.withdraw(sender=gone)
    stakes.eval("self.count = 16807")
    with boa.reverts("stakes: the place is taken"):
        stakes.succeed(1, TOKEN, sender=heir)
    next_period()
    stakes.succeed(1, TOKEN, sender=heir)


def test_bent_stake_tokens_are_refused(parameters: Any, outsider: str) -> None:
    """A token that keeps a fee, or answers False instead of reverting, changes no position."""
    bent = boa.load(str(MOCKS / "BentToken.vy"))
    stakes = load("review/Stakes.vy").deploy(bent.address, parameters.address, 4, 1, TOKEN, 100 * TOKEN)
    bent.give(outsider, 100 * TOKEN)
    bent.bend(1, False)
    with boa.reverts("stakes: token takes a fee on transfer"):
        stakes.stake(10 * TOKEN, sender=outsider)
    bent.bend(0, True)
    with boa.reverts("stakes: transfer failed"):
        stakes.stake(10 * TOKEN, sender=outsider)
    bent.bend(0, False)
    stakes.stake(10 * TOKEN, sender=outsider)
    stakes.unbond(10 * TOKEN, sender=outsider)
    boa.env.time_travel(seconds=12)
    bent.bend(0, True)
    with boa.reverts("stakes: transfer failed"):
        stakes.withdraw(sender=outsider)
    assert tuple(stakes.position(1))[:3] == (10 * TOKEN, 0, 10 * TOKEN)
    bent.bend(0, False)
    assert stakes.withdraw(sender=outsider) == 10 * TOKEN
