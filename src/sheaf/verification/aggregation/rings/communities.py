"""Communities of workers: who votes alike, however many they are and whatever the truth is.

Workers are laid out by the leading eigenvectors of their agreement beyond chance (as in spectral clustering: Ng, Jordan
and Weiss, NIPS 2001), grouped, and then moved to the community whose vote they repeat most often. Communities whose
votes agree are joined. Nothing here knows the truth: a ring is told from honest workers afterwards, by gold.

Exact: agreements lie on a grid of 2⁻¹², coordinates on one of 2⁻¹⁸, so products and their sums have no rounding in
float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheaf.verification.aggregation.exact import Flags, Floats, Integers, on_grid, totals
from sheaf.verification.aggregation.labels import Labels

COMMUNITIES = 8
"""Communities to begin with; honest workers may fill several of them."""
DIMENSIONS = 5
TURNS = 40
ROUNDS = 5
DOUBT = 2.0
"""Labels in common that speak for no agreement, before any are seen."""
ALIKE = 0.6
"""Agreement beyond chance of two communities' votes from which they are joined."""
MAX_PAIRS = 2**25
"""Items with many labels are left out of the count of agreements beyond so many pairs."""
AGREEMENT_GRID, PLACE_GRID = 2.0**12, 2.0**18


@dataclass(frozen=True)
class Agreement:
    """How many items two workers share, and on how many of them they agree; both of shape (workers, workers), diagonals 0."""

    shared: Floats
    agreed: Floats
    classes: int

    def beyond_chance(self, doubt: float = DOUBT) -> Floats:
        """Return 1 for always agreeing, 0 for agreeing as by chance among even classes."""
        return beyond_chance(self.agreed, self.shared, self.classes, doubt)

    def within(self, members: Flags) -> float:
        """Return how far the members agree with each other beyond chance."""
        block = np.ix_(members, members)
        agreed, shared = self.agreed[block].sum(), self.shared[block].sum()
        return float(beyond_chance(agreed, shared, self.classes, 2.0 * DOUBT))


def beyond_chance(agreed: Floats, seen: Floats, classes: int, doubt: float) -> Floats:
    """Scale agreements so that 1 is always and 0 is chance, `doubt` of them being chance."""
    scaled: Floats = (classes * agreed - seen) / ((classes - 1) * (seen + doubt))
    return scaled


def agreement(labels: Labels) -> Agreement:
    """Count, for every two workers, the items they share and those on which they agree."""
    workers = labels.workers
    shared, agreed = np.zeros(workers * workers), np.zeros(workers * workers)
    item, worker, label = _bounded(labels)
    apart = 1
    while True:
        first = np.flatnonzero(item[apart:] == item[:-apart])
        if not len(first):
            break
        pair = worker[first] * workers + worker[first + apart]
        shared += np.bincount(pair, minlength=workers * workers)
        same = label[first] == label[first + apart]
        agreed += np.bincount(pair[same], minlength=workers * workers)
        apart += 1
    both = []
    for counts in (shared, agreed):
        square = counts.reshape(workers, workers)
        square = square + square.T
        np.fill_diagonal(square, 0.0)
        both.append(square)
    return Agreement(both[0], both[1], labels.classes)


def _bounded(labels: Labels) -> tuple[Integers, Integers, Integers]:
    """The rows of items with the fewest labels, as many as make no more than MAX_PAIRS pairs."""
    votes = np.bincount(labels.item, minlength=labels.items)
    pairs_up_to = np.cumsum(np.bincount(votes) * np.arange(votes.max() + 1) ** 2)
    most = int(np.searchsorted(pairs_up_to, MAX_PAIRS, side="right")) - 1
    rows = votes[labels.item] <= max(most, 2)
    return labels.item[rows], labels.worker[rows], labels.label[rows]


def communities(labels: Labels, agreed: Agreement) -> Integers:
    """Return the community of every worker, numbered from 0 in no meaning; shape (workers,)."""
    place = _places(agreed.beyond_chance())
    community = _groups(place, labels.given)
    for _ in range(2):
        community = _moved(labels, community)
        community = _joined(labels, community)
    return community


def votes_of(labels: Labels, members: Flags) -> Floats:
    """Return the members' votes; shape (items, classes)."""
    rows = members[labels.worker]
    cells = labels.item[rows] * labels.classes + labels.label[rows]
    return (
        np.bincount(cells, minlength=labels.items * labels.classes)
        .reshape(labels.items, -1)
        .astype(np.float64)
    )


def _places(agreed: Floats) -> Floats:
    """The leading eigenvectors of the agreements, each scaled by the root of its value; shape (workers, dimensions)."""
    matrix = on_grid(agreed, AGREEMENT_GRID)
    square = on_grid(matrix * matrix, AGREEMENT_GRID)
    ones = np.ones(len(matrix))
    starts = [
        matrix @ ones,
        square @ ones,
        (matrix > 0.5) @ ones,
        (matrix < 0.0) @ ones,
        (matrix > 0.0) @ ones,
    ]
    vectors = _orthogonal(starts)
    for _ in range(TURNS):
        vectors = _orthogonal([matrix @ vector for vector in vectors])
    values = [vector @ on_grid(matrix @ vector, PLACE_GRID) for vector in vectors]
    return on_grid(np.stack(vectors, axis=1) * np.sqrt(np.maximum(np.array(values), 0.0)), PLACE_GRID)


def _orthogonal(images: list[Floats]) -> list[Floats]:
    """Make vectors orthogonal and of length one, in order (Gram and Schmidt); one that is none of its own becomes zero."""
    made: list[Floats] = []
    for image in images:
        rest = on_grid(image / max(float(np.abs(image).max()), 1e-9), PLACE_GRID)
        for _ in range(2):
            for earlier in made:
                rest = on_grid(rest - (earlier @ rest) * earlier, PLACE_GRID)
        length = np.sqrt(rest @ rest)
        made.append(on_grid(rest / length, PLACE_GRID) if length > 1e-3 else np.zeros_like(rest))
    return made


def _groups(place: Floats, given: Integers) -> Integers:
    """Group workers by direction: centres as far apart as can be, then means, weighted by how many labels each gave."""
    length = np.sqrt((place * place).sum(axis=1))
    unit = on_grid(place / np.maximum(length, 1e-9)[:, None], PLACE_GRID)
    weight = np.abs(place[:, 0]) * np.sqrt(given)
    chosen = [int(weight.argmax())]
    while len(chosen) < min(COMMUNITIES, len(place)):
        nearest = (unit @ unit[chosen].T).max(axis=1)
        chosen.append(int(((1.0 - nearest) * weight).argmax()))
    centre = unit[chosen]
    community = (unit @ centre.T).argmax(axis=1)
    for _ in range(ROUNDS):
        for number in range(len(chosen)):
            mean = (unit * given[:, None])[community == number].sum(axis=0)
            size = np.sqrt((on_grid(mean / (1.0 + np.abs(mean).max()), PLACE_GRID) ** 2).sum())
            if size > 0.0:
                centre[number] = on_grid(mean / (1.0 + np.abs(mean).max()) / size, PLACE_GRID)
        community = (unit @ centre.T).argmax(axis=1)
    found: Integers = community.astype(np.int64)
    return found


def _moved(labels: Labels, community: Integers) -> Integers:
    """Move every worker to the community whose other members' votes it repeats most, until nobody moves."""
    count, k = int(community.max()) + 1, labels.classes
    rows = np.arange(len(labels))
    for _ in range(ROUNDS):
        liking = np.empty((labels.workers, count))
        for number in range(count):
            votes = votes_of(labels, community == number)[labels.item]
            own = (community[labels.worker] == number).astype(np.float64)
            others = votes.sum(axis=1) - own
            same = votes[rows, labels.label] - own
            met = others > 0
            share = on_grid((k * same / np.maximum(others, 1.0) - 1.0) / (k - 1)) * met
            seen = totals(labels.worker, met.astype(np.float64), labels.workers)
            liking[:, number] = totals(labels.worker, share, labels.workers) / (seen + DOUBT + 1.0)
        before, community = community, liking.argmax(axis=1).astype(np.int64)
        if (before == community).all():
            break
    return community


def _joined(labels: Labels, community: Integers) -> Integers:
    """Join the two communities whose majority votes agree best, as long as any agree more than ALIKE."""
    count = int(community.max()) + 1
    votes = [votes_of(labels, community == number) for number in range(count)]
    while True:
        best, pair = ALIKE, (-1, -1)
        for one in range(count):
            for other in range(one + 1, count):
                both = (votes[one].sum(axis=1) > 0) & (votes[other].sum(axis=1) > 0)
                if both.sum() < 5:
                    continue
                agreed = (votes[one][both].argmax(axis=1) == votes[other][both].argmax(axis=1)).sum()
                alike = float(beyond_chance(agreed, both.sum(), labels.classes, DOUBT + 1.0))
                if alike > best:
                    best, pair = alike, (one, other)
        if pair[0] < 0:
            return community
        community = np.where(community == pair[1], pair[0], community)
        votes[pair[0]] = votes[pair[0]] + votes[pair[1]]
        votes[pair[1]] = np.zeros_like(votes[pair[1]])
