"""How far the law reaches: probabilities by counting all draws, and where the curve crosses nothing."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest

from sheaf.simulation.majorities import REFUSED, at_least, reach, table, threshold


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(("seats", "needed"), [(1, 1), (5, 4), (7, 4)])
def test_chances_are_those_of_all_draws(share: float, seats: int, needed: int) -> None:
    """Each of the 2**n ways in which seats can fall is counted with its probability."""
    every = product((0, 1), repeat=seats)
    counted = sum(
        prod(share if one else 1 - share for one in fallen) for fallen in every if sum(fallen) >= needed
    )
    assert at_least(seats, needed, share) == pytest.approx(counted)


def test_who_has_nothing_loses_the_bond_and_who_has_all_wins_all() -> None:
    """Without a seat garbage costs bond and fee; with every seat it is paid, audited or not."""
    assert reach(0.0)[1:] == pytest.approx((0.0, 0.0, -REFUSED))
    assert reach(1.0)[1:] == pytest.approx((1.0, 1.0, 1.0))


def test_garbage_loses_below_half_and_pays_for_a_supermajority() -> None:
    """Whatever share up to a half: a loss. From somewhere between 64 and 65 % on it pays; with small juries alone from more."""
    assert all(reach(i / 100).returns < 0 for i in range(51))
    assert threshold() == pytest.approx(0.644) and reach(0.643).returns < 0 < reach(0.645).returns
    assert threshold(5) > threshold() and reach(0.4, 5).prevails > reach(0.4).prevails


def test_the_table_says_it_in_text() -> None:
    """One line a share, and the two thresholds."""
    lines = table().splitlines()
    assert len(lines) == 11 and lines[-1].endswith("64.4% on; with no jury above 5 seats from 73.3%")
    assert lines[7].split()[0] == "67%" and lines[7].endswith("+0.14")
