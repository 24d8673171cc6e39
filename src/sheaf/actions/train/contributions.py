"""What each owner contributed to a round, measured by what secrecy leaves to measure: the sums of groups."""

from __future__ import annotations

from collections.abc import Sequence

from sheaf.actions.train.learner import Array, Learner
from sheaf.actions.train.plan import Plan
from sheaf.valuation.samplers import permutations
from sheaf.valuation.semivalues import EXACT_PLAYERS, exact, sampled
from sheaf.valuation.utility import Integers, Program


def contributions(
    plan: Plan, judge: Learner | None, model: Array, means: Array, groups: Sequence[Sequence[int]]
) -> dict[str, float] | None:
    """Return by how much each owner lowered the held-out loss in this round, in nats; None where nothing is held out.

    A group's value is its Shapley value in the game "what the mean of these groups' changes does to the loss"; its members share it
    alike, as nobody can see more. Groups are drawn anew each round, so over many rounds the sums tell owners apart.
    """
    if judge is None:
        return None
    before = judge.loss(model)

    def gained(coalition: Integers) -> float:
        return before - judge.loss(model + means[coalition].mean(axis=0)) if len(coalition) else 0.0

    game = Program(len(groups), gained)
    found = exact(game) if len(groups) <= min(10, EXACT_PLAYERS) else sampled(game, permutations)
    return {
        plan.owners[index].name: float(value) / len(group)
        for value, group in zip(found.values, groups, strict=True)
        for index in group
    }
