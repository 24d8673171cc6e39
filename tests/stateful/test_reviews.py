"""Committees and Reviews against the twin of Reviews: members vote, copy, forge, withhold and stay away while time passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import astuple, dataclass, field, replace
from functools import cache
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sheaf.domain.errors import Refused
from sheaf.review import openings, reviews, scores
from sheaf.review.openings import Opening
from sheaf.review.reviews import Panel, ReviewsTwin, Times
from sheaf.review.stakes import StakesTwin
from tests.contracts.conftest import TOKEN
from tests.contracts.market_world import World

picks = st.integers(0, 15)
masks = st.one_of(st.sampled_from([2047, 2047, 5, 2]), st.integers(0, 2**11 - 1))
sizes = st.sampled_from([1, 3, 255, 256, 257])
TIMES = Times(challenge_seconds=172_800, draw_blocks=7200, ruling_seconds=604_800, missing_reveal_bps=100)
ARBITER = str(boa.env.generate_address("arbiter"))
PROOFS = str(boa.env.generate_address("proofs"))


@dataclass
class Round:
    """What was committed in a round, in order, and what opens it."""

    first: int
    commitments: dict[int, bytes] = field(default_factory=dict)
    shown: dict[int, Opening] = field(default_factory=dict)


@dataclass
class Case:
    """A submission with its members and rounds."""

    records: int
    lock: int
    members: list[str]
    ids: list[int]
    rounds: list[Round]
    carried: tuple[int, ...] = ()
    verdict: tuple[bytes, bytes] | None = None
    is_closed: bool = False


@cache
def _deployed() -> World:
    world = World()
    world.reviews.propose_arbiter(ARBITER, sender=world.deployer)
    world.reviews.propose_proofs(PROOFS, sender=world.deployer)
    world.parameters.set_round(0, 3, 2, sender=world.deployer)
    boa.env.time_travel(seconds=10)
    return world


class Reviews(RuleBasedStateMachine):
    """Contract and twin take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.world = _deployed()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.twin = ReviewsTwin(TIMES, arbiter=ARBITER)
        self.ratings = scores.ScoresTwin(StakesTwin(ARBITER, 4, 1, TOKEN, TOKEN))
        self.cases: dict[int, Case] = {}
        self.touched = 1
        self.submit(257)

    def teardown(self) -> None:
        try:
            self._leave_through_every_exit()
        finally:
            self._anchor.__exit__(None, None, None)

    @precondition(lambda self: len(self.cases) < 6)
    @rule(records=sizes)
    def submit(self, records: int) -> None:
        price = TOKEN // 1000
        number = self.world.submit(self.world.open(price=price, amount=2 * records * price), records)
        self.world.draw(number)
        panel, members = self.world.committees.sitting(number)
        self.cases[number] = Case(records, panel.lock, list(members), list(panel.members), [Round(0)])
        self._seat(number)

    @rule(pick=picks, seat=picks, form=picks, is_own=st.integers(0, 5))
    def commit(self, pick: int, seat: int, form: int, is_own: int) -> None:
        number, case, current = self._pick(pick)
        seat %= len(case.members) + 1
        committed = self._vote(number, seat, form)
        # One in six commits for a seat that is another's.
        sender = case.members[(seat + (is_own == 0)) % len(case.members)]
        done = self._step(
            lambda: self.twin.commit(number, seat, committed.made, sender) or True,
            lambda: self.world.reviews.commit(number, seat, committed.made, sender=sender),
        )
        if done:
            current.commitments[seat] = committed.made
            current.shown[seat] = committed.opening

    @rule(pick=picks, group=masks, form=picks, forged=picks)
    def commit_jointly(self, pick: int, group: int, form: int, forged: int) -> None:
        number, case, current = self._pick(pick)
        group = group << current.first & (1 << len(case.members)) - 1
        seats = [seat for seat in range(len(case.members)) if group >> seat & 1]
        votes = {seat: self._vote(number, seat, form + seat) for seat in seats}
        signers = [case.members[seat] for seat in seats]
        if forged < len(signers):
            signers[forged] = case.members[(seats[forged] + 1) % len(case.members)]
        made = [vote.made for vote in votes.values()]
        signed = [
            self._sign(number, seat, vote.made, who)
            for (seat, vote), who in zip(votes.items(), signers, strict=True)
        ]
        done = self._step(
            lambda: self.twin.commit_jointly(number, group, made, signers) or True,
            lambda: self.world.reviews.commit_jointly(number, group, made, signed, sender=ARBITER),
        )
        if done:
            current.commitments |= {seat: vote.made for seat, vote in votes.items()}
            current.shown |= {seat: vote.opening for seat, vote in votes.items()}

    @rule(pick=picks, seat=picks, forged=st.integers(0, 4))
    def reveal(self, pick: int, seat: int, forged: int) -> None:
        number, case, current = self._pick(pick)
        seat = current.first + seat % (len(case.members) - current.first)
        empty = Opening(seat, case.members[seat], bytes(32), bytes(openings.bitmap_bytes(case.records)))
        opening = current.shown.get(seat, empty)
        if forged == 0:
            opening = opening._replace(salt=b"\x07" * 32)
        members = case.members[current.first :]
        order = openings.order_of(list(current.commitments), current.first)
        joint = openings.seals(current.commitments, members, current.first)
        self._step(
            lambda: self.twin.reveal(number, opening, order, joint),
            lambda: self.world.reviews.reveal(number, *opening, order, joint, sender=ARBITER),
        )

    @rule(pick=picks, left_out=st.integers(0, 40), forged=st.integers(0, 6))
    def tally(self, pick: int, left_out: int, forged: int) -> None:
        number, case, current = self._pick(pick)
        seats = [seat for seat in sorted(current.shown) if seat - current.first != left_out]
        opened = self._openings(case, current, seats)
        if forged == 0 and opened.seats:
            opened = replace(opened, salts=(b"\x07" * 32, *opened.salts[1:]))
        self._tally(number, case, opened)

    @rule(pick=picks, left_out=st.integers(0, 40), forged=st.integers(0, 6))
    def count_and_score(self, pick: int, left_out: int, forged: int) -> None:
        """Counting on the way to rating is the one and then the other, or neither."""
        number, case, current = self._pick(pick)
        seats = [seat for seat in sorted(current.shown) if seat - current.first != left_out]
        if not seats:
            return
        opened = replace(self._openings(case, current, seats), carried=())
        if forged == 0:
            opened = replace(opened, salts=(b"\x07" * 32, *opened.salts[1:]))
        votes = scores.votes_in(opened)

        def both() -> bool:
            before = deepcopy((self.twin, self.ratings))
            try:
                self.twin.tally(number, opened)
                self.ratings.score(number, self._read(number, case), votes)
            except Refused:
                self.twin, self.ratings = before
                raise
            return True

        def contract() -> None:
            self.world.scores.score(*scores.arguments(number, votes, None, opened), sender=ARBITER)
            self._note_verdict(case, self.world.scores)

        self._step(both, contract)

    @rule(pick=picks)
    def enlarge(self, pick: int) -> None:
        number, _, _ = self._pick(pick)
        if self.twin.review(number).phase == reviews.HUNG:
            self.world.draw(number)
            panel, members = self.world.committees.sitting(number)
            case = self.cases[number]
            case.rounds.append(Round(len(case.members)))
            case.members, case.ids = list(members), list(panel.members)
            self._seat(number)

    @rule(pick=picks)
    def finalise(self, pick: int) -> None:
        number, _, _ = self._pick(pick)
        self._step(
            lambda: self.twin.finalise(number),
            lambda: self.world.reviews.finalise(number, sender=ARBITER),
        )

    @rule(pick=picks, is_arbiter=st.integers(0, 3))
    def hold(self, pick: int, is_arbiter: int) -> None:
        number, _, _ = self._pick(pick)
        sender = ARBITER if is_arbiter else self.world.deployer
        self._step(
            lambda: self.twin.hold(number, sender),
            lambda: self.world.reviews.hold(number, sender=sender),
        )

    @rule(pick=picks, form=picks, hung=picks)
    def rule_upon(self, pick: int, form: int, hung: int) -> None:
        number, case, _ = self._pick(pick)
        rejected, pending = _bitmap(case.records, form), _bitmap(case.records, hung)
        self._step(
            lambda: self.twin.rule(number, rejected, pending, ARBITER),
            lambda: self.world.reviews.rule(number, rejected, pending, sender=ARBITER),
        )
        self._note_verdict(case)

    @rule(pick=picks, record=st.integers(0, 256), forged=st.integers(0, 8))
    def convict(self, pick: int, record: int, forged: int) -> None:
        number, case, _ = self._pick(pick)
        verdict = case.verdict or (_bitmap(case.records, 0), _bitmap(case.records, 0))
        if forged == 0:
            verdict = (verdict[1], verdict[0])
        record %= case.records
        # A mere rejection: what forfeits do is Requests' business.
        self._step(
            lambda: self.twin.convict(number, record, *verdict),
            lambda: self.world.reviews.convict(number, record, False, *verdict, sender=PROOFS),
        )
        self._note_verdict(case)

    def _note_verdict(self, case: Case, called: Any = None) -> None:
        """Keep the verdict as the last event of Reviews told it, in a transaction to the contract that was called."""
        for event in (called or self.world.reviews).get_logs():
            if type(event).__name__ in ("Tallied", "Ruled"):
                case.verdict = (event.rejected_bitmap, event.hung_bitmap)

    @rule(pick=picks, forged=st.integers(0, 4))
    def score(self, pick: int, forged: int) -> None:
        """Ratings follow the twin's, before the settlement and after it; forged votes are refused."""
        number, case, _ = self._pick(pick)
        first = case.rounds[0]
        size = case.rounds[1].first if len(case.rounds) > 1 else len(case.members)
        opened = self.twin.review(number).opened_mask % (1 << size)
        shown = [first.shown[seat] for seat in sorted(first.shown) if opened >> seat & 1]
        votes = scores.Votes(opened, tuple(o.account for o in shown), tuple(o.bitmap for o in shown))
        if forged == 0 and shown:
            votes = votes._replace(accounts=(ARBITER, *votes.accounts[1:]))
        self._step(
            lambda: self.ratings.score(number, self._read(number, case), votes),
            lambda: self.world.scores.score(*scores.arguments(number, votes), sender=ARBITER),
        )
        for account in case.members:
            assert tuple(self.world.scores.standing(account)) == astuple(self.ratings.standing(account))

    @rule(pick=picks)
    def settle(self, pick: int) -> None:
        self._settle(self._pick(pick)[0])

    @rule(
        seconds=st.sampled_from([1, 60, 60, 3600, 7200, 172_800]),
        blocks=st.sampled_from([0, 0, 1, 7201]),
    )
    def wait(self, seconds: int, blocks: int) -> None:
        boa.env.time_travel(seconds=seconds)
        boa.env.evm.patch.block_number += blocks

    @invariant()
    def reviews_agree(self) -> None:
        """The contract's view of the case that was touched last is the twin's."""
        view = tuple(self.world.reviews.review(self.touched))
        assert view == tuple(vars(self.twin.review(self.touched)).values())
        for number in (1, 2):
            left = self.world.reviews.openings(self.touched, number)
            assert left == self.twin.openings(self.touched, number)

    def _check_locks(self) -> None:
        """Every member's stake is locked for exactly the cases it sits in that are not closed."""
        locked: dict[int, int] = {}
        for case in self.cases.values():
            for member in case.ids:
                locked[member] = locked.get(member, 0) + (0 if case.is_closed else case.lock)
        for member, amount in locked.items():
            assert self.world.stakes.position(member).locked == amount

    def _read(self, number: int, case: Case) -> scores.Case:
        review, shown = self.twin.review(number), self.twin.openings(number, 1)
        return scores.Case(0, "", "", case.records, b"", review, shown)

    def _pick(self, pick: int) -> tuple[int, Case, Round]:
        number = len(self.cases) - pick % len(self.cases)
        case, self.touched = self.cases[number], number
        return number, case, case.rounds[-1]

    def _seat(self, number: int) -> None:
        panel, members = self.world.committees.sitting(number)
        seated = Panel(
            panel.size, panel.first_size, panel.quorum, panel.commit_until, panel.reveal_until, tuple(members)
        )
        self.twin.seat(number, self.cases[number].records, seated)

    def _vote(self, number: int, seat: int, form: int) -> Any:
        case = self.cases[number]
        account = case.members[seat] if seat < len(case.members) else ARBITER
        opening = Opening(seat, account, form.to_bytes(32, "big"), _bitmap(case.records, form))
        return _Vote(
            openings.commitment(opening.bitmap, opening.salt, number, account, len(case.rounds)), opening
        )

    def _sign(self, number: int, seat: int, committed: bytes, who: str) -> bytes:
        data = openings.typed_data(
            boa.env.evm.patch.chain_id, self.world.reviews.address, number, seat, committed
        )
        return bytes(self.world.keys[who].sign_typed_data(*data).signature)

    def _openings(self, case: Case, current: Round, seats: Sequence[int]) -> reviews.Openings:
        shown = [current.shown[seat] for seat in seats]
        members = case.members[current.first :]
        return reviews.openings_of(shown, current.commitments, members, current.first, case.carried)

    def _tally(self, number: int, case: Case, opened: reviews.Openings) -> None:
        def count() -> None:
            self.world.tally(number, opened)
            left = [e for e in self.world.reviews.get_logs() if type(e).__name__ == "RoundHung"]
            if left:
                case.carried = tuple(left[0].carried)
            self._note_verdict(case)

        self._step(lambda: self.twin.tally(number, opened), count)

    def _settle(self, number: int) -> None:
        case = self.cases[number]
        before = {member: self.world.stakes.position(member).amount for member in case.ids}
        outcome = self._step(
            lambda: self.twin.close(number),
            lambda: self.world.requests.settle(number, sender=ARBITER),
            # Requests knows first that it has been settled.
            {"reviews: not decided": "requests: not pending"} if case.is_closed else {},
        )
        if outcome is None:
            return
        case.is_closed = True
        penalty = reviews.close_penalty(case.lock, TIMES.missing_reveal_bps)
        for seat, member in enumerate(case.ids):
            lost = before[member] - self.world.stakes.position(member).amount
            assert lost == (penalty if outcome.missing_mask >> seat & 1 else 0)
        self._check_locks()

    def _step(
        self, twin: Callable[[], Any], contract: Callable[[], Any], words: dict[str, str] | None = None
    ) -> Any:
        """Let both take the step; return what the twin returns, or None if both refuse."""
        self.twin.now, self.twin.block = self.world.now, boa.env.evm.patch.block_number
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts((words or {}).get(refused.reason, refused.reason)):
                contract()
            return None
        contract()
        return expected

    def _leave_through_every_exit(self) -> None:
        """No state is without an exit: count what was opened, finalise, settle; no stake stays locked."""
        for number, case in self.cases.items():
            if self.twin.review(number).phase == reviews.COMMITTING:
                self.wait(7200, 0)
                seats = sorted(case.rounds[-1].shown)
                revealed = self.twin.review(number).opened_mask
                opened = [
                    seat
                    for seat in seats
                    if revealed >> seat & 1 or not _is_malformed(case.rounds[-1].shown[seat], case.records)
                ]
                self._tally(number, case, self._openings(case, case.rounds[-1], opened))
            if self.twin.review(number).phase == reviews.HUNG:
                self.wait(1, 7201)
                self.finalise(len(self.cases) - number)
            if not case.is_closed:
                self.wait(604_800, 0)
                self._settle(number)
        for number in self.cases:
            self.touched = number
            self.reviews_agree()
        self._check_locks()
        assert all(case.is_closed for case in self.cases.values())


@dataclass(frozen=True)
class _Vote:
    made: bytes
    opening: Opening


def _bitmap(records: int, form: int) -> bytes:
    """Return one of sixteen votes; the last of them marks a record that is not there, where there is room for it."""
    if form % 16 == 15 and records % 256:
        return openings.pack([False] * records + [True])
    return openings.pack([(i + form) % (2 + form % 4) == 0 for i in range(records)])


def _is_malformed(opening: Opening, records: int) -> bool:
    return any(openings.is_marked(opening.bitmap, i) for i in range(records, 8 * len(opening.bitmap)))


class TestReviews(Reviews.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
