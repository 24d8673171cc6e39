"""Requests and Escrow against their twins: random markets with many requests, submissions, verdicts of every kind, and idle time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address, Cid
from sheaf.market.escrow import EscrowTwin, Ledger
from sheaf.market.requests import PENDING, SETTLED, VOID, RequestsTwin, Rules, Terms
from sheaf.market.settlement import Ratings, Verdict
from tests.contracts.market.desk import (
    BUYER,
    CONTRIBUTOR,
    OUTSIDER,
    SEATS,
    TREASURY,
    Desk,
    deploy_desk,
)
from tests.contracts.market_world import TOKEN

PEOPLE = (BUYER, CONTRIBUTOR, OUTSIDER)
EVERYONE = (*PEOPLE, TREASURY, *SEATS)

people = st.sampled_from(PEOPLE)
prices = st.sampled_from([1, 1, 2, 3, 7, 99, 10**6, 10**18, 0, 2**96 - 1, 2**96])
picks = st.integers(0, 15)
records = st.one_of(st.integers(1, 60), st.sampled_from([0, 1, 50, 16_384, 16_385]))
fees = st.sampled_from([100, 400, 400, 777, 2000, 99, 2001])


@st.composite
def verdicts(draw: st.DrawFn) -> tuple[float, float, float, int, bool, int]:
    """Shares of the records that are approved, rejected, and decided in round 1; the committee; who of it opened."""
    share = st.floats(0, 1)
    size = draw(st.sampled_from([1, 3, 5, 7, 11]))
    return draw(share), draw(share), draw(share), size, draw(st.booleans()), draw(st.integers(0, 2**23 - 1))


@cache
def _deployed() -> Desk:
    return deploy_desk()


class Market(RuleBasedStateMachine):
    """Contract and twin take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = _deployed()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        token = self.desk.token.address
        self.rules = Rules(stake_token=token, treasury=TREASURY)
        self.twin = RequestsTwin(EscrowTwin(), self.rules)
        self.token = str(token)
        self.start = {account: self.desk.token.balanceOf(account) for account in EVERYONE}
        self.given = dict.fromkeys(EVERYONE, 0)
        self.received = dict.fromkeys((*EVERYONE, self.desk.verdicts.address), 0)
        self.drawn: set[int] = set()
        self.open(BUYER, 1, 400, 1000, 100_000, 500.0)

    def teardown(self) -> None:
        try:
            self._compare_books()
            self._leave_through_every_exit()
        finally:
            self._anchor.__exit__(None, None, None)

    @rule(
        buyer=people,
        price=prices,
        fee=fees,
        limit=st.sampled_from([1000, 1000, 20, 0, 2**40]),
        seconds=st.sampled_from([1000, 400, 0]),
        share=st.floats(0.9, 200),
    )
    def open(self, buyer: str, price: int, fee: int, limit: int, seconds: int, share: float) -> None:
        amount = int(min(price, 2**96) * share)
        terms = Terms(
            Address(self.token), price, fee, limit, max(0, self.desk.now + seconds), TOKEN, Cid(""), amount
        )
        cost = amount + -(-amount * self.rules.protocol_fee_bps // 10_000)
        if cost > 10**27:
            return
        packed = self.desk.terms(
            price=price, fee_bps=fee, record_limit=limit, deadline=terms.deadline, amount=amount
        )
        if self._step(
            lambda: self.twin.open(buyer, terms), lambda: self.desk.requests.open(packed, sender=buyer)
        ):
            self.given[buyer] += cost

    @rule(sender=people, pick=picks, amount=st.integers(0, 10**6))
    def fund(self, sender: str, pick: int, amount: int) -> None:
        request = self._one_of(self.twin.books, pick)
        before = self.twin.escrow.balance(self.token)
        self._step(
            lambda: self.twin.fund(request, amount),
            lambda: self.desk.requests.fund(request, amount, sender=sender),
        )
        self.given[sender] += self.twin.escrow.balance(self.token) - before

    @rule(sender=people, pick=picks)
    def cancel(self, sender: str, pick: int) -> None:
        self._cancel(sender, self._one_of(self.twin.books, pick))

    def _cancel(self, sender: str, request: int) -> None:
        self._step(
            lambda: self.twin.cancel(request, sender),
            lambda: self.desk.requests.cancel(request, sender=sender),
        )

    @rule(sender=people, pick=picks)
    def reclaim(self, sender: str, pick: int) -> None:
        self._reclaim(sender, self._one_of(self.twin.books, pick))

    def _reclaim(self, sender: str, request: int) -> None:
        out = self._step(
            lambda: self.twin.reclaim(request, sender),
            lambda: tuple(self.desk.requests.reclaim(request, sender=sender)),
        )
        self.received[sender] += sum(out or (0,))

    @rule(sender=st.sampled_from([CONTRIBUTOR, OUTSIDER, CONTRIBUTOR, BUYER]), pick=picks, records=records)
    def submit(self, sender: str, pick: int, records: int) -> None:
        request = self._one_of(self.twin.books, pick)
        number = self._step(
            lambda: self.twin.submit(request, sender, records),
            lambda: self.desk.submit(request, records, sender=sender),
        )
        if number:
            self.given[sender] += self.twin.reservation(number).bond

    @precondition(lambda self: self.twin.submissions)
    @rule(sender=people, pick=picks)
    def void(self, sender: str, pick: int) -> None:
        self._void(sender, self._one_of(self.twin.submissions, pick))

    def _void(self, sender: str, submission: int) -> None:
        self._step(
            lambda: self.twin.void(submission, is_drawn=submission in self.drawn),
            lambda: self.desk.requests.void(submission, sender=sender),
        )

    @precondition(lambda self: self.twin.submissions)
    @rule(pick=picks)
    def draw(self, pick: int) -> None:
        submission = self._one_of(self.twin.submissions, pick)
        self.desk.verdicts.draw(submission)
        self.drawn.add(submission)

    @precondition(lambda self: self.twin.submissions)
    @rule(sender=people, pick=picks, form=verdicts(), is_claimed=st.booleans())
    def settle(self, sender: str, pick: int, form: Any, is_claimed: bool) -> None:
        self._settle(sender, self._one_of(self.twin.submissions, pick), form, is_claimed)

    def _settle(self, sender: str, submission: int, form: Any, is_claimed: bool) -> None:
        verdict, ratings = self._verdict(submission, form), Ratings()
        if verdict is not None:
            ratings = self._ratings(verdict, form)
            self.desk.rate(submission, ratings.factors[: verdict.size], *ratings[:2])
            self.drawn.add(submission)
            self.desk.verdicts.draw(submission)
            self.desk.verdicts.decide(submission, tuple(verdict))
        nothing = Verdict(0, 0, 0, 1, 1, 0, SEATS[:1])

        def both() -> int:
            made = self.twin.submissions.get(submission)
            if not is_claimed or made is None or made.phase == PENDING:
                self.twin.settle(submission, verdict or nothing, ratings)
            return self.twin.escrow.withdraw(self.token, sender) if is_claimed else 0

        if is_claimed and verdict is not None and not self._would_be_owed(sender, submission, verdict):
            is_claimed = False
        call = self.desk.requests.claim if is_claimed else self.desk.requests.settle
        paid = self._step(both, lambda: call(submission, sender=sender) or 0)
        self.received[sender] += paid or 0

    @rule(account=st.sampled_from((CONTRIBUTOR, OUTSIDER, TREASURY, *SEATS[:6])))
    def withdraw(self, account: str) -> None:
        paid = self._step(
            lambda: self.twin.escrow.withdraw(self.token, account),
            lambda: self.desk.escrow.withdraw(self.token, sender=account),
        )
        self.received[account] += paid or 0

    @rule(seconds=st.integers(0, 200), blocks=st.sampled_from([0, 1, 100, 5000]))
    def wait(self, seconds: int, blocks: int) -> None:
        boa.env.time_travel(seconds=seconds)
        boa.env.evm.patch.block_number += blocks

    @rule(fee=st.sampled_from([0, 250, 1000]), bond=st.sampled_from([5, 20, 50]), is_paused=st.integers(0, 9))
    def vote(self, fee: int, bond: int, is_paused: int) -> None:
        for name, value in (
            ("protocol_fee_bps", fee),
            ("bond_percent", bond),
            ("paused", int(is_paused == 9)),
        ):
            self.desk.set(name, value)
        self.rules = replace(self.rules, protocol_fee_bps=fee, bond_percent=bond, is_paused=is_paused == 9)

    @invariant()
    def every_unit_is_accounted_for(self) -> None:
        """The token's balance covers all ledgers and all that is owed, to the last unit."""
        assert self.desk.token.balanceOf(self.desk.escrow) == self.twin.escrow.balance(self.token)

    @invariant()
    def what_went_in_is_there_or_came_out(self) -> None:
        """Nobody has received a unit more than contract and twin agree upon, and nothing was made or lost."""
        assert sum(self.given.values()) - sum(self.received.values()) == self.twin.escrow.balance(self.token)

    @invariant()
    def reservations_are_those_of_pending_submissions(self) -> None:
        """What is reserved, of every ledger, is exactly what pending submissions have set aside."""
        for request, ledger in self.twin.escrow.ledgers.items():
            aside = [
                self.twin.reservation(number)
                for number, made in self.twin.submissions.items()
                if made.request == request and made.phase == PENDING
            ]
            held = (ledger.reserved, ledger.fee_reserved, ledger.bonds)
            assert held == tuple(sum(column) for column in zip(*aside, strict=True)) or (
                not aside and held == (0, 0, 0)
            )

    @staticmethod
    def _one_of(known: dict[int, Any], pick: int) -> int:
        # Seldom one that is not there, and rather a late one than an early one: that is where things happen.
        return len(known) - pick % len(known) if known and pick < 15 else len(known) + 1

    def _verdict(self, submission: int, form: Any) -> Verdict | None:
        made = self.twin.submissions.get(submission)
        if made is None or made.phase != PENDING:
            return None
        yes, no, early, size, is_enlarged, opened = form
        approved = int(made.records * yes)
        rejected = int((made.records - approved) * no)
        last = 2 * size + 1 if is_enlarged else size
        decided = approved + rejected
        first = int(decided * early) if is_enlarged else decided
        # Now and then somebody has proven a copy, and the bond is forfeit.
        forfeit_to = ZERO_ADDRESS if opened % 5 else self.desk.verdicts.address
        mask = opened % 2**last
        return Verdict(approved, rejected, first, size, last, mask, list(SEATS[:last]), forfeit_to)

    @staticmethod
    def _ratings(verdict: Verdict, form: Any) -> Ratings:
        # Made from the same numbers as the verdict: some of it is gold, and each seat has earned another share of its fee.
        yes, no, early, _, _, opened = form
        factors = [10_000 - (opened >> seat) % 3001 * (seat % 2) for seat in range(23)]
        return Ratings(int(verdict.approved * no * early), int(verdict.rejected * yes), factors)

    def _would_be_owed(self, sender: str, submission: int, verdict: Verdict) -> bool:
        made = self.twin.submissions[submission]
        return self.twin.escrow.owed.get((self.token, sender), 0) > 0 or (
            sender == made.contributor and self.twin.reservation(submission).bond > 0 and verdict.approved > 0
        )

    def _step(self, twin: Callable[[], Any], contract: Callable[[], Any]) -> Any:
        """Let both take the step; return what both return, or None if both refuse."""
        self.twin.rules = replace(self.rules, now=self.desk.now, block=boa.env.evm.patch.block_number)
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts(refused.reason):
                contract()
            return None
        answer = contract()
        if isinstance(expected, (int, tuple)) and not hasattr(expected, "_fields"):
            assert answer == expected
        return expected

    def _compare_books(self) -> None:
        escrow, requests = self.desk.escrow, self.desk.requests
        for request, book in self.twin.books.items():
            held = self.twin.escrow.ledgers[request]
            assert Ledger(str(escrow.ledger(request).token), *tuple(escrow.ledger(request))[1:]) == held
            view = requests.request(request)
            assert (view.buyer, view.records_left, view.is_cancelled) == (
                book.buyer,
                book.records_left,
                book.is_cancelled,
            )
        for number, made in self.twin.submissions.items():
            assert requests.submission(number).phase == made.phase
        for account in EVERYONE:
            assert escrow.owed(self.token, account) == self.twin.escrow.owed.get((self.token, account), 0)
            balance = self.desk.token.balanceOf(account)
            assert balance == self.start[account] - self.given[account] + self.received[account]

    def _leave_through_every_exit(self) -> None:
        """No state is without an exit: void what is pending, cancel and reclaim all, withdraw all; nothing is left."""
        self.vote(0, 20, 9)
        boa.env.evm.patch.block_number += 7201
        for number, made in self.twin.submissions.items():
            if made.phase != PENDING:
                continue
            if number in self.drawn:
                self._settle(OUTSIDER, number, (1.0, 0.0, 1.0, 5, False, 31), False)
            else:
                self._void(OUTSIDER, number)
        for request, book in self.twin.books.items():
            if not book.is_cancelled:
                self._cancel(book.buyer, request)
            self._reclaim(book.buyer, request)
        for account in (*EVERYONE, self.desk.verdicts.address):
            if self.twin.escrow.owed.get((self.token, account)):
                self.withdraw(account)
        assert all(made.phase in (SETTLED, VOID) for made in self.twin.submissions.values())
        assert self.desk.token.balanceOf(self.desk.escrow) == 0


class TestMarket(Market.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
