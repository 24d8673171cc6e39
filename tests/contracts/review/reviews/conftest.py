"""What the tests of Reviews share."""

from __future__ import annotations

import pytest

from tests.contracts.market_world import World


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()
