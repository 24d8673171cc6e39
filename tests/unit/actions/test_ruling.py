"""Rulings made again from the openings of jurors' votes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from sheaf.actions.cases.docket import Case, Tally
from sheaf.actions.context import Context
from sheaf.actions.disputes.ruling import ruled
from sheaf.chain.events import Event
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.review import openings

N = 50
BEFORE = Tally(1, N, 0, 0, openings.pack([False] * N), openings.pack([False] * N), 1, "0x")
CASE = cast(Case, SimpleNamespace(submission=5, records=N))


def said(*events: tuple[str, dict[str, Any]]) -> Context:
    """A context whose chain has heard these events of Disputes."""
    found = [Event("Disputes", name, args, 1, "", "0x", 0, ZERO_ADDRESS) for name, args in events]
    chain = SimpleNamespace(deployment_block=0, market_events=lambda *args: found)
    docket = SimpleNamespace(refresh=lambda: SimpleNamespace(number=1))
    return cast(Context, SimpleNamespace(chain=chain, docket=docket))


def case(number: int, mask: int, votes: list[tuple[int, bool]], seats: int = 3) -> list[tuple[str, Any]]:
    """A case of one round, opened and concluded."""
    return [
        ("CaseOpened", {"case": number, "submission": 5, "word": 0, "mask": mask}),
        ("JuryDrawn", {"case": number, "jurors": [0] * seats}),
        *(
            ("VoteRevealed", {"case": number, "vote": vote, "is_faultless": is_faultless})
            for vote, is_faultless in votes
        ),
        ("CaseRuled", {"case": number}),
        ("CaseConcluded", {"case": number}),
    ]


END = ("SubmissionRuled", {"submission": 5})


def marks(*records: int) -> bytes:
    """A bitmap of these records."""
    return openings.pack([i in records for i in range(N)])


def test_the_majority_of_each_case_is_counted_again() -> None:
    """Two of three reject one record, nobody is at fault for another, too few open for a third, and a case after the ruling is none."""
    ctx = said(
        *case(1, 0b11, [(0b01, False), (0b11, False), (0b01, False)]),
        *case(2, 0b100, [(0, True), (0, True), (0b100, False)]),
        *case(3, 0b1000, [(0b1000, False)]),
        END,
        *case(4, 0b10000, [(0b10000, False)] * 3),
    )
    assert ruled(ctx, CASE, BEFORE) == (marks(0), marks(2))


def test_an_appeal_adds_to_the_votes_before_it() -> None:
    """Five against the challenge and six for it: the second round's majority of eleven counts; without the end there is no ruling."""
    first = case(1, 1, [(0, False)] * 5, seats=5)[:-1]
    events = [*first, *case(1, 1, [(1, False)] * 6, seats=6)[1:]]
    assert ruled(said(*events, END), CASE, BEFORE) == (marks(0), marks())
    assert ruled(said(*events), CASE, BEFORE) is None
