"""The draw is fair: who is drawn how often follows from the stakes alone."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from itertools import permutations

import pytest

from sheaf.domain.amounts import WAD
from sheaf.review.draw import order, running_sums
from sheaf.review.stakes import Draw, StakesTwin

DRAWS = 20_000
# Above these sums of squares a fair draw lies once in a thousand times, by degrees of freedom.
CHI_SQUARE_LIMIT = {7: 24.32, 11: 31.26, 23: 49.73}


def _twin(weights: list[int]) -> StakesTwin:
    twin = StakesTwin("0x0", 100, 1000, WAD, 10**6 * WAD)
    for number, weight in enumerate(weights):
        twin.stake(hex(number + 1), weight * WAD)
    twin.block = 100
    return twin


def _seeds(count: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(32) for _ in range(count)]


def _chi_square(observed: Counter[object], expected: dict[object, Fraction | float], draws: int) -> float:
    assert abs(float(sum(expected.values())) - 1) < 1e-9 and set(observed) <= set(expected)
    return sum((observed[key] - draws * float(p)) ** 2 / (draws * float(p)) for key, p in expected.items())


def _plackett_luce(sequence: tuple[int, ...], weights: list[int]) -> Fraction:
    left, probability = sum(weights), Fraction(1)
    for index in sequence:
        probability *= Fraction(weights[index], left)
        left -= weights[index]
    return probability


def test_first_seat_follows_the_stakes() -> None:
    """Over 20,000 draws the first seat is taken in proportion to the stakes (chi-square, 11 degrees of freedom, p > .001)."""
    weights = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 100]
    sums = running_sums(weights)
    observed: Counter[object] = Counter(next(order(sums, seed)) for seed in _seeds(DRAWS, 1))
    expected: dict[object, Fraction | float] = {i: Fraction(w, sum(weights)) for i, w in enumerate(weights)}
    assert _chi_square(observed, expected, DRAWS) < CHI_SQUARE_LIMIT[11]


def test_whole_order_is_successive_sampling() -> None:
    """Over 20,000 draws each of the 24 orders of four validators comes as often as successive sampling says."""
    weights = [10, 20, 30, 60]
    sums = running_sums(weights)
    observed: Counter[object] = Counter(tuple(order(sums, seed)) for seed in _seeds(DRAWS, 2))
    expected: dict[object, Fraction | float] = {s: _plackett_luce(s, weights) for s in permutations(range(4))}
    assert _chi_square(observed, expected, DRAWS) < CHI_SQUARE_LIMIT[23]


def test_draws_without_the_excluded_are_fair_among_the_rest() -> None:
    """Over 20,000 committees of two the excluded, their affiliates and the locked sit 0 times, and the others as if those did not exist."""
    weights = [50, 10, 20, 1000, 30, 15, 40]
    twin = _twin(weights)
    twin.declare("0x1", "0x4")  # the first is affiliated with the fourth, who is a party
    twin.validators[5].locked = 15 * WAD
    observed: Counter[object] = Counter(
        tuple(twin.pick(Draw(seed, 2, WAD, ("0x4",), (3,)), 1)) for seed in _seeds(DRAWS, 3)
    )
    rest = {2: 10, 5: 30, 7: 40}
    expected: dict[object, Fraction | float] = {
        (a, b): Fraction(rest[a], 80) * Fraction(rest[b], 80 - rest[a]) for a, b in permutations(rest, 2)
    }
    assert {number for pair in observed for number in pair} == set(rest)  # type: ignore[attr-defined]
    assert _chi_square(observed, expected, DRAWS) < 20.52  # 5 degrees of freedom


def test_the_twin_draws_committees_by_stake() -> None:
    """Over 20,000 committees of one the frequencies of eight validators follow their stakes."""
    weights = [10, 20, 30, 40, 50, 60, 70, 80]
    twin = _twin(weights)
    observed: Counter[object] = Counter(twin.pick(Draw(seed, 1, WAD), 1)[0] for seed in _seeds(DRAWS, 4))
    expected: dict[object, Fraction | float] = {i + 1: Fraction(w, 360) for i, w in enumerate(weights)}
    assert _chi_square(observed, expected, DRAWS) < CHI_SQUARE_LIMIT[7]


@pytest.mark.parametrize("parts", [[30, 30], [59, 1], [20, 20, 20]])
def test_splitting_a_stake_changes_no_first_seat(parts: list[int]) -> None:
    """The parts of a split stake take the first seat for exactly the same seeds as the whole: nothing is gained, nothing lost."""
    whole, split = running_sums([25, 60, 15]), running_sums([25, *parts, 15])
    for seed in _seeds(2000, 5):
        owner = next(order(whole, seed))
        part = next(order(split, seed))
        assert (0 < part <= len(parts)) == (owner == 1)


def _expected_seats(weights: list[int], mine: set[int], seats: int) -> Fraction:
    return sum(
        (_plackett_luce(s, weights) * len(mine & set(s)) for s in permutations(range(len(weights)), seats)),
        Fraction(0),
    )


def test_splitting_undoes_saturation_and_no_more() -> None:
    """What splitting does to expected seats, exactly.

    With one seat: nothing. With more seats a whole stake sits at most once, so its owner forgoes seats; its parts may sit beside each
    other, each with a lock of its own. Among equals the parts get exactly their share of all seats, what every small stake gets per token:
    splitting never beats a small stake, a big one only falls short of it.
    """
    others = [20] * 7
    for seats in (1, 2, 3):
        whole = _expected_seats([40, *others], {0}, seats)
        halves = _expected_seats([20, 20, *others], {0, 1}, seats)
        linear = Fraction(40, 180) * seats
        assert whole <= halves <= linear
        assert (whole == halves) == (seats == 1)
        assert halves == linear


def test_order_names_everyone_once_and_no_weightless() -> None:
    """An exhausted draw has named each validator with weight exactly once, and those without weight never."""
    weights = [0, 3, 0, 5, 2**30, 1, 0]
    assert sorted(order(running_sums(weights), bytes(32))) == [1, 3, 4, 5]
    assert list(order([], bytes(32))) == list(order([0, 0], bytes(32))) == []
