"""Aggregation that a coordinated ring cannot outvote: communities first, gold judges them, a ring gets one vote.

Independent workers agree only as far as they are right: if on gold they are right at rate r beyond chance, two of them
agree at about r² beyond chance, plus what hard items have in common. Copies agree far more than their answers on gold
explain, however lucky those are, and a community of liars is wrong on gold. Either is a ring. Its members' labels
become those of one worker who votes as they do by majority: so the ring counts as the single witness it is, and Dawid
and Skene's matrices find what that witness is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.domain.errors import RecordError
from sheaf.verification.aggregation.exact import Flags, Integers, on_grid
from sheaf.verification.aggregation.labels import Labels
from sheaf.verification.aggregation.rings.communities import agreement, communities, votes_of

EXCESS = 0.6
"""Agreement beyond what gold explains from which a community is a ring. Real crowds without rings stay below .33."""
TOGETHER, CHANCE = 0.3, 0.1
"""A community that agrees more than the one beyond chance, and on gold is no better than the other, is a ring."""
CLOSE = 0.5
"""Up to this agreement gold must show that with two standard errors, above it with one."""
MEMBERS = 2
GOLD = 3
"""Gold items that a community must have met to be judged by being wrong."""
MAX_WORKERS = 4_096


@dataclass(frozen=True)
class Community:
    """Workers who vote alike: `members` their numbers, `agreement` with each other and `accuracy` on gold, both beyond chance (1 at most).

    `error` is the standard error of `accuracy`, `gold` the number of gold items met.
    """

    members: Integers
    agreement: float
    accuracy: float
    error: float
    gold: int

    @property
    def excess(self) -> float:
        """Agreement that gold does not explain, in favour of doubt about those who agree much."""
        proved = max(self.accuracy - self.error, 0.0)
        return self.agreement - proved * proved

    @property
    def is_copy(self) -> bool:
        """Whether they agree more than their answers on gold explain."""
        return len(self.members) >= MEMBERS and self.excess > EXCESS

    @property
    def is_ring(self) -> bool:
        """Whether they copy each other, or are wrong together."""
        doubt = self.error if self.agreement > CLOSE else 2.0 * self.error
        is_wrong = self.gold >= GOLD and self.agreement > TOGETHER and self.accuracy + doubt < CHANCE
        return self.is_copy or (len(self.members) >= MEMBERS and is_wrong)


def judged(labels: Labels) -> list[Community]:
    """Return the communities, largest first, as gold shows them. Raises RecordError without gold or with more than 4,096 workers."""
    if not len(labels.known):
        raise RecordError(
            "gold", "none", "give known answers of some items: without them a ring and its victims look alike"
        )
    if labels.workers > MAX_WORKERS:
        raise RecordError(
            "workers", labels.workers, f"rings are looked for among {MAX_WORKERS:,} workers at most"
        )
    agreed = agreement(labels)
    number = communities(labels, agreed)
    found = []
    for which in range(int(number.max()) + 1):
        chosen = (number == which) & (labels.given > 0)
        if chosen.any():
            found.append(_community(labels, chosen, agreed.within(chosen)))
    return sorted(found, key=lambda community: -len(community.members))


def _community(labels: Labels, chosen: Flags, agreed: float) -> Community:
    k = labels.classes
    votes = votes_of(labels, chosen)[labels.known]
    met = votes.sum(axis=1)
    is_met = met > 0
    count = int(is_met.sum())
    if not count:
        return Community(np.flatnonzero(chosen), agreed, 0.0, 1.0, 0)
    right = votes[is_met, labels.gold[labels.known][is_met]]
    share = on_grid((k * right / met[is_met] - 1.0) / (k - 1))
    weight = np.minimum(met[is_met], 3.0)
    mean = float((weight * share).sum() / weight.sum())
    spread = on_grid((weight * (share - mean)) ** 2).sum() + 0.5 * (weight.sum() / count) ** 2
    return Community(np.flatnonzero(chosen), agreed, mean, float(np.sqrt(spread) / weight.sum()), count)


def rings(found: list[Community]) -> list[Community]:
    """Return those communities that are rings; where all would be, the one with the least excess is not."""
    caught = [community for community in found if community.is_ring]
    if caught and len(caught) == len(found):
        caught.remove(min(caught, key=lambda community: community.excess))
    return caught


def without(labels: Labels, caught: list[Community]) -> Labels:
    """Return the labels with each ring as one worker, numbered after all others, who votes as most of its members do."""
    if not caught:
        return labels
    ring_of = np.full(labels.workers, -1)
    item, worker, label = [], [], []
    for number, ring in enumerate(caught):
        ring_of[ring.members] = number
        votes = votes_of(labels, np.isin(np.arange(labels.workers), ring.members))
        covered = np.flatnonzero(votes.sum(axis=1))
        item.append(covered)
        worker.append(np.full(len(covered), labels.workers + number))
        label.append(votes[covered].argmax(axis=1))
    keep = ring_of[labels.worker] < 0
    return Labels.sorted(
        np.concatenate([labels.item[keep], *item]),
        np.concatenate([labels.worker[keep], *worker]),
        np.concatenate([labels.label[keep], *label]),
        (labels.items, labels.workers + len(caught), labels.classes),
        labels.gold,
    )
