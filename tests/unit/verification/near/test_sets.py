"""Sketches of sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.verification.near import sets
from sheaf.verification.near.sets import BINS, Sets


def made(*members: Any) -> Sets:
    arrays = [np.asarray(list(m), np.uint64) for m in members]
    return Sets(np.concatenate(arrays), np.cumsum([0, *map(len, arrays)]))


def pairs(size: int, common: int, count: int, seed: int) -> Sets:
    """Pairs of random sets of equal size, `common` elements of `size` in both together."""
    random, members = np.random.default_rng(seed), []
    own = (size - common) // 2
    for _ in range(count):
        drawn = random.integers(0, 2**63, size, dtype=np.uint64) * np.uint64(2)
        members += [drawn[: common + own], np.concatenate([drawn[:common], drawn[common + own :]])]
    return made(*members)


@pytest.mark.parametrize(("size", "common"), [(20, 6), (40, 24), (100, 78), (600, 372), (600, 60)])
def test_agreement_is_jaccards_similarity_without_bias(size: int, common: int) -> None:
    """For small and large sets the mean agreement of bins is |A ∩ B| / |A ∪ B|, within four standard errors."""
    bins = sets.sketch(pairs(size, common, 300, size))
    agreement = (bins[0::2] == bins[1::2]).mean(axis=1)
    error = agreement.std() / 300**0.5
    assert abs(agreement.mean() - common / size) < 4 * error
    # no worse than as many independent samples would do, but for what filling of gaps costs the small
    assert agreement.std() < 1.3 * (common / size * (1 - common / size) / min(BINS, size)) ** 0.5


@pytest.mark.parametrize("common", [30, 62, 90])
def test_the_signature_estimates_it(common: int) -> None:
    """One bit of each bin estimates the similarity without bias, with the error that Li and König give for one bit."""
    bins = sets.sketch(pairs(100, common, 400, common))
    marks = sets.signature(bins)
    found = sets.estimate(marks[0::2], marks[1::2])
    agree = (1 + common / 100) / 2
    theory = 2 * (agree * (1 - agree) / BINS) ** 0.5
    assert abs(found.mean() - common / 100) < 4 * theory / 20
    assert found.std() < 1.15 * theory
    assert marks.shape[1] == sets.SIGNATURE_BYTES


def test_bands_of_four_follow_the_curve() -> None:
    """The share of pairs with some key in common is 1 - (1 - J⁴)³² (Indyk and Motwani 1998)."""
    for common in (30, 50, 70):
        keys = sets.band_keys(sets.sketch(pairs(100, common, 600, common)))
        share = (keys[0::2] == keys[1::2]).any(axis=1).mean()
        expected = 1 - (1 - (common / 100) ** 4) ** 32
        assert abs(share - expected) < 4 * (expected * (1 - expected) / 600) ** 0.5 + 0.02


@given(st.lists(st.sets(st.integers(0, 30), max_size=20), min_size=2, max_size=8))
def test_the_exact_similarity_is_that_of_sets(members: list[set[int]]) -> None:
    """Counted in bulk it is what Python's sets say, repeats and empty sets included."""
    spread = [[hash_of(value) for value in member for _ in range(1 + value % 3)] for member in members]
    found = made(*spread)
    left, right = np.triu_indices(len(members))
    common, together = sets.jaccard(found, left, right)
    assert common.tolist() == [
        len(members[i] & members[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert together.tolist() == [
        len(members[i] | members[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]


def hash_of(value: int) -> int:
    return int(sets.mixed(np.array([value], np.uint64))[0])


def test_a_sketch_knows_nothing_of_its_neighbours() -> None:
    """Order, repeats and the other sets of the batch change nothing; nor does the size of the batch."""
    random = np.random.default_rng(1)
    members = [random.integers(0, 2**63, size, dtype=np.uint64) for size in (1, 5, 70, 3000, 50_000, 0, 12)]
    together = sets.sketch(made(*members))
    for place, member in enumerate(members):
        if len(member):
            alone = sets.sketch(made(np.concatenate([member[::-1], member])))
            assert np.array_equal(alone[0], together[place])


def test_nothing_is_no_obstacle() -> None:
    """No sets, and only empty sets, give sketches of that number."""
    assert sets.sketch(Sets(np.empty(0, np.uint64), np.zeros(1, np.int64))).shape == (0, BINS)
    assert sets.sketch(made([], [])).shape == (2, BINS)


def test_sketches_never_change() -> None:
    """What was stored once must be found by every later version: the bins of a known set are pinned."""
    bins = sets.sketch(made([hash_of(i) for i in range(40)]))
    assert sets.signature(bins)[0].tobytes().hex()[:24] == "03ab6cfbc514a411c9dab299"
    assert sets.band_keys(bins)[0, :3].tolist() == [1005080387, 285966488, 1174787298]
