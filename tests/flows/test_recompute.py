"""Whoever has nothing but the chain can make verdict and payments again, and sees where they were falsified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sheaf import actions
from sheaf.actions.cases.docket import Case
from sheaf.domain.errors import InputError
from tests.flows.test_market import mislabel
from tests.flows.town import Doubter, Threshold, Town, points


@pytest.fixture
def settled(town: Town) -> Case:
    town.staff([Threshold()] * 5)
    number = town.offer(town.open(), mislabel(points(20, seed=1), 0.3, seed=2), is_forced=True)
    town.settle(number)
    return town.ctx.docket.case(number)


def test_nothing_differs_where_nothing_was_falsified(town: Town, settled: Case) -> None:
    """Bond, openings, verdict and payments of an honest submission come out as the chain has them."""
    found = actions.recompute(town.ctx, settled.submission)
    assert found.is_equal and found.is_over
    assert found.checked == ("bond", "round 1: openings", "round 1: verdict", "payments")
    assert found.skipped == ("ratings: nobody has rated the reviewers",)


def test_fees_that_were_cut_are_recomputed(town: Town) -> None:
    """Where reviewers were rated, agreement is counted again, and with it the share of its fee that each seat got."""
    town.staff([Threshold()] * 4 + [Threshold(1.5)])
    request = town.open()
    for seed in (1, 2):
        number = town.offer(request, mislabel(points(20, seed=seed), 0.4, seed=seed + 9), is_forced=True)
        town.decide(number)
        assert actions.score(town.ctx.acting_as(town.buyer.sender), number)
        town.settle(number)
    case = town.ctx.docket.case(number)
    assert case.settlement is not None and case.settlement["unearned"] > 0
    found = actions.recompute(town.ctx, number)
    assert found.is_equal, found.difference
    assert found.checked[-2:] == ("ratings", "payments") and not found.skipped


def test_both_rounds_are_recomputed(town: Town) -> None:
    """A submission whose records hung is counted again in both rounds, and paid by both."""
    town.staff([Doubter(seed) for seed in range(12)])
    number = town.offer(town.open(), points(30, seed=3))
    town.settle(number)
    found = actions.recompute(town.ctx, number)
    assert found.is_equal, found.difference
    assert "round 2: verdict" in found.checked and "payments" in found.checked


def test_what_is_not_decided_is_recomputed_as_far_as_it_went(town: Town) -> None:
    """Before any count there is the bond alone, and the money has not moved."""
    number = town.offer(town.open(), points(5))
    found = actions.recompute(town.ctx, number)
    assert found.is_equal and not found.is_over and found.checked == ("bond",)


def first_tally(case: Case, **changes: Any) -> None:
    case.tallies[0] = replace(case.tallies[0], **changes)


def swap_commitments(case: Case) -> None:
    made = case.rounds[0].commitments
    made[0], made[1] = made[1], made[0]


@pytest.mark.parametrize(
    ("falsify", "named"),
    [
        (lambda case: setattr(case, "bond", case.bond + 1), "bond: the chain says"),
        (swap_commitments, "round 1, seat 0: commitment"),
        (lambda case: first_tally(case, rejected_bitmap=bytes(32)), "round 1: rejected records"),
        (lambda case: first_tally(case, hung_bitmap=b"\xff" * 32), "round 1: hung records"),
        (lambda case: first_tally(case, approved=20), "round 1: approved, rejected, hung"),
        (lambda case: case.settlement.update(paid=case.settlement["paid"] + 1), "paid: the chain says"),
        (lambda case: case.settlement.update(forfeited=0), "forfeited: the chain says"),
    ],
)  # fmt: skip
def test_the_first_falsehood_is_named(
    town: Town, settled: Case, falsify: Callable[[Case], None], named: str
) -> None:
    """Whatever one changes in what the chain says, the recomputation tells which conclusion does not follow."""
    falsify(settled)
    found = actions.recompute(town.ctx, settled.submission)
    assert not found.is_equal
    assert found.difference is not None and named in found.difference


def test_a_submission_that_is_not_there(town: Town) -> None:
    """A wrong number is refused with those that there are."""
    with pytest.raises(InputError, match="submission"):
        actions.recompute(town.ctx, 7)


def test_a_count_through_another_contract_is_said(town: Town, settled: Case) -> None:
    """Where the counting call is not in the transaction itself, the step is skipped and the rest is made."""
    first_tally(settled, transaction=settled.transaction)
    found = actions.recompute(town.ctx, settled.submission)
    assert found.is_equal and found.checked == ("bond", "payments")
    assert len(found.skipped) == 3 and "another contract" in found.skipped[0]
