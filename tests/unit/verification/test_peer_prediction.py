"""Correlated agreement: equal to its definition by pairs, zero for who does not look, and what a fee makes of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError
from sheaf.verification.aggregation import Labels
from sheaf.verification.aggregation.correlated import correlated_agreement
from sheaf.verification.bitmap import pack
from sheaf.verification.peer_prediction import agreement, averaged, fee_factor_bps, reference

Votes = list[list[bool]]


def packed(votes: Votes) -> list[bytes]:
    """Return the votes as bitmaps."""
    return [pack(np.array(row, dtype=np.bool_)) for row in votes]


def words(*numbers: int) -> bytes:
    """Return words of 256 bits."""
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def by_pairs(votes: Votes, member: int) -> Fraction:
    """The definition: agreement with each peer on the same record, less that on every two different records."""
    scores = []
    for number, peer in enumerate(votes):
        if number == member:
            continue
        own, n = votes[member], len(votes[member])
        same = sum(a == b for a, b in zip(own, peer, strict=True))
        apart = sum(own[i] == peer[j] for i in range(n) for j in range(n) if i != j)
        scores.append(Fraction(same, n) - Fraction(apart, n * (n - 1)))
    return sum(scores, Fraction(0)) / len(scores)


@st.composite
def panels(draw: st.DrawFn) -> Votes:
    members, records = draw(st.integers(2, 5)), draw(st.integers(2, 12))
    row = st.lists(st.booleans(), min_size=records, max_size=records)
    return draw(st.lists(row, min_size=members, max_size=members))


@given(panels())
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_the_definition(votes: Votes) -> None:
    """A member's score is its agreement on the same records beyond that on different ones, over all pairs, rounded towards zero."""
    for member, score in enumerate(agreement(packed(votes), len(votes[0]))):
        assert score == int(by_pairs(votes, member) * WAD)


@given(panels(), st.booleans())
@settings(max_examples=30, deadline=None)
def test_one_answer_for_all_earns_nothing(votes: Votes, answer: bool) -> None:
    """Who approves or rejects everything scores exactly 0, whatever the others do."""
    votes[0] = [answer] * len(votes[0])
    assert agreement(packed(votes), len(votes[0]))[0] == 0


@given(panels())
@settings(max_examples=30, deadline=None)
def test_what_is_called_rejected_does_not_matter(votes: Votes) -> None:
    """Turning every vote of every member leaves all scores as they are."""
    turned = [[not vote for vote in row] for row in votes]
    assert agreement(packed(votes), len(votes[0])) == agreement(packed(turned), len(votes[0]))


def test_words_join_across_their_border() -> None:
    """Records beyond the first 256 count as those before."""
    random = np.random.default_rng(0)
    votes = (random.random((3, 300)) < 0.3).tolist()
    assert agreement(packed(votes), 300)[1] == int(by_pairs(votes, 1) * WAD)


def test_perfect_members_score_the_reference() -> None:
    """Three who reject the same 7 of 50 records score what members who are always right are expected to."""
    votes = [[place < 7 for place in range(50)]] * 3
    assert agreement(packed(votes), 50) == [reference(50, 7, 10_000)] * 3


def test_members_right_at_a_rate_score_the_reference_on_the_mean() -> None:
    """Over 400 batches five independent members right at .9 earn 2 (2q - 1)^2 rho (1 - rho), within four standard errors."""
    random = np.random.default_rng(1)
    scores = []
    for _ in range(400):
        bad = np.arange(60) < 12
        votes = (bad ^ (random.random((5, 60)) > 0.9)).tolist()
        scores.append(np.mean(agreement(packed(votes), 60)) / WAD)
    expected = reference(60, 12, 9_000) / WAD
    assert abs(np.mean(scores) - expected) < 4.0 * np.std(scores) / 20.0
    assert expected == pytest.approx(2 * 0.8**2 * 0.2 * 0.8 * 60 / 59, rel=1e-12)


def test_who_does_not_look_scores_nothing_on_the_mean() -> None:
    """A member who rejects at random, at any rate, expects 0 among members who look."""
    random = np.random.default_rng(2)
    scores = []
    for _ in range(400):
        bad = np.arange(40) < 8
        votes = [*(bad ^ (random.random((4, 40)) > 0.95)).tolist(), (random.random(40) < 0.2).tolist()]
        scores.append(agreement(packed(votes), 40)[4] / WAD)
    assert abs(np.mean(scores)) < 4.0 * np.std(scores) / 20.0


@pytest.mark.parametrize(
    ("bitmaps", "records"), [([], 5), ([words(3)], 5), ([words(1)] * 2, 1), ([b""] * 2, 0)]
)
def test_nothing_to_compare_scores_zero(bitmaps: list[bytes], records: int) -> None:
    """One member, or fewer than two records, give 0 rather than a division by zero."""
    assert agreement(bitmaps, records) == [0] * len(bitmaps)


@pytest.mark.parametrize(
    ("bitmaps", "records"),
    [
        ([words(1 << 5), words(0)], 5),
        ([words(0, 0), words(0)], 5),
        ([words(0), b"\0" * 31], 5),
        ([words(0, 2), words(0, 0)], 257),
        ([words(0), words(0)], -1),
    ],
)
def test_bitmaps_of_other_shapes_are_refused(bitmaps: list[bytes], records: int) -> None:
    """Stray bits, other lengths and less than no records are refused."""
    with pytest.raises(InputError, match="bitmap"):
        agreement(bitmaps, records)


@pytest.mark.parametrize(
    ("score", "expected", "bps"),
    [
        (0, 0, 10_000),
        (5, 0, 10_000),
        (0, 5, 7_000),
        (-9, 5, 7_000),
        (9, 5, 10_000),
        (1, 2, 8_500),
        (2, 7, 7_857),
    ],
)
def test_the_fee_is_clipped(score: int, expected: int, bps: int) -> None:
    """0.7 and 0.3 times the ratio, clipped to 0 and 1, rounded down; all where nothing was to be told apart."""
    assert fee_factor_bps(score, expected) == bps


def test_averages_forget() -> None:
    """After twenty batches of nothing about a third of an average is left, and rounding never moves away from zero."""
    found = 10**18
    for _ in range(20):
        found = averaged(found, 0)
    assert found == pytest.approx(10**18 * 0.95**20, rel=1e-9)
    assert [averaged(0, 19), averaged(0, -19), averaged(-20, -20)] == [0, 0, -20]


def test_impossible_references_are_refused() -> None:
    """Negative references, more rejections than records and rates below a coin's are refused."""
    with pytest.raises(InputError, match="expected"):
        fee_factor_bps(1, -1)
    with pytest.raises(InputError, match="rejected"):
        reference(5, 6, 9_500)
    with pytest.raises(InputError, match="accuracy_bps"):
        reference(5, 1, 4_999)
    assert reference(1, 1, 9_500) == 0


def crowd(seed: int, lazy: str) -> tuple[Labels, int]:
    """Ten workers right at .8 on 200 items of three classes, and one who does not look; return it last."""
    random = np.random.default_rng(seed)
    truth = random.choice(3, 200, p=[0.6, 0.3, 0.1])
    item = np.repeat(np.arange(200), 5)
    worker = np.concatenate([random.permutation(11)[:5] for _ in range(200)])
    wrong = (truth[item] + random.integers(1, 3, len(item))) % 3
    label = np.where(random.random(len(item)) < 0.8, truth[item], wrong)
    blind = (
        np.zeros(len(item), dtype=np.int64)
        if lazy == "constant"
        else random.choice(3, len(item), p=[0.6, 0.3, 0.1])
    )
    return Labels.of(item, worker, np.where(worker == 10, blind, label)), 10


@pytest.mark.parametrize("lazy", ["constant", "frequent"])
def test_labels_alone_show_who_does_not_look(lazy: str) -> None:
    """Without any known answer, one who gives the commonest class, or draws classes by their frequency, scores least, near 0."""
    labels, who = crowd(3, lazy)
    score = correlated_agreement(labels)
    assert score.argmin() == who
    assert abs(score[who]) < 0.1 < np.delete(score, who).min()


def test_two_classes_equal_the_score_of_bitmaps() -> None:
    """Where all members vote on all of one batch and different records are taken from another, both definitions have one expectation."""
    random = np.random.default_rng(4)
    truth = random.random(400) < 0.3
    votes = truth ^ (random.random((6, 400)) > 0.9)
    half = np.repeat([[True] * 3 + [False] * 3], 200, axis=0).ravel()
    item = np.repeat(np.arange(400), 3)
    worker = np.concatenate([np.tile([0, 1, 2], 200), np.tile([3, 4, 5], 200)])
    label = votes[worker, item].astype(np.int64)
    found = correlated_agreement(Labels.of(item, worker, label))
    batch = agreement(packed(votes[:3, :200].tolist()), 200)
    assert half.sum() == 600
    assert found[:3] == pytest.approx([score / WAD for score in batch], abs=0.04)


def test_who_shares_no_item_has_no_score() -> None:
    """A worker alone on its items, and one without labels, score 0."""
    labels = Labels.of(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 3]), np.array([0, 0, 1, 1, 1]))
    assert correlated_agreement(labels)[2:].tolist() == [0.0, 0.0]


def test_the_order_of_rows_changes_no_bit() -> None:
    """Scores are the same bits in whatever order the labels come."""
    labels, _ = crowd(5, "constant")
    order = np.random.default_rng(6).permutation(len(labels))
    turned = Labels.of(labels.item[order], labels.worker[order], labels.label[order])
    assert correlated_agreement(labels).tobytes() == correlated_agreement(turned).tobytes()
