"""Calls upon the contracts of datasets refuse what no contract takes, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from sheaf.domain.dataset import Parent, use_name, use_number
from sheaf.domain.errors import InputError
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.market import compute_orders, fixed_price
from sheaf.market.compute_orders import Service
from sheaf.market.fixed_price import Offer
from sheaf.registry import datasets

NOBODY: Any = None


BOUNDS = [(-1, 1, 1), (2**96, 1, 1), (1, 0, 1), (1, 2**80, 1), (1, 1, 0), (1, 1, 2**24)]


@pytest.mark.parametrize("terms", BOUNDS)
def test_a_service_out_of_bounds(terms: tuple[int, int, int]) -> None:
    """Fee, lock and time have bounds, which the refusal names."""
    with pytest.raises(InputError, match="give a whole number from"):
        compute_orders.serve(NOBODY, NOBODY, 1, Service(*terms))


def test_seats_steps_and_prices() -> None:
    """There are 16 seats, six steps that need no more than an order, and prices below 2**96."""
    for seat in (-1, 16):
        with pytest.raises(InputError, match=f"seat: {seat}"):
            compute_orders.admit(NOBODY, NOBODY, 1, seat, 1)
    with pytest.raises(InputError, match="step: withdraw"):
        compute_orders.step(NOBODY, NOBODY, "withdraw", 1)
    for price in (-1, 2**96):
        with pytest.raises(InputError, match=f"price: {price}"):
            fixed_price.offer(NOBODY, NOBODY, 1, 1, Offer(ZERO_ADDRESS, price))
    for number in (0, -1):
        with pytest.raises(InputError, match=f"order: {number}"):
            compute_orders.order(NOBODY, number)


def test_datasets_out_of_bounds() -> None:
    """A royalty of more than the whole, a licence that is no identifier, a number that is none: each is named."""
    with pytest.raises(InputError, match="royalty: 10001"):
        datasets.publish(NOBODY, NOBODY, bytes(32), "MIT", 10_001)
    for licence in ("", "a\nb", "ü", "x" * 33):
        with pytest.raises(InputError, match="licence"):
            datasets.licence_word(licence)
    assert datasets.licence_word("MIT") == b"MIT" + bytes(29)
    for number in (0, 2**32):
        with pytest.raises(InputError, match=f"dataset: {number}"):
            datasets.listing(NOBODY, number)
    with pytest.raises(InputError, match="parent: 4294967296"):
        datasets.check_parents([Parent(2**32, 1)])


def test_uses_by_name_and_number() -> None:
    """Each use has a number and back; unknown names are refused, unknown numbers are named as such."""
    assert [use_name(use_number(name)) for name in ("download", "open")] == ["download", "open"]
    assert use_name(9) == "use 9"
    with pytest.raises(InputError, match="use: sale: give one of download"):
        use_number("sale")
