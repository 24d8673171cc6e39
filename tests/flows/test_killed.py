"""A process may be killed at any point: what it had begun is finished by the next one, once."""

from __future__ import annotations

import random
import shutil
from typing import Any

import msgspec
import pytest

from sheaf import actions
from sheaf.actions.account import approve
from sheaf.actions.cases import journal
from sheaf.actions.cases.ballot import Ballot
from sheaf.chain.endpoint import RpcError
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import IntegrityError
from sheaf.nodes.validator import Validator
from tests.flows.town import Threshold, Town, points


class Killed(BaseException):
    """What kill -9 looks like from inside: no handler runs."""


class Reaper:
    """Kills at the n-th of the moments that matter: before or after a write, a letter, or a transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
        self.left = 10**9
        self.moments = 0
        self._wrap(monkeypatch, journal, "keep")
        self._wrap(monkeypatch, town.ctx.store, "put")
        self._wrap(monkeypatch, town.ctx.mailbox, "post")
        self._wrap(monkeypatch, town.ctx.chain, "send")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        act = getattr(owner, name)

        def watched(*args: Any, **options: Any) -> Any:
            self._moment()
            result = act(*args, **options)
            self._moment()
            return result

        monkeypatch.setattr(owner, name, watched)

    def _moment(self) -> None:
        self.moments += 1
        self.left -= 1
        if self.left == 0:
            raise Killed


def test_a_killed_submission_is_finished_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever `submit` is killed, the same command again ends with one submission, one bond, and the key with the custodian."""
    request = town.open()
    reaper = Reaper(monkeypatch, town)
    town.offer(request, points(3, seed=1000))
    total = reaper.moments
    assert total >= 10
    for moment in range(1, total + 1):
        before = actions.balances(town.contributor).tokens
        reaper.left = moment
        with pytest.raises(Killed):
            town.offer(request, points(3, seed=moment))
        reaper.left = 10**9
        submission = town.offer(request, points(3, seed=moment))
        case = town.ctx.docket.case(submission)
        assert before - actions.balances(town.contributor).tokens == case.bond, moment
        assert town.offer(request, points(3, seed=moment)) == submission
    assert len(actions.list_submissions(town.ctx)) == total + 1
    assert actions.resume_submissions(town.contributor) == []


def test_what_a_crash_left_is_finished_without_the_file(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the records are in the store the journal alone is enough."""
    request = town.open()
    reaper = Reaper(monkeypatch, town)
    send = town.ctx.chain.send

    def die(*args: Any, **options: Any) -> Any:
        raise Killed

    monkeypatch.setattr(town.ctx.chain, "send", die)
    with pytest.raises(Killed):
        town.offer(request, points(4))
    monkeypatch.setattr(town.ctx.chain, "send", send)
    assert len(actions.resume_submissions(town.contributor)) == 1
    assert len(actions.list_submissions(town.ctx)) == 1
    assert reaper.moments > 0


@pytest.mark.parametrize("act", ["open", "stake", "fund"])
def test_a_killed_payment_is_found_again(town: Town, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Wherever opening, staking or adding money is killed before it is known to be done, the same call again pays once."""
    request = town.open()

    def pay(amount: int) -> None:
        if act == "open":
            town.open(escrow=amount)
        elif act == "stake":
            actions.stake(town.buyer, amount)
        else:
            actions.fund_request(town.buyer, request.id, amount)

    reaper = Reaper(monkeypatch, town)
    pay(50 * WAD)
    total, price = reaper.moments, []
    for moment in range(1, total + 1):
        before = actions.balances(town.buyer).tokens
        reaper.left = moment
        with pytest.raises(Killed):
            pay((50 + moment) * WAD)
        reaper.left = 10**9
        pay((50 + moment) * WAD)
        price.append(before - actions.balances(town.buyer).tokens)
    fee = 10_000 if act == "stake" else 10_250
    assert price == [(50 + moment) * WAD * fee // 10_000 for moment in range(1, total + 1)]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("act", ["fund", "submit"])
def test_a_payment_under_way_is_not_made_twice(
    town: Town, monkeypatch: pytest.MonkeyPatch, act: str, is_late: bool
) -> None:
    """What a killed process had sent reaches the node only when the next one sends, just before or just after: paid once."""
    request, under_way = town.open(), []
    payer = town.buyer if act == "fund" else town.contributor
    endpoint = type(town.ctx.chain.endpoint)
    ask = endpoint.request

    def pay(seed: int) -> None:
        if act == "fund":
            actions.fund_request(payer, request.id, 40 * WAD)
        else:
            town.offer(request, points(4, seed=seed))

    def lose(self: Any, method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            under_way.append(params)
            raise Killed
        return ask(self, method, params)

    def arrive(self: Any, method: str, params: list[Any]) -> Any:
        if method != "eth_sendRawTransaction" or not under_way:
            return ask(self, method, params)
        late = under_way.pop()
        if not is_late:
            ask(self, method, late)
        try:
            return ask(self, method, params)
        finally:
            if is_late:
                with pytest.raises(RpcError, match="nonce"):
                    ask(self, method, late)

    before = actions.balances(payer).tokens
    pay(1)
    price = before - actions.balances(payer).tokens
    approve(payer, town.ctx.token, town.ctx.chain.address_of("Escrow"), price)
    monkeypatch.setattr(endpoint, "request", lose)
    with pytest.raises(Killed):
        pay(2)
    town.mine(5)  # so that fees differ, and with them the transactions
    monkeypatch.setattr(endpoint, "request", arrive)
    pay(2)
    assert before - actions.balances(payer).tokens == 2 * price
    assert not under_way


def test_killed_validators_vote_once_and_the_market_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validators that die at every moment of a review and start anew reach the verdict of a run without deaths."""
    town.staff([Threshold()] * 6)
    request = town.open()
    submission = town.offer(request, points(12))
    reaper = Reaper(monkeypatch, town)
    deaths, dice = 0, random.Random(7)
    for _ in range(400):
        if town.phase(submission) == "decided":
            break
        reaper.left = dice.randint(1, 7)
        try:
            town.custodian.tick()
            for place, validator in enumerate(town.validators):
                town.validators[place] = Validator(validator.ctx, Threshold())
                for _ in range(9):
                    town.validators[place].tick()
        except Killed:
            deaths += 1
        reaper.left = 10**9
        town.mine()
    assert deaths >= 10
    assert town.phase(submission) == "decided"
    committed = [
        e
        for e in town.ctx.chain.market_events(("Reviews",), 0, town.ctx.chain.block().number)
        if "Committed" in e.name
    ]
    seats = sum(e.args["group"].bit_count() if "group" in e.args else 1 for e in committed)
    assert seats == 5
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == 12 * WAD


def test_a_judge_trained_anew_does_not_change_a_vote(town: Town) -> None:
    """The vote is fixed before it is sent: a validator that comes back with another judge commits and opens the same."""
    town.staff([Threshold()] * 6)
    submission = town.offer(town.open(), points(10))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    town.custodian.tick()
    for validator in town.validators:
        validator.tick()
    town.validators = [Validator(validator.ctx, Threshold(at=-1.0)) for validator in town.validators]
    town.decide(submission)
    assert actions.status(town.ctx, submission).approved == 10


def committed(town: Town) -> int:
    """Let a submission's members commit, and nobody open."""
    town.staff([Threshold()] * 6)
    submission = town.offer(town.open(), points(10))
    town.play(lambda: bool(town.ctx.docket.case(submission).rounds))
    town.custodian.tick()
    drawn = town.ctx.docket.case(submission).rounds[0]
    for _ in range(8):
        for validator in town.validators:
            current = town.ctx.docket.case(submission).rounds
            if validator.ctx.account in drawn.members and not (current and current[0].is_complete):
                validator.tick()
        town.mine()
    assert town.ctx.docket.case(submission).rounds[0].is_complete
    return submission


def test_a_lost_journal_gives_the_same_vote_again(town: Town) -> None:
    """Salt and order follow from the key: with the same judge a member that lost its disk opens what it had committed to."""
    submission = committed(town)
    for validator in town.validators:
        shutil.rmtree(validator.ctx.folder, ignore_errors=True)
    with pytest.raises(IntegrityError, match="lost or altered"):
        member = next(v for v in town.validators if v.ctx.account in town.ctx.docket.case(submission).members)
        actions.advance(member.ctx, submission)
    town.decide(submission)
    assert actions.status(town.ctx, submission).opened == 5


def test_an_altered_vote_is_never_opened(town: Town) -> None:
    """A ballot changed on disk after it was committed does not fit: nothing false is sent, and the node's health says so."""
    submission = committed(town)
    member = next(v for v in town.validators if v.ctx.account in town.ctx.docket.case(submission).members)
    path = next((member.ctx.folder / "ballots").glob("*.json"))
    ballot = journal.recall(path, Ballot)
    assert ballot is not None
    journal.keep(path, msgspec.structs.replace(ballot, bitmap=b"\xff" * 31 + b"\x00"))
    member.tick()
    assert "lost or altered" in member.caseload.failing[submission]
    assert actions.status(town.ctx, submission).opened == 0
