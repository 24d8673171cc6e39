"""A whole market for the tests of its contracts."""

from __future__ import annotations

import pytest

from tests.contracts.market_world import World


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()
