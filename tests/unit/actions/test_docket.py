"""Which of two submissions is the earlier one, from what the chain says of their numbers and draws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.actions.cases.docket import Case, Round
from sheaf.domain.ids import Address, RequestId, SubmissionId

ACCOUNT = Address("0x" + "11" * 20)
WINDOW = 400
"""Seconds to commit: a quarter of them is waited for a lower number."""


def case(number: int, drawn_at: int | None) -> Case:
    """Return a submission whose committee was drawn at a time, or not yet."""
    rounds = []
    if drawn_at is not None:
        rounds = [Round(1, drawn_at, 0, (ACCOUNT,), drawn_at, drawn_at + WINDOW, drawn_at + 2 * WINDOW, 1)]
    return Case(
        SubmissionId(number), RequestId(1), ACCOUNT, 1, b"", None, b"", ACCOUNT, b"", 0, 0, "", rounds
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lower", "higher", "is_lower_first"),
    [(10, 10, True), (10, 5, True), (105, 5, True), (106, 5, False), (10, 900, True), (None, 5, False), (5, None, True)],
)  # fmt: skip
def test_the_lower_number_is_earlier_unless_its_draw_was_late(
    lower: int | None, higher: int | None, is_lower_first: bool
) -> None:
    """A quarter of the time to commit is waited for its draw, to the second; what is not drawn is behind what is."""
    first, second = case(3, lower), case(7, higher)
    assert (first.is_before(second), second.is_before(first)) == (is_lower_first, not is_lower_first)


@given(*[st.none() | st.integers(0, 2_000)] * 2)
def test_of_two_exactly_one_is_earlier(lower: int | None, higher: int | None) -> None:
    """Whatever was drawn when: the records are paid once, not twice and not never."""
    assert case(1, lower).is_before(case(2, higher)) != case(2, higher).is_before(case(1, lower))
