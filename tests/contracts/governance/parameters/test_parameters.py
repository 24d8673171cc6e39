"""Parameters: defaults, bounds, rules between them, and who may set."""

from __future__ import annotations

import random
from typing import Any

import boa
import pytest

from sheaf.domain.errors import Refused
from sheaf.governance.parameters import IDS, TABLE, WORDS, ParametersTwin
from tests.contracts.conftest import load

NOBODY = "0x" + "0" * 40


@pytest.mark.parametrize("is_test", [False, True])
def test_table_is_the_twins(deployer: str, is_test: bool) -> None:
    """Every name, default and bound of the contract is that of the table in Python, and fits 32 bits."""
    parameters, twin = (
        load("governance/Parameters.vy").deploy(deployer, is_test),
        ParametersTwin(deployer, is_test),
    )
    assert parameters.is_test() is is_test
    for number, parameter in enumerate(TABLE):
        assert parameters.name_of(number) == parameter.name
        assert parameters.get(number) == parameter.default == twin.get(parameter.name)
        low, high = parameters.bounds(number)
        assert (low, high) == twin.bounds(number)
        assert low <= parameter.default <= high < 2**32
    assert tuple(parameters.words()) == twin.words()
    assert all(parameters.word(i) == twin.word(i) for i in range(WORDS))
    assert parameters.treasury() == parameters.governor() == deployer


def test_bounds_hold_at_both_ends(deployer: str) -> None:
    """Each parameter can be set to its bounds, where no rule between parameters forbids it, and not beyond."""
    parameters = load("governance/Parameters.vy").deploy(deployer, False)
    for number in range(len(TABLE)):
        for value, is_within in zip(
            _around(*parameters.bounds(number)), (False, True, True, False), strict=True
        ):
            if value < 0 or (is_within and IDS["small_size"] <= number <= IDS["large_value"]):
                continue
            if is_within:
                with boa.env.anchor():
                    if TABLE[number].name in ("bond_percent", "bond_floor_percent"):
                        parameters.set(IDS["bond_floor_percent"], 1, sender=deployer)
                    if TABLE[number].name == "challenge_seconds":
                        parameters.set(IDS["ruling_seconds"], 2 * 604_800, sender=deployer)
                    if TABLE[number].name == "ruling_seconds":
                        parameters.set(IDS["challenge_seconds"], 86_400, sender=deployer)
                        parameters.set(number, 2 * 86_400, sender=deployer)
                        value = max(value, 2 * 86_400)
                    if TABLE[number].name == "bond_floor_percent":
                        parameters.set(IDS["bond_percent"], 50, sender=deployer)
                    parameters.set(number, value, sender=deployer)
                    assert parameters.get(number) == value
            else:
                with boa.reverts("parameters: out of bounds"):
                    parameters.set(number, value, sender=deployer)


def _around(low: int, high: int) -> tuple[int, int, int, int]:
    return low - 1, low, high, high + 1


@pytest.mark.parametrize("is_test", [False, True])
def test_random_settings_are_the_twins(deployer: str, is_test: bool) -> None:
    """Over 200 random settings contract and twin take the same or refuse in the same words, and hold the same words after."""
    parameters, twin = (
        load("governance/Parameters.vy").deploy(deployer, is_test),
        ParametersTwin(deployer, is_test),
    )
    rng = random.Random(9)
    for _ in range(200):
        if rng.random() < 0.3:
            name, arguments = "set_round", (rng.randint(0, 3), rng.randint(0, 12), rng.randint(0, 12))
        else:
            number = rng.randint(0, len(TABLE))
            low, high = twin.bounds(number) if number < len(TABLE) else (0, 1)
            name, arguments = (
                "set",
                (number, rng.choice([low, high, max(low - 1, 0), high + 1, rng.randint(low, high)])),
            )
        try:
            getattr(twin, name)(deployer, *arguments)
        except Refused as refused:
            with boa.reverts(refused.reason):
                getattr(parameters, name)(*arguments, sender=deployer)
        else:
            getattr(parameters, name)(*arguments, sender=deployer)
        assert all(parameters.word(i) == twin.word(i) for i in range(WORDS))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("jury_size", 6, "parameters: size must be odd"),
        ("audit_size", 4, "parameters: size must be odd"),
        ("small_size", 6, "parameters: size must be odd"),
        ("small_size", 9, "parameters: quorum"),
        ("small_size", 3, "parameters: quorum"),
        ("small_quorum", 2, "parameters: quorum"),
        ("small_quorum", 6, "parameters: quorum"),
        ("small_value", 10_001, "parameters: small value above large"),
        ("large_value", 999, "parameters: small value above large"),
    ],
)
def test_rules_between_parameters(parameters: Any, deployer: str, name: str, value: int, reason: str) -> None:
    """Even sizes, quorums of half or less or beyond the seats, and crossed tiers are refused."""
    with boa.reverts(reason):
        parameters.set(IDS[name], value, sender=deployer)


def test_a_ruling_has_the_time_of_two_challenge_windows(parameters: Any, deployer: str) -> None:
    """Who challenges in the window's last second is judged all the same: neither number can be moved past the other."""
    for name, value in (("challenge_seconds", 302_401), ("ruling_seconds", 345_599)):
        with boa.reverts("parameters: ruling shorter than two challenge windows"):
            parameters.set(IDS[name], value, sender=deployer)
    parameters.set(IDS["challenge_seconds"], 302_400, sender=deployer)
    parameters.set(IDS["challenge_seconds"], 172_800, sender=deployer)
    parameters.set(IDS["ruling_seconds"], 345_600, sender=deployer)


def test_bond_never_below_its_floor(parameters: Any, deployer: str) -> None:
    """The lock rate counts on the floor of the bond, so no bond may be asked below it."""
    parameters.set(IDS["bond_percent"], 10, sender=deployer)
    with boa.reverts("parameters: bond below its floor"):
        parameters.set(IDS["bond_floor_percent"], 11, sender=deployer)
    parameters.set(IDS["bond_floor_percent"], 10, sender=deployer)
    with boa.reverts("parameters: bond below its floor"):
        parameters.set(IDS["bond_percent"], 9, sender=deployer)


def test_rounds_are_set_as_pairs(parameters: Any, deployer: str) -> None:
    """Size and quorum move together, within the rules."""
    parameters.set_round(0, 1, 1, sender=deployer)
    parameters.set_round(2, 3, 2, sender=deployer)
    assert [parameters.get(i) for i in range(16, 22)] == [1, 1, 7, 5, 3, 2]
    for arguments, reason in (
        ((3, 5, 4), "parameters: unknown tier"),
        ((0, 13, 12), "parameters: out of bounds"),
        ((0, 0, 0), "parameters: out of bounds"),
        ((0, 5, 2), "parameters: quorum"),
        ((0, 5, 2**40), "parameters: quorum"),
        ((0, 4, 3), "parameters: size must be odd"),
    ):
        with boa.reverts(reason):
            parameters.set_round(*arguments, sender=deployer)


def test_only_the_governor_sets(parameters: Any, outsider: str, buyer: str, validator: str) -> None:
    """Every setter is closed to all other roles."""
    for sender in (outsider, buyer, validator):
        for call, arguments in (
            (parameters.set, (0, 3600)),
            (parameters.set_round, (0, 5, 4)),
            (parameters.set_treasury, (outsider,)),
            (parameters.set_lock_rate_floor, (outsider, 1)),
            (parameters.propose_governor, (outsider,)),
        ):
            with boa.reverts("parameters: not the governor"):
                call(*arguments, sender=sender)


def test_treasury_and_floors(parameters: Any, deployer: str, outsider: str, token: Any) -> None:
    """The treasury is never nobody; floors are per token and 0 at first."""
    with boa.reverts("parameters: no treasury"):
        parameters.set_treasury(NOBODY, sender=deployer)
    parameters.set_treasury(outsider, sender=deployer)
    assert parameters.treasury() == outsider
    assert parameters.lock_rate_floor_wad(token) == 0
    parameters.set_lock_rate_floor(token, 10**18, sender=deployer)
    assert parameters.lock_rate_floor_wad(token) == 10**18


def test_office_passes_in_two_steps(parameters: Any, deployer: str, outsider: str, buyer: str) -> None:
    """Only who was proposed can take the office, an offer can be taken back, and the former governor is out."""
    with boa.reverts("parameters: not proposed"):
        parameters.accept_governor(sender=outsider)
    parameters.propose_governor(outsider, sender=deployer)
    parameters.propose_governor(NOBODY, sender=deployer)
    with boa.reverts("parameters: not proposed"):
        parameters.accept_governor(sender=outsider)
    parameters.propose_governor(outsider, sender=deployer)
    with boa.reverts("parameters: not proposed"):
        parameters.accept_governor(sender=buyer)
    assert parameters.governor() == deployer
    parameters.accept_governor(sender=outsider)
    assert parameters.governor() == outsider and parameters.pending_governor() == NOBODY
    with boa.reverts("parameters: not the governor"):
        parameters.set(0, 3600, sender=deployer)
    parameters.set(0, 3601, sender=outsider)


def test_unknown_parameters_are_refused(parameters: Any, deployer: str) -> None:
    """Numbers past the table name nothing."""
    for call in (parameters.get, parameters.bounds, parameters.name_of):
        for number in (32, 2**255):
            with boa.reverts("parameters: unknown"):
                call(number)
    with boa.reverts("parameters: unknown"):
        parameters.set(32, 1, sender=deployer)
    with boa.reverts("parameters: unknown word"):
        parameters.word(4)


def test_there_is_a_governor() -> None:
    """Parameters without a governor could never be set: refused."""
    with boa.reverts("parameters: no governor"):
        load("governance/Parameters.vy").deploy(NOBODY, False)
    with pytest.raises(Refused, match="no governor"):
        ParametersTwin(NOBODY)
