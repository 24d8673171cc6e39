"""Standing: what raises it, what lowers it, what does not; contract and twin agree to the last unit."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import boa
import pytest

from sheaf.domain.errors import Refused
from sheaf.review.standing import HALF_LIFE, StandingTwin, faded, log2_wad
from tests.contracts.conftest import TOKEN, load

WHO, BUYER, OTHER = (str(boa.env.generate_address(role)) for role in ("contributor", "buyer", "other"))


@pytest.fixture(scope="session")
def _standing(core: Any, deployer: str) -> Any:
    with boa.env.prank(deployer):
        standing = load("review/Standing.vy").deploy(core.parameters)
        standing.propose_feeder(deployer)
    boa.env.time_travel(seconds=2)
    return standing


@pytest.fixture
def standing(_standing: Any) -> Iterator[Any]:
    """The contract; the deployer feeds it."""
    with boa.env.anchor():
        yield _standing


def _bond(standing: Any, value: int) -> int:
    return int(standing.bond_percent(WHO, value))


def test_logarithms_are_true() -> None:
    """The logarithm is that of the floats to six digits, rounded down, and never falls; halving is exact at whole half-lives."""
    rng = random.Random(3)
    values = sorted(rng.randrange(TOKEN, 2 ** rng.randint(61, 97)) for _ in range(300))
    logs = [log2_wad(value) for value in values]
    for value, log in zip(values, logs, strict=True):
        true = math.log2(value / TOKEN)
        assert true - 2e-6 <= log / TOKEN <= true + 1e-9
    assert logs == sorted(logs) and log2_wad(TOKEN) == 0 and log2_wad(8 * TOKEN) == 3 * TOKEN
    assert faded(1000, 0) == 1000 and faded(1000, 2 * HALF_LIFE) == 250 and faded(1000, HALF_LIFE // 2) == 750


def test_random_notes_are_the_twins(standing: Any, deployer: str) -> None:
    """Over 80 random notes, forfeits and waits, records, scores, bonds and audit rates are the twin's, and refusals its words."""
    twin, rng = StandingTwin({deployer}), random.Random(11)
    for _ in range(80):
        account, cp = rng.choice([WHO, OTHER]), rng.choice([BUYER, OTHER, WHO])
        seen = rng.choice([(0, 0), (rng.randint(0, 256), 0), (rng.randint(0, 256), rng.randint(0, 40))])
        worth = rng.choice([0, 1, rng.randrange(10**4) * TOKEN, 2**96 if rng.random() < 0.1 else TOKEN])
        sender = rng.choice([deployer, deployer, deployer, BUYER])
        twin.now = int(boa.env.evm.patch.timestamp)
        try:
            if rng.random() < 0.05:
                twin.forfeit(sender, account)
                standing.forfeit(account, sender=sender)
            else:
                twin.note(sender, account, cp, seen, worth)
                standing.note(account, cp, *seen, worth, sender=sender)
        except Refused as refused:
            with boa.reverts(refused.reason):
                standing.note(account, cp, *seen, worth, sender=sender)
        boa.env.time_travel(seconds=rng.choice([1, 86_400, HALF_LIFE // 3, HALF_LIFE + 5]))
        twin.now = int(boa.env.evm.patch.timestamp)
        for one in (WHO, OTHER):
            record = twin.records[one].at(twin.now)
            assert tuple(standing.record_of(one)) == (
                record.praise, record.blame, record.noted_at, record.verified,
            )  # fmt: skip
            assert standing.score_wad(one) == twin.score_wad(one)
            for value in (0, 5 * TOKEN, 10**5 * TOKEN):
                assert standing.bond_percent(one, value) == twin.bond_percent(one, value, 20, 5)
                assert standing.audit_bps(one, value) == twin.audit_bps(one, value, 1000)


def test_standing_lowers_bond_and_audits(standing: Any, deployer: str) -> None:
    """A newcomer bonds 20 % and is audited twice as often; praise from many buyers brings both towards their floors; blame back."""
    assert (_bond(standing, TOKEN), standing.audit_bps(WHO, TOKEN)) == (20, 2000)
    for number in range(40):
        buyer = str(boa.env.generate_address(f"buyer {number}"))
        standing.note(WHO, buyer, 100, 0, 100 * TOKEN, sender=deployer)
    assert _bond(standing, 100 * TOKEN) == 6 and 1000 < standing.audit_bps(WHO, 100 * TOKEN) < 1050
    for _ in range(10):
        standing.note(WHO, BUYER, 0, 100, 100 * TOKEN, sender=deployer)
    assert _bond(standing, 100 * TOKEN) > 10
    standing.forfeit(WHO, sender=deployer)
    assert (_bond(standing, TOKEN), standing.score_wad(WHO)) == (20, 0)


def test_two_who_trade_with_each_other_gain_little(standing: Any, deployer: str) -> None:
    """A hundred times the volume with one counterparty weighs less than twice as much; and it is the same in one note or in many."""
    standing.note(WHO, BUYER, 1, 0, 100 * TOKEN, sender=deployer)
    once = standing.record_of(WHO).praise
    for _ in range(99):
        standing.note(WHO, BUYER, 1, 0, 100 * TOKEN, sender=deployer)
    many = standing.record_of(WHO).praise
    assert many < 2 * once and many == log2_wad(TOKEN + 10_000 * TOKEN)


def test_a_jump_in_volume_counts_as_new(standing: Any, deployer: str) -> None:
    """Standing earned on small submissions lowers no bond of one worth more than four times the largest verified."""
    for number in range(20):
        buyer = str(boa.env.generate_address(f"buyer {number}"))
        standing.note(WHO, buyer, 10, 0, 10 * TOKEN, sender=deployer)
    assert _bond(standing, 40 * TOKEN) < 20 == _bond(standing, 40 * TOKEN + 1)
    assert standing.audit_bps(WHO, 41 * TOKEN) == 2000


def test_only_the_appointed_feed(standing: Any, deployer: str, core: Any) -> None:
    """The governor names who feeds, ahead (two days where parameters are not a test network's), and can dismiss at once."""
    with boa.reverts("standing: not the governor"):
        standing.propose_feeder(OTHER, sender=OTHER)
    with boa.reverts("standing: not the governor"):
        standing.dismiss_feeder(deployer, sender=OTHER)
    with boa.reverts("standing: a feeder already"):
        standing.propose_feeder(deployer, sender=deployer)
    standing.dismiss_feeder(deployer, sender=deployer)
    for call in (lambda: standing.note(WHO, BUYER, 1, 0, 1), lambda: standing.forfeit(WHO)):
        with boa.reverts("standing: not a feeder"), boa.env.prank(deployer):
            call()
    public = load("governance/Parameters.vy").deploy(deployer, False)
    fresh = load("review/Standing.vy").deploy(public)
    fresh.propose_feeder(OTHER, sender=deployer)
    boa.env.time_travel(seconds=172_799)
    assert not fresh.is_feeder(OTHER)
    boa.env.time_travel(seconds=1)
    assert fresh.is_feeder(OTHER)


@pytest.mark.parametrize(
    ("seen", "worth", "reason"),
    [
        ((0, 0), TOKEN, "standing: nothing was looked at"),
        ((2**32, 0), TOKEN, "standing: nothing was looked at"),
        ((1, 0), 2**96, "standing: value too large"),
    ],
)
def test_notes_out_of_bounds(
    standing: Any, deployer: str, seen: tuple[int, int], worth: int, reason: str
) -> None:
    """A note is of at least one record and of a value that fits."""
    with boa.reverts(reason):
        standing.note(WHO, BUYER, *seen, worth, sender=deployer)
