"""One bad case holds up no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sheaf.domain.errors import Missing, Unreachable
from sheaf.nodes.caseload import MAX_PAUSE_TICKS, Caseload


def cases(*numbers: int) -> list[Any]:
    return [SimpleNamespace(submission=number) for number in numbers]


def test_a_case_that_fails_leaves_the_others_alone() -> None:
    """Whatever error one submission provokes, the rest of the tick is done."""
    load, seen = Caseload("node"), []

    def act(case: Any) -> int:
        if case.submission == 2:
            raise RecursionError("a record nested without end")
        seen.append(case.submission)
        return 1

    assert load.attend(cases(1, 2, 3), act) == 2
    assert seen == [1, 3]
    assert "nested without end" in load.failing[2]


def test_a_failing_case_is_tried_again_more_and_more_rarely() -> None:
    """Pauses double from one tick to a limit, so that a hopeless case costs little and is never given up."""
    load, tries, ticks = Caseload("node"), [], []

    def act(case: Any) -> int:
        tries.append(len(ticks))
        raise ValueError("still broken")

    for _ in range(300):
        load.attend(cases(1), act)
        ticks.append(1)
    assert tries[:5] == [0, 1, 3, 7, 15]
    gaps = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert max(gaps) == MAX_PAUSE_TICKS


def test_a_case_that_recovers_is_no_longer_failing() -> None:
    """A success clears the past: the next failure pauses for one tick again."""
    load, broken = Caseload("node"), [True]

    def act(case: Any) -> int:
        if broken[0]:
            raise ValueError("not yet")
        return 1

    load.attend(cases(1), act)
    broken[0] = False
    assert load.attend(cases(1), act) == 1
    assert not load.failing


def test_what_has_not_come_is_waited_for_without_a_pause() -> None:
    """Missing content is no fault: the case is looked at in every tick, and health says what is awaited."""
    load, looked = Caseload("node"), []

    def act(case: Any) -> int:
        looked.append(case.submission)
        raise Missing("key of submission 1: it has not come")

    load.attend(cases(1), act)
    load.attend(cases(1), act)
    assert looked == [1, 1]
    assert "has not come" in load.waiting[1]


def test_a_lost_network_ends_the_tick() -> None:
    """Without the chain there is nothing to go by: the loop hears of it and backs off."""

    def act(case: Any) -> int:
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        Caseload("node").attend(cases(1, 2), act)


def test_a_closed_case_is_not_looked_at_until_it_is_reopened() -> None:
    """Closing ends the work on a case; reopening, as after a rollback, starts it again."""
    load = Caseload("node")
    load.close(1)
    assert load.attend(cases(1, 2), lambda case: 1) == 1
    load.reopen()
    assert load.attend(cases(1, 2), lambda case: 1) == 2
