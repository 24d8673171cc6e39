"""Bonus pools: shares that nobody disputes are paid, wrong ones cost their poster its stake, and no unit is lost."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, Refused
from sheaf.market import bonus_pools as twins
from sheaf.market.bonus_pools import BonusPoolsTwin, Held, Share, tree_of
from sheaf.valuation.bonus import bonus_shares
from tests.contracts.market.bonus_pools.bursary import STANDING, TERM, Bursary
from tests.contracts.market_world import CID, MOCKS, TOKEN, source

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def _bursary() -> Bursary:
    return Bursary()


@pytest.fixture
def bursary(_bursary: Bursary) -> Iterator[Bursary]:
    with boa.env.anchor():
        yield _bursary


def test_shares_are_paid_to_the_last_unit(bursary: Bursary) -> None:
    """Linear shares of a pool of 100: every account gets its own, the poster its stake back, and nothing stays."""
    world, request = bursary.world, bursary.ended(100)
    amounts = bonus_shares([0.5, 0.3, -0.2, 0.1, 0.0], 100)
    shares = bursary.shares(*amounts)
    before = world.token.balanceOf(bursary.buyer)
    stake = bursary.contract.stake_of(request)
    posting = bursary.post(request, shares)
    assert before - world.token.balanceOf(bursary.buyer) == stake == 10 * TOKEN + 10
    with boa.reverts("bonus_pools: may still be challenged"):
        bursary.claim(request, shares, 0)
    bursary.past_challenge()
    assert [bursary.claim(request, shares, i) for i in (0, 1, 3)] == [56, 33, 11]
    assert [world.token.balanceOf(account) for account in bursary.accounts] == amounts
    for index in (0, 2):
        with boa.reverts("bonus_pools: nothing to claim"):
            bursary.claim(request, shares, index)
    assert bursary.contract.withdraw(world.token, sender=bursary.buyer) == stake
    assert bursary.balance() == 0 and bursary.contract.posting(posting).phase == twins.OVER
    with boa.reverts("bonus_pools: nothing left"):
        bursary.contract.reclaim(request, sender=bursary.buyer)


def test_a_wrong_root_costs_its_poster(bursary: Bursary) -> None:
    """A jury rejects it: half of the stake is burned, the other half pays jurors and the challenger; other shares may be posted."""
    world, court, request = bursary.world, bursary.court, bursary.ended()
    wrong, right = bursary.shares(100 * TOKEN), bursary.shares(60 * TOKEN, 40 * TOKEN)
    posting = bursary.post(request, wrong)
    stake = bursary.contract.posting(posting).stake
    supply = world.token.totalSupply()
    before = world.token.balanceOf(court.challenger)
    case = bursary.rule(posting, [1] * 4 + [0])
    bursary.contract.show(posting, sender=world.outsider)
    bursary.execute(posting)
    assert supply - world.token.totalSupply() == stake - stake // 2
    with boa.reverts("bonus_pools: nothing to accept"):
        bursary.contract.accept(request, sender=world.outsider)
    paid = court.collect(case)
    facts = bursary.disputes.case_of(case)
    assert (paid.paid_to_jurors, paid.returned, paid.burned) == (5 * facts.fee, facts.bond, 0)
    assert paid.paid_to_winners == stake // 2 - 5 * facts.fee
    bursary.disputes.withdraw(sender=court.challenger)
    assert world.token.balanceOf(court.challenger) - before == paid.paid_to_winners > 0
    bursary.post(request, right)
    bursary.past_challenge()
    assert [bursary.claim(request, right, i) for i in range(2)] == [60 * TOKEN, 40 * TOKEN]


def test_a_sham_challenge_costs_the_challenger(bursary: Bursary) -> None:
    """A jury that computes the same shares: the posting stands, the poster gets its stake and what is left of the bond after the jurors."""
    world, court, request = bursary.world, bursary.court, bursary.ended()
    shares = bursary.shares(10 * TOKEN, 20 * TOKEN)
    posting = bursary.post(request, shares)
    stake = bursary.contract.posting(posting).stake
    case = bursary.rule(posting, [0] * 5)
    bursary.contract.show(posting, sender=world.outsider)
    bursary.execute(posting)
    bursary.contract.accept(request, sender=world.outsider)
    paid = court.collect(case)
    bond = bursary.disputes.case_of(case).bond
    assert paid.burned == bond - bond // 2 and paid.returned == 0
    assert bursary.disputes.owed(bursary.buyer) == paid.paid_to_winners > 0
    assert bursary.contract.owed(world.token, bursary.buyer) == stake + 70 * TOKEN
    assert bursary.claim(request, shares, 1) == 20 * TOKEN


def test_rounds_grow_and_nobody_at_fault_gives_all_back(bursary: Bursary) -> None:
    """Appealed once: 5 jurors, then 11 seats; where most hold that nobody is to blame bond and stake go back."""
    world, court, request = bursary.world, bursary.court, bursary.ended()
    posting = bursary.post(request, bursary.shares(TOKEN))
    stake = bursary.contract.posting(posting).stake
    case = bursary.challenge(posting)
    court.draw(case)
    court.vote(case, [0] * 5)
    bursary.disputes.appeal(case, True, sender=court.appellant)
    assert court.draw(case).size == 11
    for seat in range(5, 11):
        court.commit(case, seat, 0, True)
    for seat in range(5, 11):
        court.reveal(case, seat)
    bursary.disputes.tally(case, sender=world.outsider)
    court.conclude(case)
    world.wait(172_800)
    bursary.contract.show(posting, sender=world.outsider)
    bursary.execute(posting)
    (said,) = world.events(bursary.disputes, "SharesRejected")
    assert said.is_faultless and bursary.contract.owed(world.token, bursary.buyer) == stake
    paid = court.collect(case)
    assert paid.returned == 3 * bursary.disputes.case_of(case).bond
    assert bursary.post(request, bursary.shares(2 * TOKEN)) == posting + 1


def test_what_nobody_shows_or_executes(bursary: Bursary) -> None:
    """Without `show` the stake is burned whole; a ruling that nobody executes in time leaves the shares as they are."""
    world, request = bursary.world, bursary.ended()
    posting = bursary.post(request, bursary.shares(TOKEN))
    supply, stake = world.token.totalSupply(), bursary.contract.posting(posting).stake
    bursary.rule(posting, [1] * 5)
    with boa.reverts("bonus_pools: not disputes"):
        bursary.contract.rule(posting, *STANDING, sender=world.deployer)
    world.wait(3601)
    bursary.execute(posting)
    assert supply - world.token.totalSupply() == stake
    again = bursary.post(request, bursary.shares(TOKEN))
    bursary.rule(again, [1] * 5)
    with boa.reverts("bonus_pools: may still be challenged"):
        bursary.contract.accept(request, sender=world.outsider)
    world.wait(604_801)
    bursary.contract.accept(request, sender=world.outsider)
    with boa.reverts("bonus_pools: not held"):
        bursary.contract.rule(again, *STANDING, sender=bursary.disputes.address)
    with boa.reverts("bonus_pools: not held"):
        bursary.contract.show(again, sender=world.outsider)


def test_who_may_post_and_when(bursary: Bursary) -> None:
    """The buyer and its valuator after the request is closed, anyone after a term; the buyer's money comes back two terms after."""
    contract, world, request = bursary.contract, bursary.world, bursary.open()
    shares = bursary.shares(TOKEN)
    with boa.reverts("bonus_pools: the request is running"):
        bursary.post(request, shares)
    with boa.reverts("bonus_pools: the request is running"):
        contract.close(request, sender=world.outsider)
    with boa.reverts("bonus_pools: not the buyer"):
        contract.name_valuator(request, bursary.valuator, sender=bursary.rival)
    contract.name_valuator(request, bursary.valuator, sender=bursary.buyer)
    world.wait(86_401)
    contract.close(request, sender=world.outsider)
    with boa.reverts("bonus_pools: closed"):
        contract.close(request, sender=world.outsider)
    with boa.reverts("bonus_pools: closed"):
        contract.fund(request, 1, sender=bursary.buyer)
    with boa.reverts("bonus_pools: the buyer's time to post"):
        bursary.post(request, shares, sender=bursary.rival)
    with boa.env.anchor():
        bursary.post(request, shares, sender=bursary.valuator)
        with boa.reverts("bonus_pools: shares are posted"):
            bursary.post(request, shares)
        with boa.reverts("bonus_pools: shares are posted"):
            contract.reclaim(request, sender=bursary.buyer)
    world.wait(TERM)
    with boa.reverts("bonus_pools: may still be posted"):
        contract.reclaim(request, sender=bursary.buyer)
    with boa.env.anchor():
        bursary.post(request, shares, sender=bursary.rival)
    world.wait(TERM)
    with boa.reverts("bonus_pools: not the buyer"):
        contract.reclaim(request, sender=bursary.rival)
    assert contract.reclaim(request, sender=bursary.buyer) == 100 * TOKEN
    with boa.reverts("bonus_pools: shares are posted"):
        bursary.post(request, shares)


def test_what_is_not_claimed_returns(bursary: Bursary) -> None:
    """After a term the buyer takes what is left; who comes later finds nothing."""
    contract, request = bursary.contract, bursary.ended()
    shares = bursary.shares(TOKEN, 2 * TOKEN)
    bursary.post(request, shares)
    bursary.past_challenge()
    bursary.claim(request, shares, 0)
    with boa.reverts("bonus_pools: may still be claimed"):
        contract.reclaim(request, sender=bursary.buyer)
    bursary.world.wait(TERM)
    assert contract.reclaim(request, sender=bursary.buyer) == 2 * TOKEN
    with boa.reverts("bonus_pools: more than was posted"):
        bursary.claim(request, shares, 1)


def test_what_is_refused(bursary: Bursary) -> None:
    """Nothing, too much, no evidence, foreign shares, roots that promise more than was posted, and strangers in Disputes' place."""
    contract, world = bursary.contract, bursary.world
    request = bursary.open()
    root = tree_of(request, bursary.shares(1)).root
    for call, reason in (
        (lambda: contract.fund(request, 0, sender=bursary.buyer), "bonus_pools: nothing to add"),
        (lambda: contract.fund(request, 2**96, sender=bursary.buyer), "bonus_pools: amount too large"),
        (lambda: contract.fund(request, 2**95, sender=bursary.buyer), "bonus_pools: amount too large"),
        (lambda: contract.fund(request, 10**7 * TOKEN, sender=bursary.buyer), "erc20: transfer amount exceeds balance"),
        (lambda: contract.fund(99, 1, sender=bursary.buyer), "requests: no such request"),
        (lambda: contract.close(99, sender=bursary.buyer), "bonus_pools: no pool"),
        (lambda: contract.withdraw(world.token, sender=bursary.rival), "bonus_pools: nothing owed"),
        (lambda: contract.hold(1, sender=bursary.buyer), "bonus_pools: not disputes"),
        (lambda: contract.wire(bursary.rival, sender=bursary.buyer), "bonus_pools: not the deployer"),
        (lambda: contract.wire(bursary.rival, sender=world.deployer), "bonus_pools: already wired"),
    ):  # fmt: skip
        with boa.reverts(reason):
            call()
    world.requests.cancel(request, sender=bursary.buyer)
    for arguments, reason in (
        ((bytes(32), 1, 1, CID), "bonus_pools: no shares"),
        ((root, 0, 1, CID), "bonus_pools: no shares"),
        ((root, 2**16 + 1, 1, CID), "bonus_pools: no shares"),
        ((root, 1, 101 * TOKEN, CID), "bonus_pools: more than the pool holds"),
        ((root, 1, 1, b""), "bonus_pools: no evidence"),
    ):
        with boa.reverts(reason):
            contract.post(request, *arguments, sender=bursary.buyer)
    shares = bursary.shares(TOKEN, TOKEN, TOKEN)
    posting = bursary.post(request, shares, total=2 * TOKEN)
    with boa.reverts("bonus_pools: not held"):
        contract.show(posting, sender=world.outsider)
    with boa.reverts("disputes: too early"):
        bursary.disputes.audit(posting, *STANDING, sender=world.outsider)
    bursary.past_challenge()
    with boa.reverts("bonus_pools: challenge window is over"):
        bursary.challenge(posting)
    foreign = bursary.shares(TOKEN, 2 * TOKEN, TOKEN)
    for index, other in ((1, foreign), (0, shares[:1]), (0, [*shares, Share(bursary.rival, 1)])):
        with boa.reverts("bonus_pools: not a share"):
            bursary.claim(request, other, index)
    with boa.reverts("bonus_pools: not a share"):
        contract.claim(request, *shares[0], 2**70, [], sender=world.outsider)
    assert [bursary.claim(request, shares, i) for i in range(2)] == [TOKEN, TOKEN]
    with boa.reverts("bonus_pools: more than was posted"):
        bursary.claim(request, shares, 2)
    with boa.reverts("bonus_pools: not posted"):
        bursary.challenge(posting)


def test_tokens_that_lie_are_refused(bursary: Bursary) -> None:
    """A token that gives less than it was told to funds no pool; nothing is deployed without a term or wired to nothing."""
    world = bursary.world
    parts = (world.token, world.parameters, world.escrow, world.requests, world.committees)
    with boa.env.prank(world.deployer):
        with boa.reverts("bonus_pools: no term"):
            source("market/BonusPools.vy").deploy(*parts, 0)
        fresh = source("market/BonusPools.vy").deploy(*parts, 1)
        with boa.reverts("bonus_pools: no disputes"):
            fresh.wire(ZERO)
    hostile = boa.load(str(MOCKS / "HostileToken.vy"))
    hostile.mint(bursary.buyer, 10**21)
    request = world.open(token=hostile.address, price=1, amount=1000)
    for tax, is_false, reason in (
        (100, False, "bonus_pools: token takes a fee on transfer"),
        (0, True, "bonus_pools: token refused"),
    ):
        hostile.set_tax(tax)
        hostile.set_false(is_false)
        with boa.reverts(reason):
            bursary.contract.fund(request, 1000, sender=bursary.buyer)
    hostile.set_false(False)
    bursary.contract.fund(request, 1000, sender=bursary.buyer)
    assert bursary.contract.pool(request).left == 1000


def test_trees_of_shares_refuse_nonsense() -> None:
    """No shares, a negative one, an account twice: one line each, before anything is sent."""
    account = "0x" + "11" * 20
    for shares in (
        [],
        [Share(account, -1)],
        [Share(account, 1), Share(account.upper().replace("X", "x"), 2)],
    ):
        with pytest.raises(InputError):
            tree_of(1, shares)


@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_walk_conserves_every_unit(bursary: Bursary, data: st.DataObject) -> None:
    """Fund, end, post, challenge, rule, accept, claim, reclaim, withdraw, wait, in any order: contract and twin agree, and the balance is
    what is left in pools, stakes and debts."""
    with boa.env.anchor():
        walk = Walk(bursary)
        for _ in range(data.draw(st.integers(8, 16))):
            step = data.draw(st.sampled_from(walk.steps))
            step(data.draw(st.integers(0, 2**20)))
            walk.check()


class Walk:
    """Two pools in the stake token, and a twin that does what is done to them."""

    def __init__(self, bursary: Bursary) -> None:
        self.bursary, world = bursary, bursary.world
        rules = twins.Rules(TERM)
        self.twin = BonusPoolsTwin(rules)
        self.requests = [world.open(), world.open(price=3)]
        self.ends = dict.fromkeys(self.requests, world.now + 86_400)
        self.shares: dict[int, list[Share]] = {}
        self.before = bursary.balance()
        self.steps = [self.fund, self.post, self.post, self.judge, self.accept, self.claim, self.claim, self.reclaim,
                      self.withdraw, self.wait, self.end]  # fmt: skip

    def fund(self, seed: int) -> None:
        request, amount = self.requests[seed % 2], seed % 1000
        facts = Held(self.bursary.buyer, TOKEN, self.ends[request])
        self._both(
            lambda: self.twin.fund(request, facts, amount),
            lambda: self.bursary.contract.fund(request, amount, sender=self.bursary.buyer),
        )

    def end(self, seed: int) -> None:
        request = self.requests[seed % 2]
        if self.ends[request] > self.bursary.world.now and seed % 3 == 0:
            self.bursary.world.requests.cancel(request, sender=self.bursary.buyer)
            self.ends[request] = 0
            if request in self.twin.pools:
                self.twin.pools[request].ends_at = 0

    def post(self, seed: int) -> None:
        request = self.requests[seed % 2]
        left = self.twin.pools[request].left if request in self.twin.pools else 5
        amounts = bonus_shares([seed % 7, seed % 5, seed % 3], left)
        shares = self.bursary.shares(*amounts)
        total = max(sum(amounts) - seed % 2, 0)
        sender = self.bursary.buyer if seed % 4 else self.bursary.rival

        def sent() -> None:
            self.bursary.post(request, shares, sender=sender, total=total)
            self.shares[request] = shares

        self._both(lambda: self.twin.post(request, sender, shares, total), sent)

    def judge(self, seed: int) -> None:
        numbers = [number for number, one in self.twin.postings.items() if one.phase == twins.POSTED]
        if not numbers or self.bursary.world.now >= self.twin.postings[numbers[-1]].settle_after:
            return
        number, is_rejected = numbers[-1], bool(seed % 2)
        self.twin.now = self.bursary.world.now
        self.twin.hold(number)
        self.bursary.rule(number, [int(is_rejected)] * 5)
        self.twin.now = self.bursary.world.now
        if seed % 3:
            self.twin.show(number, is_overturned=is_rejected)
            self.bursary.contract.show(number, sender=self.bursary.world.outsider)
        else:
            self.bursary.world.wait(3601)
        self.bursary.execute(number)
        self.twin.now = self.bursary.world.now
        self.twin.rule(number, is_rejected=is_rejected, is_faultless=False)

    def accept(self, seed: int) -> None:
        request = self.requests[seed % 2]
        self._both(
            lambda: self.twin.accept(request),
            lambda: self.bursary.contract.accept(request, sender=self.bursary.rival),
        )

    def claim(self, seed: int) -> None:
        request, index = self.requests[seed % 2], seed % 3
        if request in self.shares and self.twin.pools[request].posting:
            self._both(
                lambda: self.twin.claim(request, index),
                lambda: self.bursary.claim(request, self.shares[request], index),
            )

    def reclaim(self, seed: int) -> None:
        request, sender = self.requests[seed % 2], self.bursary.buyer if seed % 5 else self.bursary.rival
        self._both(
            lambda: self.twin.reclaim(request, sender),
            lambda: self.bursary.contract.reclaim(request, sender=sender),
        )

    def withdraw(self, seed: int) -> None:
        account = self.bursary.buyer if seed % 2 else self.bursary.rival
        amount = self.twin.owed.pop(account, 0) + self.twin.stakes_owed.pop(account, 0)
        if amount:
            assert self.bursary.contract.withdraw(self.bursary.world.token, sender=account) == amount

    def wait(self, seed: int) -> None:
        self.bursary.world.wait((3600, 172_800, TERM)[seed % 3])

    def check(self) -> None:
        held = self.twin.held + self.twin.staked
        assert self.bursary.balance() - self.before == held
        for request, pool in self.twin.pools.items():
            assert self.bursary.contract.pool(request)[2] == pool.left
        for number, one in self.twin.postings.items():
            found = self.bursary.contract.posting(number)
            assert (found.stake, found.paid, found.phase) == (one.stake, one.paid, one.phase)

    def _both(self, ours: object, theirs: object) -> None:
        assert callable(ours) and callable(theirs)
        self.twin.now = self.bursary.world.now
        try:
            expected = ours()
        except Refused as refused:
            with boa.reverts(str(refused)):
                theirs()
        else:
            found = theirs()
            assert not isinstance(found, int) or not isinstance(expected, int) or found == expected
