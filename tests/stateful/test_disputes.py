"""Disputes and Reversals against their twin: challenges, juries, appeals, absence and delay in any order; no unit of money is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sheaf.domain.errors import Refused
from sheaf.review import openings
from sheaf.review.disputes import DisputesTwin, Facts, Rules
from sheaf.review.juries import COLLECTED, CONCLUDED, DRAWING, RULED, VOTING, Vote, commitment
from tests.contracts.market_world import TOKEN
from tests.contracts.review.disputes.court import Court

N = 300
picks = st.integers(0, 15)
MASKS = [0b1111, 0b11110000, 1 << 43, 0, 1 << 44, (1 << 44) - 1, 0b10, 2**256 - 1]
GARBAGE = [i % 7 == 0 for i in range(N)]
RULES = Rules(jury_size=3, ruling_seconds=604_800)


@cache
def _deployed() -> tuple[Court, int, bytes, bytes, Facts]:
    court = Court()
    court.set("jury_size", 3)
    world = court.world
    votes = [[False] * N, GARBAGE, [False] * N, [i < 2 for i in range(N)], [i % 2 == 0 for i in range(N)]]
    submission, rejected, hung = court.decide(votes, price=TOKEN // 100)
    boa.env.evm.patch.block_number += 7201
    world.reviews.finalise(submission, sender=world.outsider)
    case = world.requests.case_of(submission)
    facts = Facts(
        N, case.value_stake, world.committees.committee(submission).lock, world.buyer, world.contributor,
        world.reviews.review(submission).settle_after, rejected, hung,
    )  # fmt: skip
    return court, submission, rejected, hung, facts


def _remember(hashes: Any) -> None:
    boa.env.evm.vm.state.execution_context._prev_hashes = hashes


class Disputes(RuleBasedStateMachine):
    """Contracts and twin take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.court, self.submission, self.rejected, self.hung, facts = _deployed()
        self.world, self.disputes = self.court.world, self.court.disputes
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        # Here the engine knows the hash of the last block alone; a draw may look 255 back.
        self._hashes = boa.env.evm.vm.state.execution_context._prev_hashes
        _remember([openings.keccak(bytes([i])) for i in range(256)])
        self.twin = DisputesTwin(RULES, facts={self.submission: facts})
        self.actors = [self.court.challenger, self.court.appellant, self.world.outsider]
        self.secrets: dict[tuple[int, int], Vote] = {}
        self.challenge(0, 0, 0)

    def teardown(self) -> None:
        try:
            self._leave_through_every_exit()
        finally:
            _remember(self._hashes)
            self._anchor.__exit__(None, None, None)

    @precondition(lambda self: len(self.twin.cases) < 4)
    @rule(who=picks, form=picks, word=st.sampled_from([0, 1, 1, 2]))
    def challenge(self, who: int, form: int, word: int) -> None:
        sender, mask = self.actors[who % 3], MASKS[form % len(MASKS)]
        self._step(
            lambda: self.twin.challenge(self.submission, word, mask, sender),
            lambda: self.court.challenge(
                self.submission, mask, (self.rejected, self.hung), word=word, sender=sender
            ),
        )

    @rule(pick=picks)
    def draw(self, pick: int) -> None:
        case = self._pick(pick)
        if self.twin.cases[case].jury.phase == DRAWING:
            boa.env.evm.patch.block_number = max(
                self.twin.target(case) + pick % 3, boa.env.evm.patch.block_number
            )

        def drawn() -> None:
            self.disputes.draw(case, sender=self.world.outsider)

        before = self.twin.cases[case].jury.size
        self._now()
        with boa.env.anchor():
            try:
                drawn()
                accounts = [
                    self.court.account(case, seat) for seat in range(before, self.court.jury(case).size)
                ]
            except boa.BoaError:
                accounts = []
        if self._step(lambda: self.twin.draw(case, accounts) or True, drawn):
            assert len(accounts) == len(set(self.twin.cases[case].accounts)) - before
            members = self.world.committees.accounts(self.submission)
            assert not set(accounts) & {*members, *self.actors, self.world.buyer, self.world.contributor}

    @rule(pick=picks, form=picks, appeals=st.integers(0, 2), is_final=st.booleans())
    def hear(self, pick: int, form: int, appeals: int, is_final: bool) -> None:
        """A whole round: drawn, voted and counted, and sometimes appealed or concluded."""
        if self.twin.cases[self._pick(pick)].jury.phase != DRAWING:
            return
        self.draw(pick)
        self.commit(pick, 0, form % 15, 1)
        self.reveal(pick, 0, 1)
        self.tally(pick)
        if appeals:
            self.appeal(pick, form, not self.twin.cases[self._pick(pick)].is_overturned)
            self.hear(pick, form + 1, appeals - 1, is_final)
        elif is_final:
            self.wait(86_400, 0)
            self.conclude(pick)

    @rule()
    def finish(self) -> None:
        """Show, execute and collect what is concluded."""
        self.show()
        self.wait(3600, 0)
        self.execute()
        for number in range(len(self.twin.cases)):
            self.collect(number)

    @rule(pick=picks)
    def redraw(self, pick: int) -> None:
        case = self._pick(pick)
        self._step(
            lambda: self.twin.redraw(case), lambda: self.disputes.redraw(case, sender=self.world.outsider)
        )

    @rule(pick=picks, seats=st.integers(0, 2**12), form=picks, thief=st.integers(0, 9))
    def commit(self, pick: int, seats: int, form: int, thief: int) -> None:
        """Some of the seats commit, one after the other; now and then one for a seat that is another's."""
        case = self._pick(pick)
        one = self.twin.cases[case]
        for place in range(max(len(one.accounts) - one.jury.first, 1)):
            seat = one.jury.first + place
            if seats >> place & 1:
                continue
            account = one.accounts[seat] if seat < len(one.accounts) else self.world.outsider
            # Two in three agree, whatever it is about.
            vote = Vote((2**256 - 1 if (form + seat) % 3 else 0) & one.mask, form + seat > 20, bytes(32))
            if form == 15:
                vote = vote._replace(rejected=1 << 255)
            made = commitment(vote, case, account, one.jury.round)
            sender = self.world.outsider if thief == 0 else account
            done = self._step(
                lambda made=made, seat=seat, sender=sender: (
                    self.twin.commit(case, seat, made, sender) or True
                ),
                lambda made=made, seat=seat, sender=sender: self.disputes.commit(
                    case, seat, made, sender=sender
                ),
            )
            if done:
                self.secrets[case, seat] = vote

    @rule(pick=picks, seats=st.integers(0, 2**12), forged=st.integers(0, 9))
    def reveal(self, pick: int, seats: int, forged: int) -> None:
        case = self._pick(pick)
        one = self.twin.cases[case]
        for place in range(max(one.jury.size - one.jury.first, 1)):
            seat = one.jury.first + place
            if seats >> place & 1 and seats % 3:
                continue
            vote = self.secrets.get((case, seat), Vote(0, False, bytes(32)))
            if forged == 0:
                vote = vote._replace(salt=b"\x07" * 32)
            self._step(
                lambda seat=seat, vote=vote: self.twin.reveal(case, seat, vote),
                lambda seat=seat, vote=vote: self.disputes.reveal(
                    case, seat, *vote, sender=self.world.outsider
                ),
            )

    @rule(pick=picks)
    def tally(self, pick: int) -> None:
        case = self._pick(pick)
        self._step(
            lambda: self.twin.tally(case), lambda: self.disputes.tally(case, sender=self.world.outsider)
        )

    @rule(pick=picks, who=picks, side=st.booleans())
    def appeal(self, pick: int, who: int, side: bool) -> None:
        case, sender = self._pick(pick), self.actors[who % 3]
        self._step(
            lambda: self.twin.appeal(case, side, sender),
            lambda: self.disputes.appeal(case, side, sender=sender),
        )

    @rule(pick=picks)
    def conclude(self, pick: int) -> None:
        self._conclude(self._pick(pick))

    @rule()
    def show(self) -> None:
        asked, panel = openings.pack([True] * N), self.world.committees.committee(self.submission)
        votes = dict(zip(self.world.committees.accounts(self.submission), self.court.bitmaps, strict=False))
        before = [self.world.stakes.position(member).amount for member in panel.members]
        losses = self._step(
            lambda: self.twin.show(self.submission, 1, votes, asked),
            lambda: self.court.show(self.submission),
        )
        if losses is not None:
            after = [self.world.stakes.position(member).amount for member in panel.members]
            assert [b - a for b, a in zip(before, after, strict=True)] == losses
            for account in votes:
                assert self.court.reversals.suspended(account) == self.twin.evidence[account]

    @rule()
    def execute(self) -> None:
        verdict = self._step(
            lambda: self.twin.execute(self.submission),
            lambda: self.court.execute(self.submission, (self.rejected, self.hung)),
        )
        if verdict:
            assert self.world.reviews.review(self.submission).verdict == openings.keccak(b"".join(verdict))

    @rule(pick=picks)
    def collect(self, pick: int) -> None:
        self._collect(self._pick(pick))

    @rule(amount=st.sampled_from([0, 1, 7 * TOKEN]))
    def fund(self, amount: int) -> None:
        self._step(
            lambda: self.twin.fund(amount),
            lambda: self.disputes.fund(amount, sender=self.court.challenger),
        )

    @rule(who=picks)
    def withdraw(self, who: int) -> None:
        self._withdraw(self.actors[who % 3])

    @rule(
        seconds=st.sampled_from([1, 60, 3600, 3600, 86_400, 172_800]),
        blocks=st.sampled_from([0, 0, 30, 7201]),
    )
    def wait(self, seconds: int, blocks: int) -> None:
        boa.env.time_travel(seconds=seconds)
        boa.env.evm.patch.block_number += blocks

    @invariant()
    def money_agrees(self) -> None:
        """What the contract holds is what the twin says is owed, bonded, in pots and in the fund."""
        assert self.court.balance() == self.twin.balance
        assert self.disputes.fund_left() == self.twin.fund_left

    @invariant()
    def juries_agree(self) -> None:
        """Every jury is the twin's."""
        for number, case in self.twin.cases.items():
            assert self.court.jury(number) == case.jury

    def _pick(self, pick: int) -> int:
        return pick % len(self.twin.cases) + 1

    def _now(self) -> None:
        self.twin.now, self.twin.block = self.world.now, boa.env.evm.patch.block_number

    def _step(self, twin: Callable[[], Any], contract: Callable[[], Any]) -> Any:
        """Let both take the step; return what the twin returns, or None if both refuse."""
        self._now()
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts(refused.reason):
                contract()
            return None
        contract()
        return expected

    def _conclude(self, case: int) -> None:
        ids = [self.disputes.juror(case, seat) for seat in range(self.court.jury(case).size)]
        before = [self.world.stakes.position(member) for member in ids]
        losses = self._step(
            lambda: self.twin.conclude(case),
            lambda: self.disputes.conclude(case, sender=self.world.outsider),
        )
        if losses is None:
            return
        one = self.twin.cases[case]
        lock = self.twin.facts[self.submission].lock
        for seat, (member, held) in enumerate(zip(ids, before, strict=True)):
            now = self.world.stakes.position(member)
            missing = 0 if one.jury.opened >> seat & 1 else lock // 100
            assert held.amount - now.amount == losses.get(seat, 0) + missing
            assert held.locked - now.locked == lock

    def _collect(self, case: int) -> None:
        supply = self.world.token.totalSupply()
        shares = self._step(
            lambda: self.twin.collect(case),
            lambda: self.disputes.collect(case, sender=self.world.outsider),
        )
        if shares is not None:
            assert supply - self.world.token.totalSupply() == shares.burned

    def _withdraw(self, account: str) -> None:
        before = self.world.token.balanceOf(account)
        paid = self._step(lambda: self.twin.withdraw(account), lambda: self.disputes.withdraw(sender=account))
        assert self.world.token.balanceOf(account) - before == (paid or 0)

    def _leave_through_every_exit(self) -> None:
        """No state is without an exit: when the time to rule is over, all is concluded, collected, withdrawn and settled."""
        self.wait(604_800, 7201)
        for number, case in self.twin.cases.items():
            if case.jury.phase == VOTING:
                self.tally(number - 1)
            if case.jury.phase in (DRAWING, RULED):
                self._conclude(number)
            if case.jury.phase == CONCLUDED:
                self._collect(number)
            assert case.jury.phase == COLLECTED
        for account in list(self.twin.owed):
            if self.twin.owed[account]:
                self._withdraw(account)
        assert self.court.balance() == self.twin.fund_left
        self.world.requests.settle(self.submission, sender=self.world.outsider)
        assert all(
            self.world.stakes.position(number + 1).locked == 0 for number in range(len(self.world.keys))
        )


class TestDisputes(Disputes.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
