"""What standing changes in the market: bonds, who may submit, and how much stake weighs."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from sheaf.domain.errors import Refused
from sheaf.market.escrow import EscrowTwin
from sheaf.market.requests import RequestsTwin, Rules, Terms
from sheaf.market.settlement import reserved_by
from sheaf.review.standing import HALF_LIFE, StandingTwin, log2_wad
from tests.contracts.market.desk import BUYER, CONTRIBUTOR, DEPLOYER, OUTSIDER, Desk, deploy_desk
from tests.contracts.market_world import TOKEN, World, source
from tests.contracts.review.scores.conftest import batch

RIGHT, FOREIGN = [False] * 20, [True] * 3 + [False] * 17


@pytest.fixture(scope="module")
def _desk() -> Desk:
    desk = deploy_desk()
    boa.env.time_travel(seconds=2)
    return desk


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """Requests and Standing, which the deployer feeds."""
    with boa.env.anchor():
        yield _desk


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A whole market."""
    with boa.env.anchor():
        yield World()


def _praise(desk: Desk, count: int, worth: int = 100 * TOKEN) -> None:
    for number in range(count):
        buyer = str(boa.env.generate_address(f"praising {number}"))
        desk.standing.note(CONTRIBUTOR, buyer, 100, 0, worth, sender=DEPLOYER)


def test_bond_falls_with_standing_and_is_kept(desk: Desk) -> None:
    """A newcomer bonds 20 %; of 40 praised batches the same contributor bonds 6 %, and what was bonded before stays."""
    request = desk.open(price=TOKEN, amount=500 * TOKEN)
    first = desk.submit(request, 50)
    _praise(desk, 40)
    second = desk.submit(request, 50)
    percents = [desk.requests.submission(number).bond_percent for number in (first, second)]
    assert percents == [20, 6]
    held = desk.escrow.ledger(request).bonds
    assert held == sum(reserved_by(50, TOKEN, 400, 250, percent).bond for percent in percents)


def test_a_jump_in_volume_bonds_as_a_newcomer(desk: Desk) -> None:
    """Praise for batches of 10 tokens lowers the bond of one of 40, not of one of 41; a foreign token counts by its rate."""
    _praise(desk, 40, 10 * TOKEN)
    request = desk.open(price=TOKEN, amount=500 * TOKEN)
    percents = [desk.requests.submission(desk.submit(request, records)).bond_percent for records in (40, 41)]
    assert percents[0] < percents[1] == 20


def test_a_buyer_may_ask_for_standing_once(desk: Desk) -> None:
    """Below what was asked nobody submits, and the twin refuses in the same words; only the buyer asks, and once."""
    request = desk.open()
    twin = RequestsTwin(EscrowTwin(), Rules(now=desk.now, stake_token=str(desk.token.address)))
    terms = desk.terms()
    twin.open(BUYER, Terms(*terms[:6], "", terms[7]))  # type: ignore[call-arg]
    for sender, percent, reason in (
        (OUTSIDER, 50, "requests: not the buyer"),
        (BUYER, 0, "requests: standing out of bounds"),
        (BUYER, 100, "requests: standing out of bounds"),
        (BUYER, 50, ""),
        (BUYER, 60, "requests: standing is asked already"),
    ):
        if reason:
            with pytest.raises(Refused, match=reason):
                twin.ask_standing(1, sender, percent)
            with boa.reverts(reason):
                desk.requests.ask_standing(request, percent, sender=sender)
        else:
            twin.ask_standing(1, sender, percent)
            desk.requests.ask_standing(request, percent, sender=sender)
    assert desk.requests.asked_standing(request) == 50
    assert (
        desk.requests.request(request).records_left == 1000
        and not desk.requests.request(request).is_cancelled
    )
    with pytest.raises(Refused, match="requests: too little standing"):
        twin.submit(1, CONTRIBUTOR, 5, (TOKEN // 2 - 1, 20))
    with boa.reverts("requests: too little standing"):
        desk.submit(request, 5)
    _praise(desk, 2)
    assert desk.standing.score_wad(CONTRIBUTOR) > TOKEN // 2
    desk.submit(request, 5)


def test_gold_is_taken_in_and_weighs(world: World) -> None:
    """Hits and misses on gold become praise and blame as in the twin, once, fade with time, and raise the weight of the right only."""
    made = batch(world, [RIGHT] * 4 + [FOREIGN], [True] * 3 + [False] * 17, [False] * 20)
    made.open_gold()
    twin = StandingTwin(now=world.now)
    scores = [world.standing.refresh(account, sender=world.outsider) for account in made.votes.accounts]
    hits, misses = log2_wad(4 * TOKEN), log2_wad(4 * TOKEN)
    assert scores[:4] == [twin.refresh(made.votes.accounts[0], 3, 0)] * 4
    assert scores[0] == hits * TOKEN // (hits + 8 * TOKEN) and scores[4] == 0
    assert world.standing.gold_of(made.votes.accounts[4]) == (0, misses)
    assert world.standing.refresh(made.votes.accounts[0], sender=world.outsider) == scores[0]
    ids = [world.stakes.id_of(account) for account in made.votes.accounts]
    boa.env.time_travel(blocks=100)
    assert [world.stakes.weight(number) for number in ids[:4]] == [10_000 * (TOKEN + scores[0]) // TOKEN] * 4
    assert world.stakes.weight(ids[4]) == 10_000
    boa.env.time_travel(seconds=HALF_LIFE)
    twin.now = world.now
    faded = world.standing.refresh(made.votes.accounts[0], sender=world.outsider)
    assert faded == twin.refresh(made.votes.accounts[0], 3, 0) < scores[0]
    boa.env.time_travel(blocks=100)
    assert world.stakes.weight(ids[0]) == 10_000 * (TOKEN + faded) // TOKEN


def test_gold_of_strangers_moves_nothing(world: World) -> None:
    """An account without stake or gold has a score of 0 and no weight; wiring is for the deployer, once."""
    assert world.standing.refresh(world.outsider, sender=world.outsider) == 0
    with boa.reverts("standing: already wired"):
        world.standing.wire(world.scores, world.stakes, sender=world.deployer)
    with boa.env.prank(world.deployer):
        fresh = source("review/Standing.vy").deploy(world.parameters)
    with boa.reverts("standing: not wired"):
        fresh.refresh(world.outsider)
    with boa.reverts("standing: not the deployer"):
        fresh.wire(world.scores, world.stakes, sender=world.outsider)
    with boa.reverts("standing: no scores or stakes"):
        fresh.wire(world.scores, "0x" + "00" * 20, sender=world.deployer)
