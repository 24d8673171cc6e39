"""Each part of scoring against brute force, textbook cases and other people's code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.verification.scoring import decision, texts
from sheaf.verification.scoring.contributors import grid, pooled
from sheaf.verification.scoring.kernel import RIDGE, radial, solved
from sheaf.verification.scoring.logistic import logistic
from sheaf.verification.scoring.neighbours import distances, neighbours
from sheaf.verification.scoring.novelty import against, contrast, distance
from sheaf.verification.scoring.stacking import centred, chances, doubt
from sheaf.verification.scoring.stacking import pooled as stacked
from sheaf.verification.scoring.trees import trees
from tests.unit.verification.scoring.offers import points


@pytest.fixture
def cloud() -> tuple[np.ndarray, np.ndarray]:
    return points(60, np.random.default_rng(3))


def target(label: np.ndarray) -> np.ndarray:
    return np.eye(3)[label]


def test_every_method_tells_clouds_apart(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    """Each method, trained on half, puts the other half's own label first nearly always."""
    x, label = cloud
    for method in (logistic, radial, neighbours, lambda *args: trees(*args, 0)):
        found = method(x[:30], target(label[:30]), x[30:])
        assert found.shape == (30, 3) and np.isfinite(found).all()
        assert (found.argmax(axis=1) == label[30:]).mean() > 0.9


def test_records_without_trust_teach_nothing(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    """A record that stands for no label leaves every method as it was, up to rounding and to the trees' lots."""
    x, label = cloud
    some = target(label)
    some[40:] = 0.0
    for method in (logistic, neighbours):
        whole, part = method(x, some, x), method(x[:40], some[:40], x)
        assert np.abs(whole - part).max() < (1e-2 if method is logistic else 1.1)
    assert np.abs(radial(x[:40], some[:40], x) - radial(x[:40], some[:40], x)).max() == 0.0


def test_distances_are_those_of_the_definition(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    """Squared distances agree with a double loop."""
    x = cloud[0][:7]
    slow = [[((a - b) ** 2).sum() for b in x] for a in x]
    assert np.allclose(distances(x, x), slow)


def test_kernel_regression_agrees_with_scikit_learn(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    """With equal trust it is kernel ridge regression of the labels less their mean."""
    from sklearn.kernel_ridge import KernelRidge

    x, label = cloud
    gram = np.exp(-distances(x, x) / 9.0)
    coefficients, offset = solved(gram, target(label))
    theirs = KernelRidge(alpha=RIDGE, kernel="precomputed").fit(gram, target(label) - offset)
    assert np.allclose(coefficients, theirs.dual_coef_)
    assert np.allclose(offset, np.bincount(label) / len(label))


def test_the_pool_believes_who_is_right() -> None:
    """A method that knows gets the weight, one that guesses none; what is stated comes true."""
    random = np.random.default_rng(0)
    answer = random.integers(0, 3, 400)
    knows = 2.0 * np.eye(3)[answer] + random.normal(size=(400, 3))
    guesses = random.normal(size=(400, 3))
    weights = stacked([knows[:200], guesses[:200]], answer[:200])
    told = chances(centred([knows[200:], guesses[200:]]), weights, doubt(200))
    assert weights[0] > 5 * weights[1]
    assert abs(told.max(axis=1).mean() - (told.argmax(axis=1) == answer[200:]).mean()) < 0.06
    assert np.allclose(told.sum(axis=1), 1.0) and told.min() >= doubt(200) / 3 - 1e-12


def test_few_that_are_all_right_do_not_make_certain() -> None:
    """However clear the scores, the chance of an error is not below what so little gold can exclude."""
    answer = np.arange(6) % 2
    told = chances(centred([9.0 * np.eye(2)[answer]]), stacked([9.0 * np.eye(2)[answer]], answer), doubt(6))
    assert told.max() <= 1.0 - doubt(6) / 2 and doubt(6) == 1 / 8


def test_shares_of_contributors_are_found() -> None:
    """From chances that are right nine times in ten, shares of good records come out within four points on the mean of fifty."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 4, 50 * 80)
    sender = np.repeat(np.arange(50), 80)
    share = np.repeat([1.0, 1.0, 1.0, 0.5, 0.0], 10)
    is_good = random.random(len(truth)) < share[sender]
    label = np.where(is_good, truth, (truth + random.integers(1, 4, len(truth))) % 4)
    seen = np.where(random.random(len(truth)) < 0.9, truth, random.integers(0, 4, len(truth)))
    chance = np.full((len(truth), 4), 0.025)
    chance[np.arange(len(truth)), seen] = 0.925
    found = pooled(chance, label, np.full(len(truth), -2.0), sender, 51)
    assert np.abs(found.shares[:50, 0] - share).mean() < 0.04
    assert (found.deviation[:30] < 0.02).all()
    honest = found.states[share[sender] == 1.0, 0]
    assert (
        honest.min() > 0.5 and honest.mean() > 0.98
    )  # though the input alone speaks against one in thirteen
    assert 0.4 < found.shares[50, 0] < 0.8  # who sent nothing is like the others


def test_one_contributor_is_weighed_as_bayes_says() -> None:
    """For a single contributor with two labels the chances are those of a sum over the grid, done by hand."""
    right = np.array([0.9, 0.8, 0.2])
    found = pooled(
        np.stack([right, 1 - right], axis=1), np.zeros(3, np.int64), np.zeros(3), np.zeros(3, np.int64), 1
    )
    atoms, odds = grid(), np.full(len(grid()), 1.0 / len(grid()))
    like = np.stack([right, 1 - right, np.full(3, 0.5)])
    for _ in range(30):
        behaviour = odds * np.prod(atoms @ like, axis=1)
        behaviour /= behaviour.sum()
        odds = (behaviour + 2.0 / len(atoms)) / 3.0
    mine = sum(w * a[:, None] * like / (a @ like) for w, a in zip(behaviour, atoms, strict=True))
    assert np.allclose(found.states, np.asarray(mine).T, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.floats(0, 0.3)), min_size=1, max_size=25),
    st.sampled_from([0.5, 0.9, 0.99]),
)
def test_the_threshold_is_the_largest_that_keeps_the_bound(
    rows: list[tuple[float, int, float]], precision: float
) -> None:
    """Brute force over all thresholds finds none larger whose bound on bad records holds."""
    bad, sender, shared = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(bad, kind="stable")
    best = -1.0
    for count in range(1, len(bad) + 1):
        use = order[:count]
        together = sum(float(shared[use][sender[use] == who].sum()) ** 2 for who in range(4))
        spread = np.sqrt((bad[use] * (1 - bad[use])).sum() + together)
        fits = bad[use].sum() + decision.CONFIDENCE * spread <= (1 - precision) * count + 1e-12
        if fits and bad[use[-1]] <= decision.WORST * (1 - precision):
            best = float(bad[use[-1]])
    assert decision.threshold(bad, sender, shared, precision) == pytest.approx(best, abs=1e-9)


def test_garbage_looks_strange(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    """Far points are far, shuffled fields are known as shuffled, and the odds of both speak against them."""
    x, _ = cloud
    random = np.random.default_rng(5)
    line = x[:, :1] + random.normal(size=(60, 4)) * 0.1  # four fields that agree
    mixed = np.stack([random.permutation(column) for column in line.T], axis=1)
    is_gold = np.arange(120) < 60
    far = against(distance(np.vstack([line, line + 9.0]), is_gold), is_gold)
    odd = contrast(np.vstack([line, mixed]), is_gold, np.arange(120) % 5, 0)
    assert (far[60:] > 3.0).all() and np.median(far[:60]) < 0.0
    assert odd[60:].mean() > odd[:60].mean() + 1.0


def test_words_out_of_order_are_noticed() -> None:
    """Neighbours that gold has seen together count; a text of gold is compared with the others, not with itself."""
    gold = ["the cat sat", "the cat ran", "a dog sat"]
    found = texts.orders([*gold, "the cat sat", "sat cat the", "unheard of words", ""], len(gold))
    assert found[3] == pytest.approx(2.5 / 3) and found[4] == pytest.approx(0.5 / 3)
    assert found[0] == pytest.approx(1.5 / 3)  # `cat sat` stands nowhere but in itself
    assert found[5] == found[6] == pytest.approx(0.5)


def test_latent_dimensions_keep_what_is_alike() -> None:
    """Cosines between texts are those of their words, and dimensions keep them where there are enough."""
    rows = texts.bags([["red apple pie", "red apple tart", "blue whale song", "blue whale calf", ""]])
    cosines = texts.alike(rows, np.arange(5))
    assert np.allclose(np.diag(cosines)[:4], 1.0) and not cosines[4].any()
    found = texts.latent(cosines, np.arange(5))
    assert found.shape == (5, 4) and found[0] @ found[1] > found[0] @ found[2]
