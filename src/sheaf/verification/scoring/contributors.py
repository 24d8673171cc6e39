"""What a contributor's whole behaviour says about each record: a hierarchy of shares, fitted by expectation and maximisation.

A record is good, wrong (another label than its own) or strange (not of the wanted kind). Each contributor has shares of the three,
drawn from one distribution over a grid of shares that all contributors have in common and that is itself found from them (Robbins
1956; Laird 1978). So one whose records all fit is trusted with those that fit less, half-honest ones are taken record by record,
and who sent little is like most. Which label a wrong one replaces is learnt from all, and from each contributor with much to show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.verification.scoring.shape import Floats, Integers

GOOD = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
STRANGE = (0.0, 0.1, 0.5, 0.9, 1.0)
"""Grids: the share of good records, and of what is left the share of strange ones."""
LEAST = 1e-3
"""No share is held to be less: nobody is certain to be honest."""
PRIOR = 2.0
"""How many contributors the even distribution over the grid counts as."""
MAX_CELLS = 2**24
"""Most numbers of all confusions together."""
STEPS = 30
CONFUSIONS = 5
FROM_POOL = 2.0
"""How many wrong records per label the pool, and an even spread, count as."""


@dataclass(frozen=True)
class Hierarchy:
    """What was found: of each record the chances to be good, wrong, strange (n, 3); of each contributor the shares (senders,
    3), with the standard deviation of the good one (senders,); and `confusion` (groups, true, given) of wrong records, by the
    `group` (n,) of each record: its contributor, or one for all where contributors are too many.
    """

    states: Floats
    shares: Floats
    deviation: Floats
    confusion: Floats
    group: Integers


def grid() -> Floats:
    """Return the shares (good, wrong, strange) that contributors may have, shape (atoms, 3)."""
    good = np.array(GOOD)[:, None]
    strange = np.array(STRANGE)[None, :]
    rest = 1.0 - good
    atoms = np.stack([good + 0.0 * strange, rest * (1.0 - strange), rest * strange], axis=-1).reshape(-1, 3)
    raised = np.maximum(atoms, LEAST / 2.0)
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def pooled(chance: Floats, label: Integers, strange: Floats, sender: Integers, senders: int) -> Hierarchy:
    """Fit the hierarchy to records: `chance` (n, classes) of the true label, `label` (n,) given, `strange` (n,) log odds of the
    place, `sender` (n,).
    """
    classes = chance.shape[1]
    rows = np.arange(len(label))
    atoms = grid()
    right = chance[rows, label]
    group = sender if senders * classes**2 <= MAX_CELLS else np.zeros_like(sender)
    confusion = np.full((int(group.max(initial=0)) + 1, classes, classes), 1.0 / max(1, classes - 1))
    likely = np.stack([right, np.zeros(len(label)), np.exp(np.clip(strange, -20.0, 20.0)) / classes])
    behaviour, states = np.full((senders, len(atoms)), 1.0 / len(atoms)), np.zeros((len(label), 3))
    for _ in range(CONFUSIONS if classes > 2 else 1):
        others = chance * confusion[group, :, label]
        others[rows, label] = 0.0
        likely[1] = others.sum(axis=1)
        told = np.log(np.maximum(atoms @ likely, 1e-300))
        evidence = np.stack(
            [np.bincount(sender, weights=row, minlength=senders).astype(np.float64) for row in told], axis=1
        )
        behaviour = _behaviour(evidence)
        states = _states(atoms, likely, behaviour, sender)
        confusion = _confusion(others, states[:, 1], label, group)
    shares = behaviour @ atoms
    spread = np.sqrt(np.maximum(behaviour @ atoms[:, 0] ** 2 - shares[:, 0] ** 2, 0.0))
    return Hierarchy(states, shares, spread, confusion, group)


def _behaviour(evidence: Floats) -> Floats:
    """Return the chance of each atom for each contributor (senders, atoms), with the distribution over atoms that suits all of them."""
    senders, atoms = evidence.shape
    common = np.full(atoms, 1.0 / atoms)
    for _ in range(STEPS):
        logs = evidence + np.log(common)
        odds = np.exp(logs - logs.max(axis=1, keepdims=True))
        share = odds / odds.sum(axis=1, keepdims=True)
        common = (share.sum(axis=0) + PRIOR / atoms) / (senders + PRIOR)
    found: Floats = share
    return found


def _states(atoms: Floats, likely: Floats, behaviour: Floats, sender: Integers) -> Floats:
    """Return the chance of each record to be good, wrong and strange, over all behaviours of its sender; shape (n, 3)."""
    found = np.zeros((likely.shape[1], 3))
    for atom, weight in zip(atoms, behaviour.T, strict=True):
        if weight.max() > 1e-6:
            parts = atom[:, None] * likely
            found += weight[sender][:, None] * (parts / np.maximum(parts.sum(axis=0), 1e-300)).T
    states: Floats = found / found.sum(axis=1, keepdims=True)
    return states


def _confusion(others: Floats, wrong: Floats, label: Integers, group: Integers) -> Floats:
    """Return P(given | true, wrong) of each group (groups, true, given), drawn towards that of all, and that towards an even
    one.
    """
    classes, groups = others.shape[1], int(group.max(initial=0)) + 1
    share = others * (wrong / np.maximum(others.sum(axis=1), 1e-300))[:, None]
    counts = np.zeros((groups * classes, classes))
    np.add.at(counts, group * classes + label, share)  # by group and given, over true
    counts = counts.reshape(groups, classes, classes).transpose(0, 2, 1)
    even = (1.0 - np.eye(classes)) / max(1, classes - 1)
    pool = _towards(counts.sum(axis=0), even)
    return _towards(counts, pool)


def _towards(counts: Floats, centre: Floats) -> Floats:
    found: Floats = (counts + FROM_POOL * centre) / (counts.sum(axis=-1, keepdims=True) + FROM_POOL)
    return found
