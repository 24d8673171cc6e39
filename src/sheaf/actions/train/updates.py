"""How an owner makes its update: steps on its own records, shortened, with noise from the system's randomness."""

from __future__ import annotations

import os

import numpy as np

from sheaf.actions.train.learner import Array, Learner
from sheaf.actions.train.plan import Plan
from sheaf.actions.train.protection import Spending
from sheaf.privacy.robust_aggregation import clip


def normal(count: int) -> Array:
    """Return `count` standard normal numbers, shape (count,), from the system's randomness (Box and Muller 1958).

    Promises of privacy stand on nobody being able to guess them, which numpy's generators are not made for.
    """
    half = (count + 1) // 2
    uniform = (np.frombuffer(os.urandom(16 * half), "<u8").reshape(2, half) >> 11) + 1  # 1 to 2^53
    length, angle = np.sqrt(-2 * np.log(uniform[0] * 2.0**-53)), 2 * np.pi * 2.0**-53 * uniform[1]
    return np.concatenate([length * np.cos(angle), length * np.sin(angle)])[:count]


def bare(plan: Plan, learner: Learner, model: Array, sure: int) -> Array:
    """Return the change of `model`, shortened to the plan's length, with this owner's part of the plan's noise among `sure` owners."""
    return _agreed(plan, learner.change(model), sure)


def guarded(plan: Plan, learner: Learner, model: Array, sure: int, spending: Spending) -> Array:
    """Return the same with enough noise of this owner's own that one release of it costs no more than `spending.loss`.

    Of the whole dataset: the shortened change moves at most twice its length, whatever other records stand there instead. Nothing
    in it fails because of a record, which would show without noise.
    """
    if not spending.is_whole:
        change = learner.noisy_change(model, spending.clip, spending.noise, normal)
        return _agreed(plan, np.nan_to_num(change), sure)
    change = learner.change(model)
    change = clip(change if np.isfinite(change).all() else np.zeros(len(model)), spending.clip)
    return _bounded(plan, change + 2 * spending.clip * spending.noise * normal(len(change)))


def _agreed(plan: Plan, change: Array, sure: int) -> Array:
    noise = plan.noise * plan.clip / max(1, sure) ** 0.5
    return _bounded(plan, clip(change, plan.clip) + noise * normal(len(change)))


def _bounded(plan: Plan, update: Array) -> Array:
    """Return `update` with no number beyond what a sum takes."""
    return np.clip(update, -plan.bound, plan.bound)
