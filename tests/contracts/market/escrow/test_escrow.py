"""Escrow alone, before a caller that stands for Requests: every ledger, every refusal, and tokens that misbehave."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.market_world import MOCKS, source

PAYER, CONTRIBUTOR, MEMBER, OUTSIDER, REQUESTS = (
    boa.env.generate_address(f"escrow {role}")
    for role in ("payer", "contributor", "member", "outsider", "requests")
)
ZERO = "0x" + "00" * 20


def mock(name: str) -> Any:
    return boa.load_partial(str(MOCKS / f"{name}.vy")).deploy()


@pytest.fixture
def escrow() -> Any:
    with boa.env.prank(OUTSIDER):
        deployed = source("market/Escrow.vy").deploy()
        deployed.wire(REQUESTS)
    return deployed


@pytest.fixture
def coin() -> Any:
    deployed = mock("HostileToken")
    for account in (PAYER, CONTRIBUTOR):
        deployed.mint(account, 10**40)
    return deployed


@pytest.fixture
def funded(escrow: Any, coin: Any) -> Any:
    """An escrow whose request 1 holds 1,000 free of payment and 25 of fee."""
    escrow.deposit(1, coin, PAYER, 1000, 25, sender=REQUESTS)
    return escrow


@pytest.fixture
def reserved(funded: Any) -> Any:
    """The same with 104 and 2 reserved and a bond of 24."""
    funded.reserve(1, 104, 2, CONTRIBUTOR, 24, sender=REQUESTS)
    return funded


def amounts(escrow: Any, request: int = 1) -> tuple[int, ...]:
    return tuple(escrow.ledger(request))[1:]


def settlement(
    reserved: int = 104, fee: int = 2, bond: int = 24, taken: int = 104, fee_taken: int = 2, pays: Any = None
) -> Any:
    pays = [(CONTRIBUTOR, 124), (MEMBER, 4), (OUTSIDER, 2)] if pays is None else pays
    return (reserved, fee, bond, taken, fee_taken, pays)


def test_only_the_deployer_wires_once() -> None:
    """The one contract that moves money is named by the deployer, once, and cannot be nobody."""
    with boa.env.prank(PAYER):
        fresh = source("market/Escrow.vy").deploy()
    with boa.reverts("escrow: not the deployer"):
        fresh.wire(REQUESTS, sender=OUTSIDER)
    with boa.reverts("escrow: no requests"):
        fresh.wire(ZERO, sender=PAYER)
    fresh.wire(REQUESTS, sender=PAYER)
    with boa.reverts("escrow: already wired"):
        fresh.wire(OUTSIDER, sender=PAYER)


@pytest.mark.parametrize("role", [PAYER, CONTRIBUTOR, MEMBER, OUTSIDER])
def test_nobody_but_requests_moves_money(reserved: Any, coin: Any, role: str) -> None:
    """Every function that moves money between ledgers refuses whoever is not Requests."""
    calls = (
        lambda: reserved.deposit(1, coin, PAYER, 1, 0, sender=role),
        lambda: reserved.reserve(1, 1, 0, CONTRIBUTOR, 1, sender=role),
        lambda: reserved.release(1, 1, 0, CONTRIBUTOR, 1, sender=role),
        lambda: reserved.refund(1, role, sender=role),
        lambda: reserved.settle(1, settlement(), sender=role),
        lambda: reserved.withdraw_for(coin, role, sender=role),
    )
    for call in calls:
        with boa.reverts("escrow: not requests"):
            call()
    assert amounts(reserved) == (896, 104, 23, 2, 24)


def test_ledgers_follow_each_step(reserved: Any, coin: Any) -> None:
    """Deposit, reservation, settlement, refund and withdrawal leave what they should, and the balance covers it at each step."""
    assert amounts(reserved) == (896, 104, 23, 2, 24)
    assert coin.balanceOf(reserved) == 1049
    assert reserved.settle(1, settlement(), sender=REQUESTS) == coin.address
    assert amounts(reserved) == (896, 0, 23, 0, 0)
    assert reserved.owed(coin, CONTRIBUTOR) == 124
    assert reserved.withdraw(coin, sender=MEMBER) == 4
    assert reserved.withdraw_for(coin, CONTRIBUTOR, sender=REQUESTS) == 124
    assert coin.balanceOf(CONTRIBUTOR) == 10**40 - 24 + 124
    assert tuple(reserved.refund(1, PAYER, sender=REQUESTS)) == (896, 23)
    assert amounts(reserved) == (0, 0, 0, 0, 0)
    assert coin.balanceOf(reserved) == reserved.owed(coin, OUTSIDER) == 2


def test_release_undoes_a_reservation(reserved: Any, coin: Any) -> None:
    """What was reserved is free again, and the bond is owed to the contributor."""
    reserved.release(1, 104, 2, CONTRIBUTOR, 24, sender=REQUESTS)
    assert amounts(reserved) == (1000, 0, 25, 0, 0)
    assert reserved.owed(coin, CONTRIBUTOR) == 24
    assert reserved.token_of(1) == coin.address


def test_what_is_not_taken_is_free_again(reserved: Any) -> None:
    """A settlement that takes less than was reserved frees the rest of both ledgers."""
    part = settlement(taken=50, fee_taken=1, pays=[(CONTRIBUTOR, 75)])
    reserved.settle(1, part, sender=REQUESTS)
    assert amounts(reserved) == (950, 0, 24, 0, 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reserved": 105}, "escrow: not reserved"),
        ({"bond": 25}, "escrow: not reserved"),
        ({"fee": 3, "fee_taken": 3}, "escrow: fee not reserved"),
        ({"taken": 105}, "escrow: takes more than reserved"),
        ({"fee_taken": 3}, "escrow: takes more than reserved"),
        ({"fee": 0}, "escrow: takes more than reserved"),
        ({"pays": [(CONTRIBUTOR, 131)]}, "escrow: pays do not add up"),
        ({"pays": [(CONTRIBUTOR, 129)]}, "escrow: pays do not add up"),
        ({"pays": []}, "escrow: pays do not add up"),
    ],
)
def test_a_settlement_that_does_not_add_up_is_refused(
    reserved: Any, changes: dict[str, Any], reason: str
) -> None:
    """Not a unit more than was reserved can be taken, and what is taken is exactly what is credited."""
    with boa.reverts(reason):
        reserved.settle(1, settlement(**changes), sender=REQUESTS)
    assert amounts(reserved) == (896, 104, 23, 2, 24)


def test_a_settlement_happens_once(reserved: Any) -> None:
    """The same settlement again finds nothing reserved."""
    reserved.settle(1, settlement(), sender=REQUESTS)
    with boa.reverts("escrow: not reserved"):
        reserved.settle(1, settlement(), sender=REQUESTS)


def test_reserving_needs_free_money(funded: Any) -> None:
    """Neither ledger lends: what is not free cannot be reserved."""
    with boa.reverts("escrow: not enough free"):
        funded.reserve(1, 1001, 0, CONTRIBUTOR, 1, sender=REQUESTS)
    with boa.reverts("escrow: not enough free for the protocol fee"):
        funded.reserve(1, 1, 26, CONTRIBUTOR, 1, sender=REQUESTS)
    funded.reserve(1, 1000, 25, CONTRIBUTOR, 1, sender=REQUESTS)
    with boa.reverts("escrow: nothing free"):
        funded.refund(1, PAYER, sender=REQUESTS)


def test_amounts_fit_their_fields(funded: Any, coin: Any) -> None:
    """Amounts that would overflow the packed fields are refused, on each side of each bound."""
    with boa.reverts("escrow: amount too large"):
        funded.deposit(1, coin, PAYER, 2**128, 0, sender=REQUESTS)
    with boa.reverts("escrow: amount too large"):
        funded.deposit(1, coin, PAYER, 0, 2**128, sender=REQUESTS)
    with boa.reverts("escrow: amount too large"):
        funded.deposit(1, coin, PAYER, 2**128 - 1000, 0, sender=REQUESTS)
    with boa.reverts("escrow: amount too large"):
        funded.deposit(1, coin, PAYER, 0, 2**128 - 25, sender=REQUESTS)
    funded.deposit(1, coin, PAYER, 2**128 - 1001, 2**128 - 26, sender=REQUESTS)
    assert amounts(funded) == (2**128 - 1, 0, 2**128 - 1, 0, 0)
    with boa.reverts("escrow: bonds too large"):
        funded.reserve(1, 1, 0, CONTRIBUTOR, 2**96, sender=REQUESTS)
    funded.reserve(1, 2**128 - 1, 2**128 - 1, CONTRIBUTOR, 2**96 - 1, sender=REQUESTS)
    assert amounts(funded) == (0, 2**128 - 1, 0, 2**128 - 1, 2**96 - 1)


def test_a_request_has_one_token(funded: Any) -> None:
    """Money of another token cannot be mixed into a request."""
    other = mock("SilentToken")
    other.mint(PAYER, 10)
    with boa.reverts("escrow: another token"):
        funded.deposit(1, other, PAYER, 10, 0, sender=REQUESTS)


def test_nothing_owed_is_nothing_paid(reserved: Any, coin: Any) -> None:
    """Whoever is owed nothing gets nothing, and nobody is paid twice."""
    with boa.reverts("escrow: nothing owed"):
        reserved.withdraw(coin, sender=OUTSIDER)
    reserved.settle(1, settlement(), sender=REQUESTS)
    reserved.withdraw(coin, sender=CONTRIBUTOR)
    with boa.reverts("escrow: nothing owed"):
        reserved.withdraw(coin, sender=CONTRIBUTOR)
    with boa.reverts("escrow: nothing owed"):
        reserved.withdraw_for(coin, CONTRIBUTOR, sender=REQUESTS)


def test_a_fee_on_transfer_is_refused(escrow: Any, coin: Any, funded: Any) -> None:
    """A token that delivers less than it was told to would leave the ledgers without cover: deposits and bonds are refused."""
    coin.set_tax(1)
    with boa.reverts("escrow: token takes a fee on transfer"):
        escrow.deposit(2, coin, PAYER, 10_000, 0, sender=REQUESTS)
    with boa.reverts("escrow: token takes a fee on transfer"):
        funded.reserve(1, 100, 0, CONTRIBUTOR, 20_000, sender=REQUESTS)


def test_false_is_a_refusal(reserved: Any, coin: Any) -> None:
    """A token that answers false has not moved the money: everything is undone."""
    reserved.settle(1, settlement(), sender=REQUESTS)
    coin.set_false(True)
    with boa.reverts("escrow: token refused"):
        reserved.deposit(1, coin, PAYER, 1, 0, sender=REQUESTS)
    with boa.reverts("escrow: token refused"):
        reserved.withdraw(coin, sender=MEMBER)
    coin.set_false(False)
    assert reserved.withdraw(coin, sender=MEMBER) == 4


def test_silence_is_consent(escrow: Any) -> None:
    """Tokens of the old kind, which answer nothing, are taken in and paid out."""
    silent = mock("SilentToken")
    silent.mint(PAYER, 1000)
    escrow.deposit(7, silent, PAYER, 900, 100, sender=REQUESTS)
    assert silent.balanceOf(escrow) == 1000
    assert tuple(escrow.refund(7, PAYER, sender=REQUESTS)) == (900, 100)
    assert silent.balanceOf(PAYER) == 1000


def test_a_blocked_account_holds_up_nobody_else(reserved: Any, coin: Any) -> None:
    """Crediting pushes nothing: an account that the token blocks cannot stop a settlement or another's withdrawal."""
    coin.block(CONTRIBUTOR, True)
    reserved.settle(1, settlement(), sender=REQUESTS)
    assert reserved.withdraw(coin, sender=MEMBER) == 4
    with boa.reverts("hostile token: blocked"):
        reserved.withdraw(coin, sender=CONTRIBUTOR)
    coin.block(CONTRIBUTOR, False)
    assert reserved.withdraw(coin, sender=CONTRIBUTOR) == 124


def test_a_token_that_calls_back_finds_the_door_shut(reserved: Any, coin: Any) -> None:
    """In the midst of a withdrawal the token cannot withdraw again, in its own name or in that of Requests."""
    pays = [(CONTRIBUTOR, 124), (coin.address, 6)]
    reserved.settle(1, settlement(pays=pays), sender=REQUESTS)
    coin.call_back(reserved, reserved.withdraw.prepare_calldata(coin))
    assert reserved.withdraw(coin, sender=CONTRIBUTOR) == 124
    assert coin.was_refused()
    assert reserved.owed(coin, coin) == 6


def test_a_request_without_money_is_empty(escrow: Any) -> None:
    """A request that was never opened holds nothing in no token."""
    assert tuple(escrow.ledger(99)) == (ZERO, 0, 0, 0, 0, 0)
    assert escrow.token_of(99) == ZERO
