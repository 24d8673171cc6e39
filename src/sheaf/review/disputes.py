"""Disputes: challenge, jury, appeal, ruling, and who gets what of the bonds (twin of Disputes.vy and Reversals.vy)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sheaf.domain.amounts import BPS, WAD
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.review import openings, reversals
from sheaf.review.juries import (
    COLLECTED,
    CONCLUDED,
    DRAWING,
    ROUNDS,
    RULED,
    SEATS,
    VOTING,
    Jury,
    Vote,
    commitment,
    is_beyond_chance,
    is_countable,
    ruling,
)  # fmt: skip
from sheaf.review.reversals import Evidence, Ruled, reversal, word_of


@dataclass(frozen=True)
class Facts:
    """What Disputes reads of a submission: its parties, value, lock, and the verdict with the end of its challenge window."""

    records: int
    value_stake: int
    lock: int
    buyer: str
    contributor: str
    settle_after: int
    rejected: bytes
    hung: bytes
    round: int = 1


@dataclass(frozen=True)
class Rules:
    """The parameters that disputes follow; times in seconds or blocks, the bond in whole tokens."""

    commit_seconds: int = 3600
    reveal_seconds: int = 3600
    draw_delay_blocks: int = 2
    draw_blocks: int = 7200
    ruling_seconds: int = 604_800
    jury_size: int = 5
    audit_size: int = 15
    appeal_seconds: int = 86_400
    dispute_bond: int = 10
    dispute_bond_bps: int = 1000


class Bond(NamedTuple):
    """What an account posted for one side."""

    account: str
    amount: int
    is_for_challenge: bool


class Shares(NamedTuple):
    """How the money of a case was shared out."""

    burned: int
    jurors: int
    winners: int
    returned: int


@dataclass
class Case:
    """A case: which records of which word, what was said of them, what is ruled, and its jury."""

    submission: int
    word: int
    mask: int
    rejected: int
    hung: int
    challenger: str
    bond: int
    fee: int
    jury: Jury
    ruled_rejected: int = 0
    ruled_hung: int = 0
    accounts: list[str] = field(default_factory=list)
    commitments: dict[int, bytes] = field(default_factory=dict)
    votes: dict[int, int] = field(default_factory=dict)
    bonds: dict[int, Bond] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many of the named records are ruled otherwise than before."""
        return ((self.rejected ^ self.ruled_rejected | self.hung ^ self.ruled_hung) & self.mask).bit_count()

    @property
    def is_overturned(self) -> bool:
        """Whether more than half of them are."""
        return 2 * self.changed > self.mask.bit_count()

    @property
    def is_judged(self) -> bool:
        """Whether a jury has ruled, and held that somebody is at fault."""
        return bool(self.jury.ruled) and not self.jury.is_faultless


@dataclass
class Trial:
    """The disputes of a submission together."""

    challenge_until: int = 0
    until: int = 0
    open: int = 0
    concluded_at: int = 0
    sample: int = 0
    shown: set[int] = field(default_factory=set)
    is_executed: bool = False
    pot: int = 0
    weight: int = 0
    named: dict[int, int] = field(default_factory=dict)
    ruled: dict[int, Ruled] = field(default_factory=dict)


@dataclass
class DisputesTwin:
    """The rules of Disputes.vy and Reversals.vy in plain integers; refuses with the contracts' own words.

    Whoever drives it sets `now` and `block`, says what Reviews knows of a submission, and who was drawn.
    """

    rules: Rules
    period_blocks: int = 100
    now: int = 0
    block: int = 0
    fund_left: int = 0
    burned: int = 0
    owed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    facts: dict[int, Facts] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=lambda: defaultdict(Trial))
    cases: dict[int, Case] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=lambda: defaultdict(Evidence))

    @property
    def balance(self) -> int:
        """All that is held: what is owed, the fund, pots, and the bonds of cases that are not collected."""
        bonds = sum(
            bond.amount
            for case in self.cases.values()
            if case.jury.phase != COLLECTED
            for bond in case.bonds.values()
        )
        return (
            sum(self.owed.values())
            + self.fund_left
            + bonds
            + sum(trial.pot for trial in self.trials.values())
        )

    def fund(self, amount: int) -> None:
        """Add to what jurors are paid from."""
        _require(amount > 0, "disputes: nothing to add")
        self.fund_left += amount

    def withdraw(self, account: str) -> int:
        """Pay out all that an account is owed."""
        amount = self.owed[account]
        _require(amount > 0, "disputes: nothing owed")
        self.owed[account] = 0
        return amount

    def challenge(self, submission: int, word: int, mask: int, sender: str) -> int:
        """Open a case about the records of `mask`, with a bond."""
        _require(mask != 0, "disputes: no records named")
        number = self._begin(submission, word, mask, sender)
        case = self.cases[number]
        case.bonds[1] = Bond(sender, case.bond, True)
        return number

    def audit(self, submission: int, word: int) -> int:
        """Open the audit of a word that the beacon chose; 0 where all of it is disputed already."""
        _require(self.trials[submission].sample == 0, "disputes: audited already")
        return self._begin(submission, word, 0, ZERO_ADDRESS)

    def target(self, case: int) -> int:
        """Return the block that draws the next jury."""
        target = self._in(case, DRAWING).jury.anchor + self.rules.draw_delay_blocks
        offset = target % self.period_blocks
        if 4 * offset < 3 * self.period_blocks:
            return target
        return (
            target - offset + self.period_blocks + min(self.rules.draw_delay_blocks, self.period_blocks // 2)
        )

    def draw(self, case: int, accounts: Sequence[str]) -> None:
        """Seat the next jury: `accounts` are who was drawn."""
        one = self._in(case, DRAWING)
        _require(self.block > self.target(case), "disputes: too early")
        _require(not self._is_missed(case), "disputes: block out of reach")
        _require(self._fits(one, 0), "disputes: no time left")
        commit_until = self.now + self.rules.commit_seconds
        one.accounts += accounts
        one.jury = one.jury._replace(
            phase=VOTING,
            round=one.jury.round + 1,
            first=one.jury.size,
            size=one.jury.size + len(accounts),
            commit_until=commit_until,
            reveal_until=commit_until + self.rules.reveal_seconds,
        )

    def redraw(self, case: int) -> None:
        """Anchor a draw anew whose block can no longer be reached."""
        one = self._in(case, DRAWING)
        _require(self._is_missed(case), "disputes: block within reach")
        one.jury = one.jury._replace(anchor=self.block)

    def seats_due(self, case: int) -> int:
        """Return how many jurors the next draw seats."""
        one = self.cases[case]
        if one.jury.size == 0:
            return self.rules.audit_size if one.challenger == ZERO_ADDRESS else self.rules.jury_size
        return min(2 * one.jury.size + 1, SEATS) - one.jury.size

    def commit(self, case: int, seat: int, made: bytes, sender: str) -> None:
        """Commit to a vote."""
        one = self._in(case, VOTING)
        _require(self.now < one.jury.commit_until, "disputes: commit window closed")
        _require(one.jury.first <= seat < one.jury.size, "disputes: no seat in this round")
        _require(one.accounts[seat] == sender, "disputes: not this seat's juror")
        _require(not one.jury.committed >> seat & 1, "disputes: already committed")
        one.commitments[seat] = made
        one.jury = one.jury._replace(committed=one.jury.committed | 1 << seat)

    def reveal(self, case: int, seat: int, vote: Vote) -> None:
        """Open a vote."""
        one = self._in(case, VOTING)
        jury, last = one.jury, _last(one.jury)
        _require(bool(jury.committed & last & 1 << seat), "disputes: not committed")
        is_complete = jury.committed & last == last
        _require(is_complete or self.now >= jury.commit_until, "disputes: still committing")
        _require(self.now < jury.reveal_until, "disputes: reveal window closed")
        _require(not jury.opened >> seat & 1, "disputes: already revealed")
        _require(not vote.rejected & ~one.mask, "disputes: a record is not named")
        made = commitment(vote, case, one.accounts[seat], jury.round)
        _require(one.commitments[seat] == made, "disputes: opening does not match")
        one.votes[seat] = vote.rejected
        faultless = jury.faultless | (1 << seat if vote.is_faultless else 0)
        one.jury = jury._replace(opened=jury.opened | 1 << seat, faultless=faultless)

    def tally(self, case: int) -> None:
        """Rule by the majority of all who opened."""
        one = self._in(case, VOTING)
        jury = one.jury
        _require(is_countable(jury, self.now), "disputes: still open to votes")
        jury = jury._replace(phase=RULED, appeal_until=self.now)
        if 2 * jury.opened.bit_count() > jury.size:
            is_faultless = 2 * jury.faultless.bit_count() > jury.opened.bit_count()
            jury = jury._replace(ruled=jury.round, is_faultless=int(is_faultless))
            votes = [vote for seat, vote in one.votes.items() if not jury.faultless >> seat & 1]
            one.ruled_rejected, one.ruled_hung = self._majority(one, votes, is_faultless)
            may_grow = jury.round < ROUNDS and jury.size < SEATS
            if may_grow and self._fits(one, self.rules.appeal_seconds):
                jury = jury._replace(appeal_until=self.now + self.rules.appeal_seconds)
        else:
            jury = jury._replace(failed=jury.round)
        one.jury = jury

    def appeal(self, case: int, is_for_challenge: bool, sender: str) -> int:
        """Ask for a larger jury; return the bond."""
        one = self._in(case, RULED)
        _require(self.now < one.jury.appeal_until, "disputes: no appeal any more")
        has_lost = bool(one.jury.is_faultless) or one.is_overturned != is_for_challenge
        _require(has_lost, "disputes: this side has won")
        bond = one.bond << one.jury.round
        one.bonds[one.jury.round + 1] = Bond(sender, bond, is_for_challenge)
        one.jury = one.jury._replace(phase=DRAWING, anchor=self.block)
        return bond

    def conclude(self, case: int) -> dict[int, int]:
        """End a case; return what jurors lose by seat whose votes a later round reversed. Half of it (each rounded down) is kept."""
        one = self.cases[case]
        jury = one.jury
        if jury.phase == DRAWING:
            is_stale = self.block > jury.anchor + self.rules.draw_blocks
            _require(is_stale or not self._fits(one, 0), "disputes: may still be drawn")
            jury = jury._replace(failed=jury.round + 1)
        else:
            _require(jury.phase == RULED, "disputes: not ruled")
            _require(self.now >= jury.appeal_until, "disputes: may still be appealed")
        one.jury = jury._replace(phase=CONCLUDED)
        self._note(one)
        losses = self._reversed(one)
        self.fund_left += sum(loss // 2 for loss in losses.values())
        return losses

    def show(self, submission: int, number: int, votes: Mapping[str, bytes], asked: bytes) -> list[int]:
        """Show the votes of a round again by account, on the records marked in `asked`; return what each member loses, half of which is
        kept.
        """
        trial = self._concluded(submission, self.rules.reveal_seconds // 2)
        _require(self.now >= trial.challenge_until, "disputes: more may be challenged")
        _require(number not in trial.shown, "disputes: shown already")
        trial.shown.add(number)
        losses, lock = [], self.facts[submission].lock
        errors = reversals.found(list(votes.values()), asked, trial.ruled, trial.sample)
        for account, (named, sample) in zip(votes, errors, strict=True):
            self.evidence[account], loss = reversals.weigh(self.evidence[account], lock, named, sample)
            losses.append(loss)
        gained = sum(loss // 2 for loss in losses)
        if trial.weight and not trial.sample:
            trial.pot += gained
        else:
            self.fund_left += gained
        return losses

    def execute(self, submission: int) -> tuple[bytes, bytes]:
        """Return the verdict that takes the old one's place."""
        trial = self._concluded(submission, self.rules.reveal_seconds // 4)
        facts = self.facts[submission]
        reveal = self.rules.reveal_seconds
        ready = trial.challenge_until
        if len(trial.shown) != facts.round:
            ready = max(ready, trial.concluded_at) + reveal
        _require(self.now >= min(ready, trial.until - reveal // 2), "disputes: too early to execute")
        trial.is_executed = True
        words = range(len(facts.rejected) // openings.WORD_BYTES)
        rejected, hung = ([word_of(bitmap, w) for w in words] for bitmap in (facts.rejected, facts.hung))
        for word, (mask, ruled_rejected, ruled_hung) in trial.ruled.items():
            rejected[word] = rejected[word] & ~mask | ruled_rejected
            hung[word] = hung[word] & ~mask | ruled_hung
        return _bitmap(rejected), _bitmap(hung)

    def collect(self, case: int) -> Shares:
        """Share out a case's bonds and its part of the pot."""
        one = self._in(case, CONCLUDED)
        trial = self.trials[one.submission]
        _require(trial.is_executed or self.now >= trial.until, "disputes: not executed yet")
        one.jury = one.jury._replace(phase=COLLECTED)
        is_won = one.is_judged and one.is_overturned
        kept = lost = returned = 0
        if is_won:
            kept = trial.pot * one.changed // trial.weight
            trial.pot -= kept
            trial.weight -= one.changed
        winners = []
        for number, bond in one.bonds.items():
            if one.is_judged and number != one.jury.failed and bond.is_for_challenge != is_won:
                lost += bond.amount
                continue
            returned += bond.amount
            self.owed[bond.account] += bond.amount
            if one.is_judged and bond.is_for_challenge == is_won:
                winners.append(bond)
        kept += lost // 2
        paid = self._pay_jurors(one, kept)
        rest = max(kept - paid, 0)
        self._pay_winners(one, rest, winners)
        self.burned += lost - lost // 2
        return Shares(lost - lost // 2, paid, rest, returned)

    def _begin(self, submission: int, word: int, named: int, challenger: str) -> int:
        facts, trial, rules = self.facts[submission], self.trials[submission], self.rules
        if trial.until == 0:
            _require(self.now < facts.settle_after, "reviews: challenge window is over")
        until = trial.until or self.now + rules.ruling_seconds
        challenge_until = trial.challenge_until or facts.settle_after
        is_open = self.now < challenge_until and not trial.is_executed
        _require(is_open, "disputes: challenge window is over")
        _require(0 <= word < openings.words_of(facts.records), "disputes: no such records")
        valid = (1 << min(facts.records - openings.WORD_BITS * word, openings.WORD_BITS)) - 1
        before = trial.named.get(word, 0)
        _require(not named & ~valid, "disputes: no such records")
        mask = (named or valid) & ~before
        if challenger == ZERO_ADDRESS:
            trial.sample = word + 1
            if not mask:
                return 0
        _require(mask != 0, "disputes: disputed already")
        trial.until, trial.challenge_until, trial.open = until, challenge_until, trial.open + 1
        trial.named[word] = before | mask
        value = facts.value_stake * mask.bit_count() // facts.records
        bond = rules.dispute_bond * WAD + value * rules.dispute_bond_bps // BPS
        rejected, hung = word_of(facts.rejected, word) & mask, word_of(facts.hung, word) & mask
        case = Case(
            submission, word, mask, rejected, hung, challenger, bond, bond // (4 * rules.jury_size),
            Jury(anchor=self.block), rejected, hung,
        )  # fmt: skip
        self.cases[len(self.cases) + 1] = case
        return len(self.cases)

    def _majority(self, one: Case, votes: Sequence[int], is_faultless: bool) -> tuple[int, int]:
        return (0, one.mask) if is_faultless else ruling(votes, one.mask, one.rejected, one.hung)

    def _note(self, one: Case) -> None:
        trial = self.trials[one.submission]
        trial.open -= 1
        trial.concluded_at = self.now
        if one.jury.ruled:
            mask, rejected, hung = trial.ruled.get(one.word, Ruled(0, 0, 0))
            trial.ruled[one.word] = Ruled(
                mask | one.mask, rejected | one.ruled_rejected, hung | one.ruled_hung
            )
        if one.is_judged and one.is_overturned:
            trial.weight += one.changed

    def _reversed(self, one: Case) -> dict[int, int]:
        scope, jury = one.mask & ~one.ruled_hung, one.jury
        if not one.is_judged or jury.ruled == 1:
            return {}
        # Where the third round ruled nothing, the second reversed the first: of m seats, then 2m + 1.
        first = jury.first if jury.ruled == jury.round else (jury.first - 1) // 2
        lock = self.facts[one.submission].lock
        return {
            seat: reversal(lock, wrong, scope.bit_count())
            for seat, vote in sorted(one.votes.items())
            if seat < first and not jury.faultless >> seat & 1
            if is_beyond_chance(wrong := ((vote ^ one.ruled_rejected) & scope).bit_count(), scope.bit_count())
        }

    def _pay_jurors(self, one: Case, kept: int) -> int:
        if not one.votes:
            return 0
        each = min(one.fee, (kept + self.fund_left) // len(one.votes))
        for seat in one.votes:
            self.owed[one.accounts[seat]] += each
        paid = each * len(one.votes)
        self.fund_left -= max(paid - kept, 0)
        return paid

    def _pay_winners(self, one: Case, rest: int, winners: Sequence[Bond]) -> None:
        facts, among = self.facts[one.submission], sum(bond.amount for bond in winners)
        is_defended = one.is_judged and not one.is_overturned and one.challenger != ZERO_ADDRESS
        if among:
            for bond in winners:
                share = rest * bond.amount // among
                rest, among = rest - share, among - bond.amount
                self.owed[bond.account] += share
        elif is_defended:
            against = facts.buyer if one.challenger == facts.contributor else facts.contributor
            self.owed[against] += rest
        else:
            self.fund_left += rest

    def _in(self, case: int, phase: int) -> Case:
        one = self.cases.get(case)
        if one is None or one.jury.phase != phase:
            raise Refused("disputes: not in that phase")
        return one

    def _concluded(self, submission: int, spare: int) -> Trial:
        trial = self.trials[submission]
        is_late = self.now + spare >= trial.until
        _require(trial.until != 0 and (trial.open == 0 or is_late), "disputes: cases are open")
        _require(not trial.is_executed, "disputes: executed already")
        _require(self.now < trial.until, "disputes: the time to rule is over")
        return trial

    def _is_missed(self, case: int) -> bool:
        target = self.target(case)
        is_past = self.block // self.period_blocks > target // self.period_blocks
        return is_past or self.block > target + 255

    def _fits(self, one: Case, before: int) -> bool:
        end = self.now + before + self.rules.commit_seconds + 2 * self.rules.reveal_seconds
        return end <= self.trials[one.submission].until


def _last(jury: Jury) -> int:
    return (1 << jury.size) - (1 << jury.first)


def _bitmap(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(openings.WORD_BYTES, "big") for word in words)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)
