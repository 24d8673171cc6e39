"""Disputes as the docket keeps them, and what a juror votes that cannot see the records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sheaf.actions.cases.reading import Reading
from sheaf.actions.disputes.hearings import Hearing, hear
from sheaf.actions.disputes.sitting import _unseen
from sheaf.domain.ids import ZERO_ADDRESS, Address, SubmissionId
from sheaf.review.juries import Jury, is_countable

VALIDATORS = {1: Address("0x01"), 2: Address("0x02"), 3: Address("0x03")}


def event(name: str, **args: Any) -> Any:
    return SimpleNamespace(name=name, args=args, block=40)


def told(*events: Any) -> dict[int, Hearing]:
    hearings: dict[int, Hearing] = {}
    for one in events:
        hear(hearings, one, VALIDATORS, lambda block: block + 1000)
    return hearings


OPENED = event(
    "CaseOpened", case=1, submission=7, challenger=ZERO_ADDRESS, word=1, mask=0b101, bond=0
)  # fmt: skip
DRAWN = event("JuryDrawn", case=1, round=1, jurors=[2], commit_until=60, reveal_until=90)
LARGER = event("JuryDrawn", case=1, round=2, jurors=[3, 1], commit_until=160, reveal_until=190)


def test_events_make_a_hearing() -> None:
    """Who sits where in which round, what was committed, opened and ruled: nothing but the events is needed."""
    one = told(
        OPENED,
        DRAWN,
        event("VoteCommitted", case=1, seat=0, commitment=b"\x07" * 32),
        event("VoteRevealed", case=1, seat=0, vote=0, is_faultless=False),
        event("CaseRuled", case=1, is_ruled=True, rejected=4, hung=1),
        event("CaseRuled", case=1, is_ruled=False, rejected=0, hung=0),
        LARGER,
    )[1]
    assert one.is_audit and one.records == (256, 258) and one.submission == SubmissionId(7)
    assert one.jurors == (VALIDATORS[2], VALIDATORS[3], VALIDATORS[1])
    first, last = one.benches
    assert (first.commitments, first.opened, first.is_complete) == ({0: b"\x07" * 32}, {0}, True)
    assert (first.drawn_at, first.commit_until, first.committed_block) == (1040, 60, 40)
    assert (last.seats, last.seat_of(VALIDATORS[1]), last.seat_of(VALIDATORS[2])) == (range(1, 3), 2, None)
    assert (one.ruled, one.hung) == (4, 1)
    assert not last.is_complete and not one.is_concluded and not one.is_collected


def test_a_hearing_ends() -> None:
    """Concluded and collected are told apart: between the two its money waits."""
    hearings = told(OPENED, event("CaseConcluded", case=1, is_ruled=False, rejected=0, hung=0))
    assert hearings[1].is_concluded and not hearings[1].is_collected
    hear(hearings, event("CaseCollected", case=1), VALIDATORS, int)
    assert hearings[1].is_collected


def test_events_of_no_case_name_their_submission_or_nothing() -> None:
    """A ruling concerns a submission, money that is added concerns none; a case that is not known is no error."""
    assert hear({}, event("SubmissionRuled", submission=9), VALIDATORS, int) == 9
    assert hear({}, event("Funded", account="0x01", amount=1), VALIDATORS, int) is None
    assert hear({}, event("VoteRevealed", case=5, seat=0, vote=0), VALIDATORS, int) is None


@pytest.mark.parametrize(
    ("is_audit", "has_key", "stood", "is_faultless", "rejected"),
    [
        (False, False, (True, True), True, 0),
        (True, False, (False, False), True, 0),
        (True, True, (True, False), True, 0),
        (False, True, (False, False), True, 0),
        (False, True, (True, False), False, 0b001),
        (False, True, (True, True), False, 0b101),
    ],
)
def test_what_was_refused_stays_where_the_content_is_taken_away(
    is_audit: bool, has_key: bool, stood: tuple[bool, bool], is_faultless: bool, rejected: int
) -> None:
    """Without a key, or in an audit, nobody is at fault; whoever challenged refusals gains nothing by removing the records."""
    challenger = ZERO_ADDRESS if is_audit else Address("0x09")
    one = Hearing(1, SubmissionId(7), 0, 0b101, challenger, 0, 1)
    verdict = np.array([stood[0], False, stood[1]])
    case: Any = SimpleNamespace(verdict_at=lambda block: (verdict, ~verdict, True))
    ballot = _unseen(one, case, Reading(b"k" if has_key else None, None, None, "it has not come"))
    assert ballot.is_faultless == is_faultless
    assert int.from_bytes(ballot.rejected, "big") == rejected
    assert ballot.why == "it has not come"


@pytest.mark.parametrize(
    ("committed", "opened", "now", "countable"),
    [
        (0b111, 0b111, 10, True),
        (0b111, 0b011, 10, False),
        (0b011, 0b011, 10, False),
        (0b011, 0b011, 60, True),
        (0b011, 0b001, 60, False),
        (0b011, 0b001, 90, True),
        (0, 0, 60, True),
    ],
)
def test_when_a_round_is_counted(committed: int, opened: int, now: int, countable: bool) -> None:
    """All have opened; or all that committed have, and no more may come; or time is up."""
    jury = Jury(size=3, committed=committed, opened=opened, commit_until=60, reveal_until=90)
    assert is_countable(jury, now) is countable
